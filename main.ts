import { COLLECTORS } from "./collectors/mod.ts";
import { hasCapability } from "./collectors/privileges.ts";
import { Runner } from "./collectors/runner.ts";
import { type CommandLine, flagsOf, parseCommandLine } from "./config/flags.ts";
import { helpText } from "./config/help.ts";
import { formatListenAddress } from "./config/listen_address.ts";
import { isEnabled, loadValues } from "./config/load.ts";
import { rootShape, SECTIONS, type Values } from "./config/settings.ts";
import { showConfiguration } from "./config/show.ts";
import { Log } from "./core/log.ts";
import { type MapNode, Problems } from "./core/node.ts";
import project from "./deno.json" with { type: "json" };
import { ENRICHERS } from "./enrich/mod.ts";
import { openEnrichers } from "./enrich/open.ts";
import { compileRules, mergeRules } from "./metrics/compile.ts";
import { Pipeline } from "./metrics/pipeline.ts";
import { ProcessMetrics } from "./server/own_metrics.ts";
import { Server } from "./server/server.ts";

const ENCODER = new TextEncoder();
const SHAPE = rootShape(COLLECTORS);
const FLAGS = flagsOf(SHAPE.settings);
/** An orderly end takes no longer. */
const MAX_STOP_MS = 900;

/** A configuration that was understood wholly. */
interface Plan {
  readonly values: Values;
  readonly rules: readonly MapNode[];
  readonly pipelines: readonly Pipeline[];
}

async function main(args: readonly string[]): Promise<number> {
  const problems = new Problems();
  const commandLine = parseCommandLine(args, FLAGS, problems);
  if (problems.any) return complain(problems, 2);
  switch (commandLine.command) {
    case "help":
      return say(helpText(FLAGS, SECTIONS));
    case "version":
      return say(`netcensus ${project.version} (deno ${Deno.version.deno}, ${Deno.build.arch})\n`);
  }
  const plan = await makePlan(commandLine, problems);
  if (plan === undefined) return complain(problems, 1);
  switch (commandLine.command) {
    case "check":
      return say(summary(plan, commandLine.configFile));
    case "collectors":
      return say(collectorTable(plan));
    default:
      return await run(plan);
  }
}

async function makePlan({ configFile, node }: CommandLine, problems: Problems): Promise<Plan | undefined> {
  const environment = Deno.env.toObject();
  const values = await loadValues({ shape: SHAPE, file: configFile, flags: node, environment }, problems);
  if (values === undefined) return undefined;
  const pipelines = COLLECTORS.map((collector) => new Pipeline(collector));
  const ruleSets = pipelines.flatMap(({ ruleSets }) => ruleSets);
  const rules = mergeRules(COLLECTORS.flatMap(({ rules }) => rules), values.rules, problems);
  const enrichers = openEnrichers(ENRICHERS, values.enrich, problems);
  compileRules(rules, { ruleSets, ...enrichers }, problems);
  return problems.any ? undefined : { values, rules, pipelines };
}

async function run({ values, rules, pipelines }: Plan): Promise<number> {
  const { web, path: paths, collectors: { interval } } = values;
  const log = new Log({ ...values.log, write: (line) => Deno.stderr.writeSync(ENCODER.encode(line)) });
  const running = pipelines.filter(({ collector }) => isEnabled(collector, values)).map((ledger) => {
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
    collectors: running,
    own: web.disable_exporter_metrics ? undefined : new ProcessMetrics(),
    configuration: () => showConfiguration(values, rules),
  });
  try {
    for (const address of server.listen()) log.info("Listening", { address: formatListenAddress(address) });
  } catch (error) {
    const addresses = web.listen_address.map(formatListenAddress).join(", ");
    log.error("Cannot listen", { addresses, error });
    return 1;
  }
  for (const { runner } of running) runner.start();
  log.info("Started", {
    version: project.version,
    collectors: running.map(({ status }) => status.name).join(","),
  });
  const signal = await nextSignal(["SIGTERM", "SIGINT"]);
  log.info("Stopping", { signal });
  const stopped = Promise.all([server.close(), ...running.map(({ runner }) => runner.stop())]);
  await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, MAX_STOP_MS))]);
  return 0;
}

function nextSignal(signals: readonly Deno.Signal[]): Promise<Deno.Signal> {
  return new Promise((resolve) => {
    for (const signal of signals) Deno.addSignalListener(signal, () => resolve(signal));
  });
}

function summary({ values, pipelines }: Plan, file = "the command line"): string {
  const enabled = pipelines.filter(({ collector }) => isEnabled(collector, values));
  const lines = enabled.map(({ collector, rules }) => `  ${collector.name}: ${rules.length} metrics\n`);
  return `${file} is good.\nCollectors that run:\n${lines.join("") || "  none\n"}`;
}

function collectorTable({ values }: Plan): string {
  return COLLECTORS.map((collector) => {
    const { name, help, enabled, privileges } = collector;
    const runs = isEnabled(collector, values) ? "runs" : "does not run";
    const needs = privileges.map(({ capability, purpose }) =>
      `  ${capability} for ${purpose}: ${
        hasCapability(capability) ? "this process has it" : "this process lacks it"
      }\n`
    );
    return `${name}: ${help}\n  by default ${enabled ? "on" : "off"}; ${runs} as configured\n${
      needs.join("") || "  needs no privilege\n"
    }`;
  }).join("");
}

function say(text: string): number {
  Deno.stdout.writeSync(ENCODER.encode(text));
  return 0;
}

function complain(problems: Problems, code: number): number {
  Deno.stderr.writeSync(ENCODER.encode(problems.lines().join("\n") + "\n"));
  return code;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
