import type { Figures } from "../core/enricher.ts";
import type { Pipeline } from "../metrics/pipeline.ts";
import type { Scraped } from "../server/scrape.ts";
import { fingerprint, narrow, type Plan, shardsOf, targetsOf, tryLookups } from "./plan.ts";
import { Probes } from "./probes.ts";
import { type Background, figuresOf, runHere, type Running, startLookups } from "./running.ts";
import { SeveralTargets } from "./several_targets.ts";
import { mergeFigures, Shards } from "./shards.ts";

/** A collector that runs. */
interface Member {
  readonly pipeline: Pipeline;
  readonly generation: Generation;
  readonly running: Running;
  readonly fingerprint: string;
}

/** What another configuration has changed: names of collectors. */
export interface Change {
  readonly started: readonly string[];
  readonly stopped: readonly string[];
}

/** All collectors that run, with the enrichers that they ask: by one plan, and then by another. */
export class Collecting {
  #members: ReadonlyMap<string, Member>;
  #latest: Generation;

  /** Starts nothing. */
  constructor(plan: Plan) {
    this.#latest = new Generation(plan);
    this.#members = membersOf(this.#latest);
    this.#shareInterfaceNames();
  }

  get running(): readonly Running[] {
    return [...this.#members.values()].map(({ running }) => running);
  }

  figures(): Figures {
    const generations = [...this.#generations].map(({ plan }) => figuresOf(plan));
    return mergeFigures([...generations, ...this.running.map((running) => running.figures())]);
  }

  /** What a request asks about, to be scraped. Throws a `ProbeError` when that is not to be asked. */
  probe(query: URLSearchParams): Promise<Scraped> {
    const asked = this.#members.values().find(({ pipeline }) => pipeline.collector.targets?.probe);
    return (asked?.generation ?? this.#latest).probes.open(query);
  }

  async start(): Promise<void> {
    await this.#latest.open();
    await startAll(this.#members.values());
  }

  /**
   * Puts another plan in force: collectors of which it says the same go on as they are. When that fails, all goes on as
   * before.
   */
  async change(plan: Plan): Promise<Change> {
    const before = this.#members, generations = this.#generations, kept = new Map<string, Member>();
    for (const pipeline of plan.pipelines) {
      const { name } = pipeline.collector, member = before.get(name);
      if (member !== undefined && member.fingerprint === fingerprint(pipeline, plan)) kept.set(name, member);
    }
    const names = plan.pipelines.map(({ collector }) => collector.name);
    const started = names.filter((name) => !kept.has(name));
    const ended = [...before].filter(([name]) => !kept.has(name));
    const change = { started, stopped: ended.map(([name]) => name).filter((name) => !names.includes(name)) };
    if (started.length === 0 && ended.length === 0) return change;
    const generation = new Generation(narrow(plan, new Set(started)));
    await tryLookups(generation.plan);
    await generation.open();
    // Whoever scrapes meanwhile sees those that go on.
    this.#members = kept;
    await Promise.all(ended.map(([, { running }]) => running.stop()));
    const fresh = membersOf(generation);
    try {
      await startAll(fresh.values());
    } catch (error) {
      await Promise.allSettled([generation.close(), ...fresh.values().map(({ running }) => running.stop())]);
      const again = ended.map(([name, member]): [string, Member] => [name, startedAnew(member)]);
      this.#members = new Map([...kept, ...again]);
      await startAll(again.map(([, member]) => member));
      throw error;
    }
    const all = new Map([...kept, ...fresh]);
    this.#members = new Map(names.map((name) => [name, all.get(name)!]));
    this.#latest = generation;
    this.#shareInterfaceNames();
    await Promise.all([...generations.difference(this.#generations)].map((each) => each.close()));
    return change;
  }

  async stop(): Promise<void> {
    const generations = [...this.#generations];
    await Promise.all([
      ...generations.map((generation) => generation.close()),
      ...this.running.map((running) => running.stop()),
    ]);
  }

  get #generations(): ReadonlySet<Generation> {
    return new Set([this.#latest, ...this.#members.values().map(({ generation }) => generation)]);
  }

  /** What a collector of one generation reads of routers, those of others ask. */
  #shareInterfaceNames(): void {
    const { interfaceNames } = this.#latest.plan;
    for (const { plan } of this.#generations) interfaceNames.tellAll(plan.interfaceNames.all);
    interfaceNames.onChange(() => {
      for (const { plan } of this.#generations) plan.interfaceNames.tellAll(interfaceNames.all);
    });
  }
}

/** What was started by one plan. It lives as long as one of its collectors does. */
class Generation {
  readonly probes: Probes;
  readonly #stopping = new AbortController();
  #background: Background | undefined;

  constructor(readonly plan: Plan) {
    this.probes = new Probes(plan);
  }

  async open(): Promise<void> {
    try {
      this.#background = await startLookups(this.plan, this.#stopping.signal);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([this.probes.close(), this.#background?.ended]);
  }
}

function membersOf(generation: Generation): ReadonlyMap<string, Member> {
  const { plan } = generation;
  return new Map(plan.pipelines.map((pipeline) => {
    const member = {
      pipeline,
      generation,
      running: running(pipeline, plan),
      fingerprint: fingerprint(pipeline, plan),
    };
    return [pipeline.collector.name, member];
  }));
}

function startedAnew(member: Member): Member {
  return { ...member, running: running(member.pipeline, member.generation.plan) };
}

/** When one cannot be started, the others are all the same. */
async function startAll(members: Iterable<Member>): Promise<void> {
  const starts = await Promise.allSettled(Iterator.from(members).map(({ running }) => running.start()));
  const failed = starts.find(({ status }) => status === "rejected") as PromiseRejectedResult | undefined;
  if (failed !== undefined) throw failed.reason;
}

function running(pipeline: Pipeline, plan: Plan): Running {
  const { collector } = pipeline, { values, log } = plan, shards = shardsOf(collector, values);
  if (shards > 1) return new Shards(pipeline, shards, plan);
  const targets = targetsOf(collector, values), [only] = targets;
  if (collector.targets === undefined) return runHere(pipeline, plan);
  if (only === undefined || targets.length > 1) return new SeveralTargets(pipeline, targets, plan);
  return runHere(pipeline, plan, { ...only, log: log.with({ [collector.targets.field]: only.name }) });
}
