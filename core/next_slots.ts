/** 32-bit integers in a page of memory. */
const PAGE = 1024;

/**
 * The slots into which a hash table will grow. The kernel gives memory when it is touched first, which for a megabyte
 * at once takes long; so the last insertions before the table grows touch a page each.
 */
export class NextSlots {
  #slots: Int32Array<ArrayBuffer> | undefined;

  /** At an insertion after which there is room for so many more, until slots of this length are needed. */
  prepare(room: number, length: number): void {
    if (room * PAGE >= length) return;
    if (this.#slots?.length !== length) this.#slots = new Int32Array(length);
    this.#slots[room * PAGE] = 0;
  }

  /** Gives the slots, all zero. */
  take(length: number): Int32Array<ArrayBuffer> {
    const slots = this.#slots;
    this.#slots = undefined;
    return slots?.length === length ? slots : new Int32Array(length);
  }
}
