import type { ShippedRule } from "../../core/collector.ts";

/** There are not many of these series, and one that vanishes begins at zero when it comes back. */
const FOREVER = "365d";
/** What the replaced exporter says of what it does not know. */
const UNKNOWN = { on_missing: "-" };

function ofSource(
  name: string,
  ...steps: (string | { readonly [key: string]: string | { "local": string } })[]
) {
  return { name, field: "src_address", steps: [...steps, UNKNOWN] };
}

/** Rules that differ only in the value that they show. */
function rulesOf(
  helps: Readonly<Record<string, readonly [value: string, help: string]>>,
  rest: ShippedRule,
): ShippedRule[] {
  return Object.entries(helps).map(([name, [value, help]]) => ({
    name: `mikrotik_${name}`,
    help,
    value,
    ...rest,
  }));
}

/** Those of mikrotik-active-connections-exporter, of which one has no prefix. */
const CONNECTIONS: readonly ShippedRule[] = [
  {
    name: "mikrotik_total_connections",
    help: "Connections of the router, IPv4 and IPv6.",
    source: "mikrotik",
  },
  {
    name: "active_connections",
    help: "Connections of the router that are in use: established, or answered if they are not TCP.",
    source: "mikrotik",
    filter: [{ match: "active", is: "true" }],
  },
  {
    name: "mikrotik_connection",
    help: "Connections by protocol, addresses and the place of the source.",
    source: "mikrotik",
    labels: [
      "protocol",
      "src_address",
      "dst_address",
      // Private addresses have no country.
      ofSource("country", { maxmind_country: "name" }, { map: { local: "-" } }),
      ofSource("city", { maxmind_city: "city" }),
      ofSource("latitude", { maxmind_city: "latitude" }),
      ofSource("longitude", { maxmind_city: "longitude" }),
    ],
  },
];

const STATUS = rulesOf({
  up: ["up", "Whether the last snapshot of the router succeeded."],
  snapshot_duration_seconds: ["duration_seconds", "How long the last snapshot of the router took."],
  snapshot_rows: ["rows", "Connections in the last snapshot of the router."],
  snapshot_bytes: ["bytes", "What was received from the router for the last snapshot."],
  snapshot_timestamp_seconds: [
    "snapshot_timestamp",
    "When the last snapshot of the router that succeeded ended.",
  ],
  fasttrack_uncounted_connections: [
    "fasttrack_uncounted",
    "Connections on the fast track whose traffic nobody counts.",
  ],
}, { source: "mikrotik_routers" });

const TRACKING = rulesOf({
  tracking_entries: ["entries", "Connections, as the router counts them."],
  tracking_limit: ["limit", "Connections that the router may track."],
}, { source: "mikrotik_tracking" });

const RESOURCES = rulesOf({
  cpus: ["cpus", "Processors of the router."],
  cpu_load_ratio: ["cpu_load", "How busy the processors of the router are, from 0 to 1."],
  memory_free_bytes: ["memory_free", "Free memory of the router."],
  memory_bytes: ["memory_total", "Memory of the router."],
  storage_free_bytes: ["storage_free", "Free storage of the router."],
  storage_bytes: ["storage_total", "Storage of the router."],
  uptime_seconds: ["uptime_seconds", "Time since the router was started."],
}, { source: "mikrotik_resources" });

const INTERFACES = rulesOf({
  interface_receive_bytes_total: ["receive_bytes", "Bytes that an interface of the router has received."],
  interface_transmit_bytes_total: ["transmit_bytes", "Bytes that an interface of the router has sent."],
  interface_receive_packets_total: [
    "receive_packets",
    "Packets that an interface of the router has received.",
  ],
  interface_transmit_packets_total: ["transmit_packets", "Packets that an interface of the router has sent."],
  interface_receive_drops_total: ["receive_drops", "Packets that were received and dropped."],
  interface_transmit_drops_total: ["transmit_drops", "Packets that were to be sent and dropped."],
  interface_receive_errors_total: ["receive_errors", "Packets that were received with errors."],
  interface_transmit_errors_total: ["transmit_errors", "Packets that could not be sent."],
}, { source: "mikrotik_interfaces", type: "counter", labels: ["interface"] });

export const RULES: readonly ShippedRule[] = [
  ...CONNECTIONS,
  {
    name: "mikrotik_connections",
    help: "Connections by family, protocol, state, fast track and translation.",
    source: "mikrotik",
    labels: ["family", "protocol", "tcp_state", "fasttrack", "srcnat", "dstnat"],
  },
  ...rulesOf({
    bytes_total: ["bytes", "Bytes of the connections since the exporter was started."],
    packets_total: ["packets", "Packets of the connections since the exporter was started."],
  }, { source: "mikrotik_traffic", labels: ["direction", "path", "protocol"], ttl: FOREVER }),
  ...STATUS,
  {
    name: "mikrotik_errors_total",
    help: "Snapshots of the router that failed, by what went wrong.",
    source: "mikrotik_errors",
    labels: ["error"],
    ttl: FOREVER,
  },
  ...TRACKING,
  ...RESOURCES,
  {
    name: "mikrotik_info",
    help: "What the router is: always 1.",
    source: "mikrotik_resources",
    filter: [{ match: "version", present: true }],
    labels: ["identity", "version", "board_name", "architecture"],
  },
  ...INTERFACES,
  {
    name: "mikrotik_interface_up",
    help: "Whether an interface of the router works.",
    source: "mikrotik_interfaces",
    labels: ["interface"],
    value: "up",
  },
];
