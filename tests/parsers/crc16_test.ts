import assert from "node:assert/strict";
import { crc16 } from "../../parsers/crc16.ts";
import { property, Random } from "../helpers/random.ts";
import { crc16 as other } from "../helpers/wialon/crc16.ts";

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

Deno.test("crc16() is CRC-16/ARC", () => {
  const cases: readonly (readonly [text: string, crc: number])[] = [
    ["", 0],
    ["\0", 0],
    ["\0\0\0\0\0", 0],
    ["\x01", 0xc0c1],
    // The check of the catalogue of parametrised CRC algorithms
    ["123456789", 0xbb3d],
    // The specification of Wialon IPS 2.0, and devices
    ["2.0;imei;NA;", 0xa932],
    ["2.0;236010173;NA;", 0x8a7],
  ];
  for (const [text, crc] of cases) {
    const bytes = encode(text);
    assert.equal(crc16(0, bytes, 0, bytes.length), crc, JSON.stringify(text));
  }
});

Deno.test("crc16() is the same at each place and of each length", () => {
  const bytes = new Random(1).bytes(40);
  for (let from = 0; from <= bytes.length; from++) {
    for (let to = from; to <= bytes.length; to++) {
      assert.equal(crc16(0, bytes, from, to), other(bytes.subarray(from, to)), `${from} to ${to}`);
    }
  }
});

property("crc16() goes on with the checksum of what came before", (random) => {
  for (let i = 0; i < 2000; i++) {
    const bytes = random.bytes(random.int(64)), whole = other(bytes);
    let crc = 0, at = 0;
    while (at < bytes.length) {
      const end = Math.min(bytes.length, at + random.int(9));
      crc = crc16(crc, bytes, at, end);
      at = end;
    }
    assert.equal(crc, whole);
  }
});
