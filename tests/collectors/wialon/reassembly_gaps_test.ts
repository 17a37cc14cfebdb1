import assert from "node:assert/strict";
import { acknowledged, type Case, FAR, segment, Streams, testStreams } from "./reassembling.ts";

const KIB = 1024;

const GAPS: readonly Case[] = [
  {
    what: "goes on behind a gap when it is acknowledged that what follows has come",
    steps: [segment(0, "a"), segment(2, "c"), acknowledged(3)],
    given: "a|c",
    gaps: [1, 1],
  },
  {
    what: "goes on behind a gap when no more is acknowledged than what is missing",
    steps: [segment(0, "a"), segment(4, "e"), acknowledged(4)],
    given: "a|e",
    gaps: [1, 3],
  },
  {
    what: "waits when less is acknowledged than what is missing",
    steps: [segment(0, "a"), segment(4, "e"), acknowledged(3), segment(1, "bcd")],
    given: "abcde",
  },
  {
    what: "goes on behind a gap that was acknowledged before",
    steps: [segment(0, "a"), acknowledged(4), segment(4, "e")],
    given: "a|e",
    fates: { in_order: [2, 2] },
    gaps: [1, 3],
  },
  {
    what: "takes what is acknowledged before it comes",
    steps: [segment(0, "a"), acknowledged(4), segment(1, "b"), segment(2, "cd")],
    given: "abcd",
  },
  {
    what: "goes on behind several gaps that are acknowledged at once",
    steps: [segment(0, "a"), segment(4, "e"), segment(2, "c"), segment(7, "h"), acknowledged(8)],
    given: "a|c|e|h",
    gaps: [3, 4],
  },
  {
    what: "waits behind those gaps that are acknowledged",
    steps: [segment(0, "a"), segment(2, "c"), segment(4, "e"), acknowledged(3), segment(3, "d")],
    given: "a|cde",
    gaps: [1, 1],
  },
  {
    what: "gives what comes between a gap that is acknowledged and what came early",
    steps: [segment(0, "a"), segment(4, "e"), acknowledged(2), segment(2, "c"), segment(3, "d")],
    given: "a|cde",
    fates: { in_order: [3, 3], early: [1, 1] },
    gaps: [1, 1],
  },
  {
    what: "does not give what comes after it was given up",
    steps: [segment(0, "a"), segment(2, "c"), acknowledged(3), segment(1, "b"), segment(3, "d")],
    given: "a|cd",
    fates: { in_order: [2, 2], early: [1, 1], repeated: [1, 1] },
    gaps: [1, 1],
  },
  {
    what: "does not mind acknowledgments that come late",
    steps: [segment(0, "abc"), acknowledged(3), acknowledged(1), segment(5, "f"), acknowledged(2)]
      .concat([segment(3, "de")]),
    given: "abcdef",
  },
  {
    what: "knows what was acknowledged when an older acknowledgment comes",
    steps: [segment(0, "a"), acknowledged(4), acknowledged(1), segment(4, "e")],
    given: "a|e",
    gaps: [1, 3],
  },
  {
    what: "does not believe acknowledgments of numbers that are far away",
    steps: [FAR + 1, 2 ** 31, 2 ** 31 + 1, -FAR].map(acknowledged).flatMap((far) => [
      segment(0, "a"),
      segment(2, "c"),
      far,
    ]),
    given: "a",
  },
  {
    what: "does not believe acknowledgments that came before any data",
    steps: [acknowledged(100), segment(0, "a"), segment(2, "c")],
    given: "a",
  },
  {
    what: "waits for 30 seconds",
    steps: [segment(0, "a"), segment(2, "c", { time: 10 }), segment(3, "d", { time: 40.9 })]
      .concat([segment(1, "b", { time: 99 })]),
    given: "abcd",
  },
  {
    what: "goes on behind a gap after 30 seconds",
    steps: [segment(0, "a"), segment(2, "c", { time: 10 }), segment(3, "d", { time: 41 })],
    given: "a|cd",
    fates: { in_order: [2, 2], early: [1, 1] },
    gaps: [1, 1],
  },
  {
    what: "gives what comes after 30 seconds before what came early",
    steps: [segment(0, "a"), segment(4, "e", { time: 1 }), segment(2, "c", { time: 60 })]
      .concat([segment(3, "d", { time: 61 })]),
    given: "a|cde",
    gaps: [1, 1],
  },
  {
    what: "waits 30 seconds for each gap",
    steps: [segment(0, "a"), segment(2, "c", { time: 1 }), segment(4, "e", { time: 29 })]
      .concat([segment(5, "f", { time: 32 }), segment(6, "g", { time: 33 }), segment(3, "d", { time: 60 })]),
    given: "a|cdefg",
    gaps: [1, 1],
  },
  {
    what: "waits 30 seconds when the gap before has been filled",
    steps: [segment(0, "a"), segment(2, "c", { time: 1 }), segment(4, "e", { time: 2 })]
      .concat([segment(1, "b", { time: 29 }), segment(5, "f", { time: 40 }), segment(3, "d", { time: 50 })]),
    given: "abcdef",
  },
  {
    what: "goes on behind a gap when the clock was set back",
    steps: [segment(0, "a"), segment(2, "c", { time: 5000 }), segment(3, "d", { time: 1000 })],
    given: "a|cd",
    gaps: [1, 1],
  },
  {
    what: "waits when seconds no longer fit into 31 bits",
    steps: [segment(0, "a"), segment(2, "c", { time: 2 ** 31 - 1 }), segment(3, "d", { time: 2 ** 31 + 9 })]
      .concat([segment(1, "b", { time: 2 ** 31 + 10 })]),
    given: "abcd",
  },
];

testStreams(GAPS);

Deno.test("A stream keeps 256 KiB of what comes too early, and then goes on behind the gap", () => {
  const streams = new Streams(), stream = streams.add(), data = new Uint8Array(32 * KIB).fill(0x2e);
  stream.take(0, "a");
  for (let i = 0; i < 8; i++) assert.equal(stream.take(2 + i * data.length, data), "early");
  assert.equal(streams.given.text, "a");
  assert.equal(stream.take(2 + 8 * data.length, data), "in_order");
  assert.equal(streams.given.text, `a|${".".repeat(9 * data.length)}`);
  assert.deepEqual(streams.gaps, [1, 1]);
});

Deno.test("A stream keeps 1024 small segments that come too early", () => {
  const streams = new Streams(), stream = streams.add();
  stream.take(0, "a");
  for (let i = 0; i < 1024; i++) assert.equal(stream.take(2 + 2 * i, "."), "early");
  assert.equal(stream.take(2 + 2 * 1024, "."), "early");
  assert.deepEqual(streams.gaps, [1, 1]);
  stream.end();
  assert.equal(streams.given.text, `a${"|.".repeat(1025)}|`);
});

Deno.test("A stream goes on behind a gap when a segment is longer than what is kept", () => {
  const streams = new Streams(), stream = streams.add();
  stream.take(0, "a");
  stream.take(500_000, "x");
  assert.equal(stream.take(2, "b", { length: 300_000 }), "in_order");
  assert.equal(streams.given.text, "a|b|");
  assert.deepEqual(streams.gaps, [2, 1 + 299_999]);
  stream.take(300_002, "c", { length: 500_000 - 300_002 });
  assert.equal(streams.given.text, "a|b|c|x");
});

Deno.test("A stream has room for what comes too early when many others keep as much as they can", () => {
  const streams = new Streams({ room: 1024 * KIB }), data = new Uint8Array(KIB);
  const greedy = Array.from({ length: 51 }, () => streams.add()), modest = streams.add();
  for (const stream of [...greedy, modest]) stream.take(0, "a");
  // All but 4 KiB of the room.
  for (let i = 0; i < 20; i++) for (const stream of greedy) stream.take(2 + i * KIB, data);
  const { gaps } = streams.reassembly;
  for (let i = 0; i < 8; i++) assert.equal(modest.take(3 + i * KIB, data), "early");
  assert.equal(modest.take(1, "bc"), "in_order");
  assert.equal(streams.reassembly.gaps, gaps);
});
