import type { Fields } from "../core/record.ts";
import type { Vocabulary } from "../core/vocabulary.ts";
import { BATCH, type Batch } from "./batch.ts";
import {
  type BaseColumn,
  type Column,
  DIRECT_LIMIT,
  DirectColumn,
  FieldValues,
  HashedColumn,
  NoColumn,
  type Range,
} from "./column.ts";
import { PairColumn, PartColumn } from "./joint_columns.ts";
import type { Part } from "./steps.ts";

interface ColumnsOptions {
  readonly fields: Fields;
  readonly vocabulary: Vocabulary;
  readonly batch: Batch;
}

/** The columns of one type of record that rules use. */
export class Columns {
  /** The ids of the records of the batch: those of one column after those of another. */
  ids = new Int32Array(8 * BATCH);
  readonly #fields: Fields;
  readonly #names: readonly string[];
  readonly #vocabulary: Vocabulary;
  readonly #batch: Batch;
  #generation = 0;
  readonly #byKey = new Map<string, Column>();
  /** By index: a column that is made of others comes after them. */
  readonly #all: BaseColumn[] = [];
  readonly #pairsOfParts: { fields: string; part: Part; column: Column }[] = [];

  constructor({ fields, vocabulary, batch }: ColumnsOptions) {
    this.#fields = fields;
    this.#names = Object.keys(fields);
    this.#vocabulary = vocabulary;
    this.#batch = batch;
  }

  /** The column of no field, of one, or of two together: of a part of either, if that is all that matters. */
  of(fields: readonly string[], part?: Part): Column {
    const key = fields.join(" ");
    if (part !== undefined) return this.#pairOfParts(key, fields, part);
    let column = this.#byKey.get(key);
    if (column === undefined) {
      column = this.#make(fields);
      this.#byKey.set(key, column);
    }
    return column;
  }

  /** Before the first record of a batch: within it the ids keep their meaning. */
  makeRoom(): void {
    if (this.#generation !== this.#vocabulary.generation) this.#forgetWords();
    for (let i = 0; i < this.#all.length; i++) this.#all[i]!.makeRoom();
  }

  /** Takes the ids of records of the batch. */
  read(records: Readonly<Range>): void {
    for (let i = 0; i < this.#all.length; i++) this.#all[i]!.read(this.#batch, this.ids, records);
  }

  #make(fields: readonly string[]): Column {
    const [name, second] = fields;
    if (name === undefined) return this.#add(new NoColumn(this.#next));
    if (second !== undefined) return this.#pair(this.of([name]), this.of([second]));
    const field = this.#fields[name]!;
    const slot = this.#batch.slotOf(this.#names.indexOf(name));
    const values = new FieldValues(slot, field, this.#vocabulary);
    const isLarge = field.type === "number" && !((field.max ?? Infinity) < DIRECT_LIMIT);
    const Kind = field.type === "ip" || isLarge ? HashedColumn : DirectColumn;
    return this.#add(new Kind(this.#next, values));
  }

  #pairOfParts(key: string, fields: readonly string[], part: Part): Column {
    const known = this.#pairsOfParts.find((each) => each.fields === key && each.part === part);
    if (known !== undefined) return known.column;
    const [first, second] = fields.map((field) => {
      const whole = this.of([field]);
      return this.#add(new PartColumn(this.#next, whole, part));
    });
    const column = this.#pair(first!, second!);
    this.#pairsOfParts.push({ fields: key, part, column });
    return column;
  }

  #pair(first: Column, second: Column): Column {
    return this.#add(new PairColumn(this.#next, first, second));
  }

  /** The index of the next column. */
  get #next(): number {
    return this.#all.length;
  }

  #add<C extends BaseColumn>(column: C): C {
    this.#all.push(column);
    if (this.#all.length * BATCH > this.ids.length) this.ids = new Int32Array(2 * this.ids.length);
    return column;
  }

  #forgetWords(): void {
    this.#generation = this.#vocabulary.generation;
    for (const column of this.#all) if (column.isOfWords) column.forget();
  }
}
