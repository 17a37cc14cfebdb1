import { barGauge, stat, timeSeries } from "./charts.ts";
import { withPlace } from "./country_places.ts";
import { dashboard } from "./dashboard.ts";
import { beside, type Section } from "./grid.ts";
import { query, words } from "./panel.ts";
import { rate } from "./promql.ts";
import { table } from "./tables.ts";
import { jobsWith, selectorOf, type VariableOptions } from "./variables.ts";
import { worldMap } from "./world_map.ts";

const VARIABLES: readonly VariableOptions[] = [
  jobsWith("mikrotik_up"),
  { name: "instance", label: "Instance", metric: "mikrotik_up" },
  { name: "router", label: "Router", metric: "mikrotik_up" },
];
const INTERFACE: VariableOptions = {
  name: "interface",
  label: "Interface",
  metric: "mikrotik_interface_up",
};

const ROUTERS = selectorOf(VARIABLES);
const CHOSEN = selectorOf([...VARIABLES, INTERFACE]);

/** With one router there is no label `router`: then the instance tells it. */
const BY = "by (instance, router)";
const NAME = "{{instance}} {{router}}";
const LABELS = { instance: "Instance", router: "Router" };

const FILLED = `mikrotik_tracking_entries{${ROUTERS}} / (mikrotik_tracking_limit{${ROUTERS}} > 0)`;
const FULL = [[0.7, "orange"], [0.8, "red"]] as const;
const MEMORY = `1 - mikrotik_memory_free_bytes{${ROUTERS}} / mikrotik_memory_bytes{${ROUTERS}}`;
const STORAGE = `1 - mikrotik_storage_free_bytes{${ROUTERS}} / mikrotik_storage_bytes{${ROUTERS}}`;
const AGE = `time() - mikrotik_snapshot_timestamp_seconds{${ROUTERS}}`;
const BUSY = [[0.7, "orange"], [0.9, "red"]] as const;
const OLD = [[180, "orange"], [600, "red"]] as const;

const NOW: Section = {
  title: "Now",
  panels: beside(
    stat({
      title: "Routers down",
      description: "Routers whose last snapshot failed. Below, the errors tell why.",
      unit: "short",
      thresholds: [[1, "red"]],
      expr: `sum(1 - mikrotik_up{${ROUTERS}})`,
    }),
    stat({
      title: "Oldest snapshot",
      description:
        "The age of the oldest last good snapshot. From some intervals on what is shown is history.",
      unit: "s",
      thresholds: OLD,
      expr: `max(${AGE})`,
    }),
    stat({
      title: "Connections",
      description: "Connections of all chosen routers. Compare it with the same hour of other days.",
      unit: "short",
      expr: `sum(mikrotik_total_connections{${ROUTERS}})`,
    }),
    stat({
      title: "In use",
      description:
        "Connections that are established, or answered if they are not TCP. A fall is an outage behind the router.",
      unit: "short",
      expr: `sum(active_connections{${ROUTERS}})`,
    }),
    stat({
      title: "Traffic",
      description: "What the connections move, both directions together, in the firewall and past it.",
      unit: "bps",
      expr: `8 * sum(${rate("mikrotik_bytes_total", ROUTERS)})`,
    }),
    stat({
      title: "Fullest table",
      description: "How full the fullest table of connections is. At 100 % new ones are dropped.",
      unit: "percentunit",
      thresholds: FULL,
      expr: `max(${FILLED})`,
    }),
    stat({
      title: "Busiest processor",
      description:
        "The highest load of a router. Reading its connections is part of it: a longer interval relieves it.",
      unit: "percentunit",
      thresholds: BUSY,
      expr: `max(mikrotik_cpu_load_ratio{${ROUTERS}})`,
    }),
    stat({
      title: "Fullest memory",
      description:
        "The share of memory in use at the router that has least left. Steady growth ends in a restart.",
      unit: "percentunit",
      thresholds: BUSY,
      expr: `max(${MEMORY})`,
    }),
  ),
};

const KNOWN = `country!~"-|other"`;

const WORLD: Section = {
  title: "Where connections come from",
  panels: [
    worldMap({
      title: "Sources on the map",
      description:
        "Connections by the place of their source: blue with a database of cities, orange where only the country is known. A place that none of your users is at is worth a question.",
      unit: "short",
      value: "Connections",
      places:
        `sum by (country, city, latitude, longitude) (mikrotik_connection{${ROUTERS},latitude=~"-?[0-9.]+"})`,
      countries: withPlace(`sum by (country) (mikrotik_connection{${ROUTERS},${KNOWN},latitude="-"})`),
    }),
    barGauge({
      title: "Countries",
      description:
        "The countries from which most connections come. A new one at the top is worth a question.",
      unit: "short",
      width: 8,
      height: 13,
      queries: [query(
        `topk(15, sum by (country) (mikrotik_connection{${ROUTERS},${KNOWN}}))`,
        "{{country}}",
      )],
    }),
    ...beside(
      table({
        title: "Sources",
        description:
          "Who has the most connections. One with thousands is a scan, a game or a guest with a worm.",
        labels: { ...LABELS, src_address: "Source", country: "Country", city: "City" },
        columns: [{
          title: "Connections",
          unit: "short",
          expr:
            `topk(25, sum by (instance, router, src_address, country, city) (mikrotik_connection{${ROUTERS}}))`,
        }],
      }),
      table({
        title: "Destinations",
        description: "Where most connections go. An unknown one at the top is worth a question.",
        labels: { ...LABELS, dst_address: "Destination", protocol: "Protocol" },
        columns: [{
          title: "Connections",
          unit: "short",
          expr:
            `topk(25, sum by (instance, router, dst_address, protocol) (mikrotik_connection{${ROUTERS}}))`,
        }],
      }),
    ),
  ],
};

const CONNECTIONS: Section = {
  title: "Connections and traffic",
  panels: [
    ...beside(
      timeSeries({
        title: "Connections by router",
        description: "A router without a line cannot be read. A sudden rise at one is a scan or a flood.",
        unit: "short",
        min: 0,
        queries: [query(`sum ${BY} (mikrotik_total_connections{${ROUTERS}})`, NAME)],
      }),
      timeSeries({
        title: "Connections by protocol and state",
        description: "Many syn-sent or syn-received are scans or floods, many time-wait short connections.",
        unit: "short",
        min: 0,
        isStacked: true,
        queries: [query(
          `sum by (protocol, tcp_state) (mikrotik_connections{${ROUTERS}})`,
          "{{protocol}} {{tcp_state}}",
        )],
      }),
    ),
    ...beside(
      timeSeries({
        title: "Traffic by router",
        description:
          "From who began the connections, and below zero in reply. Worry near the speed of the line.",
        unit: "bps",
        below: [1],
        queries: [
          query(
            `8 * sum ${BY} (${rate("mikrotik_bytes_total", `${ROUTERS},direction="original"`)})`,
            `${NAME} original`,
          ),
          query(
            `8 * sum ${BY} (${rate("mikrotik_bytes_total", `${ROUTERS},direction="reply"`)})`,
            `${NAME} reply`,
          ),
        ],
      }),
      timeSeries({
        title: "Traffic by protocol and path",
        description:
          "What takes the fast track spares the processor. Worry when the share of the firewall grows.",
        unit: "bps",
        min: 0,
        isStacked: true,
        queries: [query(
          `8 * sum by (protocol, path) (${rate("mikrotik_bytes_total", ROUTERS)})`,
          "{{protocol}} {{path}}",
        )],
      }),
    ),
  ],
};

const INTERFACES: Section = {
  title: "Interfaces",
  panels: [
    ...beside(
      timeSeries({
        title: "Traffic by interface",
        description:
          "Received, and below zero sent. These count everything, connections or not. Worry near the speed of the line.",
        unit: "bps",
        below: [1],
        queries: [
          query(
            `8 * sum by (instance, router, interface) (${
              rate("mikrotik_interface_receive_bytes_total", CHOSEN)
            })`,
            `${NAME} {{interface}} received`,
          ),
          query(
            `8 * sum by (instance, router, interface) (${
              rate("mikrotik_interface_transmit_bytes_total", CHOSEN)
            })`,
            `${NAME} {{interface}} sent`,
          ),
        ],
      }),
      timeSeries({
        title: "Drops and errors",
        description:
          "Packets that interfaces lose. Errors are cables and optics, drops a queue that is full.",
        unit: "pps",
        min: 0,
        queries: ["receive_drops", "transmit_drops", "receive_errors", "transmit_errors"].map((name) =>
          query(
            `sum by (instance, router, interface) (${rate(`mikrotik_interface_${name}_total`, CHOSEN)})`,
            `${NAME} {{interface}} ${name.replace("_", " ")}`,
          )
        ),
      }),
    ),
    table({
      title: "Interfaces",
      description:
        "Whether interfaces work, and what they move now. One that is down and should not be is red.",
      width: 24,
      labels: { ...LABELS, interface: "Interface" },
      columns: [
        {
          title: "Received",
          unit: "bps",
          expr: `8 * sum by (instance, router, interface) (${
            rate("mikrotik_interface_receive_bytes_total", CHOSEN)
          })`,
        },
        {
          title: "Sent",
          unit: "bps",
          expr: `8 * sum by (instance, router, interface) (${
            rate("mikrotik_interface_transmit_bytes_total", CHOSEN)
          })`,
        },
        {
          title: "Works",
          unit: "short",
          base: "red",
          thresholds: [[1, "green"]],
          mappings: words("yes", "no"),
          expr: `max by (instance, router, interface) (mikrotik_interface_up{${CHOSEN}})`,
        },
      ],
    }),
  ],
};

const HEALTH: Section = {
  title: "How the routers do",
  panels: [
    table({
      title: "Routers",
      description:
        "What each router is and how it does. One that is not there is in the numbers above: down.",
      width: 24,
      labels: LABELS,
      isSmallestFirst: true,
      columns: [
        {
          title: "Answers",
          unit: "short",
          base: "red",
          thresholds: [[1, "green"]],
          mappings: words("yes", "no"),
          expr: `max ${BY} (mikrotik_up{${ROUTERS}})`,
        },
        { title: "Snapshot's age", unit: "s", decimals: 0, thresholds: OLD, expr: `max ${BY} (${AGE})` },
        { title: "Connections", unit: "short", expr: `sum ${BY} (mikrotik_total_connections{${ROUTERS}})` },
        { title: "Table", unit: "percentunit", thresholds: FULL, expr: `max ${BY} (${FILLED})` },
        {
          title: "Processor",
          unit: "percentunit",
          thresholds: BUSY,
          expr: `max ${BY} (mikrotik_cpu_load_ratio{${ROUTERS}})`,
        },
        { title: "Memory", unit: "percentunit", thresholds: BUSY, expr: `max ${BY} (${MEMORY})` },
        { title: "Storage", unit: "percentunit", thresholds: BUSY, expr: `max ${BY} (${STORAGE})` },
        { title: "Runs for", unit: "s", expr: `max ${BY} (mikrotik_uptime_seconds{${ROUTERS}})` },
      ],
    }),
    ...beside(
      timeSeries({
        title: "Processor load",
        description: "How busy the processors are. A router that is always at the top drops packets.",
        unit: "percentunit",
        min: 0,
        max: 1,
        queries: [query(`max ${BY} (mikrotik_cpu_load_ratio{${ROUTERS}})`, NAME)],
      }),
      timeSeries({
        title: "How full the tables are",
        description:
          "Connections as a share of what the router may track. Steady growth tells when there is no more room.",
        unit: "percentunit",
        min: 0,
        thresholds: FULL,
        showThresholds: true,
        queries: [query(`max ${BY} (${FILLED})`, NAME)],
      }),
    ),
    ...beside(
      timeSeries({
        title: "Time for a snapshot",
        description:
          "How long reading the connections took. Longer than the interval is too long: choose a longer one.",
        unit: "s",
        min: 0,
        queries: [query(`max ${BY} (mikrotik_snapshot_duration_seconds{${ROUTERS}})`, NAME)],
      }),
      timeSeries({
        title: "Snapshots that failed",
        description:
          "By what went wrong: login is the password or the user's rights, connect and timeout are the way there.",
        unit: "cps",
        min: 0,
        queries: [query(
          `sum by (instance, router, error) (${rate("mikrotik_errors_total", ROUTERS)})`,
          `${NAME} {{error}}`,
        )],
      }),
    ),
    table({
      title: "Versions",
      description:
        "Model and version of each router, as it tells. Look for those that were forgotten in an upgrade.",
      width: 24,
      labels: {
        ...LABELS,
        identity: "Identity",
        board_name: "Model",
        architecture: "Architecture",
        version: "RouterOS",
      },
      columns: [{
        title: "Processors",
        unit: "short",
        expr:
          `sum by (instance, router, identity, board_name, architecture, version) (mikrotik_info{${ROUTERS}})
          * on (instance, router) group_left () sum ${BY} (mikrotik_cpus{${ROUTERS}})`,
      }],
    }),
  ],
};

export const ROUTERS_DASHBOARD = dashboard({
  uid: "netcensus-routers",
  title: "netcensus: routers",
  description:
    "The connections, traffic and health of RouterOS routers, with a map of the world. It needs the collector mikrotik, and for cities a database.",
  variables: [...VARIABLES, INTERFACE],
  sections: [NOW, WORLD, CONNECTIONS, INTERFACES, HEALTH],
});
