import assert from "node:assert/strict";
import { Lines } from "../../../enrich/reverse_dns/lines.ts";

function linesOf(...pieces: readonly string[]): string[] {
  const read: string[] = [], lines = new Lines((line) => read.push(line));
  for (const piece of pieces) lines.add(new TextEncoder().encode(piece));
  return read;
}

Deno.test("Lines puts lines together from pieces", () => {
  assert.deepEqual(linesOf("one\ntw", "", "o", "\n\nthr", "ee"), ["one", "two", ""]);
});

Deno.test("Lines puts characters together from pieces", () => {
  const read: string[] = [], lines = new Lines((line) => read.push(line));
  for (const byte of new TextEncoder().encode("ä€\n")) lines.add(Uint8Array.of(byte));
  assert.deepEqual(read, ["ä€"]);
});

Deno.test("Lines keeps the beginning of a line that is too long, and the next line", () => {
  const [long, next] = linesOf(...new Array(100).fill("x".repeat(1000)), "y\nnext\n");
  assert.equal(long, "x".repeat(4096) + "y");
  assert.equal(next, "next");
});
