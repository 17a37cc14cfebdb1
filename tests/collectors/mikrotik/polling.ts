import mikrotik from "../../../collectors/mikrotik/mod.ts";
import { Runner } from "../../../collectors/runner.ts";
import { InterfaceNames } from "../../../core/interface_names.ts";
import { Log } from "../../../core/log.ts";
import { type Literal, nodeOf, Problems } from "../../../core/node.ts";
import { record } from "../../../core/shape.ts";
import type { Vocabulary } from "../../../core/vocabulary.ts";
import { ENRICHERS } from "../../../enrich/mod.ts";
import { openEnrichers } from "../../../enrich/open.ts";
import { compileRules } from "../../../metrics/compile.ts";
import type { NamedLookup } from "../../../metrics/expressions.ts";
import { mergeRules } from "../../../metrics/merge_rules.ts";
import { Pipeline } from "../../../metrics/pipeline.ts";
import { quiet } from "../../helpers/enrichers.ts";
import { metricOf } from "../../helpers/collecting.ts";
import { seriesOf } from "../../helpers/pipelines.ts";
import type { RouterSimulator } from "../../helpers/routeros/simulator.ts";

const PATHS = { procfs: "/proc", sysfs: "/sys" };
export const NEVER = new AbortController().signal;

/** Longer than it is waited after any failure. */
const LONG_MS = 61_000;

export interface PollingOptions {
  /** Settings of the router, in place of those of the user of a simulator. */
  readonly router?: { readonly [key: string]: Literal };
  /** Those of a target, in place of what is written of a router. */
  readonly settings?: Record<string, unknown>;
  /** Those of a user. */
  readonly rules?: readonly Literal[];
  /** Those of enrichers that nobody has configured. */
  readonly lookups?: ReadonlyMap<string, NamedLookup>;
  /** So many words and addresses are remembered. */
  readonly vocabulary?: number;
}

export interface PassOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds after the pass before. */
  readonly after?: number;
}

/** The collector as the program runs it, on one router, with a pass when the test says so. */
export class Polling implements AsyncDisposable {
  readonly pipeline: Pipeline;
  readonly runner: Runner;
  readonly logged: string[] = [];
  readonly interfaceNames = new InterfaceNames();
  #ahead = 0;

  constructor({ address }: Pick<RouterSimulator, "address">, options: PollingOptions = {}) {
    const { router = {}, rules = [], lookups = unconfigured(), vocabulary } = options;
    const problems = new Problems(), pipeline = this.pipeline = new Pipeline(mikrotik);
    const shipped = new Set(mikrotik.rules.map(({ name }) => String(name)));
    const { ruleSets } = pipeline;
    compileRules(
      mergeRules(mikrotik.rules, nodeOf(rules), problems),
      { ruleSets, lookups, shipped },
      problems,
    );
    const password = "password_file" in router ? {} : { password: "secret" };
    const user = { address, username: "prometheus", ...password, ...router };
    const { settings = record(mikrotik.settings).read(nodeOf({ routers: [user] }), problems) } = options;
    if (settings === undefined || problems.any) throw new Error(problems.lines().join("\n"));
    if (vocabulary !== undefined) limit(pipeline.vocabulary, vocabulary);
    this.runner = new Runner({
      collector: mikrotik,
      settings,
      ledger: pipeline,
      paths: PATHS,
      log: new Log({ level: "debug", format: "logfmt", write: (line) => this.logged.push(line) }),
      interfaceNames: this.interfaceNames,
      interval: 3600,
      schedule: "scrape",
    });
  }

  /** Gives the series. */
  async pass({ signal = NEVER, after = LONG_MS }: PassOptions = {}): Promise<Map<string, number>> {
    const { now } = performance, ahead = this.#ahead += after;
    performance.now = () => now.call(performance) + ahead;
    try {
      await this.runner.collect(signal);
    } finally {
      performance.now = now;
    }
    return seriesOf(this.pipeline);
  }

  /** How many passes have failed, by the kind of error. */
  get errors(): Record<string, number> {
    const errors = metricOf(seriesOf(this.pipeline), "mikrotik_errors_total");
    return Object.fromEntries(
      Object.entries(errors).map(([labels, count]) => [/error="(.*)"/.exec(labels)![1]!, count]),
    );
  }

  /** How often there was a problem, by its reason, if there was one. */
  get problems(): Record<string, number> {
    return Object.fromEntries(this.runner.problems.entries().filter(([, count]) => count > 0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.runner.stop();
  }
}

/** What enrichers are there though nobody has said anything of them; they have read no file. */
export function unconfigured(): ReadonlyMap<string, NamedLookup> {
  return openEnrichers(ENRICHERS, undefined, { problems: new Problems(), ...quiet() }).lookups;
}

function limit(vocabulary: Vocabulary, limit: number): void {
  Object.defineProperty(vocabulary, "limit", { value: limit });
}

/** Waits until no more than so many connections to a simulator are open. */
export async function closed(simulator: RouterSimulator, left = 0): Promise<void> {
  while (simulator.open > left) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** What goes by in a millisecond while the body runs, so that long waits are short. */
export async function withFastTime(factor: number, body: () => Promise<void>): Promise<void> {
  const { setTimeout } = globalThis;
  const fast: unknown = (callback: () => void, delay: number) => setTimeout(callback, delay / factor);
  globalThis.setTimeout = fast as typeof setTimeout;
  try {
    await body();
  } finally {
    globalThis.setTimeout = setTimeout;
  }
}
