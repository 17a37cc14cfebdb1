import type { Ip } from "./ip.ts";
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
  open(settings: ValuesOf<S>): Lookup;
}

/** A configured enricher. It answers from memory; what it does not know is absent. */
export interface Lookup {
  lookup(value: Value, output: string): Value | undefined;
  /** The outputs that its configuration adds to those of its kind. */
  readonly outputs?: readonly string[];
  /** Fills the memory behind `lookup` until the signal is aborted. */
  run?(signal: AbortSignal): Promise<void>;
  /** Calls the listener when an answer changes: of one value, or of any. */
  onChange?(listener: (value?: Value) => void): void;
}

export function enricher<const S extends Settings>(definition: Enricher<S>): Enricher {
  return definition as unknown as Enricher;
}
