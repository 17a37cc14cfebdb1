/**
 * The wire format of the RouterOS API, apart from that of the program so that each can show the other wrong:
 * https://help.mikrotik.com/docs/spaces/ROS/pages/47579160/API, "API words".
 */

/** As text it is written in UTF-8. */
export type Word = string | Uint8Array;

const ENCODER = new TextEncoder(), DECODER = new TextDecoder();

/** The length of a word, in the shortest of the five forms. */
export function encodeLength(length: number): number[] {
  const [b3, b2, b1, b0] = [length >>> 24, length >>> 16 & 0xff, length >>> 8 & 0xff, length & 0xff];
  if (length < 0x80) return [b0];
  if (length < 0x4000) return [0x80 | b1, b0];
  if (length < 0x20_0000) return [0xc0 | b2, b1, b0];
  if (length < 0x1000_0000) return [0xe0 | b3, b2, b1, b0];
  return [0xf0, b3, b2, b1, b0];
}

export function encodeWord(word: Word): Uint8Array<ArrayBuffer> {
  const writer = new SentenceWriter();
  writer.word(word);
  return writer.take();
}

export function encodeSentence(words: Iterable<Word>): Uint8Array<ArrayBuffer> {
  const writer = new SentenceWriter();
  for (const word of words) writer.word(word);
  writer.end();
  return writer.take();
}

/** Writes many sentences one after the other. */
export class SentenceWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  word(word: Word): void {
    // UTF-8 has at most three bytes for each unit of UTF-16.
    if (typeof word === "string" && word.length * 3 < 0x80) {
      this.#reserve(0x80);
      const { written } = ENCODER.encodeInto(word, this.#bytes.subarray(this.#length + 1));
      this.#bytes[this.#length] = written;
      this.#length += 1 + written;
      return;
    }
    const content = typeof word === "string" ? ENCODER.encode(word) : word;
    const length = encodeLength(content.length);
    this.#reserve(length.length + content.length);
    this.#bytes.set(length, this.#length);
    this.#bytes.set(content, this.#length + length.length);
    this.#length += length.length + content.length;
  }

  /** Ends a sentence. */
  end(): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = 0;
  }

  /** What was written; begins anew. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const bytes = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + more));
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
  }
}

/** Reads sentences from bytes that come in pieces of any size. */
export class SentenceDecoder {
  #rest = new Uint8Array();
  #words: string[] = [];

  /** The sentences that end in these bytes; one without words is none. Throws at a control byte. */
  push(bytes: Uint8Array): string[][] {
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    const sentences: string[][] = [];
    let at = 0;
    for (let word; (word = wordAt(all, at)) !== undefined; at = word.end) {
      if (word.start < word.end) {
        this.#words.push(DECODER.decode(all.subarray(word.start, word.end)));
      } else if (this.#words.length > 0) {
        sentences.push(this.#words);
        this.#words = [];
      }
    }
    this.#rest = all.slice(at);
    return sentences;
  }
}

/** Where the word is whose length stands at this place; undefined if it has not come whole. */
function wordAt(bytes: Uint8Array, at: number): { readonly start: number; readonly end: number } | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  if (first > 0xf0) throw new Error(`Expected the length of a word, not 0x${first.toString(16)}`);
  const more = first < 0x80 ? 0 : first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const start = at + 1 + more;
  if (start > bytes.length) return undefined;
  // The marks of the form are the upper bits, one more than bytes follow; 0xf0 has no others.
  let length = more === 4 ? 0 : first & (0xff >> (more === 0 ? 0 : more + 1));
  for (const byte of bytes.subarray(at + 1, start)) length = length * 256 + byte;
  return start + length <= bytes.length ? { start, end: start + length } : undefined;
}
