import type { Figure, Figures } from "../core/enricher.ts";
import type { CollectorStatus } from "../core/status.ts";
import { drive } from "../core/work.ts";
import { MergedRule } from "../metrics/merged_rule.ts";
import type { Pipeline } from "../metrics/pipeline.ts";
import { EMPTY } from "../metrics/rule.ts";
import type { Plan } from "./plan.ts";
import type { Running } from "./running.ts";
import type { Answer, Order, Report } from "./shard.ts";

/** So long a scrape waits for the threads; what they have told before stays. */
const TIMEOUT_MS = 5000;

const NOTHING = { view: EMPTY, folded: 0 };

/** Runs a collector in several threads, and adds up what they count. */
export class Shards implements Running {
  readonly rules: readonly MergedRule[];
  readonly #plan: Plan;
  readonly #name: string;
  readonly #shards: readonly Shard[];
  #merging: Promise<void> | undefined;

  constructor({ collector, rules }: Pipeline, count: number, plan: Plan) {
    this.#plan = plan;
    this.#name = collector.name;
    this.rules = rules.map((rule) => new MergedRule(rule));
    this.#shards = Array.from({ length: count }, () => new Shard());
  }

  get status(): CollectorStatus {
    return mergedStatus(this.#name, this.#shards);
  }

  figures(): Figures {
    return mergeFigures(this.#reports.map(({ figures }) => figures));
  }

  async start(): Promise<void> {
    const order: Order = {
      order: "start",
      configured: this.#plan.configured,
      collector: this.#name,
      shards: this.#shards.length,
    };
    await Promise.all(this.#shards.map((shard) => shard.ask(order)));
  }

  /** Scrapes at the same time share the answers. */
  async collect(signal: AbortSignal): Promise<void> {
    this.#merging ??= this.#merge(signal).finally(() => this.#merging = undefined);
    await this.#merging;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.stop()));
  }

  get #reports(): Report[] {
    return this.#shards.flatMap(({ report }) => report ?? []);
  }

  async #merge(signal: AbortSignal): Promise<void> {
    const late = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    await Promise.all(this.#shards.map((shard) => shard.collect(late)));
    const rules = this.rules;
    const reports = this.#shards.map(({ report }) => report);
    await drive(function* () {
      for (const [i, rule] of rules.entries()) {
        yield* rule.merge(reports.map((report) => report?.rules[i] ?? NOTHING));
      }
    }());
  }
}

/** One thread, which answers one order after the other. */
class Shard {
  /** What it told last. */
  report: Report | undefined;
  failure = "";
  readonly #worker = new Worker(new URL("./shard.ts", import.meta.url), { type: "module" });
  #collecting: Promise<void> | undefined;
  readonly #waiting: PromiseWithResolvers<Report | undefined>[] = [];

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      const asked = this.#waiting.shift();
      if ("failure" in data) asked?.reject(new Error(data.failure));
      else asked?.resolve(data.report);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.failure = `A thread has ended: ${event.message}`;
      for (const asked of this.#waiting.splice(0)) asked.reject(new Error(this.failure));
    };
  }

  async ask(order: Order): Promise<Report | undefined> {
    const asked = Promise.withResolvers<Report | undefined>();
    this.#waiting.push(asked);
    this.#worker.postMessage(order);
    return await asked.promise;
  }

  /** Brings the report up to date, unless that takes too long or cannot be done. */
  async collect(late: AbortSignal): Promise<void> {
    if (this.failure !== "") return;
    this.#collecting ??= this.#collect().finally(() => this.#collecting = undefined);
    const given = Promise.withResolvers<void>();
    late.addEventListener("abort", () => given.resolve(), { once: true });
    await Promise.race([this.#collecting, given.promise]);
  }

  /** When the thread cannot tell, what it told before stays. */
  async #collect(): Promise<void> {
    const report = await this.ask({ order: "collect", milliseconds: TIMEOUT_MS }).catch(() => undefined);
    this.report = report ?? this.report;
  }

  async stop(): Promise<void> {
    if (this.failure === "") await this.ask({ order: "stop" }).catch(() => {});
    this.#worker.terminate();
  }
}

/** Counters added up, and of gauges the largest; each thread has the same enrichers. */
export function mergeFigures(all: readonly Figures[]): Figures {
  const merged = new Map<string, readonly Figure[]>();
  for (const figures of all) {
    for (const [enricher, own] of figures) {
      const before = merged.get(enricher);
      merged.set(
        enricher,
        before === undefined ? own : own.map((figure, i) => mergeFigure(before[i]!, figure)),
      );
    }
  }
  return merged;
}

function mergeFigure(a: Figure, b: Figure): Figure {
  return { ...a, value: a.type === "counter" ? a.value + b.value : Math.max(a.value, b.value) };
}

/** The worst of what all threads tell. */
function mergedStatus(name: string, shards: readonly Shard[]): CollectorStatus {
  const known = shards.flatMap(({ report }) => report?.status ?? []);
  const failure = shards.find(({ failure }) => failure !== "")?.failure;
  const successes = known.map(({ success }) => success);
  return {
    name,
    success: failure !== undefined
      ? false
      : successes.length < shards.length || successes.includes(undefined)
      ? undefined
      : !successes.includes(false),
    durationSeconds: Math.max(0, ...known.map(({ durationSeconds }) => durationSeconds)),
    lastSuccessSeconds: known.length === 0 ? 0 : Math.min(...known.map((each) => each.lastSuccessSeconds)),
    lastError: failure ?? known.find(({ lastError }) => lastError !== "")?.lastError ?? "",
    problems: sums(known.map(({ problems }) => problems)),
    qualities: new Map(
      known.flatMap(({ qualities }) => [...qualities.keys()])
        .map((check) => [check, known.every(({ qualities }) => qualities.get(check) !== false)]),
    ),
  };
}

function sums(maps: readonly ReadonlyMap<string, number>[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const map of maps) for (const [key, value] of map) sums.set(key, (sums.get(key) ?? 0) + value);
  return sums;
}
