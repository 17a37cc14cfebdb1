import assert from "node:assert/strict";
import { inOnePiece } from "../../core/work.ts";
import { GroupTable, type GroupTableOptions, HASH_SEED, mixHash } from "../../metrics/group_table.ts";
import { property } from "../helpers/random.ts";

type Key = number | readonly number[];

function tableOf(options: Partial<GroupTableOptions> = {}): GroupTable {
  const width = options.width ?? 1;
  return new GroupTable({
    width,
    blank: Float64Array.of(0),
    kind: "snapshot",
    maxRows: 100,
    ttl: 60,
    textOf: (keys, at) => keys.subarray(at, at + width).join(" "),
    ...options,
  });
}

function find(table: GroupTable, key: Key): number {
  const labels = typeof key === "number" ? [key] : key;
  return findAll(table, labels, [labels.reduce(mixHash, HASH_SEED)])[0]!;
}

/** Where the rows of several keys are, which stand one after the other. */
function findAll(table: GroupTable, keys: readonly number[], hashes: readonly number[]): number[] {
  const rows = new Int32Array(hashes.length);
  table.findAll({ keys: Int32Array.from(keys), hashes: Int32Array.from(hashes), count: hashes.length, rows });
  return [...rows];
}

function add(table: GroupTable, ...keys: readonly Key[]): void {
  for (const key of keys) {
    const at = find(table, key);
    table.values[at]!++;
  }
}

/** Begins the next pass of a snapshot, in which the keys come, and sweeps what is dead then. */
function pass(table: GroupTable, ...keys: readonly Key[]): void {
  table.clock++;
  add(table, ...keys);
  inOnePiece(table.sweep());
}

function textOf({ texts }: GroupTable, id: number): string {
  return new TextDecoder().decode(texts.bytes.subarray(texts.starts[id], texts.ends[id]));
}

/** `TEXT=VALUE` for each row that is live, in their order. */
function rowsOf(table: GroupTable): string[] {
  const live = Array.from({ length: table.rows }, (_, row) => row).filter((row) => table.isLive(row));
  return live.map((row) => `${textOf(table, table.textOf(row))}=${table.values[table.at(row)]}`);
}

function keysFrom(start: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => start + i);
}

Deno.test("a new table has no row that is live", () => {
  assert.deepEqual(rowsOf(tableOf()), []);
});

Deno.test("findAll() gives the same place for the same key", () => {
  const table = tableOf({ width: 2 });
  assert.equal(find(table, [5, 6]), find(table, [5, 6]));
});

Deno.test("findAll() gives another place for the key in another order", () => {
  const table = tableOf({ width: 2 });
  assert.notEqual(find(table, [5, 6]), find(table, [6, 5]));
});

Deno.test("findAll() gives another place for another key of the same hash", () => {
  const places = findAll(tableOf(), [3, 4, 3, 4], new Array(4).fill(12_345));
  assert.deepEqual(places, [1, 2, 1, 2].map((row) => tableOf().at(row)));
});

Deno.test("findAll() takes no more keys than it is told", () => {
  const table = tableOf(), rows = new Int32Array(2), hashes = Int32Array.of(1, 2);
  table.findAll({ keys: Int32Array.of(3, 4), hashes, count: 1, rows });
  assert.deepEqual([[...rows], table.rows], [[table.at(1), 0], 2]);
});

Deno.test("findAll() finds keys of several labels among others", () => {
  const table = tableOf({ width: 2 }), keys = [[5, 6], [6, 5], [5, 6], [7, 7]];
  const hashes = keys.map((key) => key.reduce(mixHash, HASH_SEED));
  const places = [1, 2, 1, 3].map((row) => table.at(row));
  assert.deepEqual(findAll(table, keys.flat(), hashes), places);
});

Deno.test("findAll() makes rows while the table grows", () => {
  const table = tableOf({ maxRows: 5000 }), keys = keysFrom(3, 1000), again = [...keys, ...keys];
  const hashes = again.map((key) => mixHash(HASH_SEED, key));
  assert.deepEqual(findAll(table, again, hashes), again.map((key) => table.at(key - 2)));
});

Deno.test("findAll() gives a new row the numbers of one to which nothing was added", () => {
  const table = tableOf({ blank: Float64Array.of(NaN, 0, 7) }), at = find(table, 5);
  assert.deepEqual([...table.values.subarray(at, at + 3)], [NaN, 0, 7]);
});

Deno.test("findAll() gives row 0 for the key whose labels all read other", () => {
  const table = tableOf({ width: 2 });
  add(table, [3, 3], [2, 2], [2, 3]);
  assert.deepEqual(rowsOf(table), ["2 2=1", "3 3=1", "2 3=1"]);
});

Deno.test("findAll() gives row 0 when there are no labels", () => {
  const table = tableOf({ width: 0 });
  assert.deepEqual([find(table, []), find(table, []), table.rows], [0, 0, 1]);
});

for (const width of [0, 1, 2, 3, 7]) {
  property(`findAll() tells keys of ${width} labels apart`, (random) => {
    const table = tableOf({ width, maxRows: 10_000 }), counts = new Map<string, number>();
    table.clock = 1;
    for (let i = 0; i < 5000; i++) {
      const key = Array.from({ length: width }, () => 3 + random.int(width > 2 ? 4 : 50));
      add(table, key);
      counts.set(key.join(" "), (counts.get(key.join(" ")) ?? 0) + 1);
    }
    const expected = [...counts].map(([key, count]) => `${key}=${count}`);
    assert.deepEqual(rowsOf(table).toSorted(), expected.toSorted());
  });
}

Deno.test("findAll() makes the rows in the order in which they come", () => {
  const table = tableOf();
  add(table, 7, 3, 5, 3);
  assert.deepEqual(rowsOf(table), ["7=1", "3=2", "5=1"]);
});

Deno.test("findAll() blanks the numbers of a snapshot's row when it is the first time in a pass", () => {
  const table = tableOf({ blank: Float64Array.of(NaN, 0) });
  table.clock = 1;
  table.values.set([3, 4], find(table, 5));
  table.clock = 2;
  const at = find(table, 5);
  assert.deepEqual([...table.values.subarray(at, at + 2)], [NaN, 0]);
});

Deno.test("findAll() leaves the numbers of a stream's row when the clock goes on", () => {
  const table = tableOf({ kind: "stream" });
  for (table.clock = 1000; table.clock < 1003; table.clock++) add(table, 3);
  table.clock = 1002;
  assert.deepEqual(rowsOf(table), ["3=3"]);
});

for (const kind of ["snapshot", "stream"] as const) {
  Deno.test(`findAll() gives row 0 of a ${kind} when there is no place for a new one`, () => {
    const table = tableOf({ kind, maxRows: 3 });
    add(table, 3, 4, 5, 6, 5, 3);
    assert.deepEqual(rowsOf(table), ["2=3", "3=2", "4=1"]);
  });

  Deno.test(`findAll() counts in a ${kind} how often there is no place`, () => {
    const table = tableOf({ kind, maxRows: 3 });
    add(table, 3, 4, 5, 6, 5, 3);
    assert.equal(table.folded, 3);
  });
}

Deno.test("findAll() blanks row 0 of a snapshot when it folds for the first time in a pass", () => {
  const table = tableOf({ maxRows: 2 });
  for (table.clock = 1; table.clock < 4; table.clock++) add(table, 3, 4, 5);
  table.clock = 3;
  assert.deepEqual(rowsOf(table), ["2=2", "3=1"]);
});

/** The number of rows past which the capacity leaps. */
const SMALL = 16_384;

for (const rows of [64, 65, SMALL, SMALL + 1, 100_000]) {
  Deno.test(`findAll() finds each of ${rows} rows`, () => {
    const table = tableOf({ maxRows: 1_000_000 }), keys = keysFrom(3, rows);
    add(table, ...keys);
    const places = new Set(keys.map((key) => find(table, key)));
    assert.deepEqual(places, new Set(keys.map((_, i) => table.at(i + 1))));
  });

  Deno.test(`the numbers of ${rows} rows stay when the table grows`, () => {
    const table = tableOf({ maxRows: 1_000_000 }), keys = keysFrom(3, rows);
    for (const key of keys) {
      const at = find(table, key);
      table.values[at] = key;
    }
    assert(keys.every((key) => table.values[find(table, key)] === key));
  });
}

Deno.test("findAll() finds row 0 when the table has grown", () => {
  const table = tableOf({ maxRows: 1000 });
  add(table, 2, ...keysFrom(3, 500), 2);
  assert.deepEqual([table.values[0], table.rows], [2, 501]);
});

Deno.test("a table of more than 16,384 rows leaps to room for sixteen times as many", () => {
  const table = tableOf({ maxRows: 1_000_000 });
  add(table, ...keysFrom(3, SMALL - 1));
  const before = table.values.length;
  add(table, SMALL + 2);
  assert.equal(table.values.length, 16 * before);
});

Deno.test("a table that has leapt folds what comes when it is full", () => {
  const table = tableOf({ maxRows: 20_000 });
  add(table, ...keysFrom(3, 50_000), ...keysFrom(3, 50_000));
  // Row 0 is one of those that it may have.
  assert.deepEqual(
    [table.rows, table.folded, table.values[0], table.values[find(table, 20_001)]],
    [20_000, 60_002, 60_002, 2],
  );
});

Deno.test("a table that has leapt is swept as others are", () => {
  const table = tableOf({ maxRows: 1_000_000 });
  pass(table, ...keysFrom(3, 50_000));
  pass(table, ...keysFrom(30_000, 50_000));
  assert.deepEqual(rowsOf(table), keysFrom(30_000, 50_000).map((key) => `${key}=1`));
});

Deno.test("a row of a snapshot is live in the pass in which it was touched", () => {
  const table = tableOf();
  table.clock = 1;
  add(table, 3);
  const now = table.isLive(1);
  table.clock = 2;
  assert.deepEqual([now, table.isLive(1)], [true, false]);
});

Deno.test("a row of a stream is live for its time to live", () => {
  const table = tableOf({ kind: "stream", ttl: 60 });
  table.clock = 1000;
  add(table, 3);
  table.clock = 1060;
  const then = table.isLive(1);
  table.clock = 1061;
  assert.deepEqual([then, table.isLive(1)], [true, false]);
});

for (const kind of ["snapshot", "stream"] as const) {
  Deno.test(`row 0 of a ${kind} is not live before it was touched`, () => {
    assert.equal(tableOf({ kind }).isLive(0), false);
  });

  Deno.test(`sweep() drops the rows of a ${kind} that are dead`, () => {
    const table = tableOf({ kind });
    pass(table, 3, 4, 5);
    table.clock += 100;
    pass(table, 4);
    assert.equal(table.rows, 2);
  });

  Deno.test(`sweep() keeps the order of the rows of a ${kind}`, () => {
    const table = tableOf({ kind });
    pass(table, 3, 4, 5);
    table.clock += 100;
    pass(table, 6, 5, 3);
    assert.deepEqual(rowsOf(table).map((row) => row[0]), ["3", "5", "6"]);
  });

  Deno.test(`sweep() makes place in a ${kind} that was full`, () => {
    const table = tableOf({ kind, maxRows: 3 });
    pass(table, 3, 4);
    table.clock += 100;
    pass(table);
    pass(table, 5, 6);
    assert.deepEqual([rowsOf(table), table.folded], [["5=1", "6=1"], 0]);
  });

  Deno.test(`sweep() makes row 0 of a ${kind} begin anew when it is dead`, () => {
    const table = tableOf({ kind, maxRows: 2 });
    pass(table, 3, 4, 4);
    table.clock += 100;
    pass(table);
    pass(table, 3, 4);
    assert.deepEqual(rowsOf(table), ["2=1", "3=1"]);
  });

  property(`sweep() leaves what can be found in a ${kind}`, (random) => {
    const table = tableOf({ kind, width: 2, maxRows: 500, ttl: 3 });
    const expected = new Map<string, { count: number; clock: number }>();
    for (let i = 0; i < 200; i++) {
      table.clock++;
      for (let n = random.int(100); n > 0; n--) {
        const key = [3 + random.int(10), 3 + random.int(30)], text = key.join(" ");
        const before = expected.get(text);
        const isOn = before !== undefined && (kind === "stream" || before.clock === table.clock);
        expected.set(text, { count: isOn ? before.count + 1 : 1, clock: table.clock });
        add(table, key);
      }
      inOnePiece(table.sweep());
      const least = table.clock - (kind === "stream" ? 3 : 0);
      for (const [text, { clock }] of expected) if (clock < least) expected.delete(text);
      const rows = [...expected].map(([text, { count }]) => `${text}=${count}`);
      assert.deepEqual(rowsOf(table).toSorted(), rows.toSorted());
    }
  });
}

Deno.test("sweep() leaves the one row of a stream without labels however long it is idle", () => {
  const table = tableOf({ kind: "stream", width: 0 });
  pass(table, []);
  table.clock += 1000;
  pass(table);
  pass(table, []);
  assert.equal(table.values[0], 2);
});

Deno.test("sweep() keeps a row of a stream that is touched again in time", () => {
  const table = tableOf({ kind: "stream" });
  for (let i = 0; i < 3; i++) {
    table.clock += 50;
    pass(table, 3);
  }
  assert.deepEqual(rowsOf(table), ["3=3"]);
});

Deno.test("sweep() tells where the numbers of each row are that it drops, before they are others", () => {
  const dropped: number[] = [];
  const table = tableOf({ kind: "stream", onDrop: (at) => dropped.push(table.values[at]!) });
  table.clock = 1000;
  for (const key of [5, 6, 7, 8]) table.values[find(table, key)] = key;
  table.clock = 1050;
  add(table, 6);
  table.clock = 1100;
  inOnePiece(table.sweep());
  assert.deepEqual(dropped, [0, 5, 7, 8]);
  assert.equal(table.values[find(table, 6)], 7);
});

Deno.test("sweep() drops no row that is live, nor the one of a stream without labels", () => {
  for (const width of [0, 1]) {
    const table = tableOf({ kind: "stream", width, onDrop: () => assert.fail() });
    table.clock = 1000;
    for (const label of [2, 3]) add(table, new Array(width).fill(label));
    table.clock = width === 0 ? 5000 : 1050;
    inOnePiece(table.sweep());
  }
});

Deno.test("sweep() yields at least once in 1024 rows", () => {
  const table = tableOf({ maxRows: 20_000 });
  pass(table, ...keysFrom(3, 10_240));
  table.clock++;
  add(table, ...keysFrom(3, 5120));
  assert([...table.sweep()].length >= 15);
});

Deno.test("textOf() asks for the text of a row once", () => {
  let texts = 0;
  const table = tableOf({ textOf: () => `${++texts}` });
  for (let i = 0; i < 3; i++) {
    pass(table, 3, 4);
    for (const row of [0, 1, 2]) table.textOf(row);
  }
  assert.equal(texts, 3);
});

Deno.test("textOf() gives a row the same id each time", () => {
  const table = tableOf();
  pass(table, 3, 4);
  const id = table.textOf(2);
  pass(table, 4);
  assert.equal(table.textOf(1), id);
});

Deno.test("textOf() writes a text again when it was forgotten", () => {
  const table = tableOf({ textOf: (keys, at) => `${keys[at]}`.repeat(1000) });
  pass(table, ...keysFrom(11, 80), 9);
  // Nothing but the last text is asked for while the others take room.
  for (let i = 0; i < 3; i++) {
    table.texts.beginView();
    for (const row of i === 0 ? keysFrom(1, 81) : [81]) table.textOf(row);
  }
  const before = table.texts.bytes;
  assert.deepEqual([1, 81].map((row) => textOf(table, table.textOf(row))), [
    "11".repeat(1000),
    "9".repeat(1000),
  ]);
  assert(before.length < 20_000);
});

Deno.test("the texts of rows that have vanished do not pile up", () => {
  const table = tableOf({ maxRows: 10_000 });
  for (let i = 0; i < 200; i++) {
    pass(table, ...keysFrom(10_000 + 1000 * i, 1000));
    table.texts.beginView();
    rowsOf(table);
  }
  assert(table.texts.bytes.length < 200_000);
});

Deno.test("the ids of the texts of rows that have vanished are given again", () => {
  const table = tableOf({ maxRows: 10_000 });
  for (let i = 0; i < 20; i++) {
    pass(table, ...keysFrom(10_000 + 1000 * i, 1000));
    table.texts.beginView();
    rowsOf(table);
  }
  assert(table.texts.starts.length < 5000);
});

property("the texts of the rows are right after sweeps", (random) => {
  const table = tableOf({ maxRows: 2000, textOf: (keys, at) => `${keys[at]}`.repeat(1 + keys[at]! % 200) });
  for (let i = 0; i < 200; i++) {
    const keys = new Set(Array.from({ length: random.int(100) }, () => 3 + random.int(1000)));
    const expected = [...keys].map((key) => `${`${key}`.repeat(1 + key % 200)}=1`);
    pass(table, ...keys);
    table.texts.beginView();
    assert.deepEqual(rowsOf(table).toSorted(), expected.toSorted());
  }
});

for (const width of [0, 1]) {
  Deno.test(`clear() leaves no row that is live when there are ${width} labels`, () => {
    const table = tableOf({ width }), key = width === 0 ? [] : [3];
    pass(table, key);
    table.clear();
    assert.deepEqual([rowsOf(table), table.rows], [[], 1]);
  });

  Deno.test(`clear() leaves no numbers when there are ${width} labels`, () => {
    const table = tableOf({ width, kind: "stream", maxRows: 1 }), key = width === 0 ? [] : [3];
    pass(table, key);
    table.clear();
    pass(table, key);
    assert.equal(table.values[0], 1);
  });
}

Deno.test("clear() makes place for as many rows as there may be", () => {
  const table = tableOf({ maxRows: 100_000 });
  add(table, ...keysFrom(3, 99_999));
  table.clear();
  pass(table, 1_000_001, 1_000_002);
  assert.deepEqual(rowsOf(table), ["1000001=1", "1000002=1"]);
});

Deno.test("clear() forgets the texts", () => {
  let prefix = "a";
  const table = tableOf({ textOf: (keys, at) => `${prefix}${keys[at]}` });
  pass(table, 2, 3, 4);
  rowsOf(table);
  table.clear();
  prefix = "b";
  pass(table, 4, 2);
  assert.deepEqual(rowsOf(table), ["b2=1", "b4=1"]);
});

Deno.test("clear() lets the ids of texts be given again", () => {
  const table = tableOf({ maxRows: 10_000 });
  for (let i = 0; i < 20; i++) {
    pass(table, ...keysFrom(3, 1000));
    rowsOf(table);
    table.clear();
  }
  assert(table.texts.starts.length < 5000);
});

Deno.test("labelsAt() collects the labels at a position, that of what is folded too", () => {
  const table = tableOf({ width: 2 }), sets = [new Set<number>(), new Set<number>()];
  pass(table, [3, 4], [3, 5]);
  for (const [position, labels] of sets.entries()) inOnePiece(table.labelsAt(position, labels));
  assert.deepEqual(sets, [new Set([2, 3]), new Set([2, 4, 5])]);
});

Deno.test("labelsAt() collects the labels of rows that are dead and not swept yet", () => {
  const table = tableOf(), labels = new Set<number>();
  pass(table, 3);
  table.clock++;
  inOnePiece(table.labelsAt(0, labels));
  assert.deepEqual(labels, new Set([2, 3]));
});

Deno.test("labelsAt() yields at least once in 1024 rows", () => {
  const table = tableOf({ maxRows: 20_000 });
  pass(table, ...keysFrom(3, 10_240));
  assert([...table.labelsAt(0, new Set())].length >= 10);
});

Deno.test("replaceLabels() lets rows be found by their new keys", () => {
  const table = tableOf({ kind: "stream" });
  add(table, 3, 4);
  inOnePiece(table.replaceLabels(0, new Map([[2, 2], [3, 4], [4, 3]])));
  add(table, 3);
  assert.deepEqual(rowsOf(table), ["4=1", "3=2"]);
});

Deno.test("replaceLabels() leaves the labels at the other positions", () => {
  const table = tableOf({ kind: "stream", width: 2 });
  add(table, [3, 3], [2, 2]);
  inOnePiece(table.replaceLabels(1, new Map([[2, 2], [3, 5]])));
  add(table, [3, 5], [2, 2]);
  assert.deepEqual(rowsOf(table), ["2 2=2", "3 5=2"]);
});

Deno.test("replaceLabels() keeps the texts of rows that have one", () => {
  const table = tableOf({ kind: "stream" });
  pass(table, 7);
  rowsOf(table);
  inOnePiece(table.replaceLabels(0, new Map([[2, 2], [7, 3]])));
  pass(table, 3);
  assert.deepEqual(rowsOf(table), ["7=2"]);
});

Deno.test("replaceLabels() lets rows be found when they have been swept", () => {
  const table = tableOf({ kind: "stream" });
  pass(table, 3, 4);
  inOnePiece(table.replaceLabels(0, new Map([[2, 2], [3, 30], [4, 40]])));
  table.clock += 100;
  pass(table, 40);
  pass(table, 40);
  assert.deepEqual(rowsOf(table), ["40=3"]);
});

Deno.test("replaceLabels() yields at least once in 1024 rows", () => {
  const table = tableOf({ maxRows: 20_000 }), keys = keysFrom(2, 10_240);
  pass(table, ...keys);
  assert([...table.replaceLabels(0, new Map(keys.map((key) => [key, key])))].length >= 10);
});
