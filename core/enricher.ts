import type { InterfaceNames } from "./interface_names.ts";
import type { Ip } from "./ip.ts";
import type { Log } from "./log.ts";
import type { Field } from "./record.ts";
import type { Settings, ValuesOf } from "./shape.ts";

/** A value on its way from a field to a label; `undefined` is absent. Several fields together are a list. */
export type Value = string | number | Ip | readonly (string | number | Ip | undefined)[];

/** Adds what is known of a value: the network of an address, the name of a service. */
export interface Enricher<S extends Settings = Settings> {
  readonly name: string;
  readonly help: string;
  readonly settings: S;
  /** Whether it is of use only to those who configure it. */
  readonly needsSettings: boolean;
  /** The only kind of field of which it knows anything. */
  readonly takes?: Field["type"];
  /** What it can tell, with help; the first is what a step without an argument gets. Users may add others. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Has no effects: what it reads, it reads in `load` and `run`. */
  open(settings: ValuesOf<S>, context: EnricherContext): Lookup;
}

export interface EnricherContext {
  readonly log: Log;
  /** The names of interfaces that collectors have read. */
  readonly interfaceNames: InterfaceNames;
}

/** A number that an enricher tells of itself: the metric `netcensus_NAME{enricher}`. */
export interface Figure {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly value: number;
}

/** What each enricher tells of itself, by its name. */
export type Figures = ReadonlyMap<string, readonly Figure[]>;

/** A configured enricher. It answers from memory; what it does not know is absent. */
export interface Lookup {
  lookup(value: Value, output: string): Value | undefined;
  /**
   * All that it needs to know of either of two values that are looked up together: what is known of the two is then
   * remembered for the few pairs of these, not for the many of the values. It never changes.
   */
  part?(value: Value): Value | undefined;
  /** The outputs that its configuration adds to those of its kind. */
  readonly outputs?: readonly string[];
  /** Fills the memory behind `lookup` before the first record comes. What it throws ends the program. */
  load?(): Promise<void>;
  /** Fills the memory behind `lookup` until the signal is aborted. */
  run?(signal: AbortSignal): Promise<void>;
  /** Calls the listener when an answer changes: of one value, or of any. */
  onChange?(listener: (value?: Value) => void): void;
  figures?(): readonly Figure[];
}

export function enricher<const S extends Settings>(definition: Enricher<S>): Enricher {
  return definition as unknown as Enricher;
}
