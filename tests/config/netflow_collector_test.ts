import assert from "node:assert/strict";
import { COLLECTORS } from "../../collectors/mod.ts";
import netflow from "../../collectors/netflow/mod.ts";
import { loadNode } from "../../config/load.ts";
import { fromNetflowCollector } from "../../config/netflow_collector.ts";
import { showConfiguration } from "../../config/show.ts";
import { parseYaml } from "../../config/yaml.ts";
import { type Entry, type Node, nodeOf, plainOf, Problems } from "../../core/node.ts";
import { makePlan } from "../../program/plan.ts";
import { pass, type Plain, seriesOf } from "../helpers/pipelines.ts";
import { property, type Random } from "../helpers/random.ts";
import { MISTAKES, WRONG } from "./netflow_collector_messages_table.ts";

const FOLDER = new URL("../testdata/config/", import.meta.url).pathname;
const GOOD = Deno.readTextFileSync(`${FOLDER}netflow-collector.yml`);

function translated(text: string, problems: Problems): Node {
  return fromNetflowCollector(parseYaml(text, "c.yml", problems)!, problems);
}

function planOf(text: string) {
  const problems = new Problems();
  const plan = makePlan({ configured: translated(text, problems), collectors: COLLECTORS }, problems);
  return { plan, lines: problems.lines() };
}

function goodPlanOf(text: string) {
  const { plan, lines } = planOf(text);
  assert.deepEqual(lines, []);
  return plan!;
}

/** What is shown of flows when that is configured. */
function shown(text: string, flows: readonly Plain[]): Map<string, number> {
  const { pipelines: [pipeline] } = goodPlanOf(text);
  pass(pipeline!, flows);
  return seriesOf(pipeline!);
}

const FLOW: Plain = {
  exporter: "192.168.1.1",
  source_address: "10.0.0.1",
  destination_address: "9.9.9.9",
  next_hop: "0.0.0.0",
  input_interface: 4,
  output_interface: 0,
  protocol: 6,
  source_port: 50_000,
  destination_port: 443,
  destination_as: 19_281,
  bytes: 3_000_000_000,
  packets: 7,
};

Deno.test("fromNetflowCollector() leaves our own configuration as it is", () => {
  const node = nodeOf({ log: { level: "debug" }, pipelin: {} });
  assert.equal(fromNetflowCollector(node, new Problems()), node);
});

for (const text of ["", "- pipeline", "pipeline", "{}"]) {
  Deno.test(`fromNetflowCollector() leaves the document ${JSON.stringify(text)} as it is`, () => {
    const problems = new Problems(), node = parseYaml(text, "c.yml", problems)!;
    assert.equal(fromNetflowCollector(node, problems), node);
    assert.deepEqual(problems.lines(), []);
  });
}

Deno.test("a configuration of netflow-collector runs netflow alone, where it says", () => {
  const { pipelines, values: { collectors, web } } = goodPlanOf(GOOD);
  assert.deepEqual(pipelines.map(({ collector }) => collector.name), ["netflow"]);
  const { listen_address } = collectors["netflow"] as Record<string, unknown>;
  assert.deepEqual(listen_address, [{ hostname: "0.0.0.0", port: 30_000 }]);
  assert.deepEqual(web.listen_address, [{ hostname: "0.0.0.0", port: 30_001 }]);
  assert.equal(web.scrape_metric, "netflow_server_scrape");
});

Deno.test("a configuration of netflow-collector without a telemetry_endpoint serves metrics at our own port", () => {
  const { values: { web } } = goodPlanOf("netflow_endpoint: :30000\ntelemetry_endpoint:\n");
  assert.deepEqual(web.listen_address, [{ hostname: undefined, port: 19_100 }]);
});

Deno.test("loadNode() lets a flag win over the telemetry_endpoint", async () => {
  const problems = new Problems(), flags = nodeOf({ web: { listen_address: [":1"] } });
  const file = `${FOLDER}netflow-collector.yml`;
  const configured = await loadNode({ file, flags, environment: { PORT: "2" } }, problems);
  const plan = makePlan({ configured, collectors: COLLECTORS }, problems);
  assert.deepEqual(problems.lines(), []);
  assert.deepEqual(plan!.values.web.listen_address, [{ hostname: undefined, port: 1 }]);
});

Deno.test("a configuration of netflow-collector shows of the shipped metrics only netcensus_*", () => {
  const { pipelines: [pipeline] } = goodPlanOf("netflow_endpoint: :30000\n");
  const shipped = netflow.rules.map(({ name }) => String(name));
  assert.deepEqual(
    pipeline!.rules.map(({ options }) => options.name).toSorted(),
    [
      ...shipped.filter((name) => name.startsWith("netcensus_")),
      "server_dropped_flows",
      "server_total_flows",
    ].toSorted(),
  );
});

Deno.test("the rules of netflow-collector's metrics are counters of bytes with a budget", () => {
  const rules = goodPlanOf(GOOD).rules.map(plainOf) as Record<string, unknown>[];
  const { labels: _, ...rule } = rules.find(({ name }) => name === "netflow_flow_traffic_detail")!;
  assert.deepEqual(rule, {
    name: "netflow_flow_traffic_detail",
    help: "Traffic detail",
    type: "counter",
    source: "netflow",
    value: "bytes",
    ttl: 120,
    max_series: 100_000,
  });
});

Deno.test("a series of netflow-collector lives for three minutes when no flush_interval is said", () => {
  const text = "pipeline: { metrics: { items: [{ name: a, description: '', labels: [] }] } }";
  const rules = goodPlanOf(text).rules.map(plainOf) as Record<string, unknown>[];
  const { ttl, help } = rules.find(({ name }) => name === "flow_a")!;
  assert.deepEqual({ ttl, help }, { ttl: 180, help: undefined });
});

Deno.test("netflow-collector counts the flows of a sampler, and those of them that are filtered out", () => {
  const rules = goodPlanOf(GOOD).rules.map(plainOf) as Record<string, unknown>[];
  const own = rules.filter(({ name }) => String(name).startsWith("netflow_server_"));
  assert.deepEqual(
    own.map(({ name, type, source, labels, value }) => [name, type, source, labels, value]),
    [
      ["total_flows", "flows"],
      ["dropped_flows", "filtered"],
    ].map(([name, value]) => {
      return [`netflow_server_${name}`, "counter", "netflow_exporters", [
        { name: "sampler", field: "exporter" },
      ], value];
    }),
  );
});

Deno.test("showConfiguration() shows a configuration of netflow-collector as one of ours", async () => {
  const plan = goodPlanOf(GOOD);
  const shown = await showConfiguration(plan);
  const again = goodPlanOf(shown);
  assert.match(shown, /^collectors:\n/);
  assert.deepEqual(again.rules.map(plainOf), plan.rules.map(plainOf));
  assert.deepEqual(await showConfiguration(again), shown);
});

const ENRICH = `
  enrich: [maxmind_country, maxmind_asn, interface_mapper, protocol_name, host_alias]
extensions:
  interface_mapper: { 0: wan0 }
  host_alias: { alias_map: { 9.9.9.9: resolver } }
`;

interface LabelCase {
  readonly label: string;
  readonly value: string;
  readonly enrich?: string;
}

const LABELS: readonly LabelCase[] = [
  { label: "value: sampler, converter: ipv4", value: "192.168.1.1" },
  { label: "value: source_ip, converter: ipv4", value: "10.0.0.1" },
  { label: "value: destination_ip, converter: ipv4", value: "9.9.9.9" },
  { label: "value: next_hop, converter: ipv4", value: "0.0.0.0" },
  { label: "value: proto, converter: uint32", value: "6" },
  { label: "value: source_port, converter: uint32", value: "50000" },
  { label: "value: destination_port, converter: uint32", value: "443" },
  { label: "value: input_interface, converter: uint32", value: "4" },
  { label: "value: output_interface, converter: uint32", value: "0" },
  { label: "value: bytes, converter: uint64", value: "3000000000" },
  { label: "value: packets, converter: uint64", value: "7" },
  { label: "value: destination_as, converter: uint32", value: "19281" },
  { label: "value: source_as, converter: uint32", value: "" },
  { label: "value: source_as, converter: uint32, on_missing: empty_str", value: "" },
  { label: "value: source_as, converter: uint32, on_missing:", value: "" },
  { label: "value: source_as, converter: uint32, on_missing: none", value: "none" },
  { label: "value: north, converter: static", value: "north" },
  { label: "value: 10.0.0.1, converter: static", value: "10.0.0.1" },
  { label: "value: source_country, converter: str", value: "local" },
  { label: "value: destination_country, converter: str", value: "Unknown" },
  { label: "value: destination_asn_org, converter: str", value: "" },
  { label: "value: destination_asn_num, converter: uint32", value: "" },
  { label: "value: proto_name, converter: str", value: "tcp" },
  { label: "value: input_interface_name, converter: str", value: "" },
  { label: "value: output_interface_name, converter: str", value: "wan0" },
  { label: "value: source_host_alias, converter: str", value: "unknown" },
  { label: "value: destination_host_alias, converter: str", value: "resolver" },
  { label: "value: source_country, converter: str", enrich: "", value: "" },
  { label: "value: proto_name, converter: str, on_missing: none", enrich: "", value: "none" },
  { label: "value: destination_dns, converter: str", value: "" },
  {
    label: "value: destination_host_alias, converter: str",
    enrich: "enrich: [host_alias]",
    value: "unknown",
  },
  { label: "value: output_interface_name, converter: str", enrich: "enrich: [interface_mapper]", value: "" },
];

for (const { label, value, enrich = ENRICH } of LABELS) {
  const asked = enrich === ENRICH ? "" : ` with ${enrich || "no enrichers"}`;
  Deno.test(`a label of netflow-collector with ${label} is "${value}"${asked}`, () => {
    const items = `[{ name: a, labels: [{ name: x, ${label} }] }]`;
    const text = `pipeline:\n  metrics: { prefix: p, items: ${items} }\n  ${enrich.trimStart()}`;
    assert.deepEqual([...shown(text, [FLOW])], [[`p_flow_a{x="${value}"}`, 3_000_000_000]]);
  });
}

Deno.test("the labels of netflow-collector are in their order", () => {
  const labels = "{ name: b, value: proto, converter: uint32 }, { name: a, value: n, converter: static }";
  const text = `pipeline: { metrics: { prefix: p, items: [{ name: a, labels: [${labels}] }] } }`;
  assert.deepEqual([...shown(text, [FLOW]).keys()], ['p_flow_a{b="6",a="n"}']);
});

Deno.test("reverse_dns of netflow-collector has the options that are said", () => {
  const problems = new Problems();
  const labels = "[{ name: x, value: source_dns, converter: str }]";
  const metrics = `{ items: [{ name: a, labels: ${labels} }] }`;
  const options = "{ cache_duration: 1h30m, lookup_local: true }";
  const text =
    `{ pipeline: { enrich: [reverse_dns], metrics: ${metrics} }, extensions: { reverse_dns: ${options} } }`;
  const { enrich, rules } = plainOf(translated(text, problems)) as {
    enrich: unknown;
    rules: readonly Record<string, unknown>[];
  };
  assert.deepEqual(problems.lines(), []);
  assert.deepEqual(enrich, { reverse_dns: { cache_duration: "1h30m", lookup_local: true } });
  assert.deepEqual(rules.at(-1)!["labels"], [
    { name: "x", field: "source_address", steps: ["reverse_dns", { on_missing: "unknown" }] },
  ]);
});

const FILTERS: readonly { filter: string; drops: readonly Plain[]; keeps: readonly Plain[] }[] = [
  {
    filter: "local-to-local: true",
    drops: [
      { source_address: "10.0.0.1", destination_address: "192.168.0.1" },
      { source_address: "127.0.0.1", destination_address: "255.255.255.255" },
      { source_address: "fe80::1", destination_address: "ff02::1" },
    ],
    keeps: [{}, { source_address: "9.9.9.9", destination_address: "10.0.0.1" }],
  },
  { filter: "local-to-local: false", drops: [], keeps: [{ destination_address: "10.0.0.2" }] },
  {
    filter: "match: destination_ip, local-to-local: false, is: 9.9.9.9",
    drops: [{}],
    keeps: [{ destination_address: "9.9.9.8" }],
  },
  {
    filter: "match: next_hop, cidr: 10.0.0.0/8",
    drops: [{ next_hop: "10.1.2.3" }],
    keeps: [{}, { next_hop: undefined }],
  },
  { filter: "match: proto, isUint32: 6", drops: [{}], keeps: [{ protocol: 17 }] },
  {
    filter: 'match: destination_as, isUint32: "0"',
    drops: [],
    keeps: [{}, { destination_as: undefined }],
  },
  {
    filter: "match: source_ip, isUint32: 1, is: 9.9.9.9, cidr: 10.0.0.0/8",
    drops: [{}],
    keeps: [{ source_address: "9.9.9.9" }],
  },
  {
    filter: "match: source_port, isUint32: 53 }, { match: destination_port, isUint32: 53",
    drops: [{ source_port: 53 }, { destination_port: 53 }],
    keeps: [{}],
  },
];

for (const { filter, drops, keeps } of FILTERS) {
  const text =
    `pipeline: { filter: [{ ${filter} }], metrics: { prefix: p, items: [{ name: a, labels: [] }] } }`;
  for (const [i, flow] of drops.entries()) {
    Deno.test(`the filter {${filter}} of netflow-collector drops flow ${i + 1}`, () => {
      assert.deepEqual([...shown(text, [{ ...FLOW, ...flow, bytes: 1 }])], [["p_flow_a", 0]]);
    });
  }
  for (const [i, flow] of keeps.entries()) {
    Deno.test(`the filter {${filter}} of netflow-collector keeps flow ${i + 1 + drops.length}`, () => {
      assert.deepEqual([...shown(text, [{ ...FLOW, ...flow, bytes: 1 }])], [["p_flow_a", 1]]);
    });
  }
}

Deno.test("a check says where and what is wrong with netflow-collector-mistakes.yml", () => {
  const { lines } = planOf(Deno.readTextFileSync(`${FOLDER}netflow-collector-mistakes.yml`));
  assert.deepEqual(lines, MISTAKES.map((line) => `c.yml:${line}`));
});

for (const { text, lines } of WRONG) {
  Deno.test(`a check says what is wrong with ${text}`, () => {
    assert.deepEqual(planOf(text).lines, lines.map((line) => `c.yml:${line}`));
  });
}

Deno.test("a check does not ask for settings of an enricher that is not listed", () => {
  goodPlanOf("extensions: { reverse_dns: { cache_duration: never }, host_alias: [] }");
});

/** All keys, and words that stand for something, of the good file. */
const WORDS = [...new Set(GOOD.match(/[\w./-]+/g))];

function mutated(node: Node, random: Random): Node {
  if (random.int(60) === 0) return random.pick(REPLACEMENTS)(random, node);
  if (node.kind === "list") {
    return {
      ...node,
      items: changed(node.items, random, (item) => mutated(item, random)),
    };
  }
  if (node.kind === "scalar") return node;
  const entries = changed(node.entries, random, (entry): Entry => ({
    ...entry,
    key: random.int(60) === 0 ? random.pick(WORDS) : entry.key,
    value: mutated(entry.value, random),
  }));
  return { ...node, entries };
}

/** Now and then one is left out, or there twice. */
function changed<T>(items: readonly T[], random: Random, change: (item: T) => T): T[] {
  return items.flatMap((item) => {
    const fate = random.int(60);
    return fate === 0 ? [] : fate === 1 ? [change(item), change(item)] : [change(item)];
  });
}

const REPLACEMENTS: readonly ((random: Random, node: Node) => Node)[] = [
  (_, node) => ({ kind: "scalar", place: node.place, value: null, text: "" }),
  (random, node) =>
    nodeOf(random.pick([...WORDS, "__proto__", "constructor", "", "-1", "1e999", "{"]), node.place),
  (random, node) => nodeOf(random.int(2 ** 32), node.place),
  (random, node) => nodeOf(random.int(2) === 0, node.place),
  (_, node) => ({ kind: "list", place: node.place, items: [node, node] }),
  (random, node) => {
    const key = random.pick([...WORDS, "__proto__", "toString"]);
    return { kind: "map", place: node.place, entries: [{ key, place: node.place, value: node }] };
  },
];

property("fromNetflowCollector() never throws, and what is wrong has a place", (random) => {
  const node = parseYaml(GOOD, "c.yml", new Problems())!;
  for (let i = 0; i < 500; i++) {
    const problems = new Problems();
    const configured = fromNetflowCollector(mutated(node, random), problems);
    makePlan({ configured, collectors: COLLECTORS }, problems);
    for (const { place } of problems.list) assert.match(place, /^c\.yml:\d+:\d+$/);
  }
});
