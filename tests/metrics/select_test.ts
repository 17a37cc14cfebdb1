import assert from "node:assert/strict";
import { kthLargest } from "../../metrics/select.ts";
import { property, type Random } from "../helpers/random.ts";

const CASES = [
  { numbers: [5], k: 1, result: 5 },
  { numbers: [1, 2, 3], k: 1, result: 3 },
  { numbers: [1, 2, 3], k: 3, result: 1 },
  { numbers: [3, 2, 1], k: 2, result: 2 },
  { numbers: [7, 7, 7, 7], k: 2, result: 7 },
  { numbers: [0, 7, 7, 1], k: 2, result: 7 },
  { numbers: [-1, -2, 0], k: 2, result: -1 },
  { numbers: [Infinity, 1, -Infinity], k: 1, result: Infinity },
  { numbers: [Infinity, 1, -Infinity], k: 3, result: -Infinity },
  { numbers: [0.5, 2 ** 53, 0.25], k: 2, result: 0.5 },
];

for (const { numbers, k, result } of CASES) {
  Deno.test(`kthLargest() gives ${result} as number ${k} of ${numbers.join(", ")}`, () => {
    assert.equal(kthLargest(Float64Array.from(numbers), k), result);
  });
}

function randomNumbers(random: Random): Float64Array {
  const distinct = random.pick([1, 3, 1000]);
  const numbers = new Float64Array(1 + random.int(200)).map(() => random.int(distinct) - 1);
  return random.pick([numbers, numbers.toSorted(), numbers.toSorted().reverse()]);
}

property("kthLargest() gives what sorting gives", (random) => {
  for (let i = 0; i < 2000; i++) {
    const numbers = randomNumbers(random), k = 1 + random.int(numbers.length);
    const sorted = numbers.toSorted((a, b) => b - a);
    assert.equal(kthLargest(numbers, k), sorted[k - 1]);
  }
});

property("kthLargest() keeps the numbers", (random) => {
  for (let i = 0; i < 500; i++) {
    const numbers = randomNumbers(random), before = numbers.toSorted();
    kthLargest(numbers, 1 + random.int(numbers.length));
    assert.deepEqual(numbers.toSorted(), before);
  }
});
