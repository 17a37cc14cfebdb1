import assert from "node:assert/strict";
import type { Literal } from "../../core/node.ts";
import { lostOf, portOf, send, startExporter, sumOf } from "../collectors/netflow_receivers.ts";
import { hasDnsmasq, startDnsmasq } from "../enrich/reverse_dns/dnsmasq.ts";
import { metricOf } from "../helpers/collecting.ts";
import { Exporter, seriesOf } from "../helpers/exporter.ts";
import { mmdb } from "../helpers/mmdb.ts";
import { netflowV5, type V5Record } from "../helpers/netflow_v5.ts";
import { program, testWith } from "../helpers/skip.ts";
import { TempFile } from "../helpers/temp_file.ts";
import { until } from "../helpers/waiting.ts";

const NETFLOW = "--collector.netflow";
const LISTEN = `${NETFLOW}.listen-address`;
const SUCCESS = 'netcensus_collector_success{collector="netflow"}';

type Series = ReadonlyMap<string, number>;

/** Flows between a network for private use and the world. */
const FLOWS = [
  { source: "192.168.1.20", destination: "8.8.8.8", destinationPort: 443, bytes: 1000, packets: 10 },
  { source: "8.8.8.8", destination: "192.168.1.20", sourcePort: 443, bytes: 50_000, packets: 40 },
  { source: "192.168.1.20", destination: "194.25.2.129", protocol: 17, destinationPort: 53, bytes: 70 },
  { source: "133.11.0.1", destination: "192.168.1.9", protocol: 1, sourcePort: 0, destinationPort: 2048 },
  { source: "192.168.1.9", destination: "192.168.1.1", destinationPort: 60_000, bytes: 4_000_000_000 },
  { source: "192.168.1.8", destination: "192.168.1.1", destinationPort: 60_000, bytes: 4_000_000_000 },
].map((flow): Partial<V5Record> => ({ sourcePort: 61_000, ...flow }));

async function scrape(exporter: Exporter): Promise<Series> {
  return seriesOf(await exporter.get("/metrics"));
}

/** The series, when so many datagrams have come. */
async function after(datagrams: number, exporter: Exporter): Promise<Series> {
  let series: Series = new Map();
  await until(async () => {
    series = await scrape(exporter);
    return sumOf(series, "netcensus_flow_datagrams_total") === datagrams;
  });
  return series;
}

/** Runs the program with a configuration. */
async function withConfiguration(
  configuration: Literal,
  body: (exporter: Exporter, port: number) => Promise<void>,
): Promise<void> {
  await using file = await TempFile.create(JSON.stringify(configuration));
  await using exporter = await startExporter([`--config.file=${file.path}`]);
  await body(exporter, await portOf(exporter));
}

Deno.test("without a configuration flows are shown by exporter, protocol, country and service", async () => {
  await using exporter = await Exporter.start([NETFLOW, `${LISTEN}=127.0.0.1:0`]);
  await send([netflowV5(FLOWS)], await portOf(exporter));
  const series = await after(1, exporter);
  const by = (protocol: string, source: string, destination: string) =>
    `{exporter="127.0.0.1",protocol="${protocol}",source_country="${source}",destination_country="${destination}"}`;
  assert.deepEqual(metricOf(series, "netflow_bytes_total"), {
    [by("icmp", "JP", "local")]: 1000,
    [by("tcp", "US", "local")]: 50_000,
    [by("tcp", "local", "US")]: 1000,
    [by("tcp", "local", "local")]: 8_000_000_000,
    [by("udp", "local", "DE")]: 70,
  });
  const bytes = FLOWS.reduce((sum, { bytes = 1000 }) => sum + bytes, 0);
  assert.equal(sumOf(series, "netflow_bytes_total"), bytes);
  assert.equal(series.get(`netflow_packets_total${by("tcp", "US", "local")}`), 40);
  assert.equal(series.get(`netflow_flows_total${by("tcp", "local", "local")}`), 2);
  const service = (protocol: string, name: string) =>
    `{exporter="127.0.0.1",protocol="${protocol}",app_service="${name}"}`;
  assert.deepEqual(metricOf(series, "netflow_service_bytes_total"), {
    [service("icmp", "other")]: 1000,
    [service("tcp", "https")]: 51_000,
    [service("tcp", "other")]: 8_000_000_000,
    [service("udp", "domain")]: 70,
  });
  assert.equal(sumOf(series, "netflow_service_flows_total"), FLOWS.length);
  assert.equal(series.get(SUCCESS), 1);
  assert.deepEqual(lostOf(series), { kernel: 0, decode: 0, filter: 0, sequence: 0 });
});

testWith({
  name: "promtool has nothing to say of all that the program shows while flows come",
  needs: program("promtool"),
  fn: async () => {
    await using exporter = await Exporter.start([NETFLOW, `${LISTEN}=127.0.0.1:0`]);
    await send([netflowV5(FLOWS), Uint8Array.of(0, 9, 0, 0)], await portOf(exporter));
    await after(2, exporter);
    const command = new Deno.Command("promtool", {
      args: ["check", "metrics"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
    const child = command.spawn(), writer = child.stdin.getWriter(), decoder = new TextDecoder();
    await writer.write(new TextEncoder().encode(await exporter.get("/metrics")));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    assert.deepEqual([decoder.decode(stdout), decoder.decode(stderr), code], ["", "", 0]);
  },
});

Deno.test("flows that the configuration filters out are lost in stage filter, and sampled ones are scaled", async () => {
  const configuration = {
    collectors: { netflow: { sampling_rates: { "127.0.0.2": 50 } } },
    filters: { netflow: [{ not: { match: "source_address", cidr: "192.168.1.8/31" } }] },
    rules: [{ name: "seen_bytes_total", source: "netflow", value: "raw_bytes", labels: ["exporter"] }],
  };
  await withConfiguration(configuration, async (exporter, port) => {
    await send([netflowV5(FLOWS, { samplingMode: 1, samplingInterval: 1000 })], port);
    await send([netflowV5(FLOWS)], port, { from: "127.0.0.2" });
    await send([netflowV5(FLOWS)], port, { from: "127.0.0.3" });
    const series = await after(3, exporter), kept = FLOWS.slice(0, 4);
    const bytes = kept.reduce((sum, { bytes = 1000 }) => sum + bytes, 0);
    const of = (metric: string) =>
      [1, 2, 3].map((last) => sumOf(series, metric, `exporter="127.0.0.${last}"`));
    assert.deepEqual(of("netflow_bytes_total"), [1000 * bytes, 50 * bytes, bytes]);
    assert.deepEqual(of("seen_bytes_total"), [bytes, bytes, bytes]);
    assert.deepEqual(of("netflow_flows_total"), [4, 4, 4]);
    assert.deepEqual(of("netcensus_flow_sampling_rate"), [1000, 50, 1]);
    assert.deepEqual(of("netcensus_flow_lost_total"), [2, 2, 2]);
    assert.equal(lostOf(series)["filter"], 6);
  });
});

Deno.test("flows are received at several addresses, of IPv4 and IPv6", async () => {
  await using exporter = await Exporter.start([NETFLOW, `${LISTEN}=127.0.0.1:0`, `${LISTEN}=[::1]:0`]);
  await portOf(exporter);
  const listeners = Object.keys(metricOf(await scrape(exporter), "netcensus_flow_buffer_bytes"));
  const ports = listeners.map((labels) => Number(/:(\d+)"/.exec(labels)![1]));
  assert.match(listeners.join(), /^\{address="127\.0\.0\.1:\d+"\},\{address="\[::1\]:\d+"\}$/);
  await send([netflowV5([{ bytes: 1 }])], ports[0]!);
  await send([netflowV5([{ bytes: 2 }])], ports[1]!, { from: "::1" });
  const series = await after(2, exporter);
  assert.deepEqual(
    ["127.0.0.1", "::1"].map((address) => sumOf(series, "netflow_bytes_total", `exporter="${address}"`)),
    [1, 2],
  );
});

Deno.test("a port that is taken is told in the log, the rest goes on, and flows come when it is free", async () => {
  const taken = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  await using exporter = await Exporter.start([NETFLOW, `${LISTEN}=127.0.0.1:${port}`]);
  await until(async () => (await scrape(exporter)).get(SUCCESS) === 0);
  const series = await scrape(exporter);
  assert.equal(series.get('netcensus_collector_success{collector="sockets"}'), 1);
  const reason = `Cannot listen at 127.0.0.1:${port}: Cannot take the port: address already in use`;
  const line = exporter.lines.find((line) => line.includes("level=error") && line.includes("=netflow"));
  assert(line?.includes(`msg="The collector failed" collector=netflow error="${reason}`), line);
  taken.close();
  await until(async () => (await scrape(exporter)).get(SUCCESS) === 1);
  await send([netflowV5(FLOWS)], port);
  assert.equal(sumOf(await after(1, exporter), "netflow_flows_total"), FLOWS.length);
});

testWith({
  name: "names by DNS come soon, and what came before them is unknown",
  needs: hasDnsmasq,
  fn: async () => {
    await using dnsmasq = await startDnsmasq(
      "--ptr-record=8.8.8.8.in-addr.arpa,resolver.example.net",
      "--local=/in-addr.arpa/",
    );
    const configuration = {
      enrich: { reverse_dns: { nameservers: [`127.0.0.1:${dnsmasq.port}`] } },
      rules: [{
        name: "bytes_by_name_total",
        source: "netflow",
        value: "bytes",
        labels: [{
          name: "peer",
          field: "destination_address",
          steps: ["reverse_dns", { on_missing: "unknown" }],
        }],
      }],
    };
    await withConfiguration(configuration, async (exporter, port) => {
      let sent = 0, series: Series = new Map();
      const named = () => series.get('bytes_by_name_total{peer="resolver.example.net"}');
      while (named() === undefined && sent < 100) {
        await send([netflowV5([{ destination: "8.8.8.8", bytes: 1 }], { sequence: sent++ })], port);
        series = await after(sent, exporter);
      }
      const unknown = series.get('bytes_by_name_total{peer="unknown"}')!;
      assert(named() !== undefined && unknown > 0, `${named()} and ${unknown}`);
      assert.equal(named()! + unknown, sent);
      await send([netflowV5([{ destination: "9.9.9.9", bytes: 5 }], { sequence: sent })], port);
      series = await after(sent + 1, exporter);
      assert.equal(series.get('bytes_by_name_total{peer="unknown"}'), unknown + 5);
    });
  },
});

Deno.test("a database of countries that takes the place of another changes what comes later", async () => {
  const database = (iso_code: string) => mmdb({ "8.0.0.0/8": { country: { iso_code } } });
  await using file = await TempFile.create(database("AA"));
  const configuration = { enrich: { maxmind_country: { file: file.path, check_interval: "200ms" } } };
  await withConfiguration(configuration, async (exporter, port) => {
    const flow = { source: "8.8.8.8", destination: "10.0.0.1", bytes: 7 };
    await send([netflowV5([flow])], port);
    await after(1, exporter);
    await file.replace(database("BB"));
    const loaded = () => exporter.lines.filter((line) => line.includes('msg="Loaded a GeoIP database"'));
    await until(() => loaded().length === 2);
    await send([netflowV5([flow, flow], { sequence: 1 })], port);
    const series = await after(2, exporter);
    const by = (source: string) =>
      `{exporter="127.0.0.1",protocol="tcp",source_country="${source}",destination_country="local"}`;
    assert.deepEqual(metricOf(series, "netflow_bytes_total"), { [by("AA")]: 7, [by("BB")]: 14 });
  });
});
