import assert from "node:assert/strict";
import type { ShippedRule } from "../../core/collector.ts";
import { recordType } from "../../core/record.ts";
import { pass, pipelineOf, type Plain, seriesOf } from "../helpers/pipelines.ts";

const SOCKETS = recordType({
  name: "sockets",
  help: "Sockets",
  kind: "snapshot",
  fields: {
    name: { type: "text", help: "Name" },
    amount: { type: "number", help: "Amount" },
  },
});

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
  assert.equal(pipeline.rules[0]!.options.labels[0], pipeline.rules[1]!.options.labels[0]);
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
  pipeline.rules[0]!.options.labels.forEach((label) => label.limit = 4);
  pass(pipeline, [A, B, A, BELOW]);
  const pairs = ['{name="a",amount="5"}', '{name="b",amount="0.5"}', '{name="b",amount="-3"}'];
  assert.deepEqual(
    [...seriesOf(pipeline)],
    ["a", "b"].flatMap((name) => pairs.map((pair, i) => [name + pair, i === 0 ? 2 : 1])),
  );
});
