import { barGauge, stat, timeSeries } from "./charts.ts";
import { dashboard } from "./dashboard.ts";
import { beside, type Section } from "./grid.ts";
import { query } from "./panel.ts";
import { orZero, rate } from "./promql.ts";
import { table } from "./tables.ts";
import { jobsWith, selectorOf, type VariableOptions } from "./variables.ts";
import { worldMap } from "./world_map.ts";

const JOB = jobsWith("netcensus_flow_buffer_bytes");
const INSTANCE: VariableOptions = {
  name: "instance",
  label: "Instance",
  metric: "netcensus_flow_buffer_bytes",
};
const EXPORTER: VariableOptions = {
  name: "exporter",
  label: "Exporter",
  metric: "netcensus_flow_exporter_seen_timestamp_seconds",
};

const RECEIVERS = selectorOf([JOB, INSTANCE]);
const CHOSEN = selectorOf([JOB, INSTANCE, EXPORTER]);

const bits = (by: string, selector = CHOSEN) =>
  `8 * sum by (${by}) (${rate("netflow_bytes_total", selector)})`;

const SILENCE = `time() - netcensus_flow_exporter_seen_timestamp_seconds{${CHOSEN}}`;
const SILENT = [[120, "orange"], [300, "red"]] as const;
const FILLED = `netcensus_flow_queued_bytes{${RECEIVERS}} / netcensus_flow_buffer_bytes{${RECEIVERS}}`;
const BUFFER = [[0.5, "orange"], [0.9, "red"]] as const;

/** Something as long as flows are received at all. */
const RECEIVING = `sum(netcensus_flow_buffer_bytes{${RECEIVERS}})`;

/** Those of the configuration's filters are meant to be lost, and those of the kernel are in the sequence, too. */
const LOST = rate("netcensus_flow_lost_total", `${CHOSEN},stage!~"filter|kernel"`);

const NOW: Section = {
  title: "Now",
  panels: beside(
    stat({
      title: "Traffic",
      description: "Traffic in the flows of the chosen exporters. One that passes two of them counts twice.",
      unit: "bps",
      expr: `8 * sum(${rate("netflow_bytes_total", CHOSEN)})`,
    }),
    stat({
      title: "Packets",
      description: "Packets in the flows. Many packets with little traffic are a flood, or voice.",
      unit: "pps",
      expr: `sum(${rate("netflow_packets_total", CHOSEN)})`,
    }),
    stat({
      title: "Flows",
      description: "Flows that are received in a second. A sudden rise is a scan or an attack.",
      unit: "cps",
      expr: `sum(${rate("netflow_flows_total", CHOSEN)})`,
    }),
    stat({
      title: "Exporters",
      description:
        "Exporters that have sent something in the last five minutes. Worry when it is less than you have.",
      unit: "short",
      expr: orZero(`sum(${SILENCE} < bool 300)`, RECEIVING),
    }),
    stat({
      title: "Longest silence",
      description:
        "How long the most silent exporter has sent nothing. Minutes are an exporter or a way that is down.",
      unit: "s",
      decimals: 0,
      thresholds: SILENT,
      expr: `max(${SILENCE})`,
    }),
    stat({
      title: "Lost flows",
      description:
        "Flows that were lost on the way, in the kernel or in decoding. Any makes the numbers too small.",
      unit: "cps",
      thresholds: [[0.01, "orange"], [10, "red"]],
      expr: orZero(`sum(${LOST})`, RECEIVING),
    }),
    stat({
      title: "Fullest buffer",
      description:
        "What waits in the fullest socket. Near 100 % datagrams are lost: raise receive_buffer, or workers.",
      unit: "percentunit",
      thresholds: BUFFER,
      expr: `max(${FILLED})`,
    }),
  ),
};

const TRAFFIC: Section = {
  title: "Traffic",
  panels: [
    ...beside(
      timeSeries({
        title: "Traffic by exporter",
        description: "What each exporter has told of. A line that ends is an exporter that is silent.",
        unit: "bps",
        min: 0,
        queries: [query(bits("exporter"), "{{exporter}}")],
      }),
      timeSeries({
        title: "Traffic by protocol",
        description: "By IP protocol. Much UDP or ICMP that was not there before is an attack.",
        unit: "bps",
        min: 0,
        isStacked: true,
        queries: [query(`topk(8, ${bits("protocol")})`, "{{protocol}}")],
      }),
    ),
    ...beside(
      timeSeries({
        title: "Traffic by service",
        description:
          "The ten services that move most, by the usual service of the port. A new one at the top is worth a question.",
        unit: "bps",
        min: 0,
        isStacked: true,
        queries: [query(
          `topk(10, 8 * sum by (protocol, app_service) (${rate("netflow_service_bytes_total", CHOSEN)}))`,
          "{{protocol}} {{app_service}}",
        )],
      }),
      timeSeries({
        title: "Flows by service",
        description: "Flows in a second. Many flows with little traffic are scans and lookups of names.",
        unit: "cps",
        min: 0,
        isStacked: true,
        queries: [query(
          `topk(10, sum by (protocol, app_service) (${rate("netflow_service_flows_total", CHOSEN)}))`,
          "{{protocol}} {{app_service}}",
        )],
      }),
    ),
  ],
};

/** What is the code of a country; addresses for private use and such are local. */
const ABROAD = '!~"local|unknown|other"';

const COUNTRIES: Section = {
  title: "Countries",
  panels: [
    worldMap({
      title: "Destinations on the map",
      description:
        "Where the traffic goes, by country. A place that none of your users deals with is worth a question.",
      unit: "bps",
      value: "Traffic",
      countries: `label_replace(${bits("destination_country", `${CHOSEN},destination_country${ABROAD}`)}, ` +
        `"place", "$1", "destination_country", "(.*)")`,
    }),
    barGauge({
      title: "Destinations",
      description:
        "The countries to which most traffic goes; local is your own and other private addresses. A new one at the top is worth a question.",
      unit: "bps",
      width: 8,
      height: 13,
      queries: [query(`topk(15, ${bits("destination_country")})`, "{{destination_country}}")],
    }),
    ...beside(
      timeSeries({
        title: "Traffic by source",
        description: "The ten countries from which most comes. A sudden one at the top may be an attack.",
        unit: "bps",
        min: 0,
        isStacked: true,
        queries: [query(`topk(10, ${bits("source_country")})`, "{{source_country}}")],
      }),
      table({
        title: "Between countries",
        description:
          "The pairs of countries with most traffic. It shows which lines to which part of the world are worth their price.",
        labels: { source_country: "From", destination_country: "To", protocol: "Protocol" },
        columns: [
          {
            title: "Traffic",
            unit: "bps",
            expr: `topk(25, ${bits("source_country, destination_country, protocol")})`,
          },
        ],
      }),
    ),
  ],
};

const byExporter = (metric: string) => `sum by (instance, exporter) (${rate(metric, CHOSEN)})`;

const RECEPTION: Section = {
  title: "Receiving",
  panels: [
    ...beside(
      timeSeries({
        title: "Losses by stage",
        description:
          "At the kernel there was no room in the socket; sequence is sent and not arrived, decode cannot be read, and filter is as the configuration wants. All but the last make the numbers too small.",
        unit: "cps",
        min: 0,
        queries: [query(
          `sum by (instance, stage) (${rate("netcensus_flow_lost_total", RECEIVERS)})`,
          "{{instance}} {{stage}}",
        )],
      }),
      timeSeries({
        title: "What waits in the kernel",
        description:
          "Datagrams that were not yet taken, as a share of the buffer. It should fall back to zero.",
        unit: "percentunit",
        min: 0,
        thresholds: BUFFER,
        showThresholds: true,
        queries: [query(`max by (instance, address) (${FILLED})`, "{{instance}} {{address}}")],
      }),
    ),
    ...beside(
      timeSeries({
        title: "Datagrams",
        description:
          "Datagrams in a second, and those for which the socket had no room. Any of the latter: raise receive_buffer, or workers.",
        unit: "pps",
        min: 0,
        queries: [
          query(byExporter("netcensus_flow_datagrams_total"), "{{exporter}}"),
          query(
            `sum by (instance) (${rate("netcensus_flow_buffer_drops_total", RECEIVERS)})`,
            "no room at {{instance}}",
          ),
        ],
      }),
      timeSeries({
        title: "What cannot be read",
        description:
          "By reason: unsupported is NetFlow v9, IPFIX or sFlow (let the exporter send v5), version no flow at all.",
        unit: "cps",
        min: 0,
        queries: [query(
          `sum by (instance, reason) (${
            rate("netcensus_parse_problems_total", `${RECEIVERS},collector="netflow"`)
          })`,
          "{{instance}} {{reason}}",
        )],
      }),
    ),
    table({
      title: "Exporters one by one",
      description:
        "What each exporter sends and loses. A sampling rate other than 1 means that the numbers are estimates.",
      width: 24,
      labels: { instance: "Instance", exporter: "Exporter" },
      columns: [
        {
          title: "Silent for",
          unit: "s",
          decimals: 0,
          thresholds: SILENT,
          expr: `max by (instance, exporter) (${SILENCE})`,
        },
        { title: "Datagrams", unit: "pps", expr: byExporter("netcensus_flow_datagrams_total") },
        { title: "Flows", unit: "cps", expr: byExporter("netflow_flows_total") },
        { title: "Traffic", unit: "bps", expr: `8 * ${byExporter("netflow_bytes_total")}` },
        {
          title: "Lost",
          unit: "cps",
          thresholds: [[0.01, "orange"], [10, "red"]],
          expr: orZero(
            `sum by (instance, exporter) (${LOST})`,
            byExporter("netcensus_flow_datagrams_total"),
          ),
        },
        {
          title: "One packet of",
          unit: "short",
          expr: `max by (instance, exporter) (netcensus_flow_sampling_rate{${CHOSEN}})`,
        },
        {
          title: "Begun anew",
          unit: "short",
          decimals: 0,
          thresholds: [[1, "orange"]],
          expr:
            `sum by (instance, exporter) (increase(netcensus_flow_exporter_restarts_total{${CHOSEN}}[$__range]))`,
        },
      ],
    }),
  ],
};

export const FLOWS_DASHBOARD = dashboard({
  uid: "netcensus-flows",
  title: "netcensus: flows",
  description:
    "The traffic in the flows that routers send, and how well they are received. It needs the collector netflow.",
  variables: [JOB, INSTANCE, EXPORTER],
  sections: [NOW, TRAFFIC, COUNTRIES, RECEPTION],
});
