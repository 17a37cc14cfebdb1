import { describe, type Entry, type Node, plainOf, type Problems } from "./node.ts";
import { didYouMean } from "./nearest.ts";
import { own } from "./own.ts";

/** What a setting may be. Reads a node, or reports what is wrong with it and gives nothing. */
export interface Shape<T> {
  /** For messages and the documentation: "a number of seconds". */
  readonly expects: string;
  read(node: Node, problems: Problems): T | undefined;
  /** The value as it is shown to people, and as it would be read again. */
  show?(value: T): unknown;
  /** A flag may be given several times. */
  readonly repeatable?: boolean;
  /** A flag may be given without a value, and as `--no-flag`. */
  readonly boolean?: boolean;
  /** What each item of a list is, or each value of a map whose keys the user chooses. */
  readonly item?: Shape<unknown>;
  /** The keys of a map, where they are known. */
  readonly settings?: Settings;
}

/** A key of a record: its shape, what it is when it is not written, and what it means. */
export interface Setting<T> {
  readonly shape: Shape<NonNullable<T>>;
  readonly default: T;
  readonly help: string;
  /** The name of its flag when that is not its path with dashes; `null` when it has none. */
  readonly flag?: string | null;
  /** A second name of its flag. */
  readonly alias?: string;
  /** How the default is shown to people. */
  readonly shown?: string;
}

export type Settings = Readonly<Record<string, Setting<unknown>>>;
export type ValuesOf<S extends Settings> = { -readonly [K in keyof S]: S[K]["default"] };

type SettingOptions<T> = Omit<Setting<T>, "shape" | "default">;

export function setting<T>(
  shape: Shape<T>,
  value: NoInfer<T>,
  options: SettingOptions<T>,
): Setting<T> {
  return { shape, default: value, ...options } as Setting<T>;
}

/** A setting that is undefined unless it is written. */
export function optional<T>(shape: Shape<T>, options: SettingOptions<T>): Setting<T | undefined> {
  return { shape, default: undefined, ...options } as Setting<T | undefined>;
}

function scalar<T>(
  expects: string,
  parse: (text: string) => T | undefined,
  extra?: Partial<Shape<T>>,
): Shape<T> {
  return {
    expects,
    read(node, problems) {
      const value = node.kind === "scalar" && node.value !== null ? parse(node.text) : undefined;
      if (value === undefined) problems.add(node, `Expected ${expects}, not ${describe(node)}`);
      return value;
    },
    ...extra,
  };
}

const notEmpty = (text: string) => text === "" ? undefined : text;

export const text: Shape<string> = scalar("a text", notEmpty);

export const file: Shape<string> = scalar("the path of a file", notEmpty);

/** A path without the slash at its end. */
export const folder: Shape<string> = scalar(
  "the path of a folder",
  (text) => notEmpty(text.replace(/(?!^)\/+$/, "")),
);

export const boolean: Shape<boolean> = scalar(
  "true or false",
  (text) => text === "true" ? true : text === "false" ? false : undefined,
  { boolean: true },
);

export function number(options: { min?: number; max?: number; integer?: boolean; what?: string } = {}) {
  const { min = -Infinity, max = Infinity, integer = false, what } = options;
  const kind = what ?? (integer ? "a whole number" : "a number");
  const least = min > -Infinity ? ` of at least ${min}` : "",
    most = max < Infinity ? ` of at most ${max}` : "";
  const range = least && most ? ` from ${min} to ${max}` : least + most;
  return scalar(kind + range, (text) => {
    const value = text.trim() === "" ? NaN : Number(text);
    return Number.isFinite(value) && value >= min && value <= max && (!integer || Number.isInteger(value))
      ? value
      : undefined;
  });
}

const UNITS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400, "": 1 };

/** Seconds, written as a number or with units: 90, 1.5s, 5m, 1h30m. */
export const duration: Shape<number> = scalar("a duration such as 30s, 5m or 2h", (text) => {
  if (!/^\d+(?:\.\d+)?$|^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(text)) return undefined;
  const parts = text.matchAll(/([\d.]+)([a-z]*)/g);
  const seconds = parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNITS[unit!]!, 0);
  return seconds > 0 ? seconds : undefined;
});

export function choice<const T extends string>(words: readonly T[]): Shape<T> {
  return {
    expects: `one of ${words.join(", ")}`,
    read(node, problems) {
      const word = node.kind === "scalar" ? words.find((word) => word === node.text) : undefined;
      if (word === undefined) {
        const near = node.kind === "scalar" ? didYouMean(node.text, words) : "";
        problems.add(node, `Expected one of ${words.join(", ")}, not ${describe(node)}${near}`);
      }
      return word;
    },
  };
}

/** A list, or one item alone. */
export function list<T>(item: Shape<T>): Shape<T[]> {
  return {
    expects: `a list, each item ${item.expects}`,
    item,
    repeatable: true,
    show: (values) => values.map((value) => shownValue(item, value)),
    read(node, problems) {
      const items = node.kind === "list" ? node.items : [node];
      const values = items.map((each) => item.read(each, problems));
      return values.some((value) => value === undefined) ? undefined : values as T[];
    },
  };
}

/** A map whose keys the user chooses. */
export function table<T>(item: Shape<T>): Shape<Map<string, T>> {
  return {
    expects: `a map, each value ${item.expects}`,
    item,
    show: (values) =>
      Object.fromEntries(values.entries().map(([key, value]) => [key, shownValue(item, value)])),
    read(node, problems) {
      const entries = entriesOf(node, problems);
      if (entries === undefined) return undefined;
      const values = new Map<string, T>();
      for (const { key, value } of entries) {
        const read = item.read(value, problems);
        if (read !== undefined) values.set(key, read);
      }
      return values;
    },
  };
}

/** A node that somebody else understands. */
export const anything: Shape<Node> = { expects: "a value", read: (node) => node, show: plainOf };

/** A value of the shape as it is shown to people, and as it would be read again. */
export function shownValue<T>(shape: Shape<T>, value: T): unknown {
  return shape.show ? shape.show(value) : value instanceof Map ? Object.fromEntries(value) : value;
}

export interface RecordShape<S extends Settings> extends Shape<ValuesOf<S>> {
  readonly settings: S;
  defaults(): ValuesOf<S>;
}

/** A map with known keys. An unknown key is a problem; a missing one has its default. */
export function record<S extends Settings>(settings: S): RecordShape<S> {
  const defaults = () =>
    Object.fromEntries(Object.entries(settings).map(([key, { default: value }]) => [key, value])) as ValuesOf<
      S
    >;
  return {
    defaults,
    show(values) {
      const entries = Object.entries(settings).filter(([key]) => values[key] !== undefined);
      return Object.fromEntries(
        entries.map(([key, { shape }]) => [key, shownValue<unknown>(shape, values[key])]),
      );
    },
    expects: "a map",
    settings,
    read(node, problems) {
      const entries = entriesOf(node, problems);
      if (entries === undefined) return undefined;
      const values: Record<string, unknown> = defaults();
      for (const { key, place, value } of entries) {
        const known = own(settings, key);
        if (known === undefined) {
          const keys = Object.keys(settings);
          const hint = didYouMean(key, keys) || (keys.length > 0 ? `; known are ${keys.join(", ")}` : "");
          problems.add(place, `Unknown key ${shownKey(key)}${hint}`);
          continue;
        }
        const read = known.shape.read(value, problems);
        if (read !== undefined) values[key] = read;
      }
      return values as ValuesOf<S>;
    },
  };
}

/** Where the blank behind a colon is missing, a value became a part of the key: it may be a secret. */
function shownKey(key: string): string {
  const [, name, rest] = /^([^:=\s]*)(.*)$/s.exec(key)!;
  return rest === "" ? `"${name}"` : `"${name}…"`;
}

/** The entries of a map. A key that has nothing after it counts as an empty map. */
function entriesOf(node: Node, problems: Problems): readonly Entry[] | undefined {
  if (node.kind === "map") return node.entries;
  if (node.kind === "scalar" && node.value === null) return [];
  problems.add(node, `Expected a map, not ${describe(node)}`);
  return undefined;
}
