import assert from "node:assert/strict";
import { type Merge, mergeViews } from "../../metrics/merge_views.ts";
import { compactView, EMPTY, type View } from "../../metrics/rule.ts";
import { property, type Random } from "../helpers/random.ts";

type Row = readonly [text: string, ...values: number[]];

const SUM: Merge = { stride: 1, sums: 1 }, LARGEST: Merge = { stride: 1, sums: 0 };
const MAX_ROWS_PER_PIECE = 512;
/** Texts of the same FNV-1a hash: of the same length, of others, and one that begins with the other. */
const COLLISIONS = [["declinate", "macallums"], ["altarage", "zinke"], ["aywybmkg", "a"]] as const;

const ENCODER = new TextEncoder(), DECODER = new TextDecoder("utf-8", { fatal: true });

/** A view as those of rules are: texts stand where they like, among others. */
function viewOf(rows: readonly Row[]): View {
  const texts = rows.map(([text]) => ENCODER.encode(text));
  const bytes = new Uint8Array(texts.reduce((sum, { length }) => sum + length + 3, 0)).fill(0x2a);
  const starts = new Uint32Array(rows.length), ends = new Uint32Array(rows.length);
  let at = 0;
  for (const [row, text] of [...texts.entries()].reverse()) {
    bytes.set(text, at + 2);
    starts[row] = at + 2;
    ends[row] = at + 2 + text.length;
    at += text.length + 3;
  }
  return {
    rows: rows.length,
    bytes,
    starts,
    ends,
    values: Float64Array.from(rows.flatMap(([, ...values]) => values)),
  };
}

function rowsOf({ rows, bytes, starts, ends, values }: View, stride = 1): Row[] {
  assert.deepEqual([starts.length, ends.length, values.length], [rows, rows, rows * stride]);
  return Array.from({ length: rows }, (_, row) => [
    DECODER.decode(bytes.subarray(starts[row], ends[row])),
    ...values.subarray(row * stride, (row + 1) * stride),
  ]);
}

function merged(views: readonly View[], merge: Merge): View {
  const merging = mergeViews(views, merge);
  for (;;) {
    const step = merging.next();
    if (step.done) return step.value;
  }
}

function mergedRows(views: readonly (readonly Row[])[], merge = SUM): Row[] {
  return rowsOf(merged(views.map(viewOf), merge), merge.stride);
}

const CASES: readonly {
  readonly name: string;
  readonly views: readonly (readonly Row[])[];
  readonly merge?: Merge;
  readonly rows: readonly Row[];
}[] = [
  { name: "adds up rows with the same text", views: [[["a", 1]], [["a", 2]], [["a", 4]]], rows: [["a", 7]] },
  {
    name: "takes the largest of rows with the same text where that is asked for",
    views: [[["a", 1]], [["a", 5]], [["a", 3]]],
    merge: LARGEST,
    rows: [["a", 5]],
  },
  {
    name: "takes the largest of negative numbers",
    views: [[["a", -3]], [["a", -2]]],
    merge: LARGEST,
    rows: [["a", -2]],
  },
  {
    name: "keeps rows with different texts, in the order in which they first appear",
    views: [[["c", 1], ["a", 2]], [["b", 3], ["a", 4]], [["d", 5], ["c", 6]]],
    rows: [["c", 7], ["a", 6], ["b", 3], ["d", 5]],
  },
  {
    name: "tells a text apart from one that it begins, and from one with the same bytes in another order",
    views: [[["ab", 1], ["abc", 2]], [["ba", 3], ["", 4], ["a", 5]]],
    rows: [["ab", 1], ["abc", 2], ["ba", 3], ["", 4], ["a", 5]],
  },
  {
    name: "adds up every number of a row",
    views: [[["a", 1, 2, 3], ["b", 10, 20, 30]], [["b", 1, 1, 1], ["a", 5, 6, 7]]],
    merge: { stride: 3, sums: 3 },
    rows: [["a", 6, 8, 10], ["b", 11, 21, 31]],
  },
  {
    name: "takes the largest of every number of a row",
    views: [[["a", 1, 20]], [["a", 10, 2]]],
    merge: { stride: 2, sums: 0 },
    rows: [["a", 10, 20]],
  },
  {
    name: "adds up the first numbers of a row and takes the largest of the others",
    views: [[["a", 1, 20, 3]], [["a", 10, 2, 30]]],
    merge: { stride: 3, sums: 1 },
    rows: [["a", 11, 20, 30]],
  },
  {
    name: "takes NaN for the largest only where there is no number",
    views: [[["a", NaN, 2, NaN]], [["a", 1, NaN, NaN]], [["a", -1, -2, NaN]]],
    merge: { stride: 3, sums: 0 },
    rows: [["a", 1, 2, NaN]],
  },
  { name: "gives nothing of no views", views: [], rows: [] },
  { name: "gives nothing of views without rows", views: [[], []], rows: [] },
  { name: "passes over views without rows", views: [[], [["a", 1]], [], [["a", 2]], []], rows: [["a", 3]] },
  { name: "adds up rows without a text", views: [[["", 1]], [["", 2]]], rows: [["", 3]] },
  {
    name: "keeps texts that are not ASCII",
    views: [[['{a="ä😀"} ', 1]], [['{a="ä😀"} ', 2], ['{a="ä😁"} ', 4]]],
    rows: [['{a="ä😀"} ', 3], ['{a="ä😁"} ', 4]],
  },
  {
    name: "adds up infinite numbers",
    views: [[["a", Infinity]], [["a", 1]]],
    rows: [["a", Infinity]],
  },
  ...COLLISIONS.map(([a, b]) => ({
    name: `tells ${a} apart from ${b}, whose hash is the same`,
    views: [[[a, 1], [b, 2]], [[b, 4], [a, 8]]] as const,
    rows: [[a, 9], [b, 6]] as const,
  })),
];

for (const { name, views, merge, rows } of CASES) {
  Deno.test(`mergeViews() ${name}`, () => assert.deepEqual(mergedRows(views, merge), rows));
}

for (const views of [[viewOf([["a", 1]])], [EMPTY, viewOf([["a", 1]]), EMPTY]]) {
  Deno.test(`mergeViews() gives the only view that has rows, of ${views.length}, as it is`, () => {
    assert.equal(merged(views, SUM), views.find(({ rows }) => rows > 0));
  });
}

Deno.test("mergeViews() changes nothing of the views", () => {
  const views = [viewOf([["a", 1], ["b", 2]]), viewOf([["b", 3]])], copies = structuredClone(views);
  merged(views, SUM);
  assert.deepEqual(views, copies);
});

for (const rows of [[1, 1], [511, 513, 1], [512, 512], [2000, 1, 5000], [1, 1, 1, 1, 1, 1]]) {
  Deno.test(`mergeViews() yields after at most ${MAX_ROWS_PER_PIECE} rows, of views of ${rows}`, () => {
    let read = 0;
    const views = rows.map((count) => {
      const { values, ...rest } = viewOf(Array.from({ length: count }, (_, i) => [`row ${i}`, 1]));
      return {
        ...rest,
        get values() {
          read++;
          return values;
        },
      };
    });
    const merging = mergeViews(views, SUM), pieces: number[] = [];
    for (let done = false; !done;) {
      read = 0;
      done = merging.next().done === true;
      pieces.push(read);
    }
    assert.equal(pieces.reduce((sum, piece) => sum + piece), rows.reduce((sum, count) => sum + count));
    assert(Math.max(...pieces) <= MAX_ROWS_PER_PIECE, `${pieces}`);
  });
}

/** Rows whose texts are different, a part of them the same as those of others. */
function randomRows(random: Random, stride: number): Row[] {
  const texts = random.pick([3, 50, 3000]), count = random.int(random.pick([2, 40, 1500]));
  const rows = Array.from({ length: count }, (): Row => [
    `${"{".repeat(random.int(2))}${random.int(texts)}`,
    ...Array.from({ length: stride }, () => random.int(2000) - 1000),
  ]);
  return [...new Map(rows.map((row) => [row[0], row])).values()];
}

/** As mergeViews(), by a map. */
function mergedByMap(views: readonly (readonly Row[])[], { sums }: Merge): Row[] {
  const byText = new Map<string, number[]>();
  for (const [text, ...values] of views.flat()) {
    const before = byText.get(text);
    const both = (value: number, i: number) => i < sums ? value + before![i]! : Math.max(value, before![i]!);
    byText.set(text, before === undefined ? values : values.map(both));
  }
  return [...byText].map(([text, values]) => [text, ...values]);
}

property("mergeViews() does what a map does, whatever the views are", (random) => {
  for (let i = 0; i < 300; i++) {
    const stride = 1 + random.int(4), merge = { stride, sums: random.int(stride + 1) };
    const views = Array.from({ length: random.int(6) }, () => randomRows(random, merge.stride));
    assert.deepEqual(mergedRows(views, merge), mergedByMap(views, merge));
  }
});

property("mergeViews() gives the same of views that are compact", (random) => {
  for (let i = 0; i < 50; i++) {
    const views = Array.from({ length: random.int(5) }, () => viewOf(randomRows(random, 2)));
    const merge = { stride: 2, sums: 2 };
    assert.deepEqual(
      rowsOf(merged(views.map(compactView), merge), 2),
      rowsOf(merged(views, merge), 2),
    );
  }
});

Deno.test("mergeViews() merges 100,000 rows", () => {
  const ROWS = 100_000;
  const views = [0, ROWS / 2].map((start) =>
    viewOf(Array.from({ length: ROWS }, (_, i): Row => [`{client="${start + i}"} `, start + i]))
  );
  const { rows, values } = merged(views, SUM);
  assert.equal(rows, 1.5 * ROWS);
  assert.deepEqual([values[0], values[ROWS / 2], values[ROWS - 1], values[ROWS]], [
    0,
    ROWS,
    2 * (ROWS - 1),
    ROWS,
  ]);
});

property("compactView() gives the same rows", (random) => {
  for (let i = 0; i < 100; i++) {
    const stride = 1 + random.int(4), view = viewOf(randomRows(random, stride));
    assert.deepEqual(rowsOf(compactView(view), stride), rowsOf(view, stride));
  }
});

Deno.test("compactView() keeps no bytes but those of the rows", () => {
  const { bytes, values } = compactView(viewOf([["ab", 1], ["c", 2]]));
  assert.deepEqual([DECODER.decode(bytes), bytes.buffer.byteLength], ["abc", 3]);
  assert.equal(values.buffer.byteLength, 16);
});

Deno.test("compactView() shares no memory with the view", () => {
  const view = viewOf([["ab", 1]]), compact = compactView(view);
  view.bytes.fill(0);
  view.values.fill(0);
  assert.deepEqual(rowsOf(compact), [["ab", 1]]);
});

Deno.test("compactView() of a view without rows has none", () => {
  assert.deepEqual(rowsOf(compactView(EMPTY)), []);
});
