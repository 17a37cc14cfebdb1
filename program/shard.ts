/// <reference lib="deno.worker" />
/** A thread that does its share of the work of a collector, and tells of it when it is asked. */
import { COLLECTORS } from "../collectors/mod.ts";
import type { Figures } from "../core/enricher.ts";
import type { NamesByIndex } from "../core/interface_names.ts";
import { type Node, Problems } from "../core/node.ts";
import type { CollectorStatus } from "../core/status.ts";
import { compactView, type View } from "../metrics/rule.ts";
import { copyStatus } from "./merge_status.ts";
import { makePlan, type Plan } from "./plan.ts";
import { type Background, figuresOf, runHere, type Running, startLookups } from "./running.ts";

/**
 * What a thread is told: to begin, to bring its series up to date within some time, how interfaces are called, or to
 * end.
 */
export type Order =
  | {
    readonly order: "start";
    readonly configured: Node;
    readonly collector: string;
    readonly shards: number;
  }
  | { readonly order: "collect"; readonly milliseconds: number }
  | { readonly order: "interfaces"; readonly names: ReadonlyMap<string, NamesByIndex> }
  | { readonly order: "stop" };

/** What a thread tells in answer to each: nothing of interest but when it was to collect, or what went wrong. */
export type Answer = { readonly report: Report | undefined } | { readonly failure: string };

export interface Report {
  readonly status: CollectorStatus;
  readonly rules: readonly { readonly view: View; readonly folded: number }[];
  readonly figures: Figures;
}

const stopping = new AbortController();
let running: Running | undefined;
let background: Background | undefined;
let plan: Plan | undefined;

/** The answer to the order before: they are obeyed one after the other. */
let answered = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<Order>) => {
  answered = answered.then(() => answer(data));
};

async function answer(order: Order): Promise<void> {
  try {
    self.postMessage({ report: await obey(order) } satisfies Answer);
  } catch (error) {
    self.postMessage({ failure: error instanceof Error ? error.message : String(error) } satisfies Answer);
  }
  if (order.order === "stop") self.close();
}

async function obey(order: Order): Promise<Report | undefined> {
  switch (order.order) {
    case "start":
      await start(order);
      return undefined;
    case "collect":
      await running!.collect(AbortSignal.timeout(order.milliseconds));
      return report(running!);
    case "interfaces":
      plan!.interfaceNames.tellAll(order.names);
      return undefined;
    case "stop":
      stopping.abort();
      await Promise.all([running?.stop(), background?.ended]);
      return undefined;
  }
}

async function start({ configured, collector, shards }: Order & { order: "start" }): Promise<void> {
  const problems = new Problems();
  plan = makePlan({ configured, collectors: COLLECTORS, shard: { of: collector, shards } }, problems);
  if (plan === undefined || problems.any) throw new Error(problems.lines().join("; "));
  background = await startLookups(plan, stopping.signal);
  running = runHere(plan.pipelines[0]!, plan);
  await running.start();
}

function report({ status, rules }: Running): Report {
  return {
    status: copyStatus(status),
    rules: rules.map(({ view, folded }) => ({ view: compactView(view), folded })),
    figures: figuresOf(plan!),
  };
}
