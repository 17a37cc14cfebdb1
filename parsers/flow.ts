import { SERVICES } from "../core/service_table.ts";
import { hasPorts, TCP } from "./conntrack_entry.ts";

/** What is known of a flow, whatever protocol tells it, in the order in which parsers write it into a row. */
export const FLOW_COLUMNS = [
  "exporter",
  "engine",
  "source_address",
  "destination_address",
  "next_hop",
  "input_interface",
  "output_interface",
  "protocol",
  "source_port",
  "destination_port",
  "service_port",
  "tos",
  "tcp_flags",
  "source_as",
  "destination_as",
  "source_prefix_length",
  "destination_prefix_length",
  "duration_seconds",
  "sampling_rate",
  "bytes",
  "packets",
  "flows",
  "raw_bytes",
  "raw_packets",
] as const;

/** Where in a row each of them is. */
export const FLOW = Object.fromEntries(FLOW_COLUMNS.map((name, i) => [name, i])) as Readonly<
  Record<(typeof FLOW_COLUMNS)[number], number>
>;

/** A bit for each port: whether it is that of a usual service. */
function portsOf(transport: string): Uint8Array {
  const bits = new Uint8Array(65_536 / 8);
  for (const key of SERVICES.keys()) {
    const [protocol, port] = key.split("/");
    if (protocol === transport) bits[Number(port) >> 3]! |= 1 << (Number(port) & 7);
  }
  return bits;
}

const OF_TCP = portsOf("tcp"), OF_OTHERS = portsOf("udp");

/**
 * The one of both ports that tells the service: that of a usual service, of two such or none the lower. NaN for a
 * protocol that has no ports.
 */
export function servicePort(protocol: number, source: number, destination: number): number {
  if (!hasPorts(protocol)) return NaN;
  const ports = protocol === TCP ? OF_TCP : OF_OTHERS;
  const isSource = (ports[source >> 3]! >> (source & 7)) & 1;
  const isDestination = (ports[destination >> 3]! >> (destination & 7)) & 1;
  if (isSource !== isDestination) return isSource ? source : destination;
  return source < destination ? source : destination;
}
