import type { Collector } from "../core/collector.ts";
import { entryOf, type Node, nodeOf, type Problems } from "../core/node.ts";
import { overlay, treeOf } from "./flags.ts";
import { readConfigurationFile } from "./read_file.ts";
import type { CollectorValues, Values } from "./settings.ts";

/** The variables of the environment that say something, as those of the replaced exporters did. */
export const VARIABLES = {
  PORT: "Port to listen at, where nothing else says where to listen",
  MIKROTIK_ROUTER_ADDRESS:
    "Host of a router, which switches mikrotik on; where it is missing, the others say nothing",
  MIKROTIK_ROUTER_PORT: "Port of its API",
  MIKROTIK_ROUTER_USERNAME: "Name of the user",
  MIKROTIK_ROUTER_PASSWORD: "Password",
  MIKROTIK_ROUTER_PASSWORD_FILE: "File with the password, which is read at each login",
};

type Environment = Readonly<Partial<Record<keyof typeof VARIABLES, string>>>;

export interface Sources {
  readonly file: string | undefined;
  readonly flags: Node;
  readonly environment: Environment;
  /** Whether it was read before. */
  readonly isAgain?: boolean;
}

/** What was configured, as it was written: flags win over the file, the file over the environment. */
export async function loadNode(sources: Sources, problems: Problems): Promise<Node> {
  const { file, flags, environment, isAgain = false } = sources;
  const inFile = file === undefined ? undefined : await readFile(file, { isAgain }, problems);
  const written = overlay(fromEnvironment(environment), inFile ?? nodeOf({}));
  return overlay(saysOfRouters(written) ? written : overlay(written, routerOf(environment)), flags);
}

async function readFile(
  file: string,
  options: { isAgain: boolean },
  problems: Problems,
): Promise<Node | undefined> {
  try {
    const text = await readConfigurationFile(file, options);
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

function fromEnvironment(environment: Environment): Node {
  const { PORT } = environment;
  return PORT ? nodeOf({ web: { listen_address: [`:${PORT}`] } }, "PORT") : nodeOf({});
}

/** Whether it says which routers there are, or that none is asked: then the environment does not. */
function saysOfRouters(written: Node): boolean {
  const mikrotik = entryOf(entryOf(written, "collectors")?.value, "mikrotik")?.value;
  const routers = entryOf(mikrotik, "routers")?.value;
  const isOff = mikrotik?.kind === "scalar" && mikrotik.value === false;
  return isOff || (routers !== undefined && !(routers.kind === "scalar" && routers.value === null));
}

/** By its key, the variable that says it of a router. */
const ROUTER = {
  address: "MIKROTIK_ROUTER_ADDRESS",
  username: "MIKROTIK_ROUTER_USERNAME",
  password: "MIKROTIK_ROUTER_PASSWORD",
  password_file: "MIKROTIK_ROUTER_PASSWORD_FILE",
} as const;

function routerOf(environment: Environment): Node {
  const port = environment.MIKROTIK_ROUTER_PORT;
  if (!environment[ROUTER.address]) return nodeOf({});
  const values = Object.entries(ROUTER).flatMap(([key, variable]) => {
    const value = environment[variable];
    if (!value) return [];
    return [[[key], nodeOf(key === "address" && port ? withPort(value, port) : value, variable)] as const];
  });
  const router = { ...treeOf(values), place: ROUTER.address };
  return treeOf([[["collectors", "mikrotik", "routers"], router]]);
}

function withPort(host: string, port: string): string {
  return /^(?!\[).*:.*:/.test(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether the collector is to run: what was said of it, or else its own default. */
export function isEnabled(collector: Collector, values: Values): boolean {
  const { enabled } = values.collectors[collector.name] as CollectorValues;
  return enabled ?? (collector.enabled && !values.collectors.disable_defaults);
}
