import assert from "node:assert/strict";
import { RowTexts } from "../../metrics/row_texts.ts";
import { property } from "../helpers/random.ts";

/** Gaps are not closed before they take so many bytes. */
const GAPS = 65_536;

/** In the midst of their first view. */
function textsOfView(): RowTexts {
  const texts = new RowTexts();
  texts.beginView();
  return texts;
}

/** A new text, and its id. */
function write(texts: RowTexts, text: string): number {
  const id = texts.newId();
  texts.write(id, text);
  return id;
}

function writeAll(texts: RowTexts, all: Iterable<string>): number[] {
  return Array.from(all, (text) => write(texts, text));
}

type Bytes = Pick<RowTexts, "bytes" | "starts" | "ends">;

function textsOf({ bytes, starts, ends }: Bytes, ids: readonly number[]): string[] {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  return ids.map((id) => decoder.decode(bytes.subarray(starts[id], ends[id])));
}

/** Begins a view that shows the texts. Gives which of them were there. */
function ask(texts: RowTexts, ids: readonly number[]): boolean[] {
  texts.beginView();
  return ids.map((id) => texts.ask(id));
}

/** As a view keeps it. */
function picture({ bytes, starts, ends }: RowTexts): Bytes {
  return { bytes, starts: starts.slice(), ends: ends.slice() };
}

function numbered(count: number, text = ""): string[] {
  return Array.from({ length: count }, (_, i) => `${text}${i}`);
}

Deno.test("newId() gives each text an id of its own that is not 0", () => {
  const texts = textsOfView(), ids = Array.from({ length: 1000 }, () => texts.newId());
  assert.deepEqual([new Set(ids).size, ids.includes(0)], [1000, false]);
});

Deno.test("newId() gives an id again when it was released", () => {
  const texts = textsOfView(), ids = writeAll(texts, ["a", "b", "c"]);
  texts.release(ids[1]!);
  assert.equal(texts.newId(), ids[1]);
});

Deno.test("newId() gives each id that was released once", () => {
  const texts = textsOfView(), ids = writeAll(texts, numbered(100));
  for (const id of ids.slice(0, 50)) texts.release(id);
  const given = Array.from({ length: 100 }, () => texts.newId());
  assert.equal(new Set([...ids.slice(50), ...given]).size, 150);
});

Deno.test("ask() gives false when the text was not written yet", () => {
  const texts = textsOfView();
  assert.equal(texts.ask(texts.newId()), false);
});

Deno.test("ask() gives true when the text was written", () => {
  const texts = textsOfView();
  assert.equal(texts.ask(write(texts, "a")), true);
});

Deno.test("ask() gives true when the text is empty", () => {
  const texts = textsOfView();
  assert.equal(texts.ask(write(texts, "")), true);
});

Deno.test("ask() gives false when the id was released and given again", () => {
  const texts = textsOfView();
  texts.release(write(texts, "a"));
  assert.equal(texts.ask(texts.newId()), false);
});

const TEXTS: readonly { what: string; text: string }[] = [
  { what: "empty", text: "" },
  { what: "of ASCII", text: 'name="a"' },
  { what: "not of ASCII", text: "ä😀апач\u0000" },
  { what: "longer than the room for all was", text: "x".repeat(100_000) },
  { what: "longer and not of ASCII", text: "ä€😀".repeat(20_000) },
];

for (const { what, text } of TEXTS) {
  Deno.test(`write() keeps a text that is ${what}`, () => {
    const texts = textsOfView(), ids = writeAll(texts, ["before", text, "after"]);
    assert.deepEqual(textsOf(texts, ids), ["before", text, "after"]);
  });
}

Deno.test("write() writes half of a surrogate pair as what stands for it", () => {
  const texts = textsOfView();
  assert.deepEqual(textsOf(texts, [write(texts, "a\ud83d")]), ["a\ufffd"]);
});

for (const count of [63, 64, 65, 10_000]) {
  Deno.test(`write() keeps each of ${count} texts`, () => {
    const texts = textsOfView(), all = numbered(count, "text ä ");
    assert.deepEqual(textsOf(texts, writeAll(texts, all)), all);
  });
}

Deno.test("write() gives an id that was released the new text", () => {
  const texts = textsOfView(), ids = writeAll(texts, ["a", "b"]);
  texts.release(ids[0]!);
  assert.deepEqual(textsOf(texts, [write(texts, "c"), ids[1]!]), ["c", "b"]);
});

Deno.test("write() lets bytes that are there be what they are", () => {
  const texts = textsOfView(), ids = writeAll(texts, ["a", "b"]), before = picture(texts);
  texts.release(ids[0]!);
  writeAll(texts, numbered(10_000));
  assert.deepEqual(textsOf(before, ids), ["a", "b"]);
});

Deno.test("beginView() keeps what nobody asks for while it takes little room", () => {
  const texts = textsOfView(), ids = writeAll(texts, ["a", "b"]);
  for (let i = 0; i < 5; i++) ask(texts, [ids[0]!]);
  assert.deepEqual([texts.ask(ids[1]!), textsOf(texts, ids)], [true, ["a", "b"]]);
});

Deno.test("beginView() keeps what is asked for when it closes gaps", () => {
  const texts = textsOfView(), [long, ...ids] = writeAll(texts, ["x".repeat(2 * GAPS), "a", "ä", ""]);
  for (let i = 0; i < 3; i++) ask(texts, ids);
  assert.deepEqual([texts.ask(long!), ask(texts, ids), textsOf(texts, ids)], [
    false,
    [true, true, true],
    ["a", "ä", ""],
  ]);
});

Deno.test("beginView() keeps what was written and not asked for since the last time", () => {
  const texts = textsOfView();
  write(texts, "x".repeat(2 * GAPS));
  texts.beginView();
  const id = write(texts, "a");
  texts.beginView();
  assert.deepEqual([texts.bytes.length < GAPS, textsOf(texts, [id])], [true, ["a"]]);
});

Deno.test("beginView() forgets what was asked for before the last time when it takes much room", () => {
  const texts = textsOfView(), ids = writeAll(texts, ["x".repeat(2 * GAPS), "a"]);
  ask(texts, ids);
  ask(texts, [ids[1]!]);
  assert.deepEqual(ask(texts, ids), [false, true]);
});

Deno.test("beginView() makes the bytes few when nothing of much is asked for", () => {
  const texts = textsOfView(), ids = writeAll(texts, numbered(10_000, "a long text with the number "));
  ask(texts, ids);
  ask(texts, ids.slice(0, 10));
  texts.beginView();
  assert(texts.bytes.length < 10_000);
});

Deno.test("beginView() closes no gaps when what is in use is as much", () => {
  const texts = textsOfView(), ids = writeAll(texts, ["x".repeat(2 * GAPS), "y".repeat(2 * GAPS)]);
  const { bytes } = texts;
  for (let i = 0; i < 3; i++) ask(texts, [ids[0]!]);
  assert.equal(texts.bytes, bytes);
});

Deno.test("beginView() counts a text once that is asked for often", () => {
  const texts = textsOfView(), ids = writeAll(texts, ["x".repeat(2 * GAPS), "a"]);
  texts.beginView();
  for (let i = 0; i < 2 * GAPS; i++) texts.ask(ids[1]!);
  texts.beginView();
  assert.equal(texts.ask(ids[0]!), false);
});

Deno.test("beginView() closes the gap of what was released", () => {
  const texts = textsOfView(), ids = writeAll(texts, ["a", "x".repeat(2 * GAPS), "b"]);
  ask(texts, [ids[0]!, ids[2]!]);
  texts.release(ids[1]!);
  texts.beginView();
  assert.deepEqual([texts.bytes.length < GAPS, textsOf(texts, [ids[0]!, ids[2]!])], [true, ["a", "b"]]);
});

Deno.test("a view of older bytes stays right when gaps are closed", () => {
  const texts = textsOfView(), all = ["a", "x".repeat(2 * GAPS), "ä"], ids = writeAll(texts, all);
  ask(texts, ids);
  const before = picture(texts);
  for (let i = 0; i < 3; i++) {
    ask(texts, [ids[2]!]);
    writeAll(texts, numbered(1000));
  }
  assert.deepEqual(textsOf(before, ids), all);
});

Deno.test("a view of older bytes stays right when all is cleared", () => {
  const texts = textsOfView(), all = numbered(1000), ids = writeAll(texts, all), before = picture(texts);
  texts.clear();
  writeAll(texts, numbered(2000, "other "));
  assert.deepEqual(textsOf(before, ids), all);
});

Deno.test("clear() forgets each text", () => {
  const texts = textsOfView(), ids = writeAll(texts, numbered(100));
  texts.clear();
  assert(ids.every((id) => !texts.ask(id)));
});

Deno.test("clear() lets each id be given again, and once", () => {
  const texts = textsOfView(), ids = writeAll(texts, numbered(100));
  for (const id of ids.slice(0, 50)) texts.release(id);
  texts.clear();
  const given = Array.from({ length: 100 }, () => texts.newId());
  assert.deepEqual(given.toSorted((a, b) => a - b), ids);
});

Deno.test("clear() frees the bytes", () => {
  const texts = textsOfView();
  write(texts, "x".repeat(GAPS));
  texts.clear();
  assert(texts.bytes.length < GAPS);
});

Deno.test("texts that are written after clear() stay when gaps are closed", () => {
  const texts = textsOfView();
  writeAll(texts, ["a", "b"]);
  texts.clear();
  texts.beginView();
  const ids = writeAll(texts, ["c", "d", "x".repeat(2 * GAPS)]);
  for (let i = 0; i < 3; i++) ask(texts, ids.slice(0, 2));
  assert.deepEqual([textsOf(texts, ids.slice(0, 2)), texts.bytes.length < GAPS], [["c", "d"], true]);
});

property("texts are what a plain map has, and views stay what they were", (random) => {
  const texts = textsOfView(), expected = new Map<number, string>();
  const views: { picture: Bytes; texts: Map<number, string> }[] = [];
  for (let i = 0; i < 300; i++) {
    for (const id of expected.keys()) {
      if (random.int(4) > 0) continue;
      texts.release(id);
      expected.delete(id);
    }
    texts.beginView();
    for (let n = random.int(40); n > 0; n--) {
      const id = texts.newId();
      assert(!expected.has(id));
      expected.set(id, random.pick(["ä", "b", "😀"]).repeat(random.int(3000)));
    }
    const shown = [...expected].filter(() => random.int(3) > 0);
    for (const [id, text] of shown) if (!texts.ask(id)) texts.write(id, text);
    views.push({ picture: picture(texts), texts: new Map(shown) });
    for (const view of views.slice(-5)) {
      assert.deepEqual(textsOf(view.picture, [...view.texts.keys()]), [...view.texts.values()]);
    }
  }
});
