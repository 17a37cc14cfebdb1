import assert from "node:assert/strict";
import { kthLargest } from "../../metrics/select.ts";
import { property, type Random } from "../helpers/random.ts";

/** The result of the search, and how many pieces it took. */
function search(numbers: Float64Array, k: number): { result: number; equals: number; pieces: number } {
  const work = kthLargest({ values: numbers, start: 0, step: 1, count: numbers.length }, k);
  for (let pieces = 0;; pieces++) {
    const step = work.next();
    if (step.done) return { result: step.value.number, equals: step.value.equals, pieces };
  }
}

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
    assert.equal(search(Float64Array.from(numbers), k).result, result);
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
    const { result, equals } = search(numbers, k);
    assert.equal(result, sorted[k - 1]);
    assert.equal(equals, k - sorted.filter((number) => number > result).length);
  }
});

Deno.test("kthLargest() takes zero and minus zero for equal", () => {
  assert.deepEqual(search(Float64Array.of(-0, 0, -0), 2), { result: 0, equals: 2, pieces: 4 });
});

Deno.test("kthLargest() leaves out NaN", () => {
  assert.equal(search(Float64Array.of(NaN, 1, NaN, 2, NaN), 2).result, 1);
});

property("kthLargest() finds any kind of number", (random) => {
  const bits = new Uint32Array(200), numbers = new Float64Array(bits.buffer);
  for (let i = 0; i < 500; i++) {
    for (let word = 0; word < bits.length; word++) bits[word] = random.int(2 ** 32);
    const sorted = numbers.filter((number) => !Number.isNaN(number)).toSorted((a, b) => b - a);
    const k = 1 + random.int(sorted.length);
    assert.equal(search(numbers, k).result, sorted[k - 1]);
  }
});

Deno.test("kthLargest() looks at every so many of the numbers only", () => {
  const values = Float64Array.of(9, 1, 9, 9, 2, 9, 9, 3);
  const work = kthLargest({ values, start: 1, step: 3, count: 3 }, 1);
  let step = work.next();
  while (!step.done) step = work.next();
  assert.equal(step.value.number, 3);
});

property("kthLargest() works in pieces, of which there are few", (random) => {
  for (const distinct of [2, 100, 2 ** 32]) {
    const numbers = new Float64Array(100_000).map(() => random.int(distinct));
    const { pieces } = search(numbers, 1 + random.int(numbers.length));
    assert(pieces >= 1 && pieces < 100, `${pieces}`);
  }
});
