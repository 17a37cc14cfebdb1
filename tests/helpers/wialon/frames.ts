/** What tests look at of the frames that an interface has received. */
import type { Namespace } from "../namespace.ts";
import { inNamespace } from "./in_namespace.ts";
import type { Bytes } from "./messages.ts";
import { PacketSocket } from "./packet_socket.ts";

/** A segment of TCP. */
export interface CapturedSegment {
  /** Addresses and ports, in hexadecimal. */
  readonly connection: string;
  readonly sequence: number;
  readonly flags: number;
  readonly payload: Bytes;
  readonly hasRightChecksum: boolean;
}

const LONGEST_FRAME = 65_550, TCP = 6;

/** Holds what an interface of a namespace receives until it is asked for. */
export class FrameCapture implements Disposable {
  readonly #socket: PacketSocket;
  readonly #buffer = new Uint8Array(LONGEST_FRAME);

  constructor(namespace: Namespace, name: string) {
    this.#socket = inNamespace(namespace.name, () => PacketSocket.open(name));
  }

  /** The segments of TCP that have come since the last time. */
  segments(): CapturedSegment[] {
    const segments: CapturedSegment[] = [];
    for (let length; (length = this.#socket.receive(this.#buffer)) !== undefined;) {
      const segment = parse(this.#buffer.slice(0, length));
      if (segment !== undefined) segments.push(segment);
    }
    return segments;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

function parse(frame: Bytes): CapturedSegment | undefined {
  const view = new DataView(frame.buffer), type = view.getUint16(12);
  if (type === 0x0800 && frame[23] === TCP) {
    const start = 14 + (frame[14]! & 0xf) * 4;
    return segmentOf(frame.subarray(26, 34), frame.subarray(start, 14 + view.getUint16(16)));
  }
  if (type === 0x86dd && frame[20] === TCP) {
    return segmentOf(frame.subarray(22, 54), frame.subarray(54, 54 + view.getUint16(18)));
  }
  return undefined;
}

function segmentOf(addresses: Bytes, tcp: Bytes): CapturedSegment {
  const view = new DataView(tcp.buffer, tcp.byteOffset, tcp.length);
  return {
    connection: new Uint8Array([...addresses, ...tcp.subarray(0, 4)]).toHex(),
    sequence: view.getUint32(4),
    flags: tcp[13]!,
    payload: tcp.subarray((tcp[12]! >> 4) * 4),
    hasRightChecksum: sum(tcp, sum(addresses, TCP + tcp.length)) === 0xffff,
  };
}

/** RFC 1071 */
function sum(bytes: Uint8Array, start: number): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i]! << 8 | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}
