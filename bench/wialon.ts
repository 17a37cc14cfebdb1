/**
 * What does a captured packet cost, is any lost, how long is the event loop held, and how much memory do many streams
 * take? Frames of Wialon IPS over a pair of veth in a network namespace, of 150 bytes of data and one message each, with
 * the shipped rules; counted are all messages that were sent.
 * As root: `deno run --allow-all bench/wialon.ts [BINARY]`
 */
import { Namespace } from "../tests/helpers/namespace.ts";
import { eventually, ProgramHost, type Series, sumOf } from "../tests/helpers/program_host.ts";
import { type Measures, memoryOf, report } from "./passes.ts";
import type { Sent } from "./wialon_sender.ts";

const SENDER = new URL("wialon_sender.ts", import.meta.url).pathname;
const ROUNDS = 3;
/** A collector runs for months: what is measured begins when its code is compiled. To another port, as other connections. */
const WARM_UP = "--rate=100000 --seconds=4 --port=20333", FILTER = "tcp portrange 20332-20333";
const MESSAGES = "wialon_ips_packets_total";

interface Load {
  readonly name: string;
  readonly options: string;
  readonly rounds?: number;
}

const LOADS: readonly Load[] = [
  { name: "200,000 packets/s for 10 s", options: "--rate=200000 --seconds=10" },
  {
    name: "the same, version 2.0, messages across segments, 5 % of these reordered and 5 % repeated",
    options: "--rate=200000 --seconds=10 --version=2.0 --split=70 --reorder=0.05 --repeat=0.05",
  },
  { name: "1,000,000 packets as fast as can be", options: "--count=1000000" },
  {
    name: "100,000 streams from 256 addresses",
    options: "--rate=100000 --seconds=10 --connections=100000",
    rounds: 1,
  },
  {
    name: "100,000 streams from 50,000 addresses, each in the middle of a message",
    options: "--rate=100000 --seconds=10 --connections=100000 --addresses=50000 --split=70",
    rounds: 1,
  },
];

/** The program and the interfaces between which the frames pass. */
class Bench implements AsyncDisposable {
  private constructor(
    readonly program: ProgramHost,
    readonly pid: number,
    readonly namespace: Namespace,
  ) {}

  static async create(): Promise<Bench> {
    const namespace = await Namespace.create();
    await namespace.ip("link add w0 type veth peer name w1");
    for (const name of ["lo", "w0", "w1"]) await namespace.ip(`link set ${name} up`);
    const program = await ProgramHost.start(namespace, [
      "--collector.disable-defaults",
      "-i",
      "w1",
      "-filter",
      FILTER,
    ]);
    await eventually(() => program.scrape(), ({ series }) => sumOf(series, "wialon_ips_capture_up") === 1);
    return new Bench(program, await program.pid(), namespace);
  }

  async send(options: string): Promise<Sent> {
    const args = ["run", "--quiet", "--allow-all", SENDER, "w0", ...options.split(" ")];
    return JSON.parse(await this.namespace.run(Deno.execPath(), args));
  }

  /** The series, when so many messages have come, or no more do. */
  async series(messages: number): Promise<Series> {
    let last = -1;
    const { series } = await eventually(() => this.program.scrape(), ({ series }) => {
      const now = sumOf(series, MESSAGES), isAll = now >= messages || now === last;
      last = now;
      return isAll;
    }, 1100);
    return series;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
    await this.namespace[Symbol.asyncDispose]();
  }
}

async function measure({ options }: Load): Promise<Measures> {
  await using bench = await Bench.create();
  const warmUp = await bench.send(WARM_UP), known = warmUp.messages + warmUp.logins;
  // The greatest lag is that since the last scrape.
  await bench.series(known);
  const before = cpuSecondsOf(bench.pid), sent = await bench.send(options);
  // The rest of what the kernel holds is handed out within its time.
  await new Promise((resolve) => setTimeout(resolve, 200));
  const cpuSeconds = cpuSecondsOf(bench.pid) - before, wanted = known + sent.messages + sent.logins;
  const { series: first } = await bench.program.scrape(), series = await bench.series(wanted);
  const { now, most } = memoryOf(bench.pid);
  return {
    "CPU ns a packet": 1e9 * cpuSeconds / (sent.packets + sent.setupPackets),
    "packets/s sent": sent.packetsPerSecond,
    "messages lost": wanted - sumOf(series, MESSAGES),
    "packets dropped": sumOf(series, "wialon_ips_capture_dropped_total"),
    gaps: sumOf(series, "wialon_ips_reassembly_gaps_total"),
    "longest hold, ms": 1000 * sumOf(first, "nodejs_eventloop_lag_max_seconds"),
    streams: sumOf(series, "wialon_ips_streams_size"),
    "MiB at the end": now,
    "MiB at most": most,
  };
}

/** What all threads of a process have used until now. */
function cpuSecondsOf(pid: number): number {
  let nanoseconds = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    // Documentation/scheduler/sched-stats.rst: the time that it has run.
    nanoseconds += Number(Deno.readTextFileSync(`/proc/${pid}/task/${name}/schedstat`).split(" ")[0]);
  }
  return nanoseconds / 1e9;
}

const [binary] = Deno.args;
if (binary !== undefined) Deno.env.set("NETCENSUS_COMMAND", binary);
for (const load of LOADS) {
  const rounds: Measures[] = [];
  for (let round = 0; round < (load.rounds ?? ROUNDS); round++) rounds.push(await measure(load));
  console.log(`\n${load.name}:`);
  report(rounds);
}
