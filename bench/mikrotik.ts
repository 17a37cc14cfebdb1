/**
 * How long does a snapshot of a router with 200,000 connections take, what does it cost beside npm:node-routeros, and
 * for how long does it hold the event loop? The router is the simulator of the tests, in a process of its own. Each
 * client is a new process that reads the table once, with its code not yet compiled: ours up to the text of all series
 * of all shipped rules, node-routeros up to one map of connections by protocol and addresses. Then the exporter as a
 * whole: what it holds while it takes a snapshot every ten seconds and is scraped.
 * `deno run --allow-all bench/mikrotik.ts [BINARY]`
 */
import process from "node:process";
import { RouterOSAPI } from "node-routeros";
import mikrotik from "../collectors/mikrotik/mod.ts";
import { InterfaceNames } from "../core/interface_names.ts";
import { Log } from "../core/log.ts";
import { Problems } from "../core/node.ts";
import { ENRICHERS } from "../enrich/mod.ts";
import { openEnrichers } from "../enrich/open.ts";
import { Collecting } from "../tests/helpers/collecting.ts";
import { type Measures, memoryOf, pass, report } from "./passes.ts";

const CONNECTIONS = 200_000, ROUNDS = 5;
const MENU = "/ip/firewall/connection", USER = "prometheus", PASSWORD = "secret";
const EIGHT = [
  "protocol",
  "src-address",
  "dst-address",
  "tcp-state",
  "orig-bytes",
  "repl-bytes",
  "orig-packets",
  "repl-packets",
];
const PORT = 19_198, SNAPSHOTS = 4, INTERVAL_S = 10;

const ROOT = new URL("../", import.meta.url).pathname;

/** A router that runs until it is disposed of. */
class Router implements AsyncDisposable {
  private constructor(readonly port: number, readonly process: Deno.ChildProcess) {}

  static async start(columns: readonly string[] | undefined): Promise<Router> {
    const options = { many: CONNECTIONS, ...columns && { columns } };
    const args = ["run", "--allow-all", `${ROOT}tests/helpers/routeros/serve.ts`, JSON.stringify(options)];
    const child = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped" }).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value = "" } = await reader.read();
    return new Router(JSON.parse(value).port, child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill("SIGTERM");
    await this.process.status;
  }
}

function settingsOf(port: string) {
  return { routers: [{ address: `127.0.0.1:${port}`, username: USER, password: PASSWORD }] };
}

async function readByOurs(port: string): Promise<Measures> {
  const log = new Log({ level: "error", format: "logfmt", write: () => {} }), problems = new Problems();
  const { lookups } = openEnrichers(ENRICHERS, undefined, {
    log,
    interfaceNames: new InterfaceNames(),
    problems,
  });
  await Promise.all([...lookups.values()].map((lookup) => lookup.load?.()));
  using collecting = new Collecting(mikrotik, { lookups, settings: settingsOf(port) });
  const measures: Measures = {};
  await pass(collecting, measures, "ours");
  return { "wall": measures["ours: whole"]!, "hold": measures["ours: hold"]! };
}

async function readByNodeRouteros(port: string): Promise<Measures> {
  const api = new RouterOSAPI({
    host: "127.0.0.1",
    port: Number(port),
    user: USER,
    password: PASSWORD,
    timeout: 60,
  });
  await api.connect();
  const start = performance.now(), counts = new Map<string, number>();
  const rows = await api.write(`${MENU}/print`, [`=.proplist=${EIGHT.join(",")}`]) as Record<
    string,
    string
  >[];
  for (const row of rows) {
    const key = `${row["protocol"]} ${row["src-address"]!.split(":")[0]} ${
      row["dst-address"]!.split(":")[0]
    }`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const wall = performance.now() - start;
  await api.close();
  return { wall };
}

const CLIENTS: Readonly<Record<string, (port: string) => Promise<Measures>>> = {
  "ours": readByOurs,
  "node-routeros": readByNodeRouteros,
};

/** Reads the table in this process, and prints what that took. */
async function read(client: string, port: string): Promise<void> {
  const before = process.cpuUsage();
  const measures = await CLIENTS[client]!(port);
  const { user, system } = process.cpuUsage(before);
  console.log(
    JSON.stringify({ ...measures, "CPU": (user + system) / 1000, "MiB at most": memoryOf(Deno.pid).most }),
  );
  Deno.exit(0);
}

async function readInProcess(client: string, port: number): Promise<Measures> {
  const args = [
    "run",
    "--allow-all",
    "--config",
    `${ROOT}deno.json`,
    import.meta.filename!,
    client,
    String(port),
  ];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  const measures = JSON.parse(new TextDecoder().decode(stdout)) as Measures;
  return Object.fromEntries(Object.entries(measures).map(([name, value]) => [`${client}: ${name}`, value]));
}

async function compare(columns: readonly string[] | undefined): Promise<void> {
  await using router = await Router.start(columns);
  const clients = columns === undefined ? ["ours"] : Object.keys(CLIENTS), rounds: Measures[] = [];
  // The router encodes a table when it is asked for it the first time.
  for (let i = 0; i <= ROUNDS; i++) {
    const measures: Measures = {};
    for (const client of clients) Object.assign(measures, await readInProcess(client, router.port));
    const [ours, theirs] = [measures["ours: CPU"]!, measures["node-routeros: CPU"]];
    if (theirs !== undefined) measures["ratio of CPU"] = ours / theirs;
    if (i > 0) rounds.push(measures);
  }
  console.log(
    `${CONNECTIONS} connections, ${columns === undefined ? "all columns" : `${columns.length} columns`}:`,
  );
  report(rounds);
}

/** The exporter as a whole, which is scraped after each snapshot. */
async function measureExporter(binary: string, columns: readonly string[] | undefined): Promise<void> {
  await using router = await Router.start(columns);
  const file = await Deno.makeTempFile({ suffix: ".yml" });
  const mikrotik = settingsOf(String(router.port));
  await Deno.writeTextFile(file, JSON.stringify({ collectors: { disable_defaults: true, mikrotik } }));
  const args = [`--config.file=${file}`, `--web.listen-address=127.0.0.1:${PORT}`, "--log.level=error"];
  const child = new Deno.Command(binary, { args, stderr: "inherit" }).spawn();
  try {
    const rounds: Measures[] = [];
    for (let i = 0; i < SNAPSHOTS; i++) {
      await new Promise((resolve) => setTimeout(resolve, i === 0 ? 3000 : 1000 * INTERVAL_S));
      const text = await (await fetch(`http://127.0.0.1:${PORT}/metrics`)).text();
      const seconds = /^mikrotik_snapshot_duration_seconds (.*)$/m.exec(text)![1];
      rounds.push({ "exporter: snapshot": 1000 * Number(seconds), "exporter: MiB": memoryOf(child.pid).now });
    }
    report(rounds);
    console.log(`exporter: MiB at most ${memoryOf(child.pid).most.toFixed(1)}`);
  } finally {
    child.kill("SIGTERM");
    await child.status;
    await Deno.remove(file);
  }
}

const [first, port] = Deno.args;
if (first !== undefined && port !== undefined) await read(first, port);
else {
  for (const columns of [EIGHT, undefined]) {
    await compare(columns);
    if (first !== undefined) await measureExporter(first, columns);
  }
}
