import assert from "node:assert/strict";
import { Waiting } from "../../../enrich/reverse_dns/waiting.ts";

Deno.test("Waiting.next() gives the addresses in the order in which they came, each once", () => {
  const waiting = new Waiting(10);
  for (const address of ["a", "b", "a", "c"]) assert.equal(waiting.add(address), true);
  assert.equal(waiting.size, 3);
  assert.deepEqual([1, 2, 3, 4].map(() => waiting.next()), ["a", "b", "c", undefined]);
});

Deno.test("Waiting.add() refuses what is beyond the limit, and takes it when there is room again", () => {
  const waiting = new Waiting(2);
  assert.deepEqual(["a", "b", "c"].map((address) => waiting.add(address)), [true, true, false]);
  assert.equal(waiting.has("c"), false);
  waiting.next();
  assert.equal(waiting.add("c"), true);
});

Deno.test("Waiting.has() holds until the address is deleted", () => {
  const waiting = new Waiting(2);
  waiting.add("a");
  waiting.next();
  assert.deepEqual([waiting.has("a"), waiting.size], [true, 0]);
  waiting.add("a");
  assert.equal(waiting.size, 0);
  waiting.delete("a");
  assert.equal(waiting.has("a"), false);
});

Deno.test("Waiting keeps the order over many addresses", () => {
  const waiting = new Waiting(5000);
  let added = 0, taken = 0;
  for (let round = 0; round < 100; round++) {
    for (let i = 0; i < 100; i++) waiting.add(String(added++));
    for (let i = 0; i < 90; i++) {
      assert.equal(waiting.next(), String(taken));
      waiting.delete(String(taken++));
    }
  }
  assert.equal(waiting.size, added - taken);
});
