/**
 * How long does a pass over 50,000 TCP sockets take, and for how long does it hold the event loop? Beside it, `ss`.
 * As root: `deno run --allow-all bench/sockets.ts`
 */
import { createInterface } from "node:readline";
import process from "node:process";
import { setImmediate } from "node:timers";
import sockets from "../collectors/sockets/mod.ts";
import { drive } from "../core/work.ts";
import { Vocabulary } from "../core/vocabulary.ts";
import { NetlinkSocket } from "../native/netlink.ts";
import { InetDiagReader, inetDiagRequest } from "../parsers/inet_diag.ts";
import { SocketEntry } from "../parsers/socket_entry.ts";
import { Collecting } from "../tests/helpers/collecting.ts";
import { Namespace } from "../tests/helpers/namespace.ts";
import { RawSocket } from "../tests/helpers/raw_sockets.ts";

/** Several processes hold the sockets, since one may not have so many open. */
const HOLDERS = 4, CONNECTIONS = 25_000 / HOLDERS, ROUNDS = 10;

const NETLINK_SOCK_DIAG = 4, ALL_STATES = 0x1ffe;

type Measures = Record<string, number>;

function hold(port: string): void {
  const listener = RawSocket.listen(`127.0.0.1:${port}`, { backlog: 4096 });
  for (let i = 0; i < CONNECTIONS; i++) {
    RawSocket.connect(`127.0.0.1:${port}`);
    listener.accept();
  }
}

function timed(measures: Measures, name: string, work: () => void): void {
  const start = performance.now();
  work();
  measures[name] = performance.now() - start;
}

/** The dump of netlink alone, and with its parser. */
function dumps(measures: Measures): void {
  const socket = new NetlinkSocket(NETLINK_SOCK_DIAG);
  const reader = new InetDiagReader(socket.messages, new Vocabulary()), entry = new SocketEntry();
  const request = inetDiagRequest({ family: "ipv4", protocol: 6, states: ALL_STATES, info: true });
  timed(measures, "kernel", () => {
    // The last part of an answer is a message of its own.
    for (const _ of socket.dump(request)) {
      if (socket.messages.view.getUint16(4, true) === 3) socket.messages.next();
    }
  });
  timed(measures, "kernel and parser", () => {
    for (const _ of socket.dump(request)) while (reader.next(entry));
  });
  socket.close();
}

/** One pass and its settling, with the longest time in which the event loop had no turn. */
async function pass(collecting: Collecting, measures: Measures): Promise<void> {
  const { pipeline, source } = collecting;
  let last = performance.now(), longest = 0, running = true;
  const turn = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  const start = performance.now();
  pipeline.begin();
  await drive(source.snapshot!(new AbortController().signal));
  const read = performance.now();
  await drive(pipeline.settle("snapshot"));
  const end = performance.now();
  running = false;
  turn();
  Object.assign(measures, {
    "pass": read - start,
    "settle": end - read,
    "whole": end - start,
    "hold": longest,
  });
}

const netlink = () => new Collecting(sockets, { settings: { source: "netlink" } });
const procfs = () => new Collecting(sockets, { settings: { source: "procfs" } });
let collecting: Readonly<Record<string, Collecting>> | undefined;

const COMMANDS: Readonly<Record<string, (argument: string) => unknown>> = {
  hold,
  async measure() {
    collecting ??= { netlink: netlink(), procfs: procfs() };
    const measures: Measures = {};
    dumps(measures);
    for (const [name, each] of Object.entries(collecting)) {
      const own: Measures = {};
      await pass(each, own);
      for (const [key, value] of Object.entries(own)) measures[`${name}: ${key}`] = value;
    }
    return measures;
  },
};

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

async function main(): Promise<void> {
  await using namespace = await Namespace.create();
  await namespace.ip("link set lo up");
  const self = new URL(import.meta.url);
  await using processes = new AsyncDisposableStack();
  const start = () => processes.use(namespace.start(self, ["answer"]));
  for (let i = 0; i < HOLDERS; i++) await start().ask(`hold ${8000 + i}`);
  const measurer = start();
  const rounds: Measures[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const measures = JSON.parse(await measurer.ask("measure")) as Measures;
    const begin = performance.now();
    const count = await namespace.run("sh", ["-c", "ss -tan | wc -l"]);
    measures["ss -tan | wc -l"] = performance.now() - begin;
    measures["lines of ss"] = Number(count);
    rounds.push(measures);
  }
  for (const name of Object.keys(rounds[0]!)) {
    const values = rounds.map((measures) => measures[name]!);
    const text = [median(values), values[0]!, Math.max(...values)].map((value) => value.toFixed(1));
    console.log(`${name.padEnd(24)} median ${text[0]}, first ${text[1]}, greatest ${text[2]}`);
  }
}

if (Deno.args[0] === "answer") {
  for await (const line of createInterface({ input: process.stdin })) {
    const [name = "", argument = ""] = line.split(" ");
    console.log(JSON.stringify(await COMMANDS[name]!(argument) ?? null));
  }
} else await main();
