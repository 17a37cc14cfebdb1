/**
 * How long does a pass over 50,000 TCP sockets take, and for how long does it hold the event loop? Beside it, `ss`.
 * As root: `deno run --allow-all bench/sockets.ts`
 */
import sockets from "../collectors/sockets/mod.ts";
import { Vocabulary } from "../core/vocabulary.ts";
import { NetlinkSocket } from "../native/netlink.ts";
import { InetDiagReader, inetDiagRequest } from "../parsers/inet_diag.ts";
import { SocketEntry } from "../parsers/socket_entry.ts";
import { Collecting } from "../tests/helpers/collecting.ts";
import { Namespace } from "../tests/helpers/namespace.ts";
import { RawSocket } from "../tests/helpers/raw_sockets.ts";
import { answer, dumps, type Measures, pass, report } from "./passes.ts";

/** Several processes hold the sockets, since one may not have so many open. */
const HOLDERS = 4, CONNECTIONS = 25_000 / HOLDERS, ROUNDS = 10;

const NETLINK_SOCK_DIAG = 4, ALL_STATES = 0x1ffe;

function hold(port: string): void {
  const listener = RawSocket.listen(`127.0.0.1:${port}`, { backlog: 4096 });
  for (let i = 0; i < CONNECTIONS; i++) {
    RawSocket.connect(`127.0.0.1:${port}`);
    listener.accept();
  }
}

function dumpSockets(measures: Measures): void {
  const socket = new NetlinkSocket(NETLINK_SOCK_DIAG), entry = new SocketEntry();
  const reader = new InetDiagReader(socket.messages, new Vocabulary());
  const request = inetDiagRequest({ family: "ipv4", protocol: 6, states: ALL_STATES, info: true });
  dumps(measures, socket, { request, next: () => reader.next(entry) });
}

const netlink = () => new Collecting(sockets, { settings: { source: "netlink" } });
const procfs = () => new Collecting(sockets, { settings: { source: "procfs" } });
let collecting: Readonly<Record<string, Collecting>> | undefined;

const COMMANDS: Readonly<Record<string, (argument: string) => unknown>> = {
  hold,
  async measure() {
    collecting ??= { netlink: netlink(), procfs: procfs() };
    const measures: Measures = {};
    dumpSockets(measures);
    for (const [name, each] of Object.entries(collecting)) await pass(each, measures, name);
    return measures;
  },
};

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
  report(rounds);
}

if (Deno.args[0] === "answer") await answer(COMMANDS);
else await main();
