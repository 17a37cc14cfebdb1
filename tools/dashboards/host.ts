import { barGauge, heatmap, stat, timeSeries } from "./charts.ts";
import { dashboard } from "./dashboard.ts";
import { beside, type Section } from "./grid.ts";
import { query } from "./panel.ts";
import { QUEUE, socketNumbers, Sockets } from "./sockets.ts";
import { table } from "./tables.ts";

const OF = new Sockets({ isOneHost: true });
const { hosts: HOST, interfaces: INTERFACES, chosen: CHOSEN, variables } = OF;

/** Sockets whose process nobody has looked for have no name. */
const named = (expr: string) => `label_replace(${expr}, "process_name", "not known", "process_name", "")`;

const NOW: Section = {
  title: "Now",
  panels: beside(
    ...socketNumbers(OF),
    stat({
      title: "Listeners",
      description: "Sockets that wait for connections. One less than usual is a service that does not run.",
      unit: "short",
      expr: OF.inState("LISTEN"),
    }),
    stat({
      title: "Ended",
      description: "Ports that are kept for a minute after a connection (TIME_WAIT). " +
        "From some 28,000 to one peer on, new connections to it fail.",
      unit: "short",
      thresholds: [[10_000, "orange"], [25_000, "red"]],
      expr: OF.inState("TIME_WAIT"),
    }),
  ),
};

const SOCKETS: Section = {
  title: "Sockets",
  panels: [
    ...beside(
      timeSeries({
        title: "Sockets by state",
        description: "Growth of one state alone tells what is wrong: see the numbers above.",
        unit: "short",
        min: 0,
        isStacked: true,
        queries: [query(`sum by (state) (network_connections{${CHOSEN}})`, "{{state}}")],
      }),
      timeSeries({
        title: "Sockets by protocol and direction",
        description: "Outgoing ones that grow without incoming ones are calls that do not end.",
        unit: "short",
        min: 0,
        queries: [query(
          `sum by (protocol, direction) (network_connections{${CHOSEN}})`,
          "{{protocol}} {{direction}}",
        )],
      }),
    ),
    ...beside(
      timeSeries({
        title: "Sockets by interface",
        description: "By the interface that owns the local address. It shows which network brings the load.",
        unit: "short",
        min: 0,
        isStacked: true,
        queries: [query(`sum by (interface) (network_connections{${CHOSEN}})`, "{{interface}}")],
      }),
      timeSeries({
        title: "Segments sent again, and under way",
        description:
          "What the present connections have sent again since they were opened, and what is not yet acknowledged. Steep growth is loss on the way.",
        unit: "short",
        min: 0,
        queries: [
          query(
            `sum by (direction) (network_tcp_retransmitted_segments{${INTERFACES}})`,
            "sent again, {{direction}}",
          ),
          query(
            `sum by (direction) (network_tcp_unacked_segments{${INTERFACES}})`,
            "under way, {{direction}}",
          ),
        ],
      }),
    ),
  ],
};

const ROUND_TRIPS: Section = {
  title: "Round-trip times",
  panels: beside(
    heatmap({
      title: "Connections by round-trip time",
      description:
        "How many established connections have which round-trip time. A second band is a second group of peers, or a second way.",
      unit: "s",
      expr: `sum by (le) (network_tcp_rtt_seconds_bucket{${HOST}})`,
    }),
    timeSeries({
      title: "Round-trip time",
      description:
        "The median, and what 95 % and 99 % of the connections do not exceed. All rising together is the own line, the upper ones alone are single peers.",
      unit: "s",
      min: 0,
      queries: [
        query(OF.roundTrip(0.5), "p50"),
        query(OF.roundTrip(0.95), "p95"),
        query(OF.roundTrip(0.99), "p99"),
      ],
    }),
  ),
};

const PEERS: Section = {
  title: "Peers and programs",
  panels: [
    ...beside(
      table({
        title: "Peers",
        description:
          "The peers with the most sockets in the chosen states. An unknown one at the top is worth a question.",
        labels: { destination_address: "Peer", direction: "Direction", protocol: "Protocol" },
        columns: [{
          title: "Sockets",
          unit: "short",
          expr:
            `topk(25, sum by (destination_address, direction, protocol) (network_connections_info{${CHOSEN},direction!="listen"}))`,
        }],
      }),
      table({
        title: "Accept queues",
        description:
          "Connections that wait to be accepted, and how many may. A queue near its limit loses connections.",
        labels: { source_address: "Address", source_port: "Port" },
        columns: [
          {
            title: "Filled",
            unit: "percentunit",
            expr: `sum by (source_address, source_port) (${OF.queues})`,
            thresholds: QUEUE,
          },
          {
            title: "Waiting",
            unit: "short",
            expr: `sum by (source_address, source_port) (network_listen_queue{${HOST}})`,
          },
          {
            title: "Limit",
            unit: "short",
            expr: `sum by (source_address, source_port) (network_listen_queue_limit{${HOST}})`,
          },
        ],
      }),
    ),
    ...beside(
      barGauge({
        title: "Services of this host",
        description: "The own ports with the most incoming connections. It shows which service is in use.",
        unit: "short",
        queries: [query(
          `topk(15, sum by (protocol, source_port) (network_connections_info{${CHOSEN},direction="incoming"}))`,
          "{{protocol}} {{source_port}}",
        )],
      }),
      barGauge({
        title: "Sockets by process",
        description:
          "The programs with the most sockets; without a name unless the collector sockets has process: true. One that grows without end leaks.",
        unit: "short",
        queries: [query(
          named(`topk(15, sum by (process_name) (network_connections_info{${CHOSEN}}))`),
          "{{process_name}}",
        )],
      }),
    ),
    table({
      title: "Sockets one by one",
      description:
        "Up to 500 of the chosen sockets, for a closer look; filter the columns. A value above 1 is sockets that share all of these.",
      width: 24,
      height: 12,
      labels: {
        protocol: "Protocol",
        state: "State",
        direction: "Direction",
        interface: "Interface",
        source_address: "Own address",
        source_port: "Own port",
        destination_address: "Peer",
        destination_port: "Peer's port",
        process_name: "Process",
      },
      columns: [{
        title: "Sockets",
        unit: "short",
        expr: named(
          `topk(500, sum by (protocol, state, direction, interface, source_address, source_port, destination_address, destination_port, process_name) (network_connections_info{${CHOSEN}}))`,
        ),
      }],
    }),
  ],
};

export const HOST_DASHBOARD = dashboard({
  uid: "netcensus-host",
  title: "netcensus: one host",
  description:
    "The sockets of one host, with its peers, listeners and programs. It needs the collector sockets.",
  variables,
  sections: [NOW, SOCKETS, ROUND_TRIPS, PEERS],
});
