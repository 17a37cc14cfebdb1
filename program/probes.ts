import { type Collector, ProbeError } from "../core/collector.ts";
import type { Value } from "../core/enricher.ts";
import type { NamedLookup } from "../metrics/expressions.ts";
import type { Scraped } from "../server/scrape.ts";
import { type Plan, settingsOf } from "./plan.ts";
import { runHere, type Running } from "./running.ts";

/** Targets that nobody asks about are let go after so long; more at a time are not asked. */
const MAX_IDLE_MS = 600_000, MAX_TARGETS = 256;
const PERIOD_MS = 30_000;

interface Probed {
  readonly running: Running;
  readonly release: () => void;
  /** How many scrapes ask about it now. */
  users: number;
  usedAt: number;
}

/** Targets that are asked when somebody asks about them: each keeps its session until nobody does any more. */
export class Probes {
  readonly #plan: Plan;
  readonly #collector: Collector | undefined;
  readonly #lookups: Relay;
  readonly #targets = new Map<string, Probed>();
  readonly #timer: ReturnType<typeof setInterval>;
  #isClosed = false;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#collector = plan.pipelines.find(({ collector }) => collector.targets?.probe)?.collector;
    this.#lookups = new Relay(plan.lookups);
    this.#timer = setInterval(() => this.#letGo(performance.now() - MAX_IDLE_MS), PERIOD_MS);
    Deno.unrefTimer(this.#timer);
  }

  /** What a request asks about, to be scraped. Throws a `ProbeError` when that is not to be asked. */
  async open(query: URLSearchParams): Promise<Scraped> {
    const collector = this.#collector, { probe } = collector?.targets ?? {};
    if (collector === undefined || probe === undefined) {
      throw new ProbeError(404, "No collector that runs can be asked about a target");
    }
    const target = await probe(query, settingsOf(collector, this.#plan.values));
    if (this.#isClosed) throw new ProbeError(503, "The configuration has just changed, ask again");
    const probed = this.#targets.get(target.name) ?? await this.#add(collector, target);
    const { running } = probed;
    return {
      status: running.status,
      rules: running.rules,
      collect: async (signal) => {
        probed.users++;
        try {
          await running.collect(signal);
        } finally {
          probed.users--;
          probed.usedAt = performance.now();
        }
      },
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    const all = [...this.#targets.values()];
    this.#targets.clear();
    await Promise.all(all.map(({ running }) => running.stop()));
  }

  async #add(
    collector: Collector,
    { name, settings, interval }: { name: string; settings: Record<string, unknown>; interval: number },
  ): Promise<Probed> {
    if (this.#targets.size >= MAX_TARGETS) this.#letGo(this.#oldest);
    if (this.#targets.size >= MAX_TARGETS) {
      throw new ProbeError(503, `More than ${MAX_TARGETS} targets at a time are not asked`);
    }
    const { lookups, release } = this.#lookups.open();
    const pipeline = this.#plan.pipelineOf(collector, { shares: 1, lookups });
    const log = this.#plan.log.with({ probe: name });
    const running = runHere(pipeline, this.#plan, { settings, interval, log, schedule: "scrape" });
    const probed = { running, release, users: 0, usedAt: performance.now() };
    this.#targets.set(name, probed);
    await running.start();
    return probed;
  }

  get #oldest(): number {
    const idle = this.#targets.values().filter(({ users }) => users === 0);
    return Math.min(...idle.map(({ usedAt }) => usedAt));
  }

  /** Lets go of targets that were not asked since a time. */
  #letGo(since: number): void {
    for (const [name, { running, release, users, usedAt }] of this.#targets) {
      if (users > 0 || usedAt > since) continue;
      this.#targets.delete(name);
      release();
      running.stop();
    }
  }
}

type Listener = (value?: Value) => void;

/** Enrichers for pipelines that come and go: they would hold for ever who has asked them to tell of changes. */
class Relay {
  readonly #lookups: ReadonlyMap<string, NamedLookup>;
  readonly #listeners = new Map<NamedLookup, Set<Listener>>();

  constructor(lookups: ReadonlyMap<string, NamedLookup>) {
    this.#lookups = lookups;
    for (const lookup of lookups.values()) {
      const listeners = new Set<Listener>();
      this.#listeners.set(lookup, listeners);
      lookup.onChange?.((value) => {
        for (const listener of listeners) listener(value);
      });
    }
  }

  open(): { lookups: ReadonlyMap<string, NamedLookup>; release: () => void } {
    const own: { readonly listeners: Set<Listener>; readonly listener: Listener }[] = [];
    const lookups = this.#lookups.entries().map(([name, lookup]): [string, NamedLookup] => {
      const listeners = this.#listeners.get(lookup)!;
      const onChange = (listener: Listener) => {
        listeners.add(listener);
        own.push({ listeners, listener });
      };
      return [name, { ...lookup, onChange }];
    });
    const release = () => {
      for (const { listeners, listener } of own) listeners.delete(listener);
    };
    return { lookups: new Map(lookups), release };
  }
}
