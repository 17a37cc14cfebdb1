import assert from "node:assert/strict";
import { BATCH, Batch } from "../../metrics/batch.ts";

Deno.test("slotOf() gives each field a place of its own, and the same each time", () => {
  const batch = new Batch();
  assert.deepEqual([7, 3, 7, 0, 3].map((at) => batch.slotOf(at)), [0, 1, 0, 2, 1]);
});

Deno.test("add() keeps the values of the fields that were asked for", () => {
  const batch = new Batch(), [third, first] = [batch.slotOf(2), batch.slotOf(0)];
  batch.add(Float64Array.of(1, 2, 3));
  batch.add(Float64Array.of(4, 5, NaN));
  const of = (slot: number) => [...batch.values.subarray(slot * BATCH, slot * BATCH + batch.size)];
  assert.deepEqual([batch.size, of(third), of(first)], [2, [3, NaN], [1, 4]]);
});

Deno.test("has() tells which fields were asked for", () => {
  const batch = new Batch();
  batch.slotOf(2);
  assert.deepEqual([0, 1, 2].map((at) => batch.has(at)), [false, false, true]);
});
