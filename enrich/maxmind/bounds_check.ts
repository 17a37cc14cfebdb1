/** What one record may hold at most: bytes of texts, and values. That of a city in eight languages has some 1,400. */
const MAX_COST = 65_536;

/** https://maxmind.github.io/MaxMind-DB/: types, offsets of pointers and sizes by the number of their bytes. */
const EXTENDED = 0, POINTER = 1, MAP = 7, ARRAY = 11, BOOLEAN = 14;
const POINTER_OFFSETS = [0, 2048, 526_336, 0];
const SIZE_OFFSETS = [0, 29, 285, 65_821];

/**
 * Goes through a value as the Reader would decode it and throws when that is too much, or beyond the end: the Reader
 * itself believes every size and follows pointers in circles.
 */
export class BoundsCheck {
  readonly #bytes: Uint8Array;
  /** Where the section begins that pointers point into. */
  readonly #base: number;
  #left = MAX_COST;

  constructor(bytes: Uint8Array, base: number) {
    this.#bytes = bytes;
    this.#base = base;
  }

  /** Gives where the value ends that begins there. */
  value(at: number): number {
    const control = this.#number(at++, 1);
    let type = control >> 5;
    if (type === POINTER) {
      this.#pay(1);
      const length = ((control >> 3) & 3) + 1;
      const high = length === 4 ? 0 : (control & 7) * 256 ** length;
      this.value(this.#base + POINTER_OFFSETS[length - 1]! + high + this.#number(at, length));
      return at + length;
    }
    if (type === EXTENDED) type = 7 + this.#number(at++, 1);
    let size = control & 31;
    if (size >= 29) {
      const length = size - 28;
      size = SIZE_OFFSETS[length]! + this.#number(at, length);
      at += length;
    }
    this.#pay(1 + size);
    if (type === BOOLEAN) return at;
    if (type !== MAP && type !== ARRAY) return at + size;
    for (let i = type === MAP ? 2 * size : size; i > 0; i--) at = this.value(at);
    return at;
  }

  #pay(cost: number): void {
    this.#left -= cost;
    if (this.#left < 0) throw new Error("Expected less in one record");
  }

  #number(at: number, length: number): number {
    let number = 0;
    for (let i = 0; i < length; i++) {
      const byte = this.#bytes[at + i];
      if (byte === undefined) throw new Error("Expected more at the end");
      number = number * 256 + byte;
    }
    return number;
  }
}
