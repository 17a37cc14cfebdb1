/** Whole packets, from the link layer on, such that a kernel would take them. */
import { Ip } from "../../core/ip.ts";
import { TCP, UDP } from "../../parsers/conntrack_entry.ts";
import {
  DLT_EN10MB,
  DLT_IPV4,
  DLT_IPV6,
  DLT_LINUX_SLL,
  DLT_LINUX_SLL2,
  DLT_LOOP,
  DLT_NULL,
  DLT_RAW,
  DLT_RAW_OPENBSD,
  LINKTYPE_RAW,
} from "../../parsers/packet.ts";
import { checksum } from "./raw_packets.ts";

export interface VlanTag {
  readonly id: number;
  /** That of a customer is usual: 0x8100. */
  readonly type?: number;
}

export interface Extension {
  readonly type: number;
  /** In bytes, a multiple of 8 to 256; it has nothing to say. */
  readonly length?: number;
}

export interface PacketOptions {
  /** Address and port, of one family: "192.0.2.1:1000" or "[2001:db8::1]:1000". */
  readonly source?: string;
  readonly destination?: string;
  readonly payload?: string | Uint8Array;
  readonly linkType?: number;
  /** The four bytes of a link layer that has no more than the family, if they are not of Linux or OpenBSD. */
  readonly family?: readonly number[];
  /** The outermost is the first. */
  readonly vlans?: readonly VlanTag[];
  /** Session of PPPoE. */
  readonly pppoe?: number;
  /** Options of IPv4; a multiple of 4. */
  readonly ipOptions?: readonly number[];
  /** Extension headers of IPv6. */
  readonly extensions?: readonly Extension[];
  /** The part of the segment or datagram, with its header, that is in this packet: whole units of 8 bytes. */
  readonly fragment?: { readonly from: number; readonly to?: number };
  /** Whether the length that IP tells is 0, as in a packet that will be cut into segments; one of over 64 KiB is. */
  readonly isOffloaded?: boolean;
  /** Bytes behind the packet of IP, as short frames of Ethernet have them. */
  readonly padding?: number;
}

export interface TcpPacketOptions extends PacketOptions {
  readonly sequence?: number;
  readonly acknowledgment?: number;
  readonly flags?: number;
  /** A multiple of 4. */
  readonly tcpOptions?: readonly number[];
}

type Bytes = Uint8Array<ArrayBuffer>;

interface Endpoint {
  readonly ip: Ip;
  readonly port: number;
}

/** Who talks to whom. */
interface Ends {
  readonly source: Endpoint;
  readonly destination: Endpoint;
}

const ENCODER = new TextEncoder();
/** PSH and ACK */
const USUAL_FLAGS = 0x18;
const TTL = 64, WINDOW = 65_535, IDENTIFICATION = 1;

// include/uapi/linux/if_ether.h
const ETH_P_IP = 0x0800, ETH_P_8021Q = 0x8100, ETH_P_IPV6 = 0x86dd, ETH_P_PPP_SES = 0x8864;
const AF_INET = 2, AF_INET6_LINUX = 10, AF_INET6_OPENBSD = 24;
// https://www.iana.org/assignments/ipv6-parameters
const FRAGMENT = 44, AUTHENTICATION = 51, HOP_BY_HOP = 0, DESTINATION = 60;

export function tcpPacket(options: TcpPacketOptions = {}): Bytes {
  const { sequence = 0, acknowledgment = 0, flags = USUAL_FLAGS, tcpOptions = [] } = options;
  const ends = endsOf(options), length = 20 + tcpOptions.length;
  // RFC 9293 §3.1
  const header = join(
    [...uint16(ends.source.port), ...uint16(ends.destination.port)],
    [...uint32(sequence), ...uint32(acknowledgment)],
    [length / 4 << 4, flags, ...uint16(WINDOW), 0, 0, 0, 0, ...tcpOptions],
  );
  const segment = join(header, payloadOf(options));
  segment.set(uint16(transportChecksum(segment, TCP, ends)), 16);
  return frame(segment, TCP, options);
}

export function udpPacket(options: PacketOptions = {}): Bytes {
  const ends = endsOf(options), payload = payloadOf(options), length = 8 + payload.length;
  const datagram = join(
    [...uint16(ends.source.port), ...uint16(ends.destination.port)],
    // RFC 2675 §4: longer than can be told.
    [...uint16(length > 0xffff ? 0 : length), 0, 0],
    payload,
  );
  // RFC 768: 0 would be none.
  datagram.set(uint16(transportChecksum(datagram, UDP, ends) || 0xffff), 6);
  return frame(datagram, UDP, options);
}

function endsOf({ source, destination }: PacketOptions): Ends {
  const version = ipVersion(source ?? destination ?? "");
  const ends = {
    source: endpoint(source ?? (version === 6 ? "[2001:db8::1]:1000" : "192.0.2.1:1000")),
    destination: endpoint(destination ?? (version === 6 ? "[2001:db8::2]:20332" : "192.0.2.2:20332")),
  };
  if (ends.source.ip.version !== ends.destination.ip.version) {
    throw new Error(`Expected addresses of one family, not ${source} and ${destination}`);
  }
  return ends;
}

function ipVersion(text: string): 4 | 6 {
  return text.startsWith("[") ? 6 : 4;
}

function endpoint(text: string): Endpoint {
  const [, host = "", port = ""] = /^\[?([^\]]+?)\]?:(\d+)$/.exec(text) ?? [], ip = Ip.parse(host);
  // An IPv4-mapped address is none that a packet of IPv6 has.
  if (ip?.version !== ipVersion(text)) throw new Error(`Expected an address with a port, not "${text}"`);
  return { ip, port: Number(port) };
}

function payloadOf({ payload = "" }: PacketOptions): Uint8Array {
  return typeof payload === "string" ? ENCODER.encode(payload) : payload;
}

/** RFC 9293 §3.1 and RFC 8200 §8.1: it covers addresses as well. */
function transportChecksum(bytes: Bytes, protocol: number, { source, destination }: Ends): number {
  const pseudo = [...source.ip.bytes, ...destination.ip.bytes, ...uint32(bytes.length), ...uint32(protocol)];
  return checksum(join(pseudo, bytes));
}

function frame(transport: Bytes, protocol: number, options: PacketOptions): Bytes {
  const { fragment = { from: 0 }, padding = 0 } = options, ends = endsOf(options);
  const body = transport.subarray(fragment.from, fragment.to);
  const hasMore = fragment.from + body.length < transport.length;
  const part: Part = { protocol, body, offset: fragment.from, hasMore };
  const { version } = ends.source.ip;
  const packet = version === 4 ? ipv4(part, ends, options) : ipv6(part, ends, options);
  return link(join(packet, new Uint8Array(padding)), version, options);
}

/** What a packet of IP has of a segment or datagram. */
interface Part {
  readonly protocol: number;
  readonly body: Uint8Array;
  /** In units of a byte. */
  readonly offset: number;
  readonly hasMore: boolean;
}

function ipLength(length: number, { isOffloaded = length > 0xffff }: PacketOptions): readonly number[] {
  return uint16(isOffloaded ? 0 : length);
}

/** RFC 791 §3.1 */
function ipv4({ protocol, body, offset, hasMore }: Part, ends: Ends, options: PacketOptions): Bytes {
  const { ipOptions = [] } = options, length = 20 + ipOptions.length;
  const header = join(
    [0x40 | length / 4, 0, ...ipLength(length + body.length, options)],
    [...uint16(IDENTIFICATION), ...uint16((hasMore ? 0x2000 : 0) | offset / 8)],
    [TTL, protocol, 0, 0],
    ends.source.ip.bytes,
    ends.destination.ip.bytes,
    ipOptions,
  );
  header.set(uint16(checksum(header)), 10);
  return join(header, body);
}

/** RFC 8200 §3 */
function ipv6({ protocol, body, offset, hasMore }: Part, ends: Ends, options: PacketOptions): Bytes {
  const { extensions = [] } = options, isFragment = offset > 0 || hasMore;
  let type = protocol, payload: Uint8Array = body;
  for (const extension of [...extensions, ...isFragment ? [{ type: FRAGMENT }] : []].toReversed()) {
    const header = extensionHeader(extension, type);
    if (isFragment && extension.type === FRAGMENT) header.set(uint16(offset | (hasMore ? 1 : 0)), 2);
    payload = join(header, payload);
    type = extension.type;
  }
  return join(
    [0x60, 0, 0, 0, ...ipLength(payload.length, options), type, TTL],
    ends.source.ip.bytes,
    ends.destination.ip.bytes,
    payload,
  );
}

/** RFC 8200 §4.2 to §4.6, RFC 4302 §2 */
function extensionHeader(
  { type, length = type === AUTHENTICATION ? 16 : 8 }: Extension,
  next: number,
): Bytes {
  const header = new Uint8Array(length);
  header[0] = next;
  if (type === FRAGMENT) header.set(uint32(IDENTIFICATION), 4);
  else header[1] = type === AUTHENTICATION ? length / 4 - 2 : length / 8 - 1;
  // An option for experiments (RFC 4727), which is to be skipped; Linux takes no padding of more than 7 bytes.
  if (type === HOP_BY_HOP || type === DESTINATION) header.set([0x1e, length - 4], 2);
  return header;
}

function link(packet: Bytes, version: 4 | 6, options: PacketOptions): Bytes {
  const { linkType = DLT_EN10MB, family, vlans = [], pppoe } = options;
  let type = version === 4 ? ETH_P_IP : ETH_P_IPV6, payload = packet;
  if (pppoe !== undefined) {
    // RFC 2516 §4; 0x21 and 0x57: https://www.iana.org/assignments/ppp-numbers
    const protocol = version === 4 ? 0x21 : 0x57;
    const header = [0x11, 0, ...uint16(pppoe), ...uint16(2 + packet.length), ...uint16(protocol)];
    payload = join(header, packet);
    type = ETH_P_PPP_SES;
  }
  for (const vlan of vlans.toReversed()) {
    payload = join([...uint16(vlan.id), ...uint16(type)], payload);
    type = vlan.type ?? ETH_P_8021Q;
  }
  // Those of Ethernet are of the loopback interface: all its addresses are 0, and ARPHRD_LOOPBACK is 772.
  switch (linkType) {
    case DLT_EN10MB:
      return join(new Uint8Array(12), uint16(type), payload);
    case DLT_LINUX_SLL:
      return join([0, 0, ...uint16(772), 0, 6], new Uint8Array(8), uint16(type), payload);
    case DLT_LINUX_SLL2:
      return join([...uint16(type), 0, 0, 0, 0, 0, 1, ...uint16(772), 0, 6], new Uint8Array(8), payload);
  }
  if (payload !== packet) throw new Error(`Expected a link layer that has types, not ${linkType}`);
  switch (linkType) {
    case DLT_NULL:
      return join(family ?? [version === 4 ? AF_INET : AF_INET6_LINUX, 0, 0, 0], packet);
    case DLT_LOOP:
      return join(family ?? [0, 0, 0, version === 4 ? AF_INET : AF_INET6_OPENBSD], packet);
    case DLT_RAW:
    case DLT_RAW_OPENBSD:
    case LINKTYPE_RAW:
      return packet;
    case version === 4 ? DLT_IPV4 : DLT_IPV6:
      return packet;
    default:
      throw new Error(`Expected a link layer of IPv${version}, not ${linkType}`);
  }
}

function uint16(value: number): readonly number[] {
  return [value >> 8, value & 0xff];
}

function uint32(value: number): readonly number[] {
  return [value >>> 24, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff];
}

function join(...parts: readonly (Uint8Array | readonly number[])[]): Bytes {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
