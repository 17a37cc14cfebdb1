/**
 * Hears in a network namespace which connections end. It does what the lines of its standard input say, and answers
 * each with one.
 */
import { createInterface } from "node:readline";
import process from "node:process";
import { NetlinkEvents } from "../../native/netlink_events.ts";
import { CT_DELETE } from "../../parsers/ctnetlink.ts";

// include/uapi/linux/netlink.h, include/uapi/linux/netfilter/nfnetlink_compat.h
const NETLINK_NETFILTER = 12, DESTROYED_GROUP = 3;

let events: NetlinkEvents;

const COMMANDS: Readonly<Record<string, (argument: string) => unknown>> = {
  open(room) {
    events = new NetlinkEvents(NETLINK_NETFILTER, DESTROYED_GROUP, Number(room));
  },
  /** All that there is, or the first messages of it. */
  receive(limit = "Infinity") {
    let destroyed = 0, others = 0, wakings = 0;
    for (const _ of events.receive()) {
      while (events.messages.next()) events.messages.type === CT_DELETE ? destroyed++ : others++;
      if (++wakings === Number(limit)) break;
    }
    return { destroyed, others, losses: events.losses, truncated: events.messages.truncated };
  },
  close() {
    events.close();
  },
  /** How many sockets there are in the namespace that hear a group: those of the kernel hear none. */
  sockets() {
    const lines = Deno.readTextFileSync("/proc/self/net/netlink").trim().split("\n").slice(1);
    const columns = lines.map((line) => line.split(/\s+/));
    return columns.filter(([, family, , groups]) =>
      Number(family) === NETLINK_NETFILTER && parseInt(groups!, 16) !== 0
    ).length;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name = "", argument] = line.split(" ");
  console.log(JSON.stringify(COMMANDS[name]!(argument!) ?? null));
}
