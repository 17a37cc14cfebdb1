/**
 * The sentences of the RouterOS API (https://help.mikrotik.com/docs/spaces/ROS/pages/47579160/API): words, each after
 * its length, and an empty word at the end of a sentence.
 */

/** No reply of a router comes near these. */
const MAX_WORDS = 1024, MAX_SENTENCE = 1 << 20;
const MIN_ROOM = 65_536;
const BANG = 0x21, DOT = 0x2e;

/** What kind of sentence a reply is. */
export const REPLY = { row: 0, done: 1, trap: 2, fatal: 3, empty: 4, unknown: 5 } as const;

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
const KINDS: readonly (readonly [word: Uint8Array, kind: number])[] = [
  [ENCODER.encode("!re"), REPLY.row],
  [ENCODER.encode("!done"), REPLY.done],
  [ENCODER.encode("!trap"), REPLY.trap],
  [ENCODER.encode("!fatal"), REPLY.fatal],
  [ENCODER.encode("!empty"), REPLY.empty],
];
const TAG = ENCODER.encode(".tag=");

/** Replies as they arrive: what is received is written into `room()`, and read sentence by sentence from where it is. */
export class RouterosSentences {
  /** What is received. A sentence is valid until the next one is read. */
  bytes = new Uint8Array(2 * MIN_ROOM);
  /** Of the present sentence: one of `REPLY`. */
  kind: number = REPLY.unknown;
  /** How many words it has after the first, and where in `bytes` they begin and end. */
  words = 0;
  readonly starts = new Int32Array(MAX_WORDS);
  readonly ends = new Int32Array(MAX_WORDS);
  /** Which word is its tag; -1 for none. */
  tag = -1;
  /** What is wrong with what was received; nothing can be read after it. */
  fault: string | undefined;
  /** The beginning of the first word. */
  #firstStart = 0;
  #firstEnd = 0;
  /** What was received and not yet read. */
  #start = 0;
  #end = 0;
  /** How many bytes were received before those in the buffer. */
  #before = 0;

  /** Where what is received next is to be written. */
  room(): Uint8Array<ArrayBuffer> {
    if (this.fault !== undefined) this.#start = this.#end;
    if (this.#start > 0) {
      this.bytes.copyWithin(0, this.#start, this.#end);
      this.#before += this.#start;
      this.#end -= this.#start;
      this.#start = 0;
    }
    if (this.bytes.length - this.#end < MIN_ROOM) {
      const bytes = this.bytes;
      this.bytes = new Uint8Array(2 * bytes.length);
      this.bytes.set(bytes.subarray(0, this.#end));
    }
    return this.bytes.subarray(this.#end);
  }

  /** So many bytes were written into the room. */
  received(count: number): void {
    this.#end += count;
  }

  /** Whether there is something that was not read. */
  get hasRest(): boolean {
    return this.#end > this.#start;
  }

  /** Reads the next sentence, if all of it is there. */
  next(): boolean {
    if (this.fault !== undefined) return false;
    const bytes = this.bytes, end = this.#end, starts = this.starts, ends = this.ends;
    let at = this.#start, words = -1;
    this.tag = -1;
    while (at < end) {
      const first = bytes[at]!;
      let length = first, start = at + 1;
      if (first >= 0x80) {
        if (first > 0xf0) {
          return this.#fail(at, `the reserved byte 0x${first.toString(16)} in place of a length`);
        }
        start = at + lengthBytes(first);
        if (start > end) break;
        length = longLength(bytes, at);
      }
      const stop = start + length;
      if (stop - this.#start > MAX_SENTENCE) {
        return this.#fail(at, `a sentence of more than ${MAX_SENTENCE} bytes`);
      }
      // Whoever speaks another protocol is told at once.
      if (words < 0 && length > 0 && start < end && bytes[start] !== BANG) {
        return this.#fail(start, "no reply of a RouterOS API");
      }
      if (stop > end) break;
      at = stop;
      if (length === 0) {
        // An empty sentence says nothing.
        if (words < 0) {
          this.#start = at;
          continue;
        }
        this.#start = at;
        this.words = words;
        this.kind = this.#kindOf(this.#firstStart, this.#firstEnd);
        return true;
      }
      if (words < 0) {
        this.#firstStart = start;
        this.#firstEnd = stop;
      } else {
        if (words === MAX_WORDS) return this.#fail(start, `a sentence of more than ${MAX_WORDS} words`);
        if (bytes[start] === DOT && startsWith(bytes, start, stop, TAG)) this.tag = words;
        starts[words] = start;
        ends[words] = stop;
      }
      words++;
    }
    return false;
  }

  /** The number that is the tag of the present sentence; -1 when it has none. */
  get tagNumber(): number {
    if (this.tag < 0) return -1;
    let number = 0;
    const start = this.starts[this.tag]! + TAG.length, end = this.ends[this.tag]!;
    if (start === end) return -1;
    for (let at = start; at < end; at++) {
      const digit = this.bytes[at]! - 0x30;
      if (digit < 0 || digit > 9 || number > 1e9) return -1;
      number = 10 * number + digit;
    }
    return number;
  }

  /** The first word of the present sentence. */
  get reply(): string {
    return DECODER.decode(this.bytes.subarray(this.#firstStart, this.#firstEnd));
  }

  /** A word of the present sentence. */
  word(index: number): string {
    return DECODER.decode(this.bytes.subarray(this.starts[index], this.ends[index]));
  }

  /** The attributes of the present sentence. */
  attributes(): Map<string, string> {
    const attributes = new Map<string, string>();
    for (let i = 0; i < this.words; i++) {
      const [, name, value] = /^=([^=]*)=(.*)$/s.exec(this.word(i)) ?? [];
      if (name !== undefined) attributes.set(name, value!);
    }
    return attributes;
  }

  #kindOf(start: number, end: number): number {
    for (let i = 0; i < KINDS.length; i++) {
      const [word, kind] = KINDS[i]!;
      if (word.length === end - start && startsWith(this.bytes, start, end, word)) return kind;
    }
    return REPLY.unknown;
  }

  #fail(at: number, what: string): false {
    this.fault = `${what}, at byte ${this.#before + at}`;
    return false;
  }
}

function startsWith(bytes: Uint8Array, start: number, end: number, word: Uint8Array): boolean {
  if (end - start < word.length) return false;
  for (let i = 0; i < word.length; i++) if (bytes[start + i] !== word[i]) return false;
  return true;
}

/** How many bytes a length has that begins with this one. */
function lengthBytes(first: number): number {
  return first < 0xc0 ? 2 : first < 0xe0 ? 3 : first < 0xf0 ? 4 : 5;
}

function longLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!, count = lengthBytes(first);
  // The highest bits of the first byte say how many there are.
  let length = count === 5 ? 0 : first & (0xff >> count);
  for (let i = 1; i < count; i++) length = 256 * length + bytes[at + i]!;
  return length;
}

/** A sentence as it is sent. Words longer than 16,383 bytes are none of ours. */
export function encodeSentence(words: readonly string[]): Uint8Array<ArrayBuffer> {
  const encoded = words.map((word) => ENCODER.encode(word));
  const length = encoded.reduce((sum, { length }) => sum + length + (length < 0x80 ? 1 : 2), 1);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const word of encoded) {
    if (word.length >= 0x4000) throw new RangeError(`Cannot send a word of ${word.length} bytes`);
    if (word.length >= 0x80) bytes[at++] = 0x80 | (word.length >> 8);
    bytes[at++] = word.length;
    bytes.set(word, at);
    at += word.length;
  }
  return bytes;
}
