import assert from "node:assert/strict";
import type { ShippedRule } from "../../core/collector.ts";
import type { Value } from "../../core/enricher.ts";
import { type Literal, type Node, nodeOf, Problems } from "../../core/node.ts";
import { compileSourceFilters } from "../../metrics/compile.ts";
import type { NamedLookup } from "../../metrics/expressions.ts";
import type { Pipeline } from "../../metrics/pipeline.ts";
import { mapOf, nothing, placed } from "../helpers/nodes.ts";
import { emit, pass, pipelineOf, type Plain, seriesOf, settle } from "../helpers/pipelines.ts";
import { property, type Random } from "../helpers/random.ts";
import { type PlainGrouping, randomGrouping, randomRecord, SNAPSHOT, STREAM } from "../helpers/scenarios.ts";

const TYPES = [SNAPSHOT, STREAM];
const BY_NAME = { name: "metric", source: "sockets", labels: ["name"] };
const FLOWS_BY_NAME = { ...BY_NAME, name: "flow", source: "flows" };
const DNS: NamedLookup = { outputs: ["name"], lookup: () => undefined };

interface Options {
  readonly rules?: readonly ShippedRule[];
  readonly lookups?: ReadonlyMap<string, NamedLookup>;
}

/** A pipeline of two sources with what `filters:` says, and what is wrong with that. */
function filtering(
  filters: Node | undefined,
  { rules = [], lookups = new Map([["dns", DNS]]) }: Options = {},
) {
  const problems = new Problems(), pipeline = pipelineOf({ types: TYPES, rules, lookups });
  const surroundings = { ruleSets: pipeline.ruleSets, lookups, unconfigured: ["geoip"] };
  compileSourceFilters(filters, surroundings, problems);
  return { pipeline, problems: problems.lines() };
}

function filtered(filters: Literal, options?: Options): Pipeline {
  const { pipeline, problems } = filtering(nodeOf(filters), options);
  assert.deepEqual(problems, []);
  return pipeline;
}

/** Whether a record of a source counts. */
function counts(pipeline: Pipeline, type: typeof SNAPSHOT, port: number): boolean {
  const sink = pipeline.sink(type);
  sink.row.fill(NaN);
  sink.row[type.at.port] = port;
  return sink.emit();
}

const CASES: readonly { readonly filter: Literal; readonly passes: readonly number[] }[] = [
  { filter: [], passes: [22, 53, 443] },
  { filter: { match: "port", is: 53 }, passes: [53] },
  { filter: [{ match: "port", range: "50-" }, { match: "port", in: [22, 53] }], passes: [53] },
  { filter: { any: [{ match: "port", is: 22 }, { match: "port", is: 443 }] }, passes: [22, 443] },
  { filter: { not: { match: "port", is: 22 } }, passes: [53, 443] },
  { filter: { match: "port", steps: [{ prefix: "p" }], is: "p443" }, passes: [443] },
  { filter: { match: "name", present: true }, passes: [] },
];

for (const { filter, passes } of CASES) {
  Deno.test(`emit() tells which records count when the filter of their source is ${JSON.stringify(filter)}`, () => {
    const pipeline = filtered({ sockets: filter });
    assert.deepEqual([22, 53, 443].filter((port) => counts(pipeline, SNAPSHOT, port)), passes);
  });
}

for (const filters of [undefined, nothing(), nodeOf({})]) {
  Deno.test(`emit() says that every record counts when the filters are ${JSON.stringify(filters)}`, () => {
    const { pipeline, problems } = filtering(filters);
    assert.deepEqual(problems, []);
    assert.equal(counts(pipeline, SNAPSHOT, 22), true);
  });
}

Deno.test("the filter of a source lets the records of others alone", () => {
  const pipeline = filtered({ sockets: { match: "port", is: 53 } });
  assert.deepEqual([counts(pipeline, SNAPSHOT, 22), counts(pipeline, STREAM, 22)], [false, true]);
});

Deno.test("each source has its own filter", () => {
  const pipeline = filtered({ sockets: { match: "port", is: 53 }, flows: { match: "port", is: 22 } });
  assert.deepEqual([22, 53].map((port) => counts(pipeline, SNAPSHOT, port)), [false, true]);
  assert.deepEqual([22, 53].map((port) => counts(pipeline, STREAM, port)), [true, false]);
});

Deno.test("a rule counts the records that pass the filter of their source and its own", () => {
  const all = { name: "all", source: "sockets" };
  const rules = [BY_NAME, { ...BY_NAME, name: "few", filter: { match: "name", in: ["a", "b"] } }, all];
  const pipeline = filtered({ sockets: { match: "name", in: ["b", "c"] } }, { rules });
  pass(pipeline, ["a", "b", "b", "c"].map((name) => ({ name })));
  assert.deepEqual([...seriesOf(pipeline)], [
    ['metric{name="b"}', 2],
    ['metric{name="c"}', 1],
    ['few{name="b"}', 2],
    ["all", 3],
  ]);
});

Deno.test("a snapshot whose records are all filtered out is as one without records", () => {
  const rules = [BY_NAME, { name: "all", source: "sockets" }, {
    name: "sum",
    source: "sockets",
    value: "amount",
  }];
  const pipeline = filtered({ sockets: { match: "name", is: "b" } }, { rules });
  pass(pipeline, [{ name: "b", amount: 5 }]);
  pass(pipeline, [{ name: "a", amount: 5 }]);
  assert.deepEqual([...seriesOf(pipeline)], [["all", 0], ["sum", 0]]);
});

Deno.test("a record that is filtered out takes no place of a budget", () => {
  const pipeline = filtered({ flows: { not: { match: "name", is: "a" } } }, {
    rules: [{ ...FLOWS_BY_NAME, max_series: 2 }],
  });
  for (const name of ["a", "b", "c"]) emit(pipeline, { name }, STREAM);
  settle(pipeline);
  assert.deepEqual([...seriesOf(pipeline)], [['flow{name="other"}', 1], ['flow{name="b"}', 1]]);
});

Deno.test("a record that is filtered out keeps no series of a stream alive", () => {
  const pipeline = filtered({ flows: { match: "port", is: 53 } }, { rules: [{ ...FLOWS_BY_NAME, ttl: 60 }] });
  for (const [clock, port] of [[1000, 53], [1050, 22], [1070, 22]] as const) {
    pipeline.tick(clock);
    emit(pipeline, { name: "a", port }, STREAM);
    settle(pipeline);
  }
  assert.equal(seriesOf(pipeline).size, 0);
});

Deno.test("the filter of a source asks an enricher, and again when the answer is another", () => {
  const names = new Map<Value, string>();
  let tell: (value?: Value) => void = () => assert.fail();
  const lookup: NamedLookup = {
    outputs: ["name"],
    lookup: (value) => names.get(value),
    onChange: (listener) => tell = listener,
  };
  const filters = { sockets: { match: "port", steps: ["dns"], is: "yes" } };
  const pipeline = filtered(filters, { lookups: new Map([["dns", lookup]]) });
  assert.equal(counts(pipeline, SNAPSHOT, 53), false);
  names.set(53, "yes");
  tell(53);
  assert.equal(counts(pipeline, SNAPSHOT, 53), true);
});

Deno.test("the enrichers of the filter of a source are those of its rule set", () => {
  const filters = { sockets: { not: { match: "host", steps: ["dns"], present: true } } };
  const { ruleSets } = filtered(filters);
  assert.deepEqual(ruleSets.map(({ lookups }) => [...lookups]), [[DNS], []]);
});

const PROBLEMS: readonly { readonly filters: Node; readonly problem: string }[] = [
  { filters: placed(5, "filters"), problem: 'filters: Expected a map from sources to filters, not "5"' },
  { filters: placed([], "filters"), problem: "filters: Expected a map from sources to filters, not a list" },
  {
    filters: placed({ socket: { match: "port", is: 1 } }),
    problem: 'key socket: Unknown source "socket" (did you mean "sockets"?); known are sockets, flows',
  },
  {
    filters: placed({ x: { match: "port", is: 1 } }),
    problem: 'key x: Unknown source "x"; known are sockets, flows',
  },
  {
    filters: mapOf([{ key: "sockets", place: "key", value: nothing("value") }]),
    problem: "value: Expected a filter such as {match: FIELD, is: VALUE}, not nothing",
  },
  {
    filters: placed({ sockets: true }),
    problem: 'sockets: Expected a filter such as {match: FIELD, is: VALUE}, not "true"',
  },
  {
    filters: placed({ sockets: [{ match: "prot", is: 1 }] }),
    problem:
      'sockets[0].match: Unknown field "prot" of sockets (did you mean "port"?); known are host, port, ' +
      "name, state, amount",
  },
  {
    filters: placed({ sockets: { match: "host", steps: ["geoip"], is: "DE" } }),
    problem: 'sockets.steps[0]: The step "geoip" needs an entry "geoip" in "enrich"',
  },
];

for (const { filters, problem } of PROBLEMS) {
  Deno.test(`compileSourceFilters() reports ${problem}`, () => {
    assert.deepEqual(filtering(filters).problems, [problem]);
  });
}

Deno.test("compileSourceFilters() reports what is wrong with every source", () => {
  const { problems } = filtering(placed({ socket: [], flows: { match: "prot", is: 1 }, sockets: 5 }));
  assert.deepEqual(problems.map((problem) => problem.replace(/:.*/, "")), [
    "key socket",
    "flows.match",
    "sockets",
  ]);
});

/** What a rule shows after some records, when a part of its filter stands at the source and when it does not. */
function shown(random: Random, { grouping, kind }: PlainGrouping, atSource: PlainGrouping) {
  const source = atSource.grouping["filter"]!, own = grouping["filter"]!;
  const rule = { name: "metric", ...grouping }, name = String(grouping["source"]);
  const pipelines = [
    filtered({ [name]: source }, { rules: [rule] }),
    filtered({}, { rules: [{ ...rule, filter: [source, own] }] }),
  ];
  const type = kind === "snapshot" ? SNAPSHOT : STREAM;
  const records: Plain[] = Array.from({ length: random.int(100) }, () => randomRecord(random));
  for (const pipeline of pipelines) {
    pipeline.begin();
    for (const record of records) emit(pipeline, record, type);
    settle(pipeline);
  }
  return pipelines.map((pipeline) => [...seriesOf(pipeline)]);
}

property("a filter says the same at the source as in a rule", (random) => {
  for (let i = 0; i < 200; i++) {
    const kind = random.pick(["snapshot", "stream"] as const);
    const [atSource, inRule] = shown(
      random,
      randomGrouping(random, { kind }),
      randomGrouping(random, { kind }),
    );
    assert.deepEqual(atSource, inRule);
  }
});

Deno.test("a filter lets pass no more when few records do and those that do not have very many values", () => {
  const rules = [{ ...BY_NAME, labels: ["amount"] }];
  const pipeline = filtered({ sockets: { match: "amount", is: 5000 } }, { rules });
  const sink = pipeline.sink(SNAPSHOT), { amount } = SNAPSHOT.at;
  pipeline.begin();
  let passed = 0;
  for (let i = 0; i < 300_000; i++) {
    sink.row[amount] = 5000 + i;
    if (sink.emit()) passed++;
  }
  settle(pipeline);
  assert.deepEqual([passed, [...seriesOf(pipeline)]], [1, [['metric{amount="5000"}', 1]]]);
});
