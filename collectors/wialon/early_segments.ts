import { nextCapacity } from "../../core/growth.ts";
import { ByteChunks, type Bytes, QUEUE_WORDS } from "../../parsers/byte_chunks.ts";

/** Of a segment: its first number, how long it was, its bytes, and the segment after it. */
const SEQUENCE = 0, LENGTH = 1, BYTES = 2, AFTER = BYTES + QUEUE_WORDS, CAPTURED = BYTES + 2;
const WORDS = AFTER + 1;
const MIN_SEGMENTS = 64;
/** What a segment takes at least of the room. */
const LEAST = 256;

export interface Segment extends Bytes {
  readonly sequence: number;
  /** Bytes that it had, captured or not. */
  readonly length: number;
}

/** How much room a segment takes that has so many bytes. */
export function roomOf(length: number): number {
  return Math.max(LEAST, length);
}

/**
 * Segments that have come before others that they follow. Those of a stream are a list in the order of their numbers,
 * known by its first; 0 is none.
 */
export class EarlySegments {
  /** For so many bytes there is still room. */
  room: number;
  readonly #limit: number;
  readonly #chunks: ByteChunks;
  #words = new Int32Array(MIN_SEGMENTS * WORDS);
  /** The first of those that are free, and those that were in use at some time, with the one that is none. */
  #free = 0;
  #used = 1;
  #bytes = new Uint8Array(65_536);

  /** There is room for so many bytes. */
  constructor(room: number) {
    this.room = room;
    this.#limit = Math.floor(room / LEAST);
    this.#chunks = new ByteChunks(room);
  }

  /** Adds a segment to a list; gives the first of it, or 0 when there is no room. */
  add(first: number, { sequence, length, ...bytes }: Segment): number {
    const room = roomOf(length), segment = room <= this.room ? this.#new() : 0;
    if (segment === 0) return 0;
    const words = this.#words, at = segment * WORDS;
    words[at + SEQUENCE] = sequence;
    words[at + LENGTH] = length;
    this.room -= room;
    if (!this.#chunks.append(words, at + BYTES, bytes)) {
      this.#release(segment);
      return 0;
    }
    let before = 0, after = first;
    while (after !== 0 && ((this.sequenceOf(after) - sequence) | 0) <= 0) {
      before = after;
      after = words[after * WORDS + AFTER]!;
    }
    words[at + AFTER] = after;
    if (before === 0) return segment;
    words[before * WORDS + AFTER] = segment;
    return first;
  }

  sequenceOf(segment: number): number {
    return this.#words[segment * WORDS + SEQUENCE]!;
  }

  /** Removes the first segment of a list and gives it, until the next one is taken; the next is the new first. */
  take(first: number): Segment & { readonly next: number } {
    const words = this.#words, at = first * WORDS, to = words[at + CAPTURED]!;
    if (to > this.#bytes.length) this.#bytes = new Uint8Array(to);
    this.#chunks.copy(words, at + BYTES, this.#bytes);
    const next = words[at + AFTER]!, sequence = words[at + SEQUENCE]!, length = words[at + LENGTH]!;
    this.#release(first);
    return { sequence, length, bytes: this.#bytes, from: 0, to, next };
  }

  #new(): number {
    const free = this.#free;
    if (free !== 0) {
      this.#free = this.#words[free * WORDS + AFTER]!;
      return free;
    }
    if (this.#used > this.#limit) return 0;
    const capacity = this.#words.length / WORDS;
    if (this.#used === capacity) {
      const words = this.#words;
      this.#words = new Int32Array(Math.min(nextCapacity(capacity), this.#limit + 1) * WORDS);
      this.#words.set(words);
    }
    return this.#used++;
  }

  #release(segment: number): void {
    const words = this.#words, at = segment * WORDS;
    this.room += roomOf(words[at + LENGTH]!);
    this.#chunks.clear(words, at + BYTES);
    words[at + AFTER] = this.#free;
    this.#free = segment;
  }
}
