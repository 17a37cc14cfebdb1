import assert from "node:assert/strict";
import { Vocabulary } from "../../core/vocabulary.ts";
import { ConntrackEntry, STATES } from "../../parsers/conntrack_entry.ts";
import { ConntrackReader } from "../../parsers/ctnetlink.ts";
import { ProcNetConntrackReader } from "../../parsers/proc_net_conntrack.ts";
import { fixture, mutated } from "../helpers/fixtures.ts";
import { walk } from "../helpers/netlink.ts";
import { type ReadConnection, shownConnection } from "../helpers/read_entries.ts";
import { property } from "../helpers/random.ts";

const UNREPLIED = 0, REPLIED = 1, ASSURED = 2, OFFLOADED = 3;

interface Line {
  readonly family?: string;
  readonly protocol?: string;
  readonly timeout?: string;
  readonly state?: string;
  readonly original?: string;
  readonly sent?: string;
  readonly unreplied?: string;
  readonly reply?: string;
  readonly received?: string;
  readonly flag?: string;
  readonly mark?: string;
  readonly rest?: string;
}

function line(
  {
    family = "ipv4     2",
    protocol = "tcp      6",
    timeout = "431999 ",
    state = "ESTABLISHED ",
    original = "src=10.0.0.1 dst=10.0.0.2 sport=40000 dport=80 ",
    sent = "packets=5 bytes=400 ",
    unreplied = "",
    reply = "src=10.0.0.2 dst=192.0.2.1 sport=80 dport=50000 ",
    received = "packets=4294967299 bytes=4503599627370496 ",
    flag = "[ASSURED] ",
    mark = "mark=4294967294 ",
    rest = "zone=0 use=2",
  }: Line = {},
): string {
  return `${family} ${protocol} ${timeout}${state}${original}${sent}${unreplied}${reply}${received}${flag}${mark}${rest}\n`;
}

function stripped(
  { id: _id, tuple: _tuple, ...rest }: ReadConnection,
): Omit<ReadConnection, "id" | "tuple"> {
  return rest;
}

function readBytes(bytes: Uint8Array<ArrayBuffer>, start = 0, end = bytes.length) {
  const vocabulary = new Vocabulary(), reader = new ProcNetConntrackReader(vocabulary);
  const entry = new ConntrackEntry(), entries: ReadConnection[] = [];
  reader.begin(bytes, start, end);
  while (reader.next(entry)) entries.push(shownConnection(entry, vocabulary));
  return { entries, malformed: reader.malformed };
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function read(text: string) {
  const { entries, malformed } = readBytes(encode(text));
  return { entries: entries.map(stripped), malformed };
}

function readOne(text: string): ReadConnection {
  const { entries, malformed } = readBytes(encode(text));
  assert.deepEqual([entries.length, malformed], [1, 0]);
  return entries[0]!;
}

const GOOD = {
  family: 4,
  protocol: 6,
  source: "10.0.0.1",
  destination: "10.0.0.2",
  sourcePort: 40_000,
  destinationPort: 80,
  replySource: "10.0.0.2",
  replyDestination: "192.0.2.1",
  replySourcePort: 80,
  replyDestinationPort: 50_000,
  state: STATES.indexOf("ESTABLISHED"),
  status: ASSURED,
  timeout: 431_999,
  mark: 0xfffffffe,
  zone: 0,
  sentPackets: 5,
  sentBytes: 400,
  replyPackets: 2 ** 32 + 3,
  replyBytes: 2 ** 52,
};

const NO_PORTS = {
  sourcePort: NaN,
  destinationPort: NaN,
  replySourcePort: NaN,
  replyDestinationPort: NaN,
  state: NaN,
};
const NO_COUNTERS = { sentPackets: NaN, sentBytes: NaN, replyPackets: NaN, replyBytes: NaN };

const PING = "src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=1234 ";
const PONG = "src=10.0.0.2 dst=192.0.2.1 type=0 code=0 id=1234 ";
const LINES: { what: string; line: Line; expected: Partial<typeof GOOD> }[] = [
  { what: "every word", line: {}, expected: {} },
  { what: "a line without accounting", line: { sent: "", received: "" }, expected: NO_COUNTERS },
  { what: "a kernel without marks and zones", line: { mark: "", rest: "use=2" }, expected: { mark: 0 } },
  { what: "a mark of 0", line: { mark: "mark=0 " }, expected: { mark: 0 } },
  {
    what: "a label of security",
    line: { rest: "secctx=system_u:object_r:unlabeled_t:s0 use=2" },
    expected: {},
  },
  {
    what: "a label of security with words that mean something elsewhere",
    line: { rest: "secctx=a CLOSE (enforce) zone=3 use=2" },
    expected: { zone: 3 },
  },
  {
    what: "the time since its beginning",
    line: { rest: "zone=7 delta-time=9 use=2" },
    expected: { zone: 7 },
  },
  { what: "the greatest zone", line: { rest: "zone=65535 use=2" }, expected: { zone: 65_535 } },
  {
    what: "the zone of the original direction",
    line: { sent: "zone-orig=8 packets=5 bytes=400 ", rest: "use=2" },
    expected: { zone: 8 },
  },
  {
    what: "the zone of the reply",
    line: { received: "zone-reply=9 packets=4294967299 bytes=4503599627370496 ", rest: "use=2" },
    expected: { zone: 9 },
  },
  {
    what: "a connection that has no reply",
    line: { unreplied: "[UNREPLIED] ", flag: "" },
    expected: { status: UNREPLIED },
  },
  {
    what: "a connection that is assured and has no reply",
    line: { unreplied: "[UNREPLIED] " },
    expected: {},
  },
  { what: "a connection that has a reply", line: { flag: "" }, expected: { status: REPLIED } },
  {
    what: "a connection that is offloaded",
    line: { timeout: "", state: "", flag: "[OFFLOAD] " },
    expected: { status: OFFLOADED, timeout: NaN, state: NaN },
  },
  {
    what: "a connection that is offloaded to hardware",
    line: { timeout: "", state: "", flag: "[HW_OFFLOAD] " },
    expected: { status: OFFLOADED, timeout: NaN, state: NaN },
  },
  { what: "an unknown flag", line: { flag: "[ASSURED] [BLUE] [ " }, expected: {} },
  { what: "an unknown state", line: { state: "DREAMING " }, expected: { state: NaN } },
  {
    what: "unknown words",
    line: { sent: "packets=5 bytes=400 speed=7 p=1 = ", state: "a=b ESTABLISHED " },
    expected: {},
  },
  { what: "a timeout of 0", line: { timeout: "0 " }, expected: { timeout: 0 } },
  { what: "a negative timeout", line: { timeout: "-1 " }, expected: { timeout: NaN } },
  { what: "one space between the words", line: { family: "ipv4 2", protocol: "tcp 6" }, expected: {} },
  { what: "UDP", line: { protocol: "udp      17", state: "" }, expected: { protocol: 17, state: NaN } },
  {
    what: "ICMP",
    line: { protocol: "icmp     1", state: "", original: PING, reply: PONG },
    expected: { protocol: 1, ...NO_PORTS },
  },
  {
    what: "GRE",
    line: {
      protocol: "gre      47",
      timeout: "29 ",
      state: "timeout=30, stream_timeout=180 ",
      original: "src=10.0.0.1 dst=10.0.0.2 srckey=0x0 dstkey=0x1234 ",
      reply: "src=10.0.0.2 dst=192.0.2.1 srckey=0x1234 dstkey=0x0 ",
    },
    expected: { protocol: 47, timeout: 29, ...NO_PORTS },
  },
  {
    what: "a protocol without a name, and without ports",
    line: {
      protocol: "unknown  33",
      state: "",
      original: "src=10.0.0.1 dst=10.0.0.2 ",
      reply: "src=10.0.0.2 dst=192.0.2.1 ",
    },
    expected: { protocol: 33, ...NO_PORTS },
  },
  {
    what: "ports of a protocol that has none",
    line: { protocol: "esp      50", state: "" },
    expected: { protocol: 50, ...NO_PORTS },
  },
  {
    what: "the greatest ports",
    line: { original: "src=10.0.0.1 dst=10.0.0.2 sport=65535 dport=0 " },
    expected: { sourcePort: 65_535, destinationPort: 0 },
  },
];

for (const { what, line: fields, expected } of LINES) {
  Deno.test(`next() reads ${what}`, () => {
    assert.deepEqual(read(line(fields)), { entries: [{ ...GOOD, ...expected }], malformed: 0 });
  });
}

for (const [index, state] of STATES.entries()) {
  Deno.test(`next() reads the state ${state}`, () => {
    assert.equal(readOne(line({ state: `${state} ` })).state, index);
  });
}

const ADDRESSES = [
  { text: "0.0.0.0", ip: "0.0.0.0" },
  { text: "255.255.255.255", ip: "255.255.255.255" },
  { text: "128.2.3.40", ip: "128.2.3.40" },
  { text: "0000:0000:0000:0000:0000:0000:0000:0000", ip: "::" },
  { text: "0000:0000:0000:0000:0000:0000:0000:0001", ip: "::1" },
  { text: "2001:0db8:0001:0002:0003:0004:0005:0006", ip: "2001:db8:1:2:3:4:5:6" },
  { text: "2001:0DB8:ABCD:EF00:0000:0000:0000:0000", ip: "2001:db8:abcd:ef00::" },
  { text: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ip: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
  { text: "0000:0000:0000:0000:0000:ffff:c000:0201", ip: "192.0.2.1" },
];

for (const { text, ip } of ADDRESSES) {
  Deno.test(`next() reads the address ${text}`, () => {
    const isIpv6 = text.includes(":"),
      other = isIpv6 ? "2001:0db8:0000:0000:0000:0000:0000:0007" : "10.0.0.7";
    const entry = readOne(line({
      family: isIpv6 ? "ipv6     10" : "ipv4     2",
      original: `src=${text} dst=${other} sport=1 dport=2 `,
      reply: `src=${other} dst=${text} sport=2 dport=1 `,
    }));
    assert.equal(entry.family, isIpv6 ? 6 : 4);
    assert.deepEqual([entry.source, entry.replyDestination], [ip, ip]);
    assert.deepEqual(
      [entry.destination, entry.replySource],
      new Array(2).fill(isIpv6 ? "2001:db8::7" : other),
    );
  });
}

const IPV6 = "2001:0db8:0000:0000:0000:0000:0000:0007";
const GARBLED: { what: string; text: string }[] = [
  { what: "a word", text: "hello\n" },
  { what: "a zero byte", text: "\0\n" },
  { what: "a zero byte after a space", text: " \0\n" },
  { what: "a line of nines", text: `${"9".repeat(200_000)}\n` },
  { what: "a family alone", text: "ipv4\n" },
  { what: "a family and its number", text: "ipv4     2\n" },
  { what: "a family, its number and a protocol", text: "ipv4     2 tcp\n" },
  { what: "a line that ends after the timeout", text: "ipv4     2 tcp      6 431999\n" },
  { what: "a line with a space before it", text: ` ${line()}` },
  { what: "an unknown family", text: line({ family: "unknown  7" }) },
  { what: "the number of another family", text: line({ family: "ipv4     10" }) },
  { what: "no number of a family", text: line({ family: "ipv6     x" }) },
  { what: "no number of a protocol", text: line({ protocol: "tcp      x" }) },
  { what: "a protocol above 255", text: line({ protocol: "tcp      256" }) },
  { what: "a timeout with a letter after it", text: line({ timeout: "431999s " }) },
  { what: "a timeout of 21 digits", text: line({ timeout: `${"1".repeat(21)} ` }) },
  { what: "no source", text: line({ original: "dst=10.0.0.2 sport=40000 dport=80 " }) },
  { what: "no destination", text: line({ original: "src=10.0.0.1 sport=40000 dport=80 " }) },
  { what: "no addresses", text: line({ original: "", reply: "" }) },
  {
    what: "a destination before the source",
    text: line({ original: "dst=10.0.0.2 src=10.0.0.1 " }),
  },
  { what: "no reply", text: line({ reply: "" }) },
  { what: "no source of the reply", text: line({ reply: "dst=192.0.2.1 sport=80 dport=50000 " }) },
  { what: "no destination of the reply", text: line({ reply: "src=10.0.0.2 sport=80 dport=50000 " }) },
  {
    what: "an end in the original direction",
    text: "ipv4     2 tcp      6 9 CLOSE src=10.0.0.1 dst=10.0.0.2\n",
  },
  { what: "two destinations", text: line({ original: "src=10.0.0.1 dst=10.0.0.2 dst=10.0.0.2 " }) },
  { what: "two destinations of the reply", text: line({ reply: "src=10.0.0.1 dst=10.0.0.2 dst=10.0.0.2 " }) },
  { what: "three directions", text: line({ rest: "src=10.0.0.1 use=2" }) },
  ...["sport", "dport"].flatMap((name) =>
    ["", "x", "-1", "65536", "80x", "0x50", "99999999999999999999999"].map((port) => ({
      what: `${name}=${port}`,
      text: line({ original: `src=10.0.0.1 dst=10.0.0.2 ${name}=${port} ` }),
    }))
  ),
  {
    what: "a port of the reply above 65535",
    text: line({ reply: "src=10.0.0.2 dst=10.0.0.1 sport=70000 " }),
  },
  ...["packets", "bytes"].flatMap((name) =>
    ["", "x", "-1", "1".repeat(21), "1.5"].map((count) => ({
      what: `${name}=${count}`,
      text: line({ sent: `${name}=${count} ` }),
    }))
  ),
  ...["", "x", "4294967296"].map((mark) => ({ what: `mark=${mark}`, text: line({ mark: `mark=${mark} ` }) })),
  ...["", "x", "65536"].map((zone) => ({ what: `zone=${zone}`, text: line({ rest: `zone=${zone} use=2` }) })),
  { what: "sport without equals sign", text: line({ original: "src=10.0.0.1 dst=10.0.0.2 sport 1 " }) },
  ...[
    "",
    "10.0.0",
    "10.0.0.",
    "10.0.0.1.",
    "10.0.0.1.2",
    "10.0.0.256",
    "10.0.0.1000",
    "10..0.1",
    ".10.0.0.1",
    "10.0.0.x",
    "10.0.0.-1",
    "10.0.0.1/8",
    "::1",
    IPV6,
  ].flatMap((ip) => [
    { what: `src=${ip} of IPv4`, text: line({ original: `src=${ip} dst=10.0.0.2 ` }) },
    { what: `dst=${ip} of IPv4`, text: line({ original: `src=10.0.0.2 dst=${ip} ` }) },
    { what: `src=${ip} of a reply of IPv4`, text: line({ reply: `src=${ip} dst=10.0.0.2 ` }) },
  ]),
  ...[
    "",
    "10.0.0.1",
    IPV6.slice(0, -1),
    `${IPV6}0`,
    `${IPV6}:`,
    IPV6.replace("db8", "dg8"),
    IPV6.replace("7", "-"),
    IPV6.replace("2001:", "2001."),
    IPV6.replace(":0007", ";0007"),
    "2001:db8:0:0:0:0:0:7",
  ].map((ip) => ({
    what: `src=${ip} of IPv6`,
    text: line({
      family: "ipv6     10",
      original: `src=${ip} dst=${IPV6} `,
      reply: `src=${IPV6} dst=${IPV6} `,
    }),
  })),
];

for (const { what, text } of GARBLED) {
  Deno.test(`next() counts a line with ${what} as malformed, and keeps the lines around it`, () => {
    assert.deepEqual(read(line() + text + line({ mark: "mark=1 " })), {
      entries: [GOOD, { ...GOOD, mark: 1 }],
      malformed: 1,
    });
  });
}

Deno.test("next() reads nothing of nothing", () => {
  assert.deepEqual(read(""), { entries: [], malformed: 0 });
});

Deno.test("next() passes over empty lines", () => {
  assert.deepEqual(read(`\n\n${line()}   \n`), { entries: [GOOD], malformed: 0 });
});

Deno.test("next() reads a last line without its end", () => {
  assert.deepEqual(read(line().trimEnd()), { entries: [GOOD], malformed: 0 });
});

Deno.test("next() keeps nothing of the line before", () => {
  const bare = line({
    timeout: "",
    state: "",
    original: "src=10.0.0.1 dst=10.0.0.2 ",
    sent: "",
    reply: "src=10.0.0.2 dst=192.0.2.1 ",
    received: "",
    flag: "",
    mark: "",
    rest: "use=1",
  });
  const expected = {
    ...GOOD,
    ...NO_PORTS,
    ...NO_COUNTERS,
    timeout: NaN,
    state: NaN,
    status: REPLIED,
    mark: 0,
  };
  for (const text of [line({ rest: "zone=5 use=2" }), line({ rest: "zone=5 zone=x" })]) {
    assert.deepEqual(read(text + bare).entries.at(-1), expected);
  }
});

Deno.test("begin() limits the walk to a part of the bytes", () => {
  const text = line(), bytes = encode(text.repeat(3));
  assert.equal(readBytes(bytes, text.length, 2 * text.length).entries.length, 1);
  assert.equal(readBytes(bytes, 0, 65_536).entries.length, 3);
});

Deno.test("begin() reads nothing past its end where a line is longer", () => {
  const text = line(), bytes = encode(text), end = text.indexOf("4294967294") + 3;
  assert.deepEqual(readBytes(bytes, 0, end).entries.map(({ mark }) => mark), [429]);
});

Deno.test("begin() takes a part of a buffer", () => {
  const text = line(), bytes = encode(`${text}${text}`).subarray(text.length);
  assert.deepEqual(readBytes(bytes).entries.map(stripped), [GOOD]);
});

Deno.test("malformed counts on over several walks", () => {
  const reader = new ProcNetConntrackReader(new Vocabulary()), bytes = encode("garbled\n");
  for (let i = 0; i < 2; i++) {
    reader.begin(bytes, 0, bytes.length);
    reader.next(new ConntrackEntry());
  }
  assert.equal(reader.malformed, 2);
});

Deno.test("id and tuple tell connections apart that differ in one thing", () => {
  const texts = [
    line(),
    line({ protocol: "udp      17" }),
    line({ original: "src=10.0.0.3 dst=10.0.0.2 sport=40000 dport=80 " }),
    line({ original: "src=10.0.0.1 dst=10.0.0.3 sport=40000 dport=80 " }),
    line({ original: "src=10.0.0.2 dst=10.0.0.1 sport=40000 dport=80 " }),
    line({ original: "src=10.0.0.1 dst=10.0.0.2 sport=40001 dport=80 " }),
    line({ original: "src=10.0.0.1 dst=10.0.0.2 sport=40000 dport=81 " }),
    line({ original: "src=10.0.0.1 dst=10.0.0.2 sport=80 dport=40000 " }),
    line({ rest: "zone=1 use=2" }),
    ...["type=8 code=0 id=1", "type=8 code=0 id=2", "type=8 code=1 id=1", "type=9 code=0 id=1"].map((ping) =>
      line({ protocol: "icmp     1", original: `src=10.0.0.1 dst=10.0.0.2 ${ping} ` })
    ),
    ...["srckey=0x0 dstkey=0x1", "srckey=0x1 dstkey=0x0", "srckey=0x1 dstkey=0x1"].map((keys) =>
      line({ protocol: "gre      47", original: `src=10.0.0.1 dst=10.0.0.2 ${keys} ` })
    ),
    ...["ipv4     2", "ipv6     10"].flatMap((family) =>
      ["0000", "0001"].map((group) =>
        family.startsWith("ipv4") ? line({ original: `src=0.0.0.${group.at(-1)} dst=0.0.0.0 ` }) : line({
          family,
          original: `src=${group}${":0000".repeat(7)} dst=0000${":0000".repeat(7)} `,
          reply: `src=0000${":0000".repeat(7)} dst=${group}${":0000".repeat(7)} `,
        })
      )
    ),
  ];
  const { entries } = readBytes(encode(texts.join("")));
  assert.equal(entries.length, texts.length);
  assert.equal(new Set(entries.map(({ id }) => id)).size, texts.length);
  assert.equal(new Set(entries.map(({ tuple }) => tuple)).size, texts.length);
  for (const { id, tuple } of entries) assert.deepEqual([id | 0, tuple | 0], [id, tuple]);
});

Deno.test("id and tuple are the same when only the rest is other", () => {
  const first = readOne(line()),
    second = readOne(line({
      timeout: "1 ",
      state: "CLOSE ",
      sent: "packets=6 bytes=401 speed=8 ",
      unreplied: "[UNREPLIED] ",
      reply: "src=10.0.0.9 dst=192.0.2.1 sport=81 dport=50001 ",
      flag: "",
      mark: "mark=7 ",
      rest: "zone=0 delta-time=3 use=1",
    }));
  assert.deepEqual([first.id, first.tuple], [second.id, second.tuple]);
});

property("id and tuple collide for few of many connections", (random) => {
  const texts = Array.from({ length: 20_000 }, (_, i) => {
    const source = `10.0.${random.int(256)}.${random.int(256)}`;
    return line({ original: `src=${source} dst=10.0.0.2 sport=${i} dport=80 ` });
  });
  const { entries } = readBytes(encode(texts.join("")));
  assert.equal(new Set(entries.map(({ id, tuple }) => `${id},${tuple}`)).size, texts.length);
  assert(new Set(entries.map(({ id }) => id)).size > texts.length - 5);
  assert(new Set(entries.map(({ tuple }) => tuple)).size > texts.length - 5);
});

for (const name of ["", "_plain"]) {
  Deno.test(`next() reads the same of nf_conntrack${name} as netlink told of the same table`, () => {
    const vocabulary = new Vocabulary(), entry = new ConntrackEntry(), expected: ReadConnection[] = [];
    const reader = new ConntrackReader(walk(fixture(`netlink/conntrack${name}.bin`)), vocabulary);
    while (reader.next(entry)) expected.push(shownConnection(entry, vocabulary));
    const { entries, malformed } = readBytes(fixture(`procfs/conntrack/nf_conntrack${name}`));
    assert.equal(expected.length, 25);
    assert.deepEqual([entries.map(stripped), malformed], [expected.map(stripped), 0]);
    assert.equal(new Set(entries.map(({ id, tuple }) => `${id},${tuple}`)).size, 25);
  });

  Deno.test(`next() gives no more connections for any beginning of nf_conntrack${name} than for the whole`, () => {
    const bytes = fixture(`procfs/conntrack/nf_conntrack${name}`), whole = readBytes(bytes).entries;
    for (let length = 0; length < bytes.length; length++) {
      const { entries, malformed } = readBytes(bytes, 0, length);
      assert(entries.length + malformed <= whole.length && malformed <= 1, `${length} bytes`);
      // The last line may be cut short.
      const lines = bytes.subarray(0, length).filter((byte) => byte === 10).length;
      assert.deepEqual(entries.slice(0, lines), whole.slice(0, lines), `${length} bytes`);
    }
  });

  property(`next() reads a good line after a changed nf_conntrack${name}`, (random) => {
    const bytes = fixture(`procfs/conntrack/nf_conntrack${name}`).subarray(0, 1500);
    fuzz(() => mutated(bytes, random));
  });
}

function fuzz(bytesOf: () => Uint8Array<ArrayBuffer>): void {
  const vocabulary = new Vocabulary(), reader = new ProcNetConntrackReader(vocabulary);
  const entry = new ConntrackEntry();
  for (let round = 0; round < 10_000; round++) {
    const bytes = bytesOf();
    reader.begin(bytes, 0, bytes.length);
    reader.malformed = 0;
    let lines = 0;
    while (reader.next(entry)) {
      lines++;
      assert(entry.source >= 0 && entry.destination >= 0);
      assert(entry.replySource >= 0 && entry.replyDestination >= 0 && entry.status >= 0 && entry.status <= 3);
      assert(entry.protocol >= 0 && entry.protocol <= 255 && entry.zone >= 0 && entry.zone <= 65_535);
      for (const port of [entry.sourcePort, entry.destinationPort, entry.replySourcePort]) {
        assert(Number.isNaN(port) || (port >= 0 && port <= 65_535));
      }
      assert(Number.isNaN(entry.state) || STATES[entry.state] !== undefined);
    }
    assert(lines + reader.malformed <= bytes.reduce((sum, byte) => sum + (byte === 10 ? 1 : 0), 1));
    vocabulary.forgetIfFull();
  }
  const good = encode(line());
  reader.begin(good, 0, good.length);
  assert(reader.next(entry));
  assert.deepEqual(stripped(shownConnection(entry, vocabulary)), GOOD);
  assert(!reader.next(entry));
}

property("next() reads a good line after random bytes", (random) => {
  fuzz(() => random.bytes(random.int(200)));
});

property("next() reads a good line after random words", (random) => {
  const words = [
    ..."\n |src=|dst=|src=10.0.0.1|dst=10.0.0.2|sport=1|dport=|packets=7|bytes=|mark=|zone=1|[ASSURED]|[UNREPLIED]"
      .split("|"),
    ..."ipv4 2 tcp 6 5 CLOSE|ipv6 10 udp 17|2|10|=|ESTABLISHED|id=1|srckey=0x1|dst|[|use=2|type=".split("|"),
    `src=${IPV6}`,
    `dst=${IPV6}`,
  ];
  fuzz(() =>
    encode(
      Array.from({ length: random.int(20) }, () => random.pick(words)).join(random.pick([" ", "  ", ""])),
    )
  );
});
