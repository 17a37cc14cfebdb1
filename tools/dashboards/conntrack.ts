import { barGauge, stat, timeSeries } from "./charts.ts";
import { dashboard } from "./dashboard.ts";
import { beside, type Section } from "./grid.ts";
import { query } from "./panel.ts";
import { orZero, rate } from "./promql.ts";
import { table } from "./tables.ts";
import { jobsWith, selectorOf, type VariableOptions } from "./variables.ts";

const JOB = jobsWith("conntrack_table_entries");
const INSTANCE: VariableOptions = { name: "instance", label: "Host", metric: "conntrack_table_entries" };
const PROTOCOL: VariableOptions = {
  name: "protocol",
  of: "l4protocol",
  label: "Protocol",
  metric: "conntrack_opened_total",
};
const SERVICE: VariableOptions = {
  name: "service",
  of: "l7protocol",
  label: "Service",
  metric: "conntrack_opened_total",
};

const HOSTS = selectorOf([JOB, INSTANCE]);
const PROTOCOLS = selectorOf([JOB, INSTANCE, PROTOCOL]);
const CHOSEN = selectorOf([JOB, INSTANCE, PROTOCOL, SERVICE]);

const FILLED = `conntrack_table_entries{${HOSTS}} / (conntrack_table_limit{${HOSTS}} > 0)`;
const FULL = [[0.7, "orange"], [0.8, "red"]] as const;

const LOST = `${rate("conntrack_stat_drop_total", HOSTS)} + ${
  rate("conntrack_stat_early_drop_total", HOSTS)
}`;

const NOW: Section = {
  title: "Now",
  panels: beside(
    stat({
      title: "Fullest table",
      description: "How full the fullest table of connections is. At 100 % new connections are dropped: " +
        "from 70 % on raise nf_conntrack_max.",
      unit: "percentunit",
      thresholds: FULL,
      expr: `max(${FILLED})`,
    }),
    stat({
      title: "Fullest in this time",
      description:
        "The highest that a table was in the time shown: choose a week to see whether there is room enough.",
      unit: "percentunit",
      thresholds: FULL,
      expr:
        `max(max_over_time(conntrack_table_entries{${HOSTS}}[$__range]) / (conntrack_table_limit{${HOSTS}} > 0))`,
    }),
    stat({
      title: "Connections",
      description:
        "Connections in the tables of all chosen hosts. Compare it with the same hour of other days.",
      unit: "short",
      expr: `sum(conntrack_table_entries{${HOSTS}})`,
    }),
    stat({
      title: "New connections",
      description:
        "Connections that begin in a second, as chosen above. A sudden rise is an attack or a retry storm.",
      unit: "cps",
      expr: orZero(
        `sum(${rate("conntrack_opened_total", CHOSEN)})`,
        `sum(conntrack_table_entries{${HOSTS}})`,
      ),
    }),
    stat({
      title: "Traffic",
      description: "What the chosen connections move, both directions together. " +
        "Without it the kernel does not count: nf_conntrack_acct is off.",
      unit: "bps",
      expr: `8 * sum(${rate("conntrack_bytes_total", CHOSEN)})`,
    }),
    stat({
      title: "Dropped",
      description:
        "Packets dropped since there was no room for their connection, and connections that had to make room. " +
        "Any is a table that is too small.",
      unit: "cps",
      thresholds: [[0.01, "red"]],
      expr: `sum(${LOST})`,
    }),
    stat({
      title: "Unanswered",
      description:
        "The share of connections to which nothing was answered. A high one is a scan, or a dead server.",
      unit: "percentunit",
      thresholds: [[0.3, "orange"], [0.6, "red"]],
      expr: `(${
        orZero(
          `sum(conntrack_entries{${PROTOCOLS},status="unreplied"})`,
          `sum(conntrack_entries{${PROTOCOLS}})`,
        )
      }) / sum(conntrack_entries{${PROTOCOLS}})`,
    }),
    stat({
      title: "Checks that fail",
      description:
        "What keeps the numbers from being complete: accounting that is off, ends of connections that are not heard. " +
        "The dashboard of the exporter's health tells which.",
      unit: "short",
      thresholds: [[1, "orange"]],
      expr: `sum(1 - netcensus_data_quality{${HOSTS},collector="conntrack"})`,
    }),
  ),
};

const TABLE: Section = {
  title: "Tables",
  panels: [
    ...beside(
      timeSeries({
        title: "How full the tables are",
        description:
          "Entries as a share of nf_conntrack_max. Steady growth tells when there is no more room.",
        unit: "percentunit",
        min: 0,
        thresholds: FULL,
        showThresholds: true,
        queries: [query(`max by (instance) (${FILLED})`, "{{instance}}")],
      }),
      timeSeries({
        title: "Connections by host",
        description: "Connections in the table of each host. Worry when one leaves the others.",
        unit: "short",
        min: 0,
        queries: [query(`sum by (instance) (conntrack_table_entries{${HOSTS}})`, "{{instance}}")],
      }),
    ),
    ...beside(
      timeSeries({
        title: "Connections by state",
        description:
          "Connections with a state, as TCP has it. Many SYN_SENT or SYN_RECV are scans or floods, many TIME_WAIT short connections.",
        unit: "short",
        min: 0,
        isStacked: true,
        queries: [query(
          `sum by (l4protocol, state) (conntrack_entries{${PROTOCOLS}})`,
          "{{l4protocol}} {{state}}",
        )],
      }),
      timeSeries({
        title: "Connections by status",
        description:
          "Assured ones are kept when the table is full, others make room. Growth of unreplied alone is a scan.",
        unit: "short",
        min: 0,
        isStacked: true,
        queries: [query(`sum by (status) (conntrack_entries{${PROTOCOLS}})`, "{{status}}")],
      }),
    ),
  ],
};

const TRAFFIC: Section = {
  title: "Traffic",
  panels: [
    ...beside(
      timeSeries({
        title: "Traffic by host",
        description:
          "What the chosen connections send, and below zero what they receive in reply. Worry near the speed of the line.",
        unit: "bps",
        below: [1],
        queries: [
          query(
            `8 * sum by (instance) (${rate("conntrack_bytes_total", `${CHOSEN},direction="sent"`)})`,
            "{{instance}} sent",
          ),
          query(
            `8 * sum by (instance) (${rate("conntrack_bytes_total", `${CHOSEN},direction="reply"`)})`,
            "{{instance}} reply",
          ),
        ],
      }),
      timeSeries({
        title: "Traffic by service",
        description:
          "The ten services that move most, by the usual service of the port. A new one at the top is worth a question.",
        unit: "bps",
        min: 0,
        isStacked: true,
        queries: [query(
          `topk(10, 8 * sum by (l4protocol, l7protocol) (${rate("conntrack_bytes_total", CHOSEN)}))`,
          "{{l4protocol}} {{l7protocol}}",
        )],
      }),
    ),
    ...beside(
      timeSeries({
        title: "Packets",
        description: "Packets of the chosen connections. Many packets with few bytes are a flood, or voice.",
        unit: "pps",
        min: 0,
        queries: [query(
          `sum by (instance, direction) (${rate("conntrack_packets_total", CHOSEN)})`,
          "{{instance}} {{direction}}",
        )],
      }),
      timeSeries({
        title: "Connections begun and ended",
        description:
          "In a second; ended ones are below zero. As long as more begin than end the table fills.",
        unit: "cps",
        below: [1],
        queries: [
          query(`sum by (instance) (${rate("conntrack_opened_total", CHOSEN)})`, "{{instance}} begun"),
          query(`sum by (instance) (${rate("conntrack_closed_total", CHOSEN)})`, "{{instance}} ended"),
        ],
      }),
    ),
  ],
};

const STATISTICS = ["invalid", "insert_failed", "drop", "early_drop", "search_restart"];

const TROUBLE: Section = {
  title: "Trouble",
  panels: beside(
    timeSeries({
      title: "What the kernel counts",
      description:
        "Invalid packets belong to no connection; drop and early_drop are a full table; insert_failed is two at the same time; search_restart a table with too few buckets.",
      unit: "cps",
      min: 0,
      queries: STATISTICS.map((name) =>
        query(`sum by (instance) (${rate(`conntrack_stat_${name}_total`, HOSTS)})`, `{{instance}} ${name}`)
      ),
    }),
    timeSeries({
      title: "Messages of the kernel that were lost",
      description:
        "How often more connections ended at once than the kernel could tell. Short connections are then missing in the counters.",
      unit: "cps",
      min: 0,
      queries: [query(
        `sum by (instance) (${
          rate("netcensus_parse_problems_total", `${HOSTS},collector="conntrack",reason="events_lost"`)
        })`,
        "{{instance}}",
      )],
    }),
  ),
};

const moved = (by: string) =>
  `sum by (${by}) (conntrack_sent_bytes{${CHOSEN}}) + sum by (${by}) (conntrack_reply_bytes{${CHOSEN}})`;

const TOP: Section = {
  title: "Who and what",
  panels: [
    ...beside(
      table({
        title: "Sources",
        description:
          "Who has begun the connections that have moved most so far. They are those in the table now; ended ones do not count.",
        labels: { instance: "Host", src: "Source" },
        columns: [{ title: "Moved", unit: "bytes", expr: `topk(25, ${moved("instance, src")})` }],
      }),
      table({
        title: "Destinations",
        description:
          "Where the connections go that have moved most so far. An unknown one at the top is worth a question.",
        labels: { instance: "Host", dst: "Destination", l4protocol: "Protocol", dport: "Port" },
        columns: [{
          title: "Moved",
          unit: "bytes",
          expr: `topk(25, ${moved("instance, dst, l4protocol, dport")})`,
        }],
      }),
    ),
    ...beside(
      table({
        title: "Hosts compared",
        description: "The room that each host has left. Worry about the one that differs from its like.",
        labels: { instance: "Host" },
        columns: [
          { title: "Filled", unit: "percentunit", expr: `max by (instance) (${FILLED})`, thresholds: FULL },
          {
            title: "Connections",
            unit: "short",
            expr: `sum by (instance) (conntrack_table_entries{${HOSTS}})`,
          },
          { title: "Limit", unit: "short", expr: `sum by (instance) (conntrack_table_limit{${HOSTS}})` },
          {
            title: "New",
            unit: "cps",
            expr: `sum by (instance) (${rate("conntrack_opened_total", HOSTS)})`,
          },
          {
            title: "Dropped",
            unit: "cps",
            expr: `sum by (instance) (${LOST})`,
            thresholds: [[0.01, "red"]],
          },
        ],
      }),
      barGauge({
        title: "Services by new connections",
        description:
          "The services for which most connections begin. A sudden one at the top is a scan or a loop.",
        unit: "cps",
        height: 9,
        queries: [query(
          `topk(15, sum by (l4protocol, l7protocol) (${rate("conntrack_opened_total", CHOSEN)}))`,
          "{{l4protocol}} {{l7protocol}}",
        )],
      }),
    ),
  ],
};

export const CONNTRACK_DASHBOARD = dashboard({
  uid: "netcensus-conntrack",
  title: "netcensus: tracked connections",
  description:
    "The connections that the kernels of hosts track, and their traffic. It needs the collector conntrack, and for traffic nf_conntrack_acct.",
  variables: [JOB, INSTANCE, PROTOCOL, SERVICE],
  sections: [NOW, TABLE, TRAFFIC, TROUBLE, TOP],
});
