import { isEnabled } from "../config/load.ts";
import { rootShape, type Values } from "../config/settings.ts";
import type { Collector } from "../core/collector.ts";
import { Log } from "../core/log.ts";
import type { MapNode, Node, Problems } from "../core/node.ts";
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
  /** The enrichers that their rules ask, by name. */
  readonly lookups: ReadonlyMap<string, NamedLookup>;
  readonly log: Log;
}

const ENCODER = new TextEncoder();

/** Resolves everything that a configuration names; opens and starts nothing. */
export function makePlan(
  configured: Node,
  collectors: readonly Collector[],
  problems: Problems,
): Plan | undefined {
  const values = rootShape(collectors).read(configured, problems) as Values | undefined;
  if (values === undefined) return undefined;
  const log = new Log({ ...values.log, write: (line) => Deno.stderr.writeSync(ENCODER.encode(line)) });
  const pipelines = collectors.map((collector) => new Pipeline(collector));
  const ruleSets = pipelines.flatMap(({ ruleSets }) => ruleSets);
  const shipped = collectors.flatMap(({ rules }) => rules);
  const rules = mergeRules(shipped, values.rules, problems);
  const enrichers = openEnrichers(ENRICHERS, values.enrich, { log, problems });
  const names = new Set(shipped.map(({ name }) => String(name)));
  const surroundings = { ruleSets, shipped: names, ...enrichers };
  compileRules(rules, surroundings, problems);
  compileSourceFilters(values.filters, surroundings, problems);
  const running = pipelines.filter(({ collector }) => isEnabled(collector, values));
  const asked = new Set<unknown>(
    running.flatMap(({ ruleSets }) => ruleSets.flatMap(({ lookups }) => [...lookups])),
  );
  const lookups = new Map([...enrichers.lookups].filter(([, lookup]) => asked.has(lookup)));
  return { configured, collectors, values, rules, pipelines: running, lookups, log };
}
