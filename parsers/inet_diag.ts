import type { Vocabulary } from "../core/vocabulary.ts";
import { dumpRequest, NetlinkAttributes, type NetlinkMessages } from "./netlink.ts";
import { isState, type SocketEntry } from "./socket_entry.ts";

// include/uapi/linux/inet_diag.h, include/uapi/linux/sock_diag.h, include/uapi/linux/tcp.h
export const SOCK_DIAG_BY_FAMILY = 20, TCPDIAG_GETSOCK = 18;
const INET_DIAG_INFO = 2;
const AF_INET = 2;
const AF_INET6 = 10;
/** struct inet_diag_req_v2, and the older struct inet_diag_req */
const REQUEST = 56, TCP_REQUEST = 60;
/** struct inet_diag_msg */
const MESSAGE = 72;
const TCP_LISTEN = 10;
/** Offsets in struct tcp_info. Kernels only ever add fields at its end. */
const TCPI_UNACKED = 24, TCPI_RTT = 68, TCPI_TOTAL_RETRANS = 100;

export interface InetDiagRequest {
  readonly family: "ipv4" | "ipv6";
  /** IPPROTO_TCP 6, IPPROTO_UDP 17 */
  readonly protocol: number;
  /** A bit for each state. */
  readonly states: number;
  /** Whether to ask for struct tcp_info. */
  readonly info: boolean;
}

/** Asks for the TCP sockets of both families in one walk, which only the older request does. */
export function tcpDiagRequest(
  { states, info }: Pick<InetDiagRequest, "states" | "info">,
): Uint8Array<ArrayBuffer> {
  const { bytes, view } = dumpRequest(TCPDIAG_GETSOCK, TCP_REQUEST);
  view.setUint8(19, info ? 1 << (INET_DIAG_INFO - 1) : 0);
  view.setUint32(68, states, true);
  return bytes;
}

export function inetDiagRequest(
  { family, protocol, states, info }: InetDiagRequest,
): Uint8Array<ArrayBuffer> {
  const { bytes, view } = dumpRequest(SOCK_DIAG_BY_FAMILY, REQUEST);
  view.setUint8(16, family === "ipv4" ? AF_INET : AF_INET6);
  view.setUint8(17, protocol);
  view.setUint8(18, info ? 1 << (INET_DIAG_INFO - 1) : 0);
  view.setUint32(20, states, true);
  return bytes;
}

/** Reads the sockets out of the answer to a dump. */
export class InetDiagReader {
  readonly #messages: NetlinkMessages;
  readonly #attributes: NetlinkAttributes;
  readonly #vocabulary: Vocabulary;
  /** Messages that are too short or of an unknown family. */
  malformed = 0;

  constructor(messages: NetlinkMessages, vocabulary: Vocabulary) {
    this.#messages = messages;
    this.#attributes = new NetlinkAttributes(messages.view);
    this.#vocabulary = vocabulary;
  }

  /** Fills the entry with the next socket in the buffer. */
  next(entry: SocketEntry): boolean {
    const messages = this.#messages;
    while (messages.next()) {
      if (messages.type !== SOCK_DIAG_BY_FAMILY && messages.type !== TCPDIAG_GETSOCK) continue;
      if (this.#read(entry)) return true;
      this.malformed++;
    }
    return false;
  }

  #read(entry: SocketEntry): boolean {
    const { view, start, stop } = this.#messages;
    if (stop - start < MESSAGE) return false;
    const family = view.getUint8(start);
    if (family !== AF_INET && family !== AF_INET6) return false;
    entry.state = view.getUint8(start + 1);
    if (!isState(entry.state)) return false;
    entry.sourcePort = view.getUint16(start + 4);
    entry.destinationPort = view.getUint16(start + 6);
    entry.source = this.#address(family, start + 8);
    entry.destination = this.#address(family, start + 24);
    const receiveQueue = view.getUint32(start + 56, true), sendQueue = view.getUint32(start + 60, true);
    const isListener = entry.state === TCP_LISTEN;
    entry.queue = isListener ? receiveQueue : NaN;
    entry.queueLimit = isListener ? sendQueue : NaN;
    entry.uid = view.getUint32(start + 64, true);
    entry.inode = view.getUint32(start + 68, true);
    entry.rtt = entry.retransmitted = entry.unacked = NaN;
    this.#attributes.begin(start + MESSAGE, stop);
    while (this.#attributes.next()) {
      if (this.#attributes.type === INET_DIAG_INFO && !isListener) this.#readInfo(entry);
    }
    return true;
  }

  #address(family: number, at: number): number {
    const { view, bytes } = this.#messages;
    return family === AF_INET ? view.getUint32(at) : this.#vocabulary.ipv6(bytes, at);
  }

  #readInfo(entry: SocketEntry): void {
    const { view, start, stop } = this.#attributes;
    const length = stop - start;
    if (length >= TCPI_UNACKED + 4) entry.unacked = view.getUint32(start + TCPI_UNACKED, true);
    if (length >= TCPI_RTT + 4) {
      const microseconds = view.getUint32(start + TCPI_RTT, true);
      // Until the first acknowledgement the kernel has no estimate.
      entry.rtt = microseconds === 0 ? NaN : microseconds / 1e6;
    }
    if (length >= TCPI_TOTAL_RETRANS + 4) {
      entry.retransmitted = view.getUint32(start + TCPI_TOTAL_RETRANS, true);
    }
  }
}
