import type { Value } from "../core/enricher.ts";
import { formatIpv4 } from "../core/ip.ts";
import { NumberIds } from "../core/number_ids.ts";
import { IPV6_BASE } from "../core/vocabulary.ts";
import type { Column, ColumnTable } from "./column.ts";
import { run, type Step, textOf, watch } from "./steps.ts";

/** The label of the row into which everything is folded that does not fit the budget of a rule. */
const OTHER = "other";

/** Ids of what labels say are never 0, which is a hole. Even: a text. Odd: a number of the column, as it is. */
export const OTHER_ID = 2;

const OVERFULL = 2;
const VALUES_PER_PIECE = 1024;

/** A name, and the steps that lead from the value of a column to the text. */
export interface LabelPart {
  readonly name: string;
  readonly steps: readonly Step[];
}

/**
 * The labels of a rule that come from the same column: a table from the column's ids to the ids of what the labels
 * say together. The steps run only where the table has a hole. Rules with the same labels share it.
 */
export class Label implements ColumnTable {
  table = new Int32Array(0);
  /** Where the id of its column stands among those of a record. */
  readonly index: number;
  /** The highest id in use. Ids past the limit call `onFull`, which is told whether they are far past it. */
  size = OTHER_ID;
  limit = Infinity;
  readonly #parts: readonly LabelPart[];
  /** What stands between the braces of the exposition: `name="text",name="text"`. */
  #pairs: string[] = [];
  #pairIds = new Map<string, number>();
  /** A label that shows the numbers of its column as they are keeps no text of them. */
  readonly #identity: Column["identity"];
  #numbers = new NumberIds();

  constructor(
    readonly column: Column,
    parts: readonly LabelPart[],
    readonly onFull: (isOverfull: boolean) => void = () => {},
  ) {
    this.index = column.index;
    this.#parts = parts;
    this.#identity = parts.length === 1 && parts[0]!.steps.length === 0 ? column.identity : "none";
    this.#clear();
    column.attach(this);
    for (const { steps } of parts) watch(steps, this);
  }

  /** Fills the hole of a column's id. */
  resolve(id: number): number {
    const label = this.#labelOf(id);
    this.table[id] = label;
    if (label > this.size) this.size = label;
    if (label > this.limit) this.onFull(label > OVERFULL * this.limit);
    return label;
  }

  /** What stands between the braces of the exposition. */
  pairsOf(label: number): string {
    if ((label & 1) === 0) return this.#pairs[label >> 1]!;
    const number = this.#numbers.valueOf(label >> 1);
    return `${this.#parts[0]!.name}="${this.#identity === "ipv4" ? formatIpv4(number) : number}"`;
  }

  grow(capacity: number): void {
    const table = this.table;
    this.table = new Int32Array(capacity);
    this.table.set(table);
  }

  forget(): void {
    this.table.fill(0);
  }

  /** Opens the hole of one value again. */
  reopen(value: Value): void {
    this.table[this.column.find(value)] = 0;
  }

  /** Forgets every value but the given; returns what their ids have become. */
  *keepOnly(labels: Iterable<number>): Generator<void, Map<number, number>> {
    const kept = new Map<number, number>();
    const pairs = this.#pairs, numbers = this.#numbers;
    this.#clear();
    this.forget();
    for (const label of labels) {
      const id = label & 1 ? this.#numberId(numbers.valueOf(label >> 1)) : this.#pairId(pairs[label >> 1]!);
      kept.set(label, id);
      this.size = Math.max(this.size, id);
      if (kept.size % VALUES_PER_PIECE === 0) yield;
    }
    return kept;
  }

  #clear(): void {
    this.#pairs = [""];
    this.#pairIds = new Map();
    this.#numbers = new NumberIds();
    this.size = this.#pairId(this.#parts.map(({ name }) => `${name}="${OTHER}"`).join(","));
  }

  #labelOf(id: number): number {
    if (this.#identity !== "none" && id !== 0) {
      const number = this.column.numberOf(id);
      if (this.#identity === "number" || number < IPV6_BASE) return this.#numberId(number);
    }
    const value = this.column.valueOf(id);
    let pairs = "";
    for (const { name, steps } of this.#parts) {
      const text = run(steps, value);
      pairs += `${pairs === "" ? "" : ","}${name}="${text === undefined ? "" : escapeLabel(textOf(text))}"`;
    }
    return this.#pairId(pairs);
  }

  #numberId(number: number): number {
    return 2 * this.#numbers.idOf(number) + 1;
  }

  #pairId(pairs: string): number {
    let id = this.#pairIds.get(pairs);
    if (id === undefined) {
      id = 2 * this.#pairs.length;
      this.#pairs.push(pairs);
      this.#pairIds.set(pairs, id);
    }
    return id;
  }
}

const NEEDS_ESCAPE = /[\\"\n]/;

export function escapeLabel(text: string): string {
  if (!NEEDS_ESCAPE.test(text)) return text;
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
