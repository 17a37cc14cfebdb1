import assert from "node:assert/strict";
import type { ShippedRule } from "../../core/collector.ts";
import { Problems } from "../../core/node.ts";
import type { Pipeline } from "../../metrics/pipeline.ts";
import { placed } from "../helpers/nodes.ts";
import { compile, emit, pass, pipelineOf, type Plain, seriesOf, settle } from "../helpers/pipelines.ts";
import { SNAPSHOT, STREAM } from "../helpers/scenarios.ts";

const KINDS = ["snapshot", "stream"] as const;
const TYPES = { snapshot: SNAPSHOT, stream: STREAM };

type Keys = Omit<ShippedRule, "name">;

/** The pipeline of rules by name that have some keys in common. */
function pipelineBy(kind: keyof typeof TYPES, common: Keys, rules: Readonly<Record<string, Keys>>): Pipeline {
  const type = TYPES[kind];
  return pipelineOf({
    types: [type],
    rules: Object.entries(rules).map(([name, rule]) => ({ name, source: type.name, ...common, ...rule })),
  });
}

/** What is shown after a pass: `RULE NAME=VALUE`, or `RULE=VALUE` without labels. */
function afterPass(pipeline: Pipeline, records: readonly Plain[]): string[] {
  pass(pipeline, records);
  return shownBy(pipeline);
}

function shownBy(pipeline: Pipeline): string[] {
  return [...seriesOf(pipeline)].map(([key, value]) =>
    `${key.replace(/\{(?:name="([^"]*)")?,?(.*)\}/, (_, name, rest) => ` ${name ?? ""}${rest}`)}=${value}`
  );
}

const LABELS = ["name"];
/** Three measures: of records, of amounts and of ports. */
const MEASURES = { n: {}, amounts: { value: "amount" }, ports: { value: "port" } };

const FILTER = { match: "state", is: "LISTEN" };
const GROUPING = {
  filter: FILTER,
  labels: [{ name: "a", field: "name", steps: ["upper"] }, "port"],
  max_series: 9,
};

const SAME: readonly { what: string; a: Keys; b: Keys }[] = [
  { what: "nothing is said of it", a: {}, b: {} },
  { what: "all of it is the same", a: GROUPING, b: structuredClone(GROUPING) },
  { what: "the value differs", a: GROUPING, b: { ...GROUPING, value: "amount" } },
  {
    what: "the type differs",
    a: { ...GROUPING, value: "amount" },
    b: { ...GROUPING, value: "amount", type: "histogram", buckets: [1] },
  },
  { what: "the help differs", a: GROUPING, b: { ...GROUPING, help: "Help" } },
  { what: "one says what is usual", a: {}, b: { max_series: 10_000 } },
];

for (const { what, a, b } of SAME) {
  Deno.test(`rules share a group when ${what}`, () => {
    const [first, second] = pipelineBy("snapshot", {}, { a, b }).rules;
    assert.equal(first!.group, second!.group);
  });
}

const OTHERS: readonly { what: string; a: Keys; b: Keys; kind?: keyof typeof TYPES }[] = [
  { what: "filter", a: GROUPING, b: { ...GROUPING, filter: { match: "state", is: "ESTABLISHED" } } },
  { what: "presence of a filter", a: GROUPING, b: { labels: GROUPING.labels, max_series: 9 } },
  { what: "labels", a: GROUPING, b: { ...GROUPING, labels: [GROUPING.labels[0]!] } },
  { what: "order of the labels", a: GROUPING, b: { ...GROUPING, labels: GROUPING.labels.toReversed() } },
  {
    what: "name of a label",
    a: GROUPING,
    b: { ...GROUPING, labels: [{ name: "b", field: "name", steps: ["upper"] }, "port"] },
  },
  {
    what: "steps of a label",
    a: GROUPING,
    b: { ...GROUPING, labels: [{ name: "a", field: "name", steps: ["lower"] }, "port"] },
  },
  { what: "max_series", a: GROUPING, b: { ...GROUPING, max_series: 8 } },
  { what: "ttl", a: { ...GROUPING, ttl: 60 }, b: { ...GROUPING, ttl: 61 }, kind: "stream" },
];

for (const { what, a, b, kind = "snapshot" } of OTHERS) {
  Deno.test(`rules have a group each when they differ in the ${what}`, () => {
    const [first, second] = pipelineBy(kind, {}, { a, b }).rules;
    assert.notEqual(first!.group, second!.group);
  });
}

Deno.test("rules have a group each when they differ in the source", () => {
  const rules = KINDS.map((kind) => ({ name: kind, source: TYPES[kind].name, labels: LABELS }));
  const [first, second] = pipelineOf({ types: [SNAPSHOT, STREAM], rules }).rules;
  assert.notEqual(first!.group, second!.group);
});

Deno.test("rules share a group wherever they are written", () => {
  const shipped = { name: "a", source: "sockets", ...GROUPING };
  const user = placed(["b", "c"].map((name) => ({ ...shipped, name })), "rules");
  const { rules } = compile({ types: [SNAPSHOT], rules: [shipped] }, { problems: new Problems(), user });
  assert.deepEqual([rules.length, new Set(rules.map(({ group }) => group)).size], [3, 1]);
});

const A = { name: "a", amount: 5, port: 80 }, B = { name: "b", amount: 7, port: 1 };

for (const kind of KINDS) {
  Deno.test(`each of the rules of a ${kind} that share a group shows its own value`, () => {
    const pipeline = pipelineBy(kind, { labels: LABELS }, MEASURES);
    assert.deepEqual(
      afterPass(pipeline, [A, B, A]),
      ["n a=2", "n b=1", "amounts a=10", "amounts b=7", "ports a=160", "ports b=1"],
    );
  });

  Deno.test(`a record of a ${kind} that lacks a value adds to the other values`, () => {
    const pipeline = pipelineBy(kind, { labels: LABELS }, MEASURES);
    const records = [A, { name: "a", port: 80 }, { name: "a", amount: 6 }];
    assert.deepEqual(afterPass(pipeline, records), ["n a=3", "amounts a=11", "ports a=160"]);
  });

  Deno.test(`a series of a ${kind} is shown for the rules only of which it has a value`, () => {
    const pipeline = pipelineBy(kind, { labels: LABELS }, MEASURES);
    const records = [{ name: "a" }, { name: "b", amount: 1 }, { name: "c", port: 2 }];
    assert.deepEqual(afterPass(pipeline, records), ["n a=1", "n b=1", "n c=1", "amounts b=1", "ports c=2"]);
  });

  Deno.test(`a record of a ${kind} that has none of the values makes no series`, () => {
    const { n: _, ...rules } = MEASURES, pipeline = pipelineBy(kind, { labels: LABELS }, rules);
    assert.deepEqual(afterPass(pipeline, [{ name: "a" }]), []);
    assert.equal(pipeline.rules[0]!.group.table.rows, 1);
  });

  Deno.test(`a value of zero is shown though the other rules of a ${kind} have none`, () => {
    const pipeline = pipelineBy(kind, { labels: LABELS }, { n: {}, amounts: { value: "amount" } });
    assert.deepEqual(afterPass(pipeline, [{ name: "a", amount: 0 }]), ["n a=1", "amounts a=0"]);
  });

  Deno.test(`what is folded in a ${kind} is shown for the rules only of which it has a value`, () => {
    const pipeline = pipelineBy(kind, { labels: LABELS, max_series: 1 }, MEASURES);
    const records = [{ name: "a", amount: 1 }, { name: "b" }, { name: "c", amount: 2 }];
    assert.deepEqual(afterPass(pipeline, records), ["n other=3", "amounts other=3"]);
  });

  Deno.test(`a counter of a ${kind} leaves out what is below zero and the other rules do not`, () => {
    const amount = { value: "amount" };
    const rules = { gauge: { type: "gauge", ...amount }, counter: { type: "counter", ...amount } };
    const pipeline = pipelineBy(kind, { labels: LABELS }, rules);
    const records = [A, { name: "a", amount: -2 }, { name: "b", amount: -3 }];
    assert.deepEqual(afterPass(pipeline, records), ["gauge a=3", "gauge b=-3", "counter a=5"]);
  });

  Deno.test(`a histogram of a ${kind} stands beside other values`, () => {
    const histogram = { type: "histogram", value: "amount", buckets: [1, 5] };
    const rules = { n: {}, h: histogram, ports: { value: "port" }, wide: { ...histogram, buckets: [100] } };
    const pipeline = pipelineBy(kind, { labels: LABELS }, rules), g = kind === "snapshot" ? "g" : "";
    assert.deepEqual(afterPass(pipeline, [A, { ...A, amount: 6 }, { name: "b", port: 3 }]), [
      "n a=2",
      "n b=1",
      'h_bucket ale="1"=0',
      'h_bucket ale="5"=1',
      'h_bucket ale="+Inf"=2',
      `h_${g}count a=2`,
      `h_${g}sum a=11`,
      "ports a=160",
      "ports b=3",
      'wide_bucket ale="100"=2',
      'wide_bucket ale="+Inf"=2',
      `wide_${g}count a=2`,
      `wide_${g}sum a=11`,
    ]);
  });

  Deno.test(`the rules of a ${kind} that share a group fold each its own sum`, () => {
    const histogram = { type: "histogram", value: "amount", buckets: [50] };
    const rules = { ...MEASURES, h: histogram };
    const pipeline = pipelineBy(kind, { labels: LABELS, max_series: 4 }, rules);
    const records = Array.from({ length: 100 }, (_, i) => ({
      name: `${i}`,
      amount: i % 3 === 0 ? undefined : i,
      port: i % 2 === 0 ? undefined : 1000 - i,
    }));
    pass(pipeline, records);
    const series = [...seriesOf(pipeline)];
    const sumOf = (name: string) =>
      series.filter(([key]) => key.startsWith(`${name}{`)).reduce((sum, [, value]) => sum + value, 0);
    const total = (key: "amount" | "port") => records.reduce((sum, record) => sum + (record[key] ?? 0), 0);
    const g = kind === "snapshot" ? "g" : "";
    assert.deepEqual(
      ["n", "amounts", "ports", `h_${g}count`, `h_${g}sum`].map(sumOf),
      [100, total("amount"), total("port"), 66, total("amount")],
    );
  });

  Deno.test(`a filter of a ${kind} is that of all rules that share the group`, () => {
    const pipeline = pipelineBy(kind, { labels: LABELS, filter: { match: "name", is: "a" } }, MEASURES);
    assert.deepEqual(afterPass(pipeline, [A, B]), ["n a=1", "amounts a=5", "ports a=80"]);
  });

  Deno.test(`rules of a ${kind} that share a group count records past what is added at once`, () => {
    const pipeline = pipelineBy(kind, { labels: LABELS }, MEASURES);
    const records = Array.from({ length: 1000 }, (_, i) => i % 2 === 0 ? A : { name: "a" });
    assert.deepEqual(afterPass(pipeline, records), ["n a=1000", "amounts a=2500", "ports a=40000"]);
  });

  Deno.test(`rules of a ${kind} without labels share a group and show zero when there is no record`, () => {
    assert.deepEqual(afterPass(pipelineBy(kind, {}, MEASURES), []), ["n=0", "amounts=0", "ports=0"]);
  });

  Deno.test(`a histogram of a ${kind} without labels is all zeros when there is no record`, () => {
    const rules = { n: {}, h: { type: "histogram", value: "amount", buckets: [1] } };
    const pipeline = pipelineBy(kind, {}, rules);
    pass(pipeline, []);
    assert.deepEqual([...seriesOf(pipeline).values()], [0, 0, 0, 0, 0]);
  });
}

/** Rules without labels, each with and without another that shares its group. */
const BARE: readonly { what: string; rules: Readonly<Record<string, Keys>> }[] = [
  { what: "alone", rules: { amounts: { value: "amount" } } },
  { what: "beside a count of records", rules: { amounts: { value: "amount" }, n: {} } },
];

for (const { what, rules } of BARE) {
  const amountsOf = (pipeline: Pipeline) => seriesOf({ rules: [pipeline.rules[0]!] });

  Deno.test(`a rule of a snapshot without labels ${what} is absent when no record has the value`, () => {
    const pipeline = pipelineBy("snapshot", {}, rules);
    pass(pipeline, [{ name: "a" }]);
    assert.deepEqual([...amountsOf(pipeline)], []);
  });

  Deno.test(`a rule of a snapshot without labels ${what} is zero when no record passes the filter`, () => {
    const pipeline = pipelineBy("snapshot", { filter: FILTER }, rules);
    pass(pipeline, [A]);
    assert.deepEqual([...amountsOf(pipeline)], [["amounts", 0]]);
  });

  Deno.test(`a rule of a snapshot without labels ${what} is zero in an empty pass after another`, () => {
    const pipeline = pipelineBy("snapshot", {}, rules);
    for (const records of [[A], []]) pass(pipeline, records);
    assert.deepEqual([...amountsOf(pipeline)], [["amounts", 0]]);
  });

  Deno.test(`a rule of a snapshot without labels ${what} is there again when a record has the value`, () => {
    const pipeline = pipelineBy("snapshot", {}, rules);
    for (const records of [[A], [{ name: "a" }], [B]]) pass(pipeline, records);
    assert.deepEqual([...amountsOf(pipeline)], [["amounts", 7]]);
  });

  Deno.test(`a rule of a stream without labels ${what} is zero when no record has the value`, () => {
    const pipeline = pipelineBy("stream", {}, rules);
    pass(pipeline, [{ name: "a" }]);
    assert.deepEqual([...amountsOf(pipeline)], [["amounts", 0]]);
  });

  Deno.test(`a rule of a stream without labels ${what} keeps its sum when records lack the value`, () => {
    const pipeline = pipelineBy("stream", {}, rules);
    for (const records of [[A], [{ name: "a" }]]) pass(pipeline, records);
    assert.deepEqual([...amountsOf(pipeline)], [["amounts", 5]]);
  });
}

Deno.test("a value of a snapshot that a later pass lacks is no more shown", () => {
  const pipeline = pipelineBy("snapshot", { labels: LABELS }, MEASURES);
  pass(pipeline, [A]);
  assert.deepEqual(afterPass(pipeline, [{ name: "a", port: 1 }]), ["n a=1", "ports a=1"]);
});

Deno.test("a value of a stream that later records lack stays", () => {
  const pipeline = pipelineBy("stream", { labels: LABELS }, MEASURES);
  pass(pipeline, [A]);
  assert.deepEqual(afterPass(pipeline, [{ name: "a", port: 1 }]), ["n a=2", "amounts a=5", "ports a=81"]);
});

Deno.test("each of the rules of a snapshot that share a group shows its own largest rows", () => {
  const pipeline = pipelineBy("snapshot", { labels: LABELS, max_series: 2 }, MEASURES);
  const records = [
    { name: "a", amount: 1, port: 9 },
    { name: "b", amount: 8, port: 2 },
    { name: "c", amount: 3, port: 3 },
    { name: "c", amount: 3, port: 3 },
  ];
  assert.deepEqual(afterPass(pipeline, records), [
    "n other=2",
    "n c=2",
    "amounts other=7",
    "amounts b=8",
    "ports other=8",
    "ports a=9",
  ]);
});

Deno.test("a rule of a snapshot folds nothing when those of its rows that have a value are few enough", () => {
  const pipeline = pipelineBy("snapshot", { labels: LABELS, max_series: 2 }, MEASURES);
  const records = [{ name: "a" }, { name: "b", amount: 1 }, { name: "c", amount: 2 }];
  assert.deepEqual(afterPass(pipeline, records), ["n other=2", "n a=1", "amounts b=1", "amounts c=2"]);
});

Deno.test("each of the rules of a snapshot that share a group counts the rows that it folds", () => {
  const pipeline = pipelineBy("snapshot", { labels: LABELS, max_series: 2 }, MEASURES);
  pass(pipeline, [{ name: "a", amount: 1 }, { name: "b", amount: 1 }, { name: "c", amount: 2 }, {
    name: "d",
  }]);
  assert.deepEqual(pipeline.rules.map(({ folded }) => folded), [3, 2, 0]);
});

Deno.test("a series of a stream lives as long as there are records for any of the rules that share it", () => {
  const pipeline = pipelineBy("stream", { labels: LABELS, ttl: 60 }, { n: {}, amounts: { value: "amount" } });
  for (const [clock, record] of [[1000, A], [1050, { name: "a" }], [1100, { name: "a" }]] as const) {
    pipeline.tick(clock);
    emit(pipeline, record);
    settle(pipeline);
  }
  assert.deepEqual(shownBy(pipeline), ["n a=3", "amounts a=5"]);
});

Deno.test("a series of a stream that comes back has nothing of what its rules had before it vanished", () => {
  const pipeline = pipelineBy("stream", { labels: LABELS, ttl: 60 }, MEASURES);
  pipeline.tick(1000);
  pass(pipeline, [A]);
  pipeline.tick(2000);
  settle(pipeline);
  assert.deepEqual(afterPass(pipeline, [{ name: "a", port: 1 }]), ["n a=1", "ports a=1"]);
});

Deno.test("abandon() shows nothing of all rules that share a group", () => {
  const pipeline = pipelineBy("snapshot", { labels: LABELS }, MEASURES);
  pass(pipeline, [A]);
  pipeline.begin();
  emit(pipeline, B);
  pipeline.abandon();
  assert.deepEqual(shownBy(pipeline), []);
});

Deno.test("the pass after abandon() has no records of rules that share a group but its own", () => {
  const pipeline = pipelineBy("snapshot", { labels: LABELS }, MEASURES);
  pipeline.begin();
  for (let i = 0; i < 100; i++) emit(pipeline, A);
  pipeline.abandon();
  assert.deepEqual(afterPass(pipeline, [{ name: "a", port: 3 }]), ["n a=1", "ports a=3"]);
});

Deno.test("the texts of series are those of all rules that share a group", () => {
  const pipeline = pipelineBy("snapshot", { labels: LABELS }, MEASURES);
  pass(pipeline, [A, B]);
  const [first, ...others] = pipeline.rules.map(({ view }) => view);
  assert(others.every(({ bytes, starts }) => bytes === first!.bytes && starts[1] === first!.starts[1]));
});

Deno.test("many series of rules that share a group are each shown with their own values", () => {
  const pipeline = pipelineBy("snapshot", { labels: LABELS, max_series: 100_000 }, MEASURES);
  const records = Array.from({ length: 30_000 }, (_, i) => ({
    name: `name ${i}`,
    amount: i % 3 === 0 ? undefined : i,
    port: i % 7,
  }));
  const expected = new Map<string, number>();
  for (const { name } of records) expected.set(`n{name="${name}"}`, 1);
  for (const { name, amount } of records) {
    if (amount !== undefined) expected.set(`amounts{name="${name}"}`, amount);
  }
  for (const { name, port } of records) expected.set(`ports{name="${name}"}`, port);
  pass(pipeline, records);
  assert.deepEqual(seriesOf(pipeline), expected);
});
