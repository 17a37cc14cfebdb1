import type { Vocabulary } from "../core/vocabulary.ts";
import {
  ASSURED,
  type ConntrackEntry,
  hasPorts,
  OFFLOADED,
  REPLIED,
  REPLY_BYTES,
  REPLY_PACKETS,
  SENT_BYTES,
  SENT_PACKETS,
  STATE_NUMBERS,
  UNREPLIED,
} from "./conntrack_entry.ts";
import { align4, dumpRequest, type NetlinkMessages } from "./netlink.ts";

// include/uapi/linux/netfilter/nfnetlink.h: the subsystem is the upper byte of a message's type.
const NFNL_SUBSYS_CTNETLINK = 1;
/** struct nfgenmsg: family, version, resource */
const NFGENMSG = 4;
const AF_INET = 2, AF_INET6 = 10;

// include/uapi/linux/netfilter/nfnetlink_conntrack.h: enum cntl_msg_types
const IPCTNL_MSG_CT_NEW = 0, IPCTNL_MSG_CT_GET = 1, IPCTNL_MSG_CT_DELETE = 2;
export const CT_NEW = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
const CT_GET = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
export const CT_DELETE = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;

// enum ctattr_type
const CTA_TUPLE_ORIG = 1, CTA_TUPLE_REPLY = 2, CTA_STATUS = 3, CTA_PROTOINFO = 4, CTA_TIMEOUT = 7;
const CTA_MARK = 8, CTA_COUNTERS_ORIG = 9, CTA_COUNTERS_REPLY = 10, CTA_ID = 12, CTA_ZONE = 18;
// enum ctattr_tuple
const CTA_TUPLE_IP = 1, CTA_TUPLE_PROTO = 2, CTA_TUPLE_ZONE = 3;
// enum ctattr_ip
const CTA_IP_V4_SRC = 1, CTA_IP_V4_DST = 2, CTA_IP_V6_SRC = 3, CTA_IP_V6_DST = 4;
// enum ctattr_l4proto
const CTA_PROTO_NUM = 1, CTA_PROTO_SRC_PORT = 2, CTA_PROTO_DST_PORT = 3;
// enum ctattr_protoinfo
const CTA_PROTOINFO_TCP = 1, CTA_PROTOINFO_DCCP = 2, CTA_PROTOINFO_SCTP = 3;
/** CTA_PROTOINFO_TCP_STATE, CTA_PROTOINFO_DCCP_STATE, CTA_PROTOINFO_SCTP_STATE */
const STATE = 1;
// enum ctattr_counters
const CTA_COUNTERS_PACKETS = 1, CTA_COUNTERS_BYTES = 2;

// include/uapi/linux/netfilter/nf_conntrack_common.h
const IPS_SEEN_REPLY = 1 << 1, IPS_ASSURED = 1 << 2, IPS_OFFLOAD = 1 << 14, IPS_HW_OFFLOAD = 1 << 15;

// The length of an attribute with its header, which is one word in the host's byte order.
const HEADER = 4, OF_8_BITS = 5, OF_16_BITS = 6, OF_32_BITS = 8, OF_64_BITS = 12, OF_128_BITS = 20;
const LENGTH_MASK = 0xffff;
/** Without NLA_F_NESTED and NLA_F_NET_BYTEORDER */
const TYPE_MASK = 0x3fff;

/** Asks for the connections of all families, and leaves their counters alone (as IPCTNL_MSG_CT_GET_CTRZERO would not). */
export function conntrackDumpRequest(): Uint8Array<ArrayBuffer> {
  return dumpRequest(CT_GET, NFGENMSG).bytes;
}

/**
 * Reads connections out of the answer to a dump, or out of events. An entry has some forty attributes, one within the
 * other: they are walked by plain loops, which keep where they are in local variables.
 */
export class ConntrackReader {
  /** Messages that are too short, of another family, or without a whole tuple. */
  malformed = 0;
  /** Whether the connection that was read last has ended; otherwise it is in the table. */
  isDestroyed = false;
  readonly #messages: NetlinkMessages;
  readonly #vocabulary: Vocabulary;
  // What the tuple or the counters that were read last say.
  #source = NaN;
  #destination = NaN;
  #sourcePort = NaN;
  #destinationPort = NaN;
  #protocol = -1;
  #packets = NaN;
  #bytes = NaN;
  #zone = 0;

  constructor(messages: NetlinkMessages, vocabulary: Vocabulary) {
    this.#messages = messages;
    this.#vocabulary = vocabulary;
  }

  /** Fills the entry with the next connection in the buffer. */
  next(entry: ConntrackEntry): boolean {
    const messages = this.#messages;
    while (messages.next()) {
      if (messages.type !== CT_NEW && messages.type !== CT_DELETE) continue;
      this.isDestroyed = messages.type === CT_DELETE;
      if (this.#read(entry)) return true;
      this.malformed++;
    }
    return false;
  }

  #read(entry: ConntrackEntry): boolean {
    const { view, start, stop } = this.#messages;
    if (stop - start < NFGENMSG) return false;
    const family = view.getUint8(start);
    if (family !== AF_INET && family !== AF_INET6) return false;
    entry.clear();
    entry.family = family === AF_INET ? 4 : 6;
    this.#zone = 0;
    let tuple = 0, tupleEnd = 0, hasId = false, status = 0;
    for (let at = start + NFGENMSG, length = 0; at < stop; at += align4(length)) {
      const header = headerAt(view, at, stop);
      length = header & LENGTH_MASK;
      const value = at + HEADER, end = at + length;
      switch ((header >>> 16) & TYPE_MASK) {
        case CTA_TUPLE_ORIG:
          if (!this.#readOriginal(entry, value, end)) return false;
          tuple = value;
          tupleEnd = end;
          break;
        case CTA_TUPLE_REPLY:
          if (!this.#readReply(entry, value, end)) return false;
          break;
        case CTA_STATUS:
          if (length < OF_32_BITS) return false;
          status = view.getInt32(value);
          break;
        case CTA_PROTOINFO:
          if (!this.#readState(entry, value, end)) return false;
          break;
        case CTA_TIMEOUT:
          if (length < OF_32_BITS) return false;
          entry.timeout = view.getUint32(value);
          break;
        case CTA_MARK:
          if (length < OF_32_BITS) return false;
          entry.mark = view.getUint32(value);
          break;
        case CTA_COUNTERS_ORIG:
          if (!this.#readCounters(value, end)) return false;
          entry.counters[SENT_PACKETS] = this.#packets;
          entry.counters[SENT_BYTES] = this.#bytes;
          break;
        case CTA_COUNTERS_REPLY:
          if (!this.#readCounters(value, end)) return false;
          entry.counters[REPLY_PACKETS] = this.#packets;
          entry.counters[REPLY_BYTES] = this.#bytes;
          break;
        case CTA_ID:
          if (length < OF_32_BITS) return false;
          entry.id = view.getInt32(value);
          hasId = true;
          break;
        case CTA_ZONE:
          if (length < OF_16_BITS) return false;
          this.#zone = view.getUint16(value);
          break;
        default:
          if (length < HEADER) return false;
      }
    }
    if (tuple === 0) return false;
    entry.zone = this.#zone;
    entry.status = statusOf(status);
    entry.tuple = hash(view, tuple, tupleEnd, 0x2c1b3c6d);
    if (!hasId) entry.id = hash(view, tuple, tupleEnd, 0x297a2d39) ^ Math.imul(entry.zone, 0x9e3779b1);
    return true;
  }

  #readOriginal(entry: ConntrackEntry, start: number, stop: number): boolean {
    if (!this.#readTuple(start, stop, entry.family === 4)) return false;
    const protocol = this.#protocol;
    entry.protocol = protocol;
    entry.source = this.#source;
    entry.destination = this.#destination;
    if (!hasPorts(protocol)) return true;
    entry.sourcePort = this.#sourcePort;
    entry.destinationPort = this.#destinationPort;
    return true;
  }

  #readReply(entry: ConntrackEntry, start: number, stop: number): boolean {
    if (!this.#readTuple(start, stop, entry.family === 4)) return false;
    entry.replySource = this.#source;
    entry.replyDestination = this.#destination;
    if (!hasPorts(this.#protocol)) return true;
    entry.replySourcePort = this.#sourcePort;
    entry.replyDestinationPort = this.#destinationPort;
    return true;
  }

  #readTuple(start: number, stop: number, isIpv4: boolean): boolean {
    const { view } = this.#messages;
    this.#source =
      this.#destination =
      this.#sourcePort =
      this.#destinationPort =
        NaN;
    this.#protocol = -1;
    for (let at = start, length = 0; at < stop; at += align4(length)) {
      const header = headerAt(view, at, stop);
      length = header & LENGTH_MASK;
      const value = at + HEADER;
      switch ((header >>> 16) & TYPE_MASK) {
        case CTA_TUPLE_IP:
          if (!this.#readAddresses(value, at + length, isIpv4)) return false;
          break;
        case CTA_TUPLE_PROTO:
          if (!this.#readProtocol(value, at + length)) return false;
          break;
        case CTA_TUPLE_ZONE:
          if (length < OF_16_BITS) return false;
          this.#zone = view.getUint16(value);
          break;
        default:
          if (length < HEADER) return false;
      }
    }
    return this.#protocol >= 0 && this.#source >= 0 && this.#destination >= 0;
  }

  #readAddresses(start: number, stop: number, isIpv4: boolean): boolean {
    const { view } = this.#messages;
    for (let at = start, length = 0; at < stop; at += align4(length)) {
      const header = headerAt(view, at, stop);
      length = header & LENGTH_MASK;
      const value = at + HEADER;
      switch ((header >>> 16) & TYPE_MASK) {
        case CTA_IP_V4_SRC:
          if (!isIpv4 || length < OF_32_BITS) return false;
          this.#source = view.getUint32(value);
          break;
        case CTA_IP_V4_DST:
          if (!isIpv4 || length < OF_32_BITS) return false;
          this.#destination = view.getUint32(value);
          break;
        case CTA_IP_V6_SRC:
          if (isIpv4 || length < OF_128_BITS) return false;
          this.#source = this.#vocabulary.ipv6(this.#messages.bytes, value);
          break;
        case CTA_IP_V6_DST:
          if (isIpv4 || length < OF_128_BITS) return false;
          this.#destination = this.#vocabulary.ipv6(this.#messages.bytes, value);
          break;
        default:
          if (length < HEADER) return false;
      }
    }
    return true;
  }

  #readProtocol(start: number, stop: number): boolean {
    const { view } = this.#messages;
    for (let at = start, length = 0; at < stop; at += align4(length)) {
      const header = headerAt(view, at, stop);
      length = header & LENGTH_MASK;
      const value = at + HEADER;
      switch ((header >>> 16) & TYPE_MASK) {
        case CTA_PROTO_NUM:
          if (length < OF_8_BITS) return false;
          this.#protocol = view.getUint8(value);
          break;
        case CTA_PROTO_SRC_PORT:
          if (length < OF_16_BITS) return false;
          this.#sourcePort = view.getUint16(value);
          break;
        case CTA_PROTO_DST_PORT:
          if (length < OF_16_BITS) return false;
          this.#destinationPort = view.getUint16(value);
          break;
        default:
          if (length < HEADER) return false;
      }
    }
    return true;
  }

  #readState(entry: ConntrackEntry, start: number, stop: number): boolean {
    const { view } = this.#messages;
    for (let at = start, length = 0; at < stop; at += align4(length)) {
      const header = headerAt(view, at, stop);
      length = header & LENGTH_MASK;
      if (length < HEADER) return false;
      const type = (header >>> 16) & TYPE_MASK;
      if (type < CTA_PROTOINFO_TCP || type > CTA_PROTOINFO_SCTP) continue;
      const end = at + length;
      for (let inner = at + HEADER, length = 0; inner < end; inner += align4(length)) {
        const header = headerAt(view, inner, end);
        length = header & LENGTH_MASK;
        if (length < HEADER) return false;
        if (((header >>> 16) & TYPE_MASK) !== STATE) continue;
        if (length < OF_8_BITS) return false;
        const states = type === CTA_PROTOINFO_TCP
          ? STATE_NUMBERS.tcp
          : type === CTA_PROTOINFO_DCCP
          ? STATE_NUMBERS.dccp
          : STATE_NUMBERS.sctp;
        const state = view.getUint8(inner + HEADER);
        entry.state = state < states.length ? states[state]! : NaN;
      }
    }
    return true;
  }

  #readCounters(start: number, stop: number): boolean {
    const { view } = this.#messages;
    this.#packets = this.#bytes = NaN;
    for (let at = start, length = 0; at < stop; at += align4(length)) {
      const header = headerAt(view, at, stop);
      length = header & LENGTH_MASK;
      const value = at + HEADER;
      switch ((header >>> 16) & TYPE_MASK) {
        case CTA_COUNTERS_PACKETS:
          if (length < OF_64_BITS) return false;
          this.#packets = uint64(view, value);
          break;
        case CTA_COUNTERS_BYTES:
          if (length < OF_64_BITS) return false;
          this.#bytes = uint64(view, value);
          break;
        default:
          if (length < HEADER) return false;
      }
    }
    return true;
  }
}

/** Length and type of the attribute at the offset; 0 where none fits. */
function headerAt(view: DataView, at: number, stop: number): number {
  if (stop - at < HEADER) return 0;
  const header = view.getInt32(at, true), length = header & LENGTH_MASK;
  return length < HEADER || length > stop - at ? 0 : header;
}

function uint64(view: DataView, at: number): number {
  return view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
}

/** Of whole 32-bit words. */
function hash(view: DataView, start: number, stop: number, multiplier: number): number {
  let h = multiplier;
  for (let at = start; at + 4 <= stop; at += 4) {
    h = Math.imul(h ^ view.getInt32(at, true), multiplier);
    h ^= h >>> 15;
  }
  return h;
}

function statusOf(bits: number): number {
  if ((bits & (IPS_OFFLOAD | IPS_HW_OFFLOAD)) !== 0) return OFFLOADED;
  if ((bits & IPS_ASSURED) !== 0) return ASSURED;
  return (bits & IPS_SEEN_REPLY) !== 0 ? REPLIED : UNREPLIED;
}
