import type { ShippedRule } from "../../core/collector.ts";

const PROTOCOL = { name: "protocol", steps: ["protocol_name"] };

function country(side: string): ShippedRule {
  const steps = ["maxmind_country", { on_missing: "unknown" }];
  return { name: `${side}_country`, field: `${side}_address`, steps };
}

const BY_COUNTRY = {
  source: "netflow",
  labels: ["exporter", PROTOCOL, country("source"), country("destination")],
};

const BY_SERVICE = {
  source: "netflow",
  labels: ["exporter", PROTOCOL, {
    name: "app_service",
    field: ["protocol", "service_port"],
    steps: ["service", { on_missing: "other" }],
  }],
};

export const RULES: readonly ShippedRule[] = [
  {
    name: "netflow_bytes_total",
    help: "Bytes of flows by country, scaled by the sampling rate.",
    value: "bytes",
    ...BY_COUNTRY,
  },
  {
    name: "netflow_packets_total",
    help: "Packets of flows by country, scaled by the sampling rate.",
    value: "packets",
    ...BY_COUNTRY,
  },
  { name: "netflow_flows_total", help: "Flows by country, as they were received.", ...BY_COUNTRY },
  {
    name: "netflow_service_bytes_total",
    help: "Bytes of flows by service, scaled by the sampling rate.",
    value: "bytes",
    ...BY_SERVICE,
  },
  {
    name: "netflow_service_flows_total",
    help: "Flows by service, as they were received.",
    ...BY_SERVICE,
  },
  {
    name: "netcensus_flow_lost_total",
    help: "Flows that were lost, by where; in the kernel, and of what cannot be read, datagrams.",
    type: "counter",
    source: "netflow_losses",
    labels: ["stage", "exporter"],
    value: "lost",
  },
  {
    name: "netcensus_flow_datagrams_total",
    help: "Datagrams that an exporter has sent.",
    type: "counter",
    source: "netflow_exporters",
    labels: ["exporter"],
    value: "datagrams",
  },
  {
    name: "netcensus_flow_exporter_restarts_total",
    help: "How often an exporter has begun anew.",
    type: "counter",
    source: "netflow_exporters",
    labels: ["exporter"],
    value: "restarts",
  },
  {
    name: "netcensus_flow_sampling_rate",
    help: "One packet of so many is looked at by an exporter.",
    source: "netflow_exporters",
    labels: ["exporter"],
    value: "sampling_rate",
  },
  {
    name: "netcensus_flow_exporter_seen_timestamp_seconds",
    help: "When the last datagram of an exporter came.",
    source: "netflow_exporters",
    labels: ["exporter"],
    value: "seen_timestamp",
  },
  {
    name: "netcensus_flow_buffer_wanted_bytes",
    help: "What the kernel shall keep of datagrams that were not yet taken.",
    source: "netflow_listeners",
    labels: ["address"],
    value: "buffer_wanted",
  },
  {
    name: "netcensus_flow_buffer_bytes",
    help: "What the kernel keeps of datagrams that were not yet taken.",
    source: "netflow_listeners",
    labels: ["address"],
    value: "buffer",
  },
  {
    name: "netcensus_flow_buffer_drops_total",
    help: "Datagrams for which the kernel had no room.",
    type: "counter",
    source: "netflow_listeners",
    labels: ["address"],
    value: "drops",
  },
  {
    name: "netcensus_flow_queued_bytes",
    help: "What waits in the kernel to be taken.",
    source: "netflow_listeners",
    labels: ["address"],
    value: "queued",
  },
];
