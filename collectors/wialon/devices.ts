import { nextCapacity } from "../../core/growth.ts";
import { hashSecrets } from "../../core/hash_secrets.ts";
import { NumberIds } from "../../core/number_ids.ts";

const MIN_DEVICES = 64;

const [S0 = 1, S1 = 1] = hashSecrets(2);

/**
 * The devices that were seen of late. Of the name of one nothing is kept but a number that cannot be turned back into it.
 */
export class Devices {
  readonly #limit: number;
  /** Each device has a place, counted from 1, as long as enough of them are seen. */
  #places: NumberIds;
  /** By place: when the device was seen last, and which version of the protocol it speaks. */
  #seenAt = new Float64Array(MIN_DEVICES);
  #versions = new Uint8Array(MIN_DEVICES);

  /** More than so many are not told apart. */
  constructor(limit: number) {
    this.#limit = limit;
    this.#places = new NumberIds(limit);
  }

  /** The number that stands for the name in the bytes; it is never 0. */
  idOf(bytes: Uint8Array, from: number, to: number): number {
    let a = S0, b = S1;
    for (let at = from; at < to; at++) {
      a = Math.imul(a ^ bytes[at]!, 0x01000193);
      b = Math.imul(b ^ bytes[at]!, 0x85ebca6b) + (a >>> 11);
    }
    a = Math.imul(a ^ (a >>> 15) ^ S1, 0x2c1b3c6d);
    b = Math.imul(b ^ (b >>> 13) ^ S0, 0x297a2d39);
    return ((a ^ (a >>> 12)) >>> 0) * 2 ** 20 + ((b ^ (b >>> 15)) >>> 12) + 1;
  }

  /** A device was seen. Gives its place, which makes it quick to find the next time; 0 when there are too many. */
  see(id: number, place: number, { time, version }: Seen): number {
    const places = this.#places;
    if (place === 0 || place > places.size || places.valueOf(place) !== id) place = places.idOf(id);
    if (place === 0) return 0;
    if (place >= this.#seenAt.length) this.#grow(nextCapacity(this.#seenAt.length));
    this.#seenAt[place] = time;
    this.#versions[place] = version;
    return place;
  }

  /**
   * The devices that were seen less than so many seconds ago. The others are forgotten when they are the greater part,
   * or in the way of new ones.
   */
  *within(seconds: number, now: number): Iterable<Seen> {
    const seen: Seen = { time: 0, version: 0 };
    let count = 0;
    for (let place = 1; place <= this.#places.size; place++) {
      if (!this.#isWithin(place, seconds, now)) continue;
      seen.time = this.#seenAt[place]!;
      seen.version = this.#versions[place]!;
      count++;
      yield seen;
    }
    const { size } = this.#places;
    if (2 * count < size || (count < size && size >= this.#limit)) this.#forgetAllBut(seconds, now);
  }

  #isWithin(place: number, seconds: number, now: number): boolean {
    // Clocks may be set back.
    return Math.abs(now - this.#seenAt[place]!) < seconds;
  }

  #forgetAllBut(seconds: number, now: number): void {
    const before = this.#places, seenAt = this.#seenAt, versions = this.#versions;
    this.#places = new NumberIds(this.#limit);
    for (let place = 1; place <= before.size; place++) {
      if (!this.#isWithin(place, seconds, now)) continue;
      const kept = this.#places.idOf(before.valueOf(place));
      // No place moves to a later one.
      seenAt[kept] = seenAt[place]!;
      versions[kept] = versions[place]!;
    }
  }

  #grow(capacity: number): void {
    const seenAt = this.#seenAt, versions = this.#versions;
    this.#seenAt = new Float64Array(capacity);
    this.#seenAt.set(seenAt);
    this.#versions = new Uint8Array(capacity);
    this.#versions.set(versions);
  }
}

interface Seen {
  /** In seconds. */
  time: number;
  version: number;
}
