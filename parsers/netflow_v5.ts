import { FLOW, servicePort } from "./flow.ts";

/** Cisco's NetFlow export datagram, version 5: a header, and after it `count` records. All numbers are big-endian. */
const HEADER = 24, RECORD = 48;
/** A datagram has no more; one that claims more and does hold them is believed. */
const MAX_RECORDS = 30;

// Where in the header
const COUNT = 2, UPTIME = 4, SEQUENCE = 16, ENGINE = 20, SAMPLING = 22;
/** The two bits above the sampling interval tell the mode; 0 is that nothing is sampled, whatever the interval says. */
const MODE_SHIFT = 14, INTERVAL = 0x3fff;

// Where in a record
const SOURCE = 0, DESTINATION = 4, NEXT_HOP = 8, INPUT = 12, OUTPUT = 14, PACKETS = 16, BYTES = 20;
const FIRST = 24, LAST = 28, SOURCE_PORT = 32, DESTINATION_PORT = 34, TCP_FLAGS = 37, PROTOCOL = 38, TOS = 39;
const SOURCE_AS = 40, DESTINATION_AS = 42, SOURCE_MASK = 44, DESTINATION_MASK = 45;

// Where in a row
const TO_SOURCE = FLOW.source_address, TO_DESTINATION = FLOW.destination_address, TO_NEXT_HOP = FLOW.next_hop;
const TO_INPUT = FLOW.input_interface, TO_OUTPUT = FLOW.output_interface, TO_PROTOCOL = FLOW.protocol;
const TO_SOURCE_PORT = FLOW.source_port, TO_DESTINATION_PORT = FLOW.destination_port;
const TO_SERVICE_PORT = FLOW.service_port, TO_TOS = FLOW.tos, TO_TCP_FLAGS = FLOW.tcp_flags;
const TO_SOURCE_AS = FLOW.source_as, TO_DESTINATION_AS = FLOW.destination_as;
const TO_SOURCE_LENGTH = FLOW.source_prefix_length;
const TO_DESTINATION_LENGTH = FLOW.destination_prefix_length;
const TO_DURATION = FLOW.duration_seconds, TO_BYTES = FLOW.bytes, TO_PACKETS = FLOW.packets;
const TO_RAW_BYTES = FLOW.raw_bytes, TO_RAW_PACKETS = FLOW.raw_packets;

/** A flow that lasted longer has a last time before its first. */
const MAX_DURATION_MS = 2 ** 31;

export type NetflowV5Fault = "short" | "count" | "truncated";

/** What `next()` writes in any case. */
export const V5_COMMON: readonly number[] = [
  TO_SOURCE,
  TO_DESTINATION,
  TO_INPUT,
  TO_OUTPUT,
  TO_PROTOCOL,
  TO_PACKETS,
  TO_BYTES,
];

/** Reads datagrams of version 5: `begin()`, then `next()` as long as there are flows. */
export class NetflowV5 {
  /** Whether `next()` writes more than what is common; it takes three times as long. */
  isWhole = true;
  /** What is wrong with the datagram, if anything is. Its whole records are read all the same. */
  fault: NetflowV5Fault | undefined;
  /** How many flows it holds, and how many it claims to hold beyond these. */
  count = 0;
  missing = 0;
  /** Milliseconds since the exporter's start. */
  uptime = 0;
  /** The number of flows that were exported before. */
  sequence = 0;
  /** Its type in the higher byte, its id in the lower one. */
  engine = 0;
  /** One packet of so many is looked at. */
  samplingRate = 1;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;
  #end = 0;

  /** Reads the header of the datagram that stands at `start`; its first word has been looked at. */
  begin(view: DataView, start: number, length: number): void {
    this.#view = view;
    this.#at = this.#end = start + HEADER;
    this.count = this.missing = 0;
    this.fault = undefined;
    if (length < HEADER) {
      this.fault = "short";
      return;
    }
    const claimed = view.getUint16(start + COUNT), whole = Math.floor((length - HEADER) / RECORD);
    this.count = Math.min(claimed, whole);
    if (claimed === 0 || (claimed > MAX_RECORDS && claimed > whole)) this.fault = "count";
    else if (whole < claimed) {
      this.fault = "truncated";
      this.missing = claimed - whole;
    }
    this.#end += this.count * RECORD;
    this.uptime = view.getUint32(start + UPTIME);
    this.sequence = view.getUint32(start + SEQUENCE);
    this.engine = view.getUint16(start + ENGINE);
    const sampling = view.getUint16(start + SAMPLING);
    this.samplingRate = sampling >> MODE_SHIFT === 0 ? 1 : Math.max(1, sampling & INTERVAL);
  }

  /** Writes the next flow into the row, with bytes and packets times the rate; gives whether there was one. */
  next(row: Float64Array, rate: number): boolean {
    const view = this.#view, at = this.#at;
    if (at === this.#end) return false;
    this.#at = at + RECORD;
    row[TO_SOURCE] = view.getUint32(at + SOURCE);
    row[TO_DESTINATION] = view.getUint32(at + DESTINATION);
    row[TO_INPUT] = view.getUint16(at + INPUT);
    row[TO_OUTPUT] = view.getUint16(at + OUTPUT);
    row[TO_PROTOCOL] = view.getUint8(at + PROTOCOL);
    row[TO_PACKETS] = view.getUint32(at + PACKETS) * rate;
    row[TO_BYTES] = view.getUint32(at + BYTES) * rate;
    if (this.isWhole) readRest(view, at, row);
    return true;
  }
}

/** What rules seldom look at. */
function readRest(view: DataView, at: number, row: Float64Array): void {
  row[TO_NEXT_HOP] = view.getUint32(at + NEXT_HOP);
  row[TO_RAW_PACKETS] = view.getUint32(at + PACKETS);
  row[TO_RAW_BYTES] = view.getUint32(at + BYTES);
  const duration = (view.getUint32(at + LAST) - view.getUint32(at + FIRST)) >>> 0;
  row[TO_DURATION] = duration < MAX_DURATION_MS ? duration / 1000 : NaN;
  const sourcePort = view.getUint16(at + SOURCE_PORT),
    destinationPort = view.getUint16(at + DESTINATION_PORT);
  row[TO_SOURCE_PORT] = sourcePort;
  row[TO_DESTINATION_PORT] = destinationPort;
  row[TO_SERVICE_PORT] = servicePort(view.getUint8(at + PROTOCOL), sourcePort, destinationPort);
  row[TO_TCP_FLAGS] = view.getUint8(at + TCP_FLAGS);
  row[TO_TOS] = view.getUint8(at + TOS);
  row[TO_SOURCE_AS] = view.getUint16(at + SOURCE_AS) || NaN;
  row[TO_DESTINATION_AS] = view.getUint16(at + DESTINATION_AS) || NaN;
  row[TO_SOURCE_LENGTH] = view.getUint8(at + SOURCE_MASK);
  row[TO_DESTINATION_LENGTH] = view.getUint8(at + DESTINATION_MASK);
}
