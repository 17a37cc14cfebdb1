import assert from "node:assert/strict";
import type { Value } from "../../core/enricher.ts";
import { Ip } from "../../core/ip.ts";
import { recordType } from "../../core/record.ts";
import { Vocabulary } from "../../core/vocabulary.ts";
import { BATCH, Batch } from "../../metrics/batch.ts";
import { Columns } from "../../metrics/columns.ts";
import { escapeLabel, Label, type LabelPart, OTHER_ID } from "../../metrics/label.ts";
import type { Step } from "../../metrics/steps.ts";
import { property } from "../helpers/random.ts";

const { fields: FIELDS, at: AT } = recordType({
  name: "sockets",
  help: "Sockets",
  kind: "snapshot",
  fields: {
    host: { type: "ip", help: "Address" },
    port: { type: "number", max: 65535, help: "Port" },
    bytes: { type: "number", help: "Bytes" },
    name: { type: "text", help: "Name" },
  },
});

type FieldName = keyof typeof FIELDS;

/** A label of a field, with what looks up the label of a number in the row. */
function labelOf(
  field: FieldName,
  parts: readonly LabelPart[] = [{ name: field, steps: [] }],
  onFull = () => {},
) {
  const vocabulary = new Vocabulary(), batch = new Batch();
  const columns = new Columns({ fields: FIELDS, vocabulary, batch });
  const label = new Label(columns.of([field]), parts, onFull);
  const row = new Float64Array(Object.keys(FIELDS).length).fill(NaN);
  const idOf = (number: number) => {
    row[AT[field]] = number;
    batch.size = 0;
    columns.makeRoom();
    batch.add(row);
    columns.read({ from: 0, to: 1 });
    const id = columns.ids[label.index * BATCH]!;
    return label.table[id] || label.resolve(id);
  };
  return { label, vocabulary, idOf, textOf: (number: number) => label.pairsOf(idOf(number)) };
}

function keepOnly(label: Label, labels: Iterable<number>): Map<number, number> {
  const keeping = label.keepOnly(labels);
  for (;;) {
    const step = keeping.next();
    if (step.done) return step.value;
  }
}

const V6 = Ip.parse("2001:db8::1")!;

const PLAIN: readonly { field: FieldName; number: (vocabulary: Vocabulary) => number; pairs: string }[] = [
  { field: "host", number: () => 0x0a000001, pairs: 'host="10.0.0.1"' },
  { field: "host", number: () => 0xffffffff, pairs: 'host="255.255.255.255"' },
  { field: "host", number: (vocabulary) => vocabulary.ip(V6), pairs: 'host="2001:db8::1"' },
  { field: "host", number: () => NaN, pairs: 'host=""' },
  { field: "port", number: () => 0, pairs: 'port="0"' },
  { field: "port", number: () => 65535, pairs: 'port="65535"' },
  { field: "port", number: () => NaN, pairs: 'port=""' },
  { field: "bytes", number: () => -1, pairs: 'bytes="-1"' },
  { field: "bytes", number: () => -0, pairs: 'bytes="0"' },
  { field: "bytes", number: () => 0.1, pairs: 'bytes="0.1"' },
  { field: "bytes", number: () => 2 ** 53, pairs: 'bytes="9007199254740992"' },
  { field: "bytes", number: () => NaN, pairs: 'bytes=""' },
  { field: "name", number: (vocabulary) => vocabulary.text("a"), pairs: 'name="a"' },
  { field: "name", number: (vocabulary) => vocabulary.text(""), pairs: 'name=""' },
  { field: "name", number: (vocabulary) => vocabulary.text('\\ " \n ä😀'), pairs: 'name="\\\\ \\" \\n ä😀"' },
  { field: "name", number: () => NaN, pairs: 'name=""' },
];

for (const { field, number, pairs } of PLAIN) {
  Deno.test(`a label without steps reads ${pairs}`, () => {
    const { vocabulary, textOf } = labelOf(field);
    assert.equal(textOf(number(vocabulary)), pairs);
  });
}

Deno.test("the id of a label that reads other is OTHER_ID", () => {
  const { vocabulary, idOf } = labelOf("name");
  assert.equal(idOf(vocabulary.text("other")), OTHER_ID);
});

Deno.test("the id of labels of one column that all read other is OTHER_ID", () => {
  const { vocabulary, idOf } = labelOf("name", [{ name: "a", steps: [] }, { name: "b", steps: [] }]);
  assert.equal(idOf(vocabulary.text("other")), OTHER_ID);
});

Deno.test("pairsOf() names every label of what is folded", () => {
  const { label } = labelOf("name", [{ name: "a", steps: [] }, { name: "b", steps: [] }]);
  assert.equal(label.pairsOf(OTHER_ID), 'a="other",b="other"');
});

Deno.test("a label runs the steps", () => {
  const { textOf } = labelOf("port", [{ name: "a", steps: [(value) => `<${value}>`] }]);
  assert.equal(textOf(5), 'a="<5>"');
});

Deno.test("a label is empty where the steps give nothing", () => {
  const { textOf } = labelOf("port", [{ name: "a", steps: [() => undefined] }]);
  assert.equal(textOf(5), 'a=""');
});

Deno.test("a label gives the steps what is absent", () => {
  const { textOf } = labelOf("port", [{ name: "a", steps: [(value) => value ?? "none"] }]);
  assert.equal(textOf(NaN), 'a="none"');
});

Deno.test("labels of one column stand side by side", () => {
  const { textOf } = labelOf("port", [{ name: "a", steps: [() => 'x"'] }, { name: "b", steps: [] }]);
  assert.equal(textOf(5), 'a="x\\"",b="5"');
});

Deno.test("values of which the steps make the same have the same id", () => {
  const { idOf } = labelOf("port", [{ name: "a", steps: [(value) => Number(value) % 2] }]);
  assert.deepEqual([idOf(1) === idOf(3), idOf(1) === idOf(2)], [true, false]);
});

for (const field of ["host", "port", "bytes", "name"] as const) {
  property(`a label of the field ${field} gives other texts other ids`, (random) => {
    const { label, vocabulary, idOf } = labelOf(field);
    const texts = new Map<number, string>();
    for (let i = 0; i < 2000; i++) {
      const number = field === "name" ? vocabulary.text(`name ${random.int(500)}`) : random.int(500);
      const id = idOf(number);
      assert.equal(label.pairsOf(id), texts.get(id) ?? label.pairsOf(id));
      assert(id > OTHER_ID);
      texts.set(id, label.pairsOf(id));
    }
    assert.equal(new Set(texts.values()).size, texts.size);
  });
}

/** A step that counts how often it runs, and says what `answer` says. */
function counting() {
  const counter = { runs: 0, answer: "a", listener: (_?: Value) => {} };
  const step: Step = Object.assign((value?: Value) => (counter.runs++, `${counter.answer}${value}`), {
    onChange: (listener: (value?: Value) => void) => void (counter.listener = listener),
  });
  return Object.assign(counter, { step });
}

Deno.test("the steps run once for a value", () => {
  const counter = counting(), { idOf } = labelOf("port", [{ name: "a", steps: [counter.step] }]);
  for (const port of [1, 2, 1, 2, 1]) idOf(port);
  assert.equal(counter.runs, 2);
});

Deno.test("a value whose answer has changed has a new text", () => {
  const counter = counting(), { textOf } = labelOf("port", [{ name: "a", steps: [counter.step] }]);
  textOf(1);
  counter.answer = "b";
  counter.listener(1);
  assert.equal(textOf(1), 'a="b1"');
});

Deno.test("a changed answer opens the hole of its value only", () => {
  const counter = counting(), { textOf } = labelOf("port", [{ name: "a", steps: [counter.step] }]);
  for (const port of [1, 2]) textOf(port);
  counter.answer = "b";
  counter.listener(1);
  assert.equal(textOf(2), 'a="a2"');
});

Deno.test("answers that have all changed open every hole", () => {
  const counter = counting(), { textOf } = labelOf("port", [{ name: "a", steps: [counter.step] }]);
  for (const port of [1, 2]) textOf(port);
  counter.answer = "b";
  counter.listener();
  assert.deepEqual([1, 2].map(textOf), ['a="b1"', 'a="b2"']);
});

Deno.test("a changed answer for a value that was never seen changes nothing", () => {
  const counter = counting(), { textOf } = labelOf("port", [{ name: "a", steps: [counter.step] }]);
  textOf(1);
  counter.answer = "b";
  counter.listener(40_000);
  assert.equal(textOf(1), 'a="a1"');
});

Deno.test("the id of a text stays when its hole is opened", () => {
  const counter = counting(), { idOf } = labelOf("port", [{ name: "a", steps: [counter.step] }]);
  const before = idOf(1);
  counter.listener(1);
  assert.equal(idOf(1), before);
});

Deno.test("ids stay when the column forgets", () => {
  const { label, idOf } = labelOf("bytes");
  const before = [1, 2, 3].map(idOf);
  label.forget();
  assert.deepEqual([1, 2, 3].map(idOf), before);
});

for (const field of ["bytes", "name"] as const) {
  Deno.test(`keepOnly() keeps the texts of what is kept of ${field}`, () => {
    const { label, vocabulary, idOf } = labelOf(field);
    const ids = [1, 2, 3].map((i) => idOf(field === "name" ? vocabulary.text(`${i}`) : i));
    const kept = keepOnly(label, [OTHER_ID, ids[2]!, ids[0]!]);
    assert.deepEqual(
      [OTHER_ID, ids[2]!, ids[0]!].map((id) => label.pairsOf(kept.get(id)!)),
      [`${field}="other"`, `${field}="3"`, `${field}="1"`],
    );
  });

  Deno.test(`keepOnly() gives a value of ${field} the id that it has become`, () => {
    const { label, vocabulary, idOf } = labelOf(field);
    const numbers = [1, 2, 3].map((i) => field === "name" ? vocabulary.text(`${i}`) : i);
    const ids = numbers.map(idOf);
    const kept = keepOnly(label, [ids[2]!]);
    assert.equal(idOf(numbers[2]!), kept.get(ids[2]!));
  });

  Deno.test(`keepOnly() makes the label of ${field} smaller`, () => {
    const { label, vocabulary, idOf } = labelOf(field);
    for (let i = 0; i < 100; i++) idOf(field === "name" ? vocabulary.text(`${i}`) : i);
    keepOnly(label, [idOf(field === "name" ? vocabulary.text("50") : 50)]);
    assert(label.size <= 2 * OTHER_ID);
  });
}

Deno.test("keepOnly() keeps the id of what is folded", () => {
  const { label } = labelOf("name");
  assert.equal(keepOnly(label, [OTHER_ID]).get(OTHER_ID), OTHER_ID);
});

Deno.test("keepOnly() keeps the id of what is folded when it is not asked to", () => {
  const { label, vocabulary, idOf } = labelOf("name");
  keepOnly(label, []);
  assert.equal(idOf(vocabulary.text("other")), OTHER_ID);
});

Deno.test("keepOnly() yields at least once in 1024 values", () => {
  const { label, idOf } = labelOf("bytes");
  const ids = Array.from({ length: 10_240 }, (_, i) => idOf(i));
  assert([...label.keepOnly(ids)].length >= 10);
});

Deno.test("keepOnly() lets the steps run again", () => {
  const counter = counting(),
    { label, textOf, idOf } = labelOf("port", [{ name: "a", steps: [counter.step] }]);
  idOf(1);
  counter.answer = "b";
  keepOnly(label, [idOf(1)]);
  assert.equal(textOf(1), 'a="b1"');
});

Deno.test("a label calls onFull when an id is past the limit", () => {
  let calls = 0;
  const { label, idOf } = labelOf("bytes", [{ name: "a", steps: [] }], () => calls++);
  label.limit = idOf(1);
  idOf(1);
  assert.equal(calls, 0);
  idOf(2);
  assert.equal(calls, 1);
});

const ESCAPES = [
  { text: "plain", escaped: "plain" },
  { text: "", escaped: "" },
  { text: "\\", escaped: "\\\\" },
  { text: '"', escaped: '\\"' },
  { text: "\n", escaped: "\\n" },
  { text: "\\n", escaped: "\\\\n" },
  { text: '\\"', escaped: '\\\\\\"' },
  { text: "ä\t\r😀", escaped: "ä\t\r😀" },
];

for (const { text, escaped } of ESCAPES) {
  Deno.test(`escapeLabel() makes ${JSON.stringify(text)} ${JSON.stringify(escaped)}`, () => {
    assert.equal(escapeLabel(text), escaped);
  });
}
