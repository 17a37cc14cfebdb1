import assert from "node:assert/strict";
import type { Literal } from "../../core/node.ts";
import { Exporter, run, seriesOf } from "../helpers/exporter.ts";
import { netflowV5, type V5Record } from "../helpers/netflow_v5.ts";
import { Random } from "../helpers/random.ts";

const WORKERS = 3;
const EXPORTERS = 8, ENGINES = 3, DATAGRAMS = 4, FLOWS = 10;
/** What each engine leaves out of its numbers, and does not send. */
const LOST = 7;
const BUDGET = 10;
const RESERVED_PORT = 9999;
const DEADLINE_MS = 20_000;

const CONFIGURATION = {
  filters: { netflow: { not: { match: "destination_port", is: RESERVED_PORT } } },
  rules: [
    { name: "flows_in_all_total", source: "netflow" },
    { name: "flows_of_tcp_total", source: "netflow", filter: { match: "protocol", is: 6 } },
    {
      name: "flow_bytes",
      source: "netflow",
      type: "histogram",
      value: "bytes",
      buckets: [1000, 100_000, 1_000_000],
      labels: [{ name: "protocol", steps: ["protocol_name"] }],
    },
    {
      name: "flow_bytes_by_ports_total",
      source: "netflow",
      value: "bytes",
      labels: ["source_port", "destination_port"],
      max_series: BUDGET,
    },
    {
      name: "flow_packets_by_ports",
      source: "netflow",
      type: "histogram",
      value: "packets",
      buckets: [10],
      labels: ["source_port", "destination_port"],
      max_series: BUDGET,
    },
    {
      name: "flows_by_direction_total",
      source: "netflow",
      labels: [{ name: "way", field: ["source_address", "destination_address"], steps: ["direction"] }],
    },
  ],
};

/** What some senders have sent. */
interface Sent {
  datagrams: number;
  /** Flows that the configuration lets pass, and those that it filters out. */
  flows: number;
  filtered: number;
  bytes: number;
  packets: number;
  lost: number;
}

/** A socket of loopback, at a port that was free. */
class UdpSocket implements Disposable {
  readonly #socket: Deno.DatagramConn;

  constructor(hostname = "127.0.0.1") {
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  }

  get port(): number {
    return (this.#socket.addr as Deno.NetAddr).port;
  }

  /** Sends a datagram to a port of this host. */
  async send(port: number, datagram: Uint8Array): Promise<void> {
    await this.#socket.send(datagram, { transport: "udp", hostname: "127.0.0.1", port });
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

/** Sends flows from many addresses of loopback and many ports, always the same. */
async function send(port: number): Promise<Sent> {
  const random = new Random(5),
    sent: Sent = { datagrams: 0, flows: 0, filtered: 0, bytes: 0, packets: 0, lost: 0 };
  for (let exporter = 1; exporter <= EXPORTERS; exporter++) {
    const rate = exporter % 2 === 0 ? 10 : 1;
    for (let engineId = 0; engineId < ENGINES; engineId++) {
      using socket = new UdpSocket(`127.0.1.${exporter}`);
      const sampling = rate > 1 ? { samplingMode: 1, samplingInterval: rate } : {};
      for (let i = 0; i < DATAGRAMS; i++) {
        const records = Array.from({ length: FLOWS }, () => randomRecord(random));
        const sequence = FLOWS * i + (i === 0 ? 0 : LOST);
        await socket.send(port, netflowV5(records, { ...sampling, engineId, sequence }));
        note(sent, records, rate);
      }
      // NetFlow 9
      await socket.send(port, Uint8Array.of(0, 9, 0, 0));
      sent.datagrams += DATAGRAMS + 1;
      sent.lost += LOST;
    }
  }
  return sent;
}

function randomRecord(random: Random): Partial<V5Record> {
  const addresses = ["10.0.0.1", "192.168.1.1", "8.8.8.8", "193.0.6.139", "1.1.1.1"];
  return {
    source: random.pick(addresses),
    destination: random.pick(addresses),
    protocol: random.pick([1, 6, 17]),
    sourcePort: 50_000 + random.int(10),
    destinationPort: random.pick([22, 53, 80, 443, RESERVED_PORT]),
    bytes: random.int(2_000_000),
    packets: 1 + random.int(20),
  };
}

function note(sent: Sent, records: readonly Partial<V5Record>[], rate: number): void {
  for (const { destinationPort, bytes, packets } of records) {
    if (destinationPort === RESERVED_PORT) sent.filtered++;
    else {
      sent.flows++;
      sent.bytes += rate * bytes!;
      sent.packets += rate * packets!;
    }
  }
}

/** An exporter that receives flows, at a port that was free. */
class Receiving implements AsyncDisposable {
  private constructor(readonly exporter: Exporter, readonly port: number, readonly file: string) {}

  /** Waits until it is ready to receive, in every thread. */
  static async start(workers: number, { port = freePort(), configuration = {} as Literal } = {}) {
    const file = await Deno.makeTempFile({ suffix: ".yml" });
    await Deno.chmod(file, 0o644);
    await Deno.writeTextFile(file, JSON.stringify(configuration));
    const exporter = await Exporter.start([
      `--config.file=${file}`,
      "--collector.disable-defaults",
      "--collector.netflow",
      `--collector.netflow.workers=${workers}`,
      `--collector.netflow.listen-address=127.0.0.1:${port}`,
    ]);
    const receiving = new Receiving(exporter, port, file);
    await until(async () => (await receiving.series()).get(SUCCESS) === 1);
    return receiving;
  }

  async series(): Promise<Map<string, number>> {
    return seriesOf(await this.exporter.get("/metrics"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.exporter[Symbol.asyncDispose]();
    await Deno.remove(this.file);
  }
}

const SUCCESS = 'netcensus_collector_success{collector="netflow"}';

function freePort(): number {
  using socket = new UdpSocket();
  return socket.port;
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + DEADLINE_MS;
  while (!await condition()) {
    if (performance.now() > end) throw new Error(`It did not come within ${DEADLINE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The series of one metric, or with these labels among others. */
function ofMetric(series: ReadonlyMap<string, number>, name: string, label = ""): Map<string, number> {
  return new Map([...series].filter(([key]) => key.replace(/\{.*/, "") === name && key.includes(label)));
}

function sumOf(series: ReadonlyMap<string, number>, name: string, label = ""): number {
  return ofMetric(series, name, label).values().reduce((sum, value) => sum + value, 0);
}

interface Counted {
  readonly sent: Sent;
  readonly series: ReadonlyMap<string, number>;
  /** Flows as they were counted from scrape to scrape. */
  readonly seen: readonly number[];
}

const PORT = freePort();

/** What there is to see of the same flows in so many threads, when all have come. */
async function count(workers: number): Promise<Counted> {
  await using receiving = await Receiving.start(workers, { port: PORT, configuration: CONFIGURATION });
  const sending = send(PORT), seen: number[] = [];
  let sent: Sent | undefined, series = new Map<string, number>();
  sending.then((all) => sent = all);
  await until(async () => {
    series = await receiving.series();
    seen.push(sumOf(series, "flows_in_all_total"));
    return sent !== undefined && sumOf(series, "netcensus_flow_datagrams_total") === sent.datagrams &&
      sumOf(series, "netcensus_flow_lost_total", 'stage="sequence"') === sent.lost;
  });
  return { sent: await sending, series, seen };
}

const counts = new Map<number, Promise<Counted>>();

function counted(workers: number): Promise<Counted> {
  if (!counts.has(workers)) counts.set(workers, count(workers));
  return counts.get(workers)!;
}

/** What depends on the time, or on which places of a budget are taken. */
const VOLATILE =
  /_(seen|success)_timestamp_seconds\b|_duration_seconds\{|_by_ports|^(process|nodejs|netcensus_http)_/;

for (const workers of [1, WORKERS]) {
  Deno.test(`${workers} workers count every flow that is not filtered out`, async () => {
    const { sent, series } = await counted(workers);
    const names = ["flows_in_all_total", "netflow_flows_total", "netflow_service_flows_total"];
    for (const name of [...names, "flows_by_direction_total", "flow_bytes_count"]) {
      assert.equal(sumOf(series, name), sent.flows, name);
    }
    for (const name of ["netflow_bytes_total", "netflow_service_bytes_total", "flow_bytes_sum"]) {
      assert.equal(sumOf(series, name), sent.bytes, name);
    }
    assert.equal(sumOf(series, "netflow_packets_total"), sent.packets);
    const lost = ["kernel", "decode", "filter", "sequence"].map((stage) =>
      sumOf(series, "netcensus_flow_lost_total", `stage="${stage}"`)
    );
    assert.deepEqual(lost, [0, EXPORTERS * ENGINES, sent.filtered, sent.lost]);
    assert.equal(
      sumOf(series, "netcensus_parse_problems_total", 'reason="unsupported"'),
      EXPORTERS * ENGINES,
    );
  });

  Deno.test(`${workers} workers show no more series than the budget of a metric, with a true sum`, async () => {
    const { sent, series } = await counted(workers);
    for (const name of ["flow_bytes_by_ports_total", "flow_packets_by_ports_count"]) {
      const keys = [...ofMetric(series, name).keys()];
      assert(keys.length > 1 && keys.length <= BUDGET, `${keys}`);
      assert(keys.includes(`${name}{source_port="other",destination_port="other"}`), `${keys}`);
    }
    assert.equal(sumOf(series, "flow_bytes_by_ports_total"), sent.bytes);
    assert.equal(sumOf(series, "flow_packets_by_ports_count"), sent.flows);
    assert.equal(sumOf(series, "flow_packets_by_ports_bucket", 'le="+Inf"'), sent.flows);
    assert.equal(sumOf(series, "flow_packets_by_ports_sum"), sent.packets);
    assert(sumOf(series, "netcensus_series_folded_total", 'metric="flow_bytes_by_ports_total"') > 0);
  });

  Deno.test(`${workers} workers count what never falls from scrape to scrape`, async () => {
    const { seen } = await counted(workers);
    assert.deepEqual(seen, seen.toSorted((a, b) => a - b));
  });
}

Deno.test(`${WORKERS} workers show what one shows`, async () => {
  const [one, several] = await Promise.all([1, WORKERS].map(async (workers) => {
    const { series } = await counted(workers);
    return new Map([...series].filter(([key]) => !VOLATILE.test(key)).toSorted());
  }));
  assert.deepEqual(several, one);
});

Deno.test(`${WORKERS} workers tell of each exporter when it was last seen`, async () => {
  const { series } = await counted(WORKERS);
  const seen = [...ofMetric(series, "netcensus_flow_exporter_seen_timestamp_seconds").values()];
  assert.equal(seen.length, EXPORTERS);
  assert(seen.every((time) => Math.abs(time - Date.now() / 1000) < 300), `${seen}`);
});

Deno.test("scrapes at the same time show the same of several workers", async () => {
  await using receiving = await Receiving.start(WORKERS, { configuration: CONFIGURATION });
  const { flows } = await send(receiving.port);
  await until(async () => sumOf(await receiving.series(), "flows_in_all_total") === flows);
  const all = await Promise.all(Array.from({ length: 5 }, () => receiving.series()));
  for (const series of all) {
    assert.deepEqual(ofMetric(series, "netflow_bytes_total"), ofMetric(all[0]!, "netflow_bytes_total"));
  }
});

Deno.test("a scrape that comes before the workers are ready does them no harm", async () => {
  await using exporter = await Exporter.start([
    "--collector.netflow",
    `--collector.netflow.workers=${WORKERS}`,
    `--collector.netflow.listen-address=127.0.0.1:${freePort()}`,
  ]);
  await Promise.all([exporter.get("/metrics"), exporter.get("/metrics")]);
  await until(async () => seriesOf(await exporter.get("/metrics")).get(SUCCESS) === 1);
  // Without privilege there is a warning about the buffer.
  const lines = exporter.lines.filter((line) => /collector=netflow(?!.* wanted=)/.test(line));
  assert.deepEqual(
    lines.map((line) => /msg=("[^"]*")/.exec(line)?.[1]),
    Array(WORKERS).fill('"Receiving flows"'),
  );
});

Deno.test("a database that is required and not there ends the program also with several workers", async () => {
  const file = await Deno.makeTempFile({ suffix: ".yml" });
  await Deno.chmod(file, 0o644);
  const configuration = { enrich: { maxmind_country: { file: "/nowhere/country.mmdb", required: true } } };
  await Deno.writeTextFile(file, JSON.stringify(configuration));
  try {
    const address = `--collector.netflow.listen-address=127.0.0.1:${freePort()}`;
    const flags = ["--collector.netflow", `--collector.netflow.workers=${WORKERS}`, address];
    const { code, stderr } = await run([
      ...flags,
      `--config.file=${file}`,
      "--web.listen-address=127.0.0.1:0",
    ]);
    assert.equal(code, 1);
    assert.match(stderr, /level=error msg="Cannot start" error="Cannot find \/nowhere\/country.mmdb/);
  } finally {
    await Deno.remove(file);
  }
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`${signal} ends the program with status 0 and soon while several workers receive flows`, async () => {
    await using receiving = await Receiving.start(WORKERS);
    const sending = send(receiving.port);
    const start = performance.now(), { code } = await receiving.exporter.stop(signal);
    const milliseconds = performance.now() - start;
    assert.equal(code, 0);
    assert(milliseconds < 3000, `${milliseconds} ms`);
    await sending;
  });
}

Deno.test("SIGTERM ends the program with status 0 while its workers start", async () => {
  await using exporter = await Exporter.start([
    "--collector.netflow",
    `--collector.netflow.workers=${WORKERS}`,
    `--collector.netflow.listen-address=127.0.0.1:${freePort()}`,
  ]);
  const { code } = await exporter.stop();
  assert.equal(code, 0);
});

/** Waits until netflow has failed; gives the line of the log that says so. */
async function failureOf(exporter: Exporter): Promise<string> {
  const failed = () =>
    exporter.lines.find((line) => line.includes('msg="The collector failed" collector=netflow'));
  await until(() => failed() !== undefined);
  return failed()!;
}

Deno.test("several workers cannot share port 0, which the log says, while other collectors work", async () => {
  await using exporter = await Exporter.start([
    "--collector.netflow",
    `--collector.netflow.workers=${WORKERS}`,
    "--collector.netflow.listen-address=127.0.0.1:0",
  ]);
  assert.match(
    await failureOf(exporter),
    /level=error .*collector=netflow error="Cannot share port 0 among workers: each would get another one"/,
  );
  const series = seriesOf(await exporter.get("/metrics"));
  assert.equal(series.get(SUCCESS), 0);
  assert.equal(series.get('netcensus_collector_success{collector="sockets"}'), 1);
});

Deno.test("several workers cannot have a port that is taken, which the log says", async () => {
  using taken = new UdpSocket();
  const { port } = taken;
  await using exporter = await Exporter.start([
    "--collector.netflow",
    `--collector.netflow.workers=${WORKERS}`,
    `--collector.netflow.listen-address=127.0.0.1:${port}`,
  ]);
  assert.match(
    await failureOf(exporter),
    new RegExp(`level=error .*collector=netflow error="Cannot listen at 127.0.0.1:${port}: .*[Aa]ddress`),
  );
  assert.equal(seriesOf(await exporter.get("/metrics")).get(SUCCESS), 0);
});
