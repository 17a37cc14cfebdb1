import { COLLECTORS } from "./collectors/mod.ts";
import { hasCapability } from "./collectors/privileges.ts";
import { flagsOf, parseCommandLine } from "./config/flags.ts";
import { helpText } from "./config/help.ts";
import { loadNode } from "./config/load.ts";
import { collectorTable, summary } from "./config/report.ts";
import { rootShape, SECTIONS, type Values, webOf } from "./config/settings.ts";
import type { Collector } from "./core/collector.ts";
import type { Log } from "./core/log.ts";
import { Problems } from "./core/node.ts";
import { readBuild } from "./program/build.ts";
import { unhealthy } from "./program/health.ts";
import { makePlan } from "./program/plan.ts";
import { replay } from "./program/replay.ts";
import { run } from "./program/run.ts";
import type { Build } from "./server/own_metrics.ts";

const ENCODER = new TextEncoder();

/** The program, with these collectors; gives its exit status. */
export async function main(args: readonly string[], collectors: readonly Collector[]): Promise<number> {
  const shape = rootShape(collectors), flags = flagsOf(shape.settings), problems = new Problems();
  const commandLine = parseCommandLine(args, flags, problems);
  if (problems.any) return complain(problems, 2);
  switch (commandLine.command) {
    case "help":
      return say(helpText(flags, SECTIONS));
    case "version":
      return say(versionText(readBuild()));
  }
  const { configFile: file, replayFile, node } = commandLine;
  // What it asks for is about to be read; run() hears the next one.
  if (commandLine.command === "run") Deno.addSignalListener("SIGHUP", () => {});
  const read = (problems: Problems, isAgain = false) =>
    loadNode({ file, flags: node, environment: Deno.env.toObject(), isAgain }, problems);
  if (commandLine.command === "health") {
    const web = webOf(await read(new Problems()), problems);
    return problems.any ? complain(problems, 1) : await health(web);
  }
  const load = async (problems: Problems, log?: Log) => {
    const isAgain = log !== undefined, configured = await read(problems, isAgain);
    const plan = makePlan(
      { configured, collectors, isReplay: replayFile !== undefined, ...log && { log } },
      problems,
    );
    const webFile = plan?.values.web.config_file;
    // What needs no TLS needs not be allowed to read the key.
    if (plan === undefined || webFile === undefined || commandLine.command === "collectors") return plan;
    const { readWebConfig } = await import("./config/web_config.ts");
    return { ...plan, webConfig: await readWebConfig({ file: webFile, isAgain }, problems) };
  };
  const plan = await load(problems);
  if (plan === undefined || problems.any) return complain(problems, 1);
  switch (commandLine.command) {
    case "check":
      return say(summary(file ?? "the command line", plan));
    case "collectors":
      return say(collectorTable(collectors, plan.values, hasCapability));
    default:
      if (replayFile !== undefined) return await replay(plan, replayFile, readBuild());
      return await run(plan, { load, build: readBuild() });
  }
}

async function health({ listen_address: [address], config_file }: Values["web"]): Promise<number> {
  const wrong = await unhealthy(address!, { isGuarded: config_file !== undefined });
  if (wrong === undefined) return say("netcensus is healthy\n");
  Deno.stderr.writeSync(ENCODER.encode(`${wrong}\n`));
  return 1;
}

function versionText({ version, revision }: Build): string {
  return `netcensus ${version} (revision ${revision}, deno ${Deno.version.deno}, ${Deno.build.arch})\n`;
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
