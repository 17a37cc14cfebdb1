import { COLLECTORS } from "./collectors/mod.ts";
import { hasCapability } from "./collectors/privileges.ts";
import { flagsOf, parseCommandLine } from "./config/flags.ts";
import { helpText } from "./config/help.ts";
import { loadNode } from "./config/load.ts";
import { collectorTable, summary } from "./config/report.ts";
import { rootShape, SECTIONS } from "./config/settings.ts";
import type { Collector } from "./core/collector.ts";
import { Problems } from "./core/node.ts";
import project from "./deno.json" with { type: "json" };
import { makePlan } from "./program/plan.ts";
import { replay } from "./program/replay.ts";
import { run } from "./program/run.ts";

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
      return say(`netcensus ${project.version} (deno ${Deno.version.deno}, ${Deno.build.arch})\n`);
  }
  const { configFile: file, replayFile, node } = commandLine;
  const configured = await loadNode({ file, flags: node, environment: Deno.env.toObject() }, problems);
  const plan = makePlan({ configured, collectors, isReplay: replayFile !== undefined }, problems);
  if (plan === undefined || problems.any) return complain(problems, 1);
  switch (commandLine.command) {
    case "check":
      return say(summary(file ?? "the command line", plan));
    case "collectors":
      return say(collectorTable(collectors, plan.values, hasCapability));
    default:
      if (replayFile !== undefined) return await replay(plan, replayFile, project.version);
      return await run(plan, project.version);
  }
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
