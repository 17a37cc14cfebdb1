import type { RecordType } from "../core/record.ts";
import type { Filter } from "./filter.ts";
import { GroupTable, HASH_SEED, mixHash } from "./group_table.ts";
import type { Label } from "./label.ts";

export const METRIC_TYPES = ["gauge", "counter", "histogram"] as const;
export type MetricType = (typeof METRIC_TYPES)[number];

export interface RuleOptions {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly source: RecordType;
  readonly filter?: Filter | undefined;
  readonly labels: readonly Label[];
  /** Where in the row the value is; -1 counts records. */
  readonly valueAt: number;
  /** Upper bounds of a histogram's buckets, ascending, without the infinite one. */
  readonly buckets: readonly number[];
  readonly maxSeries: number;
  readonly ttl: number;
}

/** In a row of a histogram: the number of values, their sum, then the number of values in each bucket. */
export const COUNT = 0, SUM = 1, BUCKETS = 2;

/** So many records are added at once: their rows are fetched from memory together rather than one after the other. */
const BATCH = 64;

/** Turns records of one type into the series of one metric. */
export class Rule {
  readonly table: GroupTable;
  readonly options: RuleOptions;
  readonly #labels: readonly Label[];
  readonly #filter: Filter | undefined;
  readonly #valueAt: number;
  readonly #least: number;
  readonly #buckets: Float64Array | undefined;
  readonly #width: number;
  /** Records that wait to be added: keys, hashes of keys and values. */
  readonly #keys: Int32Array;
  readonly #hashes = new Int32Array(BATCH);
  readonly #values = new Float64Array(BATCH);
  #waiting = 0;

  constructor(options: RuleOptions) {
    this.options = options;
    this.#labels = options.labels;
    this.#filter = options.filter;
    this.#valueAt = options.valueAt;
    // A counter never falls; and NaN, a field that is absent, is at least nothing.
    this.#least = options.type === "counter" ? 0 : -Infinity;
    this.#buckets = options.type === "histogram" ? Float64Array.from(options.buckets) : undefined;
    this.#width = options.labels.length;
    this.#keys = new Int32Array(BATCH * this.#width);
    this.table = new GroupTable({
      width: this.#width,
      stride: this.#buckets === undefined ? 1 : BUCKETS + this.#buckets.length + 1,
      kind: options.source.kind,
      maxRows: options.maxSeries,
      ttl: options.ttl,
      textOf: (keys, at) => this.#textOf(keys, at),
    });
  }

  add(row: Float64Array, ids: Int32Array): void {
    if (this.#filter !== undefined && !this.#filter.test(ids)) return;
    const value = this.#valueAt < 0 ? 1 : row[this.#valueAt]!;
    if (!(value >= this.#least)) return;
    const labels = this.#labels, keys = this.#keys, waiting = this.#waiting, at = waiting * this.#width;
    let hash = HASH_SEED;
    for (let i = 0; i < labels.length; i++) {
      const label = labels[i]!;
      const id = ids[label.index]!;
      let labelId = label.table[id]!;
      if (labelId === 0) labelId = label.resolve(id);
      keys[at + i] = labelId;
      hash = mixHash(hash, labelId);
    }
    this.#hashes[waiting] = hash;
    this.#values[waiting] = value;
    if (++this.#waiting === BATCH) this.flush();
  }

  /** Adds the records that wait. */
  flush(): void {
    const { table } = this, keys = this.#keys, hashes = this.#hashes;
    const width = this.#width, count = this.#waiting;
    this.#waiting = 0;
    table.warm(hashes, count);
    for (let i = 0; i < count; i++) {
      const at = table.find(keys, i * width, hashes[i]!);
      if (this.#buckets === undefined) table.values[at]! += this.#values[i]!;
      else this.#observe(at, this.#values[i]!, this.#buckets);
    }
  }

  #observe(at: number, value: number, buckets: Float64Array): void {
    const { values } = this.table;
    let bucket = 0;
    while (bucket < buckets.length && value > buckets[bucket]!) bucket++;
    values[at + COUNT]!++;
    values[at + SUM]! += value;
    values[at + BUCKETS + bucket]!++;
  }

  /** What stands before the value in the exposition; of a histogram, only what stands within the braces. */
  #textOf(keys: Int32Array, at: number): string {
    const { name, labels, type } = this.options;
    let pairs = "";
    for (let i = 0; i < labels.length; i++) {
      pairs += (i === 0 ? "" : ",") + labels[i]!.pairsOf(keys[at + i]!);
    }
    if (type === "histogram") return pairs;
    return pairs === "" ? `${name} ` : `${name}{${pairs}} `;
  }
}
