import assert from "node:assert/strict";
import { encodeSentence, REPLY, RouterosSentences } from "../../parsers/routeros_sentences.ts";
import { property, type Random } from "../helpers/random.ts";
import { EncodedRows } from "../helpers/routeros/rows.ts";
import { manyConnections } from "../helpers/routeros/tables.ts";
import {
  encodeLength,
  encodeSentence as encodeOther,
  SentenceDecoder,
  SentenceWriter,
  type Word,
} from "../helpers/routeros/words.ts";

const MAX_SENTENCE = 1 << 20, MAX_WORDS = 1024, MAX_BUFFER = 2 << 20;
/** What the length of a sentence's end takes. */
const END = 1;

interface Sentence {
  readonly kind: number;
  readonly reply: string;
  readonly words: readonly string[];
  readonly tag: number;
}

interface Read {
  readonly sentences: readonly Sentence[];
  readonly fault: string | undefined;
  readonly hasRest: boolean;
}

/** All the sentences that have come whole. */
function* whole(reader: RouterosSentences): Generator<Sentence> {
  while (reader.next()) {
    const { kind, reply, tagNumber: tag } = reader;
    yield { kind, reply, words: Array.from({ length: reader.words }, (_, i) => reader.word(i)), tag };
  }
}

/** Writes bytes into the room as a socket does, and calls back after each time. */
function receive(reader: RouterosSentences, bytes: Uint8Array, then: () => void): void {
  for (let at = 0; at < bytes.length;) {
    const room = reader.room(), count = Math.min(room.length, bytes.length - at);
    assert(room.length >= 65_536, `${room.length} bytes of room`);
    room.set(bytes.subarray(at, at + count));
    reader.received(count);
    at += count;
    then();
  }
}

/** What is read of bytes that come in pieces, and that is read after each of them. */
function read(pieces: Iterable<Uint8Array>, reader: RouterosSentences = new RouterosSentences()): Read {
  const sentences: Sentence[] = [];
  for (const piece of pieces) receive(reader, piece, () => sentences.push(...whole(reader)));
  return { sentences, fault: reader.fault, hasRest: reader.hasRest };
}

function* chunks(bytes: Uint8Array, size: () => number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length;) {
    const end = at + size();
    yield bytes.subarray(at, end);
    at = end;
  }
}

function bytesOf(...parts: readonly (Iterable<number> | string)[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(
    parts.flatMap((part) => [...typeof part === "string" ? new TextEncoder().encode(part) : part]),
  );
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function sentencesOf(bytes: Uint8Array): readonly Sentence[] {
  const { sentences, fault, hasRest } = read([bytes]);
  assert.deepEqual({ fault, hasRest }, { fault: undefined, hasRest: false });
  return sentences;
}

/** A reader at its first sentence. */
function firstOf(...words: readonly Word[]): RouterosSentences {
  const reader = new RouterosSentences();
  receive(reader, encodeOther(words), () => assert(reader.next()));
  return reader;
}

const CONVERSATION: readonly (readonly string[])[] = [
  ["!re", "=.id=*1", "=protocol=tcp", `=comment=${"x".repeat(118)}`, ".tag=1"],
  ["!re", ".tag=1", "=connection-mark=телефония", "=comment=a=b=c", "=name="],
  ["!trap", "=category=2", ".tag=12", "=message=interrupted"],
  ["!empty", ".tag=2"],
  ["!done", `=ret=${"y".repeat(300)}`],
  ["!re"],
  ["!fatal", "session terminated on request"],
];
const ENCODED = concat(CONVERSATION.map((words) => encodeOther(words)));
const KINDS = [REPLY.row, REPLY.row, REPLY.trap, REPLY.empty, REPLY.done, REPLY.row, REPLY.fatal];
const TAGS = [1, 1, 12, 2, -1, -1, -1];
const EXPECTED: Read = {
  sentences: CONVERSATION.map(([reply, ...words], i) => ({
    kind: KINDS[i]!,
    reply: reply!,
    words,
    tag: TAGS[i]!,
  })),
  fault: undefined,
  hasRest: false,
};

Deno.test("next() reads sentence after sentence", () => {
  assert.deepEqual(read([ENCODED]), EXPECTED);
});

Deno.test("next() reads the same wherever what was received is split", () => {
  for (let at = 0; at <= ENCODED.length; at++) {
    assert.deepEqual(read([ENCODED.subarray(0, at), ENCODED.subarray(at)]), EXPECTED, `split at ${at}`);
  }
});

Deno.test("next() reads the same when what is received comes byte by byte", () => {
  assert.deepEqual(read(chunks(ENCODED, () => 1)), EXPECTED);
});

Deno.test("next() reads of each prefix the sentences that have come whole, and keeps the rest", () => {
  const ends = CONVERSATION.map((_, i) =>
    CONVERSATION.slice(0, i + 1).reduce((sum, words) => sum + encodeOther(words).length, 0)
  );
  for (let length = 0; length <= ENCODED.length; length++) {
    const count = ends.filter((end) => end <= length).length;
    assert.deepEqual(read([ENCODED.subarray(0, length)]), {
      sentences: EXPECTED.sentences.slice(0, count),
      fault: undefined,
      hasRest: length > 0 && !ends.includes(length),
    }, `${length} bytes`);
  }
});

Deno.test("next() reads words on both sides of where the form of their length changes", () => {
  for (const length of [1, 0x7e, 0x7f, 0x80, 0x81, 0x3ffe, 0x3fff, 0x4000, 0x4001, 0x10_000, 0xf_ff00]) {
    const word = "x".repeat(length), bytes = encodeOther(["!re", word, "=after=it"]);
    const form = encodeLength(length), [sentence, ...more] = sentencesOf(bytes);
    assert.deepEqual(bytes.subarray(4, 4 + form.length), Uint8Array.from(form));
    assert.equal(more.length, 0);
    // Not deepEqual(): to show how long words differ takes very long.
    assert(sentence!.words[0] === word, `a word of ${length} bytes`);
    assert.equal(sentence!.words[1], "=after=it");
  }
});

Deno.test("next() reads the first word in each form, and when its length is split from it", () => {
  for (const length of [0x7f, 0x80, 0x3fff, 0x4000]) {
    const reply = `!${"x".repeat(length - 1)}`, bytes = encodeOther([reply]);
    for (let at = 0; at <= 6; at++) {
      const { sentences, fault } = read([bytes.subarray(0, at), bytes.subarray(at)]);
      assert.equal(fault, undefined);
      assert(sentences.length === 1 && sentences[0]!.reply === reply, `${length} bytes, split at ${at}`);
    }
  }
});

Deno.test("next() reads lengths in a longer form than they need", () => {
  const forms = [[3], [0x80, 3], [0xc0, 0, 3], [0xe0, 0, 0, 3], [0xf0, 0, 0, 0, 3]];
  for (const form of forms) {
    const bytes = bytesOf(form, "!re", form, "=a=", [0]);
    const expected = [{ kind: REPLY.row, reply: "!re", words: ["=a="], tag: -1 }];
    assert.deepEqual(sentencesOf(bytes), expected);
    assert.deepEqual(read(chunks(bytes, () => 1)).sentences, expected);
  }
  const ends = [[0], [0x80, 0], [0xc0, 0, 0], [0xe0, 0, 0, 0], [0xf0, 0, 0, 0, 0]];
  for (const end of ends) assert.equal(sentencesOf(bytesOf([3], "!re", end, [3], "!re", end)).length, 2);
});

Deno.test("next() tells the kind of each reply, and of one that is not known", () => {
  const cases: readonly (readonly [reply: string, kind: number])[] = [
    ["!re", REPLY.row],
    ["!done", REPLY.done],
    ["!trap", REPLY.trap],
    ["!fatal", REPLY.fatal],
    ["!empty", REPLY.empty],
    ["!", REPLY.unknown],
    ["!r", REPLY.unknown],
    ["!RE", REPLY.unknown],
    ["!re ", REPLY.unknown],
    ["!rex", REPLY.unknown],
    ["!done=", REPLY.unknown],
    ["!новое", REPLY.unknown],
  ];
  for (const [reply, kind] of cases) {
    assert.deepEqual(sentencesOf(encodeOther([reply, "=a=1"])), [{ kind, reply, words: ["=a=1"], tag: -1 }]);
  }
});

Deno.test("next() passes over empty sentences, wherever they stand", () => {
  const bytes = bytesOf([0, 0], encodeOther(["!re"]), [0, 0x80, 0, 0], encodeOther(["!done"]), [0]);
  for (const pieces of [[bytes], chunks(bytes, () => 1)]) {
    const { sentences, hasRest } = read(pieces);
    assert.deepEqual(sentences.map(({ reply }) => reply), ["!re", "!done"]);
    assert.equal(hasRest, false);
  }
});

Deno.test("tagNumber reads the tag at any place in a sentence", () => {
  const words = ["=a=1", "=.tag=5", "=b=2", ".about=7", "=c=.tag=8"];
  for (let place = 0; place <= words.length; place++) {
    const reader = firstOf("!re", ...words.toSpliced(place, 0, ".tag=42"));
    assert.deepEqual([reader.tag, reader.tagNumber], [place, 42]);
    assert.deepEqual([...reader.attributes().keys()], ["a", ".tag", "b", "c"]);
  }
});

Deno.test("tagNumber is -1 when there is no tag, and when it is no number that was given", () => {
  const cases: readonly (readonly [word: string, number: number])[] = [
    [".tag=0", 0],
    [".tag=7", 7],
    [".tag=123456789", 123_456_789],
    [".tag=4294967296", 4_294_967_296],
    [".tag=", -1],
    [".tag=x", -1],
    [".tag=1x", -1],
    [".tag=-1", -1],
    [".tag= 1", -1],
    [".tag=1=1", -1],
    [".tag=١", -1],
    [`.tag=${"9".repeat(12)}`, -1],
    [`.tag=${"9".repeat(1000)}`, -1],
    [".tag", -1],
    [".tagged=1", -1],
    [".TAG=1", -1],
    ["=.tag=1", -1],
    [".", -1],
  ];
  for (const [word, number] of cases) assert.equal(firstOf("!re", word).tagNumber, number, word);
  assert.equal(firstOf("!re").tagNumber, -1);
});

Deno.test("tagNumber is that of the present sentence alone", () => {
  const bytes = concat(
    [["!re", ".tag=3"], ["!re"], ["!re", "=a=1", ".tag=4"]].map((words) => encodeOther(words)),
  );
  assert.deepEqual(sentencesOf(bytes).map(({ tag }) => tag), [3, -1, 4]);
});

Deno.test("attributes() splits a word at its second equals sign", () => {
  const cases: readonly (readonly [word: string, attribute: readonly [string, string] | undefined])[] = [
    ["=a=1", ["a", "1"]],
    ["=a=b=c", ["a", "b=c"]],
    ["=a==", ["a", "="]],
    ["=a=", ["a", ""]],
    ["==1", ["", "1"]],
    ["==", ["", ""]],
    ["=a= two\nlines ", ["a", " two\nlines "]],
    ["=имя=значение", ["имя", "значение"]],
    ["=a=\ufeffb", ["a", "\ufeffb"]],
    ["=__proto__=1", ["__proto__", "1"]],
    ["=a", undefined],
    ["=", undefined],
    ["a=1", undefined],
    [".tag=1", undefined],
  ];
  for (const [word, attribute] of cases) {
    assert.deepEqual([...firstOf("!done", word).attributes()], attribute ? [attribute] : [], word);
  }
});

Deno.test("attributes() has of a name that comes twice what came last", () => {
  assert.deepEqual([...firstOf("!re", "=a=1", "=b=2", "=a=3").attributes()], [["a", "3"], ["b", "2"]]);
});

Deno.test("word() shows bytes that are no UTF-8 as such, and reads on", () => {
  const reader = firstOf(
    "!re",
    bytesOf("=a=", [0xe9, 0x74, 0xe9, 0xff]),
    bytesOf("=b=", [0, 1, 0xf8]),
    "=c=3",
  );
  assert.deepEqual([...reader.attributes()], [["a", "\ufffdt\ufffd\ufffd"], ["b", "\0\x01\ufffd"], [
    "c",
    "3",
  ]]);
});

Deno.test("word() keeps a byte order mark", () => {
  assert.equal(firstOf("!re", "\ufeffx").word(0), "\ufeffx");
});

Deno.test("next() has a fault at a reserved byte in place of a length", () => {
  for (let byte = 0xf1; byte <= 0xff; byte++) {
    const name = `the reserved byte 0x${byte.toString(16)} in place of a length, at byte`;
    assert.deepEqual(read([bytesOf([byte])]), { sentences: [], fault: `${name} 0`, hasRest: true });
    assert.equal(read([bytesOf(encodeOther(["!re"]), [3], "!re", [byte])]).fault, `${name} 9`);
  }
});

Deno.test("next() has a fault when a word is too long, as soon as its length is there", () => {
  const lengths = [
    MAX_SENTENCE,
    0x1f_ffff,
    0x20_0000,
    0xfff_ffff,
    0x1000_0000,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
  ];
  for (const length of lengths) {
    for (const before of ["", "!re"]) {
      const form = encodeLength(length), at = before === "" ? 0 : 4;
      const start = before === "" ? bytesOf() : bytesOf([before.length], before);
      const reader = new RouterosSentences(), { buffer } = reader.bytes;
      assert.equal(read([start, Uint8Array.from(form.slice(0, -1))], reader).fault, undefined);
      const { fault } = read([Uint8Array.from(form.slice(-1))], reader);
      assert.equal(fault, `a sentence of more than 1048576 bytes, at byte ${at}`);
      assert.equal(reader.bytes.buffer, buffer);
    }
  }
});

Deno.test("next() reads a sentence of 1 MiB, and has a fault when one is a byte longer", () => {
  const first = 4, half = MAX_SENTENCE / 2;
  for (const more of [0, 1]) {
    const last = MAX_SENTENCE - first - (3 + half) - 3 - END + more;
    const bytes = encodeOther(["!re", "x".repeat(half), "y".repeat(last)]);
    const { sentences, fault } = read([bytes]);
    assert.equal(bytes.length, MAX_SENTENCE + more);
    assert.equal(fault, more ? "a sentence of more than 1048576 bytes, at byte 1048576" : undefined);
    assert.deepEqual(
      sentences.map(({ words }) => words.map(({ length }) => length)),
      more ? [] : [[half, last]],
    );
  }
});

Deno.test("next() reads a sentence of 1024 words after the first, and has a fault at one more", () => {
  const words = Array.from({ length: MAX_WORDS }, (_, i) => `=n=${i % 10}`);
  assert.deepEqual(sentencesOf(encodeOther(["!re", ...words]))[0]!.words, words);
  const { sentences, fault } = read([encodeOther(["!re", ...words, "=m=1"])]);
  assert.deepEqual(sentences, []);
  assert.equal(fault, `a sentence of more than 1024 words, at byte ${4 + 5 * MAX_WORDS + 1}`);
});

Deno.test("next() has a fault at the first byte of what is no reply of a RouterOS API", () => {
  const cases: readonly (readonly [what: string, bytes: Uint8Array, at: number])[] = [
    ["HTTP", bytesOf("HTTP/1.1 400 Bad Request\r\n"), 1],
    ["HTTP/2", bytesOf([0, 0, 0x12, 4, 0, 0, 0]), 3],
    ["SSH", bytesOf("SSH-2.0-ROSSSH\r\n"), 1],
    ["TLS handshake", bytesOf([0x16, 3, 3, 0, 0x7a]), 1],
    ["TLS alert", bytesOf([0x15, 3, 1, 0, 2, 2, 40]), 1],
    ["FTP", bytesOf("220 ready\r\n"), 1],
    ["telnet", bytesOf([0x7f, 0xfd, 1]), 1],
    ["a command", encodeOther(["/login"]), 1],
    ["an attribute", encodeOther(["=a=1"]), 1],
    ["a tag", encodeOther([".tag=1", "!re"]), 1],
    ["a long word", bytesOf([0x81, 0], "x"), 2],
  ];
  for (const [what, bytes, at] of cases) {
    assert.equal(read([bytes.subarray(0, at)]).fault, undefined, what);
    for (const length of [at + 1, bytes.length]) {
      const { sentences, fault } = read([bytes.subarray(0, length)]);
      assert.deepEqual([sentences, fault], [[], `no reply of a RouterOS API, at byte ${at}`], what);
    }
  }
});

Deno.test("next() gives the sentences before a fault, and nothing after it", () => {
  const reader = new RouterosSentences(), good = encodeOther(["!re", "=a=1"]);
  const { sentences, fault } = read([good, bytesOf(good, [0xff], good)], reader);
  assert.deepEqual(sentences.map(({ words }) => words), [["=a=1"], ["=a=1"]]);
  assert.equal(fault, `the reserved byte 0xff in place of a length, at byte ${2 * good.length}`);
  assert.deepEqual(read([good, good], reader), { sentences: [], fault, hasRest: true });
});

Deno.test("next() counts the place of a fault from the first byte that was received", () => {
  const row = encodeOther(["!re", `=a=${"x".repeat(1000)}`]), count = 5000;
  for (const size of [row.length - 1, row.length, 65_536, 5_000_000]) {
    const stream = concat([...new Array<Uint8Array>(count).fill(row), bytesOf([3], "!re", [0xf9])]);
    const { sentences, fault } = read(chunks(stream, () => size));
    assert.equal(sentences.length, count);
    assert.equal(fault, `the reserved byte 0xf9 in place of a length, at byte ${stream.length - 1}`);
  }
});

Deno.test("room() never makes the buffer larger than 2 MiB, whatever arrives", () => {
  const long = encodeOther(["!re", "x".repeat(MAX_SENTENCE - 4 - 3 - END)]);
  const cases: readonly (readonly [what: string, bytes: Uint8Array])[] = [
    ["the longest sentences", concat(new Array<Uint8Array>(8).fill(long))],
    ["a length at the end of the longest", bytesOf(long.subarray(0, -1), [0xf0, 0, 0, 0, 1], "x")],
    ["empty sentences", new Uint8Array(5 << 20)],
    ["short sentences", concat(new Array<Uint8Array>(500_000).fill(encodeOther(["!re", "=a=1"])))],
    ["bytes after a fault", new Uint8Array(5 << 20).fill(0xff)],
  ];
  for (const [what, bytes] of cases) {
    for (const size of [4093, 65_536, 1 << 20, bytes.length]) {
      const reader = new RouterosSentences();
      for (const piece of chunks(bytes, () => size)) {
        receive(reader, piece, () => {
          while (reader.next());
          assert(reader.bytes.length <= MAX_BUFFER, `${what}: ${reader.bytes.length} bytes`);
        });
      }
    }
  }
});

Deno.test("hasRest tells whether there is something that was not read", () => {
  const reader = new RouterosSentences(), row = encodeOther(["!re", "=a=1"]);
  assert.equal(reader.hasRest, false);
  receive(reader, bytesOf(row, row), () => {});
  for (const hasRest of [true, false]) {
    assert.equal(reader.next(), true);
    assert.equal(reader.hasRest, hasRest);
  }
  assert.equal(reader.next(), false);
  reader.room();
  assert.equal(reader.hasRest, false);
  receive(reader, row.subarray(0, 1), () => assert.equal(reader.next(), false));
  assert.equal(reader.hasRest, true);
  receive(reader, row.subarray(1), () => assert.equal(reader.next(), true));
  assert.equal(reader.hasRest, false);
});

Deno.test("encodeSentence() writes what others read", () => {
  const cases: readonly (readonly string[])[] = [
    ["/login", "=name=prom", "=password=a=b "],
    ["/ip/firewall/connection/print", "=.proplist=.id,protocol", "?protocol=tcp", ".tag=12"],
    ["/x", "=comment=телефония"],
    ...[1, 0x7e, 0x7f, 0x80, 0x81, 0xff, 0x100, 0x3ffe, 0x3fff].map((length) => ["/x", "y".repeat(length)]),
    ["/x", "я".repeat(64)],
  ];
  const decoder = new SentenceDecoder();
  for (const words of cases) {
    const bytes = encodeSentence(words);
    assert.deepEqual(bytes, encodeOther(words));
    assert.deepEqual(decoder.push(bytes), [words]);
  }
});

Deno.test("encodeSentence() refuses a word of more than 16,383 bytes", () => {
  const message = "Cannot send a word of 16384 bytes";
  assert.throws(() => encodeSentence(["/x", "y".repeat(0x4000)]), { name: "RangeError", message });
  assert.throws(() => encodeSentence(["/x", "я".repeat(0x2000)]), { name: "RangeError", message });
});

function randomWord(random: Random): string {
  return random.pick(["=", "=a=", ".tag=1", "=имя=", "!", "x"]) +
    "y".repeat(random.int(random.pick([3, 20, 400])));
}

property("next() reads what an independent decoder reads, in chunks of any size", (random) => {
  for (let round = 0; round < 2000; round++) {
    const writer = new SentenceWriter();
    for (let i = random.int(20); i >= 0; i--) {
      writer.word(random.pick(["!re", "!done", "!trap", "!other"]));
      for (let words = random.int(8); words > 0; words--) writer.word(randomWord(random));
      writer.end();
    }
    const bytes = writer.take(), most = random.pick([1, 3, 50, 1000]);
    const { sentences, fault } = read(chunks(bytes, () => 1 + random.int(most)));
    assert.equal(fault, undefined);
    assert.deepEqual(
      sentences.map(({ reply, words }) => [reply, ...words]),
      new SentenceDecoder().push(bytes),
    );
  }
});

property("next() throws for no bytes, and reads no further than they go", (random) => {
  const rows = [
    ...new EncodedRows(manyConnections(50), undefined).pieces(0, 50, { text: "3", place: "last" }),
  ];
  const table = concat(rows);
  let reader = new RouterosSentences();
  for (let round = 0; round < 200_000; round++) {
    if (reader.fault !== undefined) reader = new RouterosSentences();
    const length = random.pick([1, 7, 40, 200, 900]), from = random.int(table.length - length);
    const bytes = random.int(4) === 0 ? random.bytes(length) : table.slice(from, from + length);
    for (let flips = random.int(4); flips > 0; flips--) bytes[random.int(length)] = random.int(256);
    const size = 1 + random.int(length);
    for (let at = 0; at < length; at += size) {
      const piece = bytes.subarray(at, at + size), room = reader.room();
      room.set(piece);
      reader.received(piece.length);
      const end = reader.bytes.length - room.length + piece.length;
      while (reader.next()) {
        const { words, starts, ends } = reader;
        assert(words >= 0 && words <= MAX_WORDS);
        for (let i = 0; i < words; i++) assert(starts[i]! < ends[i]! && ends[i]! < end);
        assert(reader.tagNumber >= -1);
      }
      assert(reader.bytes.length <= MAX_BUFFER);
    }
  }
});
