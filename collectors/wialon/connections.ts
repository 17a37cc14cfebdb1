import { nextCapacity } from "../../core/growth.ts";
import { hashSecrets } from "../../core/hash_secrets.ts";
import type { Packet } from "../../parsers/packet.ts";
import { FRAMING_WORDS } from "../../parsers/wialon_framing.ts";

/** Where in the words of a connection: both ends, in the order of their addresses, with both ports in one word. */
const A = 0, B = 4, PORTS = 8, PROTOCOL = 9;
/** Its neighbours in the queue that it stands in; of a place that is free the next free one. */
const BEFORE = 10, AFTER = 11, QUEUE = 12;
/** The second in which it was put behind all others of its queue. */
const TOUCHED = 13;
/** The direction that leads to the server. */
export const TO_SERVER = 14;
/** The device that has named itself: its place, and what stands for its name. */
export const DEVICE_PLACE = 15, DEVICE = 16;
/** The streams of both directions: that of the first end, then that of the other. */
const STREAMS = 18;

/** Of a stream: the number of the next byte, of the first one that its receiver awaits, of its end and of its first byte. */
export const NEXT = 0, ACKNOWLEDGED = 1, END = 2, FIRST = 3;
/** What is known of it, and the next number of the connection that may be there in place of this one. */
export const STATE = 4, OFFER = 5;
/** What has come too early and since when; and when its first and last data came. */
export const EARLY = 6, EARLY_BYTES = 7, EARLY_SINCE = 8, FIRST_AT = 10, LAST_AT = 12;
/** Of what is asked in it and not yet answered: when that was, the type, and how many have been asked since. */
export const ASKED_AT = 14, ASKED = 16, BEHIND = 17;
export const FRAMING = 18;
/** The numbers of 64 bits are to stand at even words. */
const STREAM_WORDS = 2 * Math.ceil((FRAMING + FRAMING_WORDS) / 2);
const WORDS = STREAMS + 2 * STREAM_WORDS;

const MIN_CONNECTIONS = 64;
/** Of a slot: the number of a connection plus 1, or 0, and the highest bits of its hash. */
const INDEX = 2 ** 24 - 1, TAG = ~INDEX;

/**
 * Connections wait to be forgotten in queues, in the order of their last data: those that have none or have ended, those
 * with data that nobody has answered, and the others.
 */
export const WITHOUT_DATA = 0, UNANSWERED = 1, ANSWERED = 2;
const QUEUES = 3;

const [S0 = 0, S1 = 0, S2 = 0, S3 = 0] = hashSecrets(4);

/**
 * The connections that are seen, in one piece of memory: each is a row of words, given by where it begins. A row keeps
 * its place as long as it is there; the arrays may be replaced when one is added.
 */
export class Connections {
  words = new Int32Array(MIN_CONNECTIONS * WORDS);
  /** The words again, two by two, as numbers of 64 bits. */
  numbers = new Float64Array(this.words.buffer);
  size = 0;
  readonly limit: number;
  /** The direction of the packet that was looked up last: 0 when the first end has sent it. */
  direction = 0;
  #hash = 0;
  #slots = new Int32Array(2 * MIN_CONNECTIONS);
  /** Places that were in use at some time, and the first of those that are free; below 0 there is none. */
  #used = 0;
  #free = -1;
  /** Of each queue the connection that was idle longest, and the other end. */
  readonly #oldest: number[] = Array(QUEUES).fill(-1);
  readonly #newest: number[] = Array(QUEUES).fill(-1);
  readonly #sizes: number[] = Array(QUEUES).fill(0);

  /** There are never more than so many. */
  constructor(limit: number) {
    this.limit = Math.min(limit, INDEX - 1);
  }

  /** The connection that the packet belongs to; -1 when it is not there. */
  find(packet: Packet): number {
    const { words: ends, protocol } = packet, words = this.words, slots = this.#slots;
    const direction = this.direction = directionOf(packet);
    const a = 4 * direction, b = 4 - a;
    const ports = portsOf(packet, direction);
    const hash = this.#hash = hashOf(ends, a, { b, ports, protocol });
    const mask = slots.length - 1, tag = hash & TAG;
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const entry = slots[slot]!;
      if (entry === 0) return -1;
      if ((entry & TAG) !== tag) continue;
      const at = ((entry & INDEX) - 1) * WORDS;
      if (
        words[at + A + 3] === ends[a + 3] && words[at + B + 3] === ends[b + 3] &&
        words[at + PORTS] === ports &&
        words[at + A + 2] === ends[a + 2] && words[at + B + 2] === ends[b + 2] &&
        words[at + A + 1] === ends[a + 1] && words[at + B + 1] === ends[b + 1] &&
        words[at + A] === ends[a] && words[at + B] === ends[b] && words[at + PROTOCOL] === protocol
      ) return at;
    }
  }

  /** A new connection for the packet that was looked up last in vain, at a time in seconds; there must be room. */
  add(packet: Packet, time: number): number {
    const at = this.#place(), { words } = this, a = 4 * this.direction, b = 4 - a;
    words.fill(0, at, at + WORDS);
    for (let i = 0; i < 4; i++) {
      words[at + A + i] = packet.words[a + i]!;
      words[at + B + i] = packet.words[b + i]!;
    }
    words[at + PORTS] = portsOf(packet, this.direction);
    words[at + PROTOCOL] = packet.protocol;
    words[at + TOUCHED] = time;
    this.#enter(at, this.#hash);
    this.#append(at, WITHOUT_DATA);
    this.size++;
    return at;
  }

  /** Puts a connection behind all others of a queue, if that was not yet done in this second. */
  touch(at: number, queue: number, time: number): void {
    const { words } = this, second = time | 0;
    if (words[at + TOUCHED] === second && words[at + QUEUE] === queue) return;
    words[at + TOUCHED] = second;
    this.#unlink(at);
    this.#append(at, queue);
  }

  /** How many whole seconds ago, or ahead where clocks are set back, a connection was touched. */
  idleFor(at: number, now: number): number {
    // The seconds wrap, in 2038.
    return Math.abs((now - this.words[at + TOUCHED]!) | 0);
  }

  /** Forgets all of a connection but its ends, and which of them is the server. */
  renew(at: number): void {
    this.words.fill(0, at + DEVICE_PLACE, at + WORDS);
  }

  remove(at: number): void {
    this.#unlink(at);
    this.#leave(at);
    this.words[at + AFTER] = this.#free;
    this.#free = at;
    this.size--;
  }

  /** The connection of a queue that was idle longest; -1 if the queue is empty. */
  oldestOf(queue: number): number {
    return this.#oldest[queue]!;
  }

  /** The connection that makes room first. */
  oldest(): number {
    return this.#oldest.find((at) => at >= 0) ?? -1;
  }

  sizeOf(queue: number): number {
    return this.#sizes[queue]!;
  }

  queueOf(at: number): number {
    return this.words[at + QUEUE]!;
  }

  /** All places; at those of connections that were removed the words are as they were. */
  *places(): Iterable<number> {
    for (let i = 0; i < this.#used; i++) yield i * WORDS;
  }

  /** Where the stream of a direction is. */
  streamOf(at: number, direction: number): number {
    return at + STREAMS + direction * STREAM_WORDS;
  }

  /** Where the four words of the address are from which a direction leads. */
  sourceOf(at: number, direction: number): number {
    return at + 4 * direction;
  }

  /** The port from which a direction leads. */
  portOf(at: number, direction: number): number {
    const ports = this.words[at + PORTS]!;
    return direction === 0 ? ports >>> 16 : ports & 0xffff;
  }

  protocolOf(at: number): number {
    return this.words[at + PROTOCOL]!;
  }

  #place(): number {
    const free = this.#free;
    if (free >= 0) {
      this.#free = this.words[free + AFTER]!;
      return free;
    }
    if (this.#used * WORDS === this.words.length) this.#grow();
    return this.#used++ * WORDS;
  }

  #grow(): void {
    const capacity = Math.min(nextCapacity(this.#used), this.limit), before = this.words;
    this.words = new Int32Array(capacity * WORDS);
    this.words.set(before);
    this.numbers = new Float64Array(this.words.buffer);
    this.#slots = new Int32Array(1 << (32 - Math.clz32(2 * capacity - 1)));
    // There is no free place, so all are in use.
    for (let i = 0; i < this.#used; i++) this.#enter(i * WORDS, this.#hashAt(i * WORDS));
  }

  #hashAt(at: number): number {
    const { words } = this;
    return hashOf(words, at, { b: at + B, ports: words[at + PORTS]!, protocol: words[at + PROTOCOL]! });
  }

  #enter(at: number, hash: number): void {
    const slots = this.#slots, mask = slots.length - 1;
    let slot = hash & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = (hash & TAG) | (at / WORDS + 1);
  }

  /** Empties the slot, and moves those up that would no longer be found. */
  #leave(at: number): void {
    const slots = this.#slots, mask = slots.length - 1, index = at / WORDS + 1;
    let hole = this.#hashAt(at) & mask;
    while ((slots[hole]! & INDEX) !== index) hole = (hole + 1) & mask;
    for (let slot = (hole + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#hashAt(((slots[slot]! & INDEX) - 1) * WORDS) & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      slots[hole] = slots[slot]!;
      hole = slot;
    }
    slots[hole] = 0;
  }

  #append(at: number, queue: number): void {
    const { words } = this, newest = this.#newest[queue]!;
    words[at + QUEUE] = queue;
    words[at + BEFORE] = newest;
    words[at + AFTER] = -1;
    if (newest >= 0) words[newest + AFTER] = at;
    else this.#oldest[queue] = at;
    this.#newest[queue] = at;
    this.#sizes[queue]!++;
  }

  #unlink(at: number): void {
    const { words } = this,
      queue = words[at + QUEUE]!,
      before = words[at + BEFORE]!,
      after = words[at + AFTER]!;
    if (before >= 0) words[before + AFTER] = after;
    else this.#oldest[queue] = after;
    if (after >= 0) words[after + BEFORE] = before;
    else this.#newest[queue] = before;
    this.#sizes[queue]!--;
  }
}

/** 0 when the packet leads from the end that comes first to the other. */
function directionOf({ words, sourcePort, destinationPort }: Packet): number {
  // Those that differ differ mostly in the last word.
  for (let i = 3; i >= 0; i--) {
    if (words[i] !== words[i + 4]) return words[i]! < words[i + 4]! ? 0 : 1;
  }
  return sourcePort <= destinationPort ? 0 : 1;
}

/** Both ports in one word, that of the end that comes first in the upper half. */
function portsOf({ sourcePort, destinationPort }: Packet, direction: number): number {
  return direction === 0 ? (sourcePort << 16) | destinationPort : (destinationPort << 16) | sourcePort;
}

interface Rest {
  /** Where the second end stands; the first one is at the position. */
  readonly b: number;
  readonly ports: number;
  readonly protocol: number;
}

function hashOf(words: Int32Array, a: number, { b, ports, protocol }: Rest): number {
  let hash = Math.imul(words[a + 3]!, S0) ^ Math.imul(words[b + 3]!, S1) ^ Math.imul(ports, S2);
  hash = Math.imul(hash ^ (hash >>> 15), S3) ^ protocol;
  // Of IPv4 they are always the same.
  if (words[a] !== 0 || words[b] !== 0) {
    for (let i = 0; i < 3; i++) {
      hash = Math.imul(hash ^ (hash >>> 13) ^ words[a + i]!, S0) ^ Math.imul(words[b + i]!, S1);
    }
  }
  hash ^= hash >>> 16;
  return Math.imul(hash, 0x2c1b3c6d);
}
