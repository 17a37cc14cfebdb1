import { COLLECTORS } from "./collectors/mod.ts";
import { hasCapability } from "./collectors/privileges.ts";
import { Runner } from "./collectors/runner.ts";
import { flagsOf, parseCommandLine } from "./config/flags.ts";
import { helpText } from "./config/help.ts";
import { isEnabled, loadValues } from "./config/load.ts";
import { collectorTable, summary } from "./config/report.ts";
import { rootShape, SECTIONS, type Values } from "./config/settings.ts";
import { showConfiguration } from "./config/show.ts";
import type { Collector } from "./core/collector.ts";
import type { Lookup } from "./core/enricher.ts";
import { formatListenAddress } from "./core/listen_address.ts";
import { Log } from "./core/log.ts";
import { type MapNode, Problems } from "./core/node.ts";
import project from "./deno.json" with { type: "json" };
import { ENRICHERS } from "./enrich/mod.ts";
import { openEnrichers } from "./enrich/open.ts";
import { compileRules } from "./metrics/compile.ts";
import { mergeRules } from "./metrics/merge_rules.ts";
import { Pipeline } from "./metrics/pipeline.ts";
import { keepMemorySmall } from "./native/memory.ts";
import { ProcessMetrics } from "./server/own_metrics.ts";
import { Server } from "./server/server.ts";

const ENCODER = new TextEncoder();
/** An orderly end takes no longer. */
const MAX_STOP_MS = 900;

/** What a configuration comes to. */
interface Plan {
  readonly values: Values;
  readonly rules: readonly MapNode[];
  readonly pipelines: readonly Pipeline[];
  readonly lookups: ReadonlyMap<string, Lookup>;
  readonly log: Log;
}

/** The program, with these collectors; gives its exit status. */
export async function main(args: readonly string[], collectors: readonly Collector[]): Promise<number> {
  const shape = rootShape(collectors), flags = flagsOf(shape.settings), problems = new Problems();
  const commandLine = parseCommandLine(args, flags, problems);
  if (problems.any) return complain(problems, 2);
  switch (commandLine.command) {
    case "help":
      return say(helpText(flags, SECTIONS));
    case "version":
      return say(`netcensus ${project.version} (deno ${Deno.version.deno}, ${Deno.build.arch})\n`);
  }
  const { configFile: file, node } = commandLine;
  const values = await loadValues({ shape, file, flags: node, environment: Deno.env.toObject() }, problems);
  const plan = values && makePlan(values, collectors, problems);
  if (values === undefined || plan === undefined || problems.any) return complain(problems, 1);
  switch (commandLine.command) {
    case "check":
      return say(summary(file ?? "the command line", running(plan)));
    case "collectors":
      return say(collectorTable(collectors, values, hasCapability));
    default:
      return await run(plan);
  }
}

function makePlan(values: Values, collectors: readonly Collector[], problems: Problems): Plan {
  const pipelines = collectors.map((collector) => new Pipeline(collector));
  const ruleSets = pipelines.flatMap(({ ruleSets }) => ruleSets);
  const rules = mergeRules(collectors.flatMap(({ rules }) => rules), values.rules, problems);
  const log = logOf(values);
  const enrichers = openEnrichers(ENRICHERS, values.enrich, { log, problems });
  compileRules(rules, { ruleSets, ...enrichers }, problems);
  return { values, rules, pipelines, lookups: enrichers.lookups, log };
}

function logOf(values: Values): Log {
  return new Log({ ...values.log, write: (line) => Deno.stderr.writeSync(ENCODER.encode(line)) });
}

function running({ values, pipelines }: Plan): readonly Pipeline[] {
  return pipelines.filter(({ collector }) => isEnabled(collector, values));
}

async function run(plan: Plan): Promise<number> {
  const { values, rules, pipelines, lookups, log } = plan;
  const { web, path: paths, collectors: { interval } } = values;
  const collectors = running(plan).map((ledger) => {
    const { collector } = ledger;
    const settings = values.collectors[collector.name] as Record<string, unknown>;
    const runner = new Runner({ collector, settings, ledger, paths, log, interval });
    return {
      status: runner,
      runner,
      rules: ledger.rules,
      collect: (signal: AbortSignal) => runner.collect(signal),
    };
  });
  const server = new Server({
    version: project.version,
    addresses: web.listen_address,
    metricsPath: web.telemetry_path,
    maxRequests: web.max_requests,
    collectors,
    own: web.disable_exporter_metrics ? undefined : new ProcessMetrics(),
    configuration: () =>
      showConfiguration({ collectors: pipelines.map(({ collector }) => collector), values, rules }),
    log,
  });
  try {
    for (const address of server.listen()) log.info("Listening", { address: formatListenAddress(address) });
  } catch {
    // The server has said why.
    return 1;
  }
  const stopping = new AbortController();
  for (const [enricher, lookup] of lookups) {
    lookup.run?.(stopping.signal).catch((error) => log.error("The enricher failed", { enricher, error }));
  }
  for (const { runner } of collectors) runner.start();
  keepMemorySmall(log);
  Deno.addSignalListener(
    "SIGHUP",
    () => log.warn("The configuration is read at the start only", { signal: "SIGHUP" }),
  );
  const signalled = nextSignal(["SIGTERM", "SIGINT"]);
  log.info("Started", {
    version: project.version,
    collectors: collectors.map(({ status }) => status.name).join(","),
  });
  log.info("Stopping", { signal: await signalled });
  stopping.abort();
  const stopped = Promise.all([server.close(), ...collectors.map(({ runner }) => runner.stop())]);
  await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, MAX_STOP_MS))]);
  return 0;
}

function nextSignal(signals: readonly Deno.Signal[]): Promise<Deno.Signal> {
  return new Promise((resolve) => {
    for (const signal of signals) Deno.addSignalListener(signal, () => resolve(signal));
  });
}

function say(text: string): number {
  Deno.stdout.writeSync(ENCODER.encode(text));
  return 0;
}

function complain(problems: Problems, code: number): number {
  Deno.stderr.writeSync(ENCODER.encode(problems.lines().join("\n") + "\n"));
  return code;
}

if (import.meta.main) Deno.exit(await main(Deno.args, COLLECTORS));
