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
  STATES,
  UNREPLIED,
} from "./conntrack_entry.ts";

const NEWLINE = 10, SPACE = 32, DOT = 46, ZERO = 48, COLON = 58, EQUALS = 61;
const AF_INET = 2, AF_INET6 = 10;
const MAX_PORT = 0xffff, MAX_ZONE = 0xffff, MAX_MARK = 0xffffffff, MAX_PROTOCOL = 255;
const IPV6_LENGTH = 39;
/** No number of 64 bits has more. */
const MAX_DIGITS = 20;

/** The first bytes of a word, which are enough to tell apart all that the kernel prints. */
const KEY = 4;
const IPV4 = key("ipv4"), IPV6 = key("ipv6");
const SRC = key("src="), DST = key("dst="), SPORT = key("sport="), DPORT = key("dport=");
const PACKETS = key("packets="), BYTES = key("bytes="), MARK = key("mark=");
/** zone=, zone-orig= or zone-reply= */
const ZONE = key("zone=");
/** Words of ICMP, and the first three bytes of id=, and of srckey=, dstkey= and their like, which GRE has. */
const TYPE = key("type="), CODE = key("code=");
const ID = key("id= ") >>> 8, SRC_KEY = SRC >>> 8, DST_KEY = DST >>> 8;
const IS_UNREPLIED = key("[UNREPLIED]"), IS_ASSURED = key("[ASSURED]");
const IS_OFFLOADED = key("[OFFLOAD]"), IS_OFFLOADED_TO_HARDWARE = key("[HW_OFFLOAD]");

const HEX = new Int8Array(256).fill(-1);
for (let digit = 0; digit < 16; digit++) {
  HEX[digit.toString(16).charCodeAt(0)] = HEX[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}

/** In the slot of the hash of its name, or in one after it, is the index of a state in `STATES`, plus one. */
const SLOTS = 256, SLOT_MASK = SLOTS - 1;
const STATE_OF_SLOT = new Uint8Array(SLOTS), HASH_OF_SLOT = new Int32Array(SLOTS);
for (const [index, name] of STATES.entries()) {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = hashByte(hash, name.charCodeAt(i));
  let slot = hash & SLOT_MASK;
  while (STATE_OF_SLOT[slot] !== 0) slot = (slot + 1) & SLOT_MASK;
  STATE_OF_SLOT[slot] = index + 1;
  HASH_OF_SLOT[slot] = hash;
}

/**
 * Reads the lines of /proc/net/nf_conntrack (ct_seq_show in net/netfilter/nf_conntrack_standalone.c):
 *
 *     ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=40000 dport=80 packets=5 bytes=400
 *     [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=80 dport=40000 packets=0 bytes=0 [ASSURED] mark=0 zone=0 use=2
 *
 * Words of which nothing is known are passed over.
 */
export class ProcNetConntrackReader {
  /** Lines that are no connections. */
  malformed = 0;
  readonly #vocabulary: Vocabulary;
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  #end = 0;
  /** The address that was read last; one of IPv4 is in the last word. */
  readonly #words = new Int32Array(4);
  /** Two hashes of what tells the connection from others. */
  #first = 0;
  #second = 0;

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  /** Before a walk over whole lines. */
  begin(bytes: Uint8Array<ArrayBuffer>, start: number, end: number): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.#at = start;
    this.#end = Math.min(end, bytes.length);
  }

  /** Fills the entry with the next connection of the lines. */
  next(entry: ConntrackEntry): boolean {
    while (this.#at < this.#end) {
      const start = this.#at;
      if (this.#readHead(entry) && this.#readWords(entry)) {
        this.#at++;
        return true;
      }
      const stop = this.#bytes.indexOf(NEWLINE, start);
      this.#at = stop < 0 ? this.#end : stop + 1;
      if (!this.#isBlank(start)) this.malformed++;
    }
    return false;
  }

  #isBlank(at: number): boolean {
    while (at < this.#end && this.#bytes[at] === SPACE) at++;
    return at >= this.#end || this.#bytes[at] === NEWLINE;
  }

  /** Up to the timeout, which is left out of connections that are offloaded. */
  #readHead(entry: ConntrackEntry): boolean {
    const name = this.#key();
    if (name !== IPV4 && name !== IPV6) return false;
    this.#at += KEY;
    const isIpv4 = name === IPV4;
    if (this.#decimal() !== (isIpv4 ? AF_INET : AF_INET6)) return false;
    this.#skipSpaces();
    this.#skipWord();
    const protocol = this.#decimal();
    if (protocol < 0 || protocol > MAX_PROTOCOL) return false;
    entry.clear();
    entry.family = isIpv4 ? 4 : 6;
    entry.protocol = protocol;
    this.#first = protocol;
    this.#second = ~protocol;
    this.#skipSpaces();
    entry.timeout = this.#isDigit() ? this.#decimal() : NaN;
    return !(entry.timeout < 0);
  }

  #readWords(entry: ConntrackEntry): boolean {
    const isIpv4 = entry.family === 4, ports = hasPorts(entry.protocol);
    let tuples = 0, isReplied = true, isAssured = false, isOffloaded = false, number = 0;
    for (this.#skipSpaces(); !this.#isLineEnd(); this.#skipSpaces()) {
      const word = this.#key();
      switch (word) {
        case SRC:
          number = this.#address(isIpv4);
          if (number < 0 || ++tuples > 2) return false;
          if (tuples === 1) {
            this.#mixAddress(isIpv4);
            entry.source = number;
          } else entry.replySource = number;
          break;
        case DST:
          number = this.#address(isIpv4);
          if (number < 0 || (tuples === 1 ? entry.destination : entry.replyDestination) >= 0) return false;
          if (tuples === 1) {
            this.#mixAddress(isIpv4);
            entry.destination = number;
          } else entry.replyDestination = number;
          break;
        case SPORT:
          number = this.#number(MAX_PORT);
          if (number < 0) return false;
          if (tuples === 1) this.#mix(number);
          if (!ports) break;
          if (tuples === 1) entry.sourcePort = number;
          else entry.replySourcePort = number;
          break;
        case DPORT:
          number = this.#number(MAX_PORT);
          if (number < 0) return false;
          if (tuples === 1) this.#mix(number);
          if (!ports) break;
          if (tuples === 1) entry.destinationPort = number;
          else entry.replyDestinationPort = number;
          break;
        case PACKETS:
          number = this.#number(Infinity);
          if (number < 0) return false;
          entry.counters[tuples === 1 ? SENT_PACKETS : REPLY_PACKETS] = number;
          break;
        case BYTES:
          number = this.#number(Infinity);
          if (number < 0) return false;
          entry.counters[tuples === 1 ? SENT_BYTES : REPLY_BYTES] = number;
          break;
        case MARK:
          entry.mark = this.#number(MAX_MARK);
          if (entry.mark < 0) return false;
          break;
        case ZONE:
          entry.zone = this.#number(MAX_ZONE);
          if (entry.zone < 0) return false;
          break;
        case IS_UNREPLIED:
          isReplied = false;
          this.#skipWord();
          break;
        case IS_ASSURED:
          isAssured = true;
          this.#skipWord();
          break;
        case IS_OFFLOADED:
        case IS_OFFLOADED_TO_HARDWARE:
          isOffloaded = true;
          this.#skipWord();
          break;
        default:
          if (tuples === 0) {
            number = this.#state();
            if (number >= 0) entry.state = number;
          } else if (tuples === 1 && isOfTuple(word)) this.#mixWord();
          else this.#skipWord();
      }
    }
    this.#mix(entry.zone);
    entry.id = this.#first;
    entry.tuple = this.#second;
    entry.status = isOffloaded ? OFFLOADED : isAssured ? ASSURED : isReplied ? REPLIED : UNREPLIED;
    // Without the other direction it was cut.
    return entry.source >= 0 && entry.destination >= 0 && entry.replySource >= 0 &&
      entry.replyDestination >= 0;
  }

  #mix(word: number): void {
    const first = Math.imul(this.#first ^ word, 0x2c1b3c6d),
      second = Math.imul(this.#second ^ word, 0x297a2d39);
    this.#first = first ^ (first >>> 15);
    this.#second = second ^ (second >>> 13);
  }

  #mixAddress(isIpv4: boolean): void {
    const words = this.#words;
    if (!isIpv4) { for (let i = 0; i < 3; i++) this.#mix(words[i]!); }
    this.#mix(words[3]!);
  }

  #mixWord(): void {
    const bytes = this.#bytes, end = this.#end;
    let at = this.#at;
    for (; at < end && bytes[at] !== SPACE && bytes[at] !== NEWLINE; at++) this.#mix(bytes[at]!);
    this.#at = at;
  }

  /** The first bytes of the word; 0 if the end is nearer. */
  #key(): number {
    return this.#at + KEY <= this.#end ? this.#view.getInt32(this.#at) : 0;
  }

  #isDigit(): boolean {
    return this.#at < this.#end && this.#bytes[this.#at]! >= ZERO && this.#bytes[this.#at]! < ZERO + 10;
  }

  #isLineEnd(): boolean {
    return this.#at >= this.#end || this.#bytes[this.#at] === NEWLINE;
  }

  #skipSpaces(): void {
    const bytes = this.#bytes, end = this.#end;
    let at = this.#at;
    while (at < end && bytes[at] === SPACE) at++;
    this.#at = at;
  }

  #skipWord(): void {
    const bytes = this.#bytes, end = this.#end;
    let at = this.#at;
    while (at < end && bytes[at] !== SPACE && bytes[at] !== NEWLINE) at++;
    this.#at = at;
  }

  /** The number after the next equals sign of the word. */
  #number(max: number): number {
    const bytes = this.#bytes, end = this.#end;
    let at = this.#at + KEY;
    while (at < end && bytes[at] !== EQUALS && bytes[at] !== SPACE && bytes[at] !== NEWLINE) at++;
    if (at >= end || bytes[at] !== EQUALS) return -1;
    this.#at = at + 1;
    const number = this.#digits();
    return number <= max ? number : -1;
  }

  #decimal(): number {
    this.#skipSpaces();
    return this.#digits();
  }

  /** Digits and nothing else up to the end of the word. */
  #digits(): number {
    const bytes = this.#bytes, start = this.#at, end = Math.min(this.#end, start + MAX_DIGITS);
    let at = start, value = 0;
    for (; at < end; at++) {
      const digit = bytes[at]! - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    this.#at = at;
    return at > start && this.#isWordEnd() ? value : -1;
  }

  #isWordEnd(): boolean {
    return this.#isLineEnd() || this.#bytes[this.#at] === SPACE;
  }

  /** The index of the state that the word is, or -1. */
  #state(): number {
    const bytes = this.#bytes, end = this.#end;
    let at = this.#at, hash = 0;
    for (; at < end && bytes[at] !== SPACE && bytes[at] !== NEWLINE; at++) hash = hashByte(hash, bytes[at]!);
    this.#at = at;
    for (let slot = hash & SLOT_MASK; STATE_OF_SLOT[slot] !== 0; slot = (slot + 1) & SLOT_MASK) {
      if (HASH_OF_SLOT[slot] === hash) return STATE_OF_SLOT[slot]! - 1;
    }
    return -1;
  }

  /** The address after `src=` or `dst=`, or -1. */
  #address(isIpv4: boolean): number {
    this.#at += KEY;
    const words = this.#words;
    if (!(isIpv4 ? this.#ipv4() : this.#ipv6()) || !this.#isWordEnd()) return -1;
    return isIpv4
      ? words[3]! >>> 0
      : this.#vocabulary.ipv6Words(words[0]! >>> 0, words[1]! >>> 0, words[2]! >>> 0, words[3]! >>> 0);
  }

  #ipv4(): boolean {
    const bytes = this.#bytes, end = this.#end;
    let at = this.#at, word = 0, octets = 0;
    for (;; at++) {
      const start = at;
      let octet = 0;
      for (; at < end && at < start + 3; at++) {
        const digit = bytes[at]! - ZERO;
        if (digit < 0 || digit > 9) break;
        octet = octet * 10 + digit;
      }
      if (at === start || octet > 255) return false;
      word = (word << 8) | octet;
      if (++octets === 4) break;
      if (at >= end || bytes[at] !== DOT) return false;
    }
    this.#at = at;
    this.#words[3] = word;
    return true;
  }

  /** Eight groups of four digits, as the kernel prints them (%pI6). */
  #ipv6(): boolean {
    const bytes = this.#bytes, words = this.#words, start = this.#at;
    if (start + IPV6_LENGTH > this.#end) return false;
    for (let i = 0, at = start; i < 4; i++, at += 10) {
      const high = group(bytes, at), low = group(bytes, at + 5);
      if ((high | low) < 0 || bytes[at + 4] !== COLON || (i < 3 && bytes[at + 9] !== COLON)) return false;
      words[i] = (high << 16) | low;
    }
    this.#at = start + IPV6_LENGTH;
    return true;
  }
}

/** Four hexadecimal digits, or a negative number. */
function group(bytes: Uint8Array, at: number): number {
  return (HEX[bytes[at]!]! << 12) | (HEX[bytes[at + 1]!]! << 8) | (HEX[bytes[at + 2]!]! << 4) |
    HEX[bytes[at + 3]!]!;
}

/** The first four bytes of the word as one big-endian number. */
function key(word: string): number {
  let number = 0;
  for (let i = 0; i < KEY; i++) number = (number << 8) | word.charCodeAt(i);
  return number;
}

/** Whether a word that is neither address nor port tells a connection from others. */
function isOfTuple(word: number): boolean {
  const start = word >>> 8;
  return word === TYPE || word === CODE || start === ID || start === SRC_KEY || start === DST_KEY;
}

function hashByte(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + byte) | 0;
}
