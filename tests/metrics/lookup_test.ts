import assert from "node:assert/strict";
import type { Value } from "../../core/enricher.ts";
import { Ip } from "../../core/ip.ts";
import type { Literal } from "../../core/node.ts";
import { recordType } from "../../core/record.ts";
import type { NamedLookup } from "../../metrics/expressions.ts";
import { textOf } from "../../metrics/steps.ts";
import { pass, pipelineOf, type Plain, seriesOf } from "../helpers/pipelines.ts";

const SOCKETS = recordType({
  name: "sockets",
  help: "Sockets",
  kind: "snapshot",
  fields: {
    host: { type: "ip", help: "Address" },
    port: { type: "number", max: 65535, help: "Port" },
    bytes: { type: "number", help: "Bytes" },
    name: { type: "text", help: "Name" },
    state: { type: "choice", choices: ["LISTEN", "ESTABLISHED"], help: "State" },
  },
});

/** An enricher whose answers a test sets, and that counts how often it is asked. */
class FakeLookup implements NamedLookup {
  readonly outputs = ["name"];
  asked = 0;
  readonly #answers = new Map<string, string>();
  readonly #listeners: ((value?: Value) => void)[] = [];

  lookup(value: Value): Value | undefined {
    this.asked++;
    return this.#answers.get(textOf(value));
  }

  onChange(listener: (value?: Value) => void): void {
    this.#listeners.push(listener);
  }

  set(value: Value, answer: string): void {
    this.#answers.set(textOf(value), answer);
  }

  changed(value?: Value): void {
    for (const listener of this.#listeners) listener(value);
  }
}

/** The labels that are shown of records before and after the answers for two values change. */
function shownOf(
  { field, records, changes, change }: {
    field: Literal;
    records: readonly Plain[];
    changes: readonly Value[];
    change?: Value | undefined;
  },
) {
  const lookup = new FakeLookup();
  const labels = [{ name: "a", field, steps: ["fake", { on_missing: "unknown" }] }];
  const filtered = { match: field, steps: ["fake"], is: "new" };
  const pipeline = pipelineOf({
    types: [SOCKETS],
    rules: [
      { name: "label", source: "sockets", labels },
      { name: "filter", source: "sockets", filter: filtered },
    ],
    lookups: new Map([["fake", lookup]]),
  });
  pass(pipeline, records);
  for (const value of changes) lookup.set(value, "new");
  lookup.changed(change);
  pass(pipeline, records);
  const series = seriesOf(pipeline);
  return {
    fresh: series.get('label{a="new"}') ?? 0,
    stale: series.get('label{a="unknown"}') ?? 0,
    passed: series.get("filter"),
    asked: lookup.asked,
  };
}

const V4 = ["10.0.0.1", "10.0.0.2"].map((text) => Ip.parse(text)!);
const V6 = ["2001:db8::1", "2001:db8::2"].map((text) => Ip.parse(text)!);

/** Two values of each kind of field, as an enricher is given them, and their records. */
const KINDS: readonly {
  what: string;
  field: Literal;
  values: readonly Value[];
  records: readonly Plain[];
}[] = [
  { what: "an IPv4 address", field: "host", values: V4, records: V4.map((host) => ({ host: `${host}` })) },
  { what: "an IPv6 address", field: "host", values: V6, records: V6.map((host) => ({ host: `${host}` })) },
  { what: "a small number", field: "port", values: [53, 443], records: [{ port: 53 }, { port: 443 }] },
  { what: "a number", field: "bytes", values: [-1, 2 ** 40], records: [{ bytes: -1 }, { bytes: 2 ** 40 }] },
  { what: "a text", field: "name", values: ["a", "b"], records: [{ name: "a" }, { name: "b" }] },
  {
    what: "a choice",
    field: "state",
    values: ["LISTEN", "ESTABLISHED"],
    records: [{ state: "LISTEN" }, { state: "ESTABLISHED" }],
  },
  {
    what: "two fields",
    field: ["host", "port"],
    values: [[V4[0], 53], [V4[0], 443]],
    records: [{ host: "10.0.0.1", port: 53 }, { host: "10.0.0.1", port: 443 }],
  },
  {
    what: "two fields of which the second is absent",
    field: ["host", "port"],
    values: [[V4[0], undefined], [V4[1], undefined]],
    records: [{ host: "10.0.0.1" }, { host: "10.0.0.2" }],
  },
  {
    what: "two fields of which the first is absent",
    field: ["host", "port"],
    values: [[undefined, 53], [undefined, 443]],
    records: [{ port: 53 }, { port: 443 }],
  },
];

for (const { what, field, values, records } of KINDS) {
  Deno.test(`a changed answer for ${what} is asked for again, and no other is`, () => {
    const shown = shownOf({ field, records, changes: values, change: values[0] });
    assert.deepEqual(shown, { fresh: 1, stale: 1, passed: 1, asked: 6 });
  });

  Deno.test(`every answer for ${what} is asked for again when any may have changed`, () => {
    const shown = shownOf({ field, records, changes: values });
    assert.deepEqual(shown, { fresh: 2, stale: 0, passed: 2, asked: 8 });
  });
}

Deno.test("a changed answer for a value that no record had changes nothing", () => {
  const shown = shownOf({ field: "host", records: [{ host: "10.0.0.1" }], changes: V4, change: V4[1] });
  assert.deepEqual(shown, { fresh: 0, stale: 1, passed: 0, asked: 2 });
});

Deno.test("an answer that nobody said has changed is not asked for again", () => {
  const lookup = new FakeLookup();
  const labels = [{ name: "host", steps: ["fake"] }];
  const pipeline = pipelineOf({
    types: [SOCKETS],
    rules: [{ name: "metric", source: "sockets", labels }],
    lookups: new Map([["fake", lookup]]),
  });
  for (let i = 0; i < 3; i++) pass(pipeline, [{ host: "10.0.0.1" }, { host: "10.0.0.1" }]);
  assert.equal(lookup.asked, 1);
});

Deno.test("a changed answer behind another step is asked for again", () => {
  const lookup = new FakeLookup();
  const labels = [{ name: "name", steps: ["upper", "fake"] }];
  const pipeline = pipelineOf({
    types: [SOCKETS],
    rules: [{ name: "metric", source: "sockets", labels }],
    lookups: new Map([["fake", lookup]]),
  });
  pass(pipeline, [{ name: "a" }]);
  lookup.set("A", "new");
  lookup.changed("A");
  pass(pipeline, [{ name: "a" }]);
  assert.deepEqual([...seriesOf(pipeline)], [['metric{name="new"}', 1]]);
});

Deno.test("a changed answer is asked for again when the vocabulary has forgotten the value", () => {
  const lookup = new FakeLookup();
  const labels = [{ name: "name", steps: ["fake"] }];
  const pipeline = pipelineOf({
    types: [SOCKETS],
    rules: [{ name: "metric", source: "sockets", labels }],
    lookups: new Map([["fake", lookup]]),
  });
  Object.assign(pipeline.vocabulary, { limit: 0 });
  pass(pipeline, [{ name: "a" }]);
  pipeline.vocabulary.forgetIfFull();
  lookup.set("a", "new");
  lookup.changed("a");
  pass(pipeline, [{ name: "b" }, { name: "a" }]);
  assert.equal(seriesOf(pipeline).get('metric{name="new"}'), 1);
});

Deno.test("the series of a stream keep the text of the answer that they were made with", () => {
  const lookup = new FakeLookup();
  const stream = recordType({ ...SOCKETS, name: "flows", kind: "stream" });
  const labels = [{ name: "name", steps: ["fake"] }];
  const pipeline = pipelineOf({
    types: [stream],
    rules: [{ name: "metric", source: "flows", labels }],
    lookups: new Map([["fake", lookup]]),
  });
  lookup.set("a", "old");
  pass(pipeline, [{ name: "a" }]);
  lookup.set("a", "new");
  lookup.changed("a");
  pass(pipeline, [{ name: "a" }]);
  assert.deepEqual([...seriesOf(pipeline)], [['metric{name="old"}', 1], ['metric{name="new"}', 1]]);
});
