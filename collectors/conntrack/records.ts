import { PROTOCOL_NAMES } from "../../core/protocol_table.ts";
import { type Fields, recordType } from "../../core/record.ts";
import {
  type ConntrackEntry,
  REPLY_BYTES,
  REPLY_PACKETS,
  SENT_BYTES,
  SENT_PACKETS,
  STATES,
  STATUSES,
} from "../../parsers/conntrack_entry.ts";
import type { Remains } from "../traffic_tracker.ts";
import { SERVICE_NAMES, serviceOf } from "./services.ts";

/** Where the kernel's or the usual name is not IANA's keyword. 94, IANA's ipip, is not to be a second one. */
const NAMES: Readonly<Record<number, string>> = { 4: "ipip", 58: "icmpv6", 89: "ospf", 94: "94" };

/** By number; the number itself for what has no name. */
const PROTOCOLS: readonly string[] = Array.from(
  { length: 256 },
  (_, number) => NAMES[number] ?? PROTOCOL_NAMES.get(number) ?? String(number),
);

/** Of every record that is about a connection. They come first, in this order. */
const CONNECTION = {
  src: { type: "ip", help: "Source address of the first packet" },
  dst: { type: "ip", help: "Destination address of the first packet" },
  sport: { type: "number", max: 65535, help: "Source port of the first packet" },
  dport: { type: "number", max: 65535, help: "Destination port of the first packet" },
  reply_src: { type: "ip", help: "Source address of replies: dst, unless that is translated" },
  reply_dst: { type: "ip", help: "Destination address of replies: src, unless that is translated" },
  reply_sport: { type: "number", max: 65535, help: "Source port of replies" },
  reply_dport: { type: "number", max: 65535, help: "Destination port of replies" },
  l3protocol: { type: "choice", choices: ["ipv4", "ipv6"], help: "ipv4 or ipv6" },
  l4protocol: {
    type: "choice",
    choices: PROTOCOLS,
    help: "tcp, udp, icmp, …; the number where it has no name",
  },
  l7protocol: {
    type: "choice",
    choices: SERVICE_NAMES,
    help: "The usual service of dport; unknown, or na where the protocol has no ports",
  },
  ct_zone: { type: "number", max: 65535, help: "Conntrack zone" },
  mark: { type: "number", help: "Conntrack mark" },
} as const satisfies Fields;

export const CONNECTIONS = recordType({
  name: "conntrack",
  kind: "snapshot",
  help: "The connections in the kernel's table.",
  fields: {
    ...CONNECTION,
    state: {
      type: "choice",
      choices: STATES,
      help: "State, of protocols that have states, such as ESTABLISHED",
    },
    status: { type: "choice", choices: STATUSES, help: "unreplied, replied, assured or offloaded" },
    nat: {
      type: "choice",
      choices: ["none", "source", "destination", "both"],
      help: "Which addresses or ports are translated",
    },
    timeout_seconds: { type: "number", help: "Seconds until it is forgotten if nothing comes" },
    sent_packets: { type: "number", help: "Packets from the source so far (with accounting)" },
    sent_bytes: { type: "number", help: "Bytes from the source so far (with accounting)" },
    reply_packets: { type: "number", help: "Packets of replies so far (with accounting)" },
    reply_bytes: { type: "number", help: "Bytes of replies so far (with accounting)" },
  },
});

export const TRAFFIC = recordType({
  name: "conntrack_traffic",
  kind: "stream",
  help: "What a connection has moved in one direction since it was seen before (with accounting).",
  fields: {
    ...CONNECTION,
    direction: {
      type: "choice",
      choices: ["sent", "reply"],
      help: "sent is from the source, reply the other",
    },
    packets: { type: "number", help: "Packets" },
    bytes: { type: "number", help: "Bytes" },
  },
});

export const EVENTS = recordType({
  name: "conntrack_events",
  kind: "stream",
  help: "Connections that have begun or ended. Of some that ended only protocols, dport and zone are known.",
  fields: {
    ...CONNECTION,
    event: { type: "choice", choices: ["opened", "closed"], help: "opened or closed" },
  },
});

export const OPENED = 0, CLOSED = 1;
export const SENT = 0, REPLY = 1;

export const TABLE = recordType({
  name: "conntrack_table",
  kind: "snapshot",
  help: "The kernel's connection table as a whole.",
  fields: {
    entries: { type: "number", help: "Connections" },
    limit: { type: "number", help: "How many there may be (nf_conntrack_max)" },
  },
});

/** Columns of /proc/net/stat/nf_conntrack, with what they count. Some kernels lack some. */
const COUNTERS = {
  found: "Entries found where a new one was to be inserted",
  invalid: "Packets that can be no part of a connection",
  ignore: "Packets that were already tracked",
  insert: "Entries inserted",
  insert_failed: "Entries that could not be inserted since another was there",
  drop: "Packets dropped since an entry could not be made",
  early_drop: "Entries dropped to make room when the table was full",
  search_restart: "Searches begun again since the table was resized",
  clash_resolve: "Entries that were there twice and became one",
  icmp_error: "ICMP messages that are about no connection known",
} as const;

/** By field, the kernel's name where that is another. */
const COLUMNS: Readonly<Record<string, string>> = { clash_resolve: "clashres" };

export const STATISTICS = recordType({
  name: "conntrack_stats",
  kind: "snapshot",
  help: "What each CPU has counted since the host was started.",
  fields: {
    cpu: { type: "number", max: 65_535, help: "Number of the CPU" },
    ...Object.fromEntries(
      Object.entries(COUNTERS).map(([name, help]) => [name, { type: "number" as const, help }]),
    ) as Record<keyof typeof COUNTERS, { type: "number"; help: string }>,
  },
});

export const COUNTER_COLUMNS = (Object.keys(COUNTERS) as (keyof typeof COUNTERS)[]).map((field) => ({
  at: STATISTICS.at[field],
  column: COLUMNS[field] ?? field,
}));

/** Where in the row the fields of every connection are. */
const AT = CONNECTIONS.at;

export function fillConnection(row: Float64Array, entry: ConntrackEntry): void {
  row[AT.src] = entry.source;
  row[AT.dst] = entry.destination;
  row[AT.sport] = entry.sourcePort;
  row[AT.dport] = entry.destinationPort;
  row[AT.reply_src] = entry.replySource;
  row[AT.reply_dst] = entry.replyDestination;
  row[AT.reply_sport] = entry.replySourcePort;
  row[AT.reply_dport] = entry.replyDestinationPort;
  row[AT.l3protocol] = entry.family === 6 ? 1 : 0;
  row[AT.l4protocol] = entry.protocol;
  row[AT.l7protocol] = serviceOf(entry.protocol, entry.destinationPort);
  row[AT.ct_zone] = entry.zone;
  row[AT.mark] = entry.mark;
}

export function fillRemains(row: Float64Array, remains: Remains): void {
  row.fill(NaN);
  row[AT.dport] = remains.destinationPort;
  row[AT.l3protocol] = remains.family === 6 ? 1 : 0;
  row[AT.l4protocol] = remains.protocol;
  row[AT.l7protocol] = serviceOf(remains.protocol, remains.destinationPort);
  row[AT.ct_zone] = remains.zone;
}

export function fillState(row: Float64Array, entry: ConntrackEntry): void {
  const { counters } = entry;
  row[AT.state] = entry.state;
  row[AT.status] = entry.status;
  row[AT.nat] = natOf(entry);
  row[AT.timeout_seconds] = entry.timeout;
  row[AT.sent_packets] = counters[SENT_PACKETS]!;
  row[AT.sent_bytes] = counters[SENT_BYTES]!;
  row[AT.reply_packets] = counters[REPLY_PACKETS]!;
  row[AT.reply_bytes] = counters[REPLY_BYTES]!;
}

/** Whoever is answered elsewhere than where he wrote from is translated. */
function natOf(entry: ConntrackEntry): number {
  if (Number.isNaN(entry.replySource)) return NaN;
  const source = entry.source !== entry.replyDestination ||
    differ(entry.sourcePort, entry.replyDestinationPort);
  const destination = entry.destination !== entry.replySource ||
    differ(entry.destinationPort, entry.replySourcePort);
  return (source ? 1 : 0) + (destination ? 2 : 0);
}

function differ(port: number, replyPort: number): boolean {
  return port !== replyPort && port === port;
}
