import type { ShippedRule } from "../../core/collector.ts";

const BY_ENDS = [
  { name: "src_ip", field: "source_address" },
  { name: "dst_ip", field: "destination_address" },
];

const BY_TYPE = { source: "wialon", labels: ["type", ...BY_ENDS] };
const OF_SEGMENTS = { source: "wialon_segments", type: "counter", labels: ["fate"] };
const OF_CAPTURES = { source: "wialon_captures", labels: ["interface"] };
const OF_GAPS = { source: "wialon_gaps", type: "counter" };

export const RULES: readonly ShippedRule[] = [
  { name: "wialon_ips_packets_total", help: "Messages of Wialon IPS by type.", ...BY_TYPE },
  {
    name: "wialon_ips_bytes_total",
    help: "Bytes of messages by type, as they came.",
    value: "bytes",
    ...BY_TYPE,
  },
  {
    name: "wialon_ips_raw_packets_total",
    help: "Segments and datagrams with data.",
    type: "counter",
    source: "wialon_captures",
    value: "raw_packets",
  },
  {
    name: "wialon_ips_stream_live_seconds",
    help: "How long streams lived that have ended; a stream is a direction of a connection.",
    type: "summary",
    source: "wialon_ended_streams",
    value: "duration_seconds",
    quantiles: [0.5, 0.9, 0.95, 0.99],
  },
  {
    name: "wialon_ips_streams_size",
    help: "Streams that carry data; a stream is a direction of a connection.",
    source: "wialon_streams",
  },
  {
    name: "wialon_ips_streams_by_ip_size",
    help: "Streams that carry data, by their ends.",
    source: "wialon_streams",
    labels: BY_ENDS,
  },
  {
    name: "wialon_ips_parse_errors_total",
    help: "What cannot be read in streams, by their ends.",
    source: "wialon_faults",
    labels: BY_ENDS,
  },
  {
    name: "wialon_ips_answers_total",
    help: "Answers by what they mean.",
    source: "wialon",
    filter: { match: "meaning", present: true },
    labels: ["type", "meaning"],
  },
  {
    name: "wialon_ips_crc_total",
    help: "Messages with a checksum, by whether it is right.",
    source: "wialon",
    filter: { match: "checksum", present: true },
    labels: [{ name: "verdict", field: "checksum" }],
  },
  {
    name: "wialon_ips_answer_seconds",
    help: "How long after a message its answer came, by the type of the answer.",
    type: "histogram",
    source: "wialon",
    value: "latency_seconds",
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    labels: ["type"],
  },
  {
    name: "wialon_ips_devices",
    help: "Devices that have sent something of late, by version of the protocol.",
    source: "wialon_devices",
    labels: ["version"],
  },
  {
    name: "wialon_ips_segments_total",
    help: "Segments with data, by what became of them.",
    value: "segments",
    ...OF_SEGMENTS,
  },
  {
    name: "wialon_ips_segment_bytes_total",
    help: "Data of segments, by what became of these.",
    value: "bytes",
    ...OF_SEGMENTS,
  },
  {
    name: "wialon_ips_reassembly_gaps_total",
    help: "How often data of a stream were sent and not seen.",
    value: "gaps",
    ...OF_GAPS,
  },
  {
    name: "wialon_ips_reassembly_gap_bytes_total",
    help: "Data of streams that were sent and not seen.",
    value: "bytes",
    ...OF_GAPS,
  },
  {
    name: "wialon_ips_capture_up",
    help: "Whether packets are captured at an interface.",
    value: "up",
    ...OF_CAPTURES,
  },
  {
    name: "wialon_ips_capture_opened_total",
    help: "How often the capture at an interface has begun.",
    type: "counter",
    value: "opened",
    ...OF_CAPTURES,
  },
  {
    name: "wialon_ips_capture_packets_total",
    help: "Packets that were captured at an interface.",
    type: "counter",
    value: "packets",
    ...OF_CAPTURES,
  },
  {
    name: "wialon_ips_capture_dropped_total",
    help: "Packets for which the kernel had no room.",
    type: "counter",
    value: "dropped",
    ...OF_CAPTURES,
  },
  {
    name: "wialon_ips_capture_interface_dropped_total",
    help: "Packets that an interface has lost.",
    type: "counter",
    value: "interface_dropped",
    ...OF_CAPTURES,
  },
];
