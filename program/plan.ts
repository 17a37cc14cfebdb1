import { isEnabled } from "../config/load.ts";
import type { IdleRule } from "../config/report.ts";
import { rootShape, type Values } from "../config/settings.ts";
import type { Collector } from "../core/collector.ts";
import { Log } from "../core/log.ts";
import { entryOf, type MapNode, type Node, plainOf, type Problems } from "../core/node.ts";
import { ENRICHERS } from "../enrich/mod.ts";
import { openEnrichers } from "../enrich/open.ts";
import { compileRules, compileSourceFilters } from "../metrics/compile.ts";
import type { NamedLookup } from "../metrics/expressions.ts";
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
  readonly log: Log;
  /** Rules that a user wrote and that count nothing, since their collectors do not run. */
  readonly idleRules: readonly IdleRule[];
}

const ENCODER = new TextEncoder();

interface PlanOptions {
  readonly configured: Node;
  readonly collectors: readonly Collector[];
  /** Of a thread that shares the work of one collector with others: which it is, and how many they are. */
  readonly shard?: { readonly of: string; readonly shards: number };
}

/** Resolves everything that a configuration names; opens and starts nothing. */
export function makePlan(options: PlanOptions, problems: Problems): Plan | undefined {
  const { configured, collectors, shard } = options;
  const values = rootShape(collectors).read(configured, problems) as Values | undefined;
  if (values === undefined) return undefined;
  const log = new Log({ ...values.log, write: (line) => Deno.stderr.writeSync(ENCODER.encode(line)) });
  const all = collectors.map((collector) => new Pipeline(collector));
  const shipped = collectors.flatMap(({ rules }) => rules);
  const rules = mergeRules(shipped, values.rules, problems);
  const enrichers = openEnrichers(ENRICHERS, values.enrich, { log, problems });
  const surroundings = {
    ruleSets: all.flatMap(({ ruleSets }) => ruleSets),
    shipped: new Set(shipped.map(({ name }) => String(name))),
    taken: [values.web.scrape_metric],
    shares: shard?.shards ?? 1,
    ...enrichers,
  };
  compileRules(rules, surroundings, problems);
  compileSourceFilters(values.filters, surroundings, problems);
  const pipelines = all.filter(({ collector }) =>
    shard === undefined ? isEnabled(collector, values) : collector.name === shard.of
  );
  const here = pipelines.filter(({ collector }) => shard !== undefined || shardsOf(collector, values) === 1);
  const asked = new Set<unknown>(
    here.flatMap(({ ruleSets }) => ruleSets.flatMap(({ lookups }) => [...lookups])),
  );
  const lookups = new Map([...enrichers.lookups].filter(([, lookup]) => asked.has(lookup)));
  const idle = all.filter((pipeline) => !pipelines.includes(pipeline));
  const idleRules = shard === undefined ? idleRulesOf(values.rules, idle) : [];
  return { ...options, values, rules, pipelines, lookups, log, idleRules };
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
  return collector.shards?.(values.collectors[collector.name] as Record<string, unknown>) ?? 1;
}
