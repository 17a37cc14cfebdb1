import { nextCapacity } from "../core/growth.ts";
import { NextSlots } from "../core/next_slots.ts";
import { OTHER_ID } from "./label.ts";
import { RowTexts } from "./row_texts.ts";

export interface GroupTableOptions {
  /** How many label ids make a key. */
  readonly width: number;
  /** The numbers of a row to which nothing was added yet. */
  readonly blank: Float64Array;
  /** The rows of a snapshot start anew in each pass; those of a stream add up for `ttl` seconds. */
  readonly kind: "snapshot" | "stream";
  readonly maxRows: number;
  readonly ttl: number;
  /** The text of a row, given the table's keys and where in them its own begins. */
  readonly textOf: (keys: Int32Array, at: number) => string;
  /** Called for each row that a sweep drops or empties, with where in `values` its numbers are. */
  readonly onDrop?: ((at: number) => void) | undefined;
}

/** Keys one after the other, with their hashes; what is found goes to `rows`. */
export interface Search {
  readonly keys: Int32Array;
  readonly hashes: Int32Array;
  readonly count: number;
  readonly rows: Int32Array;
}

const MIN_ROWS = 64;
const ROWS_PER_PIECE = 1024;
const NEVER = -1;
/** The bits of a slot that are those of the hash, so that few other rows are looked at; the rest is the row plus 1. */
const TAG = 0xff000000 | 0, ROW = ~TAG;
/** More rows no table can have. */
export const ROW_LIMIT = ROW - 1;
/** Where, before its key, are the other 32-bit integers of a row. */
const TOUCHED = -1, TEXT = -2, INTEGERS = 2;

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
 * its numbers, then its text and the clock of its last touch, then its key.
 */
export class GroupTable {
  /** The numbers of the rows, where `findAll()` and `at()` say. */
  values: Float64Array;
  rows = 1;
  /** How often a record had no place. */
  folded = 0;
  /** What a row is marked with when it is touched: whole seconds in a stream, the number of the pass in a snapshot. */
  clock = 0;
  readonly texts = new RowTexts();
  readonly #options: GroupTableOptions;
  readonly #isSnapshot: boolean;
  readonly #width: number;
  readonly #blank: Float64Array;
  /** Words of a row. */
  readonly #size: number;
  /** For so many rows there is memory. */
  #capacity = MIN_ROWS;
  /** And next for so many. */
  #next: number;
  /** The rows again, as 32-bit integers. */
  #words: Int32Array;
  #slots = new Int32Array(2 * MIN_ROWS);
  readonly #nextSlots = new NextSlots();

  constructor(options: GroupTableOptions) {
    const { kind, width, blank } = options;
    this.#options = options;
    this.#isSnapshot = kind === "snapshot";
    this.#width = width;
    this.#blank = blank;
    this.#next = Math.min(2 * MIN_ROWS, options.maxRows);
    this.#size = blank.length + Math.ceil((INTEGERS + width) / 2);
    this.values = new Float64Array(MIN_ROWS * this.#size);
    this.#words = new Int32Array(this.values.buffer);
    this.#words.fill(OTHER_ID, this.#keyAt(0), this.#keyAt(0) + width);
    this.#words[this.#keyAt(0) + TOUCHED] = NEVER;
    this.values.set(blank, 0);
    this.#place(0);
  }

  /**
   * Finds where in `values` the numbers of the rows of keys are: of new rows if need be, of row 0 when there is no place.
   */
  findAll({ keys, hashes, count, rows }: Search): void {
    this.#warm(hashes, count);
    const width = this.#width,
      size = this.#size,
      keyAt = 2 * this.#blank.length + INTEGERS,
      clock = this.clock;
    let slots = this.#slots, words = this.#words, mask = slots.length - 1;
    for (let n = 0; n < count; n++) {
      const hash = hashes[n]!, tag = hash & TAG, from = n * width;
      for (let slot = hash & mask;; slot = (slot + 1) & mask) {
        const entry = slots[slot]!;
        if (entry === 0) {
          rows[n] = this.#newRow(keys, from, hash);
          slots = this.#slots;
          words = this.#words;
          mask = slots.length - 1;
          break;
        }
        if ((entry & TAG) !== tag) continue;
        const row = (entry & ROW) - 1, at = 2 * row * size + keyAt;
        let i = 0;
        while (i < width && words[at + i] === keys[from + i]) i++;
        if (i < width) continue;
        if (words[at + TOUCHED] !== clock) this.#touch(row);
        rows[n] = row * size;
        break;
      }
    }
  }

  /**
   * Reads what is to be read for these hashes, so that the memory works on all of them at once. Gives a number only that
   * the reads be not left out.
   */
  #warm(hashes: Int32Array, count: number): number {
    const slots = this.#slots, words = this.#words, mask = slots.length - 1, size = 2 * this.#size;
    let sum = 0;
    for (let i = 0; i < count; i++) sum += slots[hashes[i]! & mask]!;
    for (let i = 0; i < count; i++) {
      const row = Math.max(0, (slots[hashes[i]! & mask]! & ROW) - 1);
      // A row may lie in two lines of the cache.
      sum += words[row * size]! + words[row * size + size - 1]!;
    }
    return sum;
  }

  /** Where in `values` the numbers of a row are. */
  at(row: number): number {
    return row * this.#size;
  }

  isLive(row: number): boolean {
    const touched = this.#words[this.#keyAt(row) + TOUCHED]!;
    if (this.#isSnapshot) return touched === this.clock;
    return touched !== NEVER && touched >= this.clock - this.#options.ttl;
  }

  /** Drops the rows that are dead and keeps the order of the others. Until it has ended nothing may be found. */
  *sweep(): Iterable<void> {
    const size = this.#size, texts = this.texts, words = this.#words, { onDrop } = this.#options;
    let to = 1;
    // What is folded begins anew as other rows do; the one series without labels goes on.
    if (this.#width > 0 && !this.isLive(0)) {
      onDrop?.(0);
      this.#clearNumbers(0);
    }
    for (let row = 1; row < this.rows; row++) {
      if (row % ROWS_PER_PIECE === 0) yield;
      if (!this.isLive(row)) {
        const text = words[this.#keyAt(row) + TEXT]!;
        if (text !== 0) texts.release(text);
        onDrop?.(this.at(row));
      } else {
        if (to !== row) words.copyWithin(2 * to * size, 2 * row * size, 2 * (row + 1) * size);
        to++;
      }
    }
    if (to === this.rows) return;
    this.rows = to;
    yield* this.#placeAll();
  }

  /** Of a snapshot: leaves the next pass enough places, if need be by dropping all rows that are not in the view. */
  *makeRoom(): Iterable<void> {
    const words = this.#words;
    if (2 * this.rows <= this.#options.maxRows) return;
    for (let row = 1; row < this.rows; row++) {
      if (row % ROWS_PER_PIECE === 0) yield;
      const at = this.#keyAt(row);
      if (!this.texts.isAsked(words[at + TEXT]!)) words[at + TOUCHED] = NEVER;
    }
    yield* this.sweep();
  }

  /** The id of the text of a row, which is written if need be. */
  textOf(row: number): number {
    const at = this.#keyAt(row), words = this.#words;
    const id = words[at + TEXT] ||= this.texts.newId();
    if (!this.texts.ask(id)) this.texts.write(id, this.#options.textOf(words, at));
    return id;
  }

  /** Forgets all rows. */
  clear(): void {
    this.rows = 1;
    const at = this.#keyAt(0);
    this.#words[at + TOUCHED] = NEVER;
    this.#words[at + TEXT] = 0;
    this.values.set(this.#blank, 0);
    this.texts.clear();
    this.#slots.fill(0);
    this.#place(0);
  }

  /** Collects the label ids that stand at a position of the keys. */
  *labelsAt(position: number, labels: Set<number>): Iterable<void> {
    for (let row = 0; row < this.rows; row++) {
      if (row % ROWS_PER_PIECE === 0) yield;
      labels.add(this.#words[this.#keyAt(row) + position]!);
    }
  }

  *replaceLabels(position: number, replacements: ReadonlyMap<number, number>): Iterable<void> {
    const words = this.#words;
    for (let row = 0; row < this.rows; row++) {
      if (row % ROWS_PER_PIECE === 0) yield;
      const at = this.#keyAt(row);
      words[at + position] = replacements.get(words[at + position]!)!;
    }
    yield* this.#placeAll();
  }

  #keyAt(row: number): number {
    return 2 * (row * this.#size + this.#blank.length) + INTEGERS;
  }

  #touch(row: number): void {
    if (this.#isSnapshot) this.#clearNumbers(row);
    this.#words[this.#keyAt(row) + TOUCHED] = this.clock;
  }

  #clearNumbers(row: number): void {
    const values = this.values, blank = this.#blank, at = row * this.#size;
    for (let i = 0; i < blank.length; i++) values[at + i] = blank[i]!;
  }

  #newRow(keys: Int32Array, from: number, hash: number): number {
    if (this.rows >= this.#options.maxRows) {
      this.folded++;
      if (this.#words[this.#keyAt(0) + TOUCHED] !== this.clock) this.#touch(0);
      return 0;
    }
    const row = this.rows++;
    if (row === this.#capacity) this.#grow();
    else this.#nextSlots.prepare(this.#capacity - row, slotsFor(this.#next));
    this.#clearNumbers(row);
    const words = this.#words, at = this.#keyAt(row);
    words[at + TEXT] = 0;
    words[at + TOUCHED] = this.clock;
    for (let i = 0; i < this.#width; i++) words[at + i] = keys[from + i]!;
    this.#place(row, hash);
    return row * this.#size;
  }

  #hashOf(row: number): number {
    const at = this.#keyAt(row);
    let hash = HASH_SEED;
    for (let i = 0; i < this.#width; i++) hash = mixHash(hash, this.#words[at + i]!);
    return hash;
  }

  *#placeAll(): Iterable<void> {
    this.#slots.fill(0);
    for (let row = 0; row < this.rows; row++) {
      if (row % ROWS_PER_PIECE === 0) yield;
      this.#place(row);
    }
  }

  #place(row: number, hash = this.#hashOf(row)): void {
    const slots = this.#slots, mask = slots.length - 1;
    let slot = hash & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = (hash & TAG) | (row + 1);
  }

  #grow(): void {
    const filled = this.#capacity;
    this.#slots = this.#nextSlots.take(slotsFor(this.#next));
    this.#capacity = this.#next;
    this.#next = Math.min(nextCapacity(this.#next), this.#options.maxRows);
    const values = new Float64Array(this.#capacity * this.#size);
    values.set(this.values);
    this.values = values;
    this.#words = new Int32Array(values.buffer);
    for (let row = 0; row < filled; row++) this.#place(row);
  }
}

/** At most half of the slots are taken. */
function slotsFor(rows: number): number {
  return 1 << (32 - Math.clz32(2 * rows - 1));
}
