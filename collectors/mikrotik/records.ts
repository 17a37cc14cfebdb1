import { type Field, type Fields, recordType } from "../../core/record.ts";
import { CONNECTION_COLUMNS, type ConnectionColumn } from "../../parsers/router_connection.ts";
import { ERRORS } from "./errors.ts";

const MAX_PORT = 65_535;
const ROUTER = { type: "text", help: "Name of the router" } as const;

function flag(help: string): Field {
  return { type: "choice", choices: ["false", "true"], help };
}

const FIELDS: Readonly<Record<ConnectionColumn, Field>> = {
  router: ROUTER,
  family: { type: "choice", choices: ["ipv4", "ipv6"], help: "Which table it is in" },
  protocol: { type: "text", help: "As RouterOS names it: tcp, udp, icmp, gre, …" },
  src_address: { type: "ip", help: "Source address of the first packet" },
  src_port: { type: "number", max: MAX_PORT, help: "Source port of the first packet" },
  dst_address: { type: "ip", help: "Destination address of the first packet" },
  dst_port: { type: "number", max: MAX_PORT, help: "Destination port of the first packet" },
  reply_src_address: {
    type: "ip",
    help: "Source address of replies: dst_address, unless that is translated",
  },
  reply_src_port: { type: "number", max: MAX_PORT, help: "Source port of replies" },
  reply_dst_address: {
    type: "ip",
    help: "Destination address of replies: src_address, unless that is translated",
  },
  reply_dst_port: { type: "number", max: MAX_PORT, help: "Destination port of replies" },
  connection_mark: { type: "text", help: "Mark that the firewall has given it" },
  connection_type: { type: "text", help: "What a helper knows it to be, such as ftp or sip" },
  fasttrack: flag("Whether its packets pass by the firewall"),
  srcnat: flag("Whether its source is translated"),
  dstnat: flag("Whether its destination is translated"),
  tcp_state: { type: "text", help: "Of TCP: established, time-wait, …" },
  active: flag("Whether it is in use: established, or of other protocols than TCP answered"),
  seen_reply: flag("Whether it was answered"),
  assured: flag("Whether it is kept when the table is full"),
  confirmed: flag("Whether its first packet has left the router"),
  expected: flag("Whether another connection has announced it"),
  dying: flag("Whether it is about to be forgotten"),
  timeout_seconds: { type: "number", help: "Until it is forgotten if nothing comes" },
  orig_packets: { type: "number", help: "Packets from the source that have passed the firewall" },
  orig_bytes: { type: "number", help: "Bytes from the source that have passed the firewall" },
  repl_packets: { type: "number", help: "Packets of replies that have passed the firewall" },
  repl_bytes: { type: "number", help: "Bytes of replies that have passed the firewall" },
  orig_fasttrack_packets: { type: "number", help: "Packets from the source that have passed it by" },
  orig_fasttrack_bytes: { type: "number", help: "Bytes from the source that have passed it by" },
  repl_fasttrack_packets: { type: "number", help: "Packets of replies that have passed it by" },
  repl_fasttrack_bytes: { type: "number", help: "Bytes of replies that have passed it by" },
  orig_rate: { type: "number", help: "Bits a second from the source, as the router reckons" },
  repl_rate: { type: "number", help: "Bits a second of replies, as the router reckons" },
  icmp_type: { type: "number", max: 255, help: "ICMP type" },
  icmp_code: { type: "number", max: 255, help: "ICMP code" },
  icmp_id: { type: "number", max: MAX_PORT, help: "ICMP identifier" },
  gre_key: { type: "number", help: "GRE key" },
};

function fieldsOf(columns: readonly ConnectionColumn[]): Fields {
  return Object.fromEntries(columns.map((name) => [name, FIELDS[name]]));
}

/** In the order in which the parser writes them. */
export const CONNECTIONS = recordType({
  name: "mikrotik",
  kind: "snapshot",
  help: "The connections in the tables of a router.",
  fields: fieldsOf(CONNECTION_COLUMNS),
});

/** What is told of a connection that has moved something: the first of its columns. */
export const TRAFFIC_COLUMNS = CONNECTION_COLUMNS.slice(0, CONNECTION_COLUMNS.indexOf("tcp_state"));
const AT_DIRECTION = TRAFFIC_COLUMNS.length;

export const TRAFFIC = recordType({
  name: "mikrotik_traffic",
  kind: "stream",
  help: "What a connection has moved in one direction and on one path since it was seen before.",
  fields: {
    ...fieldsOf(TRAFFIC_COLUMNS),
    direction: {
      type: "choice",
      choices: ["original", "reply"],
      help: "original is from the source, reply the other",
    },
    path: {
      type: "choice",
      choices: ["firewall", "fasttrack"],
      help: "Whether it has passed the firewall, or passed it by",
    },
    packets: { type: "number", help: "Packets" },
    bytes: { type: "number", help: "Bytes" },
  } as Fields,
});

/** Where in a record of traffic that is which it is about. */
export const MOVED = {
  direction: AT_DIRECTION,
  path: AT_DIRECTION + 1,
  packets: AT_DIRECTION + 2,
  bytes: AT_DIRECTION + 3,
} as const;

export const ROUTERS = recordType({
  name: "mikrotik_routers",
  kind: "snapshot",
  isStatus: true,
  help: "How it goes with a router.",
  fields: {
    router: ROUTER,
    up: { type: "number", help: "1 when its last snapshot succeeded, 0 when not" },
    duration_seconds: { type: "number", help: "How long its last snapshot took" },
    rows: { type: "number", help: "Connections in its last snapshot" },
    bytes: { type: "number", help: "What was received for its last snapshot" },
    snapshot_timestamp: {
      type: "number",
      help: "When its last snapshot that succeeded ended, in seconds since 1970",
    },
    fasttrack_uncounted: {
      type: "number",
      help: "Connections on the fast track whose traffic nobody counts",
    },
  },
});

export const FAILURES = recordType({
  name: "mikrotik_errors",
  kind: "stream",
  help: "A snapshot of a router that failed.",
  fields: {
    router: ROUTER,
    error: { type: "choice", choices: ERRORS, help: "What kind of error it was" },
  },
});

export const TRACKING = recordType({
  name: "mikrotik_tracking",
  kind: "snapshot",
  help: "The connection tracking of a router as a whole.",
  fields: {
    router: ROUTER,
    entries: { type: "number", help: "Connections, as the router counts them" },
    limit: { type: "number", help: "How many there may be" },
  },
});

export const RESOURCES = recordType({
  name: "mikrotik_resources",
  kind: "snapshot",
  help: "What a router is, and how busy.",
  fields: {
    router: ROUTER,
    identity: { type: "text", help: "The name that it has given itself" },
    version: { type: "text", help: "Version of RouterOS" },
    board_name: { type: "text", help: "What it is" },
    architecture: { type: "text", help: "What kind of processor it has" },
    cpus: { type: "number", help: "Processors" },
    cpu_load: { type: "number", help: "How busy they are, from 0 to 1" },
    memory_free: { type: "number", help: "Free memory in bytes" },
    memory_total: { type: "number", help: "All memory in bytes" },
    storage_free: { type: "number", help: "Free storage in bytes" },
    storage_total: { type: "number", help: "All storage in bytes" },
    uptime_seconds: { type: "number", help: "Since it was started" },
  },
});

export const INTERFACES = recordType({
  name: "mikrotik_interfaces",
  kind: "snapshot",
  help: "An interface of a router.",
  fields: {
    router: ROUTER,
    interface: { type: "text", help: "Its name" },
    type: { type: "text", help: "What it is: ether, bridge, vlan, …" },
    comment: { type: "text", help: "What somebody has written about it" },
    index: { type: "number", help: "Its index, as SNMP and flows have it" },
    running: flag("Whether it works"),
    disabled: flag("Whether somebody has switched it off"),
    receive_bytes: { type: "number", help: "Bytes received" },
    transmit_bytes: { type: "number", help: "Bytes sent" },
    receive_packets: { type: "number", help: "Packets received" },
    transmit_packets: { type: "number", help: "Packets sent" },
    receive_drops: { type: "number", help: "Packets dropped that were received" },
    transmit_drops: { type: "number", help: "Packets dropped that were to be sent" },
    receive_errors: { type: "number", help: "Packets received with errors" },
    transmit_errors: { type: "number", help: "Packets that could not be sent" },
    up: { type: "number", help: "1 when it works, 0 when not" },
  },
});
