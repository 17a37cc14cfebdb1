import type { Plain } from "./pipelines.ts";
import type { PlainLabel, PlainRule } from "./scenarios.ts";

interface Row {
  readonly values: number[];
  touched: number;
  /** Whether nothing was added to it yet. */
  isBlank: boolean;
}

/** What a rule has to show, worked out in plain maps. */
export class Oracle {
  folded = 0;
  /** What stands between the braces of what is folded. */
  readonly otherPairs: string;
  /** By the text of the labels, the oldest first; without the one into which the rest is folded. */
  #rows = new Map<string, Row>();
  #other: Row | undefined;
  #clock = 0;
  #shown = new Map<string, Row>();
  readonly #rule: PlainRule;
  readonly #group: readonly PlainRule[];

  /** The group is that of all rules that count in the same rows: what one of them counts is a row to the others. */
  constructor(rule: PlainRule, group: readonly PlainRule[] = [rule]) {
    this.#rule = rule;
    this.#group = group;
    this.otherPairs = pairs(rule.labels, () => "other");
  }

  begin(): void {
    if (this.#rule.kind === "snapshot") this.#clock++;
  }

  tick(seconds: number): void {
    if (this.#rule.kind === "stream") this.#clock = seconds;
  }

  add(record: Plain): void {
    const { labels, passes, valueOf, kind } = this.#rule;
    if (!passes(record)) return;
    // Without labels it is told apart whether there was no record, or none with a value.
    const isNothing = this.#group.every((rule) => rule.valueOf(record) === undefined);
    if (isNothing && labels.length > 0) return;
    const row = this.#find(pairs(labels, ({ textOf }) => textOf(record)));
    if (row.touched !== this.#clock && kind === "snapshot") {
      row.values.fill(0);
      row.isBlank = true;
    }
    row.touched = this.#clock;
    const value = valueOf(record);
    if (value === undefined) return;
    row.isBlank = false;
    this.#observe(row.values, value);
  }

  /** Sweeps what is dead, and shows the rest: of a snapshot the largest rows. */
  sweep(): void {
    const { kind, labels } = this.#rule, isBare = labels.length === 0;
    for (const [key, row] of this.#rows) if (!this.#isLive(row)) this.#rows.delete(key);
    const isDead = this.#other !== undefined && !this.#isLive(this.#other);
    if (isDead && !(isBare && kind === "stream")) this.#other = undefined;
    this.#shown = new Map(this.#rows.entries().filter(([, { isBlank }]) => !isBlank));
    const other = this.#other ?? (isBare ? this.#newRow() : undefined);
    const isOther = other !== undefined && !other.isBlank;
    const isZero = isBare && (kind === "stream" || this.#other === undefined);
    if (isOther || isZero) this.#shown.set(this.otherPairs, other!);
    if (kind === "snapshot") this.#fold();
  }

  /** What the rule shows since it was swept, by what stands before the value. */
  series(): Map<string, number> {
    const series = new Map<string, number>();
    for (const [key, row] of this.#shown) this.#show(series, key, row);
    return series;
  }

  #find(key: string): Row {
    if (key === this.otherPairs) return this.#other ??= this.#newRow();
    let row = this.#rows.get(key);
    if (row === undefined) {
      if (this.#rule.kind === "stream" && this.#rows.size + 1 >= this.#rule.maxSeries) {
        this.folded++;
        return this.#other ??= this.#newRow();
      }
      row = this.#newRow();
      this.#rows.set(key, row);
    }
    return row;
  }

  #newRow(): Row {
    const { type, buckets } = this.#rule;
    const values = new Array(type === "histogram" ? 3 + buckets.length : 1).fill(0);
    return { values, touched: this.#clock, isBlank: true };
  }

  #observe(values: number[], value: number): void {
    const { type, buckets } = this.#rule;
    if (type !== "histogram") {
      values[0]! += value;
      return;
    }
    values[0]!++;
    values[1]! += value;
    const bucket = buckets.findIndex((bound) => value <= bound);
    values[2 + (bucket < 0 ? buckets.length : bucket)]!++;
  }

  #isLive({ touched }: Row): boolean {
    return this.#rule.kind === "snapshot" ? touched === this.#clock : touched >= this.#clock - this.#rule.ttl;
  }

  #fold(): void {
    if (this.#shown.size <= this.#rule.maxSeries) return;
    const other = this.#shown.get(this.otherPairs);
    const sums = { ...this.#newRow(), values: [...other?.values ?? this.#newRow().values] };
    this.#shown.delete(this.otherPairs);
    const byValue = [...this.#shown].toSorted(([, a], [, b]) => b.values[0]! - a.values[0]!);
    for (const [key, row] of byValue.slice(this.#rule.maxSeries - 1)) {
      row.values.forEach((value, i) => sums.values[i]! += value);
      this.#shown.delete(key);
      this.folded++;
    }
    this.#shown.set(this.otherPairs, sums);
  }

  #show(series: Map<string, number>, pairs: string, { values }: Row): void {
    const { name, type, kind, buckets } = this.#rule;
    const braces = pairs === "" ? "" : `{${pairs}}`;
    if (type !== "histogram") {
      series.set(name + braces, values[0]!);
      return;
    }
    const comma = pairs === "" ? "" : ",", prefix = kind === "stream" ? "_" : "_g";
    series.set(`${name}${prefix}count${braces}`, values[0]!);
    series.set(`${name}${prefix}sum${braces}`, values[1]!);
    let count = 0;
    for (const [i, bound] of [...buckets, "+Inf"].entries()) {
      count += values[2 + i]!;
      series.set(`${name}_bucket{${pairs}${comma}le="${bound}"}`, count);
    }
  }
}

function pairs(labels: readonly PlainLabel[], textOf: (label: PlainLabel) => string): string {
  const escape = (text: string) => text.replace(/["\\\n]/g, (c) => c === "\n" ? "\\n" : `\\${c}`);
  return labels.map((label) => `${label.name}="${escape(textOf(label))}"`).join(",");
}
