import type { Value } from "../core/enricher.ts";
import { nextCapacity } from "../core/growth.ts";
import type { Ip } from "../core/ip.ts";
import { NumberIds } from "../core/number_ids.ts";
import type { Field, Fields } from "../core/record.ts";
import type { Vocabulary } from "../core/vocabulary.ts";
import { type Part, textOf } from "./steps.ts";

/**
 * A column gives each value of a field a small dense id, once per record however many labels and filters look at
 * it; what they know of the value is a table over these ids. Id 0 is a field that is absent.
 *
 * A column that is full forgets everything and counts anew; its tables forget with it.
 */
export interface Column {
  /** Where the id of the present record is in the `ids` of the columns. */
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

/** More distinct values than this, and a column forgets. */
const COLUMN_LIMIT = 131_072;
const DIRECT_LIMIT = 65_536;

abstract class BaseColumn implements Column {
  capacity = 64;
  abstract readonly identity: Column["identity"];
  readonly #tables: ColumnTable[] = [];

  constructor(readonly index: number) {}

  abstract numberOf(id: number): number;
  abstract valueOf(id: number): Value | undefined;
  abstract find(value: Value): number;

  attach(table: ColumnTable): void {
    this.#tables.push(table);
    table.grow(this.capacity);
  }

  forget(): void {
    for (const table of this.#tables) table.forget();
  }

  protected reach(id: number): void {
    while (this.capacity <= id) this.capacity = nextCapacity(this.capacity);
    for (const table of this.#tables) table.grow(this.capacity);
  }
}

/** A field: where it is in the row, and what its numbers mean. */
class FieldValues {
  constructor(readonly at: number, readonly field: Field, readonly vocabulary: Vocabulary) {}

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

  numberOf(value: Value): number {
    if (typeof value === "number") return value;
    if (typeof value === "string") {
      return this.field.type === "choice" ? this.field.choices.indexOf(value) : this.vocabulary.text(value);
    }
    return "version" in value ? this.vocabulary.ip(value) : NaN;
  }
}

/** For fields whose numbers are small: the id is the number plus one. */
class DirectColumn extends BaseColumn {
  readonly at: number;
  readonly identity: Column["identity"];
  readonly #limit: number;

  constructor(index: number, readonly values: FieldValues) {
    super(index);
    this.at = values.at;
    this.identity = values.field.type === "number" ? "number" : "none";
    this.#limit = values.field.type === "number" ? DIRECT_LIMIT : 2 ** 30;
  }

  idOf(number: number): number {
    if (!(number >= 0 && number < this.#limit)) return 0;
    const id = (number | 0) + 1;
    if (id >= this.capacity) this.reach(id);
    return id;
  }

  numberOf(id: number): number {
    return id - 1;
  }

  valueOf(id: number): Value | undefined {
    return id === 0 ? undefined : this.values.valueOf(id - 1);
  }

  find(value: Value): number {
    return this.idOf(this.values.numberOf(value));
  }
}

class HashedColumn extends BaseColumn {
  readonly at: number;
  readonly identity: Column["identity"];
  readonly #ids = new NumberIds(COLUMN_LIMIT);

  constructor(index: number, readonly values: FieldValues) {
    super(index);
    this.at = values.at;
    this.identity = values.field.type === "ip" ? "ipv4" : "number";
  }

  idOf(number: number): number {
    if (number !== number) return 0;
    let id = this.#ids.idOf(number);
    if (id === 0) {
      this.forget();
      id = this.#ids.idOf(number);
    }
    if (id >= this.capacity) this.reach(id);
    return id;
  }

  numberOf(id: number): number {
    return this.#ids.valueOf(id);
  }

  valueOf(id: number): Value | undefined {
    return id === 0 ? undefined : this.values.valueOf(this.#ids.valueOf(id));
  }

  find(value: Value): number {
    return this.#ids.find(this.values.numberOf(value));
  }

  override forget(): void {
    this.#ids.forget();
    super.forget();
  }
}

/** What matters of the values of another column, where that are few. */
class PartColumn extends BaseColumn implements ColumnTable {
  readonly identity = "none";
  /** By id of the other column, the id here; -1 is not known yet. */
  #idsOfWhole = new Int32Array(0);
  readonly #values: (Value | undefined)[] = [undefined];
  readonly #idsOfTexts = new Map<string, number>();

  constructor(index: number, readonly whole: Column, readonly part: Part) {
    super(index);
    whole.attach(this);
  }

  idOf(whole: number): number {
    const id = this.#idsOfWhole[whole]!;
    return id >= 0 ? id : this.#idsOfWhole[whole] = this.#resolve(whole);
  }

  numberOf(): number {
    return NaN;
  }

  valueOf(id: number): Value | undefined {
    return this.#values[id];
  }

  find(value: Value): number {
    return this.#idsOfTexts.get(textOf(value)) ?? 0;
  }

  grow(capacity: number): void {
    const ids = this.#idsOfWhole;
    this.#idsOfWhole = new Int32Array(capacity).fill(-1, ids.length);
    this.#idsOfWhole.set(ids);
  }

  /** The ids of the other column have new meanings; those here have not. */
  override forget(): void {
    this.#idsOfWhole.fill(-1);
  }

  #resolve(whole: number): number {
    const value = this.whole.valueOf(whole), part = value === undefined ? undefined : this.part(value);
    if (part === undefined) return 0;
    const text = textOf(part);
    let id = this.#idsOfTexts.get(text);
    if (id === undefined) {
      id = this.#values.length;
      this.#values.push(part);
      this.#idsOfTexts.set(text, id);
      if (id >= this.capacity) this.reach(id);
    }
    return id;
  }
}

/** Two fields together: its ids are those of pairs of ids, and it forgets when either of the two does. */
class PairColumn extends BaseColumn implements ColumnTable {
  readonly identity = "none";
  readonly #ids = new NumberIds(COLUMN_LIMIT);

  constructor(index: number, readonly first: Column, readonly second: Column) {
    super(index);
    first.attach(this);
    second.attach(this);
  }

  idOf(first: number, second: number): number {
    const pair = first * PAIR + second;
    let id = this.#ids.idOf(pair);
    if (id === 0) {
      this.forget();
      id = this.#ids.idOf(pair);
    }
    if (id >= this.capacity) this.reach(id);
    return id;
  }

  numberOf(id: number): number {
    return this.#ids.valueOf(id);
  }

  valueOf(id: number): Value | undefined {
    const pair = this.#ids.valueOf(id);
    if (pair === 0) return undefined;
    return [this.first.valueOf(Math.floor(pair / PAIR)), this.second.valueOf(pair % PAIR)] as Value;
  }

  find(value: Value): number {
    if (!(value instanceof Array)) return 0;
    const [first, second] = value;
    return this.#ids.find(idIn(this.first, first) * PAIR + idIn(this.second, second));
  }

  grow(): void {}

  override forget(): void {
    this.#ids.forget();
    super.forget();
  }
}

function idIn(column: Column, value: string | number | Ip | undefined): number {
  return value === undefined ? 0 : column.find(value);
}

/** Above every id of a column. */
const PAIR = 2 ** 26;

/** For labels that come from no field: always absent. */
class NoColumn extends BaseColumn {
  readonly identity = "none";
  numberOf(): number {
    return NaN;
  }
  valueOf(): undefined {}
  find(): number {
    return 0;
  }
}

/** The columns of one type of record that rules use. */
export class Columns {
  /** The ids of the present record, by column index. */
  ids = new Int32Array(8);
  readonly #fields: Fields;
  readonly #names: readonly string[];
  readonly #vocabulary: Vocabulary;
  #generation = 0;
  #count = 0;
  readonly #byKey = new Map<string, Column>();
  readonly #direct: DirectColumn[] = [];
  readonly #hashed: HashedColumn[] = [];
  readonly #parts: PartColumn[] = [];
  readonly #pairs: PairColumn[] = [];
  readonly #pairsOfParts: { fields: string; part: Part; column: Column }[] = [];

  constructor(fields: Fields, vocabulary: Vocabulary) {
    this.#fields = fields;
    this.#names = Object.keys(fields);
    this.#vocabulary = vocabulary;
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

  /** Takes the ids of a record. */
  read(row: Float64Array): void {
    if (this.#generation !== this.#vocabulary.generation) this.#forgetWords();
    const ids = this.ids;
    for (let i = 0; i < this.#direct.length; i++) {
      const column = this.#direct[i]!;
      ids[column.index] = column.idOf(row[column.at]!);
    }
    for (let i = 0; i < this.#hashed.length; i++) {
      const column = this.#hashed[i]!;
      ids[column.index] = column.idOf(row[column.at]!);
    }
    for (let i = 0; i < this.#parts.length; i++) {
      const column = this.#parts[i]!;
      ids[column.index] = column.idOf(ids[column.whole.index]!);
    }
    for (let i = 0; i < this.#pairs.length; i++) {
      const column = this.#pairs[i]!;
      ids[column.index] = column.idOf(ids[column.first.index]!, ids[column.second.index]!);
    }
  }

  #make(fields: readonly string[]): Column {
    const [name, second] = fields;
    if (name === undefined) return new NoColumn(this.#next());
    if (second !== undefined) return this.#pair(this.of([name]), this.of([second]));
    const field = this.#fields[name]!;
    const values = new FieldValues(this.#names.indexOf(name), field, this.#vocabulary);
    if (field.type === "ip" || (field.type === "number" && !((field.max ?? Infinity) < DIRECT_LIMIT))) {
      const column = new HashedColumn(this.#next(), values);
      this.#hashed.push(column);
      return column;
    }
    const column = new DirectColumn(this.#next(), values);
    this.#direct.push(column);
    return column;
  }

  #pairOfParts(key: string, fields: readonly string[], part: Part): Column {
    const known = this.#pairsOfParts.find((each) => each.fields === key && each.part === part);
    if (known !== undefined) return known.column;
    const [first, second] = fields.map((field) => this.#partOf(this.of([field]), part));
    const column = this.#pair(first!, second!);
    this.#pairsOfParts.push({ fields: key, part, column });
    return column;
  }

  #pair(first: Column, second: Column): Column {
    const column = new PairColumn(this.#next(), first, second);
    this.#pairs.push(column);
    return column;
  }

  #partOf(whole: Column, part: Part): Column {
    const column = new PartColumn(this.#next(), whole, part);
    this.#parts.push(column);
    return column;
  }

  #next(): number {
    if (this.#count === this.ids.length) {
      const ids = this.ids;
      this.ids = new Int32Array(2 * ids.length);
      this.ids.set(ids);
    }
    return this.#count++;
  }

  #forgetWords(): void {
    this.#generation = this.#vocabulary.generation;
    for (const column of [...this.#direct, ...this.#hashed]) {
      if (column.values.field.type === "text" || column.values.field.type === "ip") column.forget();
    }
  }
}
