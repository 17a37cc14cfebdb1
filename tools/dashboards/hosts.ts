import { barGauge, stat, timeSeries } from "./charts.ts";
import { dashboard } from "./dashboard.ts";
import { beside, type Section } from "./grid.ts";
import { query } from "./panel.ts";
import { HALF_OPEN, NOT_CLOSED, QUEUE, socketNumbers, Sockets } from "./sockets.ts";
import { table } from "./tables.ts";

const OF = new Sockets({ isOneHost: false });
const { hosts: HOSTS, interfaces: INTERFACES, chosen: CHOSEN, variables } = OF;

/** To the dashboard of one host, with what else was chosen. */
const toHost = (host: string) => ({
  title: "This host alone",
  url: `/d/netcensus-host/?var-instance=\${${host}}&` +
    "${datasource:queryparam}&${job:queryparam}&${interface:queryparam}&${state:queryparam}&${__url_time_range}",
});
const OF_SERIES = [toHost("__field.labels.instance")];

const NOW: Section = {
  title: "Now",
  panels: beside(
    stat({
      title: "Hosts down",
      description:
        "Targets that Prometheus cannot scrape. Any is a reason to look: of these nothing is known.",
      unit: "short",
      thresholds: [[1, "red"]],
      expr: `sum(1 - up{${HOSTS}})`,
    }),
    stat({
      title: "Hosts",
      description: "Hosts that show their sockets. Worry when it is less than you have.",
      unit: "short",
      expr: `count(count by (job, instance) (network_connections{${HOSTS}}))`,
    }),
    ...socketNumbers(OF),
  ),
};

const SOCKETS: Section = {
  title: "Sockets",
  panels: [
    ...beside(
      timeSeries({
        title: "Sockets by host",
        description:
          "Sockets in the chosen states at the chosen interfaces. Worry when one host leaves the others.",
        unit: "short",
        min: 0,
        links: OF_SERIES,
        queries: [query(`sum by (instance) (network_connections{${CHOSEN}})`, "{{instance}}")],
      }),
      timeSeries({
        title: "Sockets by state",
        description:
          "Of all chosen hosts together. Growth of one state alone tells what is wrong: see the numbers above.",
        unit: "short",
        min: 0,
        isStacked: true,
        queries: [query(`sum by (state) (network_connections{${CHOSEN}})`, "{{state}}")],
      }),
    ),
    ...beside(
      timeSeries({
        title: "Incoming and outgoing",
        description:
          "Incoming are those whose local port is listened on. Outgoing ones that grow without incoming ones are calls that do not end.",
        unit: "short",
        min: 0,
        queries: [query(`sum by (direction) (network_connections{${CHOSEN}})`, "{{direction}}")],
      }),
      timeSeries({
        title: "Sockets by interface",
        description: "By the interface that owns the local address. It shows which network brings the load.",
        unit: "short",
        min: 0,
        isStacked: true,
        queries: [
          query(
            `sum by (interface, protocol) (network_connections{${CHOSEN}})`,
            "{{interface}} {{protocol}}",
          ),
        ],
      }),
    ),
  ],
};

const QUALITY: Section = {
  title: "How well they do",
  panels: [
    ...beside(
      timeSeries({
        title: "Round-trip time, p95",
        description:
          "Of the established connections of each host. A host that departs from the others has a bad network.",
        unit: "s",
        min: 0,
        links: OF_SERIES,
        queries: [query(OF.roundTrip(0.95, "instance"), "{{instance}}")],
      }),
      timeSeries({
        title: "Sent again",
        description:
          "Segments that the present connections have sent again since they were opened. Steep growth is loss on the way.",
        unit: "short",
        min: 0,
        links: OF_SERIES,
        queries: [
          query(`sum by (instance) (network_tcp_retransmitted_segments{${INTERFACES}})`, "{{instance}}"),
        ],
      }),
    ),
    ...beside(
      timeSeries({
        title: "Under way",
        description:
          "Segments that were sent and are not yet acknowledged. Steady growth is a peer or a path that does not keep up.",
        unit: "short",
        min: 0,
        links: OF_SERIES,
        queries: [query(`sum by (instance) (network_tcp_unacked_segments{${INTERFACES}})`, "{{instance}}")],
      }),
      timeSeries({
        title: "Fullest accept queues",
        description:
          "The ten listeners with the fullest queues. One that stays above half has a program that is too slow.",
        unit: "percentunit",
        min: 0,
        links: OF_SERIES,
        queries: [query(`topk(10, ${OF.queues})`, "{{instance}} {{source_address}}:{{source_port}}")],
      }),
    ),
  ],
};

const COMPARED: Section = {
  title: "Hosts and peers",
  panels: [
    table({
      title: "Hosts compared",
      description: "Click on a host to see it alone. Worry about the one that differs from its like.",
      width: 24,
      labels: { instance: "Host" },
      links: { instance: toHost("__data.fields.Host") },
      columns: [
        { title: "Sockets", unit: "short", expr: `sum by (instance) (network_connections{${HOSTS}})` },
        { title: "Established", unit: "short", expr: OF.inState("ESTABLISHED", "by (instance) ") },
        {
          title: "Half-open",
          unit: "short",
          expr: OF.inState("SYN_RECV", "by (instance) "),
          thresholds: HALF_OPEN,
        },
        {
          title: "Not closed",
          unit: "short",
          expr: OF.inState("CLOSE_WAIT", "by (instance) "),
          thresholds: NOT_CLOSED,
        },
        { title: "Round trip, p95", unit: "s", expr: OF.roundTrip(0.95, "instance") },
        {
          title: "Sent again",
          unit: "short",
          expr: `sum by (instance) (network_tcp_retransmitted_segments{${HOSTS}})`,
        },
        {
          title: "Fullest queue",
          unit: "percentunit",
          expr: `max by (instance) (${OF.queues})`,
          thresholds: QUEUE,
        },
      ],
    }),
    ...beside(
      table({
        title: "Peers",
        description:
          "The peers with the most sockets, in the chosen states. An unknown one at the top of the incoming is worth a question.",
        labels: { destination_address: "Peer", direction: "Direction" },
        columns: [{
          title: "Sockets",
          unit: "short",
          expr:
            `topk(25, sum by (destination_address, direction) (network_connections_info{${CHOSEN},direction!="listen"}))`,
        }],
      }),
      barGauge({
        title: "Ports asked for",
        description:
          "The ports to which outgoing connections go most. A port that nobody knows is worth a question.",
        unit: "short",
        height: 9,
        queries: [query(
          `topk(15, sum by (protocol, destination_port) (network_connections_info{${CHOSEN},direction="outgoing"}))`,
          "{{protocol}} {{destination_port}}",
        )],
      }),
    ),
  ],
};

export const HOSTS_DASHBOARD = dashboard({
  uid: "netcensus-hosts",
  title: "netcensus: hosts",
  description: "The sockets of all hosts, side by side. It needs the collector sockets.",
  variables,
  sections: [NOW, SOCKETS, QUALITY, COMPARED],
});
