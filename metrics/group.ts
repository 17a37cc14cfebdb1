import type { RecordType } from "../core/record.ts";
import { inOnePiece } from "../core/work.ts";
import type { Filter } from "./filter.ts";
import { GroupTable, HASH_SEED, mixHash, ROW_LIMIT } from "./group_table.ts";
import type { Label } from "./label.ts";
import type { Rule } from "./rule.ts";

/** How records are grouped: rules that say the same of this count in the same rows. */
export interface Grouping {
  readonly source: RecordType;
  readonly filter?: Filter | undefined;
  readonly labels: readonly Label[];
  /** How many series each of the rules shows at most. */
  readonly maxSeries: number;
  readonly ttl: number;
}

/** What is added up in each row: the number of the records, the values of a field, or how these are distributed. */
interface Measure {
  /** Where in the record the value is; -1 counts records. */
  readonly valueAt: number;
  /** Values below it, and those that are absent, are left out. */
  readonly least: number;
  /** Upper bounds of a histogram's buckets, ascending, without the infinite one. */
  readonly buckets: readonly number[] | undefined;
}

/** The numbers of a histogram: that of its values, their sum, then that in each bucket. */
export const COUNT = 0, SUM = 1, BUCKETS = 2;

/** So many records are added at once: their rows are fetched from memory together rather than one after the other. */
const BATCH = 64;
/** How many rows a pass of a snapshot may have before the largest of them are chosen. */
export const CANDIDATES = 262_144;

/** Takes records of one type and adds their values up in the rows of a table. */
export class Group {
  table: GroupTable;
  /** Those that show what is added up here. */
  readonly rules: Rule[] = [];
  readonly labels: readonly Label[];
  readonly maxSeries: number;
  readonly #grouping: Grouping;
  readonly #filter: Filter | undefined;
  readonly #width: number;
  readonly #measures: Measure[] = [];
  /** Of each measure: where in the record its value is, the least, and where in a row its numbers are. */
  #valuesAt = new Int32Array(0);
  #leasts = new Float64Array(0);
  #offsets = new Int32Array(0);
  #buckets: readonly (Measure["buckets"])[] = [];
  /** Records that wait to be added: keys, hashes of keys, and a value for each measure, NaN to leave it out. */
  readonly #keys: Int32Array;
  readonly #hashes = new Int32Array(BATCH);
  #values = new Float64Array(0);
  #waiting = 0;

  constructor(grouping: Grouping) {
    this.#grouping = grouping;
    this.labels = grouping.labels;
    this.maxSeries = grouping.maxSeries;
    this.#filter = grouping.filter;
    this.#width = grouping.labels.length;
    this.#keys = new Int32Array(BATCH * this.#width);
    this.table = this.#makeTable(new Float64Array(0));
  }

  /** Before the first record. Gives where in a row the numbers of the measure are: NaN until something is added. */
  measure(measure: Measure): number {
    const blank = this.#measures.flatMap(blankOf), offset = blank.length;
    this.#measures.push(measure);
    this.#valuesAt = Int32Array.from(this.#measures, ({ valueAt }) => valueAt);
    this.#leasts = Float64Array.from(this.#measures, ({ least }) => least);
    this.#offsets = Int32Array.of(...this.#offsets, offset);
    this.#buckets = this.#measures.map(({ buckets }) => buckets);
    this.#values = new Float64Array(BATCH * this.#measures.length);
    this.table = this.#makeTable(Float64Array.from([...blank, ...blankOf(measure)]));
    return offset;
  }

  add(row: Float64Array, ids: Int32Array): void {
    if (this.#filter !== undefined && !this.#filter.test(ids)) return;
    const waiting = this.#waiting;
    // Without labels a record counts as seen although it has nothing to add.
    if (!this.#takeValues(row, waiting) && this.#width > 0) return;
    const labels = this.labels, keys = this.#keys, at = waiting * this.#width;
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
    if (++this.#waiting === BATCH) this.flush();
  }

  /** Adds the records that wait. */
  flush(): void {
    const { table } = this, keys = this.#keys, hashes = this.#hashes;
    const buckets = this.#buckets, offsets = this.#offsets, added = this.#values;
    const width = this.#width, count = this.#waiting, each = offsets.length;
    this.#waiting = 0;
    table.warm(hashes, count);
    for (let i = 0, from = 0; i < count; i++) {
      const row = table.find(keys, i * width, hashes[i]!), { values } = table;
      for (let m = 0; m < each; m++) {
        const value = added[from++]!;
        if (value !== value) continue;
        const at = row + offsets[m]!, sum = values[at]!, bounds = buckets[m];
        if (bounds !== undefined) observe(values, at, value, bounds);
        else values[at] = sum === sum ? sum + value : value;
      }
    }
  }

  /** Makes the views of the rules. */
  *settle(): Iterable<void> {
    this.flush();
    const sweeping = this.table.sweep();
    // Records of a stream may come between pieces.
    if (this.#grouping.source.kind === "snapshot") yield* sweeping;
    else inOnePiece(sweeping);
    this.table.texts.beginView();
    for (const rule of this.rules) yield* rule.show();
    if (this.#grouping.source.kind === "snapshot") yield* this.table.makeRoom();
  }

  /** Forgets everything, and shows nothing until it is settled. */
  clear(): void {
    this.#waiting = 0;
    this.table.clear();
    for (const rule of this.rules) rule.hide();
  }

  /** Whether the record has anything to add. */
  #takeValues(row: Float64Array, waiting: number): boolean {
    const valuesAt = this.#valuesAt, leasts = this.#leasts, values = this.#values;
    const count = valuesAt.length, from = waiting * count;
    let isAny = false;
    for (let m = 0; m < count; m++) {
      const at = valuesAt[m]!, value = at < 0 ? 1 : row[at]!;
      if (value >= leasts[m]!) {
        values[from + m] = value;
        isAny = true;
      } else values[from + m] = NaN;
    }
    return isAny;
  }

  #makeTable(blank: Float64Array): GroupTable {
    const { source, maxSeries, ttl } = this.#grouping;
    // A stream cannot choose later: it keeps row 0 for what will not fit.
    const candidates = Math.min(Math.max(CANDIDATES, 4 * maxSeries), ROW_LIMIT);
    return new GroupTable({
      width: this.#width,
      blank,
      kind: source.kind,
      maxRows: source.kind === "snapshot" ? candidates : maxSeries,
      ttl,
      textOf: (keys, at) => this.#textOf(keys, at),
    });
  }

  /** What stands between name and value in the exposition. */
  #textOf(keys: Int32Array, at: number): string {
    if (this.#width === 0) return " ";
    let pairs = this.labels[0]!.pairsOf(keys[at]!);
    for (let i = 1; i < this.#width; i++) pairs += "," + this.labels[i]!.pairsOf(keys[at + i]!);
    return `{${pairs}} `;
  }
}

function blankOf({ buckets }: Measure): number[] {
  return buckets === undefined ? [NaN] : [NaN, 0, ...buckets.map(() => 0), 0];
}

function observe(values: Float64Array, at: number, value: number, buckets: readonly number[]): void {
  let bucket = 0;
  while (bucket < buckets.length && value > buckets[bucket]!) bucket++;
  values[at + COUNT] = values[at + COUNT]! > 0 ? values[at + COUNT]! + 1 : 1;
  values[at + SUM]! += value;
  values[at + BUCKETS + bucket]!++;
}
