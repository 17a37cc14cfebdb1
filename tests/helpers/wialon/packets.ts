/** Reads what the other side of a connection sends: simple and strict, and with nothing of the exporter's parser. */
import { inflateSync } from "node:zlib";
import type { Bytes, Version } from "./messages.ts";

export interface Packet {
  /** That between the first two #; "text" of a line without any, "bad" of what is neither. */
  readonly type: string;
  /** Between the type and the line end; the whole line if there is no type. */
  readonly body: Uint8Array;
  /** What follows the line, for types that have that. */
  readonly binary: Uint8Array | undefined;
  readonly isCompressed: boolean;
}

export interface Datagram {
  readonly imei: string;
  readonly version: Version;
  readonly packet: Packet;
}

const CONTAINER = 0xff, HASH = 0x23, CR = 0x0d, LF = 0x0a;
/** Which field of the line is the length of the bytes that follow it. */
const LENGTH_FIELD: Readonly<Record<string, number>> = { I: 0, T: 1, US: 0, UC: 0 };

/** Texts have ASCII where it matters; a character is a byte. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

/** How much there has to be before something can be read. */
type Wanted = number;

interface Taken {
  readonly packet: Packet;
  readonly length: number;
}

function take(bytes: Uint8Array): Taken | Wanted {
  return bytes[0] === CONTAINER ? takeContainer(bytes) : takeLine(bytes);
}

function takeContainer(bytes: Uint8Array): Taken | Wanted {
  if (bytes.length < 3) return 3;
  const length = 3 + bytes[1]! + (bytes[2]! << 8);
  if (bytes.length < length) return length;
  return { packet: { ...inflated(bytes.subarray(3, length)), isCompressed: true }, length };
}

/** One packet, whose line end may be missing. */
function inflated(bytes: Uint8Array): Packet {
  const text = new Uint8Array(inflateSync(bytes));
  const taken = takeLine(new Uint8Array([...text, CR, LF]));
  if (typeof taken === "number") throw new Error("Expected a whole packet in a container");
  return taken.packet;
}

function takeLine(bytes: Uint8Array): Taken | Wanted {
  const end = endOfLine(bytes);
  if (end < 0) return bytes.length + 1;
  const line = bytes.subarray(0, end), [head = "", type = ""] = /^#([A-Z]{1,4})#/.exec(textOf(line)) ?? [];
  if (type === "") {
    const packet = { type: bytes[0] === HASH ? "bad" : "text", body: line };
    return { packet: { ...packet, binary: undefined, isCompressed: false }, length: end + 2 };
  }
  const body = line.subarray(head.length), field = LENGTH_FIELD[type];
  const size = field === undefined ? undefined : textOf(body).split(";")[field] ?? "";
  const length = end + 2 + (/^\d{1,9}$/.test(size ?? "") ? Number(size) : 0);
  if (bytes.length < length) return length;
  const binary = size === undefined ? undefined : bytes.subarray(end + 2, length);
  return { packet: { type, body, binary, isCompressed: false }, length };
}

function endOfLine(bytes: Uint8Array): number {
  let end = bytes.indexOf(LF);
  while (end >= 0 && bytes[end - 1] !== CR) end = bytes.indexOf(LF, end + 1);
  return end < 0 ? end : end - 1;
}

/** The packets of one direction of a connection. */
export class PacketReader {
  #bytes: Bytes = new Uint8Array(1024);
  #length = 0;
  #wanted: Wanted = 1;

  /** Those that are complete now. */
  read(bytes: Uint8Array): Packet[] {
    this.#append(bytes);
    const packets: Packet[] = [];
    let at = 0;
    while (this.#length - at >= this.#wanted) {
      const taken = take(this.#bytes.slice(at, this.#length));
      this.#wanted = typeof taken === "number" ? taken : 1;
      if (typeof taken === "number") break;
      packets.push(taken.packet);
      at += taken.length;
    }
    this.#bytes.copyWithin(0, at, this.#length);
    this.#length -= at;
    return packets;
  }

  /** How many bytes have come of a packet that is not complete. */
  get rest(): number {
    return this.#length;
  }

  #append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) {
      const longer = new Uint8Array(2 * length);
      longer.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = longer;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
  }
}

/** A packet of UDP, with who sent it. */
export function readDatagram(bytes: Uint8Array): Datagram {
  const isCompressed = bytes[0] === CONTAINER;
  const text = isCompressed ? new Uint8Array(inflateSync(bytes.subarray(3))) : bytes,
    start = text.indexOf(HASH);
  const [, version, imei = ""] = /^(?:(2\.0);)?([^;]*)$/.exec(textOf(text.subarray(0, Math.max(start, 0)))) ??
    [];
  const taken = takeLine(new Uint8Array([...text.subarray(Math.max(start, 0)), CR, LF]));
  if (typeof taken === "number") throw new Error("Expected a whole packet in a datagram");
  return {
    imei,
    version: version === undefined ? "1.1" : "2.0",
    packet: { ...taken.packet, isCompressed },
  };
}
