import type { Vocabulary } from "./vocabulary.ts";

const SLOTS = 512;

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * The numbers of texts that come as bytes: those that come often are known again without becoming a text. It is
 * bounded: of two whose hashes meet, the one that came later is known.
 */
export class ByteTexts {
  readonly #vocabulary: Vocabulary;
  readonly #known: (Uint8Array | undefined)[] = new Array(SLOTS).fill(undefined);
  readonly #numbers = new Float64Array(SLOTS);
  #generation: number;

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
    this.#generation = vocabulary.generation;
  }

  numberOf(bytes: Uint8Array, start: number, end: number): number {
    if (this.#generation !== this.#vocabulary.generation) this.#forget();
    let hash = end - start;
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
    const slot = (hash ^ (hash >>> 11)) & (SLOTS - 1), known = this.#known[slot];
    if (known !== undefined && isSame(known, bytes, start, end)) return this.#numbers[slot]!;
    const number = this.#vocabulary.text(DECODER.decode(bytes.subarray(start, end)));
    this.#known[slot] = bytes.slice(start, end);
    this.#numbers[slot] = number;
    return number;
  }

  #forget(): void {
    this.#generation = this.#vocabulary.generation;
    this.#known.fill(undefined);
  }
}

/** Whether the bytes from `start` to `end` are the known ones. */
export function isSame(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[start + i]) return false;
  return true;
}
