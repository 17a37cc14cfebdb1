import { TCP, UDP } from "./conntrack_entry.ts";

/**
 * Why a packet has no TCP segment or UDP datagram to read: its link layer is not known; it is neither IPv4 nor IPv6; it
 * is a fragment; it is neither TCP nor UDP; what was captured ends within the headers; a header contradicts itself or
 * the one before.
 */
export type PacketFault = "link_type" | "network" | "fragment" | "transport" | "short" | "malformed";

/** Link layers: https://www.tcpdump.org/linktypes.html, which has their layouts, and pcap/dlt.h. */
export const DLT_NULL = 0, DLT_EN10MB = 1, DLT_LOOP = 108, DLT_LINUX_SLL = 113, DLT_LINUX_SLL2 = 276;
export const DLT_IPV4 = 228, DLT_IPV6 = 229;
/** IP without a link layer: where it is captured, on OpenBSD, and in files. */
export const DLT_RAW = 12, DLT_RAW_OPENBSD = 14, LINKTYPE_RAW = 101;

/** RFC 9293 §3.1 */
export const FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16;

// include/uapi/linux/if_ether.h; 0x9100 is that of tags in tags before IEEE 802.1ad.
const ETH_P_IP = 0x0800, ETH_P_8021Q = 0x8100, ETH_P_IPV6 = 0x86dd, ETH_P_PPP_SES = 0x8864;
const ETH_P_8021AD = 0x88a8, ETH_P_QINQ1 = 0x9100;
// RFC 2516 §4 and https://www.iana.org/assignments/ppp-numbers: the header of PPPoE and the protocol of PPP.
const PPPOE = 6, PPP_IP = 0x0021, PPP_IPV6 = 0x0057;
/** AF_INET is the same everywhere, AF_INET6 is of Linux, NetBSD and OpenBSD, FreeBSD, Darwin. */
const AF_INET = 2, AF_INET6_LINUX = 10, AF_INET6_BSD = 24, AF_INET6_FREEBSD = 28, AF_INET6_DARWIN = 30;
/** More fragments, and the offset: RFC 791 §3.1, RFC 8200 §4.5. */
const FRAGMENT_OF_IPV4 = 0x3fff, FRAGMENT_OF_IPV6 = 0xfff9;
// https://www.iana.org/assignments/ipv6-parameters
const HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, AUTHENTICATION = 51, DESTINATION = 60, MOBILITY = 135;

// The length of headers, without options.
const ETHERNET = 14, SLL = 16, SLL2 = 20, FAMILY = 4, TAG = 4;
const IPV4_HEADER = 20, IPV6_HEADER = 40, EXTENSION = 8, TCP_HEADER = 20, UDP_HEADER = 8;

/** Nobody sends more, except to keep those busy who read them. */
const MAX_TAGS = 4, MAX_EXTENSIONS = 8;

/** Reads captured packets, of which it holds one at a time. Checksums are not looked at: network cards make them late. */
export class Packet {
  /** That of the capture: `DLT_EN10MB` and so on. */
  linkType = DLT_EN10MB;
  /** Source, then destination address: four 32-bit words each; an IPv4 address is ::ffff:a.b.c.d. */
  readonly words = new Int32Array(8);
  /** `TCP` or `UDP` */
  protocol = 0;
  sourcePort = 0;
  destinationPort = 0;
  /** Of TCP, otherwise 0; the first two as signed 32-bit integers. */
  sequence = 0;
  acknowledgment = 0;
  flags = 0;
  /** Where the captured payload is. */
  start = 0;
  end = 0;
  /** Bytes of payload that the packet had, captured or not. */
  length = 0;
  /** With it, nothing else is told, and the payload is empty. */
  fault: PacketFault | undefined;

  /**
   * Reads the packet that was captured into the bytes from `from` to `to`, and that had `wire` bytes; gives whether it
   * is a TCP segment or a UDP datagram. An object of options for each of a million packets a second would cost more
   * than to read them.
   *
   * How long the payload was is what the headers say. Where they say 0, as in a packet of more than 64 KiB that is yet
   * to be cut into segments, it goes on to the end of the wire.
   */
  read(bytes: Uint8Array, from: number, to: number, wire: number): boolean {
    let type = 0, at = from;
    switch (this.linkType) {
      case DLT_EN10MB:
        at += ETHERNET;
        if (at <= to) type = uint16(bytes, at - 2);
        break;
      case DLT_LINUX_SLL:
        at += SLL;
        if (at <= to) type = uint16(bytes, at - 2);
        break;
      case DLT_LINUX_SLL2:
        at += SLL2;
        if (at <= to) type = uint16(bytes, from);
        break;
      case DLT_NULL:
        at += FAMILY;
        if (at <= to) type = typeOfFamily(inEitherOrder(int32(bytes, from)));
        break;
      case DLT_LOOP:
        at += FAMILY;
        if (at <= to) type = typeOfFamily(int32(bytes, from));
        break;
      case DLT_RAW:
      case DLT_RAW_OPENBSD:
      case LINKTYPE_RAW:
        if (at === to) return this.#fail("short");
        type = typeOfVersion(bytes[at]! >> 4);
        break;
      case DLT_IPV4:
        type = ETH_P_IP;
        break;
      case DLT_IPV6:
        type = ETH_P_IPV6;
        break;
      default:
        return this.#fail("link_type");
    }
    for (let tags = 0; isTag(type) && tags < MAX_TAGS; tags++) {
      at += TAG;
      if (at > to) return this.#fail("short");
      type = uint16(bytes, at - 2);
    }
    if (type === ETH_P_PPP_SES) {
      at += PPPOE + 2;
      if (at > to) return this.#fail("short");
      type = typeOfPpp(uint16(bytes, at - 2));
    }
    if (at > to) return this.#fail("short");
    const wireEnd = from + Math.max(wire, to - from);
    if (type === ETH_P_IP) return this.#readIpv4(bytes, at, to, wireEnd);
    if (type === ETH_P_IPV6) return this.#readIpv6(bytes, at, to, wireEnd);
    return this.#fail("network");
  }

  #readIpv4(bytes: Uint8Array, at: number, to: number, wireEnd: number): boolean {
    if (at + IPV4_HEADER > to) return this.#fail("short");
    const first = bytes[at]!, payload = at + ((first & 0xf) << 2), length = uint16(bytes, at + 2);
    const end = length === 0 ? wireEnd : at + length;
    if (first >> 4 !== 4 || payload < at + IPV4_HEADER || payload > end) return this.#fail("malformed");
    if ((uint16(bytes, at + 6) & FRAGMENT_OF_IPV4) !== 0) return this.#fail("fragment");
    const { words } = this;
    words[0] =
      words[1] =
      words[4] =
      words[5] =
        0;
    words[2] = words[6] = 0xffff;
    words[3] = int32(bytes, at + 12);
    words[7] = int32(bytes, at + 16);
    this.protocol = bytes[at + 9]!;
    return this.#readTransport(bytes, payload, to, end);
  }

  #readIpv6(bytes: Uint8Array, at: number, to: number, wireEnd: number): boolean {
    if (at + IPV6_HEADER > to) return this.#fail("short");
    if (bytes[at]! >> 4 !== 6) return this.#fail("malformed");
    const length = uint16(bytes, at + 4), end = length === 0 ? wireEnd : at + IPV6_HEADER + length;
    for (let i = 0; i < 8; i++) this.words[i] = int32(bytes, at + 8 + 4 * i);
    let type = bytes[at + 6]!, payload = at + IPV6_HEADER;
    for (let extensions = 0; isExtension(type) && extensions < MAX_EXTENSIONS; extensions++) {
      if (payload + EXTENSION > end) return this.#fail("malformed");
      if (payload + EXTENSION > to) return this.#fail("short");
      if (type === FRAGMENT && (uint16(bytes, payload + 2) & FRAGMENT_OF_IPV6) !== 0) {
        return this.#fail("fragment");
      }
      const next = bytes[payload]!;
      payload += extensionLength(type, bytes[payload + 1]!);
      type = next;
    }
    this.protocol = type;
    return this.#readTransport(bytes, payload, to, end);
  }

  /** Reads what begins at `at`; the packet of IP ends at `packetEnd`, wherever the capture does. */
  #readTransport(bytes: Uint8Array, at: number, to: number, packetEnd: number): boolean {
    if (this.protocol === TCP) return this.#readTcp(bytes, at, to, packetEnd);
    if (this.protocol === UDP) return this.#readUdp(bytes, at, to, packetEnd);
    return this.#fail("transport");
  }

  #readTcp(bytes: Uint8Array, at: number, to: number, packetEnd: number): boolean {
    if (at + TCP_HEADER > packetEnd) return this.#fail("malformed");
    if (at + TCP_HEADER > to) return this.#fail("short");
    const payload = at + (bytes[at + 12]! >> 4 << 2);
    if (payload < at + TCP_HEADER || payload > packetEnd) return this.#fail("malformed");
    if (payload > to) return this.#fail("short");
    this.sequence = int32(bytes, at + 4);
    this.acknowledgment = int32(bytes, at + 8);
    this.flags = bytes[at + 13]!;
    return this.#succeed(bytes, at, to, payload, packetEnd);
  }

  #readUdp(bytes: Uint8Array, at: number, to: number, packetEnd: number): boolean {
    if (at + UDP_HEADER > packetEnd) return this.#fail("malformed");
    if (at + UDP_HEADER > to) return this.#fail("short");
    const length = uint16(bytes, at + 4), payload = at + UDP_HEADER;
    const end = length === 0 ? packetEnd : at + length;
    if (end < payload || end > packetEnd) return this.#fail("malformed");
    this.sequence = this.acknowledgment = this.flags = 0;
    return this.#succeed(bytes, at, to, payload, end);
  }

  #succeed(bytes: Uint8Array, at: number, to: number, payload: number, payloadEnd: number): true {
    this.sourcePort = uint16(bytes, at);
    this.destinationPort = uint16(bytes, at + 2);
    this.start = payload;
    this.end = Math.min(payloadEnd, to);
    this.length = payloadEnd - payload;
    this.fault = undefined;
    return true;
  }

  #fail(fault: PacketFault): false {
    this.fault = fault;
    this.start = this.end = this.length = 0;
    return false;
  }
}

function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

function int32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** The family that a host of unknown byte order wrote: all are below 256. */
function inEitherOrder(word: number): number {
  return (word & 0xffffff) === 0 ? word >>> 24 : word;
}

// Of what is not IP, the types below are 0, which is no type of Ethernet.

function typeOfFamily(family: number): number {
  switch (family) {
    case AF_INET:
      return ETH_P_IP;
    case AF_INET6_LINUX:
    case AF_INET6_BSD:
    case AF_INET6_FREEBSD:
    case AF_INET6_DARWIN:
      return ETH_P_IPV6;
    default:
      return 0;
  }
}

function typeOfVersion(version: number): number {
  return version === 4 ? ETH_P_IP : version === 6 ? ETH_P_IPV6 : 0;
}

function typeOfPpp(protocol: number): number {
  return protocol === PPP_IP ? ETH_P_IP : protocol === PPP_IPV6 ? ETH_P_IPV6 : 0;
}

function isTag(type: number): boolean {
  return type === ETH_P_8021Q || type === ETH_P_8021AD || type === ETH_P_QINQ1;
}

function isExtension(type: number): boolean {
  return type === HOP_BY_HOP || type === ROUTING || type === FRAGMENT || type === AUTHENTICATION ||
    type === DESTINATION || type === MOBILITY;
}

/** RFC 8200 §4.3 to §4.6, RFC 4302 §2.2: most count units of 8 bytes without the first, and one has a length of its own. */
function extensionLength(type: number, length: number): number {
  if (type === FRAGMENT) return EXTENSION;
  return type === AUTHENTICATION ? (length + 2) << 2 : (length + 1) << 3;
}
