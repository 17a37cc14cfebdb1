import project from "../deno.json" with { type: "json" };
import type { Build } from "../server/own_metrics.ts";

/** What tools/compile.ts puts into a binary. */
export const BUILD_FILE = new URL("../dist/build.json", import.meta.url);

/** What is running; from its source it does not know of which revision it is. */
export function readBuild(): Build {
  if (Deno.build.standalone) return JSON.parse(Deno.readTextFileSync(BUILD_FILE));
  return { version: project.version, revision: "unknown" };
}
