import { nextCapacity } from "../core/growth.ts";

/** Bytes of a chunk. */
const SIZE = 128;
const FIRST = 64;
/** Where in the words of a queue: its first and last chunk, 0 for none, and how many bytes it has. */
const HEAD = 0, TAIL = 1, LENGTH = 2;

/** So many words belong to a queue; without bytes they are all 0. */
export const QUEUE_WORDS = 3;

/** Those from one index to another. */
export interface Bytes {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/**
 * Queues of bytes, of which there may be very many, in one piece of memory. A queue is three words in an array of whoever
 * has it.
 */
export class ByteChunks {
  readonly #limit: number;
  #bytes = new Uint8Array(FIRST * SIZE);
  /** Of each chunk the one after it, in its queue or in that of the free ones; chunk 0 is none. */
  #next = new Int32Array(FIRST);
  #free = 0;
  /** Chunks that were in use at some time, none included. */
  #used = 1;
  /** Those that are in use now. */
  #taken = 0;

  /** It holds at most so many bytes, about. */
  constructor(limit: number) {
    this.#limit = Math.ceil(limit / SIZE) + 1;
  }

  /** Bytes for which there is room. */
  get room(): number {
    return (this.#limit - 1 - this.#taken) * SIZE;
  }

  /** Adds the bytes to a queue; gives whether there was room, otherwise the queue stays as it is. */
  append(queue: Int32Array, at: number, { bytes, from, to }: Bytes): boolean {
    const length = queue[at + LENGTH]!, inLast = length % SIZE;
    let rest = to - from;
    const first = inLast === 0 ? 0 : Math.min(rest, SIZE - inLast);
    const count = Math.ceil((rest - first) / SIZE);
    if (count * SIZE > this.room) return false;
    const added = this.#take(count);
    let chunk = queue[at + TAIL]!;
    if (first > 0) this.#write(chunk * SIZE + inLast, { bytes, from, to: from + first });
    from += first;
    rest -= first;
    if (added > 0) {
      if (chunk === 0) queue[at + HEAD] = added;
      else this.#next[chunk] = added;
    }
    for (let next = added; next > 0; next = this.#next[next]!) {
      chunk = next;
      this.#write(chunk * SIZE, { bytes, from, to: Math.min(to, from + SIZE) });
      from += SIZE;
    }
    queue[at + TAIL] = chunk;
    queue[at + LENGTH] = length + first + rest;
    return true;
  }

  /** Writes all bytes of a queue to `out`, which has room for them; gives how many. */
  copy(queue: Int32Array, at: number, out: Uint8Array): number {
    const length = queue[at + LENGTH]!;
    let chunk = queue[at + HEAD]!;
    for (let to = 0; to < length; to += SIZE, chunk = this.#next[chunk]!) {
      const start = chunk * SIZE;
      out.set(this.#bytes.subarray(start, start + Math.min(SIZE, length - to)), to);
    }
    return length;
  }

  /** Empties a queue. */
  clear(queue: Int32Array, at: number): void {
    const head = queue[at + HEAD]!;
    if (head === 0) return;
    this.#taken -= Math.ceil(queue[at + LENGTH]! / SIZE);
    this.#next[queue[at + TAIL]!] = this.#free;
    this.#free = head;
    queue[at + HEAD] = queue[at + TAIL] = queue[at + LENGTH] = 0;
  }

  /** Takes so many chunks, of which there are as many, each followed by the next; gives the first, 0 for none. */
  #take(count: number): number {
    let first = 0;
    this.#taken += count;
    for (let i = 0; i < count; i++) {
      let chunk = this.#free;
      if (chunk !== 0) this.#free = this.#next[chunk]!;
      else chunk = this.#new();
      this.#next[chunk] = first;
      first = chunk;
    }
    return first;
  }

  #new(): number {
    const capacity = this.#next.length;
    if (this.#used === capacity) {
      const larger = Math.min(nextCapacity(capacity), this.#limit);
      const next = new Int32Array(larger), bytes = new Uint8Array(larger * SIZE);
      next.set(this.#next);
      bytes.set(this.#bytes);
      this.#next = next;
      this.#bytes = bytes;
    }
    return this.#used++;
  }

  #write(at: number, { bytes, from, to }: Bytes): void {
    this.#bytes.set(bytes.subarray(from, to), at);
  }
}
