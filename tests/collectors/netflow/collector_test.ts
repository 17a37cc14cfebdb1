import assert from "node:assert/strict";
import { InterfaceNames } from "../../../core/interface_names.ts";
import netflow from "../../../collectors/netflow/mod.ts";
import { hasCapability } from "../../../collectors/privileges.ts";
import { Runner } from "../../../collectors/runner.ts";
import { metricOf } from "../../helpers/collecting.ts";
import { netflowV5 } from "../../helpers/netflow_v5.ts";
import { seriesOf } from "../../helpers/pipelines.ts";
import { Random } from "../../helpers/random.ts";
import { exporterOf, Flows, lostOf, MAX_WAIT_MS, PATHS, pause, sumOf } from "./receiving_flows.ts";

Deno.test("A flow has the shipped metrics and labels", async () => {
  await using flows = new Flows().start();
  flows.flows([
    { source: "192.0.2.7", destination: "10.0.0.1", sourcePort: 443, destinationPort: 50_000, bytes: 1500 },
    { source: "10.0.0.1", destination: "192.0.2.7", protocol: 17, destinationPort: 53, packets: 2 },
    { source: "10.0.0.1", destination: "192.0.2.7", protocol: 1, sourcePort: 0, destinationPort: 0x0800 },
  ]);
  const series = await flows.after(1);
  const found = Object.fromEntries([...series].filter(([name]) => name.startsWith("netflow_")));
  const inward = 'exporter="127.0.0.1",protocol="tcp",source_country="DE",destination_country="unknown"';
  const udp = 'exporter="127.0.0.1",protocol="udp",source_country="unknown",destination_country="DE"';
  const icmp = udp.replace("udp", "icmp");
  const https = 'exporter="127.0.0.1",protocol="tcp",app_service="https"';
  const domain = 'exporter="127.0.0.1",protocol="udp",app_service="domain"';
  const other = 'exporter="127.0.0.1",protocol="icmp",app_service="other"';
  assert.deepEqual(found, {
    [`netflow_bytes_total{${inward}}`]: 1500,
    [`netflow_bytes_total{${udp}}`]: 1000,
    [`netflow_bytes_total{${icmp}}`]: 1000,
    [`netflow_packets_total{${inward}}`]: 10,
    [`netflow_packets_total{${udp}}`]: 2,
    [`netflow_packets_total{${icmp}}`]: 10,
    [`netflow_flows_total{${inward}}`]: 1,
    [`netflow_flows_total{${udp}}`]: 1,
    [`netflow_flows_total{${icmp}}`]: 1,
    [`netflow_service_bytes_total{${https}}`]: 1500,
    [`netflow_service_bytes_total{${domain}}`]: 1000,
    [`netflow_service_bytes_total{${other}}`]: 1000,
    [`netflow_service_flows_total{${https}}`]: 1,
    [`netflow_service_flows_total{${domain}}`]: 1,
    [`netflow_service_flows_total{${other}}`]: 1,
  });
});

Deno.test("Flows from many exporters to several addresses are counted exactly", async () => {
  await using flows = new Flows({
    settings: { listen_address: ["127.0.0.1:0", "[::1]:0", ":0"], receive_buffer: 4 << 20 },
    rules: [{ name: "raw_bytes_total", source: "netflow", value: "raw_bytes" }],
  }).start();
  const { addresses } = flows, random = new Random(1), datagrams = 3000;
  assert.equal(addresses.length, 3);
  const expected = { flows: 0, bytes: 0, packets: 0 }, sequences = new Map<string, number>();
  for (let i = 0; i < datagrams; i++) {
    const to = i % 3, from = to === 1 || (to === 2 && random.int(2) > 0) ? "::1" : `127.0.0.${1 + i % 50}`;
    const engineId = to, key = `${from} ${engineId}`, sequence = sequences.get(key) ?? 4_294_960_000;
    const records = Array.from(
      { length: 1 + random.int(30) },
      () => ({ bytes: random.int(2 ** 32), packets: random.int(1e6) }),
    );
    flows.send(netflowV5(records, { sequence, engineId }), from, addresses[to]);
    sequences.set(key, (sequence + records.length) >>> 0);
    for (const { bytes, packets } of records) {
      expected.flows++;
      expected.bytes += bytes;
      expected.packets += packets;
    }
    if (i % 500 === 0) await pause(2);
  }
  const series = await flows.after(datagrams);
  const found = Object.fromEntries(
    Object.keys(expected).map((name) => [name, sumOf(series, `netflow_${name}_total`)]),
  );
  assert.deepEqual(found, expected);
  assert.equal(series.get("raw_bytes_total"), expected.bytes);
  assert.deepEqual(lostOf(series), {});
  assert.deepEqual(flows.problems, {});
  assert.equal(Object.keys(metricOf(series, "netcensus_flow_datagrams_total")).length, 51);
});

Deno.test("Bytes and packets are scaled by the sampling rate, and as raw fields they are not", async () => {
  await using flows = new Flows({
    settings: { sampling_rates: { "127.0.0.2": 50, "127.0.0.4": 1 } },
    rules: ["bytes", "raw_bytes", "packets", "raw_packets", "flows"].map((value) => ({
      name: `by_rate_${value}`,
      source: "netflow",
      value,
      labels: ["exporter", "sampling_rate"],
    })),
  }).start();
  const sampled = { samplingMode: 1, samplingInterval: 1000 };
  for (let i = 1; i <= 4; i++) {
    flows.flows([{ bytes: 100, packets: 2 }], i === 3 ? { samplingInterval: 1000 } : sampled, `127.0.0.${i}`);
  }
  const series = await flows.after(4),
    label = (i: number, rate: number) => `{exporter="127.0.0.${i}",sampling_rate="${rate}"}`;
  const rates = [1000, 50, 1, 1];
  const expected = (value: (rate: number) => number) =>
    Object.fromEntries(rates.map((rate, i) => [label(i + 1, rate), value(rate)]));
  assert.deepEqual(metricOf(series, "by_rate_bytes"), expected((rate) => 100 * rate));
  assert.deepEqual(metricOf(series, "by_rate_packets"), expected((rate) => 2 * rate));
  assert.deepEqual(metricOf(series, "by_rate_flows"), expected((rate) => rate));
  assert.deepEqual(metricOf(series, "by_rate_raw_bytes"), expected(() => 100));
  assert.deepEqual(metricOf(series, "by_rate_raw_packets"), expected(() => 2));
  assert.equal(sumOf(series, "netflow_flows_total"), 4);
  assert.deepEqual(Object.values(metricOf(series, "netcensus_flow_sampling_rate")), rates);
});

Deno.test("What was lost is counted by where it was lost", async () => {
  await using flows = new Flows({
    filters: { netflow: { match: "source_address", not: { cidr: "10.0.0.0/8" } } },
    settings: { receive_buffer: 4096 },
  }).start();
  const kept = { source: "192.0.2.1" }, three = [kept, kept, kept];
  flows.flows([kept, { source: "10.0.0.1" }, { source: "10.0.0.2" }], { sequence: 0 }, "127.0.0.1");
  await flows.after(1);
  flows.flows(three, { sequence: 103 }, "127.0.0.1");
  await flows.after(2);
  flows.send(netflowV5(three, { sequence: 0 }).subarray(0, 24 + 48), "127.0.0.2");
  await flows.after(3);
  flows.send(new Uint8Array(20), "127.0.0.2");
  await flows.after(4);
  // A gap that nobody fills is lost for good when its time is over.
  await pause(2100);
  assert.deepEqual(lostOf(await flows.collect()), {
    "filter 127.0.0.1": 2,
    "sequence 127.0.0.1": 100,
    "decode 127.0.0.2": 3,
  });
  assert.deepEqual(flows.problems, { truncated: 1, version: 1 });
  const sent = 300;
  for (let i = 0; i < sent; i++) flows.send(netflowV5(three, { sequence: 3 * i }), "127.0.0.3");
  await pause(50);
  const series = await flows.collect(), { datagrams_total: come } = exporterOf(series, "127.0.0.3");
  assert(come! > 0 && come! < sent, `${come} of ${sent} datagrams`);
  assert.equal(lostOf(series)["kernel"], sent - come!);
  await flows.stop();
  assert.equal(lostOf(await flows.collect())["kernel"], sent - come!);
});

Deno.test("An exporter is told by its address, with its datagrams, its restarts and when it was seen", async () => {
  await using flows = new Flows({ settings: { listen_address: ":0" } }).start();
  const before = Date.now();
  flows.flows([{}], { sequence: 500, uptime: 3_000_000 }, "::1");
  flows.flows([{}], { sequence: 0, uptime: 1000 }, "::1");
  flows.flows([{}, {}], { sequence: 0, samplingMode: 1, samplingInterval: 64 }, "127.0.0.9");
  const series = await flows.after(3), after = Date.now();
  const { exporter_seen_timestamp_seconds: seen, ...ipv6 } = exporterOf(series, "::1");
  assert.deepEqual(ipv6, { datagrams_total: 2, exporter_restarts_total: 1, sampling_rate: 1 });
  assertSeen(seen, before, after);
  const { exporter_seen_timestamp_seconds: _, ...ipv4 } = exporterOf(series, "127.0.0.9");
  assert.deepEqual(ipv4, { datagrams_total: 1, exporter_restarts_total: 0, sampling_rate: 64 });
});

/** The clock may have been set a little since the program began. */
function assertSeen(seconds: number | undefined, before: number, after: number): void {
  const isBetween = seconds! >= before / 1000 - 1 && seconds! <= after / 1000 + 1;
  assert(isBetween, `${seconds} s, not from ${before} ms to ${after} ms`);
}

Deno.test("A datagram that is too long is counted, and its exporter was seen", async () => {
  await using flows = new Flows().start();
  // Longer ago than the clock may have been set by.
  await pause(1100);
  const before = Date.now(), end = performance.now() + MAX_WAIT_MS;
  flows.send(new Uint8Array(20_000), "127.0.0.2");
  while (flows.problems["oversized"] === undefined && performance.now() < end) await pause(5);
  assert.deepEqual(flows.problems, { oversized: 1 });
  const series = await flows.collect();
  assert.deepEqual(lostOf(series), { "decode 127.0.0.2": 1 });
  const { datagrams_total: datagrams, exporter_seen_timestamp_seconds: seen } = exporterOf(
    series,
    "127.0.0.2",
  );
  assert.equal(datagrams, 1);
  assertSeen(seen, before, Date.now());
});

Deno.test("A listener is told by its address, with its buffer and what waits in it", async () => {
  await using flows = new Flows({
    settings: { receive_buffer: 1 << 20, listen_address: ["127.0.0.1:0", "[::1]:0"] },
  })
    .start();
  const [first, second] = flows.addresses.map((address) => `{address="${address}"}`);
  for (let i = 0; i < 10; i++) flows.flows([{}]);
  const series = await flows.collect();
  const wanted = 1 << 20, buffer = series.get(`netcensus_flow_buffer_bytes${first}`)!;
  assert.deepEqual(metricOf(series, "netcensus_flow_buffer_wanted_bytes"), {
    [first!]: wanted,
    [second!]: wanted,
  });
  assert(buffer >= wanted, `${buffer} bytes`);
  assert(series.get(`netcensus_flow_queued_bytes${first}`)! > 0);
  assert.equal(series.get(`netcensus_flow_queued_bytes${second}`), 0);
  assert.equal((await flows.after(10)).get(`netcensus_flow_queued_bytes${first}`), 0);
});

Deno.test("A receive buffer that the kernel does not give whole is told in the log", async () => {
  const most = Number(Deno.readTextFileSync("/proc/sys/net/core/rmem_max")), wanted = 8 * most;
  await using flows = new Flows({ settings: { receive_buffer: wanted } }).start();
  const warnings = flows.logged.filter((line) => line.startsWith("level=warn"));
  const expected =
    `level=warn msg="The receive buffer is smaller than wanted" collector=netflow wanted=${wanted} ` +
    `buffer=${2 * most} advice="raise net.core.rmem_max, or give CAP_NET_ADMIN"`;
  assert.deepEqual(warnings, hasCapability("CAP_NET_ADMIN") ? [] : [expected]);
});

Deno.test("Two workers share what comes to a port", async () => {
  const free = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const listen_address = `127.0.0.1:${(free.addr as Deno.NetAddr).port}`;
  free.close();
  const settings = { listen_address, workers: 2, receive_buffer: 4 << 20 };
  await using first = new Flows({ settings }).start(), second = new Flows({ settings }).start();
  const exporters = 50, each = 20, workers = [first, second];
  for (let i = 0; i < exporters * each; i++) {
    first.flows([{ bytes: i }], { sequence: Math.floor(i / exporters) }, `127.0.0.${1 + i % exporters}`);
  }
  const totals = (metric: string) =>
    Promise.all(workers.map(async (worker) => sumOf(await worker.collect(), metric)));
  const total = async (metric: string) => (await totals(metric)).reduce((sum, value) => sum + value);
  const end = performance.now() + MAX_WAIT_MS;
  while (await total("netcensus_flow_datagrams_total") < exporters * each && performance.now() < end) {
    await pause(5);
  }
  assert.equal(await total("netflow_flows_total"), exporters * each);
  assert.equal(await total("netflow_bytes_total"), exporters * each * (exporters * each - 1) / 2);
  assert(!(await totals("netflow_flows_total")).includes(0), "One of them has got all");
  // Whoever sends to the one does not send to the other: else each would miss what the other has.
  for (const worker of workers) assert.deepEqual(lostOf(await worker.collect()), {});
});

Deno.test("Workers cannot share a port that each would choose for itself", async () => {
  const settings = { listen_address: ["127.0.0.1:0"], workers: 2 };
  await using flows = new Flows({ settings }).start();
  const { message } = await flows.stop() as Error;
  assert.equal(message, "Cannot share port 0 among workers: each would get another one");
});

Deno.test("IPv6 exporters keep what is known of them when the vocabulary forgets", async () => {
  await using flows = new Flows({ settings: { listen_address: "[::1]:0" } }).start();
  const { vocabulary } = flows.pipeline;
  flows.flows([{ bytes: 1 }], { sequence: 0 }, "::1");
  await flows.after(1);
  for (let i = 0; i <= vocabulary.limit; i++) vocabulary.text(`text ${i}`);
  flows.flows([{ bytes: 2 }], { sequence: 1 }, "::1");
  const end = performance.now() + MAX_WAIT_MS;
  while (vocabulary.generation === 0 && performance.now() < end) await pause(5);
  const series = await flows.after(2);
  assert.equal(vocabulary.generation, 1);
  const labels = '{exporter="::1",protocol="tcp",source_country="unknown",destination_country="DE"}';
  assert.deepEqual(metricOf(series, "netflow_bytes_total"), { [labels]: 3 });
  assert.deepEqual(lostOf(series), {});
});

Deno.test("The collector stops when it is told, and leaves nothing open", async () => {
  await using flows = new Flows({ settings: { listen_address: ["127.0.0.1:0", "[::1]:0", ":0"] } }).start();
  flows.flows([{}]);
  await flows.after(1);
  await flows.stop();
  const series = await flows.collect();
  assert.deepEqual(metricOf(series, "netcensus_flow_buffer_bytes"), {});
  assert.equal(sumOf(series, "netcensus_flow_datagrams_total"), 1);
  for (const address of flows.addresses) await listenableAt(address);
});

/** Waits until an address is free. */
async function listenableAt(address: string): Promise<void> {
  const [, hostname = "", port] = /^\[?(.*?)\]?:(\d+)$/.exec(address)!;
  for (const end = performance.now() + MAX_WAIT_MS;;) {
    try {
      return Deno.listenDatagram({ transport: "udp", hostname, port: Number(port) }).close();
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse) || performance.now() > end) throw error;
    }
    await pause(5);
  }
}

Deno.test("The collector stops in the midst of many datagrams", async () => {
  await using flows = new Flows().start();
  for (let i = 0; i < 5000; i++) flows.flows([{}]);
  await pause(1);
  const error = await flows.stop();
  assert(error === undefined || error === flows.stopping.signal.reason, String(error));
});

Deno.test("Opening the collector opens no socket", async () => {
  await using flows = new Flows({ settings: { listen_address: "192.0.2.1:1" } });
  assert.deepEqual(metricOf(await flows.collect(), "netcensus_flow_buffer_bytes"), {});
  assert.deepEqual(flows.logged, []);
});

/** Runs the collector as the program does. */
async function withRunner(flows: Flows, body: (runner: Runner) => Promise<void>): Promise<void> {
  const { pipeline, log, values: settings } = flows;
  const runner = new Runner({
    collector: netflow,
    settings,
    ledger: pipeline,
    paths: PATHS,
    log,
    interfaceNames: new InterfaceNames(),
    interval: 3600,
  });
  runner.start();
  try {
    await body(runner);
  } finally {
    await runner.stop();
  }
}

Deno.test("The stream fails when an address cannot be had, and comes again when it is free", async () => {
  const taken = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${(taken.addr as Deno.NetAddr).port}`;
  await using flows = new Flows({ settings: { listen_address: ["[::1]:0", address] } });
  await withRunner(flows, async (runner) => {
    const until = async (success: boolean) => {
      for (const end = performance.now() + MAX_WAIT_MS; runner.success !== success;) {
        assert(performance.now() < end, runner.lastError);
        await pause(10);
      }
    };
    await until(false);
    const message = `Cannot listen at ${address}: Cannot take the port: address already in use (98)`;
    assert.equal(runner.lastError, message);
    const failed = `level=error msg="The collector failed" collector=netflow error=${
      JSON.stringify(message)
    }`;
    assert.deepEqual(flows.logged, [failed]);
    assert.deepEqual(metricOf(await collected(runner, flows), "netcensus_flow_buffer_bytes"), {});
    taken.close();
    await until(true);
    assert.equal(flows.addresses[1], address);
    flows.send(netflowV5([{ bytes: 5 }]), "127.0.0.1", address);
    await pause(1100);
    assert.equal(sumOf(await collected(runner, flows), "netflow_bytes_total"), 5);
  });
});

async function collected(runner: Runner, { pipeline }: Flows): Promise<Map<string, number>> {
  await runner.collect(new AbortController().signal);
  return seriesOf(pipeline);
}

Deno.test("An address that the host does not have fails the stream, and the error says which", async () => {
  await using flows = new Flows({ settings: { listen_address: ["127.0.0.1:0", "192.0.2.1:2055"] } }).start();
  const error = await flows.stop();
  assert(
    error instanceof Error && error.message.startsWith("Cannot listen at 192.0.2.1:2055: "),
    String(error),
  );
});
