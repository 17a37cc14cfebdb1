import type { RecordType } from "../core/record.ts";
import { inOnePiece } from "../core/work.ts";
import { BATCH, type Batch } from "./batch.ts";
import type { Filter } from "./filter.ts";
import { GroupTable, HASH_SEED, mixHash, ROW_LIMIT } from "./group_table.ts";
import type { Label } from "./label.ts";
import { NONE, type Reservoirs } from "./quantiles.ts";
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
  /** Where in a batch the value is; -1 counts records. */
  readonly slot: number;
  /** Values below it, and those that are absent, are left out. */
  readonly least: number;
  /** Upper bounds of a histogram's buckets, ascending, without the infinite one. */
  readonly buckets: readonly number[] | undefined;
  /** Those of a summary with quantiles. */
  readonly reservoirs: Reservoirs | undefined;
}

/** The numbers of a histogram: that of its values, their sum, then that in each bucket. */
export const COUNT = 0, SUM = 1, BUCKETS = 2;
/** Of a summary the first two are the same. Then there is the id of its reservoir, and in a view its quantiles. */
export const RESERVOIR = 2, QUANTILES = 2;

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
  /** Of each measure: where in a batch its value is, the least, and where in a row its numbers are. */
  #slots = new Int32Array(0);
  #leasts = new Float64Array(0);
  #offsets = new Int32Array(0);
  #buckets: readonly (Measure["buckets"])[] = [];
  #reservoirs: readonly (Measure["reservoirs"])[] = [];
  /**
   * Of a batch the records that count: which they are, their keys and the hashes of these, where their rows are, and
   * the values of one measure after those of another, NaN to leave one out.
   */
  readonly #records = new Int32Array(BATCH);
  readonly #rows = new Int32Array(BATCH);
  readonly #keys: Int32Array;
  readonly #hashes = new Int32Array(BATCH);
  #values = new Float64Array(0);

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
    this.#slots = Int32Array.from(this.#measures, ({ slot }) => slot);
    this.#leasts = Float64Array.from(this.#measures, ({ least }) => least);
    this.#offsets = Int32Array.of(...this.#offsets, offset);
    this.#buckets = this.#measures.map(({ buckets }) => buckets);
    this.#reservoirs = this.#measures.map(({ reservoirs }) => reservoirs);
    this.#values = new Float64Array(BATCH * this.#measures.length);
    this.table = this.#makeTable(Float64Array.from([...blank, ...blankOf(measure)]));
    return offset;
  }

  /** Adds the records of a batch, whose column ids are known. */
  add(batch: Batch, ids: Int32Array): void {
    const { table } = this, rows = this.#rows, count = this.#choose(batch, ids);
    if (count === 0) return;
    this.#makeKeys(ids, count);
    table.findAll({ keys: this.#keys, hashes: this.#hashes, count, rows });
    for (let m = 0; m < this.#measures.length; m++) {
      const reservoirs = this.#reservoirs[m];
      if (reservoirs === undefined) this.#addValues(m, count);
      else this.#sample(m, count, reservoirs);
    }
  }

  /** Makes the views of the rules. */
  *settle(): Iterable<void> {
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
    this.table.clear();
    for (const reservoirs of this.#reservoirs) reservoirs?.clear();
    for (const rule of this.rules) rule.hide();
  }

  /** Finds the records that have anything to add, and their values; gives how many. */
  #choose({ values: given, size }: Batch, ids: Int32Array): number {
    const filter = this.#filter, records = this.#records;
    let count = 0;
    for (let record = 0; record < size; record++) {
      if (filter === undefined || filter.test(ids, record)) records[count++] = record;
    }
    let missing = 0;
    for (let m = 0; m < this.#measures.length; m++) missing += this.#takeValues(m, given, count);
    // Without labels a record counts as seen although it has nothing to add.
    return missing === 0 || this.#width === 0 ? count : this.#withValues(count);
  }

  /** Takes the values of a measure; gives how many are left out. */
  #takeValues(m: number, given: Float64Array, count: number): number {
    const records = this.#records, values = this.#values, to = m * BATCH;
    const slot = this.#slots[m]!, least = this.#leasts[m]!;
    if (slot < 0) {
      values.fill(1, to, to + count);
      return 0;
    }
    let missing = 0;
    for (let i = 0; i < count; i++) {
      const value = given[slot * BATCH + records[i]!]!, isAdded = value >= least;
      if (!isAdded) missing++;
      values[to + i] = isAdded ? value : NaN;
    }
    return missing;
  }

  /** Leaves out the records that have no value at all. */
  #withValues(count: number): number {
    const records = this.#records, values = this.#values, each = this.#measures.length;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      let isAny = false;
      for (let m = 0; m < each; m++) {
        const value = values[m * BATCH + i]!;
        values[m * BATCH + kept] = value;
        isAny ||= value === value;
      }
      if (isAny) records[kept++] = records[i]!;
    }
    return kept;
  }

  #addValues(m: number, count: number): void {
    const { values } = this.table, rows = this.#rows, added = this.#values;
    const from = m * BATCH, offset = this.#offsets[m]!, bounds = this.#buckets[m];
    for (let i = 0; i < count; i++) {
      const value = added[from + i]!;
      if (value !== value) continue;
      const at = rows[i]! + offset, sum = values[at]!;
      if (bounds !== undefined) observe(values, at, value, bounds);
      else values[at] = sum === sum ? sum + value : value;
    }
  }

  #sample(m: number, count: number, reservoirs: Reservoirs): void {
    const { values, clock } = this.table, rows = this.#rows, added = this.#values;
    const from = m * BATCH, offset = this.#offsets[m]!;
    reservoirs.clock = clock;
    for (let i = 0; i < count; i++) {
      const value = added[from + i]!;
      if (value !== value) continue;
      const at = rows[i]! + offset;
      countOne(values, at, value);
      values[at + RESERVOIR] = reservoirs.add(values[at + RESERVOIR]!, value);
    }
  }

  /** Releases the reservoirs of a row. */
  #drop(at: number): void {
    const { values } = this.table;
    for (const [m, reservoirs] of this.#reservoirs.entries()) {
      reservoirs?.release(values[at + this.#offsets[m]! + RESERVOIR]!);
    }
  }

  /** Label by label, so that the loop has few things to look at. */
  #makeKeys(ids: Int32Array, count: number): void {
    const labels = this.labels, records = this.#records, keys = this.#keys, hashes = this.#hashes;
    const width = this.#width;
    hashes.fill(HASH_SEED, 0, count);
    for (let n = 0; n < width; n++) {
      const label = labels[n]!, { table } = label, idsAt = label.index * BATCH;
      for (let i = 0; i < count; i++) {
        const id = ids[idsAt + records[i]!]!;
        let labelId = table[id]!;
        if (labelId === 0) labelId = label.resolve(id);
        keys[i * width + n] = labelId;
        hashes[i] = mixHash(hashes[i]!, labelId);
      }
    }
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
      onDrop: this.#reservoirs.some(Boolean) ? (at) => this.#drop(at) : undefined,
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

function blankOf({ buckets, reservoirs }: Measure): number[] {
  if (reservoirs !== undefined) return [NaN, 0, NONE];
  return buckets === undefined ? [NaN] : [NaN, 0, ...buckets.map(() => 0), 0];
}

function observe(values: Float64Array, at: number, value: number, buckets: readonly number[]): void {
  let bucket = 0;
  while (bucket < buckets.length && value > buckets[bucket]!) bucket++;
  countOne(values, at, value);
  values[at + BUCKETS + bucket]!++;
}

function countOne(values: Float64Array, at: number, value: number): void {
  values[at + COUNT] = values[at + COUNT]! > 0 ? values[at + COUNT]! + 1 : 1;
  values[at + SUM]! += value;
}
