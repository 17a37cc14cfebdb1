import assert from "node:assert/strict";
import { collector, type ShippedRule } from "../../core/collector.ts";
import { Ip } from "../../core/ip.ts";
import { type MapNode, type Node, Problems } from "../../core/node.ts";
import type { RecordType } from "../../core/record.ts";
import { compileRules } from "../../metrics/compile.ts";
import type { NamedLookup } from "../../metrics/expressions.ts";
import { mergeRules } from "../../metrics/merge_rules.ts";
import { familiesOf, type Family, type Format, render } from "../../metrics/exposition.ts";
import { Pipeline } from "../../metrics/pipeline.ts";
import type { Rule } from "../../metrics/rule.ts";

/** A record as one writes it: addresses, texts and choices as text. What is not there is absent. */
export type Plain = Readonly<Record<string, string | number | undefined>>;

export interface PipelineOptions {
  readonly types: readonly RecordType[];
  readonly rules?: readonly ShippedRule[];
  readonly lookups?: ReadonlyMap<string, NamedLookup>;
  readonly unconfigured?: readonly string[];
}

/** The pipeline of rules that have nothing wrong with them. */
export function pipelineOf(options: PipelineOptions): Pipeline {
  const problems = new Problems();
  const pipeline = compile(options, { problems });
  assert.deepEqual(problems.lines(), []);
  return pipeline;
}

/** What is wrong with rules, which are shipped ones and those of a user. */
export function problemsOf(options: PipelineOptions, user?: Node): string[] {
  const problems = new Problems();
  compile(options, { problems, user });
  return problems.lines();
}

export function compile(
  { types, rules = [], lookups = new Map(), unconfigured = [] }: PipelineOptions,
  { problems, user }: { problems: Problems; user?: Node | undefined },
): Pipeline {
  const pipeline = new Pipeline(
    collector({
      name: "test",
      help: "A source of records.",
      enabled: true,
      schedule: "scrape",
      privileges: [],
      records: types,
      rules,
      settings: {},
      reasons: [],
      open: () => ({}),
    }),
  );
  const surroundings = { ruleSets: pipeline.ruleSets, lookups, unconfigured };
  compileRules(mergeRules(rules, user, problems), surroundings, problems);
  return pipeline;
}

/** What is wrong with one rule, given as a node. */
export function problemsOfRule(options: Omit<PipelineOptions, "rules">, rule: Node): string[] {
  const problems = new Problems();
  const { lookups = new Map(), unconfigured = [] } = options;
  const { ruleSets } = pipelineOf(options);
  compileRules([rule as MapNode], { ruleSets, lookups, unconfigured }, problems);
  return problems.lines();
}

/** Writes a record to the pipeline; the type is the first one unless it is given. */
export function emit(pipeline: Pipeline, record: Plain, type = pipeline.ruleSets[0]!.type): void {
  const sink = pipeline.sink(type);
  for (const [name, at] of Object.entries(type.at)) {
    const value = record[name];
    sink.row[at] = value === undefined ? NaN : numberIn(pipeline, type, { name, value });
  }
  sink.emit();
}

function numberIn(
  { vocabulary }: Pipeline,
  type: RecordType,
  { name, value }: { name: string; value: string | number },
): number {
  const field = type.fields[name]!;
  switch (field.type) {
    case "ip":
      return vocabulary.ip(Ip.parse(String(value))!);
    case "text":
      return vocabulary.text(String(value));
    case "choice":
      return field.choices.indexOf(String(value));
    case "number":
      return Number(value);
  }
}

/** Settles to the end; `between` runs at each yield, when others would have their turn. */
export function settle(pipeline: Pipeline, between: () => void = () => {}): void {
  for (const kind of ["snapshot", "stream"] as const) {
    for (const _ of pipeline.settle(kind)) between();
  }
}

/** A pass of snapshots, or some records of a stream, and the settling after it. */
export function pass(pipeline: Pipeline, records: readonly Plain[]): void {
  pipeline.begin();
  for (const record of records) emit(pipeline, record);
  settle(pipeline);
}

export function textOf(families: Iterable<Family>, format: Format = "text"): string {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  for (const chunk of render(families, format)) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}

export function expositionOf(rules: readonly Rule[], format: Format = "text"): string {
  return textOf(rules.flatMap((rule) => familiesOf(rule, format)), format);
}

/** The samples of an exposition: what stands before the value, and the value. None may be there twice. */
export function samplesOf(exposition: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of exposition.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const space = line.lastIndexOf(" "), series = line.slice(0, space);
    assert(!samples.has(series), `The series is there twice: ${series}`);
    samples.set(series, Number(line.slice(space + 1).replace("Inf", "Infinity")));
  }
  return samples;
}

/** The series that the rules of a pipeline show. */
export function seriesOf({ rules }: { readonly rules: readonly Rule[] }): Map<string, number> {
  return samplesOf(expositionOf(rules));
}
