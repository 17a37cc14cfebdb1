import type { Lookup, Value } from "../core/enricher.ts";
import { didYouMean } from "../core/nearest.ts";
import { own } from "../core/own.ts";
import {
  describe,
  type Entry,
  entryOf,
  type MapNode,
  type Node,
  nodeOf,
  type Problems,
} from "../core/node.ts";
import * as shape from "../core/shape.ts";
import type { Column } from "./column.ts";
import { openMetricsName } from "./exposition.ts";
import type { Field } from "../core/record.ts";
import { compileFilter, type Expression, type Filter } from "./filter.ts";
import type { Label, LabelPart } from "./label.ts";
import type { RuleSet } from "./pipeline.ts";
import { METRIC_TYPES, type MetricType } from "./rule.ts";
import { type Step, STEPS } from "./steps.ts";

/** An enricher as steps know it. */
export interface NamedLookup extends Lookup {
  readonly outputs: readonly string[];
  readonly takes?: Field["type"] | undefined;
}

/** What the names in rules may refer to. */
export interface Surroundings {
  readonly ruleSets: readonly RuleSet[];
  readonly lookups: ReadonlyMap<string, NamedLookup>;
  /** Enrichers that would be there if they were configured. */
  readonly unconfigured?: readonly string[];
}

/** The keys of a rule. */
export const RULE = shape.record({
  name: shape.optional(shape.text, {
    help: "Name of the metric. The name of a shipped rule changes that rule",
  }),
  help: shape.setting(shape.text, "A metric defined in the configuration.", { help: "Its help text" }),
  type: shape.optional(shape.choice(METRIC_TYPES), {
    help: "Default: gauge for snapshots, counter for streams",
  }),
  source: shape.optional(shape.text, { help: "The type of record that it counts" }),
  filter: shape.optional(shape.anything, { help: "Which records count; all without it" }),
  labels: shape.optional(shape.anything, { help: "List of labels" }),
  value: shape.setting(shape.text, "count", { help: "count, or the field whose values are added up" }),
  buckets: shape.optional(shape.list(shape.number()), { help: "Upper bounds of the buckets of a histogram" }),
  max_series: shape.setting(shape.number({ min: 1, max: 10_000_000, integer: true }), 10_000, {
    help: "What does not fit is folded into one series whose labels all read other",
  }),
  ttl: shape.setting(shape.duration, 600, { help: "A series of a stream vanishes when idle for so long" }),
  enabled: shape.setting(shape.boolean, true, { help: "false switches a shipped rule off" }),
});

const LABEL = shape.record({
  name: shape.optional(shape.text, { help: "Name of the label" }),
  field: shape.optional(shape.anything, { help: "A field, or a list of two; the label's name without it" }),
  steps: shape.optional(shape.anything, { help: "What leads from the field's value to the label's text" }),
});

const KINDS: Readonly<Record<Field["type"], string>> = {
  ip: "an address",
  text: "a text",
  choice: "a word",
  number: "a number",
};

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const RESERVED = /^(netcensus|process|nodejs|scrape)_|^up$/;
/** What is added to a histogram's name, in either format. */
const HISTOGRAM_SUFFIXES = ["_bucket", "_sum", "_count", "_gsum", "_gcount"];

/** Compiles rules and adds each to the rule set of its source. Every name in them is resolved here. */
export function compileRules(
  nodes: readonly MapNode[],
  surroundings: Surroundings,
  problems: Problems,
): void {
  const taken = new Map<string, string>();
  for (const node of nodes) new RuleCompiler(node, surroundings, problems).compile(taken);
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
    const labels = this.#labels(read.labels, ruleSet, type);
    const valueAt = this.#value(read.value, ruleSet, type);
    const buckets = this.#buckets(read.buckets, type);
    const filter = read.filter && this.#filter(read.filter, ruleSet);
    if (this.#problems.list.length > before) return;
    const recipe = [read.filter, read.labels, read.max_series, read.ttl];
    ruleSet.add(
      { name, help: read.help, type, source: ruleSet.type, valueAt, buckets },
      { filter, labels, maxSeries: read.max_series, ttl: read.ttl },
      JSON.stringify(recipe, withoutPlaces),
    );
  }

  #report(key: string, message: string): void {
    this.#problems.add(entryOf(this.#node, key)?.value ?? this.#node, message);
  }

  #source(name: string | undefined): RuleSet | undefined {
    const { ruleSets } = this.#surroundings;
    const ruleSet = ruleSets.find(({ type }) => type.name === name);
    if (ruleSet !== undefined) return ruleSet;
    const names = ruleSets.map(({ type }) => type.name);
    if (name === undefined) {
      const rule = entryOf(this.#node, "name")?.value;
      const text = rule?.kind === "scalar" ? rule.text : "";
      this.#problems.add(
        rule ?? this.#node,
        `The rule "${text}" needs the key "source": one of ${names.join(", ")}`,
      );
    } else {
      this.#report(
        "source",
        `Unknown source "${name}"${didYouMean(name, names)}; known are ${names.join(", ")}`,
      );
    }
    return undefined;
  }

  #checkName(name: string, type: MetricType, taken: Map<string, string>): void {
    if (!METRIC_NAME.test(name)) {
      this.#report(
        "name",
        `"${name}" is not a name for a metric: letters, digits, _ and :, not a digit first`,
      );
    }
    if (RESERVED.test(name)) {
      this.#report("name", `The name "${name}" is reserved for the exporter's own metrics`);
    }
    const names = type === "histogram"
      ? [name, ...HISTOGRAM_SUFFIXES.map((suffix) => name + suffix)]
      : new Set([name, openMetricsName(name, type)]);
    for (const each of names) {
      const other = taken.get(each);
      if (other !== undefined) {
        this.#report("name", `The series of "${name}" and "${other}" would have the same name`);
      }
      taken.set(each, name);
    }
  }

  #value(name: string, ruleSet: RuleSet, type: string): number {
    if (name === "count" && type !== "histogram") return -1;
    const { fields } = ruleSet.type;
    const numbers = Object.keys(fields).filter((name) => fields[name]!.type === "number");
    if (numbers.includes(name)) return ruleSet.type.at[name]!;
    const hint = didYouMean(name, numbers) || `; such are ${numbers.join(", ")}`;
    this.#report("value", `Expected count or a field that is a number, not "${name}"${hint}`);
    return -1;
  }

  #buckets(buckets: readonly number[] | undefined, type: string): readonly number[] {
    if (type !== "histogram") {
      if (buckets !== undefined) this.#report("buckets", `A ${type} has no buckets`);
      return [];
    }
    const isWritten = entryOf(this.#node, "buckets") !== undefined;
    // What cannot be read is reported where it is read.
    if (buckets === undefined && isWritten) return [];
    if (
      buckets === undefined || buckets.some((bound, i) => bound <= buckets[i - 1]!)
    ) {
      this.#report(isWritten ? "buckets" : "type", 'A histogram needs "buckets": numbers that ascend');
      return [];
    }
    return buckets;
  }

  #filter(node: Node, ruleSet: RuleSet): Filter | undefined {
    return compileFilter(node, (fields, steps) => this.#expression(fields, steps, ruleSet), this.#problems);
  }

  /** Labels that come from the same column are one. */
  #labels(node: Node | undefined, ruleSet: RuleSet, type: string): Label[] {
    if (node === undefined) return [];
    if (node.kind !== "list") {
      this.#problems.add(node, `Expected a list of labels, not ${describe(node)}`);
      return [];
    }
    const names = new Set<string>();
    const byColumn = new Map<Column, { parts: LabelPart[]; recipes: unknown[] }>();
    for (const item of node.items) {
      const label = this.#label(item, ruleSet);
      if (label === undefined) continue;
      const { name, column, steps, recipe } = label;
      this.#checkLabelName(name, entryOf(item, "name")?.value ?? item, names, type);
      names.add(name);
      const { parts, recipes } = byColumn.get(column) ?? { parts: [], recipes: [] };
      parts.push({ name, steps });
      recipes.push(name, recipe);
      byColumn.set(column, { parts, recipes });
    }
    return [...byColumn].map(([column, { parts, recipes }]) =>
      ruleSet.label(column, parts, JSON.stringify(recipes, withoutPlaces))
    );
  }

  #checkLabelName(name: string, node: Node, names: ReadonlySet<string>, type: string): void {
    if (!LABEL_NAME.test(name) || name.startsWith("__")) {
      this.#problems.add(
        node,
        `"${name}" is not a name for a label: letters, digits and _, not a digit or __ first`,
      );
    }
    if (name === "le" && type === "histogram") {
      this.#problems.add(node, 'The label "le" of a histogram is that of its buckets');
    }
    if (names.has(name)) this.#problems.add(node, `The label "${name}" is there twice`);
  }

  /** `FIELD`, or `{name: …, field: …, steps: […]}`. */
  #label(node: Node, ruleSet: RuleSet) {
    if (node.kind === "scalar") {
      const expression = this.#expression(node, undefined, ruleSet);
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
    const expression = this.#expression(field, recipe, ruleSet);
    return expression && { name, ...expression, recipe };
  }

  #expression(fieldsNode: Node, stepsNode: Node | undefined, ruleSet: RuleSet): Expression | undefined {
    const names = this.#fields(fieldsNode, ruleSet);
    const steps = this.#steps(stepsNode);
    if (names === undefined || steps === undefined) return undefined;
    const single = names.length === 1 ? ruleSet.type.fields[names[0]!] : undefined;
    if (single !== undefined) this.#checkFirstStep(stepsNode, names[0]!, single);
    const field = steps.length === 0 ? single : undefined;
    return { column: ruleSet.columns.of(names), steps, field };
  }

  #fields(node: Node, ruleSet: RuleSet): string[] | undefined {
    const known = Object.keys(ruleSet.type.fields);
    const items = node.kind === "list" ? node.items : [node];
    if (items.length > 2) this.#problems.add(node, "A value is made of one field or of two");
    const names = items.map((item) => {
      const name = shape.text.read(item, this.#problems);
      if (name === undefined || known.includes(name)) return name;
      const hint = didYouMean(name, known);
      this.#problems.add(
        item,
        `Unknown field "${name}" of ${ruleSet.type.name}${hint}; known are ${known.join(", ")}`,
      );
      return undefined;
    });
    return items.length > 2 || names.includes(undefined) ? undefined : names as string[];
  }

  #steps(node: Node | undefined): Step[] | undefined {
    if (node === undefined) return [];
    const items = node.kind === "list" ? node.items : [node];
    const steps = items.map((item) => this.#step(item));
    return steps.includes(undefined) ? undefined : steps as Step[];
  }

  /** The first step gets the field as it is. */
  #checkFirstStep(node: Node | undefined, name: string, field: Field): void {
    const first = node?.kind === "list" ? node.items[0] : node;
    const step = first?.kind === "map"
      ? first.entries[0]?.key
      : first?.kind === "scalar"
      ? first.text
      : undefined;
    if (step === undefined) return;
    const { takes } = this.#surroundings.lookups.get(step) ?? own(STEPS, step) ?? {};
    if (takes === undefined || takes === field.type) return;
    const message = `The step "${step}" makes something of ${KINDS[takes]} only, and ${name} is ${
      KINDS[field.type]
    }`;
    this.#problems.add(first!, message);
  }

  /** `NAME`, or `{NAME: ARGUMENT}`. */
  #step(node: Node): Step | undefined {
    const entry: Entry | undefined = node.kind === "map" && node.entries.length === 1
      ? node.entries[0]
      : undefined;
    const name = node.kind === "scalar" ? node.text : entry?.key;
    if (name === undefined) {
      this.#problems.add(node, `Expected a step such as "lower" or {prefix: "x"}, not ${describe(node)}`);
      return undefined;
    }
    const lookup = this.#surroundings.lookups.get(name);
    if (lookup !== undefined) return this.#enrich(lookup, name, entry?.value);
    const kind = own(STEPS, name);
    if (this.#surroundings.unconfigured?.includes(name)) {
      this.#problems.add(entry ?? node, `The step "${name}" needs an entry "${name}" in "enrich"`);
      return undefined;
    }
    if (kind === undefined) {
      const names = [...Object.keys(STEPS), ...this.#surroundings.lookups.keys()];
      this.#problems.add(
        entry ?? node,
        `Unknown step "${name}"${didYouMean(name, names)}; known are ${names.join(", ")}`,
      );
      return undefined;
    }
    const before = this.#problems.list.length;
    const step = kind.compile(entry?.value, this.#problems);
    if (step === undefined && this.#problems.list.length === before) {
      this.#problems.add(node, `The step "${name}" needs an argument: ${kind.help}`);
    }
    return step;
  }

  #enrich(lookup: NamedLookup, name: string, argument: Node | undefined): Step | undefined {
    const output = argument === undefined ? lookup.outputs[0]! : shape.text.read(argument, this.#problems);
    if (output === undefined) return undefined;
    if (!lookup.outputs.includes(output)) {
      const { outputs } = lookup;
      const hint = didYouMean(output, outputs);
      this.#problems.add(argument!, `"${name}" has no "${output}"${hint}; it has ${outputs.join(", ")}`);
      return undefined;
    }
    const step = (value?: Value) => value === undefined ? undefined : lookup.lookup(value, output);
    return Object.assign(step, lookup.onChange && { onChange: lookup.onChange.bind(lookup) });
  }
}

function hasStatic(steps: Node | undefined): boolean {
  const items = steps?.kind === "list" ? steps.items : [steps];
  return items.some((item) => entryOf(item, "static"));
}

function withoutPlaces(key: string, value: unknown): unknown {
  return key === "place" ? undefined : value;
}
