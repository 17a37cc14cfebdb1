import { nextCapacity } from "./growth.ts";
import { hashSecrets } from "./hash_secrets.ts";
import { NextSlots } from "./next_slots.ts";

/** A large table has this many slots at first and is then doubled, since all of its slots are touched. */
const LARGE = 262_144;
/** So much of a large table may be taken: its memory counts. */
const MOST = 7 / 8;

/** Where ids are written: from `to` on. */
export interface IdsOut {
  ids: Int32Array;
  to: number;
}

/**
 * Gives each distinct number a small dense id, counted from 1. Open addressing over typed arrays: no
 * allocation per lookup, growth by doubling up to a limit.
 */
export class NumberIds {
  size = 0;
  /** Ids, or 0. At most half of the slots are taken, and of many more, since their memory counts. */
  #slots = new Int32Array(64);
  readonly #next = new NextSlots();
  /** The highest bits of a hash are the slot. */
  #shift = 26;
  #capacity = 32;
  #values = new Float64Array(33);

  constructor(readonly limit = 0x7fffffff) {}

  /** The id of the value, new if need be; 0 when it is unknown and the limit is reached. */
  idOf(value: number): number {
    const slots = this.#slots, values = this.#values, mask = slots.length - 1;
    let slot = hash(value) >>> this.#shift;
    for (;;) {
      const id = slots[slot]!;
      if (id === 0) return this.#insert(value, slot);
      if (values[id] === value) return id;
      slot = (slot + 1) & mask;
    }
  }

  /**
   * The ids of the `count` values that stand at `from`, written from `to` on: 0 for NaN, and for what is unknown when the
   * limit is reached.
   */
  idsOf(values: Float64Array, from: number, count: number, out: Readonly<IdsOut>): void {
    const { ids, to } = out;
    let slots = this.#slots, known = this.#values, shift = this.#shift;
    // Values often come several times on end.
    let last = NaN, lastId = 0;
    for (let i = 0; i < count; i++) {
      const value = values[from + i]!, mask = slots.length - 1;
      if (value === last || value !== value) {
        ids[to + i] = value === last ? lastId : 0;
        continue;
      }
      let slot = hash(value) >>> shift, id = slots[slot]!;
      while (id !== 0 && known[id] !== value) {
        slot = (slot + 1) & mask;
        id = slots[slot]!;
      }
      if (id === 0) {
        id = this.#insert(value, slot);
        slots = this.#slots;
        known = this.#values;
        shift = this.#shift;
      }
      ids[to + i] = lastId = id;
      last = value;
    }
  }

  /** The id of the value if it has one, otherwise 0. */
  find(value: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash(value) >>> this.#shift;
    for (;;) {
      const id = this.#slots[slot]!;
      if (id === 0 || this.#values[id] === value) return id;
      slot = (slot + 1) & mask;
    }
  }

  valueOf(id: number): number {
    return this.#values[id]!;
  }

  forget(): void {
    this.#slots.fill(0);
    this.size = 0;
  }

  #insert(value: number, slot: number): number {
    if (this.size >= this.limit) return 0;
    if (this.size === this.#capacity) {
      this.#grow();
      return this.idOf(value);
    }
    const id = ++this.size;
    this.#next.prepare(this.#capacity - id, this.#nextLength);
    this.#values[id] = value;
    this.#slots[slot] = id;
    return id;
  }

  get #nextLength(): number {
    const { length } = this.#slots;
    return length < LARGE ? nextCapacity(length) : 2 * length;
  }

  #grow(): void {
    const values = this.#values, slots = this.#next.take(this.#nextLength), mask = slots.length - 1;
    this.#slots = slots;
    this.#shift = Math.clz32(mask);
    this.#capacity = slots.length >= LARGE ? slots.length * MOST : slots.length / 2;
    this.#values = new Float64Array(this.#capacity + 1);
    this.#values.set(values);
    for (let id = 1; id <= this.size; id++) {
      let slot = hash(values[id]!) >>> this.#shift;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = id;
    }
  }
}

const FLOAT = new Float64Array(1);
const HALVES = new Uint32Array(FLOAT.buffer);

const [SECRET = 0] = hashSecrets(1);

function hash(value: number): number {
  if (value >>> 0 === value) return keyed(Math.imul(value, 0x9e3779b1));
  FLOAT[0] = value;
  return keyed(Math.imul(HALVES[0]! ^ Math.imul(HALVES[1]!, 0x85ebca6b), 0x9e3779b1));
}

function keyed(mixed: number): number {
  return Math.imul(mixed ^ (mixed >>> 15), SECRET);
}
