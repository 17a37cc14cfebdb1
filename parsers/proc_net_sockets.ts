import type { Vocabulary } from "../core/vocabulary.ts";
import { isState, type SocketEntry } from "./socket_entry.ts";

const TCP_LISTEN = 10;
const SPACE = 32, COLON = 58, NEWLINE = 10;

/**
 * Reads the lines of /proc/net/tcp, tcp6, udp and udp6 (get_tcp4_sock in net/ipv4/tcp_ipv4.c and its like):
 *
 *     sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
 *      0: 0100007F:0277 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 …
 *
 * An address is one or four 32-bit words in the host's byte order, each written in hexadecimal.
 */
export class ProcNetSocketReader {
  /** Lines that are no sockets, beside the head. */
  malformed = 0;
  readonly #vocabulary: Vocabulary;
  #bytes = new Uint8Array(0);
  #at = 0;
  #end = 0;
  readonly #words = new Uint32Array(4);

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  /** Before a walk over whole lines. */
  begin(bytes: Uint8Array<ArrayBuffer>, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = Math.min(end, bytes.length);
  }

  /** Fills the entry with the next socket of the lines. */
  next(entry: SocketEntry): boolean {
    while (this.#at < this.#end) {
      let stop = this.#bytes.indexOf(NEWLINE, this.#at);
      if (stop < 0 || stop > this.#end) stop = this.#end;
      const start = this.#at;
      const isSocket = this.#read(entry, stop);
      this.#at = stop + 1;
      if (isSocket) return true;
      if (!this.#isHead(start, stop)) this.malformed++;
    }
    return false;
  }

  #isHead(start: number, stop: number): boolean {
    while (start < stop && this.#bytes[start] === SPACE) start++;
    return start === stop || (this.#bytes[start] === 115 && this.#bytes[start + 1] === 108); // "sl"
  }

  #read(entry: SocketEntry, stop: number): boolean {
    if (this.#decimal(stop) < 0 || !this.#skip(COLON, stop)) return false;
    entry.source = this.#address(stop);
    entry.sourcePort = this.#port(stop);
    entry.destination = this.#address(stop);
    entry.destinationPort = this.#port(stop);
    entry.state = this.#hexadecimal(stop, 2);
    const sendQueue = this.#hexadecimal(stop, 8);
    if (!this.#skip(COLON, stop)) return false;
    const receiveQueue = this.#hexadecimal(stop, 8);
    for (let skipped = 0; skipped < 2; skipped++) if (!this.#skipWord(stop)) return false;
    entry.uid = this.#decimal(stop);
    if (!this.#skipWord(stop)) return false;
    entry.inode = this.#decimal(stop);
    entry.queue = entry.state === TCP_LISTEN ? receiveQueue : NaN;
    entry.queueLimit =
      entry.rtt =
      entry.retransmitted =
      entry.unacked =
        NaN;
    const isRead = entry.source >= 0 && entry.sourcePort >= 0 && entry.destination >= 0;
    return isRead && entry.destinationPort >= 0 && isState(entry.state) && sendQueue >= 0 &&
      receiveQueue >= 0 &&
      entry.uid >= 0 && entry.inode >= 0;
  }

  #skip(byte: number, stop: number): boolean {
    if (this.#at >= stop || this.#bytes[this.#at] !== byte) return false;
    this.#at++;
    return true;
  }

  #skipSpaces(stop: number): void {
    while (this.#at < stop && this.#bytes[this.#at] === SPACE) this.#at++;
  }

  #skipWord(stop: number): boolean {
    this.#skipSpaces(stop);
    const start = this.#at;
    while (this.#at < stop && this.#bytes[this.#at] !== SPACE) this.#at++;
    return this.#at > start;
  }

  #decimal(stop: number): number {
    this.#skipSpaces(stop);
    const start = this.#at;
    let value = 0;
    for (; this.#at < stop; this.#at++) {
      const digit = this.#bytes[this.#at]! - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    return this.#at === start || this.#at - start > 15 ? -1 : value;
  }

  /** Exactly so many digits. */
  #hexadecimal(stop: number, digits: number): number {
    this.#skipSpaces(stop);
    if (this.#at + digits > stop) return -1;
    let value = 0;
    for (const end = this.#at + digits; this.#at < end; this.#at++) {
      const digit = hexDigit(this.#bytes[this.#at]!);
      if (digit < 0) return -1;
      value = value * 16 + digit;
    }
    return value;
  }

  #address(stop: number): number {
    const words = this.#words;
    let count = 0;
    do {
      const word = this.#hexadecimal(stop, 8);
      if (word < 0) return -1;
      words[count++] = swapBytes(word);
    } while (count < 4 && this.#bytes[this.#at] !== COLON);
    if (!this.#skip(COLON, stop)) return -1;
    if (count === 1) return words[0]!;
    return count === 4 ? this.#vocabulary.ipv6Words(words[0]!, words[1]!, words[2]!, words[3]!) : -1;
  }

  #port(stop: number): number {
    return this.#hexadecimal(stop, 4);
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  if (byte >= 65 && byte <= 70) return byte - 55;
  return byte >= 97 && byte <= 102 ? byte - 87 : -1;
}

function swapBytes(word: number): number {
  return ((word >>> 24) | ((word >>> 8) & 0xff00) | ((word & 0xff00) << 8) | (word << 24)) >>> 0;
}
