import { EMPTY, lengthOf, type View } from "./rule.ts";

const ROWS_PER_PIECE = 512;

/** How rows with the same text become one. */
export interface Merge {
  /** Numbers of a row. */
  readonly stride: number;
  /** The first so many are added up; of each of the others the largest is taken, NaN only where there is no other. */
  readonly sums: number;
}

/** One view of several, in which no text is there twice. */
export function* mergeViews(views: readonly View[], merge: Merge): Generator<void, View> {
  const [only = EMPTY, ...more] = views.filter(({ rows }) => rows > 0);
  if (more.length === 0) return only;
  const merging = new Merging([only, ...more], merge);
  for (const view of [only, ...more]) {
    for (let row = 0; row < view.rows; row++) {
      if (row % ROWS_PER_PIECE === 0) yield;
      merging.add(view, row);
    }
  }
  return merging.view;
}

/** The rows of a view whose texts another view has, or has not. */
export function* rowsIn(view: View, other: View, isThere: boolean): Generator<void, View> {
  const index = new Merging([other], { stride: 0, sums: 0 });
  const rows: number[] = [], stride = view.rows === 0 ? 0 : view.values.length / view.rows;
  for (let row = 0; row < other.rows; row++) {
    if (row % ROWS_PER_PIECE === 0) yield;
    index.add(other, row);
  }
  for (let row = 0; row < view.rows; row++) {
    if (row % ROWS_PER_PIECE === 0) yield;
    if (index.has(view, row) === isThere) rows.push(row);
  }
  return {
    rows: rows.length,
    bytes: view.bytes,
    starts: Uint32Array.from(rows, (row) => view.starts[row]!),
    ends: Uint32Array.from(rows, (row) => view.ends[row]!),
    values: Float64Array.from(
      rows.flatMap((row) => [...view.values.subarray(row * stride, (row + 1) * stride)]),
    ),
  };
}

class Merging {
  readonly #merge: Merge;
  #rows = 0;
  readonly #bytes: Uint8Array;
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  readonly #values: Float64Array;
  readonly #hashes: Int32Array;
  /** Rows plus one, by the hash of their text; at most half of the slots are taken. */
  readonly #slots: Int32Array;

  constructor(views: readonly View[], merge: Merge) {
    const rows = views.reduce((sum, view) => sum + view.rows, 0);
    this.#merge = merge;
    this.#bytes = new Uint8Array(views.reduce((sum, view) => sum + lengthOf(view), 0));
    this.#starts = new Uint32Array(rows);
    this.#ends = new Uint32Array(rows);
    this.#values = new Float64Array(rows * merge.stride);
    this.#hashes = new Int32Array(rows);
    this.#slots = new Int32Array(1 << (32 - Math.clz32(2 * rows)));
  }

  add(view: View, row: number): void {
    const { stride, sums } = this.#merge, values = this.#values;
    const at = this.#find(view, row) * stride, from = row * stride;
    for (let i = 0; i < sums; i++) values[at + i]! += view.values[from + i]!;
    for (let i = sums; i < stride; i++) {
      const value = view.values[from + i]!, largest = values[at + i]!;
      if (value > largest || largest !== largest) values[at + i] = value;
    }
  }

  /** Whether it has the text of the row. */
  has(view: View, row: number): boolean {
    return this.#lookFor(view, row).known >= 0;
  }

  get view(): View {
    const rows = this.#rows;
    return {
      rows,
      bytes: this.#bytes,
      starts: this.#starts.subarray(0, rows),
      ends: this.#ends.subarray(0, rows),
      values: this.#values.subarray(0, rows * this.#merge.stride),
    };
  }

  #find(view: View, row: number): number {
    const { known, hash, slot } = this.#lookFor(view, row);
    return known >= 0
      ? known
      : this.#append(view.bytes.subarray(view.starts[row], view.ends[row]), hash, slot);
  }

  /** The row that has the text, or below 0 and where to note a new one. */
  #lookFor({ bytes, starts, ends }: View, row: number): { known: number; hash: number; slot: number } {
    const start = starts[row]!, end = ends[row]!, hash = hashOf(bytes, start, end);
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const known = this.#slots[slot]! - 1;
      if (known < 0) return { known, hash, slot };
      if (this.#hashes[known] === hash && this.#isSame(known, bytes.subarray(start, end))) {
        return { known, hash, slot };
      }
    }
  }

  #append(text: Uint8Array, hash: number, slot: number): number {
    const row = this.#rows++, start = row === 0 ? 0 : this.#ends[row - 1]!, { stride, sums } = this.#merge;
    this.#bytes.set(text, start);
    this.#starts[row] = start;
    this.#ends[row] = start + text.length;
    this.#hashes[row] = hash;
    this.#slots[slot] = row + 1;
    this.#values.fill(NaN, row * stride + sums, (row + 1) * stride);
    return row;
  }

  #isSame(row: number, text: Uint8Array): boolean {
    const start = this.#starts[row]!;
    if (this.#ends[row]! - start !== text.length) return false;
    for (let i = 0; i < text.length; i++) if (this.#bytes[start + i] !== text[i]) return false;
    return true;
  }
}

/** FNV-1a */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash ^ (hash >>> 15);
}
