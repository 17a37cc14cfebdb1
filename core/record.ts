import type { Vocabulary } from "./vocabulary.ts";
import type { Work } from "./work.ts";

/**
 * What a field of a record holds. In the row every value is a number, and NaN says that it is absent.
 *
 * - `ip`: an IPv4 address is itself, an IPv6 address the number that the vocabulary gave it
 * - `text`: the number that the vocabulary gave it
 * - `choice`: the index of one of a fixed list of words
 * - `number`: itself. With a `max` below 65,536 it is whole and from 0, which saves a look-up per record. What is
 *   `shared` is the same for all threads that share the work of a collector: the largest counts rather than the sum
 */
export type Field =
  | { readonly type: "ip" | "text"; readonly help: string }
  | { readonly type: "choice"; readonly choices: readonly string[]; readonly help: string }
  | { readonly type: "number"; readonly max?: number; readonly shared?: true; readonly help: string };

export type Fields = Readonly<Record<string, Field>>;

/** One kind of record of a collector. Rules name it as their `source`. */
export interface RecordType<F extends Fields = Fields> {
  readonly name: string;
  readonly help: string;
  /**
   * `snapshot`: the records of a pass are the whole present state, and series that it does not touch vanish.
   * `stream`: records add up, and a series vanishes when none has come for its time to live.
   */
  readonly kind: "snapshot" | "stream";
  /** Of a snapshot: whether it tells of the source itself, and so is also shown of a pass that failed. */
  readonly isStatus?: true;
  readonly fields: F;
  /** Where in the row each field is. */
  readonly at: { readonly [K in keyof F]: number };
}

export function recordType<const F extends Fields>(type: Omit<RecordType<F>, "at">): RecordType<F> {
  const entries = Object.keys(type.fields).map((name, i) => [name, i]);
  return { ...type, at: Object.fromEntries(entries) as RecordType<F>["at"] };
}

/**
 * Takes the records of one type: the collector fills the row and calls `emit()`, which keeps nothing of it. The row
 * keeps what was written to it: a field that a record lacks is to be written as NaN.
 */
export interface Sink {
  readonly row: Float64Array;
  /** Whether anybody looks at the field: the others need not be written. */
  uses(at: number): boolean;
  /** Gives whether the record counts: what the configuration filters out of its source does not. */
  emit(): boolean;
}

/** Emits a record whose values stand in the order of its fields. */
export function emitValues(sink: Sink, values: readonly number[]): void {
  sink.row.set(values);
  sink.emit();
}

/** What a collector writes its records to. */
export interface Intake {
  readonly vocabulary: Vocabulary;
  sink(type: RecordType): Sink;
}

/** What can be settled: after a pass its records, after a failed one those that tell of the source. */
export type Settled = RecordType["kind"] | "status";

/** What whoever runs a collector sees of the series that its records become. */
export interface Ledger extends Intake {
  /** Before the first record of a pass. */
  begin(): void;
  /** The time that the records of streams are marked with, in whole seconds. */
  tick(seconds: number): void;
  /** After the last record of a pass, and before streams are shown: makes the series what is now known. */
  settle(what: Settled): Work;
  /** Instead of settling a pass that failed: what it would have shown is not known. */
  abandon(): void;
}
