import assert from "node:assert/strict";
import { ByteChunks, QUEUE_WORDS } from "../../parsers/byte_chunks.ts";
import {
  ANYBODY,
  DEVICE,
  FRAMING_WORDS,
  SERVER,
  setSender,
  setVersion,
  WialonFraming,
} from "../../parsers/wialon_framing.ts";
import { MESSAGE_TYPES, VERSIONS } from "../../parsers/wialon_ips.ts";
import { property, type Random } from "../helpers/random.ts";
import {
  answer,
  blackBox,
  container,
  datagram,
  driverMessage,
  fileBlock,
  firmware,
  login,
  ping,
  snapshot,
  trickyBytes,
} from "../helpers/wialon/messages.ts";
import { bytesOf, concat, Receiver } from "./wialon_receiver.ts";

const STREAMS = 1_000_000;
const ROOM = 512, LONGEST = 256;
const NEW = { version: "2.0" } as const, MARK = MESSAGE_TYPES.indexOf("AIT");

/** In place of zlib, whose work takes longer than all the rest: what is packed stands behind its head. */
function unpack(bytes: Uint8Array, limit: number): Uint8Array | undefined {
  const isGood = bytes[0] === 0x78 && bytes[1] === 0x9c && bytes.length <= limit;
  return isGood ? bytes.subarray(2) : undefined;
}

function pack(bytes: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(0xff, bytes.length + 2, 0, 0x78, 0x9c), bytes);
}

const IMAGE = snapshot({ index: 0, last: 0, bytes: trickyBytes(20) }, NEW);
const FILE = fileBlock({ code: "7", index: 0, bytes: trickyBytes(10, 2) });

const BASES: readonly Uint8Array[] = [
  concat(login({ imei: "1234" }, NEW), ping(), driverMessage("hello", NEW)),
  concat(login({ imei: "1234", password: "secret" }), "#SD#1;2;3\r\n#D#NA;NA\r\n"),
  concat(IMAGE, ping()),
  concat(ping(), FILE, ping()),
  concat(firmware(trickyBytes(30, 3), NEW), "VER?\r\n", answer("AI", "0;1")),
  concat(blackBox(["1;2", "3;4"], NEW), answer("AB", "2"), "reboot\r\n", answer("AL", "01")),
  concat(pack(ping()), pack(driverMessage("hello", NEW)), ping()),
  concat(pack(concat(IMAGE, ping())), "\r\n\r\n", pack(pack(ping()))),
  datagram(driverMessage("hello", NEW), { imei: "1234", ...NEW }),
  concat("#\r\n##\r\n", trickyBytes(60, 4), ping(), trickyBytes(20, 5)),
];

const ALPHABET = bytesOf("#;|\r\n\xff\0\x01\x05\x78\x9c0123456789ABDILMPSTx.");

/** A stream of few bytes, some of which are other bytes than before; gives how many it has. */
function mutate(bytes: Uint8Array, random: Random): number {
  const base = random.pick(BASES);
  bytes.set(base);
  let length = base.length;
  for (let n = random.int(5); n > 0; n--) {
    const at = random.int(length), kind = random.int(8);
    if (kind > 1) bytes[at] = ALPHABET[random.int(ALPHABET.length)]!;
    else if (kind === 0) bytes[at] = random.int(256);
    else {
      bytes.copyWithin(at, at + 1, length);
      length--;
    }
  }
  return random.int(4) === 0 ? 1 + random.int(length) : length;
}

const SENDERS = [ANYBODY, DEVICE, SERVER] as const;
const TAIL = bytesOf("\r\n#AIT#1\r\n");

property("a line after a gap is found, and nothing is kept, whatever came before", (random) => {
  const chunks = new ByteChunks(ROOM), words = new Int32Array(FRAMING_WORDS);
  const queue = new Int32Array(QUEUE_WORDS), room = { bytes: new Uint8Array(ROOM), from: 0, to: ROOM };
  const bytes = new Uint8Array(LONGEST);
  let messages = 0, marks = 0, faults = 0, sizes = 0;
  const framing = new WialonFraming({
    onMessage: ({ message, size }) => {
      messages++;
      sizes += size;
      if (message.type === MARK) marks++;
    },
    onFault: () => faults++,
    inflate: unpack,
    chunks,
  });
  framing.select(words, 0);
  for (let i = 0; i < STREAMS; i++) {
    setSender(words, 0, SENDERS[i % 3]!);
    setVersion(words, 0, (i >> 2) % VERSIONS.length);
    const length = mutate(bytes, random), first = random.int(length + 1);
    const second = first + random.int(length - first + 1), isBegun = (i & 1) === 0;
    if (isBegun) framing.begin();
    sizes = 0;
    if (random.int(8) === 0) framing.takeDatagram(bytes, 0, length);
    else {
      framing.take(bytes, 0, first);
      framing.take(bytes, first, second);
      framing.take(bytes, second, length);
    }
    framing.cut();
    const before = messages, faultsBefore = faults;
    marks = 0;
    if (sizes > length) assert.fail(`Expected at most ${length} bytes, not ${sizes}`);
    framing.take(TAIL, 0, (i & 2) === 0 ? 1 + random.int(TAIL.length - 1) : 0);
    framing.cut();
    framing.take(TAIL, 0, TAIL.length);
    if (marks !== 1 || messages !== before + 1) assert.fail(`Found ${messages - before} messages`);
    framing.cut();
    const isRoom = chunks.append(queue, 0, room);
    chunks.clear(queue, 0);
    if (!isRoom || faults > faultsBefore + 1) assert.fail(`Kept something, or found ${faults} faults`);
  }
  assert(messages > STREAMS && faults > STREAMS / 10, `${messages} messages, ${faults} faults`);
});

property("a stream without faults is found in whatever pieces it comes", (random) => {
  const bytes = new Uint8Array(LONGEST);
  let streams = 0;
  for (let i = 0; i < 10_000; i++) {
    const length = mutate(bytes, random), sender = SENDERS[i % 3]!, stream = bytes.slice(0, length);
    const receiver = () => new Receiver({ sender, inflate: unpack, room: 1024 }).begin();
    const { all, faults } = receiver().take(stream);
    if (faults.length > 0) continue;
    const other = receiver();
    for (let at = 0; at < length;) {
      const end = at + 1 + random.int(random.pick([2, 10, 50]));
      other.take(stream.subarray(at, end));
      at = end;
    }
    assert.deepEqual(other.all, all);
    streams++;
  }
  assert(streams > 2000, `${streams} streams`);
});

property("a container that is not as it was is no more than a fault", (random) => {
  const packed = container(concat(IMAGE, ping()));
  for (let i = 0; i < 3000; i++) {
    const stream = packed.slice();
    for (let n = random.int(3); n >= 0; n--) stream[3 + random.int(packed.length - 3)]! ^= 1 << random.int(8);
    const receiver = new Receiver().begin().take(stream, "\r\n#P#\r\n");
    assert.equal(receiver.types.at(-1), "P");
    assert(receiver.cut().isClear());
  }
});
