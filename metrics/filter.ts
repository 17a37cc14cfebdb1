import type { Value } from "../core/enricher.ts";
import { Ip, Prefix } from "../core/ip.ts";
import { didYouMean } from "../core/nearest.ts";
import { own } from "../core/own.ts";
import { describe, entryOf, type MapNode, type Node, type Problems } from "../core/node.ts";
import type { Field } from "../core/record.ts";
import { boolean, list, number, type Shape, text } from "../core/shape.ts";
import { BATCH } from "./batch.ts";
import type { Column, ColumnTable } from "./column.ts";
import { compileRegExp, numberOf, run, type Step, textOf, watch } from "./steps.ts";

/** Whether a record of a batch counts, told from the ids of the columns. */
export interface Filter {
  test(ids: Int32Array, record: number): boolean;
}

/** A field with the steps that lead from it to the value in question. */
export interface Expression {
  readonly column: Column;
  readonly steps: readonly Step[];
  /** The field, when it is one and the steps do not change it. */
  readonly field: Field | undefined;
}

/** Resolves a field and steps by name; gives nothing after reporting what is wrong with them. */
export type ResolveExpression = (fields: Node, steps: Node | undefined) => Expression | undefined;

type Condition = (value: Value | undefined) => boolean;

/** All of a list must hold. */
export function compileFilter(
  node: Node,
  resolve: ResolveExpression,
  problems: Problems,
): Filter | undefined {
  if (node.kind === "list") return all(node.items.map((item) => compileFilter(item, resolve, problems)));
  if (node.kind === "scalar") {
    problems.add(node, `Expected a filter such as {match: FIELD, is: VALUE}, not ${describe(node)}`);
    return undefined;
  }
  if (entryOf(node, "match")) return compileTest(node, resolve, problems);
  const [entry, more] = node.entries;
  if (entry === undefined || more !== undefined || !["all", "any", "not"].includes(entry.key)) {
    const place = entry ?? node;
    const hint = entry ? didYouMean(entry.key, ["match", "all", "any", "not"]) : "";
    problems.add(place, `A filter has either the key "match" or one of "all", "any" and "not"${hint}`);
    return undefined;
  }
  const inner = entry.value;
  if (entry.key === "not") {
    const filter = compileFilter(inner, resolve, problems);
    return filter && { test: (ids, record) => !filter.test(ids, record) };
  }
  if (inner.kind !== "list") {
    problems.add(inner, `Expected a list of filters, not ${describe(inner)}`);
    return undefined;
  }
  const filters = inner.items.map((item) => compileFilter(item, resolve, problems));
  return entry.key === "all" ? all(filters) : any(filters);
}

function all(filters: readonly (Filter | undefined)[]): Filter | undefined {
  if (!complete(filters)) return undefined;
  if (filters.length === 1) return filters[0];
  return { test: (ids, record) => filters.every((filter) => filter.test(ids, record)) };
}

function any(filters: readonly (Filter | undefined)[]): Filter | undefined {
  return complete(filters)
    ? { test: (ids, record) => filters.some((filter) => filter.test(ids, record)) }
    : undefined;
}

function complete(filters: readonly (Filter | undefined)[]): filters is readonly Filter[] {
  return filters.every((filter) => filter !== undefined);
}

const UNKNOWN = 0, NO = 1, YES = 2;

/** A condition on the value of a column: a table of verdicts, filled where it has a hole. */
class Test implements Filter, ColumnTable {
  #verdicts = new Uint8Array(0);

  constructor(readonly column: Column, readonly steps: readonly Step[], readonly condition: Condition) {
    column.attach(this);
    watch(steps, this);
  }

  test(ids: Int32Array, record: number): boolean {
    const id = ids[this.column.index * BATCH + record]!;
    let verdict = this.#verdicts[id]!;
    if (verdict === UNKNOWN) {
      const value = run(this.steps, this.column.valueOf(id));
      verdict = this.#verdicts[id] = this.condition(value) ? YES : NO;
    }
    return verdict === YES;
  }

  grow(capacity: number): void {
    const verdicts = this.#verdicts;
    this.#verdicts = new Uint8Array(capacity);
    this.#verdicts.set(verdicts);
  }

  forget(): void {
    this.#verdicts.fill(UNKNOWN);
  }

  reopen(value: Value): void {
    this.#verdicts[this.column.find(value)] = UNKNOWN;
  }
}

/** `{match: FIELD, steps: […], is/in/cidr/range/regex/present: …, not: {…}}`; all of its conditions must hold. */
function compileTest(node: MapNode, resolve: ResolveExpression, problems: Problems): Filter | undefined {
  const match = entryOf(node, "match")!;
  const expression = resolve(match.value, entryOf(node, "steps")?.value);
  if (expression === undefined) return undefined;
  const rest = node.entries.filter(({ key }) => key !== "match" && key !== "steps");
  const condition = compileConditions({ ...node, entries: rest }, expression.field, problems);
  return condition && new Test(expression.column, expression.steps, condition);
}

function compileConditions(node: Node, field: Field | undefined, problems: Problems): Condition | undefined {
  if (node.kind !== "map" || node.entries.length === 0) {
    problems.add(
      node,
      `A filter needs a condition: one of ${[...Object.keys(CONDITIONS), "not"].join(", ")}`,
    );
    return undefined;
  }
  const conditions: (Condition | undefined)[] = node.entries.map(({ key, place, value }) => {
    if (key === "not") {
      const condition = compileConditions(value, field, problems);
      return condition && ((value) => !condition(value));
    }
    const kind = own(CONDITIONS, key);
    if (kind === undefined) {
      const hint = didYouMean(key, [...Object.keys(CONDITIONS), "match", "not", "steps"]);
      const known = hint || `; known are ${Object.keys(CONDITIONS).join(", ")} and not`;
      problems.add(place, `Unknown condition "${key}"${known}`);
      return undefined;
    }
    return kind(value, field, problems);
  });
  if (conditions.some((condition) => condition === undefined)) return undefined;
  return (value) => conditions.every((condition) => condition!(value));
}

/** What a condition's argument becomes. Of an absent value, none but `present: false` holds. */
const CONDITIONS: Readonly<
  Record<string, (argument: Node, field: Field | undefined, problems: Problems) => Condition | undefined>
> = {
  is: equalTo,
  in: equalTo,
  cidr(argument, field, problems) {
    const texts = list(text).read(argument, problems);
    if (texts === undefined) return undefined;
    if (field !== undefined && field.type !== "ip") {
      problems.add(argument, "The condition cidr is for addresses only");
      return undefined;
    }
    const prefixes = texts.map((text) => Prefix.parse(text));
    const wrong = prefixes.indexOf(undefined);
    if (wrong >= 0) {
      problems.add(argument, `Expected a network such as 10.0.0.0/8, not "${texts[wrong]}"`);
      return undefined;
    }
    return (value) => value instanceof Ip && prefixes.some((prefix) => prefix!.contains(value));
  },
  range(argument, field, problems) {
    const ends = argument.kind === "list"
      ? argument.items.map((item) => number().read(item, problems))
      : /^(\d+)-(\d*)$/.exec(text.read(argument, problems) ?? "")?.slice(1).map((end) =>
        Number(end || Infinity)
      );
    const [from, to, more] = ends ?? [];
    if (from === undefined || to === undefined || more !== undefined || from > to) {
      problems.add(argument, 'Expected a range such as "1024-49151", "1024-" or [0.5, 10]');
      return undefined;
    }
    if (field !== undefined && field.type !== "number") {
      problems.add(argument, "The condition range is for numbers only");
      return undefined;
    }
    return (value) => {
      const number = value === undefined ? NaN : numberOf(value);
      return number >= from && number <= to;
    };
  },
  regex(argument, _field, problems) {
    const source = text.read(argument, problems);
    // Anchored at both ends, as everywhere in Prometheus.
    const regex = source === undefined
      ? undefined
      : compileRegExp(source, argument, problems, `^(?:${source})$`);
    return regex && ((value) => value !== undefined && regex.test(textOf(value)));
  },
  present(argument, _field, problems) {
    const wanted = boolean.read(argument, problems);
    return wanted === undefined
      ? undefined
      : (value) => (value !== undefined && textOf(value) !== "") === wanted;
  },
};

function equalTo(argument: Node, field: Field | undefined, problems: Problems): Condition | undefined {
  const values = list(field === undefined ? text : literalOf(field)).read(argument, problems);
  if (values === undefined) return undefined;
  const wanted = new Set(values);
  return (value) => value !== undefined && wanted.has(textOf(value));
}

/** The canonical text of a value that the field can have. */
function literalOf(field: Field): Shape<string> {
  switch (field.type) {
    case "ip":
      return {
        expects: "an address",
        read(node, problems) {
          const ip = node.kind === "scalar" ? Ip.parse(node.text) : undefined;
          if (ip === undefined) problems.add(node, `Expected an IP address, not ${describe(node)}`);
          return ip?.toString();
        },
      };
    case "choice":
      return {
        expects: "a word",
        read(node, problems) {
          const word = node.kind === "scalar" ? node.text : "";
          if (field.choices.includes(word)) return word;
          problems.add(
            node,
            `Expected one of ${field.choices.join(", ")}, not ${describe(node)}${
              didYouMean(word, field.choices)
            }`,
          );
          return undefined;
        },
      };
    case "number":
      return {
        expects: "a number",
        read(node, problems) {
          const value = number().read(node, problems);
          return value === undefined ? undefined : String(value);
        },
      };
    case "text":
      return text;
  }
}
