import assert from "node:assert/strict";
import {
  acknowledged,
  begin,
  type Case,
  end,
  endAt,
  FAR,
  segment,
  Streams,
  testStreams,
} from "./reassembling.ts";

const ORDER: readonly Case[] = [
  {
    what: "gives segments in order",
    steps: [begin, segment(0, "abc"), segment(3, "d"), segment(4, "ef")],
    given: "^abcdef",
    fates: { in_order: [3, 6] },
  },
  {
    what: "gives a stream from its middle on",
    steps: [segment(7, "abc"), segment(10, "d")],
    given: "abcd",
    fates: { in_order: [2, 4] },
  },
  {
    what: "gives what was sent once more only once",
    steps: [segment(0, "abc"), segment(0, "abc"), segment(3, "def"), segment(0, "abc"), segment(1, "bcde")],
    given: "abcdef",
    fates: { in_order: [2, 6], repeated: [3, 10] },
  },
  {
    what: "does not give a byte that asks whether the other side is still there",
    steps: [segment(0, "abc"), segment(2, "\0"), segment(2, "\0"), segment(3, "d")],
    given: "abcd",
    fates: { in_order: [2, 4], repeated: [2, 2] },
  },
  {
    what: "gives what is new of a segment that overlaps",
    steps: [segment(0, "abcd"), segment(2, "cdef"), segment(0, "abcdefg")],
    given: "abcdefg",
    fates: { in_order: [1, 4], overlapping: [2, 11] },
  },
  {
    what: "keeps what comes too early",
    steps: [begin, segment(1, "b"), segment(3, "d"), segment(2, "c")],
    given: "^",
    fates: { early: [3, 3] },
  },
  {
    what: "gives what came too early when what was missing has come",
    steps: [begin, segment(1, "b"), segment(5, "f"), segment(2, "cd"), segment(0, "a"), segment(4, "e")],
    given: "^abcdef",
    fates: { in_order: [2, 2], early: [3, 4] },
  },
  {
    what: "gives what came too early twice only once",
    steps: [begin, segment(1, "bc"), segment(1, "bc"), segment(0, "a"), segment(1, "bc")],
    given: "^abc",
    fates: { in_order: [1, 1], early: [2, 4], repeated: [1, 2] },
  },
  {
    what: "gives early segments that overlap each other and what was missing",
    steps: [begin, segment(5, "fg"), segment(3, "defgh"), segment(4, "ef"), segment(0, "abcd")],
    given: "^abcdefgh",
    fates: { in_order: [1, 4], early: [3, 9] },
  },
  {
    what: "gives no early segment that is within what was missing",
    steps: [begin, segment(2, "c"), segment(0, "abcdef"), segment(6, "g")],
    given: "^abcdefg",
    fates: { in_order: [2, 7], early: [1, 1] },
  },
];

const CUT: readonly Case[] = [
  {
    what: "has a gap where the capture of a segment is cut",
    steps: [segment(0, "ab", { length: 5 }), segment(5, "f")],
    given: "ab|f",
    fates: { in_order: [2, 6] },
    gaps: [1, 3],
  },
  {
    what: "has a gap where nothing of a segment was captured",
    steps: [segment(0, "a"), segment(1, "", { length: 4 }), segment(5, "f")],
    given: "a|f",
    gaps: [1, 4],
  },
  {
    what: "has a gap where only known bytes of a segment were captured",
    steps: [segment(0, "abcd"), segment(0, "ab", { length: 6 }), segment(6, "g")],
    given: "abcd|g",
    fates: { in_order: [2, 5], overlapping: [1, 6] },
    gaps: [1, 2],
  },
  {
    what: "gives what is new and captured of a segment that overlaps",
    steps: [segment(0, "ab"), segment(1, "bcd", { length: 6 })],
    given: "abcd|",
    gaps: [1, 3],
  },
  {
    what: "has no gap where a segment that is cut is known",
    steps: [segment(0, "abcd"), segment(1, "b", { length: 3 }), segment(4, "e")],
    given: "abcde",
  },
  {
    what: "has a gap where the capture of an early segment is cut",
    steps: [segment(0, "a"), segment(2, "c", { length: 3 }), segment(1, "b"), segment(5, "f")],
    given: "abc|f",
    gaps: [1, 2],
  },
  {
    what: "fills the gap of an early segment that is cut with what was missing",
    steps: [segment(0, "a"), segment(2, "c", { length: 2 }), segment(1, "bcd")],
    given: "abcd",
    fates: { in_order: [2, 4], early: [1, 2] },
  },
];

const STRAYS: readonly Case[] = [
  {
    what: "does not give segments with numbers that are far ahead",
    steps: [segment(0, "a"), segment(FAR + 1, "x"), segment(2 ** 31, "xy"), segment(1, "b")],
    given: "ab",
    fates: { in_order: [2, 2], stray: [2, 3] },
  },
  {
    what: "does not give segments with numbers that are far behind",
    steps: [segment(0, "a"), segment(1 - FAR, "x"), segment(2 ** 31 + 1, "xy"), segment(1, "b")],
    given: "ab",
    fates: { in_order: [2, 2], stray: [2, 3] },
  },
  {
    what: "takes numbers that are not quite so far away for early and repeated ones",
    steps: [segment(0, "a"), segment(FAR, "x"), segment(2 - FAR, "x")],
    given: "a",
    fates: { in_order: [1, 1], early: [1, 1], repeated: [1, 1] },
  },
];

const ENDS: readonly Case[] = [
  {
    what: "is not at an end that was not told",
    steps: [segment(0, "abc"), acknowledged(3)],
    given: "abc",
    isAtEnd: false,
  },
  {
    what: "is at its end when all has come",
    steps: [segment(0, "abc"), endAt(3), end],
    given: "abc|",
    isAtEnd: true,
  },
  {
    what: "is not at its end when FIN comes before data",
    steps: [segment(0, "abc"), endAt(5), acknowledged(3)],
    given: "abc",
    isAtEnd: false,
  },
  {
    what: "is at its end when data have come after FIN",
    steps: [segment(0, "abc"), endAt(6), segment(4, "ef"), segment(3, "d")],
    given: "abcdef",
    isAtEnd: true,
  },
  {
    what: "is at its end when FIN is acknowledged, though data are missing",
    steps: [segment(0, "abc"), endAt(5), acknowledged(6)],
    given: "abc",
    isAtEnd: true,
  },
  {
    what: "is at its end when nothing is known of it but that",
    steps: [endAt(5), segment(4, "x")],
    given: "",
    fates: { repeated: [1, 1] },
    isAtEnd: true,
  },
  {
    what: "does not believe an end that is far away",
    steps: [segment(0, "abc"), endAt(FAR + 3), endAt(2 ** 31)],
    given: "abc",
    isAtEnd: false,
  },
  {
    what: "gives all that came early at its end, and counts what is missing before and behind it",
    steps: [segment(0, "a"), segment(2, "c"), segment(5, "f"), endAt(10), end, segment(6, "ghij")],
    given: "a|c|f||",
    fates: { in_order: [1, 1], early: [2, 2], repeated: [1, 4] },
    gaps: [3, 7],
    isAtEnd: true,
  },
];

for (const cases of [ORDER, CUT, STRAYS, ENDS]) testStreams(cases);

Deno.test("What is offered is another connection until the stream goes on", () => {
  const streams = new Streams({ base: 2 ** 31 - 10 }), stream = streams.add(), { reassembly } = streams;
  stream.take(0, "abc");
  stream.take(FAR + 5, "xyz");
  const offered = (stream.base + FAR + 8) | 0;
  assert.equal(reassembly.isOffered(stream.at, offered), true);
  assert.equal(reassembly.isOffered(stream.at, offered - 1), false);
  stream.take(0, "abc");
  assert.equal(reassembly.isOffered(stream.at, offered), true);
  stream.take(3, "d");
  assert.equal(reassembly.isOffered(stream.at, offered), false);
});

Deno.test("hasBegun() knows the first number of a stream of which the beginning was seen", () => {
  const streams = new Streams(), { reassembly } = streams, begun = streams.add(), other = streams.add();
  begun.begin(5);
  begun.take(5, "abc");
  other.take(5, "abc");
  const tells = [begun, other].map(({ at }) => [5, 8].map((number) => reassembly.hasBegun(at, number)));
  assert.deepEqual(tells, [[true, false], [false, false]]);
});
