import type { ShippedRule } from "../../core/collector.ts";

const BY_SERVICE = ["l3protocol", "l4protocol", "l7protocol"];
/** There are not many of these series, and one that vanishes begins at zero when it comes back. */
const FOREVER = "365d";

/** Rules that differ only in the value that they add up. */
function rulesOf(
  helps: Readonly<Record<string, string>>,
  nameOf: (value: string) => string,
  rest: ShippedRule,
): ShippedRule[] {
  return Object.entries(helps).map(([value, help]) => ({ name: nameOf(value), help, value, ...rest }));
}

/** Those of conntrack-exporter: of the connections with the same addresses and destination port. */
const BY_ADDRESSES = rulesOf(
  {
    sent_packets: "Packets that the present connections have sent.",
    sent_bytes: "Bytes that the present connections have sent.",
    reply_packets: "Packets with which the present connections were answered.",
    reply_bytes: "Bytes with which the present connections were answered.",
  },
  (value) => `conntrack_${value}`,
  {
    source: "conntrack",
    labels: [
      "src",
      "dst",
      "l3protocol",
      "l4protocol",
      "l7protocol",
      { name: "dport", steps: [{ on_missing: "0" }] },
    ],
  },
);

const TOTALS = rulesOf(
  {
    count: "Connections in the table.",
    sent_packets: "Packets that all present connections have sent.",
    sent_bytes: "Bytes that all present connections have sent.",
    reply_packets: "Packets with which all present connections were answered.",
    reply_bytes: "Bytes with which all present connections were answered.",
  },
  (value) => `conntrack_total_${value === "count" ? "connections" : value}`,
  { source: "conntrack" },
);

const TRAFFIC = rulesOf(
  {
    packets: "Packets of tracked connections since the exporter was started.",
    bytes: "Bytes of tracked connections since the exporter was started.",
  },
  (value) => `conntrack_${value}_total`,
  { source: "conntrack_traffic", labels: ["direction", ...BY_SERVICE], ttl: FOREVER },
);

const EVENTS = { source: "conntrack_events", labels: BY_SERVICE, ttl: FOREVER };

const STATISTICS = rulesOf(
  {
    found: "Entries that were found where a new one was to be inserted.",
    invalid: "Packets that can be no part of a connection.",
    ignore: "Packets that were already tracked.",
    insert: "Entries that were inserted.",
    insert_failed: "Entries that could not be inserted since another was there.",
    drop: "Packets that were dropped since an entry could not be made.",
    early_drop: "Entries that were dropped to make room when the table was full.",
    search_restart: "Searches that began again since the table was resized.",
  },
  (value) => `conntrack_stat_${value}_total`,
  { source: "conntrack_stats", type: "counter" },
);

export const RULES: readonly ShippedRule[] = [
  ...BY_ADDRESSES,
  ...TOTALS,
  {
    name: "conntrack_entries",
    help: "Connections in the table by protocol, state, status and zone.",
    source: "conntrack",
    labels: ["l3protocol", "l4protocol", "state", "status", "ct_zone"],
  },
  ...TRAFFIC,
  {
    name: "conntrack_opened_total",
    help: "Connections that began since the exporter was started.",
    filter: [{ match: "event", is: "opened" }],
    ...EVENTS,
  },
  {
    name: "conntrack_closed_total",
    help: "Connections that ended since the exporter was started.",
    filter: [{ match: "event", is: "closed" }],
    ...EVENTS,
  },
  {
    name: "conntrack_table_entries",
    help: "Connections in the table, as the kernel counts them.",
    source: "conntrack_table",
    value: "entries",
  },
  {
    name: "conntrack_table_limit",
    help: "Connections that the table may hold (nf_conntrack_max).",
    source: "conntrack_table",
    value: "limit",
  },
  ...STATISTICS,
];
