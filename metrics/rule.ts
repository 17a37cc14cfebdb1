import type { RecordType } from "../core/record.ts";
import { BUCKETS, type Group, QUANTILES, RESERVOIR } from "./group.ts";
import type { GroupTable } from "./group_table.ts";
import { Reservoirs } from "./quantiles.ts";
import { kthLargest, type Limit } from "./select.ts";

export const METRIC_TYPES = ["gauge", "counter", "histogram", "summary"] as const;
export type MetricType = (typeof METRIC_TYPES)[number];

export interface RuleOptions {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly source: RecordType;
  /** Where in the record the value is; -1 counts records. */
  readonly valueAt: number;
  /** Upper bounds of a histogram's buckets, ascending, without the infinite one. */
  readonly buckets: readonly number[];
  /** Quantiles of a summary, ascending. */
  readonly quantiles: readonly number[];
}

/** A picture of the series of a rule at one moment. Nothing that happens to the table later changes it. */
export interface View {
  readonly rows: number;
  /** What stands between name and value of row `i` is `bytes` from `starts[i]` to `ends[i]`: `{a="b"} `, or a space. */
  readonly bytes: Uint8Array;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  /** `stride` numbers a row. */
  readonly values: Float64Array;
}

/** What there is to show of a rule. */
export interface Shown {
  readonly options: RuleOptions;
  readonly view: View;
  /** How often something did not fit. */
  readonly folded: number;
}

export const EMPTY: View = {
  rows: 0,
  bytes: new Uint8Array(),
  starts: new Uint32Array(),
  ends: new Uint32Array(),
  values: new Float64Array(),
};

/** How many bytes the texts of a view have. */
export function lengthOf({ rows, starts, ends }: View): number {
  let length = 0;
  for (let row = 0; row < rows; row++) length += ends[row]! - starts[row]!;
  return length;
}

/** A copy of a view that holds nothing but its own rows, so that it can be handed to another thread. */
export function compactView(view: View): View {
  const { rows, bytes, starts, ends } = view,
    compact = {
      rows,
      bytes: new Uint8Array(lengthOf(view)),
      starts: new Uint32Array(rows),
      ends: new Uint32Array(rows),
      values: view.values.slice(),
    };
  for (let row = 0, at = 0; row < rows; row++) {
    compact.bytes.set(bytes.subarray(starts[row], ends[row]), at);
    compact.starts[row] = at;
    at += ends[row]! - starts[row]!;
    compact.ends[row] = at;
  }
  return compact;
}

const ALL: Limit = { number: -Infinity, equals: Infinity }, NONE: Limit = { number: Infinity, equals: 0 };
const OTHER = 0;
const TEXTS_PER_PIECE = 64, ROWS_PER_PIECE = 4096, RESERVOIRS_PER_PIECE = 8;

/** Shows what a group has added up of one measure as the series of one metric. */
export class Rule implements Shown {
  readonly options: RuleOptions;
  readonly group: Group;
  /** What the last `show()` saw. */
  view = EMPTY;
  /** How many numbers a row of the view has. */
  readonly stride: number;
  /** Those of a summary with quantiles. */
  readonly reservoirs: Reservoirs | undefined;
  /** Where in a row of the table its numbers are. */
  readonly #offset: number;
  /** How many of them are in the view as they are. */
  readonly #copied: number;
  readonly #isSnapshot: boolean;
  readonly #isBare: boolean;
  #unshown = 0;

  /** The value is in the slot of a batch; -1 counts records. */
  constructor(options: RuleOptions, group: Group, slot: number) {
    const { type, buckets, quantiles, source } = options;
    this.options = options;
    this.group = group;
    this.reservoirs = quantiles.length > 0 ? new Reservoirs(quantiles) : undefined;
    // A summary without quantiles is what is left of a histogram without its buckets.
    const isHistogram = type === "histogram" || (type === "summary" && this.reservoirs === undefined);
    this.#offset = group.measure({
      slot,
      // A counter never falls; and NaN, a field that is absent, is at least nothing.
      least: type === "counter" ? 0 : -Infinity,
      buckets: isHistogram ? buckets : undefined,
      reservoirs: this.reservoirs,
    });
    this.#copied = type === "summary" ? QUANTILES : isHistogram ? BUCKETS + buckets.length + 1 : 1;
    this.stride = this.#copied + quantiles.length;
    this.#isSnapshot = source.kind === "snapshot";
    this.#isBare = group.labels.length === 0;
  }

  /** How often something did not fit: a record of a stream, a row of a snapshot. */
  get folded(): number {
    return this.#unshown + this.group.table.folded;
  }

  /** Makes the view: chooses the rows, of which each has its text. */
  *show(): Iterable<void> {
    const { table } = this.group;
    const others = this.#isSnapshot && !this.#isBare ? new Float64Array(this.stride) : undefined;
    const rows = others !== undefined
      ? yield* this.#choose(others)
      : this.#isBare
      ? Int32Array.of(OTHER)
      : this.#all();
    const texts = new Int32Array(rows.length);
    for (let i = 0; i < rows.length; i++) {
      if (i % TEXTS_PER_PIECE === 0) yield;
      texts[i] = table.textOf(rows[i]!);
    }
    const view = this.#picture(rows, texts, yield* this.#quantilesOf(rows));
    if (rows[0] === OTHER && others !== undefined) view.values.set(others);
    this.view = this.#isBare ? this.#bare(view) : view;
  }

  hide(): void {
    this.view = EMPTY;
  }

  /** The rows of a snapshot to be shown, with row 0 for the others, whose numbers are added up in `others`. */
  *#choose(others: Float64Array): Generator<void, Int32Array> {
    const { table, maxSeries } = this.group, end = table.rows;
    let live = 0;
    for (let row = 1; row < end; row++) {
      if (row % ROWS_PER_PIECE === 0) yield;
      if (!Number.isNaN(this.#weightOf(table, row))) live++;
    }
    const isOther = this.#isOtherShown(table), isAll = live + (isOther ? 1 : 0) <= maxSeries;
    if (isOther) this.#addTo(others, table, OTHER);
    const keep = isAll ? live : maxSeries - 1;
    const limit = isAll ? ALL : yield* this.#limitOf(table, end, keep);
    const rows = new Int32Array(keep + 1);
    // Of equals the oldest rows stay, so that the same series are seen from scrape to scrape.
    let shown = isOther || !isAll ? 1 : 0, { equals } = limit;
    for (let row = 1; row < end; row++) {
      if (row % ROWS_PER_PIECE === 0) yield;
      const weight = this.#weightOf(table, row);
      if (weight > limit.number || (weight === limit.number && equals-- > 0)) rows[shown++] = row;
      else if (!Number.isNaN(weight)) this.#addTo(others, table, row);
    }
    this.#unshown += live - keep;
    return rows.subarray(0, shown);
  }

  /** All rows of a stream, to which records may come between pieces; it has folded what did not fit. */
  #all(): Int32Array {
    const { table } = this.group, rows = new Int32Array(table.rows);
    let shown = this.#isOtherShown(table) ? 1 : 0;
    for (let row = 1; row < table.rows; row++) {
      if (!Number.isNaN(this.#weightOf(table, row))) rows[shown++] = row;
    }
    return rows.subarray(0, shown);
  }

  /** What the largest rows weigh at least. */
  *#limitOf(table: GroupTable, end: number, keep: number): Generator<void, Limit> {
    if (keep === 0) return NONE;
    const { values } = table, start = table.at(1) + this.#offset, step = table.at(1);
    return yield* kthLargest({ values, start, step, count: end - 1 }, keep);
  }

  /** The quantiles of rows, those of one after those of another. What is empty is released. */
  *#quantilesOf(rows: Int32Array): Generator<void, Float64Array> {
    const { table } = this.group, { reservoirs } = this, each = this.options.quantiles.length;
    const quantiles = new Float64Array(rows.length * each);
    if (reservoirs === undefined) return quantiles;
    for (let i = 0; i < rows.length; i++) {
      if (i % RESERVOIRS_PER_PIECE === 0) yield;
      const at = table.at(rows[i]!) + this.#offset + RESERVOIR;
      reservoirs.clock = table.clock;
      table.values[at] = reservoirs.read(table.values[at]!, quantiles.subarray(i * each, (i + 1) * each));
    }
    return quantiles;
  }

  /** A row's value, or of a histogram and a summary the number of its values; NaN when nothing was added. */
  #weightOf(table: GroupTable, row: number): number {
    return table.values[table.at(row) + this.#offset]!;
  }

  #isOtherShown(table: GroupTable): boolean {
    return table.isLive(OTHER) && !Number.isNaN(this.#weightOf(table, OTHER));
  }

  #addTo(sums: Float64Array, table: GroupTable, row: number): void {
    const at = table.at(row) + this.#offset;
    for (let i = 0; i < this.stride; i++) sums[i]! += table.values[at + i]!;
  }

  #picture(rows: Int32Array, texts: Int32Array, quantiles: Float64Array): View {
    const { table } = this.group, stride = this.stride, copied = this.#copied, each = stride - copied;
    const values = new Float64Array(rows.length * stride);
    const starts = new Uint32Array(rows.length), ends = new Uint32Array(rows.length);
    for (let i = 0; i < rows.length; i++) {
      starts[i] = table.texts.starts[texts[i]!]!;
      ends[i] = table.texts.ends[texts[i]!]!;
      const at = table.at(rows[i]!) + this.#offset;
      for (let n = 0; n < copied; n++) values[i * stride + n] = table.values[at + n]!;
      for (let n = 0; n < each; n++) values[i * stride + copied + n] = quantiles[i * each + n]!;
    }
    return { rows: rows.length, bytes: table.texts.bytes, starts, ends, values };
  }

  /** Without labels there is one series. It is zero of nothing, and absent when the value was in no record. */
  #bare(view: View): View {
    const { table } = this.group;
    const isEmpty = this.#isSnapshot && !table.isLive(OTHER);
    if (isEmpty) return { ...view, values: view.values.fill(0) };
    if (view.values[0] === view.values[0]) return view;
    return this.#isSnapshot ? EMPTY : { ...view, values: view.values.fill(0, 0, this.#copied) };
  }
}
