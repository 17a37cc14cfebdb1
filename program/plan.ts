import { isEnabled } from "../config/load.ts";
import type { IdleRule } from "../config/report.ts";
import { rootShape, type Values } from "../config/settings.ts";
import type { Collector, ShippedRule, Target } from "../core/collector.ts";
import { InterfaceNames } from "../core/interface_names.ts";
import { Log } from "../core/log.ts";
import { entryOf, type Literal, type MapNode, type Node, nodeOf, plainOf, Problems } from "../core/node.ts";
import type { WebConfig } from "../core/web_config.ts";
import { ENRICHERS } from "../enrich/mod.ts";
import { type OpenEnrichers, openEnrichers } from "../enrich/open.ts";
import { compileRules, compileSourceFilters } from "../metrics/compile.ts";
import type { NamedLookup, Surroundings } from "../metrics/expressions.ts";
import { mergeRules } from "../metrics/merge_rules.ts";
import { Pipeline } from "../metrics/pipeline.ts";

/** What a configuration comes to. */
export interface Plan {
  readonly configured: Node;
  readonly collectors: readonly Collector[];
  readonly values: Values;
  /** All rules, shipped and written. */
  readonly rules: readonly MapNode[];
  /** Of the collectors that run. */
  readonly pipelines: readonly Pipeline[];
  /** The enrichers that the rules ask whose work is done in this thread, by name. */
  readonly lookups: ReadonlyMap<string, NamedLookup>;
  /** All that the rules could ask. */
  readonly enrichers: OpenEnrichers;
  readonly log: Log;
  /** Rules that a user wrote and that count nothing, since their collectors do not run. */
  readonly idleRules: readonly IdleRule[];
  readonly interfaceNames: InterfaceNames;
  /** How HTTP is guarded, if it is. */
  readonly webConfig?: WebConfig | undefined;
  /** A pipeline more, for one of the targets of a collector. */
  pipelineOf(collector: Collector, options: TargetOptions): Pipeline;
}

export interface TargetOptions {
  /** How many targets share the budget of each rule. With several, a label of the shipped rules tells them apart. */
  readonly shares: number;
  readonly lookups?: ReadonlyMap<string, NamedLookup>;
}

const ENCODER = new TextEncoder();

interface PlanOptions {
  readonly configured: Node;
  readonly collectors: readonly Collector[];
  /** Of a thread that shares the work of one collector with others: which it is, and how many they are. */
  readonly shard?: { readonly of: string; readonly shards: number };
  /** Whether a file of captured packets is read in place of what comes by itself. */
  readonly isReplay?: boolean;
  /** Where to log, whatever the configuration says of that. */
  readonly log?: Log;
}

/** Resolves everything that a configuration names; opens and starts nothing. */
export function makePlan(options: PlanOptions, problems: Problems): Plan | undefined {
  const { configured, collectors, shard, isReplay = false } = options;
  const values = rootShape(collectors).read(configured, problems) as Values | undefined;
  if (values === undefined) return undefined;
  const { log = new Log({ ...values.log, write: (line) => Deno.stderr.writeSync(ENCODER.encode(line)) }) } =
    options;
  const interfaceNames = new InterfaceNames();
  const all = collectors.map((collector) => new Pipeline(collector));
  // What could not be read is not there, and would be missed.
  if (!problems.any) {
    for (const collector of collectors) checkSettings(collector, { values, configured, problems });
  }
  const shipped = collectors.flatMap((collector) =>
    shippedRules(collector, targetsOf(collector, values).length)
  );
  const rules = mergeRules(shipped, values.rules, problems);
  const enrichers = openEnrichers(ENRICHERS, values.enrich, { log, interfaceNames, problems });
  const surroundings: Surroundings = {
    ruleSets: all.flatMap(({ ruleSets }) => ruleSets),
    shipped: new Set(shipped.map(({ name }) => String(name))),
    taken: [values.web.scrape_metric],
    shares: shard?.shards ?? 1,
    ...enrichers,
  };
  compileRules(rules, surroundings, problems);
  compileSourceFilters(values.filters, surroundings, problems);
  const pipelineOf = pipelineMaker(values, surroundings);
  const pipelines = chosen(all, values, options);
  const isOneThread = shard !== undefined || isReplay;
  const here = pipelines.filter(({ collector }) => isOneThread || shardsOf(collector, values) === 1);
  const lookups = lookupsOf(here, enrichers);
  const idle = all.filter((pipeline) => !pipelines.includes(pipeline));
  const idleRules = shard === undefined ? idleRulesOf(values.rules, idle) : [];
  return {
    ...options,
    values,
    rules,
    pipelines,
    lookups,
    enrichers,
    log,
    idleRules,
    interfaceNames,
    pipelineOf,
  };
}

/** The plan for some of its collectors only. */
export function narrow(plan: Plan, names: ReadonlySet<string>): Plan {
  const pipelines = plan.pipelines.filter(({ collector }) => names.has(collector.name));
  const here = pipelines.filter(({ collector }) => shardsOf(collector, plan.values) === 1);
  return { ...plan, pipelines, lookups: lookupsOf(here, plan.enrichers) };
}

/**
 * Loads what threads will load, and lets go of it again: what cannot be loaded is better known before anything else is
 * done.
 */
export async function tryLookups(plan: Plan): Promise<void> {
  const inThreads = plan.pipelines.filter(({ collector }) => shardsOf(collector, plan.values) > 1);
  const names = lookupsOf(inThreads, plan.enrichers);
  const { lookups } = openEnrichers(ENRICHERS, plan.values.enrich, { ...plan, problems: new Problems() });
  await Promise.all(names.keys().map((name) => lookups.get(name)?.load?.()));
}

/** What the rules of these pipelines ask, by name. */
function lookupsOf(pipelines: readonly Pipeline[], { lookups }: OpenEnrichers): Plan["lookups"] {
  const asked = new Set<unknown>(pipelines.flatMap(({ ruleSets }) => ruleSets.flatMap(askedBy)));
  return new Map([...lookups].filter(([, lookup]) => asked.has(lookup)));
}

function askedBy({ lookups }: Pipeline["ruleSets"][number]): unknown[] {
  return [...lookups];
}

/** All that the configuration says of a collector that runs: with the same in another plan it may go on as it is. */
export function fingerprint({ collector, ruleSets }: Pipeline, plan: Plan): string {
  const { configured, values, rules } = plan, sources = collector.records.map(({ name }) => name);
  const settings = entryOf(entryOf(configured, "collectors")?.value, collector.name)?.value;
  const filters = filtersOf(values.filters, sources);
  const enrich = ruleSets.some((rules) => askedBy(rules).length > 0) ? values.enrich : undefined;
  return JSON.stringify([
    ...[settings, filters, enrich].map((node) => node && plainOf(node)),
    rules.filter((rule) => sources.includes(sourceOf(rule))).map(plainOf),
    values.collectors.interval,
    values.path,
  ]);
}

/** The pipelines of the collectors that run. To replay a file, those that can and are switched on, or else all that can. */
function chosen(
  all: readonly Pipeline[],
  values: Values,
  { shard, isReplay }: PlanOptions,
): readonly Pipeline[] {
  if (shard !== undefined) return all.filter(({ collector }) => collector.name === shard.of);
  const enabled = all.filter(({ collector }) => isEnabled(collector, values));
  if (!isReplay) return enabled;
  const able = all.filter(({ collector }) => collector.replays),
    both = able.filter((each) => enabled.includes(each));
  return both.length > 0 ? both : able;
}

/** Gives what makes pipelines for targets. All that these are made of was compiled before. */
function pipelineMaker(values: Values, surroundings: Surroundings): Plan["pipelineOf"] {
  return (collector, { shares, ...lookups }) => {
    const pipeline = new Pipeline(collector), sources = collector.records.map(({ name }) => name);
    const own = { ...surroundings, ...lookups, ruleSets: pipeline.ruleSets, shares }, none = new Problems();
    const rules = mergeRules(shippedRules(collector, shares), values.rules, none);
    compileRules(rules.filter((rule) => sources.includes(sourceOf(rule))), own, none);
    compileSourceFilters(filtersOf(values.filters, sources), own, none);
    return pipeline;
  };
}

/** What a collector ships, for so many targets. */
function shippedRules({ rules, targets }: Collector, count: number): readonly ShippedRule[] {
  if (targets === undefined || count <= 1) return rules;
  return rules.map((rule) => ({ ...rule, labels: [targets.field, ...rule["labels"] as Literal[] ?? []] }));
}

function sourceOf(rule: MapNode): string {
  return String(plainOf(entryOf(rule, "source")?.value ?? nodeOf("")));
}

/** What `filters:` says of these sources. */
function filtersOf(filters: Node | undefined, sources: readonly string[]): Node | undefined {
  if (filters?.kind !== "map") return filters;
  return { ...filters, entries: filters.entries.filter(({ key }) => sources.includes(key)) };
}

/** Reports settings of a collector that do not go together. */
function checkSettings(
  collector: Collector,
  { values, configured, problems }: { values: Values; configured: Node; problems: Problems },
): void {
  if (!isEnabled(collector, values)) return;
  const wrong = collector.check?.(settingsOf(collector, values));
  const place = entryOf(entryOf(configured, "collectors")?.value, collector.name)?.value;
  if (wrong !== undefined) problems.add(place ?? "", `${collector.name}: ${wrong}`);
}

/** What a collector looks at, each by itself; none if it is one source. */
export function targetsOf(collector: Collector, values: Values): readonly Target[] {
  return collector.targets?.of(settingsOf(collector, values)) ?? [];
}

export function settingsOf(collector: Collector, values: Values): Record<string, unknown> {
  return values.collectors[collector.name] as Record<string, unknown>;
}

function idleRulesOf(written: Node | undefined, idle: readonly Pipeline[]): IdleRule[] {
  const items = written?.kind === "list" ? written.items : [];
  const names = new Set(
    items.map((item) => entryOf(item, "name")?.value).map((name) => name && plainOf(name)),
  );
  return idle.flatMap(({ collector, rules }) =>
    rules.filter(({ options }) => names.has(options.name))
      .map(({ options }) => ({ rule: options.name, collector: collector.name }))
  );
}

/** How many threads share the work of a collector. */
export function shardsOf(collector: Collector, values: Values): number {
  return collector.shards?.(settingsOf(collector, values)) ?? 1;
}
