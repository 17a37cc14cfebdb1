const ENCODER = new TextEncoder();
const CHUNK = 65_536;
/** No number is longer: the longest of a double has 25 characters. */
const NUMBER = 32;

/** Collects bytes in chunks of about 64 KiB. */
export class ChunkWriter {
  #bytes = new Uint8Array(CHUNK);
  #used = 0;

  /** Whether the chunk has grown so long that it should be taken. */
  get isFull(): boolean {
    return this.#used >= CHUNK - 4096;
  }

  take(): Uint8Array<ArrayBuffer> {
    const chunk = this.#bytes.subarray(0, this.#used);
    this.#bytes = new Uint8Array(CHUNK);
    this.#used = 0;
    return chunk;
  }

  text(text: string): void {
    this.#reserve(3 * text.length);
    this.#used += ENCODER.encodeInto(text, this.#bytes.subarray(this.#used)).written;
  }

  bytes(from: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start);
    this.#bytes.set(from.subarray(start, end), this.#used);
    this.#used += end - start;
  }

  /** A few bytes. */
  word(from: Uint8Array): void {
    this.#reserve(from.length);
    const bytes = this.#bytes, at = this.#used;
    for (let i = 0; i < from.length; i++) bytes[at + i] = from[i]!;
    this.#used += from.length;
  }

  /** A number as Prometheus reads it, and the end of the line. */
  numberLine(value: number): void {
    this.#reserve(NUMBER);
    if (value >= 0 && value < 0x7fffffff && (value | 0) === value) this.#integer(value);
    else this.text(formatNumber(value));
    this.#bytes[this.#used++] = 10;
  }

  #integer(value: number): void {
    let digits = 1;
    for (let bound = 10; value >= bound; bound *= 10) digits++;
    const bytes = this.#bytes;
    let at = this.#used += digits;
    do {
      const tenth = (value / 10) | 0;
      bytes[--at] = 48 + value - 10 * tenth;
      value = tenth;
    } while (value > 0);
  }

  #reserve(length: number): void {
    if (this.#used + length <= this.#bytes.length) return;
    const bytes = this.#bytes;
    this.#bytes = new Uint8Array(Math.max(2 * bytes.length, this.#used + length));
    this.#bytes.set(bytes.subarray(0, this.#used));
  }
}

export function formatNumber(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? "+Inf" : value < 0 ? "-Inf" : "NaN";
}
