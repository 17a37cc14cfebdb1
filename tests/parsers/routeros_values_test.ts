import assert from "node:assert/strict";
import { formatIpv6, Ip, parseIpv4, parseIpv6 } from "../../core/ip.ts";
import { Vocabulary } from "../../core/vocabulary.ts";
import { AddressReader, durationIn, flagIn, numberIn, rateIn } from "../../parsers/routeros_values.ts";
import { property, type Random } from "../helpers/random.ts";

type Reading = (bytes: Uint8Array, start: number, end: number) => number;

/** What stands before and after a value, that nothing of it is read. */
const AROUND = ["", "7", ".", ":", "m", "s", "k", "bps", "\0", "]:80"];
const ENCODER = new TextEncoder();

function between(around: string, text: string): [bytes: Uint8Array, start: number, end: number] {
  const bytes = ENCODER.encode(around + text + around), start = ENCODER.encode(around).length;
  return [bytes, start, bytes.length - start];
}

function assertReads(reading: Reading, cases: readonly (readonly [text: string, value: number])[]): void {
  for (const [text, value] of cases) {
    for (const around of AROUND) {
      const read = reading(...between(around, text));
      assert.equal(read, value, `${JSON.stringify(text)} between ${JSON.stringify(around)}`);
    }
  }
}

interface Address {
  /** As text. */
  readonly ip: string;
  readonly port: number;
  readonly words: readonly number[];
}

function addressIn(text: string, { around = "", vocabulary = new Vocabulary() } = {}): Address | undefined {
  const reader = new AddressReader(vocabulary);
  if (!reader.read(...between(around, text))) return undefined;
  return { ip: vocabulary.ipOf(reader.number).toString(), port: reader.port, words: [...reader.words] };
}

/** The 32-bit words of an address, in the form in which it is written. */
function wordsOf(text: string): number[] {
  const v4 = parseIpv4(text), v6 = parseIpv6(text);
  if (v4 !== undefined) return [0, 0, 0, v4];
  return Array.from({ length: 4 }, (_, i) => new DataView(v6!.buffer).getUint32(4 * i));
}

Deno.test("numberIn() reads whole numbers, and nothing else", () => {
  assertReads(numberIn, [
    ["0", 0],
    ["7", 7],
    ["00012", 12],
    ["65535", 65_535],
    ["4294967295", 2 ** 32 - 1],
    ["4294967296", 2 ** 32],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
    ["18446744073709551615", 2 ** 64],
    ["10000000000000000000", 1e19],
    ["100000000000000000000", NaN],
    ["000000000000000000001", NaN],
    ["", NaN],
    ["-1", NaN],
    ["+1", NaN],
    ["1.5", NaN],
    ["1 000", NaN],
    [" 1", NaN],
    ["1e3", NaN],
    ["0x10", NaN],
    ["/", NaN],
    [":", NaN],
    ["١", NaN],
    ["none", NaN],
  ]);
});

Deno.test("flagIn() is 1 for true and yes, and else 0", () => {
  assertReads(flagIn, [["true", 1], ["yes", 1], ["false", 0], ["no", 0], ["", 0], ["0", 0], ["-", 0]]);
});

Deno.test("rateIn() reads bits a second with every prefix, with and without a unit", () => {
  assertReads(rateIn, [
    ["0", 0],
    ["13200", 13_200],
    ["999", 999],
    ["0bps", 0],
    ["512bps", 512],
    ["13.2kbps", 13_200],
    ["63.9kbps", 63_900],
    ["13.2Kbps", 13_200],
    ["5.1Mbps", 5_100_000],
    ["1.4Mbps", 1_400_000],
    ["2.3Mbps", 2_300_000],
    ["4.35Gbps", 4_350_000_000],
    ["1.001Tbps", 1_001_000_000_000],
    ["1k", 1000],
    ["2.5M", 2_500_000],
    [".5kbps", 500],
    ["5.kbps", 5000],
    ["0.0", 0],
  ]);
});

Deno.test("rateIn() is NaN for what is no rate", () => {
  const texts = [
    "",
    ".",
    "kbps",
    ".kbps",
    "bps",
    "-1",
    "1.2.3kbps",
    "1 kbps",
    "1kkbps",
    "1mbps",
    "1kb",
    "1kbit",
  ];
  texts.push("1bpss", "1kbps ", "1bp", "1Bps", "1e3", "1,5kbps", "1".repeat(21), "unlimited");
  assertReads(rateIn, texts.map((text) => [text, NaN]));
});

Deno.test("rateIn() reads each rate of one decimal exactly", () => {
  for (let tenths = 0; tenths < 10_000; tenths++) {
    const text = `${Math.floor(tenths / 10)}.${tenths % 10}`;
    assert.equal(rateIn(...between("", `${text}kbps`)), 100 * tenths);
    assert.equal(rateIn(...between("", `${text}Mbps`)), 100_000 * tenths);
  }
});

Deno.test("durationIn() reads a duration of every form", () => {
  assertReads(durationIn, [
    ["0s", 0],
    ["5s", 5],
    ["23h59m59s", 86_399],
    ["2m58s", 178],
    ["1d", 86_400],
    ["1w2d", 777_600],
    ["1w2d3h4m5s", 788_645],
    ["10h", 36_000],
    ["90m", 5400],
    ["5s500ms", 5.5],
    ["500ms", 0.5],
    ["250us", 250e-6],
    ["3ns", 3e-9],
    ["1m1ms", 60.001],
    ["00:00:00", 0],
    ["00:00:07", 7],
    ["00:10:00", 600],
    ["23:59:59", 86_399],
    ["2d03:04:05", 183_845],
    ["1w00:00:01", 604_801],
    ["1w2d03:04:05", 788_645],
    ["0", 0],
    ["45", 45],
  ]);
});

Deno.test("durationIn() is NaN for what is no duration", () => {
  const texts = [
    "",
    "s",
    "ms",
    "h5",
    "5x",
    "5S",
    "-5s",
    " 5s",
    "5s ",
    "5 s",
    "1.5s",
    "5ss",
    "5ds",
    "never",
    "none",
  ];
  texts.push(":", "::", "0:", "00:", "00:00:", "5:", ":5", "00::00", "0:0s", "1:2h", "00:10:00s", "1:2:3:4");
  texts.push(`${"1".repeat(21)}s`, "5sm", "1d-", "٥s");
  assertReads(durationIn, texts.map((text) => [text, NaN]));
});

property("durationIn() reads what is written as hours, minutes and seconds in either form", (random) => {
  for (let round = 0; round < 2000; round++) {
    const [d, h, m, s] = [random.int(30), random.int(24), random.int(60), random.int(60)] as const;
    const seconds = 86_400 * d + 3600 * h + 60 * m + s, clock = [h, m, s].map((n) => `${n}`.padStart(2, "0"));
    assertReads(durationIn, [[`${d}d${h}h${m}m${s}s`, seconds], [`${d}d${clock.join(":")}`, seconds]]);
  }
});

Deno.test("read() reads an address in each of its forms", () => {
  const cases: readonly (readonly [text: string, ip: string, port?: number])[] = [
    ["192.0.2.1", "192.0.2.1"],
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["192.0.2.1:80", "192.0.2.1", 80],
    ["192.0.2.1:0", "192.0.2.1", 0],
    ["192.0.2.1:65535", "192.0.2.1", 65_535],
    ["192.0.2.1/24", "192.0.2.1"],
    ["::", "::"],
    ["::1", "::1"],
    ["2001:db8::1", "2001:db8::1"],
    ["2001:DB8::A", "2001:db8::a"],
    ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
    ["1::", "1::"],
    ["1::8", "1::8"],
    ["1::7:8", "1::7:8"],
    ["1:2:3:4::7:8", "1:2:3:4::7:8"],
    ["2001:db8::1:443", "2001:db8::1:443"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::192.0.2.1", "::c000:201"],
    ["64:ff9b::192.0.2.1", "64:ff9b::c000:201"],
    ["1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:c000:201"],
    ["2001:db8::1/64", "2001:db8::1"],
    ["fe80::1%ether1", "fe80::1"],
    ["fe80::1%ether1/64", "fe80::1"],
    ["fe80::1%wg:1", "fe80::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["[2001:db8::1]:80", "2001:db8::1", 80],
    ["[fe80::1%ether1]:80", "fe80::1", 80],
    ["[2001:db8::1]/128", "2001:db8::1"],
    ["[::]:0", "::", 0],
  ];
  for (const [text, ip, port = NaN] of cases) {
    const words = wordsOf(text.replace(/^\[/, "").replace(/[\]%/].*$|(?<=^[\d.]+):\d+$/, ""));
    for (const around of AROUND) {
      assert.deepEqual(addressIn(text, { around }), { ip, port, words }, `${text} between "${around}"`);
    }
  }
});

Deno.test("read() refuses what is no address", () => {
  const texts = [
    "",
    ".",
    ":",
    ":::",
    "1",
    "1.2.3",
    "1.2.3.",
    "1.2.3.4.",
    "1.2.3.4.5",
    "1..3.4",
    ".1.2.3",
    "256.1.1.1",
  ];
  texts.push(
    "1.2.3.256",
    "1.2.3.1000",
    "01.2.3.4",
    "1.2.3.04",
    "1.2.3.4x",
    "a.2.3.4",
    "-1.2.3.4",
    " 1.2.3.4",
  );
  texts.push(
    "1.2.3.4:",
    "1.2.3.4:x",
    "1.2.3.4:65536",
    "1.2.3.4:-1",
    "1.2.3.4:1:2",
    "1.2.3.4:80 ",
    "1.2.3.4 ",
  );
  texts.push(
    "1:",
    "1:2",
    ":1",
    ":1::",
    "1::2::3",
    "1:::2",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:",
    "1:2:3:4:5:6:7:8:9",
  );
  texts.push("1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", "12345::", "g::", "::1 ", "::-1");
  texts.push(
    "::1.2.3",
    "::1.2.3.4.5",
    "::1.2.3.4:5",
    "::256.1.1.1",
    "::01.2.3.4",
    "::1.2.3.4::",
    "1.2.3.4::",
  );
  texts.push("1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:1.2.3.4", "1::2:3:4:5:6:1.2.3.4", "%ether1", "/64");
  texts.push(
    "[",
    "[]",
    "[::1",
    "[::1]x",
    "[::1]:",
    "[::1]:x",
    "[::1]:65536",
    "[1::2::3]:80",
    "::1]",
    "[[::1]]",
  );
  texts.push("ether1", "fe80", "::x", "router.lan", "1.2.3.4,5.6.7.8", "адрес");
  for (const text of texts) {
    for (const around of AROUND) assert.equal(addressIn(text, { around }), undefined, `"${text}"`);
  }
});

Deno.test("read() keeps nothing of the address before", () => {
  const reader = new AddressReader(new Vocabulary()), zeros = [0, 0, 0];
  assert(reader.read(...between("", "[1:2:3:4:5:6:7:8]:80")));
  assert(reader.read(...between("", "192.0.2.1")));
  assert.deepEqual([reader.number, reader.port, ...reader.words], [0xc0000201, NaN, ...zeros, 0xc0000201]);
  assert(reader.read(...between("", "::1")));
  assert.deepEqual([reader.port, ...reader.words], [NaN, ...zeros, 1]);
  assert.equal(reader.read(...between("", "x")), false);
  assert.deepEqual([reader.number, reader.port], [NaN, NaN]);
});

Deno.test("read() gives the numbers of the vocabulary, also when it has begun anew", () => {
  const vocabulary = new Vocabulary(0), reader = new AddressReader(vocabulary);
  for (const text of ["2001:db8::1", "2001:db8::2", "192.0.2.1", "2001:db8::1"]) {
    assert(reader.read(...between("", text)));
    assert.equal(reader.number, vocabulary.ip(Ip.parse(text)!));
    vocabulary.forgetIfFull();
  }
});

/** An address of IPv6, written in one of its many ways. */
function randomIpv6(random: Random): string {
  const bytes = random.bytes(16).map((byte) => random.int(2) ? byte : 0);
  if (random.int(2)) return formatIpv6(bytes, 0);
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8 | bytes[2 * i + 1]!).toString(16));
  if (random.int(2)) groups.splice(6, 2, `${random.int(258)}.${random.int(256)}.0.${random.int(100)}`);
  const from = random.int(groups.length + 1), gone = random.int(groups.length + 1 - from);
  if (random.int(3) === 0) return groups.join(":");
  return `${groups.slice(0, from).join(":")}::${groups.slice(from + gone).join(":")}`;
}

function mutated(text: string, random: Random): string {
  const at = random.int(text.length + 1),
    by = random.pick([":", "::", ".", "0", "9", "f", "A", "g", "1.2.3.4", ""]);
  return text.slice(0, at) + by + text.slice(at + random.int(2));
}

property("read() reads of random texts what the strict parser of addresses does", (random) => {
  const vocabulary = new Vocabulary(), reader = new AddressReader(vocabulary);
  let good = 0, bad = 0;
  for (let round = 0; round < 100_000; round++) {
    let text = random.int(5) ? randomIpv6(random) : Array.from(random.bytes(4)).join(".");
    for (let times = random.int(3); times > 0; times--) text = mutated(text, random);
    const isRead = reader.read(...between("1", text));
    const plain = isRead && reader.port >= 0 ? text.slice(0, text.lastIndexOf(":")) : text;
    const ip = Ip.parse(plain);
    assert.equal(isRead, ip !== undefined, `"${text}"`);
    if (ip === undefined) bad++;
    else {
      good++;
      assert.equal(reader.number, vocabulary.ip(ip), `"${text}"`);
      assert.deepEqual([...reader.words], wordsOf(plain), `"${text}"`);
    }
    vocabulary.forgetIfFull();
  }
  assert(good > 10_000 && bad > 10_000, `${good} good, ${bad} bad`);
});

property("Readings throw for no bytes, and give no number below 0", (random) => {
  const letters = ENCODER.encode("0123456789.:/%[]wdhmsunkMGTbps tyfx"),
    address = new AddressReader(new Vocabulary());
  const bytes = new Uint8Array(32), readings = [numberIn, flagIn, rateIn, durationIn];
  for (let round = 0; round < 400_000; round++) {
    const length = random.int(bytes.length), isRandom = random.int(4) === 0;
    for (let i = 0; i < length; i++) {
      bytes[i] = isRandom ? random.int(256) : letters[random.int(letters.length)]!;
    }
    const start = random.int(length + 1), reading = readings[round % 4]!;
    const value = reading(bytes, start, length);
    assert(!(value < 0) && value !== Infinity, `${value}`);
    if (address.read(bytes, start, length)) {
      assert(address.number >= 0 && !(address.port > 65_535));
    }
  }
});
