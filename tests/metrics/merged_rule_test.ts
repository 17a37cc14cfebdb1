import assert from "node:assert/strict";
import { recordType } from "../../core/record.ts";
import { inOnePiece } from "../../core/work.ts";
import { MergedRule } from "../../metrics/merged_rule.ts";
import { EMPTY, type MetricType, type View } from "../../metrics/rule.ts";

type Rows = Readonly<Record<string, number>>;
/** Count, sum and quantiles. */
type SummaryRows = Readonly<Record<string, readonly number[]>>;

function viewOf(rows: Rows | SummaryRows): View {
  const texts = Object.keys(rows).map((text) => new TextEncoder().encode(text));
  const ends = Uint32Array.from(
    texts,
    (_, i) => texts.slice(0, i + 1).reduce((sum, { length }) => sum + length, 0),
  );
  return {
    rows: texts.length,
    bytes: Uint8Array.from(texts.flatMap((text) => [...text])),
    starts: Uint32Array.of(0, ...ends).subarray(0, texts.length),
    ends,
    values: Float64Array.from(Object.values(rows).flat()),
  };
}

function rowsOf({ rows, bytes, starts, ends, values }: View): Rows {
  const text = (row: number) => new TextDecoder().decode(bytes.subarray(starts[row], ends[row]));
  return Object.fromEntries(Array.from({ length: rows }, (_, row) => [text(row), values[row]!]));
}

const FIELDS = {
  length: { type: "number", help: "" },
  rate: { type: "number", shared: true, help: "" },
} as const;
const LENGTH = 0, RATE = 1;

function ruleOf(kind: "snapshot" | "stream", type: MetricType = "counter", valueAt = LENGTH): MergedRule {
  const source = recordType({ name: "visits", help: "", kind, fields: FIELDS });
  return new MergedRule({
    options: { name: "visits_total", help: "", type, source, valueAt, buckets: [], quantiles: [] },
    stride: 1,
  });
}

function merge(rule: MergedRule, ...threads: readonly Rows[]): Rows {
  inOnePiece(rule.merge(threads.map((rows) => ({ view: viewOf(rows), folded: 1 }))));
  return rowsOf(rule.view);
}

Deno.test("merge() adds up what the threads show, and what they have folded", () => {
  const rule = ruleOf("stream");
  assert.deepEqual(merge(rule, { a: 1, b: 2 }, { b: 3, c: 4 }), { a: 1, b: 5, c: 4 });
  assert.equal(rule.folded, 2);
});

Deno.test("merge() keeps what a thread has counted when it lets a row go that another goes on with", () => {
  const rule = ruleOf("stream");
  assert.deepEqual(merge(rule, { a: 10 }, { a: 5 }), { a: 15 });
  assert.deepEqual(merge(rule, {}, { a: 6 }), { a: 16 });
  assert.deepEqual(merge(rule, { a: 1 }, { a: 6 }), { a: 17 });
  assert.deepEqual(merge(rule, {}, { a: 6 }), { a: 17 });
});

Deno.test("merge() forgets a row that all threads have let go", () => {
  const rule = ruleOf("stream");
  merge(rule, { a: 10, b: 1 }, { a: 5 });
  merge(rule, { b: 1 }, { a: 5 });
  assert.deepEqual(merge(rule, { b: 1 }, {}), { b: 1 });
  assert.deepEqual(merge(rule, { b: 1 }, { a: 2 }), { a: 2, b: 1 });
});

Deno.test("merge() shows of a snapshot what is there now", () => {
  const rule = ruleOf("snapshot");
  merge(rule, { a: 10 }, { a: 5 });
  assert.deepEqual(merge(rule, {}, { a: 6 }), { a: 6 });
});

for (
  const { what, rule, sum } of [
    { what: "the largest of a gauge that threads share", rule: ruleOf("snapshot", "gauge", RATE), sum: 5 },
    { what: "the sum of any other gauge", rule: ruleOf("snapshot", "gauge"), sum: 8 },
    { what: "the sum of a number of records", rule: ruleOf("snapshot", "gauge", -1), sum: 8 },
    { what: "the sum of a counter", rule: ruleOf("snapshot", "counter", RATE), sum: 8 },
  ]
) {
  Deno.test(`merge() shows ${what}`, () => {
    assert.deepEqual(merge(rule, { a: 3 }, { a: 5 }), { a: sum });
  });
}

function summaryOf(quantiles: readonly number[]): MergedRule {
  const source = recordType({ name: "visits", help: "", kind: "stream", fields: FIELDS });
  return new MergedRule({
    options: { name: "visits", help: "", type: "summary", source, valueAt: LENGTH, buckets: [], quantiles },
    stride: 2 + quantiles.length,
  });
}

function mergeSummary(rule: MergedRule, ...threads: readonly SummaryRows[]): SummaryRows {
  inOnePiece(rule.merge(threads.map((rows) => ({ view: viewOf(rows), folded: 0 }))));
  const stride = 2 + rule.options.quantiles.length, { values } = rule.view;
  const numbersOf = (row: number) => [...values.subarray(row * stride, (row + 1) * stride)];
  return Object.fromEntries(Object.keys(rowsOf(rule.view)).map((text, row) => [text, numbersOf(row)]));
}

Deno.test("merge() adds up the counts and sums of a summary, and shows the largest of the quantiles", () => {
  const threads = [{ a: [2, 10, 3, 7], b: [1, 1, 1, 1] }, { a: [4, 8, 2, 9] }];
  const merged = mergeSummary(summaryOf([0.5, 0.9]), ...threads);
  assert.deepEqual(merged, { a: [6, 18, 3, 9], b: [1, 1, 1, 1] });
});

Deno.test("merge() shows the quantiles of the threads that have values of late", () => {
  const rule = summaryOf([0.5]);
  assert.deepEqual(mergeSummary(rule, { a: [2, 10, NaN] }, { a: [4, 8, -1] }), { a: [6, 18, -1] });
  assert.deepEqual(mergeSummary(rule, { a: [2, 10, NaN] }, { a: [4, 8, NaN] }), { a: [6, 18, NaN] });
});

Deno.test("merge() keeps the count and sum of a row of a summary that a thread lets go, and no quantiles", () => {
  const rule = summaryOf([0.5]);
  mergeSummary(rule, { a: [2, 10, 100] }, { a: [4, 8, 1] });
  assert.deepEqual(mergeSummary(rule, {}, { a: [5, 9, 1] }), { a: [7, 19, 1] });
  assert.deepEqual(mergeSummary(rule, { a: [1, 1, 3] }, { a: [5, 9, NaN] }), { a: [8, 20, 3] });
  assert.deepEqual(mergeSummary(rule, {}, { a: [5, 9, NaN] }), { a: [8, 20, NaN] });
});

Deno.test("merge() changes nothing of what the threads of a summary show", () => {
  const rule = summaryOf([0.5]), view = viewOf({ a: [2, 10, 100] });
  for (const other of [viewOf({ a: [4, 8, 1] }), EMPTY, viewOf({ a: [1, 1, 1] })]) {
    inOnePiece(rule.merge([{ view, folded: 0 }, { view: other, folded: 0 }]));
  }
  assert.deepEqual([...view.values], [2, 10, 100]);
});

Deno.test("merge() adds up the counts and sums of a summary without quantiles", () => {
  const merged = mergeSummary(summaryOf([]), { a: [2, 10] }, { a: [4, 8], b: [1, 1] });
  assert.deepEqual(merged, { a: [6, 18], b: [1, 1] });
});
