/** CRC-16/ARC, bit by bit: a second opinion about that of the exporter, which has tables. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
  }
  return crc;
}
