import type { Collector } from "../core/collector.ts";
import { type Node, nodeOf, type Problems } from "../core/node.ts";
import { overlay } from "./flags.ts";
import type { CollectorValues, Values } from "./settings.ts";

export interface Sources {
  readonly file: string | undefined;
  readonly flags: Node;
  readonly environment: Readonly<Record<string, string>>;
}

/** What was configured, as it was written: flags win over the file, the file over the environment. */
export async function loadNode(sources: Sources, problems: Problems): Promise<Node> {
  const { file, flags, environment } = sources;
  const inFile = file === undefined ? undefined : await readFile(file, problems);
  return overlay(overlay(fromEnvironment(environment), inFile ?? nodeOf({})), flags);
}

async function readFile(file: string, problems: Problems): Promise<Node | undefined> {
  try {
    const text = await Deno.readTextFile(file);
    // Whoever has no configuration does without the parser and its memory.
    const [{ parseYaml }, { fromNetflowCollector }] = await Promise.all([
      import("./yaml.ts"),
      import("./netflow_collector.ts"),
    ]);
    const node = parseYaml(text, file, problems);
    return node && fromNetflowCollector(node, problems);
  } catch (error) {
    const { message } = error as Error;
    problems.add(file, `Cannot read the configuration: ${message}`);
    return undefined;
  }
}

/** What the replaced exporters were told by their environment. */
function fromEnvironment(environment: Readonly<Record<string, string>>): Node {
  const { PORT } = environment;
  return PORT ? nodeOf({ web: { listen_address: [`:${PORT}`] } }, "PORT") : nodeOf({});
}

/** Whether the collector is to run: what was said of it, or else its own default. */
export function isEnabled(collector: Collector, values: Values): boolean {
  const { enabled } = values.collectors[collector.name] as CollectorValues;
  return enabled ?? (collector.enabled && !values.collectors.disable_defaults);
}
