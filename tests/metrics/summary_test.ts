import assert from "node:assert/strict";
import type { ShippedRule } from "../../core/collector.ts";
import { recordType } from "../../core/record.ts";
import type { Pipeline } from "../../metrics/pipeline.ts";
import { compactView } from "../../metrics/rule.ts";
import { emit, pass, pipelineOf, type Plain, seriesOf, settle } from "../helpers/pipelines.ts";

const FLOWS = recordType({
  name: "flows",
  help: "Flows",
  kind: "stream",
  fields: {
    name: { type: "text", help: "Name" },
    amount: { type: "number", help: "Amount" },
    port: { type: "number", help: "Port" },
  },
});
const SUMMARY = { source: "flows", type: "summary", value: "amount", quantiles: [0.5, 1] };
const BY_NAME = { ...SUMMARY, labels: ["name"] };

function pipelineBy(rules: Readonly<Record<string, Omit<ShippedRule, "name">>>): Pipeline {
  return pipelineOf({
    types: [FLOWS],
    rules: Object.entries(rules).map(([name, rule]) => ({ name, ...rule })),
  });
}

/** `RULE NAME quantile=VALUE`, or `RULE_sum NAME=VALUE` and its like. */
function shownBy(pipeline: Pipeline): string[] {
  return [...seriesOf(pipeline)].map(([key, value]) =>
    `${key.replace(/[{},"]|name=|quantile=/g, " ").replace(/ +/g, " ").trimEnd()}=${value}`
  );
}

/** What is shown after records that come at a time. */
function after(pipeline: Pipeline, clock: number, ...records: readonly Plain[]): string[] {
  pipeline.tick(clock);
  pass(pipeline, records);
  return shownBy(pipeline);
}

function record(name: string, amount?: number): Plain {
  return { name, amount };
}

/** How many numbers the reservoirs of the first rule have. */
function sizeOf(pipeline: Pipeline): number {
  return pipeline.rules[0]!.reservoirs!.size;
}

const SMALLEST = 27;

Deno.test("a summary shows quantiles, the sum and the number of values by label", () => {
  const records = [record("a", 5), record("b", 0.5), record("a", 3), record("a", 4)];
  assert.deepEqual(after(pipelineBy({ m: BY_NAME }), 0, ...records), [
    "m a 0.5=4",
    "m a 1=5",
    "m b 0.5=0.5",
    "m b 1=0.5",
    "m_sum a=12",
    "m_sum b=0.5",
    "m_count a=3",
    "m_count b=1",
  ]);
});

Deno.test("a summary leaves out a record whose value is absent", () => {
  const shown = after(pipelineBy({ m: BY_NAME }), 0, record("a", 5), record("a"), record("b"));
  assert.deepEqual(shown, ["m a 0.5=5", "m a 1=5", "m_sum a=5", "m_count a=1"]);
});

Deno.test("a summary takes values below zero", () => {
  const shown = after(pipelineBy({ m: SUMMARY }), 0, record("a", -5), record("a", 1));
  assert.deepEqual(shown, ["m 0.5=-5", "m 1=1", "m_sum=-4", "m_count=2"]);
});

for (const [what, records] of [["record", []], ["record with the value", [record("a")]]] as const) {
  Deno.test(`a summary without labels is NaN, with the sum and number 0, before the first ${what}`, () => {
    const shown = after(pipelineBy({ m: SUMMARY }), 0, ...records);
    assert.deepEqual(shown, ["m 0.5=NaN", "m 1=NaN", "m_sum=0", "m_count=0"]);
  });
}

for (
  const [what, rule, name] of [
    ["without labels", SUMMARY, ""],
    ["with labels", { ...BY_NAME, ttl: 3600 }, " a"],
    ["of which all is folded", { ...BY_NAME, ttl: 3600, max_series: 1 }, " other"],
  ] as const
) {
  Deno.test(`a summary ${what} has quantiles of ten minutes, and the sum and number of all`, () => {
    const pipeline = pipelineBy({ m: rule });
    const shown = (median: number, largest: number, sum: number, count: number) => [
      `m${name} 0.5=${median}`,
      `m${name} 1=${largest}`,
      `m_sum${name}=${sum}`,
      `m_count${name}=${count}`,
    ];
    assert.deepEqual(after(pipeline, 1000, record("a", 7), record("a", 5)), shown(5, 7, 12, 2));
    assert.deepEqual(after(pipeline, 1400, record("a", 1)), shown(5, 7, 13, 3));
    assert.deepEqual(after(pipeline, 1600), shown(1, 1, 13, 3));
    assert.deepEqual(after(pipeline, 2000), shown(NaN, NaN, 13, 3));
    assert.equal(sizeOf(pipeline), 0);
    assert.deepEqual(after(pipeline, 2100, record("a", 2)), shown(2, 2, 15, 4));
  });
}

Deno.test("a summary adds up what is folded, and has its quantiles", () => {
  const pipeline = pipelineBy({ m: { ...BY_NAME, max_series: 2 } });
  const records = [record("a", 9), record("b", 1), record("c", 2), record("d", 3)];
  assert.deepEqual(after(pipeline, 0, ...records), [
    "m other 0.5=2",
    "m other 1=3",
    "m a 0.5=9",
    "m a 1=9",
    "m_sum other=6",
    "m_sum a=9",
    "m_count other=3",
    "m_count a=1",
  ]);
});

Deno.test("a summary begins anew with what is folded when nothing has been for long", () => {
  const pipeline = pipelineBy({ m: { ...BY_NAME, max_series: 1, ttl: 60 } });
  after(pipeline, 1000, record("a", 9), record("b", 1));
  assert.deepEqual(after(pipeline, 1100), []);
  assert.equal(sizeOf(pipeline), 0);
  const shown = after(pipeline, 1110, record("c", 2));
  assert.deepEqual(shown, ["m other 0.5=2", "m other 1=2", "m_sum other=2", "m_count other=1"]);
});

Deno.test("a summary holds nothing of rows that have vanished", () => {
  const pipeline = pipelineBy({ m: { ...BY_NAME, ttl: 60 } });
  after(pipeline, 1000, ...Array.from({ length: 100 }, (_, i) => record(`name ${i}`, i)));
  assert.equal(sizeOf(pipeline), 100 * SMALLEST);
  after(pipeline, 1050, record("name 50", 1));
  after(pipeline, 1100);
  assert.equal(sizeOf(pipeline), SMALLEST);
  after(pipeline, 1200);
  assert.equal(sizeOf(pipeline), 0);
});

Deno.test("a row of a summary that comes back has nothing of what it had before", () => {
  const pipeline = pipelineBy({ m: { ...BY_NAME, ttl: 60 } });
  after(pipeline, 1000, record("a", 9));
  after(pipeline, 1100);
  const shown = after(pipeline, 1110, record("a", 2));
  assert.deepEqual(shown, ["m a 0.5=2", "m a 1=2", "m_sum a=2", "m_count a=1"]);
});

Deno.test("rows of a summary keep their quantiles when others vanish and they move", () => {
  const pipeline = pipelineBy({ m: { ...BY_NAME, ttl: 60 }, n: { ...BY_NAME, ttl: 60, value: "port" } });
  const names = Array.from({ length: 500 }, (_, i) => i);
  const records = (names: readonly number[], port: number) =>
    names.map((i) => ({ name: `${i}`, amount: i, port: port + i }));
  after(pipeline, 1000, ...records(names, 1000));
  const kept = names.filter((i) => i % 3 === 1), others = names.slice(0, 100).map((i) => i + 10_000);
  for (const clock of [1050, 1100, 1150]) after(pipeline, clock, ...records(kept, clock));
  after(pipeline, 1150, ...records(others, 0));
  const series = seriesOf(pipeline);
  assert.equal(series.size, 8 * (kept.length + others.length));
  for (const i of kept) {
    const values = [`m{name="${i}",quantile="1"}`, `n{name="${i}",quantile="0.5"}`, `m_sum{name="${i}"}`]
      .map((key) => series.get(key));
    assert.deepEqual(values, [i, 1050 + i, 4 * i]);
  }
  for (const i of others) assert.equal(series.get(`m{name="${i}",quantile="0.5"}`), i);
});

Deno.test("each of the rules that share a group with summaries shows its own value", () => {
  const pipeline = pipelineBy({
    n: { source: "flows", labels: ["name"] },
    m: BY_NAME,
    h: { source: "flows", type: "histogram", value: "amount", labels: ["name"], buckets: [4] },
    few: { ...BY_NAME, quantiles: [] },
    ports: { ...BY_NAME, value: "port", quantiles: [0] },
  });
  assert.equal(new Set(pipeline.rules.map(({ group }) => group)).size, 1);
  const records = [{ name: "a", amount: 3, port: 80 }, { name: "a", amount: 5 }, { name: "a", port: 53 }];
  assert.deepEqual(after(pipeline, 0, ...records), [
    "n a=3",
    "m a 0.5=3",
    "m a 1=5",
    "m_sum a=8",
    "m_count a=2",
    "h_bucket a le= 4=1",
    "h_bucket a le= +Inf=2",
    "h_count a=2",
    "h_sum a=8",
    "few_sum a=8",
    "few_count a=2",
    "ports a 0=53",
    "ports_sum a=133",
    "ports_count a=2",
  ]);
});

Deno.test("a row of a summary that has no value of it yet is not shown", () => {
  const pipeline = pipelineBy({ n: { source: "flows", labels: ["name"] }, m: BY_NAME });
  const shown = after(pipeline, 0, record("a"), record("b", 1));
  assert.deepEqual(shown, ["n a=1", "n b=1", "m b 0.5=1", "m b 1=1", "m_sum b=1", "m_count b=1"]);
});

Deno.test("clear() forgets the values of a summary", () => {
  const pipeline = pipelineBy({ m: BY_NAME });
  after(pipeline, 0, record("a", 9), record("b", 9));
  pipeline.ruleSets[0]!.clear();
  assert.deepEqual([shownBy(pipeline), sizeOf(pipeline)], [[], 0]);
  const shown = after(pipeline, 0, record("b", 2));
  assert.deepEqual(shown, ["m b 0.5=2", "m b 1=2", "m_sum b=2", "m_count b=1"]);
});

Deno.test("the view of a summary stays when later values come", () => {
  const pipeline = pipelineBy({ m: BY_NAME });
  after(pipeline, 0, record("a", 9));
  const { view } = pipeline.rules[0]!, { values } = compactView(view);
  after(pipeline, 0, record("a", 100), record("b", 1));
  assert.deepEqual(view.values, values);
});

Deno.test("a summary loses no value of those that come while it is settled", () => {
  const pipeline = pipelineBy({ m: { ...BY_NAME, quantiles: [0, 1] } });
  const names = Array.from({ length: 3000 }, (_, i) => `name ${i}`);
  pass(pipeline, names.map((name, i) => record(name, i)));
  let moves = 0;
  settle(pipeline, () => {
    for (let i = 0; i < 10; i++) emit(pipeline, record(names[(97 * moves++) % names.length]!, -1));
  });
  assert(moves > 1000, `${moves}`);
  settle(pipeline);
  const series = seriesOf(pipeline);
  const countOf = (name: string) => series.get(`m_count{name="${name}"}`)!;
  assert.equal(names.reduce((sum, name) => sum + countOf(name), 0), names.length + moves);
  for (const [i, name] of names.entries()) {
    assert.equal(series.get(`m{name="${name}",quantile="0"}`), countOf(name) > 1 ? -1 : i);
    assert.equal(series.get(`m{name="${name}",quantile="1"}`), i);
  }
});

Deno.test("show() yields at least once in 8 rows of a summary", () => {
  const pipeline = pipelineBy({ m: BY_NAME });
  pass(pipeline, Array.from({ length: 800 }, (_, i) => record(`name ${i}`, i)));
  assert([...pipeline.rules[0]!.show()].length >= 100);
});
