import assert from "node:assert/strict";
import { NextSlots } from "../../core/next_slots.ts";

Deno.test("take() gives slots of zeros when nothing was prepared", () => {
  assert.deepEqual(new NextSlots().take(4), Int32Array.of(0, 0, 0, 0));
});

Deno.test("take() gives slots of zeros when all of their pages were prepared", () => {
  const next = new NextSlots();
  for (let room = 100; room >= 0; room--) next.prepare(room, 65_536);
  assert.deepEqual(next.take(65_536), new Int32Array(65_536));
});

Deno.test("take() gives slots of the length asked for when others were prepared", () => {
  const next = new NextSlots();
  next.prepare(1, 2048);
  assert.equal(next.take(4096).length, 4096);
});

Deno.test("take() gives other slots each time", () => {
  const next = new NextSlots();
  next.prepare(1, 2048);
  next.take(2048)[0] = 1;
  assert.equal(next.take(2048)[0], 0);
});
