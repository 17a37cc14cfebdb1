import type { ShippedRule } from "../../core/collector.ts";

const ESTABLISHED = [{ match: "state", is: "ESTABLISHED" }];

export const RULES: readonly ShippedRule[] = [
  {
    name: "network_connections_info",
    help: "Sockets with these labels: 1, except where several share them.",
    source: "sockets",
    labels: [
      "source_address",
      "source_port",
      "destination_address",
      "destination_port",
      "state",
      "interface",
      "protocol",
      "direction",
      "process_name",
    ],
  },
  {
    name: "network_connections",
    help: "Sockets by protocol, state, interface and direction.",
    source: "sockets",
    labels: ["protocol", "state", "interface", "direction"],
  },
  {
    name: "network_tcp_rtt_seconds",
    help: "Smoothed round-trip times of the established TCP connections.",
    type: "histogram",
    source: "sockets",
    filter: ESTABLISHED,
    value: "rtt_seconds",
    buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    labels: ["direction"],
  },
  {
    name: "network_tcp_retransmitted_segments",
    help: "Segments that the present TCP connections have sent again since they were opened.",
    source: "sockets",
    value: "retransmitted_segments",
    labels: ["interface", "direction"],
  },
  {
    name: "network_tcp_unacked_segments",
    help: "Segments that the present TCP connections have sent and that are not yet acknowledged.",
    source: "sockets",
    value: "unacked_segments",
    labels: ["interface", "direction"],
  },
  {
    name: "network_listen_queue",
    help: "Connections that wait to be accepted by a TCP listener.",
    source: "sockets",
    value: "queue",
    labels: ["source_address", "source_port"],
  },
  {
    name: "network_listen_queue_limit",
    help: "How many connections may wait to be accepted by a TCP listener.",
    source: "sockets",
    value: "queue_limit",
    labels: ["source_address", "source_port"],
  },
];
