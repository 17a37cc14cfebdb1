import type { Vocabulary } from "../core/vocabulary.ts";

const PERCENT = 0x25, DOT = 0x2e, SLASH = 0x2f, ZERO = 0x30, COLON = 0x3a, OPEN = 0x5b, CLOSE = 0x5d;
const MAX_PORT = 65_535;
/** No number of 64 bits has more. */
const MAX_DIGITS = 20;
/** Of hours, minutes and seconds. */
const MAX_COLONS = 2;

/** By the character: the value of a hexadecimal digit, or -1. */
const HEX = new Int8Array(256).fill(-1);
for (let digit = 0; digit < 16; digit++) {
  HEX[digit.toString(16).charCodeAt(0)] = HEX[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}

/** By the first letter of a unit: seconds. `ms` is told by its second letter, and there are `us` and `ns` as well. */
const UNITS: Readonly<Record<string, number>> = { w: 604_800, d: 86_400, h: 3600, m: 60, s: 1 };
const SECONDS = new Float64Array(256);
for (const [unit, seconds] of Object.entries(UNITS)) SECONDS[unit.charCodeAt(0)] = seconds;
const FRACTIONS: Readonly<Record<string, number>> = { m: 1e3, u: 1e6, n: 1e9 };
/** How many of them are a second. */
const PARTS = new Float64Array(256);
for (const [prefix, parts] of Object.entries(FRACTIONS)) PARTS[prefix.charCodeAt(0)] = parts;
const S = "s".charCodeAt(0);

/** Of rates: what a prefix multiplies by. */
const PREFIXES = new Float64Array(256);
for (const [prefix, factor] of Object.entries({ k: 1e3, K: 1e3, M: 1e6, G: 1e9, T: 1e12 })) {
  PREFIXES[prefix.charCodeAt(0)] = factor;
}
const B = "b".charCodeAt(0), P = "p".charCodeAt(0), LOWER_T = "t".charCodeAt(0), LOWER_Y = "y".charCodeAt(0);

/** A whole number, or NaN. */
export function numberIn(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end || end - start > MAX_DIGITS) return NaN;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) return NaN;
    value = 10 * value + digit;
  }
  return value;
}

/** `true` and `yes` are 1, `false` and `no` are 0. */
export function flagIn(bytes: Uint8Array, start: number, end: number): number {
  const first = start < end ? bytes[start]! : 0;
  return first === LOWER_T || first === LOWER_Y ? 1 : 0;
}

/** Bits a second: `13200`, `13.2kbps`, `5.1Mbps`; or NaN. */
export function rateIn(bytes: Uint8Array, start: number, end: number): number {
  let at = start, value = 0, digits = 0, decimals = 0, isFraction = false;
  for (; at < end && at - start < MAX_DIGITS; at++) {
    const digit = bytes[at]! - ZERO;
    if (bytes[at] === DOT && !isFraction) isFraction = true;
    else if (digit < 0 || digit > 9) break;
    else {
      value = 10 * value + digit;
      digits++;
      if (isFraction) decimals++;
    }
  }
  if (digits === 0) return NaN;
  // Divided last, whole numbers stay whole.
  if (at < end && PREFIXES[bytes[at]!]! > 0) value *= PREFIXES[bytes[at++]!]!;
  value /= 10 ** decimals;
  if (at === end) return value;
  const isUnit = end - at === 3 && bytes[at] === B && bytes[at + 1] === P && bytes[at + 2] === S;
  return isUnit ? value : NaN;
}

/** Seconds: `23h59m59s`, `1w2d`, `5s500ms`, `00:10:00`, `2d03:04:05`; or NaN. */
export function durationIn(bytes: Uint8Array, start: number, end: number): number {
  let seconds = 0, clock = 0, colons = 0, at = start;
  while (at < end) {
    const from = at;
    let value = 0;
    for (; at < end && at - from < MAX_DIGITS; at++) {
      const digit = bytes[at]! - ZERO;
      if (digit < 0 || digit > 9) break;
      value = 10 * value + digit;
    }
    if (at === from) return NaN;
    // Hours, minutes and seconds between colons.
    if (at === end) return colons <= MAX_COLONS ? seconds + clock + value : NaN;
    if (bytes[at] === COLON) {
      clock = 60 * (clock + value);
      colons++;
      at++;
      continue;
    }
    const unit = bytes[at++]!;
    if (at < end && bytes[at] === S && PARTS[unit]! > 0) {
      seconds += value / PARTS[unit]!;
      at++;
    } else if (SECONDS[unit]! > 0) seconds += value * SECONDS[unit]!;
    else return NaN;
  }
  return start === end || colons > 0 ? NaN : seconds;
}

/**
 * Addresses, with their ports where they have them: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`, and
 * also `fe80::1%ether1` and `2001:db8::1/64`.
 */
export class AddressReader {
  /** Of the address that was read last: its number in records, and its port or NaN. */
  number = NaN;
  port = NaN;
  /** Its 32-bit words; of IPv4 there is the last one only. */
  readonly words = new Uint32Array(4);
  readonly #vocabulary: Vocabulary;

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  /** Whether it is an address. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    this.number = this.port = NaN;
    if (start >= end) return false;
    if (bytes[start] === OPEN) return this.#readBracketed(bytes, start + 1, end);
    const stop = this.#readIpv4(bytes, start, end);
    if (stop < 0) return this.#readIpv6(bytes, start, endOfAddress(bytes, start, end));
    return stop === end || this.#readPort(bytes, stop, end);
  }

  #readBracketed(bytes: Uint8Array, start: number, end: number): boolean {
    let close = start;
    while (close < end && bytes[close] !== CLOSE) close++;
    if (close === end || !this.#readIpv6(bytes, start, endOfAddress(bytes, start, close))) return false;
    return close + 1 === end || this.#readPort(bytes, close + 1, end);
  }

  #readPort(bytes: Uint8Array, colon: number, end: number): boolean {
    if (bytes[colon] !== COLON) return bytes[colon] === SLASH;
    const port = numberIn(bytes, colon + 1, end);
    if (!(port <= MAX_PORT)) return false;
    this.port = port;
    return true;
  }

  /** Gives where it ends, or -1. */
  #readIpv4(bytes: Uint8Array, start: number, end: number): number {
    let word = 0, octets = 0;
    for (let at = start; at < end; at++) {
      const from = at;
      let octet = 0;
      for (; at < end && at < from + 3; at++) {
        const digit = bytes[at]! - ZERO;
        if (digit < 0 || digit > 9) break;
        octet = 10 * octet + digit;
      }
      if (at === from || octet > 255 || (bytes[from] === ZERO && at > from + 1)) return -1;
      word = (word << 8) | octet;
      if (++octets === 4) {
        if (at < end && bytes[at] !== COLON && bytes[at] !== SLASH) return -1;
        this.words[0] = this.words[1] = this.words[2] = 0;
        this.words[3] = word;
        this.number = word >>> 0;
        return at;
      }
      if (bytes[at] !== DOT) return -1;
    }
    return -1;
  }

  /** RFC 4291 §2.2 */
  #readIpv6(bytes: Uint8Array, start: number, end: number): boolean {
    const { words } = this;
    let groups = 0, gap = -1, at = start;
    words.fill(0);
    if (end - start >= 2 && bytes[at] === COLON) {
      if (bytes[at + 1] !== COLON) return false;
      gap = 0;
      at += 2;
    }
    while (at < end) {
      const from = at;
      let group = 0;
      for (; at < end && at < from + 4 && HEX[bytes[at]!]! >= 0; at++) {
        group = (group << 4) | HEX[bytes[at]!]!;
      }
      if (at < end && bytes[at] === DOT) return this.#readMapped(bytes, from, end, { groups, gap });
      if (at === from || groups === 8) return false;
      this.#setGroup(groups++, group);
      if (at === end) break;
      if (bytes[at] !== COLON || ++at === end) return false;
      if (bytes[at] === COLON) {
        if (gap >= 0) return false;
        gap = groups;
        at++;
      }
    }
    return this.#finish(groups, gap);
  }

  /** The last two groups as an IPv4 address. */
  #readMapped(bytes: Uint8Array, from: number, end: number, so: { groups: number; gap: number }): boolean {
    const kept = this.words.slice(), { groups, gap } = so;
    if (groups > 6 || this.#readIpv4(bytes, from, end) !== end) return false;
    const last = this.words[3]!;
    this.words.set(kept);
    this.#setGroup(groups, last >>> 16);
    this.#setGroup(groups + 1, last & 0xffff);
    return this.#finish(groups + 2, gap);
  }

  #setGroup(index: number, group: number): void {
    const shift = index & 1 ? 0 : 16;
    this.words[index >> 1]! |= group << shift;
  }

  /** Moves the groups after the gap to the end. */
  #finish(groups: number, gap: number): boolean {
    if (gap < 0 ? groups !== 8 : groups === 8) return false;
    const { words } = this;
    if (gap >= 0) {
      const moved = groups - gap;
      for (let i = 1; i <= moved; i++) {
        const from = groups - i, group = (words[from >> 1]! >>> (from & 1 ? 0 : 16)) & 0xffff;
        words[from >> 1]! &= from & 1 ? 0xffff0000 : 0xffff;
        this.#setGroup(8 - i, group);
      }
    }
    this.number = this.#vocabulary.ipv6Words(words[0]!, words[1]!, words[2]!, words[3]!);
    return true;
  }
}

/** Before a zone or a prefix length. */
function endOfAddress(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== PERCENT && bytes[at] !== SLASH) at++;
  return at;
}
