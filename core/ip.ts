/** IP addresses and prefixes: strict parsing, canonical text (RFC 5952), masking. */

export class Ip {
  /** `bytes` are 4 or 16, in network order, and are not to be changed. */
  private constructor(readonly version: 4 | 6, readonly bytes: Uint8Array) {}

  static v4(value: number): Ip {
    return new Ip(4, Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value));
  }

  /** An IPv4-mapped address (::ffff:a.b.c.d) is the IPv4 address that it stands for. */
  static v6(bytes: Uint8Array, offset = 0): Ip {
    // Not slice(): that of a Buffer does not copy.
    return isMapped(bytes, offset)
      ? new Ip(4, new Uint8Array(bytes.subarray(offset + 12, offset + 16)))
      : new Ip(6, new Uint8Array(bytes.subarray(offset, offset + 16)));
  }

  static parse(text: string): Ip | undefined {
    const v4 = parseIpv4(text);
    if (v4 !== undefined) return Ip.v4(v4);
    const v6 = parseIpv6(text);
    return v6 && Ip.v6(v6);
  }

  /** An IPv4 address as its 32-bit number. */
  toNumber(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.bytes;
    return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  }

  /** The first address of the network of the given prefix length that holds this one. */
  masked(length: number): Ip {
    return new Ip(
      this.version,
      this.bytes.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, length - 8 * i)))),
    );
  }

  toString(): string {
    return this.version === 4 ? formatIpv4(this.toNumber()) : formatIpv6(this.bytes, 0);
  }
}

export class Prefix {
  private constructor(readonly ip: Ip, readonly length: number) {}

  /** `10.0.0.0/8`, `2001:db8::/32`, or an address alone. */
  static parse(text: string): Prefix | undefined {
    const [address = "", length, ...more] = text.split("/");
    const ip = Ip.parse(address);
    if (!ip || more.length > 0) return undefined;
    const bits = ip.bytes.length * 8;
    if (length === undefined) return new Prefix(ip, bits);
    // ::ffff:10.0.0.0/104 is 10.0.0.0/8.
    const shift = ip.version === 4 && address.includes(":") ? 96 : 0;
    const parsed = /^(0|[1-9]\d{0,2})$/.test(length) ? Number(length) - shift : -1;
    return parsed < 0 || parsed > bits ? undefined : new Prefix(ip.masked(parsed), parsed);
  }

  contains(ip: Ip): boolean {
    if (ip.version !== this.ip.version) return false;
    const whole = this.length >> 3;
    for (let i = 0; i < whole; i++) if (ip.bytes[i] !== this.ip.bytes[i]) return false;
    const rest = this.length & 7;
    return rest === 0 || (((ip.bytes[whole] ?? 0) ^ (this.ip.bytes[whole] ?? 0)) >> (8 - rest)) === 0;
  }

  toString(): string {
    return `${this.ip}/${this.length}`;
  }
}

export function parseIpv4(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
}

export function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

export function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? groups(halves[1] ?? "", true) : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const bytes = new Uint8Array(16);
  [...head, ...new Array<number>(missing).fill(0), ...tail].forEach((group, i) => {
    bytes[2 * i] = group >> 8;
    bytes[2 * i + 1] = group;
  });
  return bytes;
}

/** The 16-bit groups of one side of "::"; only the last side may end in a dotted IPv4 address. */
function groups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const result: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (last && i === parts.length - 1 && part.includes(".")) {
      const v4 = parseIpv4(part);
      if (v4 === undefined) return undefined;
      result.push(v4 >>> 16, v4 & 0xffff);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      result.push(parseInt(part, 16));
    } else return undefined;
  }
  return result;
}

export function formatIpv6(bytes: Uint8Array, offset: number): string {
  const group = (i: number) => ((bytes[offset + 2 * i] ?? 0) << 8) | (bytes[offset + 2 * i + 1] ?? 0);
  // RFC 5952 §4.2: the longest run of two or more zero groups is shortened; of equals the first.
  let start = -1, length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && group(end) === 0) end++;
    if (end - i > length) [start, length] = [i, end - i];
    if (end > i) i = end;
  }
  let text = "";
  for (let i = 0; i < 8; i++) {
    if (i === start) {
      text += "::";
      i += length - 1;
    } else text += (text === "" || text.endsWith(":") ? "" : ":") + group(i).toString(16);
  }
  return text;
}

export function isMapped(bytes: Uint8Array, offset: number): boolean {
  for (let i = 0; i < 10; i++) if (bytes[offset + i] !== 0) return false;
  return bytes[offset + 10] === 0xff && bytes[offset + 11] === 0xff;
}
