import assert from "node:assert/strict";
import { ChunkWriter, formatNumber } from "../../metrics/chunk_writer.ts";
import { property } from "../helpers/random.ts";

function written(write: (out: ChunkWriter) => void): string {
  const out = new ChunkWriter();
  write(out);
  return new TextDecoder().decode(out.take());
}

const NUMBERS = [
  { value: 0, text: "0" },
  { value: -0, text: "0" },
  { value: 1, text: "1" },
  { value: 9, text: "9" },
  { value: 10, text: "10" },
  { value: 99, text: "99" },
  { value: 100, text: "100" },
  { value: 999_999_999, text: "999999999" },
  { value: 1_000_000_000, text: "1000000000" },
  { value: 2 ** 31 - 2, text: "2147483646" },
  { value: 2 ** 31 - 1, text: "2147483647" },
  { value: 2 ** 31, text: "2147483648" },
  { value: 2 ** 32, text: "4294967296" },
  { value: 2 ** 53, text: "9007199254740992" },
  { value: 1e20, text: "100000000000000000000" },
  { value: 1e21, text: "1e+21" },
  { value: -1, text: "-1" },
  { value: 0.1, text: "0.1" },
  { value: -0.5, text: "-0.5" },
  { value: 1e-7, text: "1e-7" },
  { value: 5e-324, text: "5e-324" },
  { value: -Number.MAX_VALUE, text: "-1.7976931348623157e+308" },
  { value: NaN, text: "NaN" },
  { value: Infinity, text: "+Inf" },
  { value: -Infinity, text: "-Inf" },
];

for (const { value, text } of NUMBERS) {
  Deno.test(`numberLine() writes ${Object.is(value, -0) ? "-0" : value} as ${text}`, () => {
    assert.equal(written((out) => out.numberLine(value)), `${text}\n`);
  });

  Deno.test(`formatNumber() makes ${Object.is(value, -0) ? "-0" : value} ${text}`, () => {
    assert.equal(formatNumber(value), text);
  });
}

property("numberLine() writes what reads as the same number", (random) => {
  const floats = new Float64Array(1), bytes = new Uint8Array(floats.buffer);
  for (let i = 0; i < 5000; i++) {
    bytes.set(random.bytes(8));
    const value = random.pick([floats[0]!, random.int(2 ** 32), random.int(100), random.int(2 ** 32) / 1000]);
    if (!Number.isFinite(value)) continue;
    assert.equal(Number(written((out) => out.numberLine(value))), value);
  }
});

Deno.test("text() writes UTF-8", () => {
  assert.equal(written((out) => out.text("ä😀 апач\n")), "ä😀 апач\n");
});

Deno.test("text() writes what is longer than a chunk", () => {
  const text = "ä".repeat(200_000);
  assert.equal(written((out) => out.text(text)), text);
});

Deno.test("bytes() writes from the start to before the end", () => {
  assert.equal(written((out) => out.bytes(new TextEncoder().encode("abcdef"), 1, 4)), "bcd");
});

Deno.test("bytes() writes what is longer than a chunk", () => {
  assert.equal(
    written((out) => out.bytes(new Uint8Array(200_000).fill(97), 0, 200_000)),
    "a".repeat(200_000),
  );
});

Deno.test("take() gives what was written since it was called last", () => {
  const out = new ChunkWriter(), decoder = new TextDecoder();
  out.text("ab");
  const first = out.take();
  out.text("cd");
  assert.deepEqual([first, out.take(), out.take()].map((chunk) => decoder.decode(chunk)), ["ab", "cd", ""]);
});

Deno.test("isFull is false at first", () => {
  assert(!new ChunkWriter().isFull);
});

Deno.test("isFull is true before a chunk has to grow", () => {
  const out = new ChunkWriter();
  while (!out.isFull) out.text("x".repeat(100));
  assert(out.take().length <= 65_536);
});

Deno.test("isFull is false after take()", () => {
  const out = new ChunkWriter();
  out.text("x".repeat(100_000));
  out.take();
  assert(!out.isFull);
});

property("what is written in pieces comes out in their order", (random) => {
  const out = new ChunkWriter(), decoder = new TextDecoder();
  let expected = "", text = "";
  for (let i = 0; i < 3000; i++) {
    const piece = random.pick(["a", "ä", "😀"]).repeat(random.int(random.pick([3, 300])));
    const number = random.int(2 ** 32);
    random.pick([
      () => out.text(piece),
      () => out.bytes(new TextEncoder().encode(`xx${piece}`), 2, 2 + new TextEncoder().encode(piece).length),
    ])();
    out.numberLine(number);
    expected += `${piece}${number}\n`;
    if (out.isFull) text += decoder.decode(out.take());
  }
  assert.equal(text + decoder.decode(out.take()), expected);
});
