import { Ip } from "../../core/ip.ts";

/** An address as text, or as its 32-bit number. */
type Address = string | number;

export interface V5Header {
  /** If it is not to be that of the records. */
  readonly count: number;
  /** Milliseconds since the exporter was started; the times of records are of the same clock. */
  readonly uptime: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  /** How many flows the exporter has told of before. */
  readonly sequence: number;
  readonly engineType: number;
  readonly engineId: number;
  readonly samplingMode: number;
  readonly samplingInterval: number;
}

export interface V5Record {
  readonly source: Address;
  readonly destination: Address;
  readonly nextHop: Address;
  readonly input: number;
  readonly output: number;
  readonly packets: number;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly tcpFlags: number;
  readonly protocol: number;
  readonly tos: number;
  readonly sourceAs: number;
  readonly destinationAs: number;
  readonly sourceMask: number;
  readonly destinationMask: number;
}

const RECORD: V5Record = {
  source: "10.0.0.1",
  destination: "192.0.2.1",
  nextHop: "0.0.0.0",
  input: 1,
  output: 2,
  packets: 10,
  bytes: 1000,
  first: 3_590_000,
  last: 3_599_000,
  sourcePort: 50_000,
  destinationPort: 443,
  tcpFlags: 0x1b,
  protocol: 6,
  tos: 0,
  sourceAs: 0,
  destinationAs: 0,
  sourceMask: 24,
  destinationMask: 24,
};

/** https://www.ibm.com/docs/en/npi/1.3.0?topic=versions-netflow-v5-formats, which also says where the fields are. */
export const V5_HEADER_LENGTH = 24, V5_RECORD_LENGTH = 48;

/** A datagram of NetFlow v5 with these records; what they or the header do not say is as usual. */
export function netflowV5(
  records: readonly Partial<V5Record>[],
  header: Partial<V5Header> = {},
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(V5_HEADER_LENGTH + V5_RECORD_LENGTH * records.length);
  const view = new DataView(bytes.buffer);
  writeHeader(view, { count: records.length, ...header });
  for (const [i, record] of records.entries()) {
    writeRecord(view, V5_HEADER_LENGTH + V5_RECORD_LENGTH * i, { ...RECORD, ...record });
  }
  return bytes;
}

function writeHeader(view: DataView, header: Partial<V5Header>): void {
  view.setUint16(0, 5);
  view.setUint16(2, header.count ?? 0);
  view.setUint32(4, header.uptime ?? 3_600_000);
  view.setUint32(8, header.seconds ?? 1_700_000_000);
  view.setUint32(12, header.nanoseconds ?? 0);
  view.setUint32(16, header.sequence ?? 0);
  view.setUint8(20, header.engineType ?? 0);
  view.setUint8(21, header.engineId ?? 0);
  view.setUint16(22, (header.samplingMode ?? 0) << 14 | (header.samplingInterval ?? 0));
}

function writeRecord(view: DataView, at: number, record: V5Record): void {
  view.setUint32(at, numberOf(record.source));
  view.setUint32(at + 4, numberOf(record.destination));
  view.setUint32(at + 8, numberOf(record.nextHop));
  view.setUint16(at + 12, record.input);
  view.setUint16(at + 14, record.output);
  view.setUint32(at + 16, record.packets);
  view.setUint32(at + 20, record.bytes);
  view.setUint32(at + 24, record.first);
  view.setUint32(at + 28, record.last);
  view.setUint16(at + 32, record.sourcePort);
  view.setUint16(at + 34, record.destinationPort);
  view.setUint8(at + 37, record.tcpFlags);
  view.setUint8(at + 38, record.protocol);
  view.setUint8(at + 39, record.tos);
  view.setUint16(at + 40, record.sourceAs);
  view.setUint16(at + 42, record.destinationAs);
  view.setUint8(at + 44, record.sourceMask);
  view.setUint8(at + 45, record.destinationMask);
}

function numberOf(address: Address): number {
  if (typeof address === "number") return address;
  const ip = Ip.parse(address);
  if (ip?.version !== 4) throw new Error(`Expected an IPv4 address, not "${address}"`);
  return ip.toNumber();
}
