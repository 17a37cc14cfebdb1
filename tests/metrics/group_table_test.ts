import assert from "node:assert/strict";
import {
  GroupTable,
  type GroupTableOptions,
  HASH_SEED,
  mixHash,
  type View,
} from "../../metrics/group_table.ts";
import { property } from "../helpers/random.ts";

/** As many rows as a pass of a snapshot may have. */
const CANDIDATES = 262_144;

function tableOf(options: Partial<GroupTableOptions> = {}): GroupTable {
  const width = options.width ?? 1;
  return new GroupTable({
    width,
    stride: 1,
    kind: "snapshot",
    maxRows: 100,
    ttl: 60,
    textOf: (keys, at) => keys.subarray(at, at + width).join(" "),
    ...options,
  });
}

function find(table: GroupTable, labels: readonly number[]): number {
  return table.find(Int32Array.from(labels), 0, labels.reduce(mixHash, HASH_SEED));
}

function add(table: GroupTable, ...keys: readonly (number | readonly number[])[]): void {
  for (const key of keys) {
    const at = find(table, typeof key === "number" ? [key] : key);
    table.values[at]!++;
  }
}

function settle(table: GroupTable): View {
  for (const _ of table.settle());
  return table.view;
}

/** Begins the next pass of a snapshot, in which the keys come, and settles it. */
function pass(table: GroupTable, ...keys: readonly (number | readonly number[])[]): View {
  table.clock++;
  add(table, ...keys);
  return settle(table);
}

/** `TEXT=VALUE` for each row, in their order. */
function rowsOf({ rows, bytes, starts, ends, values }: View): string[] {
  const decoder = new TextDecoder();
  const stride = values.length / Math.max(1, rows);
  return Array.from({ length: rows }, (_, row) => {
    const text = decoder.decode(bytes.subarray(starts[row], ends[row]));
    return `${text}=${values.subarray(row * stride, (row + 1) * stride).join(",")}`;
  });
}

Deno.test("a new table has an empty view", () => {
  assert.deepEqual(rowsOf(tableOf().view), []);
});

Deno.test("find() gives the same place for the same key", () => {
  const table = tableOf({ width: 2 });
  assert.equal(find(table, [5, 6]), find(table, [5, 6]));
});

Deno.test("find() gives another place for the key in another order", () => {
  const table = tableOf({ width: 2 });
  assert.notEqual(find(table, [5, 6]), find(table, [6, 5]));
});

Deno.test("find() gives a new row zeros", () => {
  const table = tableOf({ stride: 3 }), at = find(table, [5]);
  assert.deepEqual([...table.values.subarray(at, at + 3)], [0, 0, 0]);
});

for (const width of [0, 1, 2, 3, 7]) {
  property(`find() tells keys of ${width} labels apart`, (random) => {
    const table = tableOf({ width, maxRows: 10_000 }), counts = new Map<string, number>();
    table.clock = 1;
    for (let i = 0; i < 5000; i++) {
      const key = Array.from({ length: width }, () => 3 + random.int(width > 2 ? 4 : 50));
      add(table, key);
      counts.set(key.join(" "), (counts.get(key.join(" ")) ?? 0) + 1);
    }
    const expected = [...counts].map(([key, count]) => `${key}=${count}`);
    assert.deepEqual(rowsOf(settle(table)).toSorted(), expected.toSorted());
  });
}

Deno.test("settle() shows the rows in the order in which they came", () => {
  assert.deepEqual(rowsOf(pass(tableOf(), 7, 3, 5, 3)), ["7=1", "3=2", "5=1"]);
});

Deno.test("settle() shows each number of a row", () => {
  const table = tableOf({ stride: 3 });
  table.clock = 1;
  table.values.set([1, 2.5, -3], find(table, [5]));
  assert.deepEqual(rowsOf(settle(table)), ["5=1,2.5,-3"]);
});

Deno.test("settle() shows the key whose labels all read other first", () => {
  assert.deepEqual(rowsOf(pass(tableOf({ width: 2 }), [3, 3], [2, 2], [2, 3])), ["2 2=1", "3 3=1", "2 3=1"]);
});

Deno.test("settle() asks for the text of a row once", () => {
  let texts = 0;
  const table = tableOf({ textOf: () => `${++texts}` });
  for (let i = 0; i < 3; i++) pass(table, 3, 4);
  // Of the rows 3 and 4, and of the one for what is folded.
  assert.equal(texts, 3);
});

Deno.test("settle() shows texts that are not ASCII", () => {
  assert.deepEqual(rowsOf(pass(tableOf({ textOf: () => "ä😀апач" }), 3)), ["ä😀апач=1"]);
});

Deno.test("settle() shows texts that are longer than the room for all was", () => {
  const table = tableOf({ textOf: (keys, at) => "x".repeat(100_000) + keys[at] });
  assert.deepEqual(rowsOf(pass(table, 3, 4)).map((row) => row.slice(100_000)), ["3=1", "4=1"]);
});

Deno.test("the rows of a snapshot start at zero in each pass", () => {
  const table = tableOf();
  pass(table, 3, 3, 3);
  assert.deepEqual(rowsOf(pass(table, 3)), ["3=1"]);
});

Deno.test("the rows of a snapshot keep their order from pass to pass", () => {
  const table = tableOf();
  pass(table, 3, 4, 5);
  assert.deepEqual(rowsOf(pass(table, 6, 5, 3)), ["3=1", "5=1", "6=1"]);
});

Deno.test("a snapshot keeps the largest rows and folds the rest", () => {
  const table = tableOf({ maxRows: 3 });
  assert.deepEqual(rowsOf(pass(table, 3, 4, 4, 5, 5, 5, 6)), ["2=2", "4=2", "5=3"]);
});

Deno.test("a snapshot keeps the oldest of equal rows", () => {
  const table = tableOf({ maxRows: 3 });
  pass(table, 5, 6);
  assert.deepEqual(rowsOf(pass(table, 3, 4, 6, 5)), ["2=2", "5=1", "6=1"]);
});

Deno.test("a snapshot folds nothing when its rows are as many as it may have", () => {
  const table = tableOf({ maxRows: 3 });
  assert.deepEqual([rowsOf(pass(table, 3, 4, 5)), table.folded], [["3=1", "4=1", "5=1"], 0]);
});

Deno.test("a snapshot counts the row whose labels all read other among those it may have", () => {
  const table = tableOf({ maxRows: 3 });
  assert.deepEqual(rowsOf(pass(table, 2, 3, 3, 4, 4, 5)), ["2=2", "3=2", "4=2"]);
});

Deno.test("a snapshot that may have one row folds all of several", () => {
  assert.deepEqual(rowsOf(pass(tableOf({ maxRows: 1 }), 3, 4, 5)), ["2=3"]);
});

Deno.test("a snapshot that may have one row shows it when there is one", () => {
  assert.deepEqual(rowsOf(pass(tableOf({ maxRows: 1 }), 3, 3)), ["3=2"]);
});

Deno.test("a snapshot folds every number of a row", () => {
  const table = tableOf({ maxRows: 1, stride: 2 });
  table.clock = 1;
  for (const label of [3, 4]) table.values.set([label, 0.5], find(table, [label]));
  assert.deepEqual(rowsOf(settle(table)), ["2=7,1"]);
});

Deno.test("a snapshot keeps the largest rows when all are below zero", () => {
  const table = tableOf({ maxRows: 2 });
  table.clock = 1;
  for (const label of [5, 3, 4]) table.values[find(table, [label])] = -label;
  assert.deepEqual(rowsOf(settle(table)), ["2=-9", "3=-3"]);
});

Deno.test("a snapshot counts each row that it folds", () => {
  const table = tableOf({ maxRows: 3 });
  for (let i = 0; i < 2; i++) pass(table, 3, 4, 4, 5, 5, 5, 6, 6, 6);
  assert.equal(table.folded, 4);
});

Deno.test("a snapshot shows a row again that was folded before", () => {
  const table = tableOf({ maxRows: 2 });
  pass(table, 3, 4, 4, 5, 5, 5);
  assert.deepEqual(rowsOf(pass(table, 3)), ["3=1"]);
});

Deno.test("a snapshot forgets what it folded in the pass before", () => {
  const table = tableOf({ maxRows: 2 });
  for (let i = 0; i < 3; i++) pass(table, 3, 4, 4, 5, 5, 5);
  assert.deepEqual(rowsOf(table.view), ["2=3", "5=3"]);
});

function keysFrom(start: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => start + i);
}

Deno.test("a snapshot of more rows than can be chosen from keeps the total", () => {
  const table = tableOf({ maxRows: 10 });
  table.clock = 1;
  for (const key of [keysFrom(3, 100_000), keysFrom(3, 300_000)].flat()) add(table, key);
  assert.equal(settle(table).values.reduce((sum, value) => sum + value), 400_000);
});

Deno.test("a snapshot of more rows than can be chosen from counts every one that it folds", () => {
  const table = tableOf({ maxRows: 10 });
  table.clock = 1;
  for (const key of keysFrom(3, 300_000)) add(table, key);
  settle(table);
  assert.equal(table.folded, 300_000 - 9);
});

Deno.test("a snapshot chooses from all of a pass that comes after one that was given up", () => {
  const table = tableOf({ maxRows: 10 });
  table.clock = 1;
  for (const key of keysFrom(3, CANDIDATES)) add(table, key);
  table.clear();
  assert.deepEqual(rowsOf(pass(table, 1_000_001, 1_000_002)), ["1000001=1", "1000002=1"]);
});

Deno.test("a stream adds up", () => {
  const table = tableOf({ kind: "stream" });
  pass(table, 3, 3);
  assert.deepEqual(rowsOf(pass(table, 3)), ["3=3"]);
});

Deno.test("a stream folds what comes when it is full", () => {
  const table = tableOf({ kind: "stream", maxRows: 3 });
  assert.deepEqual(rowsOf(pass(table, 3, 4, 5, 6, 5, 3)), ["2=3", "3=2", "4=1"]);
});

Deno.test("a stream counts each record that it folds", () => {
  const table = tableOf({ kind: "stream", maxRows: 3 });
  pass(table, 3, 4, 5, 6, 5, 3);
  assert.equal(table.folded, 3);
});

Deno.test("a stream has room for a row when another has vanished", () => {
  const table = tableOf({ kind: "stream", maxRows: 2 });
  pass(table, 3);
  table.clock += 100;
  settle(table);
  assert.deepEqual(rowsOf(pass(table, 4)), ["4=1"]);
});

Deno.test("a stream keeps a row that is touched again in time", () => {
  const table = tableOf({ kind: "stream" });
  for (let i = 0; i < 3; i++) {
    table.clock += 50;
    pass(table, 3);
  }
  assert.deepEqual(rowsOf(table.view), ["3=3"]);
});

Deno.test("a stream shows a row that comes while it settles", () => {
  const table = tableOf({ kind: "stream" });
  add(table, 3);
  for (const _ of table.settle()) if (table.rows < 50) add(table, table.rows + 3);
  assert.equal(table.view.rows, table.rows - 1);
});

Deno.test("settle() yields at least once in 512 rows", () => {
  const table = tableOf({ maxRows: 10_000 });
  table.clock = 1;
  add(table, ...keysFrom(3, 5120));
  assert([...table.settle()].length >= 10);
});

Deno.test("clear() shows nothing", () => {
  const table = tableOf();
  pass(table, 3);
  table.clear();
  assert.equal(table.view.rows, 0);
});

Deno.test("clear() hides the one row of a table without labels", () => {
  const table = tableOf({ width: 0 });
  pass(table, []);
  table.clear();
  assert.equal(table.view.rows, 0);
});

for (const kind of ["snapshot", "stream"] as const) {
  Deno.test(`the view of a ${kind} stays when the table grows, sweeps and closes the gaps in its texts`, () => {
    const table = tableOf({ kind, maxRows: 100_000 });
    const view = pass(table, ...keysFrom(3, 1000)), before = rowsOf(view);
    for (let i = 1; i < 10; i++) {
      table.clock += 100;
      pass(table, ...keysFrom(1000 * i, 1500));
      assert.deepEqual(rowsOf(view), before);
    }
  });
}

Deno.test("the texts of rows that have vanished do not pile up", () => {
  const table = tableOf({ maxRows: 10_000 });
  for (let i = 0; i < 200; i++) pass(table, ...keysFrom(10_000 + 1000 * i, 1000));
  assert(table.view.bytes.length < 50_000);
});

property("the texts of the rows are right after sweeps", (random) => {
  const table = tableOf({ maxRows: 500, textOf: (keys, at) => `${keys[at]}`.repeat(1 + keys[at]! % 20) });
  for (let i = 0; i < 200; i++) {
    const keys = new Set(Array.from({ length: random.int(100) }, () => 3 + random.int(1000)));
    const expected = [...keys].map((key) => `${`${key}`.repeat(1 + key % 20)}=1`);
    assert.deepEqual(rowsOf(pass(table, ...keys)).toSorted(), expected.toSorted());
  }
});

Deno.test("labelsAt() gives the labels at a position, that of what is folded too", () => {
  const table = tableOf({ width: 2 });
  pass(table, [3, 4], [3, 5]);
  assert.deepEqual([table.labelsAt(0), table.labelsAt(1)], [new Set([2, 3]), new Set([2, 4, 5])]);
});

Deno.test("replaceLabels() lets rows be found by their new keys", () => {
  const table = tableOf({ kind: "stream" });
  add(table, 3, 4);
  table.replaceLabels(0, new Map([[2, 2], [3, 4], [4, 3]]));
  add(table, 3);
  assert.deepEqual(rowsOf(settle(table)), ["4=1", "3=2"]);
});

Deno.test("replaceLabels() keeps the texts of rows that have one", () => {
  const table = tableOf({ kind: "stream" });
  pass(table, 7);
  table.replaceLabels(0, new Map([[2, 2], [7, 3]]));
  assert.deepEqual(rowsOf(pass(table, 3)), ["7=2"]);
});
