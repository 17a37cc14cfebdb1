import assert from "node:assert/strict";
import { deflateSync } from "node:zlib";
import { ANYBODY, DEVICE, type FramingFault, SERVER } from "../../parsers/wialon_framing.ts";
import {
  container,
  data,
  login,
  ping,
  shortData,
  snapshot,
  trickyBytes,
} from "../helpers/wialon/messages.ts";
import { assertFound, bytesOf, concat, type Found, piecesOf, Receiver } from "./wialon_receiver.ts";
import { bytesIn, IMEI, STREAMS } from "./wialon_streams.ts";

const MAX_LINE = 1 << 20;

for (const stream of STREAMS) {
  const { what, sender, version, parts } = stream;
  const bytes = bytesIn(stream), expected = parts.map(({ found }) => found);
  const receive = (pieces: Iterable<Uint8Array>) =>
    new Receiver({ sender }).begin(version ?? "unknown").take(...pieces);

  Deno.test(`take() finds the messages of ${what}, with all their bytes`, () => {
    const receiver = receive([bytes]), { messages } = receiver;
    assertFound(receiver, expected);
    assert.equal(messages.reduce((sum, { size }) => sum + size, 0), bytes.length);
  });

  Deno.test(`take() finds the same of ${what} wherever the bytes are split`, () => {
    for (let at = 0; at <= bytes.length; at++) {
      assertFound(receive([bytes.subarray(0, at), bytes.subarray(at)]), expected, `split at ${at}`);
    }
  });

  Deno.test(`take() finds the same of ${what} when the bytes come in small pieces`, () => {
    for (const size of [1, 2, 3, 4, 5, 7, 50, 129, 300]) {
      assertFound(receive(piecesOf(bytes, size)), expected, `${size} at once`);
    }
  });

  Deno.test(`cut() tells that a message of ${what} is unfinished, wherever it is cut`, () => {
    const ends = [0];
    for (const part of parts) ends.push(ends.at(-1)! + part.bytes.length);
    for (let length = 0; length <= bytes.length; length++) {
      const count = ends.filter((end) => end <= length).length - 1;
      const receiver = receive(piecesOf(bytes.subarray(0, length), length % 10 === 0 ? 1 : 1000));
      assert.equal(receiver.messages.length, count);
      receiver.cut().cut();
      assert.deepEqual(receiver.faults, ends.includes(length) ? [] : ["unfinished"], `${length} bytes`);
      assert(receiver.isClear());
      assert.equal(receiver.take("#AP#\r\n").types.at(-1), "AP");
    }
  });
}

Deno.test("take() holds several streams at the same time", () => {
  const receivers = STREAMS.map(({ sender, version }) =>
    new Receiver({ sender }).begin(version ?? "unknown")
  );
  const { framing } = receivers[0]!;
  for (let at = 0; at < 10_000; at += 9) {
    for (const [i, stream] of STREAMS.entries()) {
      framing.select(receivers[i]!.words, 5);
      const before = receivers[0]!.all.length, bytes = bytesIn(stream);
      if (at < bytes.length) framing.take(bytes, at, Math.min(bytes.length, at + 9));
      if (i > 0) receivers[i]!.all.push(...receivers[0]!.all.splice(before));
    }
  }
  for (const [i, { parts, what }] of STREAMS.entries()) {
    assert.deepEqual(receivers[i]!.all, parts.map(({ found }) => found), what);
  }
});

Deno.test("take() counts what follows a message to it, and judges its checksum", () => {
  const bodies = ["#", "\r\n", "#D#1\r\n", "\xff\x05\0", "\xff\xff\xff\r\n", "\n\n\n", "\r\n#P#\r\n", "\0"];
  for (const body of bodies) {
    for (const isWrong of [false, true]) {
      const bytes = bytesOf(body), form = { version: "2.0", crc: { isWrong } } as const;
      const message = snapshot({ index: 0, last: 0, bytes }, form), common = { version: "2.0" };
      const found = { type: "I", size: message.length, ...common, verdict: isWrong ? "bad" : "good" };
      const stream = concat(message, ping());
      for (const size of [1, 2, 1000]) {
        const receiver = new Receiver().begin("2.0").take(...piecesOf(stream, size));
        assertFound(receiver, [found, { type: "P", size: 5, ...common }], JSON.stringify(body));
      }
    }
  }
});

Deno.test("take() judges what follows a message when its checksum shall be 0", () => {
  for (const [body, verdict] of [["\0\0", "good"], ["12", "bad"]] as const) {
    const receiver = new Receiver().begin("2.0").take(`#US#2;0\r\n${body}`);
    assertFound(receiver, [{ type: "US", size: 11, version: "2.0", verdict }]);
  }
});

Deno.test("take() learns from what follows a message that version 2.0 is spoken", () => {
  const bytes = trickyBytes(40);
  for (const isWrong of [false, true]) {
    const message = snapshot({ index: 0, last: 0, bytes }, { version: "2.0", crc: { isWrong } });
    const more = shortData({}, { version: "2.0", crc: { isWrong: true } });
    const known = isWrong ? {} : { version: "2.0" };
    assertFound(new Receiver().begin().take(message, more), [
      { type: "I", size: message.length, ...known, ...isWrong ? {} : { verdict: "good" } },
      { type: "SD", size: more.length, ...known, ...isWrong ? {} : { verdict: "bad" } },
    ]);
  }
});

Deno.test("take() finds the message after one whose length cannot be, and is not misled by its bytes", () => {
  const body = concat(trickyBytes(50), "\nreboot\r\n\n\xff\xff\xff\n", trickyBytes(50, 2), "\r\n");
  for (const head of ["#I#x;0;0;NA;NA;x", "#T#7;;0", "#US#999999999", "#UC#-1"]) {
    for (const sender of [DEVICE, SERVER]) {
      const bytes = concat(`${head}\r\n`, body.filter((byte) => byte !== 0x23));
      for (const size of [1, 30, 1000]) {
        const receiver = new Receiver({ sender }).begin().take(...piecesOf(bytes, size), ping());
        assertFound(receiver, ["length", { type: "P", size: 5 }], `${head}, ${size} at once`);
      }
    }
  }
});

Deno.test("take() finds several messages in a container, of which the first has its bytes", () => {
  const bytes = container(concat(ping(), snapshot({ index: 0, last: 0, bytes: trickyBytes(30) }), "#P#"));
  const found = [{ type: "P", size: bytes.length }, { type: "I", size: 0 }, { type: "P", size: 0 }];
  for (const size of [1, 1000]) {
    const receiver = new Receiver().begin("1.1").take(...piecesOf(bytes, size));
    assertFound(receiver, found.map((one) => ({ ...one, version: "1.1", isCompressed: true })));
  }
});

Deno.test("take() keeps for a stream which version a login in a container has told", () => {
  const form = { version: "2.0" } as const, receiver = new Receiver().begin();
  receiver.take(container(login({ imei: IMEI }, form)), data({}, { version: "1.1" }));
  assert.deepEqual(receiver.messages.map(({ verdict }) => verdict), ["good", "bad"]);
  assert.equal(receiver.messages[0]!.device, IMEI);
});

/** Of so many bytes, which do not have to be there. */
function containerOf(bytes: Uint8Array, length = bytes.length): Uint8Array {
  return concat(Uint8Array.of(0xff, length & 0xff, length >> 8), bytes);
}

const BAD_CONTAINERS: readonly { what: string; bytes: Uint8Array; faults?: readonly FramingFault[] }[] = [
  { what: "is empty", bytes: containerOf(new Uint8Array()) },
  { what: "has one byte", bytes: containerOf(Uint8Array.of(0x78)) },
  { what: "is not packed", bytes: containerOf(data()) },
  { what: "is packed without a head", bytes: containerOf(deflateSync(data()).subarray(2)) },
  { what: "is cut short", bytes: containerOf(deflateSync(data()).subarray(0, 40)) },
  {
    what: "has a wrong checksum",
    bytes: containerOf(deflateSync(data()).map((b, i, { length }) => i < length - 1 ? b : b ^ 1)),
  },
  { what: "holds nothing", bytes: containerOf(deflateSync(new Uint8Array())) },
  { what: "holds a container", bytes: container(container(ping())) },
  { what: "holds more than 1 MiB", bytes: containerOf(deflateSync(new Uint8Array(MAX_LINE + 1).fill(0x23))) },
  { what: "holds no text", bytes: container(bytesOf("\x01\x02\r\n")), faults: ["text"] },
  { what: "holds a text without a type", bytes: container(bytesOf("reboot")), faults: ["text"] },
  { what: "holds a malformed type", bytes: container(bytesOf("#d#\r\n")), faults: ["type"] },
  { what: "holds a length that cannot be", bytes: container(bytesOf("#I#x\r\n")), faults: ["length"] },
  { what: "holds too few bytes", bytes: container(bytesOf("#I#5;0\r\n1234")), faults: ["unfinished"] },
  { what: "holds a part of a container", bytes: container(bytesOf("\xff\x05\0abc")), faults: ["unfinished"] },
  { what: "holds blank lines", bytes: container(bytesOf("\r\n\r\n")), faults: [] },
];

for (const { what, bytes, faults = ["container"] as const } of BAD_CONTAINERS) {
  Deno.test(`take() goes on behind a container that ${what}`, () => {
    const good = container(data()), stream = concat(bytes, ping(), bytes, good);
    const found: Found[] = [{ type: "P", size: 5 }, { type: "D", size: good.length, isCompressed: true }];
    for (const size of [stream.length, 7]) {
      const receiver = new Receiver().begin().take(...piecesOf(stream, size));
      assertFound(receiver, [...faults, found[0]!, ...faults, found[1]!]);
    }
    assertFound(new Receiver().begin().take(...piecesOf(bytes, 1)), faults);
  });
}

Deno.test("take() unpacks no more than 1 MiB", () => {
  const limits: number[] = [], bytes = container(ping());
  new Receiver({ inflate: (_, limit) => void limits.push(limit) }).begin().take(bytes);
  assert.deepEqual(limits, [MAX_LINE]);
  const long = concat("#M#", new Uint8Array(MAX_LINE - 3).fill(0x78)), packed = container(long);
  assertFound(new Receiver().begin().take(packed), [{ type: "M", size: packed.length, isCompressed: true }]);
});

Deno.test("take() takes no container from a server", () => {
  const receiver = new Receiver({ sender: SERVER }).begin().take(container(ping()), "\r\n#P#\r\n");
  assert.deepEqual(receiver.faults, ["text"]);
  assert.deepEqual(receiver.types, ["P"]);
  assert(receiver.messages.every(({ isCompressed }) => isCompressed === undefined));
});

Deno.test("take() reads a line without # as a command of a server, and as a fault of others", () => {
  for (const sender of [SERVER, DEVICE, ANYBODY]) {
    const receiver = new Receiver({ sender }).begin().take("reboot\r\n#P#\r\nVER?\n");
    const found: Found = { type: "P", size: 5 };
    const expected = sender === SERVER
      ? [{ type: "command", size: 8 }, found, { type: "command", size: 5 }]
      : ["text" as const, found, "text" as const];
    assertFound(receiver, expected);
  }
});

Deno.test("take() tells once of lines that are no text, and finds the message behind them", () => {
  const garbage = [
    "hello\r\n\x01\n\n\xff\xff\xff\n#\n\r\nGET / HTTP/1.1\r\n\r\n",
    "\x16\x03\x01\n".repeat(100),
  ];
  for (const text of garbage) {
    for (const size of [1, 2, 5, 1000]) {
      const receiver = new Receiver().begin().take(...piecesOf(bytesOf(text), size), ping(), text);
      assertFound(receiver, ["text", { type: "P", size: 5 }, "text"], `${size} at once`);
    }
  }
});

Deno.test("take() tells of each line whose type is malformed", () => {
  const receiver = new Receiver().begin().take("#\r\n#d#\r\n#P#\r\n#TOOLONG#\r\n##\n#P#\n");
  const [p, q]: Found[] = [{ type: "P", size: 5 }, { type: "P", size: 4 }];
  assertFound(receiver, ["type", "type", p!, "type", "type", q!]);
});

Deno.test("take() passes over blank lines", () => {
  for (const size of [1, 2, 100]) {
    const stream = bytesOf("\r\n\n\r\r\n#P#\r\n\r\n\r\n\n#P#\n\r\n");
    const receiver = new Receiver().begin().take(...piecesOf(stream, size));
    assertFound(receiver, [{ type: "P", size: 5 }, { type: "P", size: 4 }]);
  }
});

Deno.test("take() ends a line at LF alone, not at CR", () => {
  const text = "#M#a\rb\r\n#P#\r#D#\n#AP#\n\r#P#\r\n";
  for (const size of [1, 2, 3, 100]) {
    const receiver = new Receiver().begin().take(...piecesOf(bytesOf(text), size));
    const expected = [["M", 8], ["P", 8], ["AP", 5], ["P", 5]] as const;
    assertFound(receiver, expected.map(([type, size]) => ({ type, size })));
  }
});

Deno.test("take() takes no bytes of others for line ends", () => {
  // What a search for four bytes at once could take for one.
  const bytes = Uint8Array.from({ length: 255 }, (_, i) => i < 10 ? i : i + 1);
  for (let shift = 0; shift < 8; shift++) {
    const line = concat("#M#", "x".repeat(shift), bytes, Uint8Array.of(9, 11, 0x8a, 0x0b), "\n");
    assertFound(new Receiver().begin().take(line), [{ type: "M", size: line.length }]);
  }
});

Deno.test("take() begins in the middle of a stream with the first message after a line end", () => {
  const beginnings = ["", "D#1;2;3", "1;2;3", "#", "\r", "#d#", "\xff\x01", "x".repeat(300)];
  for (const beginning of beginnings) {
    for (const sender of [DEVICE, SERVER]) {
      const stream = concat(beginning, "\r\n#D#1\r\n#P#\r\n");
      for (const size of [1, 2, 3, 5, 8, 1000]) {
        const receiver = new Receiver({ sender }).take(...piecesOf(stream, size));
        assertFound(receiver, [{ type: "D", size: 6 }, { type: "P", size: 5 }], beginning);
      }
    }
  }
});

Deno.test("take() begins in the middle of a stream with a piece that starts with a message", () => {
  const message = container(data());
  const found: Found = { type: "D", size: message.length, isCompressed: true };
  assertFound(new Receiver().take("1;2;3", "#P#\r\n"), [{ type: "P", size: 5 }]);
  assertFound(new Receiver().take(message), [found]);
  assertFound(new Receiver().take("1;2\n3", message, ping()), [found, { type: "P", size: 5 }]);
  // Its line ends are no lines of messages.
  assertFound(new Receiver().take("\xff\xff\xff\n\xff\n1", message, message), [found, found]);
  assertFound(new Receiver().take("1;2;3\r\n", message.subarray(0, 5), message.subarray(5)), [found]);
  assertFound(new Receiver().take(concat("1;2;3\r\n", message)), [found]);
});

Deno.test("take() begins in the middle of a stream without faults, whatever it sees first", () => {
  const stream = concat(
    "1;2x\x9c3\n#\n#d#\nreboot\n",
    trickyBytes(500).filter((byte) => byte !== 0x23),
    "\n",
  );
  for (const size of [1, 3, 1000]) {
    assertFound(new Receiver().take(...piecesOf(stream, size), "\n#P#\n"), [{ type: "P", size: 4 }]);
  }
});

Deno.test("take() counts commands of a server only after a message, when it began in the middle", () => {
  const stream = bytesOf("boot\r\nreboot\r\n#AP#\r\nVER?\r\n");
  for (const size of [1, 2, 3, 1000]) {
    const receiver = new Receiver({ sender: SERVER }).take(...piecesOf(stream, size));
    assertFound(receiver, [{ type: "AP", size: 6 }, { type: "command", size: 6 }]);
  }
});

Deno.test("cut() tells nothing of bytes that may be no message", () => {
  for (const text of ["", "123", "\r\n", "#", "x\n#", "x\n#D", "x\nreboot", "\xff\xff\xff", "\n\xff\x01"]) {
    assertFound(new Receiver().take(text), []);
  }
  for (const text of ["\0\n", "hello\n#", "hello\n\xff"]) {
    assertFound(new Receiver().begin().take(text), ["text"]);
  }
});

Deno.test("begin() starts a stream anew, and tells that what was there is unfinished", () => {
  for (const text of ["#D#1", "#I#5;0;0\r\n123", "\xff\x05\0ab"]) {
    const receiver = new Receiver().begin().take(text).begin().take(ping());
    assertFound(receiver, ["unfinished", { type: "P", size: 5 }]);
  }
});

const WHERE: readonly { what: string; before: string }[] = [
  { what: "a line", before: "#D#1;2;3" },
  { what: "a type", before: "#D" },
  { what: "a binary body", before: "#I#500;0;0;NA;NA;x\r\n123\r\n" },
  { what: "the head of a container", before: "\xff\x05" },
  { what: "a container", before: "\xff\xff\0x\x9c123\r\n" },
];

for (const { what, before } of WHERE) {
  Deno.test(`cut() tells of a gap in ${what}, and take() finds the next message`, () => {
    const message = container(ping());
    const found: Found[] = [{ type: "P", size: 5 }, { type: "P", size: message.length, isCompressed: true }];
    for (const size of [1, 1000]) {
      const receiver = new Receiver().begin().take(...piecesOf(bytesOf(before), size));
      receiver.cut().take(...piecesOf(bytesOf("5;6\r\n#P#\r\n"), size), message);
      assertFound(receiver, ["unfinished", ...found]);
      assertFound(new Receiver().begin().take(before).cut().take(ping()), ["unfinished", found[0]!]);
      assertFound(new Receiver().begin().take(before).cut().take(message), ["unfinished", found[1]!]);
    }
  });
}

Deno.test("take() keeps lines of 1 MiB, and tells of longer ones", () => {
  for (const more of [0, 1]) {
    const line = concat("#M#", "x".repeat(MAX_LINE - 5 + more), "\r\n"), stream = concat(line, ping());
    const first = more === 0 ? { type: "M", size: MAX_LINE } : "length";
    const receiver = new Receiver({ room: 16 * MAX_LINE }).begin().take(...piecesOf(stream, 1460));
    assertFound(receiver, [first, { type: "P", size: 5 }]);
  }
});

Deno.test("take() tells of a line without an end each time when it is too long", () => {
  const receiver = new Receiver({ room: 16 * MAX_LINE }).begin(), piece = new Uint8Array(65_536).fill(0x78);
  receiver.take("#M#");
  for (let i = 0; i < 100; i++) receiver.take(piece);
  assertFound(receiver, ["length"]);
});

Deno.test("take() tells that there is no room, and finds the next message", () => {
  const image = container(trickyBytes(600));
  for (const text of [`#M#${"x".repeat(600)}\r\n`, image]) {
    const pieces = [...piecesOf(bytesOf(text), 100)], receiver = new Receiver({ room: 512 }).begin();
    receiver.take(...pieces, "\r\n#P#\r\n");
    assertFound(receiver, ["memory", { type: "P", size: 5 }]);
  }
  const last = new Receiver({ room: 0 }).begin().take("#P", "#\r\n#P#\r\n");
  assertFound(last, ["memory", { type: "P", size: 5 }]);
});

Deno.test("take() needs no room for messages that come whole, and for what follows them", () => {
  const message = snapshot({ index: 0, last: 0, bytes: trickyBytes(600) }), head = message.length - 600;
  const pieces = [message.subarray(0, head), ...piecesOf(message.subarray(head), 50)];
  const packed = container(ping()), receiver = new Receiver({ room: 0 }).begin("1.1");
  receiver.take(...pieces, packed, ping()).takeDatagram("imei#P#");
  assert.deepEqual(receiver.types, ["I", "P", "P", "P"]);
  assert.deepEqual(receiver.faults, []);
});

Deno.test("take() leaves room for other streams when the line of one is long", () => {
  const receiver = new Receiver({ room: 1 << 20 }).begin(), piece = new Uint8Array(1000).fill(0x78);
  receiver.take("#M#");
  for (let i = 0; i < 1000; i++) receiver.take(piece);
  assertFound(receiver, ["memory"]);
});
