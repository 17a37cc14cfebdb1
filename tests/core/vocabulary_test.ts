import assert from "node:assert/strict";
import { Ip } from "../../core/ip.ts";
import { IPV6_BASE, Vocabulary } from "../../core/vocabulary.ts";
import { property, type Random } from "../helpers/random.ts";

const WORDS_IN_USE = [
  0,
  1,
  2,
  0xff,
  0xffff,
  0x10000,
  0x20010db8,
  0x7fffffff,
  0x80000000,
  0xfe800000,
  0xffffffff,
];

/** Half of the addresses are of a few words in all combinations: many come again or differ in one word only. */
function randomAddress(random: Random): Uint8Array {
  const bytes = random.bytes(16);
  if (random.int(2) === 0) {
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < 16; at += 4) view.setUint32(at, random.pick(WORDS_IN_USE));
  }
  return bytes;
}

Deno.test("text() gives the same text the same number", () => {
  const vocabulary = new Vocabulary();
  assert.equal(vocabulary.text("tcp"), vocabulary.text("tcp"));
});

Deno.test("text() gives different texts different numbers", () => {
  const vocabulary = new Vocabulary();
  assert.notEqual(vocabulary.text("tcp"), vocabulary.text("udp"));
});

for (const text of ["tcp", "", "__proto__", "a\0b", "ä😀"]) {
  Deno.test(`textOf() gives back ${JSON.stringify(text)}`, () => {
    const vocabulary = new Vocabulary();
    vocabulary.text("before");
    assert.equal(vocabulary.textOf(vocabulary.text(text)), text);
  });
}

Deno.test("textOf() gives an empty text for a number that it did not give", () => {
  assert.equal(new Vocabulary().textOf(7), "");
});

for (const text of ["0.0.0.0", "127.0.0.1", "255.255.255.255"]) {
  Deno.test(`ip() gives ${text} as its 32-bit number`, () => {
    const ip = Ip.parse(text)!;
    assert.equal(new Vocabulary().ip(ip), ip.toNumber());
  });
}

for (const text of ["0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "2001:db8::1"]) {
  Deno.test(`ipOf() gives back ${text}`, () => {
    const vocabulary = new Vocabulary();
    assert.equal(String(vocabulary.ipOf(vocabulary.ip(Ip.parse(text)!))), text);
  });
}

Deno.test("ip() keeps nothing of an IPv4 address", () => {
  const vocabulary = new Vocabulary();
  vocabulary.ip(Ip.v4(0x7f000001));
  assert.equal(vocabulary.size, 0);
});

Deno.test("ipv6() counts from the base of IPv6", () => {
  const vocabulary = new Vocabulary();
  const given = ["::1", "::2", "::1"].map((text) => vocabulary.ip(Ip.parse(text)!));
  assert.deepEqual(given, [IPV6_BASE, IPV6_BASE + 1, IPV6_BASE]);
});

Deno.test("ipv6() gives an IPv4-mapped address as the IPv4 address", () => {
  const bytes = Uint8Array.of(...new Array<number>(10).fill(0), 0xff, 0xff, 255, 0, 2, 1);
  assert.equal(new Vocabulary().ipv6(bytes, 0), 0xff000201);
});

Deno.test("ipv6() reads at the offset", () => {
  const vocabulary = new Vocabulary();
  const { bytes } = Ip.parse("2001:db8::1")!;
  assert.equal(vocabulary.ipv6(Uint8Array.of(1, 2, 3, ...bytes, 4), 3), vocabulary.ipv6(bytes, 0));
});

Deno.test("ipv6() keeps its own copy of the bytes", () => {
  const vocabulary = new Vocabulary();
  const bytes = Ip.parse("2001:db8::1")!.bytes.slice();
  const number = vocabulary.ipv6(bytes, 0);
  bytes.fill(0xff);
  assert.equal(String(vocabulary.ipOf(number)), "2001:db8::1");
});

const WORDS = [
  { text: "2001:db8::1", words: [0x20010db8, 0, 0, 1] },
  {
    text: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    words: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
  },
  { text: "::ffff:192.0.2.1", words: [0, 0, 0xffff, 0xc0000201] },
] as const;

for (const { text, words: [a, b, c, d] } of WORDS) {
  Deno.test(`ipv6Words() gives the number that ip() gives ${text}`, () => {
    const vocabulary = new Vocabulary();
    assert.equal(vocabulary.ipv6Words(a, b, c, d), vocabulary.ip(Ip.parse(text)!));
  });
}

/** Looks so many random addresses up, and compares their numbers with those that a Map counts. */
function compareWithMap(vocabulary: Vocabulary, random: Random, count: number): void {
  const oracle = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const bytes = randomAddress(random), key = String(Ip.v6(bytes));
    const mapped = Ip.v6(bytes).version === 4;
    if (!mapped && !oracle.has(key)) oracle.set(key, IPV6_BASE + oracle.size);
    const expected = mapped ? Ip.v6(bytes).toNumber() : oracle.get(key);
    if (vocabulary.ipv6(bytes, 0) !== expected) assert.fail(key);
  }
  assert.equal(vocabulary.size, oracle.size);
}

property("ipv6() agrees with a Map", (random) => {
  compareWithMap(new Vocabulary(), random, 100_000);
});

property("ipv6() agrees with a Map in every generation", (random) => {
  const vocabulary = new Vocabulary(100);
  for (let generation = 0; generation < 5; generation++) {
    compareWithMap(vocabulary, random, 5000);
    vocabulary.forgetIfFull();
  }
});

Deno.test("ipv6() still knows the last address when the next one makes the table grow", () => {
  const vocabulary = new Vocabulary();
  const numberOf = (host: number) => vocabulary.ipv6Words(0x20010db8, 0, 0, host);
  let last = numberOf(0);
  for (let host = 1; host < 1000; host++) {
    const number = numberOf(host);
    assert.equal(numberOf(host - 1), last);
    last = number;
  }
});

property("ipOf() gives back what ipv6() was given", (random) => {
  const vocabulary = new Vocabulary();
  const given = Array.from({ length: 10_000 }, () => {
    const bytes = randomAddress(random);
    return { bytes, number: vocabulary.ipv6(bytes, 0) };
  });
  for (const { bytes, number } of given) assert.equal(String(vocabulary.ipOf(number)), String(Ip.v6(bytes)));
});

Deno.test("size counts texts and IPv6 addresses", () => {
  const vocabulary = new Vocabulary();
  vocabulary.text("tcp");
  vocabulary.text("udp");
  vocabulary.ip(Ip.parse("::1")!);
  assert.equal(vocabulary.size, 3);
});

/** A vocabulary with the limit of three that holds so many texts and one address. */
function vocabularyWith(texts: number): Vocabulary {
  const vocabulary = new Vocabulary(3);
  vocabulary.ip(Ip.parse("::1")!);
  for (let i = 0; i < texts; i++) vocabulary.text(`text ${i}`);
  return vocabulary;
}

Deno.test("a new vocabulary has the generation 0", () => {
  assert.equal(new Vocabulary().generation, 0);
});

Deno.test("forgetIfFull() keeps the generation at the limit", () => {
  const vocabulary = vocabularyWith(2);
  vocabulary.forgetIfFull();
  assert.equal(vocabulary.generation, 0);
});

Deno.test("forgetIfFull() keeps what there is at the limit", () => {
  const vocabulary = vocabularyWith(2);
  vocabulary.forgetIfFull();
  assert.equal(vocabulary.textOf(1), "text 1");
});

Deno.test("forgetIfFull() starts a generation beyond the limit", () => {
  const vocabulary = vocabularyWith(3);
  vocabulary.forgetIfFull();
  assert.equal(vocabulary.generation, 1);
});

Deno.test("forgetIfFull() leaves nothing beyond the limit", () => {
  const vocabulary = vocabularyWith(3);
  vocabulary.forgetIfFull();
  assert.equal(vocabulary.size, 0);
});

Deno.test("forgetIfFull() starts one generation when it is called twice", () => {
  const vocabulary = vocabularyWith(3);
  vocabulary.forgetIfFull();
  vocabulary.forgetIfFull();
  assert.equal(vocabulary.generation, 1);
});

Deno.test("the vocabulary takes more than its limit until it is told to forget", () => {
  const vocabulary = vocabularyWith(100);
  assert.equal(vocabulary.textOf(99), "text 99");
});

Deno.test("text() learns anew in a new generation", () => {
  const vocabulary = vocabularyWith(3);
  vocabulary.forgetIfFull();
  assert.equal(vocabulary.textOf(vocabulary.text("text 2")), "text 2");
});

Deno.test("ipv6() learns anew in a new generation", () => {
  const vocabulary = vocabularyWith(3);
  vocabulary.forgetIfFull();
  vocabulary.ip(Ip.parse("::2")!);
  assert.equal(String(vocabulary.ipOf(vocabulary.ip(Ip.parse("::1")!))), "::1");
});

Deno.test("forgetIfFull() tells its listeners while the numbers still have their meaning", () => {
  const vocabulary = new Vocabulary(1), heard: string[] = [];
  const numbers = [vocabulary.text("a"), vocabulary.text("b")];
  vocabulary.onForget(() => heard.push(...numbers.map((number) => vocabulary.textOf(number))));
  vocabulary.forgetIfFull();
  assert.deepEqual(heard, ["a", "b"]);
});

Deno.test("forgetIfFull() tells its listeners nothing when it forgets nothing", () => {
  const vocabulary = new Vocabulary(1);
  vocabulary.onForget(() => assert.fail());
  vocabulary.text("a");
  vocabulary.forgetIfFull();
});
