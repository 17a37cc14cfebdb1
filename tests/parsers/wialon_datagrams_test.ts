import assert from "node:assert/strict";
import { type FramingFault, SERVER } from "../../parsers/wialon_framing.ts";
import { VERSIONS } from "../../parsers/wialon_ips.ts";
import {
  answer,
  blackBox,
  type Bytes,
  container,
  data,
  datagram,
  packet,
  ping,
  shortData,
  snapshot,
  trickyBytes,
  type Version,
} from "../helpers/wialon/messages.ts";
import { type Read, read } from "./wialon_reader.ts";
import { assertFound, bytesOf, type Found, Receiver } from "./wialon_receiver.ts";
import { DATA, IMEI, POINT, SAMPLES } from "./wialon_samples.ts";
import { device } from "./wialon_streams.ts";

const DATAGRAMS: readonly { version: Version; message: Bytes; expected: Partial<Read> }[] = [
  { version: "1.1", message: data(), expected: { type: "D" } },
  { version: "1.1", message: ping(), expected: { type: "P" } },
  { version: "1.1", message: packet("XY", "1"), expected: { type: "other" } },
  { version: "2.0", message: shortData({}, { version: "2.0" }), expected: { type: "SD", verdict: "good" } },
  { version: "2.0", message: shortData({}, { version: "1.1" }), expected: { type: "SD", verdict: "bad" } },
  {
    version: "2.0",
    message: blackBox([POINT, DATA], { version: "2.0" }),
    expected: { type: "B", verdict: "good", records: 2 },
  },
  { version: "2.0", message: ping(), expected: { type: "P" } },
];

Deno.test("readDatagram() reads who sends it, which version is spoken, and the message", () => {
  for (const { version, message, expected } of DATAGRAMS) {
    for (const before of VERSIONS) {
      const read_ = read(datagram(message, { imei: IMEI, version }), { version: before, isDatagram: true });
      assert.deepEqual(read_, { ...expected, version, device: IMEI });
    }
  }
});

Deno.test("readDatagram() reads prefixes of any form, and never the password or the checksum", () => {
  const cases: readonly (readonly [prefix: string, version: string, device?: string])[] = [
    ["imei", "1.1", "imei"],
    ["imei;secret", "1.1", "imei"],
    ["2.0;imei", "2.0", "imei"],
    ["2.0;imei;secret;1234", "2.0", "imei"],
    ["2.1;imei", "2.1", "imei"],
    ["9.9;imei", "unknown", "imei"],
    ["2.0;", "2.0"],
    [";secret", "1.1"],
    ["2.0;;secret", "2.0"],
    ["2.0", "1.1", "2.0"],
    [";", "1.1"],
  ];
  for (const [prefix, version, device] of cases) {
    const message = read(`${prefix}#P#`, { version: "2.0", isDatagram: true });
    assert.deepEqual(message, { type: "P", version, ...device !== undefined && { device } }, prefix);
  }
});

Deno.test("readDatagram() reads messages without a prefix as read() does", () => {
  for (const version of ["1.1", "2.0"] as const) {
    for (const { make } of SAMPLES) {
      const line = make({ version });
      assert.deepEqual(read(line, { version, isDatagram: true }), read(line, { version }));
    }
    for (const line of ["reboot", "\0", "#", "#d#", "#US#x"]) {
      assert.deepEqual(read(line, { version, isDatagram: true }), read(line, { version }));
    }
  }
});

Deno.test("readDatagram() takes the device from a login rather than from the prefix", () => {
  const message = read(`imei#L#2.0;${IMEI};NA;1234`, { isDatagram: true });
  assert.deepEqual(message, { type: "L", version: "2.0", verdict: "bad", device: IMEI });
});

Deno.test("readDatagram() has a fault when the type after a prefix is malformed", () => {
  for (const line of ["imei#", "imei##", "imei#d#", "2.0;imei#12#", "a#b#D#"]) {
    assert.equal(read(line, { isDatagram: true }), "type", line);
  }
});

for (const version of ["1.1", "2.0"] as const) {
  Deno.test(`takeDatagram() finds the messages of version ${version} and who has sent them`, () => {
    for (const { bytes, found } of device(version)) {
      // A login names the device again, and what follows a message does not name it.
      if (["L", "I", "T"].includes(found.type)) continue;
      const named = datagram(bytes, { imei: IMEI, version }), packed = container(named);
      const expected = { ...found, device: IMEI };
      assertFound(new Receiver().takeDatagram(named), [{ ...expected, size: named.length }]);
      const compressed: Found = { ...expected, size: packed.length, isCompressed: true };
      assertFound(new Receiver().takeDatagram(packed), [compressed]);
    }
  });
}

Deno.test("take() takes no name of a device before a message, also after a datagram", () => {
  const receiver = new Receiver().begin().take("imei#P#\r\n");
  receiver.takeDatagram("imei#P#").take("imei#P#\r\n", "#P#\r\n");
  const named: Found = { type: "P", size: 7, version: "1.1", device: "imei" };
  assertFound(receiver, ["text", named, { type: "P", size: 5, version: "1.1" }]);
  const other = new Receiver().begin().takeDatagram("imei#P#").take("imei#P#\r\n");
  assertFound(other, [named, "text"]);
});

Deno.test("takeDatagram() counts what follows a message to it", () => {
  const form = { version: "2.0" } as const;
  const named = datagram(snapshot({ index: 0, last: 0, bytes: trickyBytes(100) }, form), {
    imei: IMEI,
    ...form,
  });
  const found = { type: "I", size: named.length, version: "2.0", verdict: "good" };
  assertFound(new Receiver().takeDatagram(named), [found]);
  assertFound(new Receiver().takeDatagram(named.subarray(0, -1)), ["unfinished"]);
});

Deno.test("takeDatagram() reads a message without a line end, of the size that it has", () => {
  for (const end of ["", "\r", "\n", "\r\n"]) {
    const text = `2.0;imei#P#${end}`, common = { type: "P", version: "2.0", device: "imei" };
    assertFound(new Receiver().takeDatagram(text), [{ ...common, size: text.length }]);
    const packed = container(bytesOf(text));
    const expected: Found = { ...common, size: packed.length, isCompressed: true };
    assertFound(new Receiver().takeDatagram(packed), [expected]);
  }
});

Deno.test("takeDatagram() reads several messages", () => {
  const receiver = new Receiver().takeDatagram("imei#P#\r\n\r\n#D#1\nother#P#");
  const version = "1.1";
  assertFound(receiver, [
    { type: "P", size: 9, version, device: "imei" },
    { type: "D", size: 5, version },
    { type: "P", size: 8, version, device: "other" },
  ]);
});

Deno.test("takeDatagram() reads the answers of a server, and its commands", () => {
  const receiver = new Receiver({ sender: SERVER });
  receiver.takeDatagram(answer("ASD", "1")).takeDatagram("reboot\r\n").takeDatagram("reboot");
  assertFound(receiver, [{ type: "ASD", size: 8 }, { type: "command", size: 8 }, {
    type: "command",
    size: 6,
  }]);
});

Deno.test("takeDatagram() keeps nothing of a datagram for the next one, but the version", () => {
  const receiver = new Receiver();
  receiver.takeDatagram("2.0;imei#I#5;0;0;NA;NA;x;1\r\n123").takeDatagram("45#P#").takeDatagram("#SD#1;2");
  const version = "1.1";
  const found = [{ type: "P", size: 5, version, device: "45" }, { type: "SD", size: 7, version }];
  assertFound(receiver, ["unfinished", ...found]);
});

const BAD_DATAGRAMS: readonly (readonly [text: string, ...faults: FramingFault[]])[] = [
  [""],
  ["\r\n"],
  ["imei", "text"],
  ["\0\x01\x02", "text"],
  ["imei#", "type"],
  ["imei#d#", "type"],
  ["\xff", "unfinished"],
  ["\xff\x05\0abc", "unfinished"],
  ["\xff\x03\0abc", "container"],
  ["imei#US#x\r\n#", "length"],
];

Deno.test("takeDatagram() tells what is wrong, and nothing of the stream is changed", () => {
  for (const [text, ...faults] of BAD_DATAGRAMS) {
    const receiver = new Receiver().begin().take("#P").takeDatagram(text).take("#\r\n");
    assertFound(receiver, [...faults, { type: "P", size: 5 }], JSON.stringify(text));
  }
});
