import { hashSecrets } from "./hash_secrets.ts";
import { Ip } from "./ip.ts";

/** An IPv6 address in a record is this number plus its id here; below it, a number is an IPv4 address. */
export const IPV6_BASE = 2 ** 32;

/**
 * The numbers that stand in records for what is not a number: IPv6 addresses and texts. One for each source.
 * It is bounded by `forgetIfFull()`, which is called where the work of a source yields: the numbers given until then
 * lose their meaning, and whoever keeps some over a `yield` compares `generation`.
 */
export class Vocabulary {
  generation = 0;
  #texts: string[] = [];
  #textIds = new Map<string, number>();
  #words = new Uint32Array(4 * 64);
  #slots = new Int32Array(128);
  #addresses = 0;
  readonly #listeners: (() => void)[] = [];

  constructor(readonly limit = 131_072) {}

  get size(): number {
    return this.#texts.length + this.#addresses;
  }

  text(text: string): number {
    let id = this.#textIds.get(text);
    if (id === undefined) {
      id = this.#texts.length;
      this.#texts.push(text);
      this.#textIds.set(text, id);
    }
    return id;
  }

  textOf(number: number): string {
    return this.#texts[number] ?? "";
  }

  ip(ip: Ip): number {
    return ip.version === 4 ? ip.toNumber() : this.ipv6(ip.bytes, 0);
  }

  ipOf(number: number): Ip {
    if (number < IPV6_BASE) return Ip.v4(number);
    const bytes = new Uint8Array(16), view = new DataView(bytes.buffer);
    const at = 4 * (number - IPV6_BASE);
    for (let i = 0; i < 4; i++) view.setUint32(4 * i, this.#words[at + i]!);
    return Ip.v6(bytes);
  }

  /** The number of the 16 bytes at the offset; an IPv4-mapped address is the IPv4 address. */
  ipv6(bytes: Uint8Array, offset: number): number {
    const a = word(bytes, offset), b = word(bytes, offset + 4);
    const c = word(bytes, offset + 8), d = word(bytes, offset + 12);
    return this.ipv6Words(a, b, c, d);
  }

  /** As `ipv6()`, for an address that is read as four 32-bit words. */
  ipv6Words(a: number, b: number, c: number, d: number): number {
    if (a === 0 && b === 0 && c === 0xffff) return d;
    const words = this.#words, slots = this.#slots, mask = slots.length - 1;
    let slot = hash(a, b, c, d) & mask;
    for (;;) {
      const id = slots[slot]!;
      if (id === 0) break;
      const at = 4 * (id - 1);
      if (words[at + 3] === d && words[at + 2] === c && words[at + 1] === b && words[at] === a) {
        return IPV6_BASE + id - 1;
      }
      slot = (slot + 1) & mask;
    }
    if (2 * this.#addresses >= mask) {
      this.#grow();
      return this.ipv6Words(a, b, c, d);
    }
    words.set([a, b, c, d], 4 * this.#addresses);
    slots[slot] = ++this.#addresses;
    return IPV6_BASE + this.#addresses - 1;
  }

  /** Calls the listener before the numbers lose their meaning. */
  onForget(listener: () => void): void {
    this.#listeners.push(listener);
  }

  forgetIfFull(): void {
    if (this.size <= this.limit) return;
    for (const listener of this.#listeners) listener();
    this.generation++;
    this.#texts = [];
    this.#textIds.clear();
    this.#slots.fill(0);
    this.#addresses = 0;
  }

  #grow(): void {
    const words = this.#words;
    this.#words = new Uint32Array(2 * words.length);
    this.#words.set(words);
    const slots = this.#slots = new Int32Array(2 * this.#slots.length);
    for (let id = 1; id <= this.#addresses; id++) {
      const at = 4 * (id - 1);
      let slot = hash(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!) & (slots.length - 1);
      while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1);
      slots[slot] = id;
    }
  }
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

const [A = 0, B = 0, C = 0, D = 0] = hashSecrets(4);

function hash(a: number, b: number, c: number, d: number): number {
  let h = Math.imul(a, A) ^ Math.imul(b, B) ^ Math.imul(c, C) ^ Math.imul(d, D);
  h ^= h >>> 15;
  return Math.imul(h, 0x2c1b3c6d) >>> 8;
}
