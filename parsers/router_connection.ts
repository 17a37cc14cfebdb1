import { ByteTexts, isSame } from "../core/byte_texts.ts";
import type { Vocabulary } from "../core/vocabulary.ts";
import type { RouterosSentences } from "./routeros_sentences.ts";
import { AddressReader, durationIn, flagIn, numberIn, rateIn } from "./routeros_values.ts";

/** What is known of a connection of a router, in the order in which it is written into a row. */
export const CONNECTION_COLUMNS = [
  "router",
  "family",
  "protocol",
  "src_address",
  "src_port",
  "dst_address",
  "dst_port",
  "reply_src_address",
  "reply_src_port",
  "reply_dst_address",
  "reply_dst_port",
  "connection_mark",
  "connection_type",
  "fasttrack",
  "srcnat",
  "dstnat",
  "tcp_state",
  "active",
  "seen_reply",
  "assured",
  "confirmed",
  "expected",
  "dying",
  "timeout_seconds",
  "orig_packets",
  "orig_bytes",
  "repl_packets",
  "repl_bytes",
  "orig_fasttrack_packets",
  "orig_fasttrack_bytes",
  "repl_fasttrack_packets",
  "repl_fasttrack_bytes",
  "orig_rate",
  "repl_rate",
  "icmp_type",
  "icmp_code",
  "icmp_id",
  "gre_key",
] as const;

export type ConnectionColumn = (typeof CONNECTION_COLUMNS)[number];

/** Where in a row each of them is. */
export const CONNECTION = Object.fromEntries(CONNECTION_COLUMNS.map((name, i) => [name, i])) as Readonly<
  Record<ConnectionColumn, number>
>;

/** The columns that count what a connection has moved, one after the other. */
export const COUNTERS = { from: CONNECTION.orig_packets, count: 8 } as const;

/** How the value of an attribute is written. */
const TEXT = 0, ADDRESS = 1, NUMBER = 2, FLAG = 3, DURATION = 4, RATE = 5;

/** By the attribute's name, how it is written and the column that it says; of an address the next is that of its port. */
const ATTRIBUTES: Readonly<Record<string, readonly [kind: number, column: ConnectionColumn]>> = {
  "protocol": [TEXT, "protocol"],
  "src-address": [ADDRESS, "src_address"],
  "src-port": [NUMBER, "src_port"],
  "dst-address": [ADDRESS, "dst_address"],
  "dst-port": [NUMBER, "dst_port"],
  "reply-src-address": [ADDRESS, "reply_src_address"],
  "reply-src-port": [NUMBER, "reply_src_port"],
  "reply-dst-address": [ADDRESS, "reply_dst_address"],
  "reply-dst-port": [NUMBER, "reply_dst_port"],
  "connection-mark": [TEXT, "connection_mark"],
  "connection-type": [TEXT, "connection_type"],
  "fasttrack": [FLAG, "fasttrack"],
  "srcnat": [FLAG, "srcnat"],
  "dstnat": [FLAG, "dstnat"],
  "tcp-state": [TEXT, "tcp_state"],
  "seen-reply": [FLAG, "seen_reply"],
  "assured": [FLAG, "assured"],
  "confirmed": [FLAG, "confirmed"],
  "expected": [FLAG, "expected"],
  "dying": [FLAG, "dying"],
  "timeout": [DURATION, "timeout_seconds"],
  "orig-packets": [NUMBER, "orig_packets"],
  "orig-bytes": [NUMBER, "orig_bytes"],
  "repl-packets": [NUMBER, "repl_packets"],
  "repl-bytes": [NUMBER, "repl_bytes"],
  "orig-fasttrack-packets": [NUMBER, "orig_fasttrack_packets"],
  "orig-fasttrack-bytes": [NUMBER, "orig_fasttrack_bytes"],
  "repl-fasttrack-packets": [NUMBER, "repl_fasttrack_packets"],
  "repl-fasttrack-bytes": [NUMBER, "repl_fasttrack_bytes"],
  "orig-rate": [RATE, "orig_rate"],
  "repl-rate": [RATE, "repl_rate"],
  "icmp-type": [NUMBER, "icmp_type"],
  "icmp-code": [NUMBER, "icmp_code"],
  "icmp-id": [NUMBER, "icmp_id"],
  "gre-key": [NUMBER, "gre_key"],
};
const NAMES = Object.keys(ATTRIBUTES);

/** Columns that are made of others. */
const MADE_OF: Readonly<Record<string, readonly ConnectionColumn[]>> = {
  router: [],
  family: [],
  active: ["protocol", "tcp_state", "seen_reply"],
  src_port: ["src_address"],
  dst_port: ["dst_address"],
  reply_src_port: ["reply_src_address"],
  reply_dst_port: ["reply_dst_address"],
};

/** The attributes that say these columns. */
export function attributesOf(columns: Iterable<ConnectionColumn>): string[] {
  const wanted = new Set([...columns].flatMap((column) => [column, ...MADE_OF[column] ?? []]));
  return NAMES.filter((name) => wanted.has(ATTRIBUTES[name]![1]));
}

/** What tells a connection from others. */
export const IDENTITY: readonly ConnectionColumn[] = [
  "protocol",
  "src_address",
  "src_port",
  "dst_address",
  "dst_port",
  "icmp_id",
  "gre_key",
];

const EQUALS = 0x3d;
/** No word of RouterOS comes near it, and a mark that does is not worth the memory. */
const MAX_TEXT = 256;
const ENCODER = new TextEncoder();
const TCP = ENCODER.encode("tcp"), ESTABLISHED = ENCODER.encode("established");

/** In the slot of the hash of its name, or in one after it, is an attribute's index plus one. */
const SLOTS = 128;
const INDEX_OF_SLOT = new Uint8Array(SLOTS);
const NAME_BYTES = NAMES.map((name) => ENCODER.encode(name));
const KINDS = Uint8Array.from(NAMES, (name) => ATTRIBUTES[name]![0]);
const COLUMNS = Uint8Array.from(NAMES, (name) => CONNECTION[ATTRIBUTES[name]![1]]);
for (const [index, name] of NAME_BYTES.entries()) {
  let slot = hashOf(name, 0, name.length);
  while (INDEX_OF_SLOT[slot] !== 0) slot = (slot + 1) & (SLOTS - 1);
  INDEX_OF_SLOT[slot] = index + 1;
}

/** Names differ in their length and in these bytes. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start,
    first = bytes[start]!,
    last = bytes[end - 1]!,
    middle = bytes[start + (length >> 1)]!;
  return (7 * length + 3 * first + 31 * last + 11 * middle + bytes[start + (length >> 2)]!) & (SLOTS - 1);
}

/** Makes rows of the sentences that tell of connections. */
export class RouterConnectionReader {
  /** Two hashes of what tells the present connection from others. */
  id = 0;
  tuple = 0;
  /** Values that could not be read. */
  malformed = 0;
  readonly #seed: number;
  readonly #texts: ByteTexts;
  readonly #address: AddressReader;
  readonly #mixed = new Int32Array(2);
  /** The words of the source and of the destination. */
  readonly #ends = new Uint32Array(8);

  /** Nobody who can make connections shall know the seed: it decides which of them are neighbours in tables. */
  constructor(vocabulary: Vocabulary, seed: number) {
    this.#seed = seed;
    this.#texts = new ByteTexts(vocabulary);
    this.#address = new AddressReader(vocabulary);
  }

  /** Fills a row, of which the router and the family are left as they are. */
  read(sentence: RouterosSentences, row: Float64Array): void {
    const { bytes, starts, ends, words } = sentence, mixed = this.#mixed;
    row.fill(NaN, CONNECTION.protocol);
    row.fill(0, CONNECTION.fasttrack, CONNECTION.tcp_state);
    row.fill(0, CONNECTION.active, CONNECTION.timeout_seconds);
    mixed[0] = this.#seed;
    mixed[1] = ~this.#seed;
    this.#ends.fill(0);
    let isTcp = false, isEstablished = false;
    for (let i = 0; i < words; i++) {
      const start = starts[i]! + 1, end = ends[i]!;
      if (bytes[start - 1] !== EQUALS) continue;
      let equals = start;
      while (equals < end && bytes[equals] !== EQUALS) equals++;
      const index = indexOf(bytes, start, equals), from = equals + 1;
      // An empty value says nothing.
      if (index < 0 || from >= end) continue;
      const column = COLUMNS[index]!;
      switch (KINDS[index]) {
        case TEXT:
          if (end - from > MAX_TEXT) {
            this.malformed++;
            break;
          }
          row[column] = this.#texts.numberOf(bytes, from, end);
          if (column === CONNECTION.protocol) {
            isTcp = isSame(TCP, bytes, from, end);
            for (let at = from; at < end; at++) this.#mix(bytes[at]!);
          } else if (column === CONNECTION.tcp_state) isEstablished = isSame(ESTABLISHED, bytes, from, end);
          break;
        case ADDRESS:
          this.#readAddress(bytes, from, end, { row, column });
          break;
        case NUMBER:
          row[column] = this.#known(numberIn(bytes, from, end));
          break;
        case FLAG:
          row[column] = flagIn(bytes, from, end);
          break;
        case DURATION:
          row[column] = this.#known(durationIn(bytes, from, end));
          break;
        case RATE:
          row[column] = this.#known(rateIn(bytes, from, end));
      }
    }
    if (isTcp ? isEstablished : row[CONNECTION.seen_reply] === 1) row[CONNECTION.active] = 1;
    // Not where they stand: the order of attributes is not to be relied on.
    for (let i = 0; i < 8; i++) this.#mix(this.#ends[i]!);
    this.#mix(row[CONNECTION.src_port]!);
    this.#mix(row[CONNECTION.dst_port]!);
    this.#mix(row[CONNECTION.icmp_id]!);
    this.#mix(row[CONNECTION.gre_key]!);
    this.id = mixed[0]!;
    this.tuple = mixed[1]!;
  }

  #readAddress(
    bytes: Uint8Array,
    from: number,
    end: number,
    to: { row: Float64Array; column: number },
  ): void {
    const address = this.#address, { row, column } = to;
    if (!address.read(bytes, from, end)) {
      this.malformed++;
      return;
    }
    row[column] = address.number;
    // It may stand in an attribute of its own, which counts.
    if (row[column + 1] !== row[column + 1]) row[column + 1] = address.port;
    if (column === CONNECTION.src_address || column === CONNECTION.dst_address) {
      const { words } = address, first = column === CONNECTION.src_address ? 0 : 4;
      for (let i = 0; i < 4; i++) this.#ends[first + i] = words[i]!;
    }
  }

  #known(value: number): number {
    if (value !== value) this.malformed++;
    return value;
  }

  /** What is absent is mixed as 0. */
  #mix(word: number): void {
    const mixed = this.#mixed;
    const first = Math.imul(mixed[0]! ^ word, 0x2c1b3c6d), second = Math.imul(mixed[1]! ^ word, 0x297a2d39);
    mixed[0] = first ^ (first >>> 15);
    mixed[1] = second ^ (second >>> 13);
  }
}

/** The index of the attribute with that name, or -1. */
function indexOf(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return -1;
  for (let slot = hashOf(bytes, start, end);; slot = (slot + 1) & (SLOTS - 1)) {
    const index = INDEX_OF_SLOT[slot]! - 1;
    if (index < 0 || isSame(NAME_BYTES[index]!, bytes, start, end)) return index;
  }
}
