import { barGauge, stat, timeSeries } from "./charts.ts";
import { dashboard } from "./dashboard.ts";
import { beside, type Section } from "./grid.ts";
import { query, words } from "./panel.ts";
import { orZero, rate } from "./promql.ts";
import { table } from "./tables.ts";
import { jobsWith, selectorOf, type VariableOptions } from "./variables.ts";

const JOB = jobsWith("netcensus_build_info");
const INSTANCE: VariableOptions = { name: "instance", label: "Instance", metric: "netcensus_build_info" };
const COLLECTOR: VariableOptions = {
  name: "collector",
  label: "Collector",
  metric: "netcensus_collector_success",
};

const EXPORTERS = selectorOf([JOB, INSTANCE]);
const CHOSEN = selectorOf([JOB, INSTANCE, COLLECTOR]);

const AGE = `time() - (netcensus_collector_last_success_timestamp_seconds{${CHOSEN}} > 0)`;
const OLD = [[180, "orange"], [600, "red"]] as const;
/** The metrics with most series, and a label that tells their folded one. */
const BY_ADDRESS = [
  ["network_connections_info", "state"],
  ["conntrack_sent_bytes", "src"],
  ["mikrotik_connection", "protocol"],
] as const;
const YES_OR_NO = {
  unit: "short",
  base: "red",
  thresholds: [[1, "green"]],
  mappings: words("yes", "no"),
} as const;

const NOW: Section = {
  title: "Now",
  panels: beside(
    stat({
      title: "Exporters down",
      description:
        "Targets that Prometheus cannot scrape. Any is a reason to look: of these nothing is known.",
      unit: "short",
      thresholds: [[1, "red"]],
      expr: `sum(1 - up{${EXPORTERS}})`,
    }),
    stat({
      title: "Collectors that fail",
      description:
        "Collectors whose last work failed. Their snapshots are not shown; the log of the exporter says why.",
      unit: "short",
      thresholds: [[1, "red"]],
      expr: `sum(1 - netcensus_collector_success{${CHOSEN}})`,
    }),
    stat({
      title: "Oldest success",
      description: "The longest time since a collector has succeeded. More than some intervals is too long.",
      unit: "s",
      decimals: 0,
      thresholds: OLD,
      expr: `max(${AGE})`,
    }),
    stat({
      title: "Reloads that failed",
      description:
        "Exporters whose configuration was changed and is wrong: they run with the one before. The log says what is wrong.",
      unit: "short",
      thresholds: [[1, "orange"]],
      expr: `sum(1 - netcensus_config_last_reload_successful{${EXPORTERS}})`,
    }),
    stat({
      title: "Checks that fail",
      description:
        "What keeps data from being as good as they can be, such as accounting that is off. The table below tells which.",
      unit: "short",
      thresholds: [[1, "orange"]],
      expr: orZero(
        `sum(1 - netcensus_data_quality{${CHOSEN}})`,
        `sum(netcensus_build_info{${EXPORTERS}})`,
      ),
    }),
    stat({
      title: "Metrics over budget",
      description:
        "Metrics that had more label sets than max_series of late: the rest is in the series whose labels read other. Totals are still true.",
      unit: "short",
      thresholds: [[1, "orange"]],
      expr: `sum(sum by (instance, metric) (${rate("netcensus_series_folded_total", EXPORTERS)}) > bool 0)`,
    }),
    stat({
      title: "Slowest scrape",
      description:
        "How long Prometheus waits for the slowest exporter. At its scrape_timeout, 10 s by default, all is lost.",
      unit: "s",
      thresholds: [[3, "orange"], [5, "red"]],
      expr: `max(scrape_duration_seconds{${EXPORTERS}})`,
    }),
    stat({
      title: "Series",
      description:
        "Series of all chosen exporters together: what Prometheus has to keep. Plan its memory by it.",
      unit: "short",
      expr: `sum(scrape_samples_scraped{${EXPORTERS}})`,
    }),
  ),
};

const COLLECTORS: Section = {
  title: "Collectors",
  panels: [
    ...beside(
      timeSeries({
        title: "Time of a pass",
        description:
          "How long the last pass of each collector took. Near its interval, or the scrape_timeout, is too long.",
        unit: "s",
        min: 0,
        queries: [query(
          `max by (instance, collector) (netcensus_collector_duration_seconds{${CHOSEN}})`,
          "{{instance}} {{collector}}",
        )],
      }),
      timeSeries({
        title: "Time since the last success",
        description:
          "A saw between zero and the interval is right; a line that climbs is a collector that fails.",
        unit: "s",
        min: 0,
        queries: [query(`max by (instance, collector) (${AGE})`, "{{instance}} {{collector}}")],
      }),
    ),
    ...beside(
      timeSeries({
        title: "What cannot be read",
        description:
          "By collector and reason; the page of the collector says what a reason means. Steady growth is data that are missing.",
        unit: "eps",
        min: 0,
        queries: [query(
          `sum by (collector, reason) (${rate("netcensus_parse_problems_total", CHOSEN)})`,
          "{{collector}} {{reason}}",
        )],
      }),
      table({
        title: "Data quality",
        description:
          "What is as good as it can be, and what is not; the page of the collector says what to do.",
        height: 8,
        labels: { instance: "Instance", collector: "Collector", check: "Check" },
        isSmallestFirst: true,
        columns: [{
          title: "Good",
          ...YES_OR_NO,
          expr: `min by (instance, collector, check) (netcensus_data_quality{${CHOSEN}})`,
        }],
      }),
    ),
    table({
      title: "Collectors",
      description:
        "Whether each collector works, how long it takes, and when it last succeeded. One that is red has no present data.",
      width: 24,
      labels: { instance: "Instance", collector: "Collector" },
      isSmallestFirst: true,
      columns: [
        {
          title: "Works",
          ...YES_OR_NO,
          expr: `min by (instance, collector) (netcensus_collector_success{${CHOSEN}})`,
        },
        {
          title: "Last success",
          unit: "s",
          decimals: 0,
          thresholds: OLD,
          expr: `max by (instance, collector) (${AGE})`,
        },
        {
          title: "Time of a pass",
          unit: "s",
          expr: `max by (instance, collector) (netcensus_collector_duration_seconds{${CHOSEN}})`,
        },
        {
          title: "Problems in this time",
          unit: "short",
          decimals: 0,
          thresholds: [[1, "orange"]],
          expr:
            `sum by (instance, collector) (increase(netcensus_parse_problems_total{${CHOSEN}}[$__range]))`,
        },
      ],
    }),
  ],
};

const SERIES: Section = {
  title: "Series and scrapes",
  panels: [
    ...beside(
      timeSeries({
        title: "Series by metric",
        description:
          "The ten metrics with most label sets. One that grows without end has an address or a port in a label.",
        unit: "short",
        min: 0,
        queries: [query(`topk(10, sum by (metric) (netcensus_series{${EXPORTERS}}))`, "{{metric}}")],
      }),
      barGauge({
        title: "Over budget",
        description:
          "Metrics for which max_series was too small in the time shown, by how much was folded into other. Zero is right.",
        unit: "short",
        decimals: 0,
        thresholds: [[1, "orange"]],
        queries: [query(
          `topk(10, sum by (instance, metric) (increase(netcensus_series_folded_total{${EXPORTERS}}[$__range])))`,
          "{{instance}} {{metric}}",
        )],
      }),
    ),
    ...beside(
      timeSeries({
        title: "Time of a scrape",
        description:
          "How long Prometheus waits for each exporter. At its scrape_timeout, 10 s by default, all is lost.",
        unit: "s",
        min: 0,
        queries: [query(`max by (instance) (scrape_duration_seconds{${EXPORTERS}})`, "{{instance}}")],
      }),
      timeSeries({
        title: "Answers by status",
        description:
          "Requests that were answered. 503 is more scrapes at a time than --web.max-requests; 401 is a wrong password.",
        unit: "reqps",
        min: 0,
        queries: [query(
          `sum by (path, code) (${rate("netcensus_http_requests_total", EXPORTERS)})`,
          "{{path}} {{code}}",
        )],
      }),
    ),
    ...beside(
      timeSeries({
        title: "Share of what is not told apart",
        description:
          "How much of the sockets, tracked bytes and routers' connections is in the series whose labels read other. When it is much, raise max_series or leave labels out.",
        unit: "percentunit",
        min: 0,
        queries: BY_ADDRESS.map(([metric, label]) =>
          query(
            `(${
              orZero(
                `sum by (instance) (${metric}{${EXPORTERS},${label}="other"})`,
                `sum by (instance) (${metric}{${EXPORTERS}})`,
              )
            }) / (sum by (instance) (${metric}{${EXPORTERS}}) > 0)`,
            `{{instance}} ${metric}`,
          )
        ),
      }),
      timeSeries({
        title: "Series by exporter",
        description: "What each scrape brings. A step up is a collector that was switched on, or a new rule.",
        unit: "short",
        min: 0,
        queries: [query(`max by (instance) (scrape_samples_scraped{${EXPORTERS}})`, "{{instance}}")],
      }),
      timeSeries({
        title: "Time to answer",
        description:
          "How long the exporter itself takes for a scrape, on average. What the scrape takes longer is the network.",
        unit: "s",
        min: 0,
        queries: [query(
          `sum by (instance) (${rate("netcensus_http_scrape_duration_seconds_sum", EXPORTERS)})
            / (sum by (instance) (${rate("netcensus_http_scrape_duration_seconds_count", EXPORTERS)}) > 0)`,
          "{{instance}}",
        )],
      }),
    ),
  ],
};

const PROCESS: Section = {
  title: "Processes",
  panels: [
    ...beside(
      timeSeries({
        title: "Memory",
        description:
          "Memory that the exporter holds. 70 MB idle, and more by connections and series; growth that does not end is a leak.",
        unit: "bytes",
        min: 0,
        queries: [query(
          `max by (instance) (process_resident_memory_bytes{${EXPORTERS}})`,
          "{{instance}}",
        )],
      }),
      timeSeries({
        title: "Processor",
        description: "Processors in use: 100 % is a whole one. Worry when it stays there.",
        unit: "percentunit",
        min: 0,
        queries: [query(
          `sum by (instance) (${rate("process_cpu_seconds_total", EXPORTERS)})`,
          "{{instance}}",
        )],
      }),
    ),
    ...beside(
      timeSeries({
        title: "Lag of the event loop, p99",
        description:
          "How late the program gets to what is due. Tenths of a second mean that datagrams and scrapes wait.",
        unit: "s",
        min: 0,
        queries: [query(
          `max by (instance) (nodejs_eventloop_lag_p99_seconds{${EXPORTERS}})`,
          "{{instance}}",
        )],
      }),
      timeSeries({
        title: "Open files",
        description: "Descriptors as a share of what the process may have. Steady growth is a leak.",
        unit: "percentunit",
        min: 0,
        queries: [query(
          `max by (instance) (process_open_fds{${EXPORTERS}} / process_max_fds{${EXPORTERS}})`,
          "{{instance}}",
        )],
      }),
    ),
    table({
      title: "Versions",
      description:
        "What runs where, and for how long. Look for those that were forgotten in an upgrade, and for those that start again and again.",
      width: 24,
      labels: {
        instance: "Instance",
        version: "Version",
        revision: "Commit",
        runtime: "Runtime",
        arch: "Processor",
      },
      columns: [{
        title: "Runs for",
        unit: "s",
        expr: `sum by (instance, version, revision, runtime, arch) (netcensus_build_info{${EXPORTERS}})
          * on (instance) group_left () (time() - max by (instance) (process_start_time_seconds{${EXPORTERS}}))`,
      }],
    }),
  ],
};

export const HEALTH_DASHBOARD = dashboard({
  uid: "netcensus-health",
  title: "netcensus: health of the exporters",
  description:
    "Whether the exporters themselves do well: scrapes, collectors, budgets, memory. It needs nothing else.",
  variables: [JOB, INSTANCE, COLLECTOR],
  sections: [NOW, COLLECTORS, SERIES, PROCESS],
});
