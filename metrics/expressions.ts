import type { Lookup, Value } from "../core/enricher.ts";
import { didYouMean } from "../core/nearest.ts";
import { describe, type Entry, type Node, type Problems } from "../core/node.ts";
import { own } from "../core/own.ts";
import type { Field } from "../core/record.ts";
import * as shape from "../core/shape.ts";
import type { Expression } from "./filter.ts";
import type { RuleSet } from "./pipeline.ts";
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
  /** Names of metrics that the exporter keeps for its own, and ships. */
  readonly shipped?: ReadonlySet<string>;
  /** Names that other metrics have. */
  readonly taken?: readonly string[];
  /** So many threads share the budget of a rule. */
  readonly shares?: number;
}

/** How what a field holds is called. */
export const KINDS: Readonly<Record<Field["type"], string>> = {
  ip: "an address",
  text: "a text",
  choice: "a word",
  number: "a number",
};

/** Resolves the fields and steps that rules and filters name, for the records of one source. */
export class Expressions {
  readonly #ruleSet: RuleSet;
  readonly #surroundings: Surroundings;
  readonly #problems: Problems;

  constructor(ruleSet: RuleSet, surroundings: Surroundings, problems: Problems) {
    this.#ruleSet = ruleSet;
    this.#surroundings = surroundings;
    this.#problems = problems;
  }

  /** Gives nothing after reporting what is wrong. */
  compile(fieldsNode: Node, stepsNode: Node | undefined): Expression | undefined {
    const { type, columns } = this.#ruleSet;
    const names = this.#fields(fieldsNode);
    const steps = this.#steps(stepsNode);
    if (names === undefined || steps === undefined) return undefined;
    const single = names.length === 1 ? type.fields[names[0]!] : undefined;
    if (single !== undefined) this.#checkFirstStep(stepsNode, names[0]!, single);
    const field = steps.length === 0 ? single : undefined;
    return { column: columns.of(names, names.length === 2 ? steps[0]?.part : undefined), steps, field };
  }

  #fields(node: Node): string[] | undefined {
    const { type } = this.#ruleSet;
    const known = Object.keys(type.fields);
    const items = node.kind === "list" ? node.items : [node];
    if (items.length > 2) this.#problems.add(node, "A value is made of one field or of two");
    const names = items.map((item) => {
      const name = shape.text.read(item, this.#problems);
      if (name === undefined || known.includes(name)) return name;
      const hint = didYouMean(name, known);
      this.#problems.add(
        item,
        `Unknown field "${name}" of ${type.name}${hint}; known are ${known.join(", ")}`,
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
    this.#ruleSet.lookups.add(lookup);
    const step = (value?: Value) => value === undefined ? undefined : lookup.lookup(value, output);
    return Object.assign(step, {
      ...lookup.onChange && { onChange: lookup.onChange.bind(lookup) },
      ...lookup.part && { part: lookup.part },
    });
  }
}
