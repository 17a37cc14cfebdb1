import assert from "node:assert/strict";
import { property } from "../random.ts";
import { crc16 } from "./crc16.ts";
import {
  answer,
  ANSWER_CODES,
  type AnswerType,
  blackBox,
  type Bytes,
  configuration,
  container,
  type Crc,
  crcText,
  data,
  datagram,
  dataText,
  driverMessage,
  fileBlock,
  fileInfo,
  fileQuery,
  firmware,
  login,
  ping,
  pointText,
  shortData,
  snapshot,
  snapshotQuery,
  textCommand,
  trickyBytes,
} from "./messages.ts";
import { PacketReader, readDatagram, textOf } from "./packets.ts";

const NEW = { version: "2.0" } as const;
const POINT = "270413;205601;5544.6025;N;03739.6834;E;1;2;3;4";
const DATA = `${POINT};0.0;0;0;14.77,0.02,3.6;NA;count1:1:564,fuel:2:45.8,hw:3:V4.5`;

function encode(text: string): Bytes {
  return new TextEncoder().encode(text);
}

function joined(packets: readonly Uint8Array[]): Bytes {
  return new Uint8Array(packets.flatMap((packet) => [...packet]));
}

/** A packet of each kind, with the type that it has. */
function zoo(version: "1.1" | "2.0"): [type: string, bytes: Bytes][] {
  const form = { version }, bytes = trickyBytes(300);
  const answers = Object.entries(ANSWER_CODES).flatMap(([type, codes]) =>
    codes.map((code): [string, Bytes] => [type, answer(type as AnswerType, code)])
  );
  return [
    ["L", login({ imei: "123456789012345" }, form)],
    ["SD", shortData({}, form)],
    ["D", data({}, form)],
    ["B", blackBox([pointText(), dataText()], form)],
    ["P", ping()],
    ["M", driverMessage("hello", form)],
    ["I", snapshot({ index: 0, last: 1, bytes }, form)],
    ["I", snapshot({ index: 1, last: 1, bytes: new Uint8Array() }, form)],
    ["QI", snapshotQuery()],
    ["QT", fileQuery("DRIVER1")],
    ["IT", fileInfo({ code: "7", last: 0 })],
    ["T", fileBlock({ code: "7", index: 0, bytes })],
    ["US", firmware(bytes, form)],
    ["UC", configuration(bytes, form)],
    ["text", textCommand("VER?")],
    ...answers,
  ];
}

Deno.test("crc16() is CRC-16/ARC", () => {
  assert.equal(crc16(encode("123456789")), 0xbb3d);
});

Deno.test("crcText() is what the specification and devices have", () => {
  const all = {
    // The specification of 2.0
    "2.0;imei;NA;": "A932",
    // Devices, by the tests of gotrackery/protocol
    "2.0;236010173;NA;": "8A7",
    "240123;110050;NA;NA;NA;NA;NA;NA;NA;NA;": "C4B",
    "240123;135321;5748.3329;N;04312.9038;E;89;42;1250;16;NA;NA;NA;;NA;ign:1:1,fuel1:1:2183,fuel2:1:2421;":
      "4B9B",
    "240123;140214;5750.1249;N;04152.2760;E;79;111;1647;19;NA;NA;NA;;NA;ign:1:1,acc_x:1:0,acc_y:1:0,acc_z:1:-1;":
      "8CB1",
  };
  for (const [text, crc] of Object.entries(all)) assert.equal(crcText(encode(text)), crc);
});

Deno.test("a checksum is written as was asked for", () => {
  const bytes = encode("2.0;236010173;NA;");
  const text = (crc: Crc) => crcText(bytes, crc);
  assert.equal(text({ isLower: true }), "8a7");
  assert.equal(text({ isPadded: true }), "08A7");
  assert.equal(text({ isPrefixed: true, isLower: true }), "0x8a7");
  assert.notEqual(parseInt(text({ isWrong: true }), 16), 0x8a7);
});

Deno.test("packets of 1.1 are as the specification writes them", () => {
  const all: [Bytes, string][] = [
    [login({ imei: "123456789012345", password: "test" }), "#L#123456789012345;test\r\n"],
    [shortData(), `#SD#${POINT}\r\n`],
    [data(), `#D#${DATA}\r\n`],
    [data({ date: "NA", time: "NA", latitude: "NA;NA" }), `#D#NA;NA;NA;NA;${DATA.slice(26)}\r\n`],
    [blackBox([pointText(), dataText()]), `#B#${POINT}|${DATA}\r\n`],
    [ping(), "#P#\r\n"],
    [driverMessage("Hello"), "#M#Hello\r\n"],
    [
      snapshot({ index: 0, last: 1, bytes: encode("#\r\n") }),
      "#I#3;0;1;270413;205601;photo.jpg\r\n#\r\n",
    ],
    [firmware(encode("abc")), "#US#3\r\nabc"],
    [configuration(encode("abc")), "#UC#3\r\nabc"],
    [answer("AL", "01"), "#AL#01\r\n"],
    [answer("AP"), "#AP#\r\n"],
    [textCommand("reboot"), "reboot\r\n"],
  ];
  for (const [bytes, text] of all) assert.equal(textOf(bytes), text);
});

Deno.test("packets of 2.0 have a checksum of what comes before it, or of the bytes that follow", () => {
  const all: [Bytes, string][] = [
    [login({ imei: "imei" }, NEW), "#L#2.0;imei;NA;A932\r\n"],
    [shortData({}, NEW), `#SD#${POINT};${crcText(encode(`${POINT};`))}\r\n`],
    [blackBox([pointText()], NEW), `#B#${POINT}|${crcText(encode(`${POINT}|`))}\r\n`],
    [driverMessage("Hello", NEW), `#M#Hello;${crcText(encode("Hello;"))}\r\n`],
    [
      snapshot({ index: 0, last: 0, bytes: encode("123456789") }, NEW),
      "#I#9;0;0;270413;205601;photo.jpg;BB3D\r\n123456789",
    ],
    [fileBlock({ code: "7", index: 2, bytes: encode("123456789") }), "#T#7;9;2;BB3D\r\n123456789"],
    [
      fileInfo({ code: "7", last: 2 }),
      `#IT#270413;205601;DRIVER1;7;2;${crcText(encode("270413;205601;DRIVER1;7;2;"))}\r\n`,
    ],
    [firmware(encode("123456789"), NEW), "#US#9;BB3D\r\n123456789"],
    [snapshotQuery(), "#QI#\r\n"],
    [fileQuery("DRIVER1"), "#QT#DRIVER1\r\n"],
  ];
  for (const [bytes, text] of all) assert.equal(textOf(bytes), text);
});

Deno.test("PacketReader reads what another zlib has compressed", () => {
  const bytes = Uint8Array.fromHex("ff1f00789c53f651363635333630373031323131343034b6f673e4e5020036de046f");
  const [packet] = new PacketReader().read(bytes);
  assert.equal(packet?.type, "L");
  assert.equal(textOf(packet.body), "356307042441013;NA");
  assert(packet.isCompressed);
});

Deno.test("container() compresses a packet, with its line end or without", () => {
  for (const isCut of [false, true]) {
    const bytes = container(data({}, NEW), { isCut });
    assert.equal(bytes[0], 0xff);
    assert.equal(bytes[1]! + 256 * bytes[2]!, bytes.length - 3);
    const [packet] = new PacketReader().read(bytes);
    assert.equal(`#D#${textOf(packet!.body)}\r\n`, textOf(data({}, NEW)));
  }
});

Deno.test("datagram() says who has sent a packet", () => {
  assert.equal(textOf(datagram(ping(), { imei: "123" })), "123#P#\r\n");
  assert.equal(textOf(datagram(ping(), { imei: "123", ...NEW })), "2.0;123#P#\r\n");
  for (const version of ["1.1", "2.0"] as const) {
    for (const bytes of [datagram(data({}, { version }), { imei: "123", version })]) {
      const expected = { ...readDatagram(bytes), packet: undefined };
      assert.deepEqual(expected, { imei: "123", version, packet: undefined });
      assert(readDatagram(container(bytes)).packet.isCompressed);
    }
  }
});

Deno.test("trickyBytes() has what a parser may stumble over", () => {
  const text = textOf(trickyBytes(3000));
  for (const trap of ["#", "\r\n", "\r\n#P#\r\n", "ÿ"]) assert(text.includes(trap), trap);
  assert(text.endsWith("\r\n"));
  assert.deepEqual(trickyBytes(100, 7), trickyBytes(100, 7));
  assert.equal(trickyBytes(1).length, 1);
});

property("PacketReader reads all packets, however they are cut", (random) => {
  for (const version of ["1.1", "2.0"] as const) {
    const packets = zoo(version), bytes = joined(packets.map(([, bytes]) => bytes));
    for (const size of [1, 2, 7, 64, 1000, 1 + random.int(500)]) {
      const reader = new PacketReader(), types: string[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        types.push(...reader.read(bytes.subarray(at, at + size)).map(({ type }) => type));
      }
      assert.deepEqual(types, packets.map(([type]) => type));
      assert.equal(reader.rest, 0);
    }
  }
});
