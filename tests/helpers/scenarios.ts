import type { ShippedRule } from "../../core/collector.ts";
import type { Literal } from "../../core/node.ts";
import { recordType } from "../../core/record.ts";
import type { Plain } from "./pipelines.ts";
import type { Random } from "./random.ts";

/** How the records of a rule are grouped. */
export interface PlainGrouping {
  /** The keys of a rule that say so. */
  readonly grouping: Readonly<Record<string, Literal>>;
  readonly kind: "snapshot" | "stream";
  /** In the order in which they are shown. */
  readonly labels: readonly PlainLabel[];
  readonly passes: (record: Plain) => boolean;
  readonly maxSeries: number;
  readonly ttl: number;
}

/** A rule, and what it says in plain functions of a record. */
export interface PlainRule extends PlainGrouping {
  readonly literal: ShippedRule;
  readonly name: string;
  readonly type: "gauge" | "counter" | "histogram";
  /** Absent where the record does not count. */
  readonly valueOf: (record: Plain) => number | undefined;
  readonly buckets: readonly number[];
}

export interface PlainLabel {
  readonly name: string;
  readonly literal: Literal;
  /** What the label is made of. */
  readonly fields: string;
  readonly textOf: (record: Plain) => string;
}

interface PlainFilter {
  readonly literal: Literal;
  readonly passes: (record: Plain) => boolean;
}

const STATES = ["LISTEN", "ESTABLISHED", "other"];
const NAMES = ["nginx", "other", "", 'a "quoted" one', "back\\slash", "two\nlines", "ä😀", "апач"];

const FIELDS = {
  host: { type: "ip", help: "Address" },
  port: { type: "number", max: 65535, help: "Port" },
  name: { type: "text", help: "Name" },
  state: { type: "choice", choices: STATES, help: "State" },
  amount: { type: "number", help: "Amount" },
} as const;

export const SNAPSHOT = recordType({ name: "sockets", help: "Sockets", kind: "snapshot", fields: FIELDS });
export const STREAM = recordType({ name: "flows", help: "Flows", kind: "stream", fields: FIELDS });

/** Amounts are whole, so that sums are exact in whatever order they are made. */
export function randomRecord(random: Random, { least = -20 } = {}): Plain {
  const few = random.int(3) > 0;
  const record = {
    host: random.int(2) === 0
      ? `${random.pick([10, 192])}.0.0.${random.int(few ? 2 : 100)}`
      : `${random.pick(["2001:db8", "fe80"])}::${(1 + random.int(few ? 2 : 100)).toString(16)}`,
    port: random.pick([0, 53, 443, 1024, 49152, 65535, 60000 + random.int(few ? 1 : 100)]),
    name: few ? random.pick(NAMES) : `name ${random.int(100)}`,
    state: random.pick(STATES),
    amount: least + random.int(200),
  };
  const absent = random.pick([...Object.keys(record), "", "", ""]);
  return absent === "" ? record : { ...record, [absent]: undefined };
}

export function randomGrouping(
  random: Random,
  { kind, ttl = 600 }: { kind: PlainRule["kind"]; ttl?: number },
): PlainGrouping {
  const labels = Array.from({ length: random.int(6) }, (_, i) => randomLabel(random, `l${i}`));
  const filter = randomFilter(random, 2);
  const maxSeries = 1 + random.int(random.pick([3, 50]));
  return {
    grouping: {
      source: kind === "snapshot" ? SNAPSHOT.name : STREAM.name,
      filter: filter.literal,
      labels: labels.map(({ literal }) => literal),
      max_series: maxSeries,
      ...kind === "stream" ? { ttl } : {},
    },
    kind,
    labels: inOrder(labels),
    passes: filter.passes,
    maxSeries,
    ttl,
  };
}

export function randomRule(random: Random, name: string, grouping: PlainGrouping): PlainRule {
  const type = random.pick(["gauge", "counter", "histogram"] as const);
  // The number of records of a snapshot is no counter.
  const mayCount = type === "gauge" || (type === "counter" && grouping.kind === "stream");
  const value = mayCount && random.int(2) === 0 ? "count" : random.pick(["amount", "amount", "port"]);
  const buckets = type === "histogram" ? [-5, 0, 10.5, 100].slice(random.int(5)) : [];
  return {
    ...grouping,
    literal: {
      name,
      help: `Help of ${name}`,
      type,
      value,
      ...grouping.grouping,
      ...type === "histogram" ? { buckets } : {},
    },
    name,
    type,
    valueOf(record) {
      const number = value === "count" ? 1 : record[value] as number | undefined;
      return number !== undefined && type === "counter" && number < 0 ? undefined : number;
    },
    buckets,
  };
}

/** Labels of the same fields stand together, where the first of them does. */
function inOrder(labels: readonly PlainLabel[]): PlainLabel[] {
  return [...Map.groupBy(labels, ({ fields }) => fields).values()].flat();
}

function text(value: string | number | undefined): string {
  return String(value ?? "");
}

function randomLabel(random: Random, name: string): PlainLabel {
  const label = (field: readonly string[], steps: readonly Literal[], textOf: PlainLabel["textOf"]) => ({
    name,
    literal: { name, field: field.length === 1 ? field[0]! : field, steps },
    fields: field.join(" "),
    textOf,
  });
  const plain = (field: string) => label([field], [], (record) => text(record[field]));
  const pair = (a: string, b: string) =>
    label(
      [a, b],
      [],
      (record) =>
        record[a] === undefined && record[b] === undefined ? "" : `${text(record[a])}:${text(record[b])}`,
    );
  return random.pick([
    () => plain("host"),
    () => plain("port"),
    () => plain("name"),
    () => plain("state"),
    () => plain("amount"),
    () => pair("host", "port"),
    () => pair("name", "state"),
    () => label(["host"], [{ cidr: { v4: 8, v6: 32 } }], (record) => networkOf(record["host"])),
    () => label(["name"], ["upper"], (record) => text(record["name"]).toUpperCase()),
    () => label(["name"], [{ on_missing: "other" }], (record) => text(record["name"]) || "other"),
    () => label(["state"], [{ prefix: "in " }], ({ state }) => state === undefined ? "" : `in ${state}`),
    () =>
      label(
        ["state"],
        [{ map: { LISTEN: "server", "*": "other" } }],
        ({ state }) => state === undefined ? "" : state === "LISTEN" ? "server" : "other",
      ),
    () => ({ name, literal: { name, steps: [{ static: "other" }] }, fields: "", textOf: () => "other" }),
  ])();
}

export function networkOf(host: string | number | undefined): string {
  if (host === undefined) return "";
  const [first, second] = String(host).split(/[.:]/);
  if (!String(host).includes(":")) return `${first}.0.0.0/8`;
  return second === "" ? `${first}::/32` : `${first}:${second}::/32`;
}

function randomFilter(random: Random, depth: number): PlainFilter {
  if (depth > 0 && random.int(2) === 0) {
    const inner = Array.from({ length: 1 + random.int(2) }, () => randomFilter(random, depth - 1));
    const literals = inner.map(({ literal }) => literal);
    return random.pick<PlainFilter>([
      { literal: literals, passes: (record) => inner.every(({ passes }) => passes(record)) },
      { literal: { all: literals }, passes: (record) => inner.every(({ passes }) => passes(record)) },
      { literal: { any: literals }, passes: (record) => inner.some(({ passes }) => passes(record)) },
      { literal: { not: literals[0]! }, passes: (record) => !inner[0]!.passes(record) },
    ]);
  }
  return random.pick<PlainFilter>([
    { literal: [], passes: () => true },
    { literal: { match: "state", is: "LISTEN" }, passes: ({ state }) => state === "LISTEN" },
    {
      literal: { match: "name", in: ["nginx", "апач"] },
      passes: ({ name }) => name === "nginx" || name === "апач",
    },
    {
      literal: { match: "host", cidr: ["10.0.0.0/8", "2001:db8::/32"] },
      passes: ({ host }) => ["10.0.0.0/8", "2001:db8::/32"].includes(networkOf(host)),
    },
    {
      literal: { match: "port", range: "1024-60010" },
      passes: ({ port }) => port !== undefined && Number(port) >= 1024 && Number(port) <= 60010,
    },
    {
      literal: { match: "amount", not: { range: [0, 50] } },
      passes: ({ amount }) => !(Number(amount) >= 0 && Number(amount) <= 50),
    },
    { literal: { match: "name", regex: "name .*" }, passes: ({ name }) => text(name).startsWith("name ") },
    { literal: { match: "name", present: false }, passes: ({ name }) => text(name) === "" },
    {
      literal: { match: "name", steps: ["upper", { prefix: "x" }], is: "xNGINX" },
      passes: ({ name }) => name === "nginx",
    },
    {
      literal: { match: ["host", "port"], is: ["10.0.0.0:443", ":53"] },
      passes: ({ host, port }) => ["10.0.0.0:443", ":53"].includes(`${text(host)}:${text(port)}`),
    },
  ]);
}
