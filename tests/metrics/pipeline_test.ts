import assert from "node:assert/strict";
import { Ip } from "../../core/ip.ts";
import { recordType } from "../../core/record.ts";
import { inOnePiece } from "../../core/work.ts";
import type { NamedLookup } from "../../metrics/expressions.ts";
import { familiesOf, render } from "../../metrics/exposition.ts";
import type { Pipeline } from "../../metrics/pipeline.ts";
import { textOf } from "../../metrics/steps.ts";
import { emit, expositionOf, pass, pipelineOf, type Plain, seriesOf, settle } from "../helpers/pipelines.ts";
import { SNAPSHOT, STREAM } from "../helpers/scenarios.ts";

const BY_NAME = { name: "metric", source: "sockets", labels: ["name"] } as const;
const FLOWS_BY_NAME = { ...BY_NAME, source: "flows" } as const;

function names(...names: string[]): Plain[] {
  return names.map((name) => ({ name }));
}

Deno.test("settle() removes the series that a pass does not touch", () => {
  const pipeline = pipelineOf({ types: [SNAPSHOT], rules: [BY_NAME] });
  pass(pipeline, names("a", "b"));
  pass(pipeline, names("b", "b"));
  assert.deepEqual([...seriesOf(pipeline)], [['metric{name="b"}', 2]]);
});

Deno.test("settle() shows nothing of a snapshot that has labels and no records", () => {
  const pipeline = pipelineOf({ types: [SNAPSHOT], rules: [BY_NAME] });
  pass(pipeline, []);
  assert.equal(expositionOf(pipeline.rules), "");
});

Deno.test("settle() shows 0 for a snapshot that has no labels and no records", () => {
  const pipeline = pipelineOf({ types: [SNAPSHOT], rules: [{ name: "metric", source: "sockets" }] });
  pass(pipeline, []);
  assert.deepEqual([...seriesOf(pipeline)], [["metric", 0]]);
});

Deno.test("a pipeline shows nothing before it settles", () => {
  const pipeline = pipelineOf({ types: [SNAPSHOT], rules: [{ name: "metric", source: "sockets" }] });
  pipeline.begin();
  emit(pipeline, { name: "a" });
  assert.equal(expositionOf(pipeline.rules), "");
});

Deno.test("settle() keeps the series of a stream until it was idle for its time to live", () => {
  const pipeline = pipelineOf({ types: [STREAM], rules: [{ ...FLOWS_BY_NAME, ttl: 60 }] });
  pipeline.tick(1000);
  emit(pipeline, { name: "a" });
  pipeline.tick(1060);
  settle(pipeline);
  assert.deepEqual([...seriesOf(pipeline)], [['metric{name="a"}', 1]]);
});

Deno.test("settle() removes a series of a stream that was idle for longer than its time to live", () => {
  const pipeline = pipelineOf({ types: [STREAM], rules: [{ ...FLOWS_BY_NAME, ttl: 60 }] });
  pipeline.tick(1000);
  emit(pipeline, { name: "a" });
  pipeline.tick(1061);
  settle(pipeline);
  assert.equal(expositionOf(pipeline.rules), "");
});

Deno.test("a series of a stream that comes back after it vanished starts anew", () => {
  const pipeline = pipelineOf({ types: [STREAM], rules: [{ ...FLOWS_BY_NAME, ttl: 60 }] });
  pipeline.tick(1000);
  for (const record of names("a", "a", "a")) emit(pipeline, record);
  pipeline.tick(2000);
  settle(pipeline);
  emit(pipeline, { name: "a" });
  settle(pipeline);
  assert.deepEqual([...seriesOf(pipeline)], [['metric{name="a"}', 1]]);
});

Deno.test("the series of what is folded vanishes and starts anew as others do", () => {
  const rule = { ...FLOWS_BY_NAME, ttl: 60, max_series: 1 };
  const pipeline = pipelineOf({ types: [STREAM], rules: [rule] });
  const seen = [1000, 2000, 2001].map((clock, i) => {
    pipeline.tick(clock);
    if (i !== 1) { for (const record of names("a", "b")) emit(pipeline, record); }
    settle(pipeline);
    return [...seriesOf(pipeline).values()];
  });
  assert.deepEqual(seen, [[2], [], [2]]);
});

Deno.test("a stream without labels keeps its series however long it is idle", () => {
  const pipeline = pipelineOf({ types: [STREAM], rules: [{ name: "metric", source: "flows", ttl: 60 }] });
  pipeline.tick(1000);
  emit(pipeline, {});
  pipeline.tick(9000);
  settle(pipeline);
  assert.deepEqual([...seriesOf(pipeline)], [["metric", 1]]);
});

Deno.test("a record whose labels all read other is in the series of what is folded", () => {
  const pipeline = pipelineOf({ types: [SNAPSHOT], rules: [{ ...BY_NAME, max_series: 2 }] });
  pass(pipeline, names("other", "a", "a", "b", "c"));
  assert.deepEqual([...seriesOf(pipeline)], [['metric{name="other"}', 3], ['metric{name="a"}', 2]]);
});

Deno.test("abandon() shows nothing of what there was", () => {
  const pipeline = pipelineOf({ types: [SNAPSHOT], rules: [BY_NAME, { name: "all", source: "sockets" }] });
  pass(pipeline, names("a"));
  pipeline.begin();
  emit(pipeline, { name: "b" });
  pipeline.abandon();
  assert.equal(expositionOf(pipeline.rules), "");
});

Deno.test("the pass after abandon() shows its own records only", () => {
  const pipeline = pipelineOf({ types: [SNAPSHOT], rules: [BY_NAME] });
  pass(pipeline, names("a"));
  pipeline.begin();
  for (const record of names("a", "b")) emit(pipeline, record);
  pipeline.abandon();
  pass(pipeline, names("a", "c"));
  assert.deepEqual([...seriesOf(pipeline)], [['metric{name="a"}', 1], ['metric{name="c"}', 1]]);
});

for (const steps of [1, 2, 3, 5, 8, 13, 50, 59, 60, 61, 63, 65, 67]) {
  Deno.test(`the pass after one whose settling was broken off at ${steps} shows its own records only`, () => {
    const pipeline = pipelineOf({
      types: [SNAPSHOT],
      rules: [BY_NAME, { ...BY_NAME, name: "two", max_series: 2 }],
    });
    const numbered = (start: number) => names(...Array.from({ length: 3000 }, (_, i) => `name ${start + i}`));
    pass(pipeline, numbered(0));
    for (const { group } of pipeline.rules) for (const label of group.labels) label.limit = 8;
    pipeline.begin();
    for (const record of numbered(1500)) emit(pipeline, record);
    // What settles is closed as drive() does it.
    let step = 0;
    for (const _ of pipeline.settle("snapshot") as Iterable<void>) if (++step === steps) break;
    pipeline.abandon();
    pass(pipeline, names("name 2000", "name 1", "a", "name 1", "a", "a"));
    assert.deepEqual([...seriesOf(pipeline)], [
      ['metric{name="name 2000"}', 1],
      ['metric{name="name 1"}', 2],
      ['metric{name="a"}', 3],
      ['two{name="other"}', 3],
      ['two{name="a"}', 3],
    ]);
  });
}

Deno.test("abandon() leaves streams as they are", () => {
  const pipeline = pipelineOf({
    types: [SNAPSHOT, STREAM],
    rules: [BY_NAME, { ...FLOWS_BY_NAME, name: "flow" }],
  });
  emit(pipeline, { name: "a" }, STREAM);
  settle(pipeline);
  pipeline.begin();
  pipeline.abandon();
  assert.deepEqual([...seriesOf(pipeline)], [['flow{name="a"}', 1]]);
});

Deno.test("settle() settles the records of its kind only", () => {
  const pipeline = pipelineOf({
    types: [SNAPSHOT, STREAM],
    rules: [BY_NAME, { ...FLOWS_BY_NAME, name: "flow" }],
  });
  pipeline.begin();
  for (const type of [SNAPSHOT, STREAM]) emit(pipeline, { name: "a" }, type);
  for (const _ of pipeline.settle("stream"));
  assert.deepEqual([...seriesOf(pipeline)], [['flow{name="a"}', 1]]);
});

Deno.test("sink() throws for a type of record that the collector does not have", () => {
  const pipeline = pipelineOf({ types: [SNAPSHOT] });
  assert.throws(() => pipeline.sink(STREAM), new TypeError("Cannot write flows: it is no record of test"));
});

Deno.test("a picture stays while half of it is read and the table goes on", () => {
  const rule = { ...FLOWS_BY_NAME, max_series: 100_000, ttl: 60 };
  const pipeline = pipelineOf({ types: [STREAM], rules: [rule] });
  pipeline.tick(1000);
  for (let i = 0; i < 5000; i++) emit(pipeline, { name: `a long name with the number ${i}` });
  settle(pipeline);
  const before = expositionOf(pipeline.rules);
  const chunks = render(pipeline.rules.flatMap((rule) => familiesOf(rule, "text")), "text");
  const read = [chunks.next().value!], decoder = new TextDecoder();
  for (const clock of [1001, 2000]) {
    pipeline.tick(clock);
    for (let i = 4000; i < 20_000; i++) emit(pipeline, { name: `a long name with the number ${i}` });
    settle(pipeline);
  }
  read.push(...chunks);
  assert.equal(read.map((chunk) => decoder.decode(chunk, { stream: true })).join(""), before);
});

Deno.test("more addresses than a column remembers are counted as before", () => {
  const RECORDS = 200_000;
  const filter = { match: "host", cidr: "10.0.0.0/8" };
  const label = { name: "network", field: "host", steps: [{ cidr: { v4: 16 } }] };
  const rules = [
    { name: "networks", source: "sockets", filter, labels: [label] },
    { name: "pairs", source: "sockets", labels: [{ name: "pair", field: ["host", "port"] }], max_series: 1 },
  ];
  const pipeline = pipelineOf({ types: [SNAPSHOT], rules });
  const sink = pipeline.sink(SNAPSHOT), expected = new Map<string, number>();
  pipeline.begin();
  for (let i = 0; i < RECORDS; i++) {
    // The last records are of addresses that were there first.
    const address = (i % 7 === 0 ? 0x0b000000 : 0x0a000000) + i % 140_000;
    sink.row.fill(NaN);
    sink.row[SNAPSHOT.at.host] = address;
    sink.row[SNAPSHOT.at.port] = i % 3;
    sink.emit();
    if (i % 7 === 0) continue;
    const key = `networks{network="10.${(address >>> 16) & 255}.0.0/16"}`;
    expected.set(key, (expected.get(key) ?? 0) + 1);
  }
  settle(pipeline);
  expected.set('pairs{pair="other"}', RECORDS);
  assert.deepEqual(seriesOf(pipeline), expected);
});

Deno.test("labels that forget keep the text of the series that are there", () => {
  const pipeline = pipelineOf({ types: [STREAM], rules: [{ ...FLOWS_BY_NAME, max_series: 3 }] });
  const [label] = pipeline.rules[0]!.group.labels;
  for (let i = 0; i < 100; i++) {
    label!.limit = 8;
    emit(pipeline, { name: `name ${i % 50}` });
  }
  settle(pipeline);
  assert.deepEqual(
    seriesOf(pipeline),
    new Map([
      ['metric{name="other"}', 96],
      ['metric{name="name 0"}', 2],
      ['metric{name="name 1"}', 2],
    ]),
  );
});

Deno.test("a label does not remember more values the more there are", () => {
  const labels = [{ name: "host", field: "host" }];
  const pipeline = pipelineOf({ types: [STREAM], rules: [{ ...FLOWS_BY_NAME, labels, max_series: 10 }] });
  const [label] = pipeline.rules[0]!.group.labels, sink = pipeline.sink(STREAM);
  sink.row.fill(NaN);
  for (let i = 0; i < 300_000; i++) {
    sink.row[STREAM.at.host] = i;
    sink.emit();
  }
  assert(label!.size < 300_000);
});

/** Whether two addresses or ports are on the same side, which is all that it needs to know of each. */
function sides(): NamedLookup & { readonly count: { lookups: number; parts: number } } {
  const count = { lookups: 0, parts: 0 };
  return {
    count,
    outputs: ["side"],
    part(value) {
      count.parts++;
      return (value instanceof Ip ? value.toNumber() : Number(value)) < 5000 ? "low" : "high";
    },
    lookup(value) {
      count.lookups++;
      return textOf(value);
    },
  };
}

Deno.test("an enricher is asked for the few pairs of parts, however many the values are", () => {
  const VALUES = 10_000, lookup = sides();
  const labels = [{ name: "sides", field: ["host", "port"], steps: ["sides"] }];
  const pipeline = pipelineOf({
    types: [STREAM],
    rules: [{ ...FLOWS_BY_NAME, labels }],
    lookups: new Map([["sides", lookup]]),
  });
  const sink = pipeline.sink(STREAM), expected = new Map<string, number>();
  sink.row.fill(NaN);
  for (let i = 0; i < 5 * VALUES; i++) {
    const host = i % VALUES, port = (7919 * i + Math.floor(i / VALUES)) % VALUES;
    sink.row[STREAM.at.host] = host;
    sink.row[STREAM.at.port] = port;
    sink.emit();
    const key = `metric{sides="${host < 5000 ? "low" : "high"}:${port < 5000 ? "low" : "high"}"}`;
    expected.set(key, (expected.get(key) ?? 0) + 1);
  }
  settle(pipeline);
  assert.deepEqual(seriesOf(pipeline), expected);
  assert.deepEqual(lookup.count, { lookups: 4, parts: 2 * VALUES });
});

Deno.test("a filter of parts and a label of parts count as before when more addresses come than are remembered", () => {
  const ADDRESSES = 200_000;
  const filter = { match: ["host", "port"], steps: ["sides"], is: "high:low" };
  const labels = [{ name: "sides", field: ["host", "port"], steps: ["sides"] }];
  const pipeline = pipelineOf({
    types: [SNAPSHOT],
    rules: [{ ...BY_NAME, labels }, { name: "filtered", source: "sockets", filter }],
    lookups: new Map([["sides", sides()]]),
  });
  const sink = pipeline.sink(SNAPSHOT);
  sink.row.fill(NaN);
  sink.row[SNAPSHOT.at.port] = 53;
  pipeline.begin();
  for (let i = 0; i < ADDRESSES; i++) {
    sink.row[SNAPSHOT.at.host] = i;
    sink.emit();
  }
  for (let i = 0; i < 7000; i++) {
    sink.row[SNAPSHOT.at.host] = i;
    sink.emit();
  }
  settle(pipeline);
  assert.deepEqual([...seriesOf(pipeline)], [
    ['metric{sides="low:low"}', 10_000],
    ['metric{sides="high:low"}', ADDRESSES - 3000],
    ["filtered", ADDRESSES - 3000],
  ]);
});

Deno.test("records that wait are counted by what they said when the vocabulary forgets it", () => {
  const pipeline = pipelineOf({ types: [STREAM], rules: [FLOWS_BY_NAME] });
  pipeline.tick(0);
  emit(pipeline, { name: "a" });
  for (let i = 0; i <= pipeline.vocabulary.limit; i++) pipeline.vocabulary.text(`x${i}`);
  pipeline.vocabulary.forgetIfFull();
  emit(pipeline, { name: "b" });
  settle(pipeline);
  assert.deepEqual([...seriesOf(pipeline)], [['metric{name="a"}', 1], ['metric{name="b"}', 1]]);
});

Deno.test("uses() tells which fields labels, filters and values look at", () => {
  const rule = { ...FLOWS_BY_NAME, value: "amount", filter: [{ match: "port", is: 1 }] };
  const pipeline = pipelineOf({ types: [STREAM], rules: [rule] }), sink = pipeline.sink(STREAM);
  const used = Object.entries(STREAM.at).filter(([, at]) => sink.uses(at)).map(([name]) => name);
  assert.deepEqual(used.toSorted(), ["amount", "name", "port"]);
});

const STATUS = recordType({
  name: "status",
  kind: "snapshot",
  isStatus: true,
  help: "",
  fields: { up: { type: "number", help: "" } },
});

/** What is shown of a pass of which each type has brought a record, after settling it as the test says. */
function settledBy(settle: (pipeline: Pipeline) => void): string[] {
  const types = [SNAPSHOT, STREAM, STATUS];
  const rules = types.map(({ name }) => ({ name: `all_${name}`, source: name }));
  const pipeline = pipelineOf({ types, rules });
  pipeline.begin();
  for (const type of types) emit(pipeline, { name: "a", up: 1 }, type);
  settle(pipeline);
  return [...seriesOf(pipeline).keys()];
}

const SETTLED = [
  { what: "snapshot", shown: ["all_sockets", "all_status"] },
  { what: "stream", shown: ["all_flows"] },
  { what: "status", shown: ["all_status"] },
] as const;

for (const { what, shown } of SETTLED) {
  Deno.test(`settle("${what}") settles ${shown.join(", ")} only`, () => {
    assert.deepEqual(settledBy((pipeline) => inOnePiece(pipeline.settle(what))), shown);
  });
}

Deno.test('settle("status") shows the records that came after abandon() only', () => {
  const rules = [{ name: "is_up", source: "status", labels: ["up"] }];
  const pipeline = pipelineOf({ types: [STATUS], rules });
  pipeline.begin();
  emit(pipeline, { up: 1 });
  pipeline.abandon();
  pipeline.begin();
  emit(pipeline, { up: 0 });
  inOnePiece(pipeline.settle("status"));
  assert.deepEqual([...seriesOf(pipeline)], [['is_up{up="0"}', 1]]);
});
