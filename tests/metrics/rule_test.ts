import assert from "node:assert/strict";
import type { ShippedRule } from "../../core/collector.ts";
import { recordType } from "../../core/record.ts";
import { familiesOf } from "../../metrics/exposition.ts";
import type { Pipeline } from "../../metrics/pipeline.ts";
import { emit, pass, pipelineOf, type Plain, seriesOf, settle, textOf } from "../helpers/pipelines.ts";

const FIELDS = {
  name: { type: "text", help: "Name" },
  amount: { type: "number", help: "Amount" },
} as const;
const SOCKETS = recordType({ name: "sockets", help: "Sockets", kind: "snapshot", fields: FIELDS });
const FLOWS = recordType({ name: "flows", help: "Flows", kind: "stream", fields: FIELDS });

interface Case {
  readonly name: string;
  readonly rule: Omit<ShippedRule, "name">;
  readonly records: readonly Plain[];
  readonly series: Readonly<Record<string, number>>;
}

const LABELS = ["name"];
const A = { name: "a", amount: 5 }, B = { name: "b", amount: 0.5 };
const BELOW = { name: "b", amount: -3 }, ABSENT = { name: "b" };
const HISTOGRAM = { type: "histogram", value: "amount", buckets: [-1, 0, 2.5] };

const CASES: readonly Case[] = [
  { name: "counts records", rule: {}, records: [A, A, B], series: { metric: 3 } },
  {
    name: "counts records by label",
    rule: { labels: LABELS },
    records: [A, A, B],
    series: { 'metric{name="a"}': 2, 'metric{name="b"}': 1 },
  },
  { name: "adds up a field", rule: { value: "amount" }, records: [A, A, B], series: { metric: 10.5 } },
  {
    name: "adds up a field by label",
    rule: { value: "amount", labels: LABELS },
    records: [A, B, B],
    series: { 'metric{name="a"}': 5, 'metric{name="b"}': 1 },
  },
  {
    name: "counts a record whose field is absent",
    rule: { labels: LABELS },
    records: [{}],
    series: { 'metric{name=""}': 1 },
  },
  {
    name: "gives a text that is absent and one that is empty the same series",
    rule: { labels: LABELS },
    records: [{}, { name: "" }],
    series: { 'metric{name=""}': 2 },
  },
  {
    name: "leaves out a record whose value is absent",
    rule: { value: "amount", labels: LABELS },
    records: [A, ABSENT],
    series: { 'metric{name="a"}': 5 },
  },
  {
    name: "counts a value of zero as a series",
    rule: { value: "amount", labels: LABELS },
    records: [{ name: "a", amount: 0 }],
    series: { 'metric{name="a"}': 0 },
  },
  {
    name: "takes values below zero into a gauge",
    rule: { value: "amount" },
    records: [A, BELOW],
    series: { metric: 2 },
  },
  {
    name: "leaves values below zero out of a counter",
    rule: { type: "counter", value: "amount", labels: LABELS },
    records: [A, BELOW],
    series: { 'metric{name="a"}': 5 },
  },
  {
    name: "takes a value of zero into a counter",
    rule: { type: "counter", value: "amount", labels: LABELS },
    records: [{ name: "a", amount: 0 }],
    series: { 'metric{name="a"}': 0 },
  },
  {
    name: "leaves an absent value out of a counter",
    rule: { type: "counter", value: "amount", labels: LABELS },
    records: [A, ABSENT],
    series: { 'metric{name="a"}': 5 },
  },
  {
    name: "leaves out a record that does not pass the filter",
    rule: { filter: { match: "name", is: "a" }, labels: LABELS },
    records: [A, B],
    series: { 'metric{name="a"}': 1 },
  },
  {
    name: "puts a value on the bound of a bucket into that bucket",
    rule: HISTOGRAM,
    records: [{ amount: -1 }, { amount: 0 }, { amount: 2.5 }],
    series: {
      'metric_bucket{le="-1"}': 1,
      'metric_bucket{le="0"}': 2,
      'metric_bucket{le="2.5"}': 3,
      'metric_bucket{le="+Inf"}': 3,
      metric_gcount: 3,
      metric_gsum: 1.5,
    },
  },
  {
    name: "puts a value above every bound into the last bucket",
    rule: HISTOGRAM,
    records: [{ amount: 3 }, { amount: Infinity }],
    series: {
      'metric_bucket{le="-1"}': 0,
      'metric_bucket{le="0"}': 0,
      'metric_bucket{le="2.5"}': 0,
      'metric_bucket{le="+Inf"}': 2,
      metric_gcount: 2,
      metric_gsum: Infinity,
    },
  },
  {
    name: "leaves an absent value out of a histogram",
    rule: { ...HISTOGRAM, labels: LABELS, buckets: [1] },
    records: [A, ABSENT],
    series: {
      'metric_bucket{name="a",le="1"}': 0,
      'metric_bucket{name="a",le="+Inf"}': 1,
      'metric_gcount{name="a"}': 1,
      'metric_gsum{name="a"}': 5,
    },
  },
  {
    name: "folds the buckets of a histogram",
    rule: { ...HISTOGRAM, labels: LABELS, buckets: [1], max_series: 1 },
    records: [A, B],
    series: {
      'metric_bucket{name="other",le="1"}': 1,
      'metric_bucket{name="other",le="+Inf"}': 2,
      'metric_gcount{name="other"}': 2,
      'metric_gsum{name="other"}': 5.5,
    },
  },
];

for (const { name, rule, records, series } of CASES) {
  Deno.test(`a rule ${name}`, () => {
    const pipeline = pipelineOf({
      types: [SOCKETS],
      rules: [{ name: "metric", source: "sockets", ...rule }],
    });
    pass(pipeline, records);
    assert.deepEqual(Object.fromEntries(seriesOf(pipeline)), series);
  });
}

Deno.test("a rule of a histogram keeps the rows with the most values", () => {
  const rule = { name: "metric", source: "sockets", ...HISTOGRAM, labels: LABELS, max_series: 2 };
  const pipeline = pipelineOf({ types: [SOCKETS], rules: [rule] });
  pass(pipeline, [{ name: "few", amount: 1000 }, { name: "c", amount: 9 }, B, B]);
  assert.equal(seriesOf(pipeline).get('metric_gcount{name="b"}'), 2);
});

Deno.test("rules share the label of the same recipe", () => {
  const label = { name: "name", field: "name", steps: ["upper", { prefix: "x" }] };
  const pipeline = pipelineOf({
    types: [SOCKETS],
    rules: ["a", "b"].map((name) => ({ name, source: "sockets", labels: [label] })),
  });
  assert.equal(pipeline.rules[0]!.group.labels[0], pipeline.rules[1]!.group.labels[0]);
});

Deno.test("rules do not share a label of another recipe", () => {
  const label = (prefix: string) => ({ name: "name", field: "name", steps: [{ prefix }] });
  const pipeline = pipelineOf({
    types: [SOCKETS],
    rules: ["a", "b"].map((name) => ({ name, source: "sockets", labels: [label(name)] })),
  });
  pass(pipeline, [{ name: "c" }]);
  assert.deepEqual([...seriesOf(pipeline).keys()], ['a{name="ac"}', 'b{name="bc"}']);
});

Deno.test("rules that share a label keep their series when it forgets", () => {
  const rules = ["a", "b"].map((name) => ({ name, source: "sockets", labels: [...LABELS, "amount"] }));
  const pipeline = pipelineOf({ types: [SOCKETS], rules });
  pipeline.rules[0]!.group.labels.forEach((label) => label.limit = 4);
  pass(pipeline, [A, B, A, BELOW]);
  const pairs = ['{name="a",amount="5"}', '{name="b",amount="0.5"}', '{name="b",amount="-3"}'];
  assert.deepEqual(
    [...seriesOf(pipeline)],
    ["a", "b"].flatMap((name) => pairs.map((pair, i) => [name + pair, i === 0 ? 2 : 1])),
  );
});

/** The pipeline of a rule that counts records by name. */
function byName(kind: "snapshot" | "stream", rule: Omit<ShippedRule, "name"> = {}): Pipeline {
  const type = kind === "snapshot" ? SOCKETS : FLOWS;
  return pipelineOf({
    types: [type],
    rules: [{ name: "metric", source: type.name, labels: LABELS, ...rule }],
  });
}

function names(...names: string[]): Plain[] {
  return names.map((name) => ({ name }));
}

/** `NAME=VALUE` for each series, in their order. */
function shownBy(pipeline: Pipeline): string[] {
  return [...seriesOf(pipeline)].map(([key, value]) => `${/name="(.*?)"/.exec(key)![1]}=${value}`);
}

/** What is shown after a pass of these records. */
function afterPass(pipeline: Pipeline, records: readonly Plain[]): string[] {
  pass(pipeline, records);
  return shownBy(pipeline);
}

Deno.test("a rule shows its series in the order in which they came", () => {
  assert.deepEqual(afterPass(byName("snapshot"), names("c", "a", "b", "a")), ["c=1", "a=2", "b=1"]);
});

Deno.test("a rule shows what is folded first", () => {
  assert.deepEqual(afterPass(byName("snapshot"), names("c", "other", "a")), ["other=1", "c=1", "a=1"]);
});

Deno.test("a rule of a snapshot keeps the order of its series from pass to pass", () => {
  const pipeline = byName("snapshot");
  pass(pipeline, names("a", "b", "c"));
  assert.deepEqual(afterPass(pipeline, names("d", "c", "a")), ["a=1", "c=1", "d=1"]);
});

Deno.test("a rule of a snapshot shows the largest rows and folds the rest", () => {
  const pipeline = byName("snapshot", { max_series: 3 });
  assert.deepEqual(afterPass(pipeline, names("a", "b", "b", "c", "c", "c", "d")), ["other=2", "b=2", "c=3"]);
});

Deno.test("a rule of a snapshot shows the oldest of equal rows", () => {
  const pipeline = byName("snapshot", { max_series: 3 });
  pass(pipeline, names("c", "d"));
  assert.deepEqual(afterPass(pipeline, names("a", "b", "d", "c")), ["other=2", "c=1", "d=1"]);
});

Deno.test("a rule of a snapshot shows the oldest of equal rows though they were folded before", () => {
  const pipeline = byName("snapshot", { max_series: 2 });
  pass(pipeline, names("a", "b", "b", "c", "c", "c"));
  assert.deepEqual(afterPass(pipeline, names("c", "b", "a")), ["other=2", "a=1"]);
});

Deno.test("a rule of a snapshot folds nothing when its rows are as many as it may show", () => {
  const pipeline = byName("snapshot", { max_series: 3 });
  assert.deepEqual(afterPass(pipeline, names("a", "b", "c")), ["a=1", "b=1", "c=1"]);
});

Deno.test("a rule of a snapshot counts the row whose labels all read other among those it may show", () => {
  const pipeline = byName("snapshot", { max_series: 3 });
  const records = names("other", "a", "a", "b", "b", "c");
  assert.deepEqual(afterPass(pipeline, records), ["other=2", "a=2", "b=2"]);
});

Deno.test("a rule of a snapshot that may show one row folds all of several", () => {
  assert.deepEqual(afterPass(byName("snapshot", { max_series: 1 }), names("a", "b", "c")), ["other=3"]);
});

Deno.test("a rule of a snapshot that may show one row shows it when there is one", () => {
  assert.deepEqual(afterPass(byName("snapshot", { max_series: 1 }), names("a", "a")), ["a=2"]);
});

Deno.test("a rule of a snapshot that may show one row folds those that are infinite", () => {
  const pipeline = byName("snapshot", { max_series: 1, value: "amount" });
  const records = [{ name: "a", amount: Infinity }, { name: "b", amount: 1 }];
  assert.deepEqual(afterPass(pipeline, records), ["other=Infinity"]);
});

Deno.test("a rule of a snapshot shows the largest rows when all are below zero", () => {
  const pipeline = byName("snapshot", { max_series: 2, value: "amount" });
  const records = [{ name: "c", amount: -5 }, { name: "a", amount: -3 }, { name: "b", amount: -4 }];
  assert.deepEqual(afterPass(pipeline, records), ["other=-9", "a=-3"]);
});

Deno.test("a rule of a snapshot shows a row again that was folded before", () => {
  const pipeline = byName("snapshot", { max_series: 2 });
  pass(pipeline, names("a", "b", "b", "c", "c", "c"));
  assert.deepEqual(afterPass(pipeline, names("a")), ["a=1"]);
});

Deno.test("a rule of a snapshot forgets what it folded in the pass before", () => {
  const pipeline = byName("snapshot", { max_series: 2 });
  for (let i = 0; i < 3; i++) pass(pipeline, names("a", "b", "b", "c", "c", "c"));
  assert.deepEqual(shownBy(pipeline), ["other=3", "c=3"]);
});

Deno.test("a rule of a snapshot folds the same when it is settled again", () => {
  const pipeline = byName("snapshot", { max_series: 2 });
  pass(pipeline, names("a", "b", "b", "c", "c", "c", "other"));
  settle(pipeline);
  assert.deepEqual(shownBy(pipeline), ["other=4", "c=3"]);
});

Deno.test("a rule of a snapshot counts each row that it folds", () => {
  const pipeline = byName("snapshot", { max_series: 3 });
  for (let i = 0; i < 2; i++) pass(pipeline, names("a", "b", "b", "c", "c", "c", "d", "d", "d"));
  assert.equal(pipeline.rules[0]!.folded, 4);
});

Deno.test("a rule of a snapshot counts nothing as folded that it shows", () => {
  const pipeline = byName("snapshot", { max_series: 3 });
  pass(pipeline, names("a", "b", "other"));
  assert.equal(pipeline.rules[0]!.folded, 0);
});

Deno.test("a rule of a stream adds up", () => {
  const pipeline = byName("stream");
  pass(pipeline, names("a", "a"));
  assert.deepEqual(afterPass(pipeline, names("a")), ["a=3"]);
});

Deno.test("a rule of a stream folds what comes when it is full", () => {
  const pipeline = byName("stream", { max_series: 3 });
  assert.deepEqual(afterPass(pipeline, names("a", "b", "c", "d", "c", "a")), ["other=3", "a=2", "b=1"]);
});

Deno.test("a rule of a stream counts each record that it folds", () => {
  const pipeline = byName("stream", { max_series: 3 });
  pass(pipeline, names("a", "b", "c", "d", "c", "a"));
  assert.equal(pipeline.rules[0]!.folded, 3);
});

Deno.test("a rule of a snapshot shows nothing of what is folded when no record of the pass is", () => {
  const pipeline = byName("snapshot");
  pass(pipeline, names("other", "a"));
  assert.deepEqual(afterPass(pipeline, names("a")), ["a=1"]);
});

Deno.test("a rule of a stream has room for a row when another has vanished", () => {
  const pipeline = byName("stream", { max_series: 2, ttl: 60 });
  pipeline.tick(1000);
  pass(pipeline, names("a"));
  pipeline.tick(1100);
  settle(pipeline);
  assert.deepEqual(afterPass(pipeline, names("b")), ["b=1"]);
});

Deno.test("a rule of a stream keeps a row that is touched again in time", () => {
  const pipeline = byName("stream", { ttl: 60 });
  for (const clock of [1000, 1050, 1100]) {
    pipeline.tick(clock);
    pass(pipeline, names("a"));
  }
  assert.deepEqual(shownBy(pipeline), ["a=3"]);
});

/** The records of a pass, of which each has another amount. */
function manyAmounts(pipeline: Pipeline, start: number, count: number): void {
  const { type } = pipeline.ruleSets[0]!, sink = pipeline.sink(type);
  sink.row.fill(NaN);
  for (let i = 0; i < count; i++) {
    sink.row[type.at["amount"]!] = start + i;
    sink.emit();
  }
}

function byAmount(kind: "snapshot" | "stream", max_series: number): Pipeline {
  return byName(kind, { labels: ["amount"], max_series });
}

function expectedAmounts(start: number, count: number): Map<string, number> {
  return new Map(Array.from({ length: count }, (_, i) => [`metric{amount="${start + i}"}`, 1]));
}

for (const kind of ["snapshot", "stream"] as const) {
  Deno.test(`a rule of a ${kind} shows each of 40,000 series`, () => {
    const pipeline = byAmount(kind, 50_000);
    pipeline.begin();
    manyAmounts(pipeline, 0, 40_000);
    settle(pipeline);
    assert.deepEqual(seriesOf(pipeline), expectedAmounts(0, 40_000));
  });

  Deno.test(`a rule of a ${kind} that may show 20,000 series folds the rest of 40,000`, () => {
    const pipeline = byAmount(kind, 20_000);
    pipeline.begin();
    manyAmounts(pipeline, 0, 40_000);
    settle(pipeline);
    const expected = expectedAmounts(0, 19_999).set('metric{amount="other"}', 20_001);
    assert.deepEqual(seriesOf(pipeline), expected);
  });
}

/** As many rows as a pass of a snapshot may have, with the one for what is folded. */
const CANDIDATES = 262_144;

Deno.test("a rule of a snapshot of more rows than can be chosen from keeps the total", () => {
  const pipeline = byAmount("snapshot", 10);
  pipeline.begin();
  manyAmounts(pipeline, 0, 100_000);
  manyAmounts(pipeline, 0, 300_000);
  settle(pipeline);
  assert.equal(seriesOf(pipeline).values().reduce((sum, value) => sum + value), 400_000);
});

Deno.test("a rule of a snapshot of more rows than can be chosen from counts every one that it folds", () => {
  const pipeline = byAmount("snapshot", 10);
  pipeline.begin();
  manyAmounts(pipeline, 0, 300_000);
  settle(pipeline);
  assert.equal(pipeline.rules[0]!.folded, 300_000 - 9);
});

Deno.test("a rule of a snapshot may show more rows than others choose from", () => {
  const pipeline = byAmount("snapshot", 300_000);
  pipeline.begin();
  manyAmounts(pipeline, 0, 290_000);
  settle(pipeline);
  assert.deepEqual([pipeline.rules[0]!.view.rows, pipeline.rules[0]!.folded], [290_000, 0]);
});

Deno.test("a rule of a snapshot chooses from all of a pass that comes after one that was given up", () => {
  const pipeline = byAmount("snapshot", 10);
  pipeline.begin();
  manyAmounts(pipeline, 0, CANDIDATES);
  pipeline.abandon();
  pipeline.begin();
  manyAmounts(pipeline, 1_000_000, 2);
  settle(pipeline);
  assert.deepEqual(seriesOf(pipeline), expectedAmounts(1_000_000, 2));
});

Deno.test("a rule of a snapshot chooses from all of a pass that comes after one of as many other rows", () => {
  const pipeline = byAmount("snapshot", 10);
  for (const [start, count] of [[0, CANDIDATES], [1_000_000, 2]] as const) {
    pipeline.begin();
    manyAmounts(pipeline, start, count);
    settle(pipeline);
  }
  assert.deepEqual(seriesOf(pipeline), expectedAmounts(1_000_000, 2));
});

for (const kind of ["snapshot", "stream"] as const) {
  Deno.test(`the view of a rule of a ${kind} stays when its rows grow, vanish and get other texts`, () => {
    const pipeline = byName(kind, { max_series: 100_000, ...kind === "stream" ? { ttl: 60 } : {} });
    const numbered = (start: number, count: number) =>
      Array.from({ length: count }, (_, i) => ({ name: `a long name with the number ${start + i}` }));
    pipeline.tick(1000);
    pass(pipeline, numbered(0, 1000));
    const families = familiesOf(pipeline.rules[0]!, "text"), before = textOf(families);
    for (let i = 1; i < 10; i++) {
      pipeline.tick(1000 + 100 * i);
      pass(pipeline, numbered(1000 * i, 1500));
      assert.equal(textOf(families), before);
    }
  });
}

Deno.test("show() yields at least once in 512 rows that are shown", () => {
  const pipeline = byAmount("snapshot", 10_000);
  pipeline.begin();
  manyAmounts(pipeline, 0, 5120);
  settle(pipeline);
  assert([...pipeline.rules[0]!.show()].length >= 10);
});

Deno.test("show() yields at least once in 4096 rows that are folded", () => {
  const pipeline = byAmount("snapshot", 1);
  pipeline.begin();
  manyAmounts(pipeline, 0, 40_960);
  settle(pipeline);
  assert([...pipeline.rules[0]!.show()].length >= 20);
});

Deno.test("a rule of a stream shows what came while it settled when it settles again", () => {
  const pipeline = byName("stream");
  pass(pipeline, names("a"));
  const meanwhile: string[] = [];
  settle(pipeline, () => {
    const name = `name ${meanwhile.length}`;
    emit(pipeline, { name });
    meanwhile.push(`${name}=1`);
  });
  settle(pipeline);
  assert.deepEqual(shownBy(pipeline), ["a=1", ...meanwhile]);
});

const MOVES = recordType({
  name: "moves",
  kind: "stream",
  help: "Moves",
  fields: {
    who: { type: "number", help: "Who" },
    sent: { type: "number", help: "Sent" },
    received: { type: "number", help: "Received" },
  },
});

/** A pipeline that adds up what each has sent and received. It was settled, and of every other the latter is absent. */
function movesOf(count: number, type: "counter" | "gauge" = "counter"): Pipeline {
  const rules = ["sent", "received"].map((value) => ({
    name: `${value}_total`,
    source: "moves",
    type,
    value,
    labels: ["who"],
    max_series: 20_000,
  }));
  const pipeline = pipelineOf({ types: [MOVES], rules });
  for (let who = 0; who < count; who++) move(pipeline, who, { received: who % 2 === 0 ? NaN : 1 });
  settle(pipeline);
  return pipeline;
}

function move(pipeline: Pipeline, who: number, { received = 1 } = {}): void {
  emit(pipeline, { who, sent: 1, received });
}

for (const type of ["counter", "gauge"] as const) {
  Deno.test(`a rule of a stream loses no series when records come at every yield of a settling (${type})`, () => {
    const count = 9000, perYield = 20, pipeline = movesOf(count, type), first = seriesOf(pipeline);
    assert.equal(first.size, 1.5 * count);
    let moves = 0;
    settle(pipeline, () => {
      // Among them those whose field was absent, from the first row to the last.
      for (let i = 0; i < perYield; i++) move(pipeline, (2 * 97 * moves++) % count);
    });
    assert(moves > 100 * perYield, `${moves}`);
    const second = seriesOf(pipeline);
    for (const [series, value] of first) assert(second.get(series)! >= value, series);
    settle(pipeline);
    const third = seriesOf(pipeline);
    for (const [series, value] of second) assert(third.get(series)! >= value, series);
    assert.equal(third.values().reduce((sum, value) => sum + value), 1.5 * count + 2 * moves);
  });
}

Deno.test("a rule of a stream loses no series when many records come at any one of the yields of a settling", () => {
  const count = 4500;
  let yields = 0;
  settle(movesOf(count), () => yields++);
  assert(yields > 100, `${yields}`);
  for (let chosen = 0; chosen < yields; chosen++) {
    const pipeline = movesOf(count), before = seriesOf(pipeline);
    let at = 0;
    settle(pipeline, () => {
      if (at++ === chosen) { for (let who = 0; who < count / 2; who += 2) move(pipeline, who); }
    });
    const after = seriesOf(pipeline);
    for (const [series, value] of before) assert(after.get(series)! >= value, `${series} at yield ${chosen}`);
  }
});
