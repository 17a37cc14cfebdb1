import assert from "node:assert/strict";
import { nextCapacity } from "../../core/growth.ts";

const CAPACITIES = [
  { capacity: 1, next: 2 },
  { capacity: 64, next: 128 },
  { capacity: 8192, next: 16_384 },
  { capacity: 16_383, next: 32_766 },
  { capacity: 16_384, next: 262_144 },
  { capacity: 262_144, next: 4_194_304 },
];

for (const { capacity, next } of CAPACITIES) {
  Deno.test(`nextCapacity() gives ${next} after ${capacity}`, () => {
    assert.equal(nextCapacity(capacity), next);
  });
}
