import assert from "node:assert/strict";
import { property } from "../random.ts";
import { encodeLength, encodeSentence, encodeWord, SentenceDecoder } from "./words.ts";

const hex = (bytes: Uint8Array | readonly number[]) => new Uint8Array(bytes).toHex();

Deno.test("encodeLength() takes the shortest form of a length", () => {
  // The examples of the documentation, and both sides of each limit.
  const forms: [number, string][] = [
    [0, "00"],
    [0x7f, "7f"],
    [0x80, "8080"],
    [0x87, "8087"],
    [0x3fff, "bfff"],
    [0x4000, "c04000"],
    [0x4321, "c04321"],
    [0x1f_ffff, "dfffff"],
    [0x20_0000, "e0200000"],
    [0x2acd_ef, "e02acdef"],
    [0xfff_ffff, "efffffff"],
    [0x1000_0000, "f010000000"],
    [0x8000_0000, "f080000000"],
    [0xffff_ffff, "f0ffffffff"],
  ];
  for (const [length, form] of forms) assert.equal(hex(encodeLength(length)), form);
});

Deno.test("encodeWord() writes text in UTF-8, and bytes as they are", () => {
  assert.equal(hex(encodeWord("=n=ы")), "053d6e3dd18b");
  assert.equal(hex(encodeWord(new Uint8Array([0xff, 0]))), "02ff00");
  assert.equal(encodeWord("ы".repeat(64)).length, 2 + 128);
});

Deno.test("encodeSentence() ends a sentence with an empty word", () => {
  assert.equal(hex(encodeSentence(["!done"])), "0521646f6e6500");
  assert.equal(hex(encodeSentence([])), "00");
});

Deno.test("SentenceDecoder leaves sentences without words out", () => {
  const decoder = new SentenceDecoder();
  assert.deepEqual(decoder.push(new Uint8Array([0, 0, ...encodeSentence(["/a"]), 0])), [["/a"]]);
});

Deno.test("SentenceDecoder reads lengths of every form, also longer ones than are needed", () => {
  for (const length of ["03", "8003", "c00003", "e0000003", "f000000003"]) {
    assert.deepEqual(new SentenceDecoder().push(Uint8Array.fromHex(`${length}2f616200`)), [["/ab"]]);
  }
  for (const length of [0x80, 0x4000, 0x20_0000]) {
    const word = "x".repeat(length);
    assert.deepEqual(new SentenceDecoder().push(encodeSentence([word])), [[word]]);
  }
});

Deno.test("SentenceDecoder refuses control bytes", () => {
  assert.throws(() => new SentenceDecoder().push(new Uint8Array([0xf8])), {
    message: "Expected the length of a word, not 0xf8",
  });
});

property("SentenceDecoder reads the same wherever the bytes are split", (random) => {
  for (let i = 0; i < 50; i++) {
    const sentences = Array.from(
      { length: 1 + random.int(5) },
      () => Array.from({ length: 1 + random.int(4) }, () => "яx"[random.int(2)]!.repeat(1 + random.int(300))),
    );
    const bytes = new Uint8Array(sentences.flatMap((words) => [...encodeSentence(words)]));
    const decoder = new SentenceDecoder(), read: string[][] = [];
    for (let at = 0; at < bytes.length;) {
      const end = at + 1 + random.int(random.pick([1, 3, 200]));
      read.push(...decoder.push(bytes.subarray(at, end)));
      at = end;
    }
    assert.deepEqual(read, sentences);
  }
});
