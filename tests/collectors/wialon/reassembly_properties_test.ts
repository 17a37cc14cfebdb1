/** Random messages in segments that are cut, repeated, exchanged and lost by chance. */
import assert from "node:assert/strict";
import { inflate } from "../../../collectors/wialon/inflate.ts";
import { ByteChunks } from "../../../parsers/byte_chunks.ts";
import { DEVICE, setSender, WialonFraming } from "../../../parsers/wialon_framing.ts";
import { MESSAGE_TYPES } from "../../../parsers/wialon_ips.ts";
import { property, type Random } from "../../helpers/random.ts";
import {
  blackBox,
  container,
  data,
  dataText,
  driverMessage,
  fileBlock,
  fileInfo,
  login,
  ping,
  pointText,
  shortData,
  snapshot,
  trickyBytes,
} from "../../helpers/wialon/messages.ts";
import { FAR, type Stream, Streams } from "./reassembling.ts";

/** What stands for a message: what it is, and how long. */
interface Message {
  readonly type: string;
  readonly bytes: Uint8Array;
}

function randomMessage(random: Random): Message {
  const version = random.pick(["1.1", "2.0"] as const), seed = random.int(1000), form = { version };
  const texts = Array.from({ length: 1 + random.int(30) }, () => random.pick([pointText, dataText])());
  const binary = trickyBytes(random.int(5000), seed);
  switch (random.int(12)) {
    case 0:
      return { type: "L", bytes: login({ imei: `86820400000${seed}` }, form) };
    case 1:
      return { type: "SD", bytes: shortData({}, form) };
    case 2:
      return { type: "B", bytes: blackBox(texts, form) };
    case 3:
      return { type: "P", bytes: ping() };
    case 4:
      return { type: "M", bytes: driverMessage("text ".repeat(random.int(500)), form) };
    case 5:
      return { type: "I", bytes: snapshot({ index: 0, last: 3, bytes: binary }, form) };
    case 6:
      return { type: "IT", bytes: fileInfo({ code: "C", last: 2 }) };
    case 7:
      return { type: "T", bytes: fileBlock({ code: "C", index: 1, bytes: binary }) };
    case 8:
      return { type: "D", bytes: container(data({}, form), { isCut: seed % 2 === 0 }) };
    default:
      return { type: "D", bytes: data({}, form) };
  }
}

/** A part of the stream: where it begins and ends, and when it is sent. */
interface Part {
  readonly from: number;
  readonly to: number;
  readonly due: number;
}

/** Cuts so many bytes into segments; small ones often come one after the other. */
function cut(random: Random, length: number): Part[] {
  const parts: Part[] = [];
  for (let from = 0; from < length;) {
    const most = random.pick([1, 10, 100, 1460, 1460, 20_000]);
    const to = Math.min(length, from + 1 + random.int(most));
    parts.push({ from, to, due: parts.length });
    from = to;
  }
  return parts;
}

/** Delays some of them, so that others overtake them. */
function exchange(random: Random, parts: readonly Part[], share = 0.3): Part[] {
  const delayed = parts.map((part) =>
    random.int(100) < 100 * share ? { ...part, due: part.due + random.int(10) } : part
  );
  return delayed.sort((a, b) => a.due - b.due);
}

/** Parts again, and other parts that overlap them, sent somewhat later. */
function repeat(random: Random, parts: readonly Part[], length: number): Part[] {
  return parts.flatMap(({ from, to, due }) => {
    if (random.int(4) > 0) return [];
    const later = due + random.int(12), isSame = random.int(2) === 0;
    if (isSame) return [{ from, to, due: later }];
    const start = Math.max(0, from - random.int(50)), end = Math.min(length, to + random.int(50));
    return [{ from: start, to: end, due: later }];
  });
}

class Sent {
  readonly messages: readonly Message[];
  readonly bytes: Uint8Array;

  constructor(messages: readonly Message[]) {
    this.messages = messages;
    this.bytes = new Uint8Array(messages.flatMap(({ bytes }) => [...bytes]));
  }

  /** The messages that are no part of what was lost, or of those the ones that begin behind a line that was not. */
  without(lost: readonly Part[], { isBehindLine = false } = {}): string[] {
    let start = 0;
    const left: string[] = [];
    for (const { type, bytes } of this.messages) {
      const from = start - (isBehindLine && start > 0 ? 1 : 0), to = start += bytes.length;
      if (!lost.some((part) => part.from < to && part.to > from)) left.push(`${type} ${bytes.length}`);
    }
    return left;
  }

  /** Asserts that all is found that can be, and nothing else. */
  compare(found: readonly string[], lost: readonly Part[]): void {
    const sure = new Set(this.without(lost, { isBehindLine: true })), maybe = this.without(lost);
    const expected = maybe.filter((message) => sure.has(message) || found.includes(message));
    assert.deepEqual(found, expected);
  }
}

/** A stream of a device and what is found in it. */
class Receiver {
  readonly stream: Stream;
  readonly found: string[] = [];
  readonly faults: string[] = [];

  constructor(base: number) {
    const framing = new WialonFraming({
      chunks: new ByteChunks(1 << 24),
      inflate,
      onMessage: ({ message, size }) => this.found.push(`${MESSAGE_TYPES[message.type]} ${size}`),
      onFault: (fault) => this.faults.push(fault),
    });
    this.stream = new Streams({ framing, base }).add();
    setSender(this.stream.streams.connections.words, this.stream.framingAt, DEVICE);
    this.stream.begin();
  }
}

/** How much of the beginning of a stream somebody has who gets the parts in this order. */
class Progress {
  received = 0;
  #early: Part[] = [];

  take(part: Part): number {
    this.#early.push(part);
    for (let i = 0; i < this.#early.length; i++) {
      const { from, to } = this.#early[i]!;
      if (from > this.received) continue;
      this.received = Math.max(this.received, to);
      this.#early.splice(i, 1);
      i = -1;
    }
    return this.received;
  }
}

function randomBase(random: Random, length: number): number {
  return random.pick([random.int(2 ** 32), 2 ** 31 - random.int(length), 2 ** 32 - random.int(length)]);
}

property("Each message is found exactly once when segments are cut, repeated and exchanged", (random) => {
  for (let round = 0; round < 40; round++) {
    const sent = new Sent(Array.from({ length: 60 }, () => randomMessage(random))), { length } = sent.bytes;
    const receiver = new Receiver(randomBase(random, length)), { stream } = receiver;
    const parts = cut(random, length), all = [...parts, ...repeat(random, parts, length)];
    const progress = new Progress();
    for (const part of exchange(random, all)) {
      stream.take(part.from, sent.bytes.subarray(part.from, part.to));
      progress.take(part);
      if (random.int(3) === 0) stream.acknowledge(progress.received);
    }
    assert.deepEqual(receiver.found, sent.without([]));
    assert.deepEqual([receiver.faults, stream.streams.gaps], [[], [0, 0]]);
  }
});

/** Lines of all lengths, each of which tells which one it is. */
function lines(random: Random): Message[] {
  return Array.from({ length: 200 }, (_, i) => {
    const text = random.pick(["text", "A", "123;", "D", "x y z"]).repeat(i + 1).slice(0, i);
    return { type: "M", bytes: driverMessage(text) };
  });
}

property("Those messages are found of which nothing was lost when the rest is acknowledged", (random) => {
  for (let round = 0; round < 100; round++) {
    const sent = new Sent(lines(random)), { length } = sent.bytes, share = random.pick([0.01, 0.1, 0.5]);
    const receiver = new Receiver(randomBase(random, length)), { stream } = receiver;
    const parts = cut(random, length), lost = parts.filter(() => random.int(100) < 100 * share);
    const again = parts.filter((part) => !lost.includes(part) && random.int(5) === 0)
      .map((part) => ({ ...part, due: part.due + random.int(12) }));
    const progress = new Progress();
    for (const part of exchange(random, [...parts, ...again])) {
      if (!lost.includes(part) && !lost.some(({ from }) => from === part.from)) {
        stream.take(part.from, sent.bytes.subarray(part.from, part.to));
      }
      // Who acknowledges has got what was lost here.
      progress.take(part);
      if (random.int(3) === 0) stream.acknowledge(progress.received);
    }
    stream.endAt(length);
    stream.acknowledge(length + 1);
    stream.end();
    sent.compare(receiver.found, lost);
    const bytes = lost.reduce((sum, { from, to }) => sum + to - from, 0);
    assert.equal(stream.streams.gaps[1], bytes);
    assert(receiver.faults.every((fault) => fault === "unfinished"), receiver.faults.join());
  }
});

property("Those messages are found of which nothing was lost when nothing is acknowledged", (random) => {
  for (let round = 0; round < 50; round++) {
    const sent = new Sent(lines(random)), receiver = new Receiver(random.int(2 ** 32)), { stream } = receiver;
    const parts = cut(random, sent.bytes.length), lost = parts.filter(() => random.int(10) === 0);
    for (const { from, to, due } of parts) {
      const isLost = lost.some((part) => part.from === from);
      if (!isLost) stream.take(from, sent.bytes.subarray(from, to), { time: due });
    }
    stream.end();
    const end = parts.findLast((part) => !lost.includes(part))?.to ?? 0;
    sent.compare(receiver.found, [...lost, { from: end, to: Infinity, due: 0 }]);
  }
});

property("No message is found that was not sent when all goes wrong at once", (random) => {
  let gaps = 0;
  for (let round = 0; round < 100; round++) {
    const sent = new Sent(lines(random)), { length } = sent.bytes, known = new Set(sent.without([]));
    const receiver = new Receiver(randomBase(random, length)), { stream } = receiver;
    const parts = cut(random, length), all = [...parts, ...repeat(random, parts, length)];
    for (const { from, to } of exchange(random, all.filter(() => random.int(5) > 0), 0.9)) {
      const captured = random.int(10) === 0 ? from + random.int(to - from) : to;
      stream.take(from, sent.bytes.subarray(from, captured), { length: to - from, time: random.int(60) });
      if (random.int(5) === 0) stream.acknowledge(random.int(length));
      if (random.int(50) === 0) stream.take(2 * FAR + random.int(2 ** 31), "#D#x\r\n");
    }
    stream.end();
    for (const message of receiver.found) assert(known.has(message), message);
    assert.equal(new Set(receiver.found).size, receiver.found.length, "A message is found twice");
    gaps += stream.streams.reassembly.gaps;
  }
  assert(gaps > 100, `${gaps} gaps`);
});
