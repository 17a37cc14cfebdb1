/** Packets that are sent by raw sockets. */

export interface Echo {
  readonly version: 4 | 6;
  readonly id: number;
  readonly sequence: number;
  readonly payload: number;
}

/** A request of ICMP. The checksum of ICMPv6, which covers addresses, is the kernel's to make. */
export function echoRequest({ version, id, sequence, payload }: Echo): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 + payload), view = new DataView(bytes.buffer);
  // ICMP_ECHO: include/uapi/linux/icmp.h; ICMPV6_ECHO_REQUEST: include/uapi/linux/icmpv6.h
  view.setUint8(0, version === 4 ? 8 : 128);
  view.setUint16(4, id);
  view.setUint16(6, sequence);
  if (version === 4) view.setUint16(2, checksum(bytes));
  return bytes;
}

/** Whether what a raw socket received is an answer: that of IPv4 has its header. */
export function isEchoReply(bytes: Uint8Array, version: 4 | 6): boolean {
  if (version === 6) return bytes[0] === 129;
  return bytes[(bytes[0]! & 0xf) * 4] === 0;
}

/** RFC 1071 */
export function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i]! << 8 | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

/** Chunks of SCTP (RFC 9260, section 3.2) that open an association. */
const CHUNKS = { init: 1, initAck: 2, cookieEcho: 10, cookieAck: 11 } as const;

export interface Sctp {
  readonly source: number;
  readonly destination: number;
  readonly chunk: keyof typeof CHUNKS;
  /** That of the peer; 0 in the first packet. */
  readonly tag: number;
  /** Its own, in the first packet of either side. */
  readonly ownTag?: number;
}

/** A packet without the checksum, which conntrack reads only in what comes from elsewhere. */
export function sctp({ source, destination, chunk, tag, ownTag }: Sctp): Uint8Array<ArrayBuffer> {
  const length = ownTag === undefined ? 4 : 20;
  const bytes = new Uint8Array(12 + length), view = new DataView(bytes.buffer);
  view.setUint16(0, source);
  view.setUint16(2, destination);
  view.setUint32(4, tag);
  view.setUint8(12, CHUNKS[chunk]);
  view.setUint16(14, length);
  if (ownTag !== undefined) {
    view.setUint32(16, ownTag);
    view.setUint32(20, 65_536);
    view.setUint16(24, 1);
    view.setUint16(26, 1);
  }
  return bytes;
}

/** GRE (RFC 2784) or, with the identifier of a call, its enhanced form (RFC 2637, section 4.1). */
export function gre(call?: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(24), view = new DataView(bytes.buffer);
  view.setUint16(0, call === undefined ? 0 : 0x2001);
  view.setUint16(2, call === undefined ? 0x0800 : 0x880b);
  if (call !== undefined) {
    view.setUint16(4, 12);
    view.setUint16(6, call);
  }
  return bytes;
}
