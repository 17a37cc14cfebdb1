import assert from "node:assert/strict";
import type { ShippedRule } from "../../core/collector.ts";
import type { Value } from "../../core/enricher.ts";
import { type Literal, type Node, nodeOf, Problems } from "../../core/node.ts";
import { recordType } from "../../core/record.ts";
import { compileRules } from "../../metrics/compile.ts";
import type { NamedLookup } from "../../metrics/expressions.ts";
import { mergeRules } from "../../metrics/merge_rules.ts";
import { textOf } from "../../metrics/steps.ts";
import { mapOf, nothing, placed } from "../helpers/nodes.ts";
import {
  compile,
  emit,
  pass,
  pipelineOf,
  type Plain,
  problemsOf,
  problemsOfRule,
  seriesOf,
  settle,
} from "../helpers/pipelines.ts";

const FIELDS = {
  host: { type: "ip", help: "Address" },
  port: { type: "number", max: 65535, help: "Port" },
  bytes: { type: "number", help: "Bytes" },
  name: { type: "text", help: "Name" },
  state: { type: "choice", choices: ["LISTEN", "ESTABLISHED"], help: "State" },
} as const;
const SOCKETS = recordType({ name: "sockets", help: "Sockets", kind: "snapshot", fields: FIELDS });
const FLOWS = recordType({ name: "flows", help: "Flows", kind: "stream", fields: FIELDS });
const DNS: NamedLookup = { outputs: ["name", "domain"], lookup: () => undefined };
const OPTIONS = { types: [SOCKETS, FLOWS], lookups: new Map([["dns", DNS]]), unconfigured: ["geoip"] };
const RULE = { name: "metric", source: "sockets" };

const STEPS = "lower, upper, prefix, suffix, truncate, map, regex, cidr, port_class, static, on_missing, dns";
const KNOWN = "known are host, port, bytes, name, state";

function histogram(buckets: Literal) {
  return { type: "histogram", value: "bytes", buckets };
}

function summary(quantiles: Literal) {
  return { source: "flows", type: "summary", value: "bytes", quantiles };
}

/** What is said in addition to the name and the source of a rule, and the problem with the path in the rule. */
const PROBLEMS: readonly { rule: { readonly [key: string]: Literal }; problem: string }[] = [
  { rule: { lables: [] }, problem: 'key lables: Unknown key "lables" (did you mean "labels"?)' },
  {
    rule: { name: "a b" },
    problem: 'name: "a b" is not a name for a metric: letters, digits, _ and :, not a digit first',
  },
  {
    rule: { name: "9lives" },
    problem: 'name: "9lives" is not a name for a metric: letters, digits, _ and :, not a digit first',
  },
  {
    rule: { name: "größe" },
    problem: 'name: "größe" is not a name for a metric: letters, digits, _ and :, not a digit first',
  },
  ...["netcensus_rows", "process_cpu_seconds_total", "nodejs_heap", "scrape_duration_seconds", "up"].map((
    name,
  ) => ({
    rule: { name },
    problem: `name: The name "${name}" is reserved for the exporter's own metrics`,
  })),
  { rule: { help: "" }, problem: 'help: Expected a text, not ""' },
  {
    rule: { type: "guage" },
    problem: 'type: Expected one of gauge, counter, histogram, summary, not "guage" (did you mean "gauge"?)',
  },
  {
    rule: { source: "socket" },
    problem: 'source: Unknown source "socket" (did you mean "sockets"?); known are sockets, flows',
  },
  { rule: { source: "x" }, problem: 'source: Unknown source "x"; known are sockets, flows' },
  {
    rule: { ttl: "5m" },
    problem: "ttl: The records of sockets are snapshots: their series have no time to live",
  },
  {
    rule: { source: "flows", ttl: "5 minutes" },
    problem: 'ttl: Expected a duration such as 30s, 5m or 2h, not "5 minutes"',
  },
  { rule: { max_series: 0 }, problem: 'max_series: Expected a whole number from 1 to 10000000, not "0"' },
  {
    rule: { max_series: 10_000_001 },
    problem: 'max_series: Expected a whole number from 1 to 10000000, not "10000001"',
  },
  { rule: { max_series: 1.5 }, problem: 'max_series: Expected a whole number from 1 to 10000000, not "1.5"' },
  { rule: { enabled: "perhaps" }, problem: 'enabled: Expected true or false, not "perhaps"' },
  {
    rule: { value: "name" },
    problem: 'value: Expected count or a field that is a number, not "name"; such are port, bytes',
  },
  {
    rule: { value: "byte" },
    problem: 'value: Expected count or a field that is a number, not "byte" (did you mean "bytes"?)',
  },
  {
    rule: { ...histogram([1]), value: "count" },
    problem: 'value: Expected count or a field that is a number, not "count"; such are port, bytes',
  },
  { rule: { buckets: [1] }, problem: "buckets: A gauge has no buckets" },
  {
    rule: { ...summary([0.5]), value: "count" },
    problem: 'value: Expected count or a field that is a number, not "count"; such are port, bytes',
  },
  { rule: { ...summary([0.5]), buckets: [1] }, problem: "buckets: A summary has no buckets" },
  { rule: { quantiles: [0.5] }, problem: "quantiles: A gauge has no quantiles" },
  { rule: { ...histogram([1]), quantiles: [0.5] }, problem: "quantiles: A histogram has no quantiles" },
  {
    rule: { source: "flows", type: "summary", value: "bytes" },
    problem: 'type: A summary needs "quantiles": numbers that ascend',
  },
  { rule: summary([0.9, 0.5]), problem: 'quantiles: A summary needs "quantiles": numbers that ascend' },
  { rule: summary([0.5, 0.5]), problem: 'quantiles: A summary needs "quantiles": numbers that ascend' },
  { rule: summary([0.5, 99]), problem: 'quantiles[1]: Expected a number from 0 to 1, not "99"' },
  { rule: summary([-0.1]), problem: 'quantiles[0]: Expected a number from 0 to 1, not "-0.1"' },
  {
    rule: { ...summary([0.5]), source: "sockets" },
    problem: "type: The records of sockets are snapshots: a summary is of those of a stream",
  },
  {
    rule: { labels: [{ name: "name", steps: [{ cidr: { v4: 8 } }] }] },
    problem: 'labels[0].steps[0]: The step "cidr" makes something of an address only, and name is a text',
  },
  {
    rule: { labels: [{ name: "host", steps: ["port_class"] }] },
    problem:
      'labels[0].steps[0]: The step "port_class" makes something of a number only, and host is an address',
  },
  {
    rule: { type: "counter" },
    problem: "type: The records of sockets are snapshots: their number goes up and down",
  },
  { rule: { type: "counter", value: "bytes", buckets: [1] }, problem: "buckets: A counter has no buckets" },
  {
    rule: { type: "histogram", value: "bytes" },
    problem: 'type: A histogram needs "buckets": numbers that ascend',
  },
  { rule: histogram([2, 1]), problem: 'buckets: A histogram needs "buckets": numbers that ascend' },
  { rule: histogram([1, 1]), problem: 'buckets: A histogram needs "buckets": numbers that ascend' },
  { rule: { labels: "name" }, problem: 'labels: Expected a list of labels, not "name"' },
  { rule: { labels: { a: "name" } }, problem: "labels: Expected a list of labels, not a map" },
  {
    rule: { labels: ["host", "nmae"] },
    problem: `labels[1]: Unknown field "nmae" of sockets (did you mean "name"?); ${KNOWN}`,
  },
  {
    rule: { labels: [{ name: "process" }] },
    problem: `labels[0].name: Unknown field "process" of sockets; ${KNOWN}`,
  },
  {
    rule: { labels: [{ name: "process", field: "nam" }] },
    problem: `labels[0].field: Unknown field "nam" of sockets (did you mean "name"?); ${KNOWN}`,
  },
  {
    rule: { labels: [{ name: "a", field: ["host", "prot"] }] },
    problem: `labels[0].field[1]: Unknown field "prot" of sockets (did you mean "port"?); ${KNOWN}`,
  },
  {
    rule: { labels: [{ name: "a", field: ["host", "port", "name"] }] },
    problem: "labels[0].field: A value is made of one field or of two",
  },
  { rule: { labels: [{ name: "a", field: {} }] }, problem: "labels[0].field: Expected a text, not a map" },
  { rule: { labels: [{ field: "name" }] }, problem: 'labels[0]: A label needs the key "name"' },
  { rule: { labels: [["name"]] }, problem: "labels[0]: Expected a map, not a list" },
  {
    rule: { labels: [{ name: "name", feild: "name" }] },
    problem: 'key labels[0].feild: Unknown key "feild" (did you mean "field"?)',
  },
  ...["a-b", "9a", "a:b", "__name", "größe"].map((name) => ({
    rule: { labels: [{ name, field: "name" }] },
    problem:
      `labels[0].name: "${name}" is not a name for a label: letters, digits and _, not a digit or __ first`,
  })),
  { rule: { labels: ["name", "port", "name"] }, problem: 'labels[2]: The label "name" is there twice' },
  {
    rule: { labels: ["name", { name: "name", field: "port" }] },
    problem: 'labels[1].name: The label "name" is there twice',
  },
  {
    rule: { ...histogram([1]), labels: [{ name: "le", field: "name" }] },
    problem: 'labels[0].name: The label "le" of a histogram is that of its buckets',
  },
  {
    rule: { ...summary([0.5]), labels: [{ name: "quantile", field: "name" }] },
    problem: 'labels[0].name: The label "quantile" of a summary is that of its quantiles',
  },
  {
    rule: { labels: [{ name: "name", steps: ["lowr"] }] },
    problem: `labels[0].steps[0]: Unknown step "lowr" (did you mean "lower"?); known are ${STEPS}`,
  },
  {
    rule: { labels: [{ name: "name", steps: ["lower", { prefiks: "x" }] }] },
    problem:
      `key labels[0].steps[1].prefiks: Unknown step "prefiks" (did you mean "prefix"?); known are ${STEPS}`,
  },
  {
    rule: { labels: [{ name: "name", steps: ["constructor"] }] },
    problem: `labels[0].steps[0]: Unknown step "constructor"; known are ${STEPS}`,
  },
  {
    rule: { labels: [{ name: "name", steps: [{ prefix: "a", suffix: "b" }] }] },
    problem: 'labels[0].steps[0]: Expected a step such as "lower" or {prefix: "x"}, not a map',
  },
  {
    rule: { labels: [{ name: "name", steps: [["lower"]] }] },
    problem: 'labels[0].steps[0]: Expected a step such as "lower" or {prefix: "x"}, not a list',
  },
  {
    rule: { labels: [{ name: "name", steps: ["prefix"] }] },
    problem: 'labels[0].steps[0]: The step "prefix" needs an argument: a text put in front',
  },
  {
    rule: { labels: [{ name: "name", steps: [{ upper: "x" }] }] },
    problem: 'labels[0].steps[0].upper: Expected no argument, not "x"',
  },
  {
    rule: { labels: [{ name: "name", steps: [{ regex: { match: "(" } }] }] },
    problem: 'labels[0].steps[0].regex.match: Cannot compile the regular expression "(": Unterminated group',
  },
  {
    rule: { labels: [{ name: "host", steps: [{ dns: "nmae" }] }] },
    problem: 'labels[0].steps[0].dns: "dns" has no "nmae" (did you mean "name"?); it has name, domain',
  },
  {
    rule: { labels: [{ name: "host", steps: [{ dns: [] }] }] },
    problem: "labels[0].steps[0].dns: Expected a text, not a list",
  },
  {
    rule: { labels: [{ name: "host", steps: ["geoip"] }] },
    problem: 'labels[0].steps[0]: The step "geoip" needs an entry "geoip" in "enrich"',
  },
  {
    rule: { labels: [{ name: "host", steps: [{ geoip: "country" }] }] },
    problem: 'key labels[0].steps[0].geoip: The step "geoip" needs an entry "geoip" in "enrich"',
  },
  {
    rule: { filter: { match: "name", cidr: "10.0.0.0/8" } },
    problem: "filter.cidr: The condition cidr is for addresses only",
  },
  {
    rule: { filter: [{ match: "host", is: "localhost" }] },
    problem: 'filter[0].is: Expected an IP address, not "localhost"',
  },
  {
    rule: { filter: { match: "name", steps: ["lowr"], is: "x" } },
    problem: `filter.steps[0]: Unknown step "lowr" (did you mean "lower"?); known are ${STEPS}`,
  },
];

for (const { rule, problem } of PROBLEMS) {
  Deno.test(`compileRules() reports what is wrong with ${JSON.stringify(rule)}`, () => {
    assert.deepEqual(problemsOfRule(OPTIONS, placed({ ...RULE, ...rule })), [problem]);
  });
}

Deno.test("compileRules() reports a rule without a source", () => {
  assert.deepEqual(problemsOfRule(OPTIONS, placed({ name: "metric" })), [
    'name: The rule "metric" needs the key "source": one of sockets, flows',
  ]);
});

Deno.test("compileRules() reports a label without a value", () => {
  const labels: Node = { kind: "list", place: "labels", items: [nothing("labels[0]")] };
  const rule = mapOf([
    { key: "name", place: "key name", value: nodeOf("metric") },
    { key: "source", place: "key source", value: nodeOf("sockets") },
    { key: "labels", place: "key labels", value: labels },
  ]);
  assert.deepEqual(problemsOfRule(OPTIONS, rule), ["labels[0]: Expected a text, not nothing"]);
});

Deno.test("compileRules() reports each thing that is wrong with a rule", () => {
  const rule = {
    ...RULE,
    name: "up",
    value: "x",
    buckets: [1],
    labels: ["x", { name: "port", steps: ["y"] }],
    filter: "z",
  };
  const places = problemsOfRule(OPTIONS, placed(rule)).map((line) => line.split(":")[0]);
  assert.deepEqual(places.toSorted(), [
    "buckets",
    "filter",
    "labels[0]",
    "labels[1].steps[0]",
    "name",
    "value",
  ]);
});

Deno.test("compileRules() adds no rule that has something wrong with it", () => {
  const rules = [{ ...RULE, name: "bad", value: "x" }, { ...RULE, name: "good" }];
  const { rules: compiled } = compile({ ...OPTIONS, rules }, { problems: new Problems() });
  assert.deepEqual(compiled.map(({ options }) => options.name), ["good"]);
});

/** A rule and one whose name is that of series of the first, in either order. */
function clashes(
  rule: ShippedRule,
  suffix: string,
): readonly { a: ShippedRule; b: ShippedRule; problem: string }[] {
  const other = { ...RULE, name: `metric${suffix}` };
  return [
    { a: rule, b: other, problem: `The series of "metric${suffix}" and "metric" would have the same name` },
    { a: other, b: rule, problem: `The series of "metric" and "metric${suffix}" would have the same name` },
  ];
}

const CLASHES: readonly { a: ShippedRule; b: ShippedRule; problem: string }[] = [
  ...["_bucket", "_sum", "_count", "_gsum", "_gcount"].flatMap((suffix) =>
    clashes({ ...RULE, ...histogram([1]) }, suffix)
  ),
  ...["_sum", "_count"].flatMap((suffix) => clashes({ ...RULE, ...summary([0.5]) }, suffix)),
  {
    a: { ...RULE, name: "metric_total", source: "flows" },
    b: RULE,
    problem: 'The series of "metric" and "metric_total" would have the same name',
  },
];

for (const { a, b, problem } of CLASHES) {
  const [first, second] = [a, b].map(({ type = "metric", name }) => `${type} ${name}`);
  Deno.test(`compileRules() reports that a ${first} and a ${second} clash`, () => {
    assert.deepEqual(problemsOf({ ...OPTIONS, rules: [a, b] }), [problem]);
  });
}

Deno.test("compileRules() reports no clash with a rule that is not enabled", () => {
  const rules = [{ ...RULE, ...histogram([1]), enabled: false }, { ...RULE, name: "metric_count" }];
  assert.deepEqual(problemsOf({ ...OPTIONS, rules }), []);
});

for (const suffix of ["_bucket", "_gsum", "_gcount"]) {
  Deno.test(`compileRules() reports no clash of a summary with a rule whose name ends in ${suffix}`, () => {
    const rules = [{ ...RULE, ...summary([0.5]) }, { ...RULE, name: `metric${suffix}` }];
    assert.deepEqual(problemsOf({ ...OPTIONS, rules }), []);
  });
}

const QUANTILES = [
  { quantiles: [0.5, 0.9, 0.95, 0.99], stride: 6 },
  { quantiles: [0, 1], stride: 4 },
  { quantiles: [], stride: 2 },
];

for (const { quantiles, stride } of QUANTILES) {
  Deno.test(`compileRules() makes a summary of the quantiles [${quantiles}]`, () => {
    const { rules } = pipelineOf({ ...OPTIONS, rules: [{ name: "metric", ...summary(quantiles) }] });
    assert.deepEqual([rules[0]!.options.type, rules[0]!.options.quantiles], ["summary", quantiles]);
    assert.equal(rules[0]!.stride, stride);
  });
}

for (const type of ["gauge", "counter", "histogram"]) {
  Deno.test(`compileRules() takes the label "quantile" of a ${type}`, () => {
    const own = type === "histogram" ? histogram([1]) : { type };
    const rule = { name: "metric", ...own, source: "flows", labels: [{ name: "quantile", field: "name" }] };
    assert.deepEqual(problemsOf({ ...OPTIONS, rules: [rule] }), []);
  });
}

const TYPES = [
  { rule: { source: "sockets" }, type: "gauge" },
  { rule: { source: "flows" }, type: "counter" },
  { rule: { source: "sockets", type: "counter", value: "bytes" }, type: "counter" },
  { rule: { source: "flows", type: "gauge" }, type: "gauge" },
];

for (const { rule, type } of TYPES) {
  Deno.test(`compileRules() makes ${JSON.stringify(rule)} a ${type}`, () => {
    const { rules } = pipelineOf({ ...OPTIONS, rules: [{ name: "metric", ...rule }] });
    assert.equal(rules[0]!.options.type, type);
  });
}

Deno.test("compileRules() gives a rule what is not written", () => {
  const { options: { help, buckets }, group: { maxSeries, labels } } = pipelineOf({
    ...OPTIONS,
    rules: [RULE],
  }).rules[0]!;
  assert.deepEqual(
    { help, maxSeries, buckets, labels },
    { help: "A metric defined in the configuration.", maxSeries: 10_000, buckets: [], labels: [] },
  );
});

for (const { rule, ttl } of [{ rule: {}, ttl: 600 }, { rule: { ttl: "2m" }, ttl: 120 }]) {
  Deno.test(`compileRules() makes the time to live of ${JSON.stringify(rule)} ${ttl} seconds`, () => {
    const flows = { name: "metric", source: "flows", labels: ["name"], ...rule };
    const pipeline = pipelineOf({ ...OPTIONS, rules: [flows] });
    pipeline.tick(1000);
    emit(pipeline, { name: "a" }, FLOWS);
    const shown = [1000 + ttl, 1001 + ttl].map((clock) => {
      pipeline.tick(clock);
      settle(pipeline);
      return seriesOf(pipeline).size;
    });
    assert.deepEqual(shown, [1, 0]);
  });
}

const RECORD = { host: "10.1.2.3", port: 53, name: "Nginx", state: "LISTEN", bytes: 7 };

/** Labels, and what stands between the braces of a record. */
const LABELS: readonly { labels: Literal; pairs: string }[] = [
  { labels: ["name"], pairs: 'name="Nginx"' },
  { labels: [{ name: "name" }], pairs: 'name="Nginx"' },
  { labels: [{ name: "process", field: "name" }], pairs: 'process="Nginx"' },
  { labels: [{ name: "name", steps: ["lower"] }], pairs: 'name="nginx"' },
  { labels: [{ name: "name", steps: "lower" }], pairs: 'name="nginx"' },
  { labels: [{ name: "name", steps: [] }], pairs: 'name="Nginx"' },
  { labels: [{ name: "name", steps: ["lower", { prefix: "x" }] }], pairs: 'name="xnginx"' },
  { labels: [{ name: "name", steps: { prefix: "x" } }], pairs: 'name="xNginx"' },
  { labels: [{ name: "job", steps: [{ static: "here" }] }], pairs: 'job="here"' },
  { labels: [{ name: "job", steps: { static: "here" } }], pairs: 'job="here"' },
  { labels: [{ name: "job", steps: [{ static: "a" }, "upper"] }], pairs: 'job="A"' },
  { labels: [{ name: "name", field: "port", steps: [{ static: "a" }] }], pairs: 'name="a"' },
  { labels: [{ name: "a", field: ["host", "port"] }], pairs: 'a="10.1.2.3:53"' },
  { labels: [{ name: "a", field: ["port"] }], pairs: 'a="53"' },
  { labels: ["name", "port"], pairs: 'name="Nginx",port="53"' },
  {
    labels: ["name", "port", { name: "lower", field: "name", steps: ["lower"] }],
    pairs: 'name="Nginx",lower="nginx",port="53"',
  },
  {
    labels: [{ name: "a", steps: [{ static: "x" }] }, "port", { name: "b", steps: [{ static: "y" }] }],
    pairs: 'a="x",b="y",port="53"',
  },
  { labels: [{ name: "le", field: "port" }], pairs: 'le="53"' },
  { labels: [{ name: "host", steps: ["dns"] }], pairs: 'host=""' },
];

for (const { labels, pairs } of LABELS) {
  Deno.test(`compileRules() makes the labels ${JSON.stringify(labels)}`, () => {
    const pipeline = pipelineOf({ ...OPTIONS, rules: [{ ...RULE, labels }] });
    pass(pipeline, [RECORD]);
    assert.deepEqual([...seriesOf(pipeline).keys()], [`metric{${pairs}}`]);
  });
}

Deno.test("compileRules() makes one label of those that come from the same field", () => {
  const labels = ["name", { name: "lower", field: "name", steps: ["lower"] }, "port"];
  const { rules } = pipelineOf({ ...OPTIONS, rules: [{ ...RULE, labels }] });
  assert.equal(rules[0]!.group.labels.length, 2);
});

const OUTPUTS = [
  { step: "dns", output: "name" },
  { step: { dns: "name" }, output: "name" },
  { step: { dns: "domain" }, output: "domain" },
];

for (const { step, output } of OUTPUTS) {
  Deno.test(`compileRules() asks an enricher for "${output}" when the step is ${JSON.stringify(step)}`, () => {
    const lookup: NamedLookup = { ...DNS, lookup: (value, output) => `${output} of ${value}` };
    const labels = [{ name: "host", steps: [step] }];
    const pipeline = pipelineOf({
      ...OPTIONS,
      lookups: new Map([["dns", lookup]]),
      rules: [{ ...RULE, labels }],
    });
    pass(pipeline, [RECORD]);
    assert.deepEqual([...seriesOf(pipeline).keys()], [`metric{host="${output} of 10.1.2.3"}`]);
  });
}

Deno.test("compileRules() asks an enricher nothing about what is absent", () => {
  const lookup: NamedLookup = { ...DNS, lookup: () => assert.fail() };
  const labels = [{ name: "host", steps: ["dns"] }];
  const pipeline = pipelineOf({
    ...OPTIONS,
    lookups: new Map([["dns", lookup]]),
    rules: [{ ...RULE, labels }],
  });
  pass(pipeline, [{}]);
  assert.deepEqual([...seriesOf(pipeline).keys()], ['metric{host=""}']);
});

Deno.test("compileRules() gives each rule to the records of its source", () => {
  const rules = [RULE, { name: "flow", source: "flows" }];
  const pipeline = pipelineOf({ ...OPTIONS, rules });
  pipeline.begin();
  emit(pipeline, RECORD, FLOWS);
  settle(pipeline);
  assert.deepEqual([...seriesOf(pipeline)], [["metric", 0], ["flow", 1]]);
});

/** An enricher that tells whether the last digits of two values are both even, which is all that it needs of them. */
function parity(): NamedLookup & { readonly asked: string[]; readonly parts: string[] } {
  const asked: string[] = [], parts: string[] = [];
  const digitOf = (value: Value) => Number(String(value).at(-1)) % 2 === 0 ? "even" : "odd";
  return {
    outputs: ["parity"],
    asked,
    parts,
    lookup(value) {
      asked.push(textOf(value));
      return value instanceof Array && value.every((part) => part === "even") ? "both" : "no";
    },
    part(value) {
      parts.push(textOf(value));
      return value instanceof Array ? undefined : digitOf(value);
    },
  };
}

/** What a rule with the label shows of a record, and what its enricher was asked. */
function askParity(label: Literal, record: Plain = { host: "10.0.0.2", port: 54 }) {
  const lookup = parity(), rules = [{ ...RULE, labels: [label] }];
  const pipeline = pipelineOf({ ...OPTIONS, lookups: new Map([["parity", lookup]]), rules });
  pass(pipeline, [record]);
  return { series: [...seriesOf(pipeline).keys()].join(), asked: lookup.asked, parts: lookup.parts };
}

const BOTH = ["host", "port"];
const ASKED = [
  { label: { name: "a", field: BOTH, steps: ["parity"] }, shown: "both", asked: "even:even" },
  { label: { name: "a", field: BOTH, steps: ["parity", "upper"] }, shown: "BOTH", asked: "even:even" },
  { label: { name: "a", field: BOTH, steps: ["lower", "parity"] }, shown: "no", asked: "10.0.0.2:54" },
  { label: { name: "a", field: "host", steps: ["parity"] }, shown: "no", asked: "10.0.0.2" },
  { label: { name: "a", field: ["host"], steps: ["parity"] }, shown: "no", asked: "10.0.0.2" },
];

for (const { label, shown, asked } of ASKED) {
  Deno.test(`compileRules() asks an enricher with parts for "${asked}" when the label is ${JSON.stringify(label)}`, () => {
    const answer = askParity(label);
    assert.deepEqual([answer.series, answer.asked], [`metric{a="${shown}"}`, [asked]]);
  });
}

for (
  const [record, asked] of [[{ port: 54 }, [":even"]], [{ host: "10.0.0.2" }, ["even:"]], [{}, []]] as const
) {
  Deno.test(`compileRules() asks an enricher with parts for [${asked}] of ${JSON.stringify(record)}`, () => {
    assert.deepEqual(askParity({ name: "a", field: BOTH, steps: ["parity"] }, record).asked, asked);
  });
}

Deno.test("compileRules() makes one label of two that come from the same part", () => {
  const lookup = parity(), field = BOTH;
  const labels = [{ name: "a", field, steps: ["parity"] }, { name: "b", field, steps: ["parity", "upper"] }];
  const rules = [{ ...RULE, labels }];
  const pipeline = pipelineOf({ ...OPTIONS, lookups: new Map([["parity", lookup]]), rules });
  pass(pipeline, [{ host: "10.0.0.2", port: 54 }, { host: "10.0.0.4", port: 56 }]);
  assert.equal(pipeline.rules[0]!.group.labels.length, 1);
  assert.deepEqual(lookup.parts.toSorted(), ["10.0.0.2", "10.0.0.4", "54", "56"]);
  assert.deepEqual([...seriesOf(pipeline)], [['metric{a="both",b="BOTH"}', 2]]);
});

Deno.test("compileRules() shares the parts among rules and filters", () => {
  const lookup = parity(), field = BOTH;
  const rules = [
    { ...RULE, labels: [{ name: "a", field, steps: ["parity"] }] },
    { ...RULE, name: "b", filter: { match: field, steps: ["parity"], is: "both" } },
  ];
  const pipeline = pipelineOf({ ...OPTIONS, lookups: new Map([["parity", lookup]]), rules });
  pass(pipeline, [{ host: "10.0.0.2", port: 54 }, { host: "10.0.0.3", port: 54 }]);
  assert.deepEqual(lookup.parts.toSorted(), ["10.0.0.2", "10.0.0.3", "54"]);
  assert.deepEqual([...seriesOf(pipeline)], [['metric{a="both"}', 1], ['metric{a="no"}', 1], ["b", 1]]);
});

Deno.test("compileRules() keeps labels of parts and of whole values apart", () => {
  const lookup = parity(), field = BOTH;
  const labels = [{ name: "a", field, steps: ["parity"] }, { name: "b", field }];
  const rules = [{ ...RULE, labels }];
  const pipeline = pipelineOf({ ...OPTIONS, lookups: new Map([["parity", lookup]]), rules });
  pass(pipeline, [{ host: "10.0.0.2", port: 54 }]);
  assert.deepEqual([...seriesOf(pipeline).keys()], ['metric{a="both",b="10.0.0.2:54"}']);
});

/** What is wrong with rules where others are shipped. */
function problemsWith(shipped: readonly string[], rules: readonly ShippedRule[]): string[] {
  const problems = new Problems(), { ruleSets } = pipelineOf(OPTIONS);
  const surroundings = { ruleSets, lookups: OPTIONS.lookups, shipped: new Set(shipped) };
  compileRules(mergeRules(rules, undefined, problems), surroundings, problems);
  return problems.lines();
}

const RESERVED = 'The name "netcensus_b" is reserved for the exporter\'s own metrics';
const NAMES = [
  { shipped: ["netcensus_b"], name: "netcensus_b", problems: [] },
  { shipped: [], name: "netcensus_b", problems: [RESERVED] },
  { shipped: ["netcensus_a"], name: "netcensus_b", problems: [RESERVED] },
  { shipped: ["netcensus_"], name: "netcensus_b", problems: [RESERVED] },
  { shipped: [], name: "b", problems: [] },
];

for (const { shipped, name, problems } of NAMES) {
  Deno.test(`compileRules() finds ${problems.length} problems in ${name} where [${shipped}] is shipped`, () => {
    assert.deepEqual(problemsWith(shipped, [{ ...RULE, name }]), problems);
  });
}

const SHARES = [
  { maxSeries: 10_000, shares: 1, share: 10_000 },
  { maxSeries: 10_000, shares: 3, share: 3333 },
  { maxSeries: 6, shares: 3, share: 2 },
  { maxSeries: 5, shares: 3, share: 1 },
  { maxSeries: 1, shares: 64, share: 1 },
];

for (const { maxSeries, shares, share } of SHARES) {
  Deno.test(`compileRules() gives each of ${shares} threads ${share} of ${maxSeries} series`, () => {
    const problems = new Problems(), pipeline = pipelineOf(OPTIONS), { ruleSets } = pipeline;
    const rules = mergeRules([{ ...RULE, labels: ["name"], max_series: maxSeries }], undefined, problems);
    compileRules(rules, { ruleSets, lookups: OPTIONS.lookups, shares }, problems);
    assert.deepEqual(problems.lines(), []);
    assert.equal(pipeline.rules[0]!.group.maxSeries, share);
  });
}

const LOOKUPS: readonly { readonly rules: readonly ShippedRule[]; readonly asked: readonly string[] }[] = [
  { rules: [], asked: [] },
  { rules: [{ ...RULE, labels: ["host"] }], asked: [] },
  { rules: [{ ...RULE, labels: [{ name: "host", steps: ["dns"] }] }], asked: ["sockets"] },
  { rules: [{ ...RULE, labels: [{ name: "host", steps: [{ dns: "domain" }] }] }], asked: ["sockets"] },
  { rules: [{ ...RULE, filter: { match: "host", steps: ["dns"], present: true } }], asked: ["sockets"] },
  { rules: [{ ...RULE, enabled: false, labels: [{ name: "host", steps: ["dns"] }] }], asked: [] },
  {
    rules: [RULE, { name: "flow", source: "flows", labels: [{ name: "host", steps: ["lower", "dns"] }] }],
    asked: ["flows"],
  },
];

for (const { rules, asked } of LOOKUPS) {
  Deno.test(`the sources that ask an enricher are [${asked}] of the rules ${JSON.stringify(rules)}`, () => {
    const { ruleSets } = pipelineOf({ ...OPTIONS, rules });
    const asking = ruleSets.filter(({ lookups }) => lookups.has(DNS)).map(({ type }) => type.name);
    assert.deepEqual(asking, asked);
  });
}

Deno.test("a rule set names an enricher once however often its rules ask it", () => {
  const labels = [{ name: "host", steps: ["dns"] }, {
    name: "domain",
    field: "host",
    steps: [{ dns: "domain" }],
  }];
  const { ruleSets } = pipelineOf({ ...OPTIONS, rules: [{ ...RULE, labels }] });
  assert.deepEqual([...ruleSets[0]!.lookups], [DNS]);
});
