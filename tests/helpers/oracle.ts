import type { Plain } from "./pipelines.ts";
import type { PlainLabel, PlainRule } from "./scenarios.ts";

interface Row {
  readonly values: number[];
  touched: number;
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
  readonly #rule: PlainRule;

  constructor(rule: PlainRule) {
    this.#rule = rule;
    this.otherPairs = pairs(rule.labels, () => "other");
  }

  begin(): void {
    if (this.#rule.kind === "snapshot") this.#clock++;
  }

  tick(seconds: number): void {
    if (this.#rule.kind === "stream") this.#clock = seconds;
  }

  add(record: Plain): void {
    const { labels, passes, valueOf } = this.#rule;
    const value = valueOf(record);
    if (value === undefined || !passes(record)) return;
    const row = this.#find(pairs(labels, ({ textOf }) => textOf(record)));
    if (row.touched !== this.#clock && this.#rule.kind === "snapshot") row.values.fill(0);
    row.touched = this.#clock;
    this.#observe(row.values, value);
  }

  /** Sweeps what is dead, and keeps the largest rows of a snapshot. */
  sweep(): void {
    if (this.#rule.kind === "snapshot") this.#fold();
    for (const [key, row] of this.#rows) if (!this.#isLive(row)) this.#rows.delete(key);
  }

  /** What the rule shows, by what stands before the value. */
  series(): Map<string, number> {
    if (this.#other !== undefined && !this.#isLive(this.#other)) {
      if (this.#rule.labels.length > 0 || this.#rule.kind === "snapshot") this.#other = undefined;
    }
    const isBare = this.#rule.labels.length === 0;
    const other = this.#other ?? (isBare ? this.#newRow() : undefined);
    const series = new Map<string, number>();
    if (other !== undefined) this.#show(series, this.otherPairs, other);
    for (const [key, row] of this.#rows) this.#show(series, key, row);
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
    return { values: new Array(type === "histogram" ? 3 + buckets.length : 1).fill(0), touched: this.#clock };
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
    const live = [...this.#rows].filter(([, row]) => this.#isLive(row));
    const hasOther = this.#other !== undefined && this.#isLive(this.#other);
    if (live.length + (hasOther ? 1 : 0) <= this.#rule.maxSeries) return;
    const byValue = live.toSorted(([, a], [, b]) => b.values[0]! - a.values[0]!);
    if (!hasOther) this.#other = this.#newRow();
    for (const [key, row] of byValue.slice(this.#rule.maxSeries - 1)) {
      row.values.forEach((value, i) => this.#other!.values[i]! += value);
      this.#rows.delete(key);
      this.folded++;
    }
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
