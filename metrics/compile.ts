import { METRIC_NAME } from "../core/metric_name.ts";
import { didYouMean } from "../core/nearest.ts";
import { describe, entryOf, type MapNode, type Node, nodeOf, type Problems } from "../core/node.ts";
import * as shape from "../core/shape.ts";
import type { Column } from "./column.ts";
import { openMetricsName } from "./exposition.ts";
import { Expressions, type Surroundings } from "./expressions.ts";
import { compileFilter, type Filter } from "./filter.ts";
import type { LabelPart } from "./label.ts";
import type { RuleSet } from "./pipeline.ts";
import { METRIC_TYPES, type MetricType } from "./rule.ts";

/** The keys of a rule. */
export const RULE = shape.record({
  name: shape.optional(shape.text, {
    help: "Name of the metric. The name of a shipped rule changes that rule, key by key",
    shown: "needed",
  }),
  help: shape.setting(shape.text, "A metric defined in the configuration.", { help: "Its help text" }),
  type: shape.optional(shape.choice(METRIC_TYPES), {
    help: "What kind of metric it is",
    shown: "gauge of snapshots, counter of streams",
  }),
  source: shape.optional(shape.text, {
    help: "The type of record that it counts",
    shown: "needed, except of a shipped rule",
  }),
  filter: shape.optional({ ...shape.anything, expects: "a filter, or a list of filters" }, {
    help: "Which records count",
    shown: "all",
  }),
  labels: shape.optional({ ...shape.anything, expects: "a list of labels" }, {
    help: "The labels",
    shown: "none",
  }),
  value: shape.setting(shape.text, "count", { help: "count, or the field whose values are added up" }),
  buckets: shape.optional(shape.list(shape.number()), { help: "Upper bounds of the buckets of a histogram" }),
  quantiles: shape.optional(shape.list(shape.number({ min: 0, max: 1 })), {
    help: "Quantiles of a summary, each from 0 to 1",
  }),
  max_series: shape.setting(shape.number({ min: 1, max: 10_000_000, integer: true }), 10_000, {
    help: "What does not fit is folded into one series whose labels all read other",
  }),
  ttl: shape.setting(shape.duration, 600, { help: "A series of a stream vanishes when idle for so long" }),
  enabled: shape.setting(shape.boolean, true, { help: "false switches a shipped rule off" }),
});

/** The keys of a label. */
export const LABEL = shape.record({
  name: shape.optional(shape.text, { help: "Name of the label", shown: "needed" }),
  field: shape.optional({ ...shape.anything, expects: "a field, or a list of two" }, {
    help: "Where its value comes from; two are joined by a colon where no step takes them together",
    shown: "that of its name, or none with the step static",
  }),
  steps: shape.optional({ ...shape.anything, expects: "a step, or a list of steps" }, {
    help: "What leads from the field's value to the label's text",
    shown: "none",
  }),
});

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const RESERVED = /^(netcensus|process|nodejs|scrape)_|^up$/;
/** What is added to the name of a metric, in either format. */
const SUFFIXES: Readonly<Partial<Record<MetricType, readonly string[]>>> = {
  histogram: ["_bucket", "_sum", "_count", "_gsum", "_gcount"],
  summary: ["_sum", "_count"],
};
/** The label that a type has by itself, and of what it is. */
const OWN_LABELS: Readonly<Partial<Record<MetricType, { readonly name: string; readonly what: string }>>> = {
  histogram: { name: "le", what: "buckets" },
  summary: { name: "quantile", what: "quantiles" },
};
/** The type that needs a list, and with which no other has anything to do. */
const TYPE_WITH = { buckets: "histogram", quantiles: "summary" } as const;

/** Compiles rules and adds each to the rule set of its source. Every name in them is resolved here. */
export function compileRules(
  nodes: readonly MapNode[],
  surroundings: Surroundings,
  problems: Problems,
): void {
  const taken = new Map((surroundings.taken ?? []).map((name) => [name, name]));
  for (const node of nodes) new RuleCompiler(node, surroundings, problems).compile(taken);
}

/** Compiles what `filters:` says: by source, which of its records count at all. */
export function compileSourceFilters(
  node: Node | undefined,
  surroundings: Surroundings,
  problems: Problems,
): void {
  if (node === undefined || (node.kind === "scalar" && node.value === null)) return;
  if (node.kind !== "map") {
    return problems.add(node, `Expected a map from sources to filters, not ${describe(node)}`);
  }
  for (const { key, place, value } of node.entries) {
    const ruleSet = sourceOf(key, place, { surroundings, problems });
    if (ruleSet === undefined) continue;
    ruleSet.filter = filterOf(value, new Expressions(ruleSet, surroundings, problems), problems);
  }
}

/** The rule set of the source of that name. */
function sourceOf(
  name: string,
  place: { readonly place: string } | string,
  { surroundings, problems }: { surroundings: Surroundings; problems: Problems },
): RuleSet | undefined {
  const names = surroundings.ruleSets.map(({ type }) => type.name), at = names.indexOf(name);
  if (at < 0) {
    problems.add(place, `Unknown source "${name}"${didYouMean(name, names)}; known are ${names.join(", ")}`);
  }
  return surroundings.ruleSets[at];
}

function filterOf(node: Node, expressions: Expressions, problems: Problems): Filter | undefined {
  return compileFilter(node, (fields, steps) => expressions.compile(fields, steps), problems);
}

/** The labels of a rule that come from one column. */
interface LabelsOfColumn {
  readonly column: Column;
  readonly parts: readonly LabelPart[];
  readonly recipes: readonly unknown[];
}

class RuleCompiler {
  readonly #node: MapNode;
  readonly #surroundings: Surroundings;
  readonly #problems: Problems;

  constructor(node: MapNode, surroundings: Surroundings, problems: Problems) {
    this.#node = node;
    this.#surroundings = surroundings;
    this.#problems = problems;
  }

  compile(taken: Map<string, string>): void {
    const before = this.#problems.list.length;
    const read = RULE.read(this.#node, this.#problems);
    if (read?.name === undefined || !read.enabled) return;
    const { name } = read;
    const ruleSet = this.#source(read.source);
    if (ruleSet === undefined) return;
    const type = read.type ?? (ruleSet.type.kind === "snapshot" ? "gauge" : "counter");
    this.#checkName(name, type, taken);
    if (entryOf(this.#node, "ttl") && ruleSet.type.kind === "snapshot") {
      this.#report(
        "ttl",
        `The records of ${ruleSet.type.name} are snapshots: their series have no time to live`,
      );
    }
    if (type === "counter" && read.value === "count" && ruleSet.type.kind === "snapshot") {
      this.#report(
        "type",
        `The records of ${ruleSet.type.name} are snapshots: their number goes up and down`,
      );
    }
    if (type === "summary" && ruleSet.type.kind === "snapshot") {
      this.#report(
        "type",
        `The records of ${ruleSet.type.name} are snapshots: a summary is of those of a stream`,
      );
    }
    const expressions = new Expressions(ruleSet, this.#surroundings, this.#problems);
    const labels = this.#labels(read.labels, expressions, type).map(({ column, parts, recipes }) =>
      ruleSet.label(column, parts, JSON.stringify(recipes, withoutPlaces))
    );
    const valueAt = this.#value(read.value, ruleSet, type);
    const buckets = this.#numbers("buckets", read.buckets, type);
    const quantiles = this.#numbers("quantiles", read.quantiles, type);
    const filter = read.filter && filterOf(read.filter, expressions, this.#problems);
    if (this.#problems.list.length > before) return;
    const { shares = 1 } = this.#surroundings;
    const recipe = [read.filter, read.labels, read.max_series, read.ttl];
    ruleSet.add(
      { name, help: read.help, type, source: ruleSet.type, valueAt, buckets, quantiles },
      { filter, labels, maxSeries: Math.max(1, Math.floor(read.max_series / shares)), ttl: read.ttl },
      JSON.stringify(recipe, withoutPlaces),
    );
  }

  #report(key: string, message: string): void {
    this.#problems.add(entryOf(this.#node, key)?.value ?? this.#node, message);
  }

  #source(name: string | undefined): RuleSet | undefined {
    if (name !== undefined) {
      const place = entryOf(this.#node, "source")!.value;
      return sourceOf(name, place, { surroundings: this.#surroundings, problems: this.#problems });
    }
    const names = this.#surroundings.ruleSets.map(({ type }) => type.name);
    const rule = entryOf(this.#node, "name")?.value;
    const text = rule?.kind === "scalar" ? rule.text : "";
    this.#problems.add(
      rule ?? this.#node,
      `The rule "${text}" needs the key "source": one of ${names.join(", ")}`,
    );
    return undefined;
  }

  #checkName(name: string, type: MetricType, taken: Map<string, string>): void {
    if (!METRIC_NAME.test(name)) {
      this.#report(
        "name",
        `"${name}" is not a name for a metric: letters, digits, _ and :, not a digit first`,
      );
    }
    if (RESERVED.test(name) && !this.#surroundings.shipped?.has(name)) {
      this.#report("name", `The name "${name}" is reserved for the exporter's own metrics`);
    }
    const longer = SUFFIXES[type]?.map((suffix) => name + suffix) ?? [];
    const names = new Set([name, openMetricsName(name, type), ...longer]);
    for (const each of names) {
      const other = taken.get(each);
      if (other !== undefined) {
        this.#report("name", `The series of "${name}" and "${other}" would have the same name`);
      }
      taken.set(each, name);
    }
  }

  #value(name: string, ruleSet: RuleSet, type: MetricType): number {
    if (name === "count" && (type === "gauge" || type === "counter")) return -1;
    const { fields } = ruleSet.type;
    const numbers = Object.keys(fields).filter((name) => fields[name]!.type === "number");
    if (numbers.includes(name)) return ruleSet.type.at[name]!;
    const hint = didYouMean(name, numbers) || `; such are ${numbers.join(", ")}`;
    this.#report("value", `Expected count or a field that is a number, not "${name}"${hint}`);
    return -1;
  }

  #numbers(
    key: keyof typeof TYPE_WITH,
    numbers: readonly number[] | undefined,
    type: MetricType,
  ): readonly number[] {
    if (type !== TYPE_WITH[key]) {
      if (numbers !== undefined) this.#report(key, `A ${type} has no ${key}`);
      return [];
    }
    const isWritten = entryOf(this.#node, key) !== undefined;
    // What cannot be read is reported where it is read.
    if (numbers === undefined && isWritten) return [];
    if (numbers === undefined || numbers.some((number, i) => number <= numbers[i - 1]!)) {
      this.#report(isWritten ? key : "type", `A ${type} needs "${key}": numbers that ascend`);
      return [];
    }
    return numbers;
  }

  /** Labels that come from the same column are one. */
  #labels(node: Node | undefined, expressions: Expressions, type: MetricType): LabelsOfColumn[] {
    if (node === undefined) return [];
    if (node.kind !== "list") {
      this.#problems.add(node, `Expected a list of labels, not ${describe(node)}`);
      return [];
    }
    const names = new Set<string>();
    const byColumn = new Map<Column, { parts: LabelPart[]; recipes: unknown[] }>();
    for (const item of node.items) {
      const label = this.#label(item, expressions);
      if (label === undefined) continue;
      const { name, column, steps, recipe } = label;
      this.#checkLabelName(name, entryOf(item, "name")?.value ?? item, names, type);
      names.add(name);
      const { parts, recipes } = byColumn.get(column) ?? { parts: [], recipes: [] };
      parts.push({ name, steps });
      recipes.push(name, recipe);
      byColumn.set(column, { parts, recipes });
    }
    return [...byColumn].map(([column, of]) => ({ column, ...of }));
  }

  #checkLabelName(name: string, node: Node, names: ReadonlySet<string>, type: MetricType): void {
    if (!LABEL_NAME.test(name) || name.startsWith("__")) {
      this.#problems.add(
        node,
        `"${name}" is not a name for a label: letters, digits and _, not a digit or __ first`,
      );
    }
    const own = OWN_LABELS[type];
    if (name === own?.name) {
      this.#problems.add(node, `The label "${name}" of a ${type} is that of its ${own.what}`);
    }
    if (names.has(name)) this.#problems.add(node, `The label "${name}" is there twice`);
  }

  /** `FIELD`, or `{name: …, field: …, steps: […]}`. */
  #label(node: Node, expressions: Expressions) {
    if (node.kind === "scalar") {
      const expression = expressions.compile(node, undefined);
      return expression && { name: node.text, ...expression, recipe: undefined };
    }
    const read = LABEL.read(node, this.#problems);
    if (read === undefined) return undefined;
    const { name, steps: recipe } = read;
    if (name === undefined) {
      this.#problems.add(node, 'A label needs the key "name"');
      return undefined;
    }
    const isConstant = read.field === undefined && hasStatic(recipe);
    const field = read.field ?? (isConstant ? nodeOf([]) : nodeOf(name, entryOf(node, "name")!.value.place));
    const expression = expressions.compile(field, recipe);
    return expression && { name, ...expression, recipe };
  }
}

function hasStatic(steps: Node | undefined): boolean {
  const items = steps?.kind === "list" ? steps.items : [steps];
  return items.some((item) => entryOf(item, "static"));
}

function withoutPlaces(key: string, value: unknown): unknown {
  return key === "place" ? undefined : value;
}
