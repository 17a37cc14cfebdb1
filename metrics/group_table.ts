import { OTHER_ID } from "./label.ts";
import { kthLargest } from "./select.ts";

/** A picture of the rows of a table at one moment. Nothing that happens to the table later changes it. */
export interface View {
  readonly rows: number;
  /** The text of row `i` is `bytes` from `starts[i]` to `ends[i]`. */
  readonly bytes: Uint8Array;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  /** `stride` numbers a row. */
  readonly values: Float64Array;
}

export interface GroupTableOptions {
  /** How many label ids make a key. */
  readonly width: number;
  /** How many numbers a row holds. */
  readonly stride: number;
  /** The rows of a snapshot start anew at zero in each pass; those of a stream add up for `ttl` seconds. */
  readonly kind: "snapshot" | "stream";
  readonly maxRows: number;
  readonly ttl: number;
  /** The text of a row, given the table's keys and where in them its own begins. */
  readonly textOf: (keys: Int32Array, at: number) => string;
}

/** How many rows a pass of a snapshot may have before the largest of them are chosen. */
const CANDIDATES = 262_144;
const ROWS_PER_PIECE = 128;
const MIN_ROWS = 64;
const NO_TEXT = 0xffffffff;
const NEVER = -1;
/** The bits of a slot that are those of the hash, so that few other rows are looked at; the rest is the row plus 1. */
const TAG = 0xff000000 | 0, ROW = ~TAG;
const ENCODER = new TextEncoder();

export const HASH_SEED = 0x811c9dc5 | 0;

/** The hash of a key: this over its label ids, from the seed. */
export function mixHash(hash: number, label: number): number {
  const mixed = Math.imul(hash ^ label, 0x5bd1e995);
  return mixed ^ (mixed >>> 15);
}

/**
 * The table in which records are counted: a row is a tuple of label ids, found by a hash over them. Row 0 is the one
 * into which everything is folded that does not fit; its labels all read "other". Without labels it is the only one.
 *
 * What a record touches of a row lies together, since it is the memory that takes the time: in 64-bit words, first
 * its numbers, then its hash and the clock of its last touch, then its key.
 */
export class GroupTable {
  /** The picture of the last `settle()`. */
  view: View;
  /** The numbers of the rows, where `find()` says. */
  values: Float64Array;
  rows = 1;
  /** How often something was folded: a record of a stream, a row of a snapshot. */
  folded = 0;
  /** What a row is marked with when it is touched: whole seconds in a stream, the number of the pass in a snapshot. */
  clock = 0;
  readonly #options: GroupTableOptions;
  readonly #maxRows: number;
  readonly #isSnapshot: boolean;
  readonly #width: number;
  readonly #stride: number;
  /** Words of a row. */
  readonly #size: number;
  /** The rows again, as 32-bit integers. */
  #words: Int32Array;
  #slots: Int32Array;
  #starts = new Uint32Array(MIN_ROWS);
  #ends = new Uint32Array(MIN_ROWS);
  #bytes = new Uint8Array(1024);
  #used = 0;
  #dead = 0;

  constructor(options: GroupTableOptions) {
    const { kind, maxRows, width, stride } = options;
    this.#options = options;
    this.#isSnapshot = kind === "snapshot";
    // A stream cannot choose later: it keeps row 0 for what will not fit.
    this.#maxRows = this.#isSnapshot ? Math.max(CANDIDATES, Math.min(4 * maxRows, ROW - 1)) : maxRows;
    this.#width = width;
    this.#stride = stride;
    this.#size = stride + 1 + Math.ceil(width / 2);
    this.values = new Float64Array(MIN_ROWS * this.#size);
    this.#words = new Int32Array(this.values.buffer);
    this.#slots = new Int32Array(2 * MIN_ROWS);
    this.#words.fill(OTHER_ID, this.#keyAt(0), this.#keyAt(0) + width);
    this.#words[this.#touchedAt(0)] = NEVER;
    this.#starts[0] = NO_TEXT;
    this.#rehash();
    this.view = this.#picture(0, 0);
  }

  /**
   * Reads what `find()` will read for these hashes, so that the memory works on all of them at once. Gives a number
   * only that the reads be not left out.
   */
  warm(hashes: Int32Array, count: number): number {
    const slots = this.#slots, words = this.#words, mask = slots.length - 1, size = 2 * this.#size;
    let sum = 0;
    for (let i = 0; i < count; i++) sum += slots[hashes[i]! & mask]!;
    for (let i = 0; i < count; i++) {
      const row = Math.max(0, (slots[hashes[i]! & mask]! & ROW) - 1);
      sum += words[row * size]!;
    }
    return sum;
  }

  /** Where in `values` the numbers of the key's row are: a new row if need be, row 0 when there is no place. */
  find(keys: Int32Array, from: number, hash: number): number {
    const slots = this.#slots, words = this.#words, width = this.#width, size = this.#size;
    const mask = slots.length - 1, tag = hash & TAG, keyAt = 2 * (this.#stride + 1);
    let slot = hash & mask;
    for (;;) {
      const entry = slots[slot]!;
      if (entry === 0) return this.#newRow(keys, from, hash);
      if ((entry & TAG) === tag) {
        const row = (entry & ROW) - 1, at = 2 * row * size + keyAt;
        let i = 0;
        while (i < width && words[at + i] === keys[from + i]) i++;
        if (i === width) {
          if (words[at - 1] !== this.clock) this.#touch(row);
          return row * size;
        }
      }
      slot = (slot + 1) & mask;
    }
  }

  /** Makes the view: sweeps what was not touched, folds what is too much, writes the texts of new rows. */
  *settle(): Iterable<void> {
    if (this.#isSnapshot) yield* this.#fold();
    this.#sweep();
    yield;
    for (let row = 0; row < this.rows; row++) {
      if (this.#starts[row] === NO_TEXT) this.#write(row);
      if (row % ROWS_PER_PIECE === 0) yield;
    }
    const isCounter = !this.#isSnapshot && this.#width === 0;
    if (!this.#isLive(0) && !isCounter) this.values.fill(0, 0, this.#stride);
    this.view = this.#picture(this.#width === 0 || this.#isLive(0) ? 0 : 1, this.rows);
  }

  /** Forgets all rows, and shows none until the next `settle()`. */
  clear(): void {
    this.rows = 1;
    this.#words[this.#touchedAt(0)] = NEVER;
    this.#placeAll();
    this.#closeTextGaps();
    this.view = this.#picture(0, 0);
  }

  /** The label ids that stand at a position of the keys. */
  labelsAt(position: number): Set<number> {
    const labels = new Set<number>();
    for (let row = 0; row < this.rows; row++) labels.add(this.#words[this.#keyAt(row) + position]!);
    return labels;
  }

  replaceLabels(position: number, replacements: ReadonlyMap<number, number>): void {
    for (let row = 0; row < this.rows; row++) {
      const at = this.#keyAt(row) + position;
      this.#words[at] = replacements.get(this.#words[at]!)!;
    }
    this.#rehash();
  }

  #keyAt(row: number): number {
    return 2 * (row * this.#size + this.#stride + 1);
  }

  #touchedAt(row: number): number {
    return this.#keyAt(row) - 1;
  }

  #hashAt(row: number): number {
    return this.#keyAt(row) - 2;
  }

  #touch(row: number): void {
    const at = row * this.#size;
    if (this.#isSnapshot) this.values.fill(0, at, at + this.#stride);
    this.#words[this.#touchedAt(row)] = this.clock;
  }

  #newRow(keys: Int32Array, from: number, hash: number): number {
    if (this.rows >= this.#maxRows) {
      this.folded++;
      if (this.#words[this.#touchedAt(0)] !== this.clock) this.#touch(0);
      return 0;
    }
    const row = this.rows++;
    if (row === this.#starts.length) this.#grow();
    const at = row * this.#size;
    this.values.fill(0, at, at + this.#stride);
    this.#words[this.#hashAt(row)] = hash;
    this.#words[this.#touchedAt(row)] = this.clock;
    this.#words.set(keys.subarray(from, from + this.#width), this.#keyAt(row));
    this.#starts[row] = NO_TEXT;
    this.#place(row);
    return at;
  }

  #isLive(row: number): boolean {
    const touched = this.#words[this.#touchedAt(row)]!;
    if (this.#isSnapshot) return touched === this.clock;
    return touched !== NEVER && touched >= this.clock - this.#options.ttl;
  }

  /** Keeps the largest rows of the pass, as many as the budget has, and adds the rest to row 0. */
  *#fold(): Iterable<void> {
    const { maxRows } = this.#options;
    if (this.rows <= maxRows) return;
    const weights = new Float64Array(this.rows);
    let live = 0;
    for (let row = 1; row < this.rows; row++) if (this.#isLive(row)) weights[live++] = this.#weightOf(row);
    if (live + (this.#isLive(0) ? 1 : 0) <= maxRows) return;
    yield;
    const keep = maxRows - 1;
    const least = keep === 0 ? Infinity : kthLargest(weights.subarray(0, live), keep);
    yield;
    // Of equals the oldest rows stay, so that the same series are seen from scrape to scrape.
    let equals = keep;
    for (let row = 1; row < this.rows; row++) if (this.#isLive(row) && this.#weightOf(row) > least) equals--;
    if (!this.#isLive(0)) this.#touch(0);
    for (let row = 1; row < this.rows; row++) {
      if (!this.#isLive(row)) continue;
      const weight = this.#weightOf(row);
      if (weight > least || (weight === least && equals-- > 0)) continue;
      for (let i = 0; i < this.#stride; i++) this.values[i]! += this.values[row * this.#size + i]!;
      this.#words[this.#touchedAt(row)] = NEVER;
      this.folded++;
    }
    yield;
  }

  /** A row's value, or of a histogram the number of its values. */
  #weightOf(row: number): number {
    return this.values[row * this.#size]!;
  }

  /** Closes the gaps that dead rows leave. */
  #sweep(): void {
    const size = this.#size;
    let to = 1;
    for (let row = 1; row < this.rows; row++) {
      if (!this.#isLive(row)) {
        if (this.#starts[row] !== NO_TEXT) this.#dead += this.#ends[row]! - this.#starts[row]!;
        continue;
      }
      if (to !== row) {
        this.#words.copyWithin(2 * to * size, 2 * row * size, 2 * (row + 1) * size);
        this.#starts[to] = this.#starts[row]!;
        this.#ends[to] = this.#ends[row]!;
      }
      to++;
    }
    if (to === this.rows) return;
    this.rows = to;
    this.#placeAll();
    if (2 * this.#dead > this.#bytes.length) this.#closeTextGaps();
  }

  #rehash(): void {
    for (let row = 0; row < this.rows; row++) {
      const at = this.#keyAt(row);
      let hash = HASH_SEED;
      for (let i = 0; i < this.#width; i++) hash = mixHash(hash, this.#words[at + i]!);
      this.#words[this.#hashAt(row)] = hash;
    }
    this.#placeAll();
  }

  #placeAll(): void {
    this.#slots.fill(0);
    for (let row = 0; row < this.rows; row++) this.#place(row);
  }

  #place(row: number): void {
    const slots = this.#slots, mask = slots.length - 1;
    const hash = this.#words[this.#hashAt(row)]!;
    let slot = hash & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = (hash & TAG) | (row + 1);
  }

  #grow(): void {
    const capacity = 2 * this.#starts.length;
    this.values = grown(this.values, new Float64Array(capacity * this.#size));
    this.#words = new Int32Array(this.values.buffer);
    this.#starts = grown(this.#starts, new Uint32Array(capacity));
    this.#ends = grown(this.#ends, new Uint32Array(capacity));
    this.#slots = new Int32Array(2 * capacity);
    for (let row = 0; row < this.rows - 1; row++) this.#place(row);
  }

  #write(row: number): void {
    const text = this.#options.textOf(this.#words, this.#keyAt(row));
    // UTF-8 has at most three bytes for a UTF-16 unit. Views keep the bytes they have seen, so these only grow.
    if (this.#used + 3 * text.length > this.#bytes.length) {
      this.#bytes = grown(this.#bytes, new Uint8Array(2 * this.#bytes.length + 3 * text.length));
    }
    this.#starts[row] = this.#used;
    this.#used += ENCODER.encodeInto(text, this.#bytes.subarray(this.#used)).written;
    this.#ends[row] = this.#used;
  }

  #closeTextGaps(): void {
    const from = this.#bytes;
    this.#bytes = new Uint8Array(from.length);
    this.#used = this.#dead = 0;
    for (let row = 0; row < this.rows; row++) {
      if (this.#starts[row] === NO_TEXT) continue;
      const text = from.subarray(this.#starts[row], this.#ends[row]);
      this.#bytes.set(text, this.#used);
      this.#starts[row] = this.#used;
      this.#used += text.length;
      this.#ends[row] = this.#used;
    }
  }

  #picture(from: number, to: number): View {
    const stride = this.#stride, size = this.#size;
    const values = new Float64Array((to - from) * stride);
    for (let row = from, at = 0; row < to; row++) {
      for (let i = 0; i < stride; i++) values[at++] = this.values[row * size + i]!;
    }
    return {
      rows: to - from,
      bytes: this.#bytes,
      starts: this.#starts.slice(from, to),
      ends: this.#ends.slice(from, to),
      values,
    };
  }
}

function grown<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from);
  return to;
}
