import type { Collector } from "../core/collector.ts";
import type { Ledger, RecordType, Sink } from "../core/record.ts";
import { Vocabulary } from "../core/vocabulary.ts";
import { type Column, Columns } from "./column.ts";
import { Label, type LabelPart } from "./label.ts";
import type { Rule } from "./rule.ts";

/** So many values a label remembers beyond four times those that its rules can show. */
const LABEL_LIMIT = 131_072;

/** The rules for one type of record, and the columns and labels that they share. */
export class RuleSet implements Sink {
  readonly row: Float64Array;
  readonly rules: Rule[] = [];
  readonly columns: Columns;
  readonly #labels = new Map<string, Label>();
  /** Whether a label has grown past its limit, and whether so far that it cannot wait for the settling. */
  #fullLabel = false;
  #overfullLabel = false;
  #clock = -1;

  constructor(readonly type: RecordType, vocabulary: Vocabulary) {
    this.row = new Float64Array(Object.keys(type.fields).length).fill(NaN);
    this.columns = new Columns(type.fields, vocabulary);
  }

  emit(): void {
    const { row, rules, columns } = this;
    columns.read(row);
    for (let i = 0; i < rules.length; i++) rules[i]!.add(row, columns.ids);
    if (this.#overfullLabel) this.#forgetUnused();
  }

  add(rule: Rule): void {
    this.rules.push(rule);
    for (const label of this.#labels.values()) label.limit = this.#limitOf(label);
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
      this.#labels.set(key, label);
    }
    return label;
  }

  set clock(clock: number) {
    if (clock === this.#clock) return;
    this.#clock = clock;
    for (const rule of this.rules) {
      rule.flush();
      rule.table.clock = clock;
    }
  }

  *settle(): Iterable<void> {
    for (const rule of this.rules) {
      rule.flush();
      yield* rule.table.settle();
    }
    yield;
    // Here the tables hold no more rows than they show.
    if (this.#fullLabel) this.#forgetUnused();
  }

  #usesOf(label: Label) {
    return this.rules.flatMap(({ table, options }) =>
      options.labels.flatMap((each, position) => each === label ? [{ table, position, options }] : [])
    );
  }

  #limitOf(label: Label): number {
    const shown = this.#usesOf(label).reduce((sum, { options }) => sum + options.maxSeries, 0);
    return 2 * (LABEL_LIMIT + 4 * shown);
  }

  /** Makes labels that are full forget the values that are in no row. */
  #forgetUnused(): void {
    this.#fullLabel = this.#overfullLabel = false;
    for (const rule of this.rules) rule.flush();
    for (const label of this.#labels.values()) {
      if (label.size <= label.limit) continue;
      const uses = this.#usesOf(label);
      const used = new Set(uses.flatMap(({ table, position }) => [...table.labelsAt(position)]));
      const kept = label.keepOnly(used);
      for (const { table, position } of uses) table.replaceLabels(position, kept);
      label.limit = Math.max(this.#limitOf(label), 2 * label.size);
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

  *settle(kind: RecordType["kind"]): Iterable<void> {
    for (const set of this.ruleSets) if (set.type.kind === kind) yield* set.settle();
  }

  abandon(): void {
    for (const set of this.ruleSets) {
      if (set.type.kind === "snapshot") { for (const rule of set.rules) rule.table.clear(); }
    }
  }
}
