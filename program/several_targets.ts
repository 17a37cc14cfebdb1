import type { Target } from "../core/collector.ts";
import type { CollectorStatus } from "../core/status.ts";
import { drive } from "../core/work.ts";
import { MergedRule } from "../metrics/merged_rule.ts";
import type { Pipeline } from "../metrics/pipeline.ts";
import type { View } from "../metrics/rule.ts";
import { copyStatus, mergeStatus } from "./merge_status.ts";
import type { Plan } from "./plan.ts";
import { runHere, type Running } from "./running.ts";

/** So long a scrape waits for first snapshots; those that are late are shown later. */
const PATIENCE_MS = 1000;

/** Runs a collector for each of its targets, and shows what they show together. */
export class SeveralTargets implements Running {
  readonly rules: readonly MergedRule[];
  readonly #name: string;
  readonly #targets: readonly { readonly name: string; readonly running: Running }[];
  /** What was merged last. */
  #views: readonly View[] = [];
  #merging: Promise<void> | undefined;

  constructor({ collector, rules }: Pipeline, targets: readonly Target[], plan: Plan) {
    const { field } = collector.targets!;
    this.#name = collector.name;
    this.rules = rules.map((rule) => new MergedRule(rule));
    this.#targets = targets.map(({ name, settings, interval }) => {
      const pipeline = plan.pipelineOf(collector, { shares: targets.length });
      const log = plan.log.with({ [field]: name });
      return { name, running: runHere(pipeline, plan, { settings, interval, log }) };
    });
  }

  get status(): CollectorStatus {
    return mergeStatus(
      this.#name,
      this.#targets.map(({ name, running: { status } }) => ({
        ...copyStatus(status),
        lastError: status.lastError === "" ? "" : `${name}: ${status.lastError}`,
      })),
    );
  }

  figures() {
    return new Map();
  }

  async start(): Promise<void> {
    await Promise.all(this.#targets.map(({ running }) => running.start()));
  }

  /** Scrapes at the same time share what is merged. */
  async collect(signal: AbortSignal): Promise<void> {
    this.#merging ??= this.#collect(signal).finally(() => this.#merging = undefined);
    await this.#merging;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#targets.map(({ running }) => running.stop()));
  }

  async #collect(signal: AbortSignal): Promise<void> {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
    await Promise.all(this.#targets.map(({ running }) => running.collect(patience)));
    const rules = this.rules, targets = this.#targets;
    const views = targets.flatMap(({ running }) => running.rules.map(({ view }) => view));
    // Most of them change with a snapshot only.
    const isNew = (i: number) =>
      targets.some((_, target) => {
        const at = target * rules.length + i;
        return views[at] !== this.#views[at];
      });
    const changed = rules.keys().filter(isNew).toArray();
    this.#views = views;
    await drive(function* () {
      for (const i of changed) yield* rules[i]!.merge(targets.map(({ running }) => running.rules[i]!));
    }());
  }
}
