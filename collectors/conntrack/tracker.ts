import { NextSlots } from "../../core/next_slots.ts";
import type { ConntrackEntry } from "../../parsers/conntrack_entry.ts";

/** What a connection has moved. */
interface Traffic {
  sentPackets: number;
  sentBytes: number;
  replyPackets: number;
  replyBytes: number;
}

/** What remains known of a connection that was not seen again. */
export interface Remains {
  family: number;
  protocol: number;
  /** NaN where the protocol has no ports. */
  destinationPort: number;
  zone: number;
}

/** There is place for so many from the start: what is not touched of an array takes no memory. */
const MAX_ROWS = 1 << 20;
const MIN_SLOTS = 128;
const ROWS_PER_PIECE = 1024;

/** A row has so many 64-bit words: four counters, then these four 32-bit integers. */
const WORDS = 6;
const ID = 8, TUPLE = 9, FACTS = 10, STATE = 11;

/** FACTS: the port, the protocol, and these. */
const IPV6 = 1 << 24, PORT = 1 << 25, FREE = 1 << 26, ENDED = 1 << 27, MISSED = 1 << 28;

/**
 * Remembers what each connection had counted when it was last seen, so that what it has moved since is known. The table
 * of the kernel is walked while it changes: a walk may miss a connection or meet it twice.
 */
export class Tracker {
  /** Of the connection just seen: what it has moved since it was seen before. */
  readonly moved: Traffic = { sentPackets: 0, sentBytes: 0, replyPackets: 0, replyBytes: 0 };
  /** Of the connection just seen: how many connections began since, and how many ended. */
  opened = 0;
  closed = 0;
  /** Connections of this pass for which there was no place. */
  untracked = 0;
  size = 0;
  /** Whether what is new was not there before, rather than not known before. */
  #isComplete = false;
  #isPass = false;
  /** Whether there are connections for which there is no place. */
  #isCrowded = false;
  #pass = 0;
  #counters = new Float64Array(0);
  #words = new Int32Array(0);
  /** Rows plus 1, or 0; at most half are taken. */
  #slots = new Int32Array(MIN_SLOTS);
  readonly #nextSlots = new NextSlots();
  /** Rows that were in use at some time. */
  #rows = 0;
  /** The first free row, which names the next as its id; -1 is the end. */
  #free = -1;

  /** Before the first connection of a pass. */
  begin(): void {
    this.#pass = (this.#pass + 1) & 0xffff;
    this.#isPass = true;
    this.untracked = 0;
  }

  /** A connection that is in the table. False when it was met already in this pass, or has ended in it. */
  see(entry: ConntrackEntry): boolean {
    const slot = this.#find(entry), words = this.#words;
    this.#nothing();
    if (this.#slots[slot] === 0) {
      if (this.#insert(entry, slot) && this.#knowsAll) this.#begun(entry);
      return true;
    }
    const at = 2 * WORDS * (this.#slots[slot]! - 1);
    if (words[at + STATE]! >>> 16 === this.#pass) return false;
    if (words[at + FACTS]! & ENDED) this.#begun(entry);
    else this.#advance(entry, at);
    this.#store(entry, at / 2);
    this.#stamp(at);
    words[at + FACTS]! &= ~(MISSED | ENDED);
    return true;
  }

  /** A connection that has ended. */
  end(entry: ConntrackEntry): void {
    this.#nothing();
    const slot = this.#find(entry), words = this.#words;
    const isKnown = this.#slots[slot] !== 0, at = 2 * WORDS * (this.#slots[slot]! - 1);
    if (isKnown && !(words[at + FACTS]! & ENDED)) {
      this.#advance(entry, at);
      this.closed++;
      if (this.#isPass) this.#markEnded(slot);
      else this.#remove(slot);
      return;
    }
    if (isKnown || this.#knowsAll) {
      this.#begun(entry);
      this.closed = 1;
    }
    if (!isKnown && this.#isPass && this.#insert(entry, slot)) this.#markEnded(this.#find(entry));
  }

  /**
   * After the last connection of a pass: forgets what was missed by two passes on end. A pass that may have missed many
   * is not `whole`, and does not count.
   */
  *sweep(gone: (remains: Remains) => void, whole = true): Iterable<void> {
    const remains: Remains = { family: 4, protocol: 0, destinationPort: NaN, zone: 0 };
    for (let row = 0; row < this.#rows; row++) {
      if (row % ROWS_PER_PIECE === 0) yield;
      const words = this.#words, at = 2 * WORDS * row, facts = words[at + FACTS]!;
      if (facts & FREE) continue;
      if (facts & ENDED) this.#removeRow(row);
      else if (!whole || words[at + STATE]! >>> 16 === this.#pass) continue;
      else if (facts & MISSED) {
        remains.family = facts & IPV6 ? 6 : 4;
        remains.protocol = (facts >>> 16) & 0xff;
        remains.destinationPort = facts & PORT ? facts & 0xffff : NaN;
        remains.zone = words[at + STATE]! & 0xffff;
        this.#removeRow(row);
        gone(remains);
      } else words[at + FACTS] = facts | MISSED;
    }
    this.#isComplete ||= whole;
    this.#isCrowded = this.untracked > 0;
  }

  /** The pass is over, or was given up. */
  finish(): void {
    this.#isPass = false;
  }

  /** Forgets everything: what is seen next may have been there before. */
  clear(): void {
    this.#slots.fill(0);
    this.#rows = this.size = 0;
    this.#free = -1;
    this.#isComplete = false;
  }

  /** Whether what is not known is new. Before the first pass has ended it may be old, and in a crowd too. */
  get #knowsAll(): boolean {
    return this.#isComplete && !this.#isCrowded;
  }

  /** What the walk has read before may still show it. */
  #markEnded(slot: number): void {
    const words = this.#words, at = 2 * WORDS * (this.#slots[slot]! - 1);
    words[at + FACTS]! |= ENDED;
    this.#stamp(at);
  }

  /** Says that the row was met in this pass. */
  #stamp(at: number): void {
    this.#words[at + STATE] = (this.#words[at + STATE]! & 0xffff) | (this.#pass << 16);
  }

  #nothing(): void {
    const { moved } = this;
    this.opened = this.closed = 0;
    moved.sentPackets =
      moved.sentBytes =
      moved.replyPackets =
      moved.replyBytes =
        0;
  }

  /** All that it has counted is new. */
  #begun(entry: ConntrackEntry): void {
    const { moved } = this;
    this.opened = 1;
    moved.sentPackets = entry.sentPackets;
    moved.sentBytes = entry.sentBytes;
    moved.replyPackets = entry.replyPackets;
    moved.replyBytes = entry.replyBytes;
  }

  /** What it has counted beyond what was known. Where that is less, it is another connection in its place. */
  #advance(entry: ConntrackEntry, at: number): void {
    const { moved } = this, counters = this.#counters, from = at / 2;
    const { sentPackets, sentBytes, replyPackets, replyBytes } = entry;
    if (
      sentPackets < counters[from]! || sentBytes < counters[from + 1]! ||
      replyPackets < counters[from + 2]! ||
      replyBytes < counters[from + 3]!
    ) {
      this.#begun(entry);
      this.closed = 1;
    } else {
      moved.sentPackets = sentPackets - counters[from]!;
      moved.sentBytes = sentBytes - counters[from + 1]!;
      moved.replyPackets = replyPackets - counters[from + 2]!;
      moved.replyBytes = replyBytes - counters[from + 3]!;
    }
  }

  #store({ sentPackets, sentBytes, replyPackets, replyBytes }: ConntrackEntry, at: number): void {
    const counters = this.#counters;
    counters[at] = sentPackets;
    counters[at + 1] = sentBytes;
    counters[at + 2] = replyPackets;
    counters[at + 3] = replyBytes;
  }

  /** Whether there was a place. */
  #insert(entry: ConntrackEntry, slot: number): boolean {
    const row = this.#newRow();
    if (row < 0) {
      this.untracked++;
      return false;
    }
    const words = this.#words, at = 2 * WORDS * row, room = this.#slots.length / 2 - ++this.size;
    const { family, protocol, destinationPort: port } = entry;
    words[at + ID] = entry.id;
    words[at + TUPLE] = entry.tuple;
    words[at + FACTS] = (family === 6 ? IPV6 : 0) | (protocol << 16) | (port >= 0 ? PORT | port : 0);
    words[at + STATE] = entry.zone | (this.#pass << 16);
    this.#store(entry, at / 2);
    if (room < 0) this.#grow();
    else {
      this.#slots[slot] = row + 1;
      this.#nextSlots.prepare(room, 2 * this.#slots.length);
    }
    return true;
  }

  /** -1 when there is no place. */
  #newRow(): number {
    if (this.#free >= 0) {
      const row = this.#free;
      this.#free = this.#words[2 * WORDS * row + ID]!;
      return row;
    }
    if (this.#rows === MAX_ROWS) return -1;
    if (this.#counters.length === 0) {
      this.#counters = new Float64Array(MAX_ROWS * WORDS);
      this.#words = new Int32Array(this.#counters.buffer);
    }
    return this.#rows++;
  }

  #homeOf(id: number, tuple: number): number {
    return Math.imul(id ^ Math.imul(tuple, 0x9e3779b1), 0x85ebca6b) >>> 1;
  }

  /** The slot of the connection, or the empty one where it would be. */
  #find(entry: ConntrackEntry): number {
    const id = entry.id | 0,
      tuple = entry.tuple | 0,
      slots = this.#slots,
      words = this.#words,
      mask = slots.length - 1;
    let slot = this.#homeOf(id, tuple) & mask;
    for (;;) {
      const row = slots[slot]! - 1;
      if (row < 0) return slot;
      const at = 2 * WORDS * row;
      if (words[at + ID] === id && words[at + TUPLE] === tuple) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #removeRow(row: number): void {
    const slots = this.#slots, mask = slots.length - 1, at = 2 * WORDS * row;
    let slot = this.#homeOf(this.#words[at + ID]!, this.#words[at + TUPLE]!) & mask;
    while (slots[slot] !== row + 1) slot = (slot + 1) & mask;
    this.#remove(slot);
  }

  /** Empties a slot, and moves those behind it that would not be found any more. */
  #remove(slot: number): void {
    const slots = this.#slots, words = this.#words, mask = slots.length - 1;
    const row = slots[slot]! - 1;
    words[2 * WORDS * row + FACTS] = FREE;
    words[2 * WORDS * row + ID] = this.#free;
    this.#free = row;
    this.size--;
    let gap = slot;
    for (let next = (gap + 1) & mask; slots[next] !== 0; next = (next + 1) & mask) {
      const at = 2 * WORDS * (slots[next]! - 1);
      const home = this.#homeOf(words[at + ID]!, words[at + TUPLE]!) & mask;
      if (((next - home) & mask) < ((next - gap) & mask)) continue;
      slots[gap] = slots[next]!;
      gap = next;
    }
    slots[gap] = 0;
  }

  #grow(): void {
    const slots = this.#slots = this.#nextSlots.take(2 * this.#slots.length);
    const words = this.#words, mask = slots.length - 1;
    for (let row = 0; row < this.#rows; row++) {
      const at = 2 * WORDS * row;
      if (words[at + FACTS]! & FREE) continue;
      let slot = this.#homeOf(words[at + ID]!, words[at + TUPLE]!) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = row + 1;
    }
  }
}
