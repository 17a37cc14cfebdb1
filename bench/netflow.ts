/**
 * What does a flow cost beside nfcapd, how much memory is held meanwhile, and how many datagrams can come before one is
 * lost? NetFlow v5 of 30 records a datagram on loopback, every record with another pair of 1,000 hosts and 4,096
 * destinations; the exporter has one rule of 8 labels and 49,152 series, and nfcapd writes its files, without
 * compression, as it does when nothing else is said.
 * As root: `deno run --allow-all bench/netflow.ts [BINARY]`
 */
import netflow from "../collectors/netflow/mod.ts";
import { Exporter, seriesOf } from "../tests/helpers/exporter.ts";
import { Nfcapd } from "../tests/helpers/nfcapd.ts";
import type { Sent } from "./netflow_sender.ts";
import { autonomousSystems, INTERFACES } from "./netflow_traffic.ts";
import { type Measures, memoryOf, report } from "./passes.ts";

const ROUNDS = 3, SECONDS_COMPARED = 8, SECONDS_ALONE = 30;
/** A collector runs for months: what is measured begins when its code is compiled and its tables are there. */
const WARM_UP_RATE = 30_000, WARM_UP_SECONDS = 5;
/** In datagrams a second. */
const COMPARED = [20_000, 100_000], ALONE = 150_000, WITH_DEFAULTS = 100_000;
/** The first probes are to warm up; what happens besides on the machine shall not end the search. */
const PROBE_STEP = 25_000, PROBE_SECONDS = 5, PROBE_TRIES = 3;
const ADDRESS = "127.0.0.1:20555", PORT = 20_555;
const SCRAPE_MS = 1000, SCRAPES = 10, SETTLE_MS = 1000;
/** The kernel reckons with twice as much, which is what the exporter has. */
const RECEIVE_BUFFER = 32 << 20;
/** At the highest rates there is little time left: what a stop of the machine makes wait is to have room. */
const LARGE_BUFFER = 128 << 20;
const BUFFER_LIMIT = "/proc/sys/net/core/rmem_max";
const METRIC = "bench_bytes_total";

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A rule of 8 labels, in place of those that are shipped or beside them. */
function configuration(withDefaults: boolean): string {
  const sides = ["source", "destination"].flatMap((side) =>
    [
      { name: `${side}_country`, step: "maxmind_country" },
      { name: `${side}_as`, step: "autonomous_systems" },
    ].map(({ name, step }) => ({ name, field: `${side}_address`, steps: [step, { on_missing: "unknown" }] }))
  );
  const interfaces = ["input", "output"].map((way) => (
    { name: way, field: `${way}_interface`, steps: ["interface_mapper"] }
  ));
  const shipped = netflow.rules.filter(({ source }) => source === "netflow");
  return JSON.stringify({
    enrich: {
      interface_mapper: { names: INTERFACES },
      autonomous_systems: { type: "networks", networks: autonomousSystems() },
    },
    rules: [
      {
        name: METRIC,
        source: "netflow",
        value: "bytes",
        max_series: 50_000,
        labels: ["exporter", { name: "protocol", steps: ["protocol_name"] }, ...sides, ...interfaces],
      },
      ...withDefaults ? [] : shipped.map(({ name }) => ({ name, enabled: false })),
    ],
  });
}

/** What has received flows, and lost some. */
interface Received {
  readonly bytes: number;
  readonly measures: Measures;
}

/** A collector that runs. */
interface Running extends AsyncDisposable {
  readonly pid: number;
  /** What it has received until now; it may be stopped by that. */
  received(): Promise<Received>;
}

class RunningExporter implements Running {
  #longestScrape = 0;

  private constructor(readonly exporter: Exporter, readonly config: string) {}

  static async start({ withDefaults = false, buffer = RECEIVE_BUFFER } = {}): Promise<RunningExporter> {
    const config = Deno.makeTempFileSync({ suffix: ".yml" });
    Deno.writeTextFileSync(config, configuration(withDefaults));
    const flags = ["--collector.netflow", `--collector.netflow.listen-address=${ADDRESS}`];
    const receiveBuffer = `--collector.netflow.receive-buffer=${buffer}`;
    const args = ["--collector.disable-defaults", ...flags, receiveBuffer, `--config.file=${config}`];
    return new RunningExporter(await Exporter.start(args), config);
  }

  get pid(): number {
    return this.exporter.pid;
  }

  async scrape(): Promise<void> {
    const start = performance.now();
    await this.exporter.get("/metrics");
    this.#longestScrape = Math.max(this.#longestScrape, performance.now() - start);
  }

  async received(): Promise<Received> {
    const series = seriesOf(await this.exporter.get("/metrics"));
    const sum = (metric: string) =>
      series.entries().reduce((sum, [name, value]) => name.startsWith(metric) ? sum + value : sum, 0);
    return {
      bytes: sum(`${METRIC}{`),
      measures: {
        series: series.get(`netcensus_series{metric="${METRIC}"}`) ?? NaN,
        "lost in the kernel": sum(`netcensus_flow_lost_total{stage="kernel"`),
        "longest scrape, ms": this.#longestScrape,
        "CPU ms a scrape": await this.#scrapeCost(),
      },
    };
  }

  /** While nothing else happens. As Prometheus does, fetch() asks for it to be compressed. */
  async #scrapeCost(): Promise<number> {
    const before = cpuSecondsOf(this.pid);
    for (let i = 0; i < SCRAPES; i++) await this.exporter.get("/metrics");
    return 1000 * (cpuSecondsOf(this.pid) - before) / SCRAPES;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.exporter[Symbol.asyncDispose]();
    Deno.removeSync(this.config);
  }
}

class RunningNfcapd implements Running {
  private constructor(readonly nfcapd: Nfcapd, readonly folder: string) {}

  static async start(): Promise<RunningNfcapd> {
    const folder = Deno.makeTempDirSync();
    const options = { port: PORT, folder, receiveBuffer: RECEIVE_BUFFER };
    const limit = Deno.readTextFileSync(BUFFER_LIMIT);
    try {
      Deno.writeTextFileSync(BUFFER_LIMIT, String(RECEIVE_BUFFER));
      return new RunningNfcapd(await Nfcapd.start(options), folder);
    } finally {
      Deno.writeTextFileSync(BUFFER_LIMIT, limit);
    }
  }

  get pid(): number {
    return this.nfcapd.pid;
  }

  async received(): Promise<Received> {
    const { bytes } = await this.nfcapd.stop();
    return { bytes, measures: {} };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.nfcapd[Symbol.asyncDispose]();
    Deno.removeSync(this.folder, { recursive: true });
  }
}

/** What all threads of a process have used until now: proc_pid_stat(5), fields 14 and 15, of which 100 are a second. */
function cpuSecondsOf(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Sends at the rate, and meanwhile does something each second. */
async function send(rate: number, seconds: number, meanwhile = () => Promise.resolve()): Promise<Sent> {
  const sender = new URL("netflow_sender.ts", import.meta.url).pathname;
  const args = ["run", "--quiet", "--allow-all", sender, ADDRESS, String(rate), String(seconds)];
  const command = new Deno.Command(Deno.execPath(), { args, stderr: "inherit" });
  let isSending = true;
  const repeating = (async () => {
    while (isSending) await Promise.all([meanwhile(), pause(SCRAPE_MS)]);
  })();
  const { stdout, success } = await command.output();
  isSending = false;
  await repeating;
  await pause(SETTLE_MS);
  if (!success) throw new Error("The sender failed");
  return JSON.parse(new TextDecoder().decode(stdout)) as Sent;
}

interface Load {
  readonly name: string;
  readonly rate: number;
  readonly seconds: number;
  readonly meanwhile?: () => Promise<void>;
}

async function measure(running: Running, { name, rate, seconds, meanwhile }: Load): Promise<Measures> {
  const warmUp = await send(WARM_UP_RATE, WARM_UP_SECONDS, meanwhile);
  const atStart = memoryOf(running.pid), before = cpuSecondsOf(running.pid);
  const sent = await send(rate, seconds, meanwhile);
  const cpuSeconds = cpuSecondsOf(running.pid) - before, { now, most } = memoryOf(running.pid);
  const { bytes, measures } = await running.received(), received = bytes - warmUp.bytes;
  const all: Measures = {
    "CPU ms per million flows": 1000 * cpuSeconds / (sent.flows / 1e6 * received / sent.bytes),
    "lost, % of the bytes": 100 * (1 - received / sent.bytes),
    "datagrams/s sent": sent.datagramsPerSecond,
    "MiB at the start": atStart.now,
    "MiB at the end": now,
    "MiB at most": most,
    ...measures,
  };
  return Object.fromEntries(Object.entries(all).map(([what, value]) => [`${name}: ${what}`, value]));
}

async function measureOne(start: Promise<Running>, load: Load): Promise<Measures> {
  await using running = await start;
  return await measure(running, load);
}

async function compare(rate: number): Promise<void> {
  const rounds: Measures[] = [], load = { rate, seconds: SECONDS_COMPARED };
  for (let i = 0; i < ROUNDS; i++) {
    const ours = await measureOne(RunningExporter.start(), { name: "exporter", ...load });
    const theirs = await measureOne(RunningNfcapd.start(), { name: "nfcapd", ...load });
    const [cost = NaN] = Object.values(ours), [theirCost = NaN] = Object.values(theirs);
    rounds.push({ ...ours, ...theirs, "ratio of the CPU": cost / theirCost });
  }
  console.log(`\n${rate} datagrams/s:`);
  report(rounds);
}

/** The exporter alone, which is scraped each second. */
async function measureAlone(title: string, rate: number, withDefaults: boolean): Promise<void> {
  await using exporter = await RunningExporter.start({ withDefaults, buffer: LARGE_BUFFER });
  const meanwhile = () => exporter.scrape();
  console.log(`\n${title}, scraped each second:`);
  report([await measure(exporter, { name: "exporter", rate, seconds: SECONDS_ALONE, meanwhile })]);
}

/** Sends more and more until something is always lost, or until the sender cannot. */
async function probe(): Promise<void> {
  await using running = await RunningExporter.start({ buffer: LARGE_BUFFER });
  console.log(`\n${PROBE_SECONDS} s of each rate:`);
  let lossless = 0, received = 0;
  for (let rate = PROBE_STEP, tries = 0; tries < PROBE_TRIES;) {
    const sent = await send(rate, PROBE_SECONDS, () => running.scrape()), before = received;
    received = (await running.received()).bytes;
    const lost = sent.bytes - (received - before), share = (100 * lost / sent.bytes).toFixed(3);
    console.log(`${rate} datagrams/s wanted, ${sent.datagramsPerSecond} sent: ${share} % of the bytes lost`);
    if (sent.datagramsPerSecond < 0.98 * rate) break;
    if (lost > 0) tries++;
    else {
      lossless = rate;
      rate += PROBE_STEP;
      tries = 0;
    }
  }
  console.log(`Nothing is lost up to ${lossless} datagrams/s`);
}

const [binary] = Deno.args;
if (binary !== undefined) Deno.env.set("NETCENSUS_COMMAND", binary);
for (const rate of COMPARED) await compare(rate);
await measureAlone(`${ALONE} datagrams/s`, ALONE, false);
await measureAlone(`${WITH_DEFAULTS} datagrams/s, with the shipped rules beside`, WITH_DEFAULTS, true);
await probe();
