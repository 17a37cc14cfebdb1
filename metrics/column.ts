import type { Value } from "../core/enricher.ts";
import { nextCapacity } from "../core/growth.ts";
import { type IdsOut, NumberIds } from "../core/number_ids.ts";
import type { Field } from "../core/record.ts";
import type { Vocabulary } from "../core/vocabulary.ts";
import { BATCH, type Batch } from "./batch.ts";

/**
 * A column gives each value of a field a small dense id, once per record however many labels and filters look at
 * it; what they know of the value is a table over these ids. Id 0 is a field that is absent.
 *
 * A column that is full forgets everything and counts anew; its tables forget with it.
 */
export interface Column {
  /** Its ids of the records of a batch are in the `ids` of the columns, from this times `BATCH` on. */
  readonly index: number;
  /** Every id is below it. */
  readonly capacity: number;
  /** Whether the number in the row is the value itself, whatever the vocabulary forgets. */
  readonly identity: "none" | "number" | "ipv4";
  /** The number in the row that has the id. */
  numberOf(id: number): number;
  valueOf(id: number): Value | undefined;
  /** The id of a value that the column knows, otherwise 0. */
  find(value: Value): number;
  attach(table: ColumnTable): void;
}

/** Something that is known of each id of a column. */
export interface ColumnTable {
  grow(capacity: number): void;
  /** Every id loses its meaning. */
  forget(): void;
}

/** More distinct values than this, and a column forgets before the next batch. */
const COLUMN_LIMIT = 131_072;
export const DIRECT_LIMIT = 65_536;
const SMALL = 1024;

/** The ids of a column that counts the numbers it has seen. */
export function limitedIds(): NumberIds {
  return new NumberIds(COLUMN_LIMIT + BATCH);
}

export function isFull(ids: NumberIds): boolean {
  return ids.size >= COLUMN_LIMIT;
}

export abstract class BaseColumn implements Column {
  capacity = 64;
  abstract readonly identity: Column["identity"];
  readonly #tables: ColumnTable[] = [];

  constructor(readonly index: number) {}

  /** Writes the ids of the records of the batch from one to another. */
  abstract read(batch: Batch, ids: Int32Array, records: Readonly<Range>): void;
  abstract numberOf(id: number): number;
  abstract valueOf(id: number): Value | undefined;
  abstract find(value: Value): number;

  attach(table: ColumnTable): void {
    this.#tables.push(table);
    table.grow(this.capacity);
  }

  /** Whether its numbers lose their meaning when the vocabulary forgets. */
  get isOfWords(): boolean {
    return false;
  }

  /** Before a batch: within it no id loses its meaning. */
  makeRoom(): void {}

  forget(): void {
    for (const table of this.#tables) table.forget();
  }

  protected reach(id: number): void {
    if (id < this.capacity) return;
    while (this.capacity <= id) this.capacity = nextCapacity(this.capacity);
    for (const table of this.#tables) table.grow(this.capacity);
  }
}

/** Records of a batch: from one to before another. */
export interface Range {
  from: number;
  to: number;
}

/** A field: what its numbers mean, and where they are in a batch. */
export class FieldValues {
  constructor(readonly slot: number, readonly field: Field, readonly vocabulary: Vocabulary) {}

  valueOf(number: number): Value | undefined {
    switch (this.field.type) {
      case "ip":
        return this.vocabulary.ipOf(number);
      case "text":
        return this.vocabulary.textOf(number);
      case "choice":
        return this.field.choices[number];
      case "number":
        return number;
    }
  }

  get areWords(): boolean {
    return this.field.type === "text" || this.field.type === "ip";
  }

  numberOf(value: Value): number {
    if (typeof value === "number") return value;
    if (typeof value === "string") {
      return this.field.type === "choice" ? this.field.choices.indexOf(value) : this.vocabulary.text(value);
    }
    return "version" in value ? this.vocabulary.ip(value) : NaN;
  }
}

/** For fields whose numbers are small: the id is the number plus one. */
export class DirectColumn extends BaseColumn {
  readonly identity: Column["identity"];
  readonly #limit: number;

  constructor(index: number, readonly values: FieldValues) {
    super(index);
    this.identity = values.field.type === "number" ? "number" : "none";
    this.#limit = values.field.type === "number" ? DIRECT_LIMIT : 2 ** 30;
  }

  override get isOfWords(): boolean {
    return this.values.areWords;
  }

  read({ values }: Batch, ids: Int32Array, { from, to }: Readonly<Range>): void {
    const numbersAt = this.values.slot * BATCH, idsAt = this.index * BATCH, limit = this.#limit;
    let most = 0;
    for (let i = from; i < to; i++) {
      const number = values[numbersAt + i]!;
      const id = number >= 0 && number < limit ? (number | 0) + 1 : 0;
      if (id > most) most = id;
      ids[idsAt + i] = id;
    }
    this.reach(most);
  }

  numberOf(id: number): number {
    return id - 1;
  }

  valueOf(id: number): Value | undefined {
    return id === 0 ? undefined : this.values.valueOf(id - 1);
  }

  find(value: Value): number {
    const number = this.values.numberOf(value);
    return number >= 0 && number < this.capacity - 1 ? (number | 0) + 1 : 0;
  }
}

/** For all other fields. Small whole numbers, as most indexes of interfaces, have their ids without being looked up. */
export class HashedColumn extends BaseColumn {
  readonly identity: Column["identity"];
  readonly #ids = limitedIds();
  /** So many numbers are small; their ids come first. */
  readonly #small: number;
  /** Held, since a source with a filter reads its records one by one. */
  readonly #out: IdsOut = { ids: new Int32Array(0), to: 0 };

  constructor(index: number, readonly values: FieldValues) {
    super(index);
    const isNumber = values.field.type === "number";
    this.identity = isNumber ? "number" : "ipv4";
    this.#small = isNumber ? SMALL : 0;
  }

  override get isOfWords(): boolean {
    return this.values.areWords;
  }

  read({ values }: Batch, ids: Int32Array, { from, to }: Readonly<Range>): void {
    const numbersAt = this.values.slot * BATCH, idsAt = this.index * BATCH, small = this.#small;
    if (small === 0) {
      this.#out.ids = ids;
      this.#out.to = idsAt + from;
      this.#ids.idsOf(values, numbersAt + from, to - from, this.#out);
    } else {
      for (let i = from; i < to; i++) {
        const number = values[numbersAt + i]!;
        ids[idsAt + i] = isIndex(number, small) ? number + 1 : this.#idOfLarge(number);
      }
    }
    this.reach(small + this.#ids.size);
  }

  numberOf(id: number): number {
    return id <= this.#small ? id - 1 : this.#ids.valueOf(id - this.#small);
  }

  valueOf(id: number): Value | undefined {
    return id === 0 ? undefined : this.values.valueOf(this.numberOf(id));
  }

  find(value: Value): number {
    const number = this.values.numberOf(value);
    if (isIndex(number, this.#small)) return number + 1;
    const id = this.#ids.find(number);
    return id === 0 ? 0 : id + this.#small;
  }

  override makeRoom(): void {
    if (isFull(this.#ids)) this.forget();
  }

  override forget(): void {
    this.#ids.forget();
    super.forget();
  }

  #idOfLarge(number: number): number {
    return number === number ? this.#small + this.#ids.idOf(number) : 0;
  }
}

/** Whether it is a whole number from 0 to below the end. */
function isIndex(number: number, end: number): boolean {
  return number < end && (number | 0) === number && number >= 0;
}

/** For labels that come from no field: always absent. */
export class NoColumn extends BaseColumn {
  readonly identity = "none";
  read(): void {}
  numberOf(): number {
    return NaN;
  }
  valueOf(): undefined {}
  find(): number {
    return 0;
  }
}
