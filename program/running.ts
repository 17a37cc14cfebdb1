import { Runner, type RunnerOptions } from "../collectors/runner.ts";
import type { Figures } from "../core/enricher.ts";
import type { Pipeline } from "../metrics/pipeline.ts";
import type { Scraped } from "../server/scrape.ts";
import { type Plan, settingsOf } from "./plan.ts";

/** A collector that runs. */
export interface Running extends Scraped {
  /** What the enrichers tell that work for it alone. */
  figures(): Figures;
  /** Fails when the program is better not run at all. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Runs a collector in this thread, or one target of it. */
export function runHere(pipeline: Pipeline, plan: Plan, of?: TargetOptions): Running {
  const runner = runnerOf(pipeline, plan, of);
  return {
    status: runner,
    rules: pipeline.rules,
    collect: (signal) => runner.collect(signal),
    figures: () => new Map(),
    start: () => Promise.resolve(runner.start()),
    stop: () => runner.stop(),
  };
}

type TargetOptions = Pick<RunnerOptions, "settings" | "interval" | "schedule" | "log">;

/** What does the work of a collector, or of one target of it. */
export function runnerOf(
  pipeline: Pipeline,
  { values, log, interfaceNames }: Plan,
  of?: TargetOptions,
): Runner {
  const { collector } = pipeline, { path: paths, collectors: { interval } } = values;
  const settings = settingsOf(collector, values),
    common = { collector, ledger: pipeline, paths, interfaceNames };
  return new Runner({ settings, interval, log, ...of, ...common });
}

export function figuresOf({ lookups }: Plan): Figures {
  return new Map([...lookups].map(([name, lookup]) => [name, lookup.figures?.() ?? []]));
}

/** What works beside the collectors until it is told to stop. */
export interface Background {
  readonly ended: Promise<unknown>;
}

/** Fills the memories of the enrichers, and keeps them up to date until the signal is aborted. */
export async function startLookups({ lookups, log }: Plan, signal: AbortSignal): Promise<Background> {
  await Promise.all([...lookups.values()].map((lookup) => lookup.load?.()));
  const runs = [...lookups].map(([enricher, lookup]) =>
    lookup.run?.(signal).catch((error) => log.error("The enricher failed", { enricher, error }))
  );
  return { ended: Promise.all(runs) };
}
