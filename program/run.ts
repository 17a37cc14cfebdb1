import { showConfiguration } from "../config/show.ts";
import { formatListenAddress } from "../core/listen_address.ts";
import { keepMemorySmall } from "../native/memory.ts";
import { type Build, ProcessMetrics } from "../server/own_metrics.ts";
import { Server } from "../server/server.ts";
import { Collecting } from "./collecting.ts";
import type { Plan } from "./plan.ts";
import { type Load, Reloading } from "./reloading.ts";
import { Service } from "./service.ts";

/** An orderly end takes no longer. */
const MAX_STOP_MS = 900;

/** Runs what was planned until a signal ends it; gives the exit status. */
export async function run(plan: Plan, { load, build }: { load: Load; build: Build }): Promise<number> {
  const { log, values: { web } } = plan;
  const collecting = new Collecting(plan),
    reloading = new Reloading(plan, {
      load,
      collecting,
      guard: (config) => server.guard(config),
    });
  const service = new Service(log), started = Promise.withResolvers<void>();
  const names = () => collecting.running.map(({ status }) => status.name);
  const whatRuns = () => `Runs ${names().join(", ") || "nothing"}`;
  const reload = async () => {
    await started.promise;
    service.reloading();
    const reloaded = await reloading.reload();
    const { isGood } = reloaded;
    service.ready(isGood ? whatRuns() : "The configuration is wrong, the one before is in force");
    return reloaded;
  };
  const server: Server = new Server({
    build,
    addresses: web.listen_address,
    metricsPath: web.telemetry_path,
    maxRequests: web.max_requests,
    get collectors() {
      return collecting.running;
    },
    probe: (query) => collecting.probe(query),
    figures: () => collecting.figures(),
    reloads: reloading,
    own: web.disable_exporter_metrics ? undefined : new ProcessMetrics(web.scrape_metric),
    configuration: () => showConfiguration(reloading.plan),
    reload,
    log,
  });
  await server.guard(plan.webConfig);
  try {
    for (const address of server.listen()) log.info("Listening", { address: formatListenAddress(address) });
  } catch {
    // The server has said why.
    return 1;
  }
  for (const idle of plan.idleRules) {
    log.warn("A rule counts nothing: its collector does not run", { ...idle });
  }
  const signalled = nextSignal(["SIGTERM", "SIGINT"]);
  Deno.addSignalListener("SIGHUP", reload);
  const start = async () => {
    await collecting.start();
    keepMemorySmall(log);
    log.info("Started", { ...build, collectors: names().join(",") });
    service.ready(whatRuns());
    started.resolve();
  };
  try {
    await Promise.race([start(), signalled]);
  } catch (error) {
    log.error("Cannot start", { error });
    return 1;
  }
  log.info("Stopping", { signal: await signalled });
  service.stopping();
  const stopped = [server.close(), collecting.stop()];
  await Promise.race([Promise.all(stopped), new Promise((resolve) => setTimeout(resolve, MAX_STOP_MS))]);
  return 0;
}

function nextSignal(signals: readonly Deno.Signal[]): Promise<Deno.Signal> {
  return new Promise((resolve) => {
    for (const signal of signals) Deno.addSignalListener(signal, () => resolve(signal));
  });
}
