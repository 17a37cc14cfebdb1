import type { Figure, Figures } from "../core/enricher.ts";
import type { InterfaceNames } from "../core/interface_names.ts";
import type { CollectorStatus } from "../core/status.ts";
import { drive } from "../core/work.ts";
import { MergedRule } from "../metrics/merged_rule.ts";
import type { Pipeline } from "../metrics/pipeline.ts";
import { EMPTY } from "../metrics/rule.ts";
import type { Plan } from "./plan.ts";
import type { Running } from "./running.ts";
import { mergeStatus, UNKNOWN_STATUS } from "./merge_status.ts";
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
    const statuses = this.#shards.map(({ report, failure }) =>
      failure === ""
        ? report?.status
        : { ...report?.status ?? UNKNOWN_STATUS, success: false, lastError: failure }
    );
    return mergeStatus(this.#name, statuses);
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
    const { interfaceNames } = this.#plan, tell = () => this.#tellInterfaces(interfaceNames.all);
    interfaceNames.onChange(tell);
    tell();
  }

  /** Scrapes at the same time share the answers. */
  async collect(signal: AbortSignal): Promise<void> {
    this.#merging ??= this.#merge(signal).finally(() => this.#merging = undefined);
    await this.#merging;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.stop()));
  }

  #tellInterfaces(names: InterfaceNames["all"]): void {
    if (names.size === 0) return;
    for (const shard of this.#shards) shard.tell({ order: "interfaces", names });
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
  #isStopped = false;
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

  /** As long as it is there. */
  tell(order: Order): void {
    if (this.failure === "" && !this.#isStopped) this.ask(order).catch(() => {});
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
    this.#isStopped = true;
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
