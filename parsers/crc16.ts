/** CRC-16/ARC: the polynomial 0x8005, with bits in reverse. */
const POLYNOMIAL = 0xa001;

/** Of each byte, and then of each byte that one, two and three others follow. */
const TABLES = new Uint16Array(4 * 256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  TABLES[byte] = crc;
}
for (let i = 256; i < TABLES.length; i++) {
  const before = TABLES[i - 256]!;
  TABLES[i] = (before >>> 8) ^ TABLES[before & 0xff]!;
}

/** The checksum of what had `crc` and is followed by the bytes; that of nothing is 0. Four bytes at a time. */
export function crc16(crc: number, bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  for (; at + 4 <= to; at += 4) {
    const first = crc ^ bytes[at]! ^ (bytes[at + 1]! << 8);
    crc = TABLES[768 + (first & 0xff)]! ^ TABLES[512 + (first >>> 8)]! ^ TABLES[256 + bytes[at + 2]!]! ^
      TABLES[bytes[at + 3]!]!;
  }
  for (; at < to; at++) crc = (crc >>> 8) ^ TABLES[(crc ^ bytes[at]!) & 0xff]!;
  return crc;
}
