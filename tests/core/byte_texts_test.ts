import assert from "node:assert/strict";
import { ByteTexts } from "../../core/byte_texts.ts";
import { Vocabulary } from "../../core/vocabulary.ts";
import { property } from "../helpers/random.ts";

const ENCODER = new TextEncoder();

/** A vocabulary that counts the texts that it was asked about. */
class Counting extends Vocabulary {
  asked = 0;

  override text(text: string): number {
    this.asked++;
    return super.text(text);
  }
}

/** Texts as somebody reads them: each from the midst of other bytes. */
class Reader {
  readonly vocabulary: Counting;
  readonly #texts: ByteTexts;

  constructor(limit?: number) {
    this.vocabulary = new Counting(limit);
    this.#texts = new ByteTexts(this.vocabulary);
  }

  read(what: string | readonly number[]): number {
    const own = typeof what === "string" ? ENCODER.encode(what) : what;
    const bytes = Uint8Array.of(1, 2, ...own, 3);
    const number = this.#texts.numberOf(bytes, 2, bytes.length - 1);
    bytes.fill(0);
    return number;
  }

  /** The text that there is after its bytes became a number. */
  textOf(what: string | readonly number[]): string {
    return this.vocabulary.textOf(this.read(what));
  }
}

for (const text of ["tcp", "", "10.0.0.1:80", "__proto__", "a\0b", "ä😀", "\ufefftcp", "x".repeat(10_000)]) {
  Deno.test(`numberOf() gives the number of ${JSON.stringify(text.slice(0, 20))}`, () => {
    const reader = new Reader();
    reader.read("before");
    assert.equal(reader.textOf(text), text);
    assert.equal(reader.read(text), reader.vocabulary.text(text));
  });
}

Deno.test("numberOf() knows the same bytes again without a new text", () => {
  const reader = new Reader(), number = reader.read("established");
  assert.deepEqual([reader.read("established"), reader.vocabulary.asked], [number, 1]);
});

Deno.test("numberOf() tells apart bytes of the same length", () => {
  const reader = new Reader();
  assert.notEqual(reader.read("tcp"), reader.read("udp"));
});

Deno.test("numberOf() tells apart bytes of which one begins the other", () => {
  const reader = new Reader();
  assert.deepEqual(["ether1", "ether10", "ether"].map((text) => reader.textOf(text)), [
    "ether1",
    "ether10",
    "ether",
  ]);
});

// 31 · "A" + "b" = 31 · "B" + "C"
Deno.test("numberOf() gives each its number when the hashes of two meet", () => {
  const reader = new Reader(), all = ["Ab", "BC", "Ab", "BC", "BC"];
  assert.deepEqual(all.map((text) => reader.textOf(text)), all);
  assert.equal(reader.vocabulary.size, 2);
});

Deno.test("numberOf() knows the one again that came later when the hashes of two meet", () => {
  const reader = new Reader();
  for (const text of ["Ab", "BC"]) reader.read(text);
  const before = reader.vocabulary.asked;
  reader.read("BC");
  assert.equal(reader.vocabulary.asked, before);
  reader.read("Ab");
  assert.equal(reader.vocabulary.asked, before + 1);
});

Deno.test("numberOf() gives texts their new numbers when the vocabulary has forgotten the old ones", () => {
  const reader = new Reader(2), { vocabulary } = reader;
  for (const text of ["a", "b", "c"]) reader.read(text);
  vocabulary.forgetIfFull();
  assert.deepEqual(["c", "b", "a"].map((text) => reader.textOf(text)), ["c", "b", "a"]);
});

Deno.test("numberOf() keeps the numbers of a vocabulary that is not full", () => {
  const reader = new Reader(2), number = reader.read("a");
  reader.vocabulary.forgetIfFull();
  assert.deepEqual([reader.read("a"), reader.vocabulary.asked], [number, 1]);
});

const INVALID = [
  { what: "a byte that begins nothing", bytes: [0x61, 0xff, 0x62], text: "a\ufffdb" },
  { what: "a letter that is cut short", bytes: [0x61, 0xc3], text: "a\ufffd" },
  { what: "a letter that is longer than it need be", bytes: [0xc0, 0x80], text: "\ufffd\ufffd" },
  { what: "half of a pair", bytes: [0xed, 0xa0, 0x80], text: "\ufffd\ufffd\ufffd" },
];

for (const { what, bytes, text } of INVALID) {
  Deno.test(`numberOf() puts a mark in the place of ${what}`, () => {
    const reader = new Reader();
    assert.deepEqual([reader.textOf(bytes), reader.textOf(bytes)], [text, text]);
  });
}

property("numberOf() gives any bytes the number of their text", (random) => {
  const reader = new Reader(400), decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  for (let i = 0; i < 1000; i++) {
    const bytes = random.bytes(random.int(4)).map((byte) => random.int(2) === 0 ? byte : byte & 0x63);
    assert.equal(reader.textOf([...bytes]), decoder.decode(bytes));
    if (random.int(20) === 0) reader.vocabulary.forgetIfFull();
  }
});
