import assert from "node:assert/strict";
import { NONE, Reservoirs } from "../../metrics/quantiles.ts";
import { property, Random } from "../helpers/random.ts";

/** Quantiles of values that one reservoir was given. */
class One {
  readonly reservoirs: Reservoirs;
  readonly #found: Float64Array;
  id = NONE;

  constructor(quantiles: readonly number[]) {
    this.reservoirs = new Reservoirs(quantiles);
    this.#found = new Float64Array(quantiles.length);
  }

  add(values: Iterable<number>): this {
    for (const value of values) this.id = this.reservoirs.add(this.id, value);
    return this;
  }

  read(): number[] {
    this.id = this.reservoirs.read(this.id, this.#found);
    return [...this.#found];
  }
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}

const KNOWN: readonly { values: readonly number[]; quantiles: Readonly<Record<string, number>> }[] = [
  { values: [7], quantiles: { 0: 7, 0.5: 7, 1: 7 } },
  { values: [2, 1], quantiles: { 0: 1, 0.5: 1, 0.51: 2, 1: 2 } },
  { values: [3, 1, 2], quantiles: { 0: 1, 0.33: 1, 0.34: 2, 0.5: 2, 0.67: 3, 1: 3 } },
  { values: [4, 4, 4, 9], quantiles: { 0.5: 4, 0.75: 4, 0.76: 9 } },
  { values: [-5, 0.1, -0.5, 20], quantiles: { 0.25: -5, 0.5: -0.5, 0.75: 0.1, 1: 20 } },
  { values: [Infinity, 1, -Infinity], quantiles: { 0: -Infinity, 0.5: 1, 1: Infinity } },
  { values: upTo(10), quantiles: { 0.1: 1, 0.5: 5, 0.9: 9, 0.95: 10, 0.99: 10 } },
  { values: upTo(100), quantiles: { 0.07: 7, 0.14: 14, 0.28: 28, 0.5: 50, 0.57: 57, 0.9: 90, 0.99: 99 } },
  { values: upTo(512).toReversed(), quantiles: { 0.001: 1, 0.5: 256, 0.999: 512 } },
];

for (const { values, quantiles } of KNOWN) {
  const few = values.length > 10 ? `${values.slice(0, 2)}, …, ${values.at(-1)}` : `${values}`;
  Deno.test(`read() finds the quantiles of ${values.length} values: ${few}`, () => {
    const asked = Object.keys(quantiles).map(Number).toSorted((a, b) => a - b);
    const found = new One(asked).add(values).read();
    assert.deepEqual(Object.fromEntries(asked.map((quantile, i) => [quantile, found[i]])), quantiles);
  });
}

Deno.test("read() finds NaN where there is no reservoir", () => {
  assert.deepEqual(new One([0, 0.5, 1]).read(), [NaN, NaN, NaN]);
});

const PART = 120, WINDOW = 600;

Deno.test("read() finds a value for eight minutes at least and ten at most, whenever it came", () => {
  for (let came = 5000; came < 5000 + WINDOW; came += 7) {
    const one = new One([0.5]);
    one.reservoirs.clock = came;
    one.add([1]);
    for (let later = 0; later < 2 * WINDOW; later++) {
      one.reservoirs.clock = came + later;
      const found = one.read()[0]!;
      if (later < WINDOW - PART) assert.equal(found, 1);
      if (later >= WINDOW) assert.equal(found, NaN);
    }
  }
});

Deno.test("read() finds the quantiles of what is left of the window", () => {
  const one = new One([0, 0.5, 1]), found: number[][] = [];
  for (const minute of [0, 2, 4, 6, 8, 10, 12, 30]) {
    one.reservoirs.clock = 60 * minute;
    found.push(one.add([minute]).read());
  }
  assert.deepEqual(found, [
    [0, 0, 0],
    [0, 0, 2],
    [0, 2, 4],
    [0, 2, 6],
    [0, 4, 8],
    [2, 6, 10],
    [4, 8, 12],
    [30, 30, 30],
  ]);
});

Deno.test("read() releases a reservoir whose window has no values", () => {
  const one = new One([0.5]).add(upTo(1000));
  one.reservoirs.clock = WINDOW;
  one.read();
  assert.deepEqual([one.id, one.reservoirs.size], [NONE, 0]);
  assert.deepEqual(one.add([5]).read(), [5]);
});

/** As a window does it, with lists. */
class Plain {
  #parts = new Map<number, number[]>();

  add(clock: number, value: number): void {
    const part = Math.floor(clock / PART);
    this.#parts.set(part, [...this.#parts.get(part) ?? [], value]);
  }

  read(clock: number, quantiles: readonly number[]): number[] {
    const oldest = Math.floor(clock / PART) - 4;
    const values = [...this.#parts].filter(([part]) => part >= oldest).flatMap(([, values]) => values);
    values.sort((a, b) => a - b);
    return quantiles.map((q) => values[Math.max(0, Math.ceil(q * values.length - 1e-6) - 1)] ?? NaN);
  }
}

property("reservoirs do what lists do as long as few values come, however they are used", (random) => {
  const quantiles = [0, 0.25, 0.5, 0.9, 0.99, 1], reservoirs = new Reservoirs(quantiles);
  const rows = Array.from({ length: 10 }, () => ({ id: NONE, plain: new Plain() }));
  const found = new Float64Array(quantiles.length);
  for (let i = 0, clock = 0; i < 50_000; i++) {
    // Within two minutes there come fewer to a row than are kept of them.
    clock += random.int(2) === 0 ? 1 : random.int(3000) === 0 ? random.int(1000) : 0;
    reservoirs.clock = clock;
    const row = random.pick(rows);
    switch (random.int(20)) {
      case 0:
        row.id = reservoirs.read(row.id, found);
        assert.deepEqual([...found], row.plain.read(clock, quantiles));
        break;
      case 1:
        if (random.int(30) > 0) break;
        reservoirs.release(row.id);
        Object.assign(row, { id: NONE, plain: new Plain() });
        break;
      default: {
        const value = random.int(1000) - 500;
        row.id = reservoirs.add(row.id, value);
        row.plain.add(clock, value);
      }
    }
  }
});

/** How many numbers are kept at most, with those that say which are which. */
const MOST = 5 * 512 + 7;
const QUANTILES = [0.5, 0.9, 0.95, 0.99];

function assertNear(found: readonly number[], expected: readonly number[]): void {
  for (const [i, value] of found.entries()) {
    const exact = expected[i]!;
    assert(Math.abs(value - exact) <= 0.05 * exact, `${value} rather than ${exact}`);
  }
}

const MILLIONS = [
  { what: "of one moment", clockOf: () => 0 },
  { what: "of ten minutes", clockOf: (i: number) => Math.floor(i / 1_000_000 * WINDOW) },
];

for (const { what, clockOf } of MILLIONS) {
  Deno.test(`a million values ${what} take little memory, and their quantiles are near the true ones`, () => {
    const one = new One(QUANTILES), random = new Random(1);
    for (let i = 0; i < 1_000_000; i++) {
      one.reservoirs.clock = clockOf(i);
      one.add([1 + random.int(1000)]);
    }
    assert.equal(one.reservoirs.size, MOST);
    assertNear(one.read(), [500, 900, 950, 990]);
  });
}

for (const pause of [Infinity, 100]) {
  Deno.test(`samples favour no values when they are read, and put in order, every ${pause} values`, () => {
    const RUNS = 50, one = new One(QUANTILES), means = QUANTILES.map(() => 0);
    for (let run = 0; run < RUNS; run++) {
      for (let i = 0; i < 20_000; i++) {
        one.add([i]);
        if (i % pause === 0) one.read();
      }
      one.read().forEach((value, i) => means[i]! += value / RUNS);
      one.reservoirs.release(one.id);
      one.id = NONE;
    }
    for (const [i, mean] of means.entries()) {
      assert(Math.abs(mean / 20_000 - QUANTILES[i]!) < 0.01, `${means}`);
    }
  });
}

Deno.test("minutes of many values count as many though no more of them are kept", () => {
  const one = new One([0.5, 0.98, 0.999]);
  one.add(upTo(100_000).map(() => 1));
  one.reservoirs.clock = PART;
  one.add(upTo(1000).map(() => 2));
  assert.deepEqual(one.read(), [1, 1, 2]);
});

Deno.test("add() takes no more memory when a reservoir has all that it may have", () => {
  const one = new One([0.5]);
  for (let clock = 0; clock < 5 * WINDOW; clock++) {
    one.reservoirs.clock = clock;
    one.add(upTo(20));
  }
  assert.equal(one.reservoirs.size, MOST);
});

Deno.test("10,000 reservoirs of a few values take 27 numbers each", () => {
  const reservoirs = new Reservoirs(QUANTILES), ids = new Float64Array(10_000);
  for (let clock = 0; clock < WINDOW; clock += PART) {
    reservoirs.clock = clock;
    for (let n = 0; n < 4; n++) ids.forEach((id, i) => ids[i] = reservoirs.add(id, n));
  }
  assert.equal(reservoirs.size, 270_000);
});

Deno.test("release() gives back the memory, and the id to another that knows nothing of it", () => {
  const one = new One([0, 1]).add(upTo(100)), { id } = one;
  one.reservoirs.release(id);
  assert.equal(one.reservoirs.size, 0);
  one.id = NONE;
  assert.deepEqual(one.add([5]).read(), [5, 5]);
  assert.equal(one.id, id);
});

Deno.test("release() does nothing where there is no reservoir", () => {
  const one = new One([0.5]);
  one.reservoirs.release(NONE);
  assert.notEqual(one.add([1]).id, NONE);
});

Deno.test("release() of some reservoirs leaves the others as they are", () => {
  const reservoirs = new Reservoirs([0.5]), found = new Float64Array(1);
  const ids = upTo(100).map((value) => reservoirs.add(NONE, value));
  for (const id of ids.filter((_, i) => i % 2 === 0)) reservoirs.release(id);
  for (let value = 1000; value < 1050; value++) reservoirs.add(NONE, value);
  for (const [i, id] of ids.entries()) {
    if (i % 2 === 0) continue;
    reservoirs.read(id, found);
    assert.equal(found[0], i + 1);
  }
});

Deno.test("clear() releases all", () => {
  const one = new One([0.5]).add(upTo(100));
  one.reservoirs.clear();
  assert.equal(one.reservoirs.size, 0);
  one.id = NONE;
  assert.deepEqual(one.add([5]).read(), [5]);
});
