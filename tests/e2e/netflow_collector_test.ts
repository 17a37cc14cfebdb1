import assert from "node:assert/strict";
import { Exporter, seriesOf } from "../helpers/exporter.ts";
import { netflowV5 } from "../helpers/netflow_v5.ts";

const CONFIGURATION = new URL("../testdata/config/netflow-collector.yml", import.meta.url).pathname;

/** Flows as routers send them, and what the configuration makes of each. */
const DATAGRAMS = [
  netflowV5([
    { source: "192.168.1.20", destination: "8.8.8.8", input: 4, output: 0, bytes: 1000 },
    { source: "8.8.8.8", destination: "192.168.1.20", input: 0, output: 4, bytes: 500, sourceAs: 15_169 },
    { source: "8.8.8.8", destination: "10.0.0.9", input: 7, output: 4, bytes: 70, protocol: 47 },
    // These are filtered out.
    { source: "10.0.0.9", destination: "192.168.1.20" },
    { source: "0.0.0.0", destination: "8.8.8.8" },
    { source: "8.8.8.8", destination: "233.252.0.1" },
    { source: "8.8.8.8", destination: "10.0.0.9", destinationPort: 161 },
  ]),
  // One packet of ten was looked at.
  netflowV5(
    [{ source: "192.168.1.20", destination: "8.8.8.8", input: 4, output: 0, bytes: 100 }],
    { sequence: 7, samplingMode: 1, samplingInterval: 10 },
  ),
];

interface Detail {
  readonly protocol: string;
  readonly countries: readonly [string, string];
  readonly input: number;
  readonly interfaces: readonly [string, string];
  readonly aliases: readonly [string, string];
}

function detail({ protocol, countries, input, interfaces, aliases }: Detail): string {
  return `netflow_flow_traffic_detail{sampler="127.0.0.1",protocol="${protocol}",` +
    `source_country="${countries[0]}",destination_country="${countries[1]}",input_interface="${input}",` +
    `input_interface_name="${interfaces[0]}",output_interface_name="${interfaces[1]}",` +
    `destination_asn_org="",source_alias="${aliases[0]}",destination_alias="${aliases[1]}"}`;
}

const SERIES = new Map([
  [
    detail({
      protocol: "tcp",
      countries: ["local", "US"],
      input: 4,
      interfaces: ["lan1", "wan0"],
      aliases: ["printer", "unknown"],
    }),
    2000,
  ],
  [
    detail({
      protocol: "tcp",
      countries: ["US", "local"],
      input: 0,
      interfaces: ["wan0", "lan1"],
      aliases: ["unknown", "printer"],
    }),
    500,
  ],
  [
    detail({
      protocol: "other (47)",
      countries: ["US", "local"],
      input: 7,
      interfaces: ["", "lan1"],
      aliases: ["unknown", "unknown"],
    }),
    70,
  ],
  ['netflow_flow_traffic_site{site="north",source_as="none",source_dns=""}', 2070],
  ['netflow_flow_traffic_site{site="north",source_as="15169",source_dns=""}', 500],
  ['netflow_server_total_flows{sampler="127.0.0.1"}', 8],
  ['netflow_server_dropped_flows{sampler="127.0.0.1"}', 4],
]);

/** The order of labels has no meaning. */
function withSortedLabels([series, value]: readonly [string, number]): [string, number] {
  const [, name, labels = ""] = /^(\w+)\{(.*)\}$/.exec(series)!;
  return [`${name}{${labels.split(/,(?=\w+=")/).toSorted().join(",")}}`, value];
}

/** The configuration, with the flows at a free port. */
async function configuration(): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".yml" });
  const text = await Deno.readTextFile(CONFIGURATION);
  await Deno.writeTextFile(file, text.replace("0.0.0.0:30000", "127.0.0.1:0"));
  await Deno.chmod(file, 0o644);
  return file;
}

async function send(port: number): Promise<void> {
  const address = { transport: "udp", hostname: "127.0.0.1" } as const;
  const socket = Deno.listenDatagram({ ...address, port: 0 });
  for (const datagram of DATAGRAMS) await socket.send(datagram, { ...address, port });
  socket.close();
}

/** Scrapes until the exposition is as wanted. */
async function scrapeUntil(exporter: Exporter, isWanted: (exposition: string) => boolean): Promise<string> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const exposition = await exporter.get("/metrics");
    if (isWanted(exposition)) return exposition;
    assert(Date.now() < deadline, exposition);
  }
}

Deno.test("a configuration of netflow-collector works unchanged", async () => {
  const file = await configuration();
  try {
    await using exporter = await Exporter.start([`--config=${file}`]);
    assert.equal(await exporter.get("/health"), "OK\n");
    const listening = /^netcensus_flow_buffer_bytes\{address="127\.0\.0\.1:(\d+)"\}/m;
    const port = Number(listening.exec(await scrapeUntil(exporter, (text) => listening.test(text)))![1]);
    await send(port);
    const all = 'netflow_server_total_flows{sampler="127.0.0.1"} 8\n';
    await scrapeUntil(exporter, (text) => text.includes(all));
    // The first to show all datagrams may have been made while the last came.
    const exposition = await exporter.get("/metrics");
    const series = [...seriesOf(exposition)].filter(([name]) => /^netflow_(?!server_scrape)/.test(name));
    assert.deepEqual(new Map(series.map(withSortedLabels)), new Map([...SERIES].map(withSortedLabels)));
    assert.match(exposition, /^# HELP netflow_flow_traffic_detail Traffic detail\n# TYPE \S+ counter$/m);
    assert.match(
      exposition,
      /^# TYPE netflow_server_scrape summary\n(netflow_server_scrape_(sum|count) .+\n){2}/m,
    );
    assert.match(exposition, /^netcensus_flow_lost_total\{stage="filter",exporter="127\.0\.0\.1"\} 4$/m);
    assert.match(
      exporter.lines.join("\n"),
      /level=warn msg="There is no GeoIP database" enricher=maxmind_asn /,
    );
  } finally {
    await Deno.remove(file);
  }
});
