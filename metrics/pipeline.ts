import type { Collector } from "../core/collector.ts";
import type { Lookup } from "../core/enricher.ts";
import type { Ledger, RecordType, Settled, Sink } from "../core/record.ts";
import { Vocabulary } from "../core/vocabulary.ts";
import { inOnePiece } from "../core/work.ts";
import { BATCH, Batch } from "./batch.ts";
import type { Column, Range } from "./column.ts";
import { Columns } from "./columns.ts";
import { CANDIDATES, Group, type Grouping } from "./group.ts";
import type { Filter } from "./filter.ts";
import { Label, type LabelPart } from "./label.ts";
import { Rule, type RuleOptions } from "./rule.ts";

/** So many values a label remembers twice, and of those that its rules can show each so many times. */
const LABEL_LIMIT = 131_072, LABELS_OF_SERIES = 8;

/** The rules for one type of record, and the columns and labels that they share. */
export class RuleSet implements Sink {
  readonly row: Float64Array;
  readonly rules: Rule[] = [];
  readonly columns: Columns;
  /** Records that wait. */
  readonly #batch = new Batch();
  /** The record that the filter looks at. */
  readonly #one: Range = { from: 0, to: 0 };
  /** Records that were looked at since room was made for them: those that were filtered out have ids too. */
  #looked = 0;
  /** Which records count at all. */
  filter: Filter | undefined;
  /** The enrichers that rules and filters ask. */
  readonly lookups = new Set<Lookup>();
  readonly #groups: Group[] = [];
  readonly #groupsByKey = new Map<string, Group>();
  readonly #labels = new Map<string, Label>();
  /** Whether a label has grown past its limit, and whether so far that it cannot wait for the settling. */
  #fullLabel = false;
  #overfullLabel = false;
  #clock = -1;

  constructor(readonly type: RecordType, vocabulary: Vocabulary) {
    this.row = new Float64Array(Object.keys(type.fields).length).fill(NaN);
    this.columns = new Columns({ fields: type.fields, vocabulary, batch: this.#batch });
    vocabulary.onForget(() => this.flush());
  }

  uses(at: number): boolean {
    return this.#batch.has(at);
  }

  emit(): boolean {
    const batch = this.#batch, { columns, filter } = this;
    if (this.#looked === BATCH) this.flush();
    if (this.#looked++ === 0) columns.makeRoom();
    batch.add(this.row);
    if (filter !== undefined) {
      const one = this.#one;
      one.to = batch.size;
      one.from = one.to - 1;
      columns.read(one);
      if (!filter.test(columns.ids, one.from)) {
        batch.size = one.from;
        return false;
      }
    }
    if (batch.size === BATCH) this.flush();
    return true;
  }

  /** Adds the records that wait. */
  flush(): void {
    const batch = this.#batch, { columns } = this, groups = this.#groups;
    this.#looked = 0;
    if (batch.size === 0) return;
    if (this.filter === undefined) columns.read({ from: 0, to: batch.size });
    for (let i = 0; i < groups.length; i++) groups[i]!.add(batch, columns.ids);
    batch.size = 0;
    if (this.#overfullLabel) inOnePiece(this.#forgetUnused());
  }

  /** Groupings of the same recipe are one. */
  add(options: RuleOptions, grouping: Omit<Grouping, "source">, recipe: string): void {
    let group = this.#groupsByKey.get(recipe);
    if (group === undefined) {
      group = new Group({ ...grouping, source: this.type });
      this.#groupsByKey.set(recipe, group);
      this.#groups.push(group);
      for (const label of group.labels) label.limit += LABELS_OF_SERIES * group.maxSeries;
    }
    const { valueAt } = options;
    const rule = new Rule(options, group, valueAt < 0 ? valueAt : this.#batch.slotOf(valueAt));
    group.rules.push(rule);
    this.rules.push(rule);
  }

  /** The label of a column. Labels of the same recipe are one. */
  label(column: Column, parts: readonly LabelPart[], recipe: string): Label {
    const key = `${column.index} ${recipe}`;
    let label = this.#labels.get(key);
    if (label === undefined) {
      label = new Label(column, parts, (isOverfull) => {
        this.#fullLabel = true;
        this.#overfullLabel ||= isOverfull;
      });
      label.limit = this.#limitOf(0);
      this.#labels.set(key, label);
    }
    return label;
  }

  set clock(clock: number) {
    if (clock === this.#clock) return;
    this.#clock = clock;
    this.flush();
    for (const group of this.#groups) group.table.clock = clock;
  }

  *settle(): Iterable<void> {
    this.flush();
    for (const group of this.#groups) yield* group.settle();
    yield;
    if (!this.#fullLabel) return;
    // Between the pieces there must come no records, and those of a stream may come at any time.
    if (this.type.kind === "snapshot") yield* this.#forgetUnused();
    else inOnePiece(this.#forgetUnused());
  }

  clear(): void {
    this.#batch.size = this.#looked = 0;
    for (const group of this.#groups) group.clear();
  }

  #usesOf(label: Label) {
    return this.#groups.flatMap(({ table, labels, maxSeries }) =>
      labels.flatMap((each, position) => each === label ? [{ table, position, maxSeries }] : [])
    );
  }

  /** Of a label in metrics with so many series. */
  #limitOf(series: number): number {
    const candidates = this.type.kind === "snapshot" ? CANDIDATES : 0;
    return 2 * (LABEL_LIMIT + candidates) + LABELS_OF_SERIES * series;
  }

  /** Makes labels that are full forget the values that are in no row. */
  *#forgetUnused(): Iterable<void> {
    this.#fullLabel = this.#overfullLabel = false;
    this.flush();
    for (const label of this.#labels.values()) {
      if (label.size <= label.limit) continue;
      const uses = this.#usesOf(label), used = new Set<number>();
      for (const { table, position } of uses) yield* table.labelsAt(position, used);
      const kept = yield* label.keepOnly(used);
      for (const { table, position } of uses) yield* table.replaceLabels(position, kept);
      const series = uses.reduce((sum, { maxSeries }) => sum + maxSeries, 0);
      label.limit = Math.max(this.#limitOf(series), 2 * label.size);
    }
  }
}

/** What stands between one collector and its series: a rule set for each type of its records. */
export class Pipeline implements Ledger {
  readonly vocabulary = new Vocabulary();
  readonly ruleSets: readonly RuleSet[];
  #passes = 0;

  constructor(readonly collector: Collector) {
    this.ruleSets = collector.records.map((type) => new RuleSet(type, this.vocabulary));
  }

  get rules(): readonly Rule[] {
    return this.ruleSets.flatMap(({ rules }) => rules);
  }

  sink(type: RecordType): Sink {
    const ruleSet = this.ruleSets.find((each) => each.type === type);
    if (ruleSet === undefined) {
      throw new TypeError(`Cannot write ${type.name}: it is no record of ${this.collector.name}`);
    }
    return ruleSet;
  }

  begin(): void {
    this.#passes++;
    for (const set of this.ruleSets) if (set.type.kind === "snapshot") set.clock = this.#passes;
  }

  tick(seconds: number): void {
    for (const set of this.ruleSets) if (set.type.kind === "stream") set.clock = seconds;
  }

  *settle(what: Settled): Iterable<void> {
    for (const set of this.ruleSets) {
      if (what === "status" ? set.type.isStatus : set.type.kind === what) yield* set.settle();
    }
  }

  abandon(): void {
    for (const set of this.ruleSets) if (set.type.kind === "snapshot") set.clear();
  }
}
