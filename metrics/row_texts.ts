import { nextCapacity } from "../core/growth.ts";

const MIN_TEXTS = 64, MIN_BYTES = 1024;
/** Gaps are closed when they take more than this and as much as all that is in use. */
const MAX_GAPS = 65_536;
const NO_TEXT = 0xffffffff;
const ENCODER = new TextEncoder();

/**
 * The texts of the rows of a table as bytes, each encoded once. Bytes that were written are never changed: where a view
 * has `bytes`, its texts stay what they are.
 */
export class RowTexts {
  bytes = new Uint8Array(MIN_BYTES);
  starts = new Uint32Array(MIN_TEXTS).fill(NO_TEXT);
  ends = new Uint32Array(MIN_TEXTS);
  /** The clock of when each was last asked for. */
  #asked = new Float64Array(MIN_TEXTS);
  #clock = 1;
  #used = 0;
  #inUse = 0;
  /** Id 0 is none. */
  #count = 1;
  #free: number[] = [];

  newId(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#count === this.starts.length) this.#grow();
    return this.#count++;
  }

  /** The id may be given again, and its text is forgotten. */
  release(id: number): void {
    this.starts[id] = NO_TEXT;
    this.#asked[id] = 0;
    this.#free.push(id);
  }

  /** Whether the text is in the present view. */
  isAsked(id: number): boolean {
    return this.#asked[id] === this.#clock;
  }

  /** Whether the text is there; if not, it is to be written. */
  ask(id: number): boolean {
    if (this.starts[id] === NO_TEXT) return false;
    this.#mark(id);
    return true;
  }

  write(id: number, text: string): void {
    // UTF-8 has at most three bytes for a UTF-16 unit.
    if (this.#used + 3 * text.length > this.bytes.length) {
      const length = nextCapacity(this.bytes.length) + 3 * text.length;
      this.bytes = grown(this.bytes, new Uint8Array(length));
    }
    this.starts[id] = this.#used;
    this.#used += ENCODER.encodeInto(text, this.bytes.subarray(this.#used)).written;
    this.ends[id] = this.#used;
    this.#mark(id);
  }

  /** Before the texts of a new view are asked for. What was not asked for since the last time may be forgotten. */
  beginView(): void {
    if (this.#used - this.#inUse > this.#inUse + MAX_GAPS) this.#closeGaps();
    this.#clock++;
    this.#inUse = 0;
  }

  clear(): void {
    this.starts.fill(NO_TEXT);
    this.bytes = new Uint8Array(MIN_BYTES);
    this.#used = this.#inUse = 0;
    this.#count = 1;
    this.#free = [];
  }

  #mark(id: number): void {
    if (this.#asked[id] === this.#clock) return;
    this.#asked[id] = this.#clock;
    this.#inUse += this.ends[id]! - this.starts[id]!;
  }

  #closeGaps(): void {
    const from = this.bytes;
    this.bytes = new Uint8Array(2 * this.#inUse + MIN_BYTES);
    this.#used = 0;
    for (let id = 1; id < this.#count; id++) {
      const start = this.starts[id]!;
      if (start === NO_TEXT) continue;
      if (this.#asked[id] !== this.#clock) {
        this.starts[id] = NO_TEXT;
        continue;
      }
      this.bytes.set(from.subarray(start, this.ends[id]), this.#used);
      this.starts[id] = this.#used;
      this.#used += this.ends[id]! - start;
      this.ends[id] = this.#used;
    }
  }

  #grow(): void {
    const length = 2 * this.starts.length;
    this.starts = grown(this.starts, new Uint32Array(length).fill(NO_TEXT, this.starts.length));
    this.ends = grown(this.ends, new Uint32Array(length));
    this.#asked = grown(this.#asked, new Float64Array(length));
  }
}

function grown<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from);
  return to;
}
