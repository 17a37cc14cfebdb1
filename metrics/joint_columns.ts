import type { Value } from "../core/enricher.ts";
import type { Ip } from "../core/ip.ts";
import type { IdsOut } from "../core/number_ids.ts";
import { BATCH, type Batch } from "./batch.ts";
import { BaseColumn, type Column, type ColumnTable, isFull, limitedIds, type Range } from "./column.ts";
import { type Part, textOf } from "./steps.ts";

/** What matters of the values of another column, where that are few. */
export class PartColumn extends BaseColumn implements ColumnTable {
  readonly identity = "none";
  /** By id of the other column, the id here; -1 is not known yet. */
  #idsOfWhole = new Int32Array(0);
  readonly #values: (Value | undefined)[] = [undefined];
  readonly #idsOfTexts = new Map<string, number>();

  constructor(index: number, readonly whole: Column, readonly part: Part) {
    super(index);
    whole.attach(this);
  }

  read(_batch: Batch, ids: Int32Array, { from, to }: Readonly<Range>): void {
    const wholeAt = this.whole.index * BATCH, idsAt = this.index * BATCH, known = this.#idsOfWhole;
    for (let i = from; i < to; i++) {
      const whole = ids[wholeAt + i]!, id = known[whole]!;
      ids[idsAt + i] = id >= 0 ? id : known[whole] = this.#resolve(whole);
    }
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
      this.reach(id);
    }
    return id;
  }
}

/** Two fields together: its ids are those of pairs of ids, and it forgets when either of the two does. */
export class PairColumn extends BaseColumn implements ColumnTable {
  readonly identity = "none";
  readonly #ids = limitedIds();
  readonly #pairs = new Float64Array(BATCH);
  readonly #out: IdsOut = { ids: new Int32Array(0), to: 0 };

  constructor(index: number, readonly first: Column, readonly second: Column) {
    super(index);
    first.attach(this);
    second.attach(this);
  }

  read(_batch: Batch, ids: Int32Array, { from, to }: Readonly<Range>): void {
    const firstAt = this.first.index * BATCH, secondAt = this.second.index * BATCH, pairs = this.#pairs;
    for (let i = from; i < to; i++) pairs[i] = ids[firstAt + i]! * PAIR + ids[secondAt + i]!;
    this.#out.ids = ids;
    this.#out.to = this.index * BATCH + from;
    this.#ids.idsOf(pairs, from, to - from, this.#out);
    this.reach(this.#ids.size);
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

  override makeRoom(): void {
    if (isFull(this.#ids)) this.forget();
  }

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
