/**
 * Holds known sockets in a network namespace and collects them there. It does what the lines of its standard input
 * say, and answers each with a line of JSON.
 */
import { createInterface } from "node:readline";
import process from "node:process";
import sockets from "../../collectors/sockets/mod.ts";
import { NetlinkSocket } from "../../native/netlink.ts";
import { align4 } from "../../parsers/netlink.ts";
import { Collecting } from "../helpers/collecting.ts";
import { RawSocket, type SocketOptions } from "../helpers/raw_sockets.ts";

// include/net/tcp_states.h
const FIN_WAIT1 = 4, FIN_WAIT2 = 5, LAST_ACK = 9, CLOSING = 11;

const collectings = new Map<string, Collecting>();

/** The answer to each command; its arguments are the words that follow its name. */
const COMMANDS: Readonly<Record<string, (...args: string[]) => unknown>> = {
  open(link = "") {
    openListeners();
    openConnections(link);
    openHalfClosed();
    openUdp();
  },
  listen: (local = "") => void RawSocket.listen(local),
  flood(count) {
    for (let i = 0; i < Number(count); i++) RawSocket.listen("127.0.0.1:0");
  },
  async collect(source = "", walk = "false") {
    const series = await collecting(source, walk).collect();
    const { problems } = collecting(source, walk);
    return { series: Object.fromEntries(series), problems: Object.fromEntries(problems) };
  },
  /** Gives a pass up at its first yield. */
  async abort(source = "", walk = "false") {
    for await (const _ of collecting(source, walk).source.snapshot!(AbortSignal.abort())) break;
  },
  close() {
    for (const collecting of collectings.values()) collecting[Symbol.dispose]();
    collectings.clear();
  },
  /** What is open of the kind that the collector opens: netlink sockets and files of procfs. */
  descriptors() {
    const netlink = new Set(Deno.readTextFileSync("/proc/net/netlink").match(/\d+ *$/gm)?.map(Number));
    const links = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => linkOf(`/proc/self/fd/${name}`));
    return links.filter((link) => {
      const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1];
      return inode === undefined ? link.startsWith("/proc/") : netlink.has(Number(inode));
    });
  },
  /** What netlink answers to a request, in hexadecimal. */
  dump(family, request = "") {
    const socket = new NetlinkSocket(Number(family)), { messages } = socket;
    let answer = "";
    for (const _ of socket.dump(Uint8Array.fromHex(request))) {
      while (messages.next());
      answer += messages.bytes.subarray(0, align4(messages.stop)).toHex();
    }
    socket.close();
    return answer;
  },
};

function linkOf(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    // That of the folder which was read.
    return "";
  }
}

function collecting(source: string, walk: string): Collecting {
  const key = `${source} ${walk}`;
  let collecting = collectings.get(key);
  if (collecting === undefined) {
    collecting = new Collecting(sockets, { settings: { source, process: walk === "true" } });
    collectings.set(key, collecting);
  }
  return collecting;
}

let ssh: RawSocket, web: RawSocket;

function openListeners(): void {
  ssh = RawSocket.listen("0.0.0.0:22", { backlog: 128 });
  web = RawSocket.listen("[::]:80");
  RawSocket.listen("[::]:8080", { v6only: true });
  RawSocket.listen("10.77.0.2:8443");
  RawSocket.listen("[fd00:77:7::1]:8443");
  for (let i = 0; i < 2; i++) RawSocket.listen("0.0.0.0:443", { reusePort: true });
  RawSocket.listen("127.0.0.1:5432", { backlog: 4 });
  for (const port of [40_100, 40_101]) RawSocket.connect("127.0.0.1:5432", { local: `127.0.0.1:${port}` });
  RawSocket.listen("0.0.0.0:8081", { deferSeconds: 300 });
  RawSocket.connect("10.77.0.1:8081", { local: "10.77.0.1:40102" });
}

function openConnections(link: string): void {
  connection(ssh, "10.77.0.1:22", { local: "10.77.0.2:40001" });
  connection(ssh, "[::ffff:10.77.0.1]:22", { local: "[::ffff:10.77.0.2]:40003" });
  connection(ssh, "127.0.0.1:22", { local: "127.0.0.1:40005" });
  connection(web, "10.77.0.1:80", { local: "10.77.7.1:40002" });
  connection(web, "[fd00:77::1]:80", { local: "[fd00:77:7::1]:40004" });
  connection(web, `[fe80::77%${link}]:80`, { local: `[fe80::77%${link}]:40006` });
  connection(web, "[::1]:80", { local: "[::1]:40007" });
  RawSocket.connectInVain("10.77.0.99:9", { local: "10.77.0.1:40008" });
  RawSocket.connectInVain("[fd00:77::99]:9", { local: "[fd00:77::1]:40009" });
}

/** Every state in which a connection is closed, for IPv4 and IPv6. */
function openHalfClosed(): void {
  const pairs = [[ssh, "10.77.0.1:22", "10.77.0.1:41"], [web, "[fd00:77::1]:80", "[fd00:77::1]:42"]] as const;
  for (const [listener, peer, local] of pairs) {
    const waiting = connection(listener, peer, { local: `${local}001` });
    waiting.client.end();
    waiting.server.awaitEnd();
    waiting.client.awaitState(FIN_WAIT2);

    const gone = connection(listener, peer, { local: `${local}002` });
    gone.client.close();
    gone.server.awaitEnd();
    gone.server.close();

    const stuck = connection(listener, peer, { local: `${local}003` });
    stuck.client.fill();
    stuck.client.end();
    stuck.client.awaitState(FIN_WAIT1);

    const last = connection(listener, peer, { local: `${local}004` });
    last.client.end();
    last.server.awaitEnd();
    last.server.fill();
    last.server.end();
    last.server.awaitState(LAST_ACK);

    const crossed = connection(listener, peer, { local: `${local}005` });
    crossed.client.fill();
    crossed.client.end();
    crossed.server.end();
    crossed.client.awaitState(CLOSING);
    crossed.server.awaitState(FIN_WAIT2);
  }
}

function openUdp(): void {
  for (let i = 0; i < 2; i++) RawSocket.udp("0.0.0.0:5353");
  RawSocket.udp("10.77.0.1:40010", { peer: "10.77.7.1:53" });
  RawSocket.udp("[::]:123");
  RawSocket.udp("[fd00:77::1]:40011", { peer: "[fd00:77:7::1]:53" });
  RawSocket.udp("[::ffff:10.77.0.1]:40012", { peer: "[::ffff:10.77.0.2]:53" });
  RawSocket.udp("[::1]:514");
}

/** A connection of which both sides are held. */
function connection(listener: RawSocket, peer: string, options: SocketOptions) {
  const client = RawSocket.connect(peer, options);
  return { client, server: listener.accept() };
}

for await (const line of createInterface({ input: process.stdin })) {
  const [name = "", ...args] = line.split(" ");
  console.log(JSON.stringify(await COMMANDS[name]!(...args) ?? null));
}
