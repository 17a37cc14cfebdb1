import assert from "node:assert/strict";
import { EarlySegments, roomOf } from "../../../collectors/wialon/early_segments.ts";
import { property } from "../../helpers/random.ts";

const MIB = 1 << 20, LEAST = 256;

interface Early {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  readonly length: number;
}

function early(sequence: number, bytes: Uint8Array | number, length?: number): Early {
  const all = typeof bytes === "number" ? new Uint8Array(bytes).fill(sequence) : bytes;
  return { sequence: sequence | 0, bytes: all, length: length ?? all.length };
}

/** Adds it out of the midst of other bytes. */
function add(segments: EarlySegments, first: number, { sequence, bytes, length }: Early): number {
  const all = new Uint8Array(bytes.length + 7).fill(0xee);
  all.set(bytes, 3);
  return segments.add(first, { sequence, length, bytes: all, from: 3, to: 3 + bytes.length });
}

function take(segments: EarlySegments, first: number): Early & { readonly next: number } {
  const expected = segments.sequenceOf(first);
  const { sequence, length, bytes, from, to, next } = segments.take(first);
  assert.equal(sequence, expected);
  return { sequence, length, bytes: bytes.slice(from, to), next };
}

function takeAll(segments: EarlySegments, first: number): Early[] {
  const all: Early[] = [];
  while (first !== 0) {
    const { next, ...segment } = take(segments, first);
    all.push(segment);
    first = next;
  }
  return all;
}

const LISTS = [
  { what: "one", sequences: [5] },
  { what: "those in order", sequences: [1, 2, 3] },
  { what: "those in the reverse order", sequences: [3, 2, 1] },
  { what: "some that come between", sequences: [10, 30, 20, 40, 0] },
  { what: "numbers that wrap at 2^31", sequences: [-(2 ** 31) + 5, 2 ** 31 - 10, 2 ** 31 - 1, -(2 ** 31)] },
  { what: "numbers that wrap at 2^32", sequences: [5, -10, -1, 0, -20] },
];

for (const { what, sequences } of LISTS) {
  Deno.test(`take() gives the segments of a list in their order when it has ${what}`, () => {
    const segments = new EarlySegments(MIB);
    let first = 0;
    for (const sequence of sequences) first = add(segments, first, early(sequence, 10));
    const from = sequences[0]!, order = sequences.toSorted((a, b) => ((a - from) | 0) - ((b - from) | 0));
    assert.deepEqual(takeAll(segments, first), order.map((sequence) => early(sequence, 10)));
    assert.equal(segments.room, MIB);
  });
}

Deno.test("take() gives segments of the same number in the order in which they came", () => {
  const segments = new EarlySegments(MIB), all = [early(9, 1), early(9, 2), early(9, 3)];
  const first = all.reduce((first, segment) => add(segments, first, segment), 0);
  assert.deepEqual(takeAll(segments, first), all);
});

for (
  const [captured, length] of [[0, 0], [0, 1], [1, 1], [127, 128], [128, 128], [3, 9000], [200_000, 200_000]]
) {
  Deno.test(`A segment of ${length} bytes of which ${captured} were captured comes out as it was`, () => {
    const segments = new EarlySegments(MIB), segment = early(-1, captured!, length);
    const first = add(segments, 0, segment);
    assert.equal(segments.room, MIB - Math.max(LEAST, length!));
    assert.deepEqual(takeAll(segments, first), [segment]);
  });
}

Deno.test("add() gives 0 when there is no room, and then again one when there is", () => {
  const segments = new EarlySegments(10 * LEAST);
  let first = 0;
  for (let i = 0; i < 9; i++) first = add(segments, first, early(i, 1));
  assert.equal(add(segments, first, early(100, LEAST + 1)), 0);
  assert.equal(segments.room, LEAST);
  first = add(segments, first, early(100, LEAST));
  assert.equal(add(segments, first, early(200, 0)), 0);
  const { next } = take(segments, first);
  assert.equal(segments.room, LEAST);
  assert.deepEqual(
    takeAll(segments, add(segments, next, early(300, 5))).map(({ sequence }) => sequence),
    [1, 2, 3, 4, 5, 6, 7, 8, 100, 300],
  );
});

Deno.test("add() keeps as many small segments as there is room for", () => {
  const segments = new EarlySegments(MIB), most = MIB / LEAST;
  let first = 0, count = 0;
  for (let added = 1; added !== 0; count++) {
    added = add(segments, first, early(most - count, 1));
    first = added || first;
  }
  assert.deepEqual([count - 1, segments.room], [most, 0]);
  assert.deepEqual(
    takeAll(segments, first).map(({ sequence }) => sequence - 1),
    [...Array(most).keys()],
  );
  assert.equal(segments.room, MIB);
});

property("Lists agree with arrays, and take no more room than there is", (random) => {
  const room = 64 * 1024, segments = new EarlySegments(room);
  const lists = Array.from(
    { length: 8 },
    () => ({ first: 0, all: [] as Early[], base: random.int(2 ** 32) | 0 }),
  );
  for (let i = 0; i < 20_000; i++) {
    const list = random.pick(lists), { base } = list;
    if (random.int(5) < 2 && list.first !== 0) {
      const { next, ...segment } = take(segments, list.first);
      assert.deepEqual(segment, list.all.shift());
      list.first = next;
    } else {
      const bytes = random.bytes(random.int(random.int(10) === 0 ? 4000 : 300));
      const segment = early(base + random.int(1000), bytes, bytes.length + random.int(2) * random.int(500));
      const before = segments.room, first = add(segments, list.first, segment);
      if (first === 0) {
        assert(before < roomOf(segment.length) + 8 * 4096, `No room, though there is for ${before}`);
        assert.equal(segments.room, before);
        continue;
      }
      list.first = first;
      list.all.push(segment);
      // Sorting keeps the order of equal ones.
      list.all.sort((a, b) => ((a.sequence - base) | 0) - ((b.sequence - base) | 0));
    }
    const used = lists.flatMap(({ all }) => all).reduce((sum, { length }) => sum + roomOf(length), 0);
    assert.equal(segments.room, room - used);
  }
  for (const { first, all } of lists) assert.deepEqual(takeAll(segments, first), all);
});
