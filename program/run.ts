import { showConfiguration } from "../config/show.ts";
import { formatListenAddress } from "../core/listen_address.ts";
import type { Pipeline } from "../metrics/pipeline.ts";
import { keepMemorySmall } from "../native/memory.ts";
import { ProcessMetrics } from "../server/own_metrics.ts";
import { Server } from "../server/server.ts";
import { type Plan, shardsOf, targetsOf } from "./plan.ts";
import { Probes } from "./probes.ts";
import { type Background, figuresOf, runHere, type Running, startLookups } from "./running.ts";
import { SeveralTargets } from "./several_targets.ts";
import { mergeFigures, Shards } from "./shards.ts";

/** An orderly end takes no longer. */
const MAX_STOP_MS = 900;

/** Runs what was planned until a signal ends it; gives the exit status. */
export async function run(plan: Plan, version: string): Promise<number> {
  const { values, rules, pipelines, log } = plan;
  const { web } = values;
  const collectors = pipelines.map((pipeline) => running(pipeline, plan)), probes = new Probes(plan);
  const server = new Server({
    version,
    addresses: web.listen_address,
    metricsPath: web.telemetry_path,
    maxRequests: web.max_requests,
    collectors,
    probe: (query) => probes.open(query),
    figures: () => mergeFigures([figuresOf(plan), ...collectors.map((collector) => collector.figures())]),
    own: web.disable_exporter_metrics ? undefined : new ProcessMetrics(web.scrape_metric),
    configuration: () => showConfiguration({ collectors: plan.collectors, values, rules }),
    log,
  });
  try {
    for (const address of server.listen()) log.info("Listening", { address: formatListenAddress(address) });
  } catch {
    // The server has said why.
    return 1;
  }
  for (const idle of plan.idleRules) {
    log.warn("A rule counts nothing: its collector does not run", { ...idle });
  }
  const stopping = new AbortController(), signalled = nextSignal(["SIGTERM", "SIGINT"]);
  const onHangUp = () => log.warn("The configuration is read at the start only", { signal: "SIGHUP" });
  Deno.addSignalListener("SIGHUP", onHangUp);
  let background: Background | undefined;
  const start = async () => {
    background = await startLookups(plan, stopping.signal);
    await Promise.all(collectors.map((collector) => collector.start()));
    keepMemorySmall(log);
    log.info("Started", { version, collectors: collectors.map(({ status }) => status.name).join(",") });
  };
  try {
    await Promise.race([start(), signalled]);
  } catch (error) {
    log.error("Cannot start", { error });
    return 1;
  }
  log.info("Stopping", { signal: await signalled });
  stopping.abort();
  const all = [probes.close(), ...collectors.map((collector) => collector.stop())];
  const stopped = [server.close(), background?.ended, ...all];
  await Promise.race([Promise.all(stopped), new Promise((resolve) => setTimeout(resolve, MAX_STOP_MS))]);
  return 0;
}

function nextSignal(signals: readonly Deno.Signal[]): Promise<Deno.Signal> {
  return new Promise((resolve) => {
    for (const signal of signals) Deno.addSignalListener(signal, () => resolve(signal));
  });
}

function running(pipeline: Pipeline, plan: Plan): Running {
  const { collector } = pipeline, { values, log } = plan, shards = shardsOf(collector, values);
  if (shards > 1) return new Shards(pipeline, shards, plan);
  const targets = targetsOf(collector, values), [only] = targets;
  if (collector.targets === undefined) return runHere(pipeline, plan);
  if (only === undefined || targets.length > 1) return new SeveralTargets(pipeline, targets, plan);
  return runHere(pipeline, plan, { ...only, log: log.with({ [collector.targets.field]: only.name }) });
}
