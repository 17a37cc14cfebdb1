/**
 * Runs the whole program in a network namespace, where it can be asked. It does what the lines of its standard input
 * say, a name and JSON, and answers each with a line of JSON.
 */
import { answerLines, type Commands } from "./answer_lines.ts";
import { commandOf, Exporter, seriesOf } from "./exporter.ts";
import type { Launch, User } from "./program_host.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** A folder that is on every system, and in it what nobody may not reach where it is. */
const PLACE = "/media";
const SHARED = { deno: `${PLACE}/deno`, cache: `${PLACE}/cache`, project: `${PLACE}/project` };

const NOBODY = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"];
const USERS: Readonly<Record<User, readonly string[]>> = {
  root: [],
  nobody: NOBODY,
  "nobody with CAP_NET_ADMIN": [...NOBODY, "--inh-caps=+net_admin", "--ambient-caps=+net_admin"],
  "nobody with CAP_NET_RAW": [...NOBODY, "--inh-caps=+net_raw", "--ambient-caps=+net_raw"],
};

let exporter: Exporter;

/** The answer to each command. */
const COMMANDS: Commands = {
  async start({ user, args }: Launch) {
    // Who runs it is said here, whatever stands before the program.
    const given = Deno.env.get("NETCENSUS_COMMAND")?.split(" ").at(-1);
    const command = given !== undefined ? [given] : user === "root" ? commandOf("main.ts") : await shared();
    const words = ["setpriv", "--pdeathsig=KILL", ...USERS[user], ...command];
    Deno.env.set("NETCENSUS_COMMAND", words.join(" "));
    exporter = await Exporter.start(args);
  },
  async scrape() {
    const start = Date.now() / 1000, text = await exporter.get("/metrics");
    return { series: Object.fromEntries(seriesOf(text)), start, end: Date.now() / 1000 };
  },
  log: () => exporter.lines,
  pid: () => exporter.pid,
  signal: (signal: Deno.Signal) => Deno.kill(exporter.pid, signal),
  stop: async () => (await exporter.stop()).code,
};

/** The program as commandOf() has it, where everybody can read it: only processes of this host see the mounts. */
async function shared(): Promise<string[]> {
  await run("mount", "-t", "tmpfs", "-o", "mode=755", "none", PLACE);
  await Deno.writeTextFile(SHARED.deno, "");
  await run("mount", "--bind", Deno.execPath(), SHARED.deno);
  for (const [from, to] of [[ROOT, SHARED.project], [await cacheOfDeno(), SHARED.cache]] as const) {
    await Deno.mkdir(to);
    await run("mount", "--bind", from, to);
  }
  Deno.env.set("DENO_DIR", SHARED.cache);
  const { deno, project } = SHARED;
  return [deno, "run", "--allow-all", "--config", `${project}/deno.json`, `${project}/main.ts`];
}

async function cacheOfDeno(): Promise<string> {
  return JSON.parse(await run(Deno.execPath(), "info", "--json")).denoDir;
}

async function run(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  if (!success) throw new Error(`Cannot run ${command}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

await answerLines(COMMANDS);
