import { familiesOf, render } from "../metrics/exposition.ts";
import { type Build, statusFamilies } from "../server/own_metrics.ts";
import type { Plan } from "./plan.ts";
import { runnerOf, startLookups } from "./running.ts";

/** Writes the metrics that a file of captured packets gives to standard output; gives the exit status. */
export async function replay(plan: Plan, path: string, build: Build): Promise<number> {
  const { pipelines, log } = plan, stopping = new AbortController();
  const runners = pipelines.map((pipeline) => runnerOf(pipeline, plan));
  const background = await startLookups(plan, stopping.signal);
  let failure: unknown;
  try {
    for (const runner of runners) failure = await runner.replay(path) ?? failure;
  } catch (error) {
    log.error("Cannot replay", { error });
    return 1;
  } finally {
    stopping.abort();
    await Promise.all([background.ended, ...runners.map((runner) => runner.stop())]);
  }
  const rules = pipelines.flatMap((pipeline) => pipeline.rules);
  const families = [
    ...rules.flatMap((rule) => familiesOf(rule, "text")),
    ...statusFamilies(build, runners, rules),
  ];
  families.sort((a, b) => a.name < b.name ? -1 : 1);
  for (const chunk of render(families, "text")) {
    for (let written = 0; written < chunk.length;) written += Deno.stdout.writeSync(chunk.subarray(written));
  }
  if (failure !== undefined) log.error("Cannot replay all", { error: failure });
  return failure === undefined ? 0 : 1;
}
