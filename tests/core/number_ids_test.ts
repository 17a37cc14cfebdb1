import assert from "node:assert/strict";
import { NumberIds } from "../../core/number_ids.ts";
import { property, type Random } from "../helpers/random.ts";

/** Numbers of the kinds that records hold: ports, addresses, interned ones, counts, fractions, negatives. */
function randomNumber(random: Random): number {
  switch (random.int(6)) {
    case 0:
      return random.int(65_536);
    case 1:
      return random.int(2 ** 32);
    case 2:
      return 2 ** 32 + random.int(10_000);
    case 3:
      return random.int(2 ** 32) * 2 ** 20 + random.int(2 ** 20);
    case 4:
      return random.int(10_000) / 64;
    default:
      return -random.int(2 ** 32) / (1 + random.int(3));
  }
}

Deno.test("idOf() counts from 1 in the order of the first look-up", () => {
  const ids = new NumberIds();
  assert.deepEqual([80, 443, 22].map((value) => ids.idOf(value)), [1, 2, 3]);
});

Deno.test("idOf() gives the same number the same id", () => {
  const ids = new NumberIds();
  ids.idOf(80);
  ids.idOf(443);
  assert.equal(ids.idOf(80), 1);
});

const PAIRS = [
  { a: 0, b: 2 ** 32, what: "zero and 2^32" },
  { a: 1, b: 1.5, what: "a whole number and a fraction" },
  { a: 1, b: -1, what: "a number and its negative" },
  { a: 0xffffffff, b: -1, what: "2^32 - 1 and -1" },
  { a: Number.MAX_SAFE_INTEGER, b: Number.MAX_SAFE_INTEGER - 1, what: "the greatest safe integers" },
  { a: Infinity, b: -Infinity, what: "the infinities" },
  { a: Number.MIN_VALUE, b: 0, what: "the least number and zero" },
];

for (const { a, b, what } of PAIRS) {
  Deno.test(`idOf() tells ${what} apart`, () => {
    const ids = new NumberIds();
    assert.deepEqual([a, b, a, b].map((value) => ids.idOf(value)), [1, 2, 1, 2]);
  });
}

Deno.test("idOf() takes minus zero for zero", () => {
  const ids = new NumberIds();
  assert.deepEqual([0, -0].map((value) => ids.idOf(value)), [1, 1]);
});

property("idOf() agrees with a Map", (random) => {
  const ids = new NumberIds(), oracle = new Map<number, number>();
  for (let i = 0; i < 100_000; i++) {
    const value = randomNumber(random);
    if (!oracle.has(value)) oracle.set(value, oracle.size + 1);
    if (ids.idOf(value) !== oracle.get(value)) assert.equal(ids.idOf(value), oracle.get(value), `${value}`);
  }
  assert.equal(ids.size, oracle.size);
});

property("valueOf() gives back the number of an id", (random) => {
  const ids = new NumberIds();
  for (let i = 0; i < 20_000; i++) {
    const value = randomNumber(random);
    assert.ok(ids.valueOf(ids.idOf(value)) === value, `${value}`);
  }
});

property("find() knows the numbers that have an id after growth", (random) => {
  const ids = new NumberIds();
  const known = new Map(
    Array.from({ length: 20_000 }, () => randomNumber(random)).map((n) => [n, ids.idOf(n)]),
  );
  for (const [value, id] of known) assert.ok(ids.find(value) === id, `${value}`);
});

Deno.test("find() gives 0 for an unknown number", () => {
  const ids = new NumberIds();
  ids.idOf(80);
  assert.equal(ids.find(81), 0);
});

Deno.test("find() gives 0 for zero when it is unknown", () => {
  assert.equal(new NumberIds().find(0), 0);
});

Deno.test("find() gives 0 for NaN", () => {
  assert.equal(new NumberIds().find(NaN), 0);
});

Deno.test("find() adds nothing", () => {
  const ids = new NumberIds();
  ids.find(80);
  assert.equal(ids.size, 0);
});

Deno.test("size is the number of distinct numbers", () => {
  const ids = new NumberIds();
  for (const value of [1, 2, 1, 3, 2]) ids.idOf(value);
  assert.equal(ids.size, 3);
});

Deno.test("forget() makes every number unknown", () => {
  const ids = new NumberIds();
  ids.idOf(80);
  ids.forget();
  assert.equal(ids.find(80), 0);
});

Deno.test("forget() makes ids count from 1 again", () => {
  const ids = new NumberIds();
  ids.idOf(80);
  ids.idOf(443);
  ids.forget();
  assert.deepEqual([443, 80].map((value) => ids.idOf(value)), [1, 2]);
});

Deno.test("forget() makes room below the limit", () => {
  const ids = new NumberIds(1);
  ids.idOf(80);
  ids.forget();
  assert.equal(ids.idOf(443), 1);
});

property("idOf() agrees with a Map after forget()", (random) => {
  const ids = new NumberIds();
  for (let round = 0; round < 5; round++) {
    const oracle = new Map<number, number>();
    for (let i = 0; i < 5000; i++) {
      const value = randomNumber(random);
      if (!oracle.has(value)) oracle.set(value, oracle.size + 1);
      assert.ok(ids.idOf(value) === oracle.get(value), `${value} in round ${round}`);
    }
    ids.forget();
  }
});

// The table grows at 32 and 64, from 8192 to 229,376 at once, and at that.
for (const limit of [0, 1, 31, 32, 33, 64, 1000, 8191, 8192, 8193, 229_376, 229_377]) {
  Deno.test(`idOf() gives 0 to a new number at the limit of ${limit}`, () => {
    const ids = new NumberIds(limit);
    for (let value = 0; value < limit; value++) ids.idOf(value);
    assert.equal(ids.idOf(limit), 0);
  });

  Deno.test(`idOf() gives every number up to the limit of ${limit} an id`, () => {
    const ids = new NumberIds(limit);
    const given = Array.from({ length: limit }, (_, value) => ids.idOf(value));
    assert.deepEqual(given, given.map((_, i) => i + 1));
  });
}

Deno.test("idOf() knows a number that has an id when the limit is reached", () => {
  const ids = new NumberIds(2);
  ids.idOf(80);
  ids.idOf(443);
  ids.idOf(22);
  assert.equal(ids.idOf(443), 2);
});

// Rehashed with 8192 entries, with 229,376 and with 458,752.
for (const count of [8192, 8193, 229_376, 229_377, 458_752, 458_753]) {
  Deno.test(`${count} numbers are found after growth, and no others`, () => {
    const ids = new NumberIds();
    // Of each kind of hash: small numbers, and those of more than 32 bits.
    const numberOf = (i: number) => i % 2 === 0 ? i : 2 ** 32 + i;
    for (let i = 0; i < count; i++) {
      const id = ids.idOf(numberOf(i));
      if (id !== i + 1) assert.equal(id, i + 1);
    }
    assert.equal(ids.size, count);
    for (let i = 0; i < count; i++) {
      if (ids.find(numberOf(i)) !== i + 1 || ids.valueOf(i + 1) !== numberOf(i)) {
        assert.fail(`${numberOf(i)}`);
      }
    }
    for (let i = 0; i < count; i++) if (ids.find(-1 - i) !== 0) assert.fail(`${-1 - i}`);
  });
}

Deno.test("forget() makes numbers unknown and ids count from 1 again after the leap in growth", () => {
  const ids = new NumberIds();
  for (let value = 0; value < 10_000; value++) ids.idOf(value);
  ids.forget();
  assert.equal(ids.find(9999), 0);
  const given = Array.from({ length: 10_000 }, (_, i) => ids.idOf(20_000 - i));
  assert.deepEqual(given, given.map((_, i) => i + 1));
});

for (
  const { what, values } of [
    { what: "new and known values", values: [5, 7, 5, 9, 7, 5] },
    { what: "values that come on end", values: [5, 5, 5, 7, 7, 5] },
    { what: "values that are no whole numbers", values: [0.5, -1, 2 ** 40, 0.5, 0, Infinity, -1] },
    {
      what: "so many values that it grows",
      values: Array.from({ length: 5000 }, (_, i) => (i * 7919) % 1000),
    },
  ]
) {
  Deno.test(`idsOf() gives the ids that idOf() gives of ${what}`, () => {
    const many = new NumberIds(), one = new NumberIds(), ids = new Int32Array(values.length);
    many.idsOf(Float64Array.from(values), 0, values.length, { ids, to: 0 });
    assert.deepEqual([...ids], values.map((value) => one.idOf(value)));
    assert.deepEqual([...ids].map((id) => many.valueOf(id)), values);
  });
}

Deno.test("idsOf() gives 0 for NaN", () => {
  const numbers = new NumberIds(), ids = new Int32Array(4).fill(9);
  numbers.idsOf(Float64Array.of(NaN, 5, NaN, NaN), 0, 4, { ids, to: 0 });
  assert.deepEqual([[...ids], numbers.size], [[0, 1, 0, 0], 1]);
});

Deno.test("idsOf() reads and writes where it is told", () => {
  const numbers = new NumberIds(), ids = new Int32Array(5);
  numbers.idsOf(Float64Array.of(1, 2, 3, 4), 1, 2, { ids, to: 3 });
  assert.deepEqual([[...ids], numbers.valueOf(1), numbers.valueOf(2)], [[0, 0, 0, 1, 2], 2, 3]);
});

Deno.test("idsOf() gives 0 for what is unknown when the limit is reached", () => {
  const numbers = new NumberIds(2), ids = new Int32Array(5);
  numbers.idsOf(Float64Array.of(1, 2, 3, 3, 1), 0, 5, { ids, to: 0 });
  assert.deepEqual([...ids], [1, 2, 0, 0, 1]);
});
