import { type Field, type Fields, recordType } from "../../core/record.ts";
import { FLOW_COLUMNS } from "../../parsers/flow.ts";

const PORT = 65_535, BYTE = 255, PREFIX = 128;

const FIELDS: Readonly<Record<(typeof FLOW_COLUMNS)[number], Field>> = {
  exporter: { type: "ip", help: "Address of whoever sent the flow" },
  engine: { type: "number", max: 65_535, help: "Part of the exporter: its type times 256 plus its id" },
  source_address: { type: "ip", help: "Source of the flow" },
  destination_address: { type: "ip", help: "Destination of the flow" },
  next_hop: { type: "ip", help: "The next router" },
  input_interface: { type: "number", help: "Index of the interface that it came in by" },
  output_interface: {
    type: "number",
    help: "Index of the interface that it went out by; 0 when it was dropped",
  },
  protocol: { type: "number", max: BYTE, help: "IP protocol" },
  source_port: { type: "number", max: PORT, help: "Source port" },
  destination_port: {
    type: "number",
    max: PORT,
    help: "Destination port; of ICMP the type times 256 plus the code",
  },
  service_port: {
    type: "number",
    max: PORT,
    help: "The one of both ports that tells the service: the one of a usual service, or else the lower",
  },
  tos: { type: "number", max: BYTE, help: "Type of service" },
  tcp_flags: { type: "number", max: 65_535, help: "All TCP flags that were seen, as bits" },
  source_as: { type: "number", help: "Autonomous system of the source, if the exporter knows it" },
  destination_as: { type: "number", help: "Autonomous system of the destination, if the exporter knows it" },
  source_prefix_length: { type: "number", max: PREFIX, help: "Prefix length of the route to the source" },
  destination_prefix_length: {
    type: "number",
    max: PREFIX,
    help: "Prefix length of the route to the destination",
  },
  duration_seconds: { type: "number", help: "From its first to its last packet" },
  sampling_rate: { type: "number", help: "One packet of so many was looked at" },
  bytes: { type: "number", help: "Bytes, times the sampling rate" },
  packets: { type: "number", help: "Packets, times the sampling rate" },
  flows: { type: "number", help: "The flow itself, times the sampling rate" },
  raw_bytes: { type: "number", help: "Bytes that the exporter saw" },
  raw_packets: { type: "number", help: "Packets that the exporter saw" },
};

/** In the order in which parsers write them. */
export const FLOWS = recordType({
  name: "netflow",
  help: "A flow that an exporter has seen",
  kind: "stream",
  fields: Object.fromEntries(FLOW_COLUMNS.map((name) => [name, FIELDS[name]])) as Fields,
});

export const EXPORTERS = recordType({
  name: "netflow_exporters",
  help: "Whoever has sent flows",
  kind: "snapshot",
  fields: {
    exporter: { type: "ip", help: "Its address" },
    datagrams: { type: "number", help: "Datagrams that it has sent" },
    flows: { type: "number", help: "Flows that it has sent" },
    filtered: { type: "number", help: "Those of them that the configuration filters out" },
    restarts: { type: "number", help: "How often it has begun anew" },
    sampling_rate: { type: "number", shared: true, help: "It looks at one packet of so many" },
    seen_timestamp: {
      type: "number",
      shared: true,
      help: "When its last datagram came, in seconds since 1970",
    },
  },
});

/** Where flows are lost. */
export const STAGES = ["kernel", "decode", "filter", "sequence"] as const;

export const LOSSES = recordType({
  name: "netflow_losses",
  help: "What was lost of the flows, by where",
  kind: "snapshot",
  fields: {
    stage: { type: "choice", choices: STAGES, help: "Where" },
    exporter: { type: "ip", help: "Whose, where that is known" },
    engine: {
      type: "number",
      max: 65_535,
      help: "Of what is told by sequence numbers: part of the exporter",
    },
    lost: {
      type: "number",
      help: "How many flows; in the kernel, and where the flows cannot be told, datagrams",
    },
  },
});

export const LISTENERS = recordType({
  name: "netflow_listeners",
  help: "A socket that receives flows",
  kind: "snapshot",
  fields: {
    address: { type: "text", help: "Where it listens" },
    buffer_wanted: {
      type: "number",
      shared: true,
      help: "Bytes that the kernel shall keep of what was not yet taken",
    },
    buffer: { type: "number", shared: true, help: "Bytes that the kernel does keep" },
    queued: { type: "number", help: "Bytes that wait now" },
    drops: { type: "number", help: "Datagrams for which there was no room" },
  },
});
