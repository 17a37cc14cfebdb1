import { NextSlots } from "../core/next_slots.ts";

/** What is asked of a connection. */
export interface Tracked {
  /** Two 32-bit numbers that together tell it from others. */
  readonly id: number;
  readonly tuple: number;
  /** 4 or 6 */
  readonly family: number;
  /** IANA number */
  readonly protocol: number;
  /** NaN where the protocol has no ports. */
  readonly destinationPort: number;
  readonly zone: number;
  /** What it has counted so far, packets before bytes, for each of its ways; NaN is not counted. */
  readonly counters: Float64Array;
}

/** What remains known of a connection that was not seen again. */
export interface Remains {
  family: number;
  protocol: number;
  /** NaN where the protocol has no ports. */
  destinationPort: number;
  zone: number;
}

/**
 * There is place for so many first, then for more, and then for the most: what is not touched of an array takes no
 * memory, but to reserve much at once makes the runtime look for garbage.
 */
const PLACES = [12_288, 262_144, 1 << 20] as const, MAX_ROWS = PLACES[2];
/** To here the slots are doubled, then they become four times as many: to find the place of each row anew takes time. */
const MIN_SLOTS = 128, FEW_SLOTS = 1 << 15;
const ROWS_PER_PIECE = 1024;

/**
 * A row has its bytes as 64-bit floats, then its packets without what is beyond 32 bits, then these 32-bit integers.
 */
const ID = 0, TUPLE = 1, FACTS = 2, STATE = 3, INTEGERS = 4;
const WRAP = 2 ** 32;

/** FACTS: the port, the protocol, and these. */
const IPV6 = 1 << 24, PORT = 1 << 25, FREE = 1 << 26, ENDED = 1 << 27, MISSED = 1 << 28;

/**
 * Remembers what each connection had counted when it was last seen, so that what it has moved since is known. A table
 * of connections is walked while it changes: a walk may miss a connection or meet it twice.
 */
export class TrafficTracker {
  /** Of the connection just seen: what it has moved since it was seen before. */
  readonly moved: Float64Array;
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
  /** 32-bit words of a row */
  readonly #width: number;
  #bytes = new Float64Array(0);
  /** The same memory from the packets of the first row on, and from its integers on. */
  #packets = new Uint32Array(0);
  #words = new Int32Array(0);
  /** Rows plus 1, or 0; at most half are taken. */
  #slots = new Int32Array(MIN_SLOTS);
  readonly #nextSlots = new NextSlots();
  /** Rows that were in use at some time. */
  #rows = 0;
  /** The first free row, which names the next as its id; -1 is the end. */
  #free = -1;

  /** Of connections that have so many counters, a multiple of four. */
  constructor(counters: number) {
    this.moved = new Float64Array(counters);
    this.#width = counters + counters / 2 + INTEGERS;
  }

  /** Before the first connection of a pass. */
  begin(): void {
    this.#pass = (this.#pass + 1) & 0xffff;
    this.#isPass = true;
    this.untracked = 0;
  }

  /** A connection that is in the table. False when it was met already in this pass, or has ended in it. */
  see(entry: Tracked): boolean {
    const slot = this.#find(entry), words = this.#words;
    if (this.#slots[slot] === 0) {
      this.#nothing();
      if (this.#insert(entry, slot) && this.#knowsAll) this.#begun(entry);
      return true;
    }
    const at = this.#width * (this.#slots[slot]! - 1);
    if (words[at + STATE]! >>> 16 === this.#pass) {
      this.#nothing();
      return false;
    }
    if (words[at + FACTS]! & ENDED) {
      this.#begun(entry);
      this.#store(entry, at);
    } else this.#advance(entry, at);
    this.#stamp(at);
    words[at + FACTS]! &= ~(MISSED | ENDED);
    return true;
  }

  /** A connection that has ended. */
  end(entry: Tracked): void {
    const slot = this.#find(entry), words = this.#words;
    const isKnown = this.#slots[slot] !== 0, at = this.#width * (this.#slots[slot]! - 1);
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
    } else this.#nothing();
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
      const words = this.#words, at = this.#width * row, facts = words[at + FACTS]!;
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
    const words = this.#words, at = this.#width * (this.#slots[slot]! - 1);
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
    for (let i = 0; i < moved.length; i++) moved[i] = 0;
  }

  /** All that it has counted is new. */
  #begun({ counters }: Tracked): void {
    const { moved } = this;
    this.opened = 1;
    this.closed = 0;
    for (let i = 0; i < moved.length; i++) moved[i] = counters[i]!;
  }

  /**
   * What it has counted beyond what was known, which is known from now on. Where it is less, it is another connection in
   * its place. One loop does it all, since it is run for each connection of each pass.
   */
  #advance(entry: Tracked, at: number): void {
    const { moved } = this, { counters } = entry, knownBytes = this.#bytes, knownPackets = this.#packets;
    let isLess = false, bytesAt = at / 2, packetsAt = at;
    for (let i = 0; i < moved.length; i += 2, bytesAt++, packetsAt++) {
      const packets = counters[i]!, bytes = counters[i + 1]!, before = knownPackets[packetsAt]!;
      const moreBytes = bytes - knownBytes[bytesAt]!;
      const morePackets = packets < WRAP ? packets - before : ((packets >>> 0) - before) >>> 0;
      isLess ||= moreBytes < 0 || morePackets < 0;
      // Of what was not counted before it is not known either.
      const isKnown = packets === packets && (moreBytes === moreBytes || bytes !== bytes);
      moved[i] = isKnown ? morePackets : NaN;
      moved[i + 1] = moreBytes;
      knownPackets[packetsAt] = packets;
      knownBytes[bytesAt] = bytes;
    }
    this.opened = this.closed = 0;
    if (!isLess) return;
    this.#begun(entry);
    this.closed = 1;
  }

  #store({ counters }: Tracked, at: number): void {
    const knownBytes = this.#bytes,
      knownPackets = this.#packets,
      ways = this.moved.length / 2,
      bytesAt = at / 2;
    for (let i = 0; i < ways; i++) {
      knownPackets[at + i] = counters[2 * i]!;
      knownBytes[bytesAt + i] = counters[2 * i + 1]!;
    }
  }

  /** Whether there was a place. */
  #insert(entry: Tracked, slot: number): boolean {
    const row = this.#newRow();
    if (row < 0) {
      this.untracked++;
      return false;
    }
    const words = this.#words, at = this.#width * row, room = this.#slots.length / 2 - ++this.size;
    const { family, protocol, destinationPort: port } = entry;
    words[at + ID] = entry.id;
    words[at + TUPLE] = entry.tuple;
    words[at + FACTS] = (family === 6 ? IPV6 : 0) | (protocol << 16) | (port >= 0 ? PORT | port : 0);
    words[at + STATE] = entry.zone | (this.#pass << 16);
    this.#store(entry, at);
    if (room < 0) this.#grow();
    else {
      this.#slots[slot] = row + 1;
      this.#nextSlots.prepare(room, this.#nextLength);
    }
    return true;
  }

  /** -1 when there is no place. */
  #newRow(): number {
    if (this.#free >= 0) {
      const row = this.#free;
      this.#free = this.#words[this.#width * row + ID]!;
      return row;
    }
    if (this.#rows === MAX_ROWS) return -1;
    if (this.#width * this.#rows === 2 * this.#bytes.length) this.#makeRoom();
    return this.#rows++;
  }

  #makeRoom(): void {
    const rows = PLACES.find((rows) => rows > this.#rows)!, { length } = this.moved;
    const bytes = new Float64Array(this.#width / 2 * rows);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#packets = new Uint32Array(bytes.buffer, 4 * length);
    this.#words = new Int32Array(bytes.buffer, 6 * length);
  }

  #homeOf(id: number, tuple: number): number {
    return Math.imul(id ^ Math.imul(tuple, 0x9e3779b1), 0x85ebca6b) >>> 1;
  }

  /** The slot of the connection, or the empty one where it would be. */
  #find(entry: Tracked): number {
    const id = entry.id | 0,
      tuple = entry.tuple | 0,
      slots = this.#slots,
      words = this.#words,
      mask = slots.length - 1;
    let slot = this.#homeOf(id, tuple) & mask;
    for (;;) {
      const row = slots[slot]! - 1;
      if (row < 0) return slot;
      const at = this.#width * row;
      if (words[at + ID] === id && words[at + TUPLE] === tuple) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #removeRow(row: number): void {
    const slots = this.#slots, mask = slots.length - 1, at = this.#width * row;
    let slot = this.#homeOf(this.#words[at + ID]!, this.#words[at + TUPLE]!) & mask;
    while (slots[slot] !== row + 1) slot = (slot + 1) & mask;
    this.#remove(slot);
  }

  /** Empties a slot, and moves those behind it that would not be found any more. */
  #remove(slot: number): void {
    const slots = this.#slots, words = this.#words, mask = slots.length - 1;
    const row = slots[slot]! - 1;
    words[this.#width * row + FACTS] = FREE;
    words[this.#width * row + ID] = this.#free;
    this.#free = row;
    this.size--;
    let gap = slot;
    for (let next = (gap + 1) & mask; slots[next] !== 0; next = (next + 1) & mask) {
      const at = this.#width * (slots[next]! - 1);
      const home = this.#homeOf(words[at + ID]!, words[at + TUPLE]!) & mask;
      if (((next - home) & mask) < ((next - gap) & mask)) continue;
      slots[gap] = slots[next]!;
      gap = next;
    }
    slots[gap] = 0;
  }

  get #nextLength(): number {
    const { length } = this.#slots;
    return length < FEW_SLOTS ? 2 * length : 4 * length;
  }

  #grow(): void {
    const slots = this.#slots = this.#nextSlots.take(this.#nextLength);
    const words = this.#words, mask = slots.length - 1;
    for (let row = 0; row < this.#rows; row++) {
      const at = this.#width * row;
      if (words[at + FACTS]! & FREE) continue;
      let slot = this.#homeOf(words[at + ID]!, words[at + TUPLE]!) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = row + 1;
    }
  }
}
