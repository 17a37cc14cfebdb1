import assert from "node:assert/strict";
import { Ip } from "../../core/ip.ts";
import { Vocabulary } from "../../core/vocabulary.ts";
import { ConntrackEntry, STATES } from "../../parsers/conntrack_entry.ts";
import { conntrackDumpRequest, ConntrackReader, CT_DELETE, CT_NEW } from "../../parsers/ctnetlink.ts";
import { NetlinkMessages } from "../../parsers/netlink.ts";
import { fixture, mutated } from "../helpers/fixtures.ts";
import { attribute, concat, message, walk } from "../helpers/netlink.ts";
import { type ReadConnection, shownConnection } from "../helpers/read_entries.ts";
import { property, type Random } from "../helpers/random.ts";

const AF_INET = 2, AF_INET6 = 10;
const TCP = 6, UDP = 17, GRE = 47, SCTP = 132, DCCP = 33, UDPLITE = 136;
const NLA_F_NESTED = 0x8000;
const UNREPLIED = 0, REPLIED = 1, ASSURED = 2, OFFLOADED = 3;
const ORIG = 1, REPLY = 2, STATUS = 3, PROTOINFO = 4, TIMEOUT = 7, MARK = 8;
const COUNTERS_ORIG = 9, COUNTERS_REPLY = 10, ID = 12, ZONE = 18;

function be(size: number, value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let i = size - 1, rest = BigInt(value); i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}

function nested(type: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return attribute(type | NLA_F_NESTED, concat(...parts));
}

interface Tuple {
  readonly source?: string;
  readonly destination?: string;
  readonly protocol?: number;
  readonly ports?: readonly [number, number];
  readonly zone?: number;
}

function addresses(source: string, destination: string): Uint8Array<ArrayBuffer> {
  const list = [source, destination].map((text) => Ip.parse(text)!.bytes);
  const first = list[0]!.length === 4 ? 1 : 3;
  return nested(1, ...list.map((bytes, i) => attribute(first + i, bytes)));
}

function protocolOf(protocol: number, [source, destination]: readonly [number, number]) {
  const ports = [attribute(2, be(2, source)), attribute(3, be(2, destination))];
  return nested(2, attribute(1, Uint8Array.of(protocol)), ...ports);
}

function tuple(
  type: number,
  { source = "10.0.0.1", destination = "10.0.0.2", protocol = TCP, ports = [40_000, 80], zone }: Tuple = {},
): Uint8Array<ArrayBuffer> {
  const zones = zone === undefined ? [] : [attribute(3, be(2, zone))];
  return nested(type, addresses(source, destination), protocolOf(protocol, ports), ...zones);
}

function counters(type: number, packets: number, bytes: number): Uint8Array<ArrayBuffer> {
  return nested(type, attribute(1, be(8, packets)), attribute(2, be(8, bytes)));
}

function state(protocol: number, number: number): Uint8Array<ArrayBuffer> {
  return nested(PROTOINFO, nested(protocol, attribute(1, Uint8Array.of(number)), attribute(2, be(1, 7))));
}

interface Options {
  readonly type?: number;
  readonly sequence?: number;
  readonly family?: number;
}

function entryOf(
  attributes: readonly Uint8Array[],
  { type = CT_NEW, sequence = 1, family = AF_INET }: Options = {},
): Uint8Array<ArrayBuffer> {
  return message(type, concat(Uint8Array.of(family, 0, 0, 0), ...attributes), { sequence });
}

function read(bytes: Uint8Array<ArrayBuffer>, sequence = 1) {
  const vocabulary = new Vocabulary(), reader = new ConntrackReader(walk(bytes, sequence), vocabulary);
  const entry = new ConntrackEntry(), entries: ReadConnection[] = [], destroyed: boolean[] = [];
  while (reader.next(entry)) {
    entries.push(shownConnection(entry, vocabulary));
    destroyed.push(reader.isDestroyed);
  }
  return { entries, destroyed, malformed: reader.malformed };
}

function readOne(attributes: readonly Uint8Array[], options: Options = {}): ReadConnection {
  const { entries, malformed } = read(entryOf(attributes, options));
  assert.deepEqual([entries.length, malformed], [1, 0]);
  return entries[0]!;
}

function stripped(
  { id: _id, tuple: _tuple, ...rest }: ReadConnection,
): Omit<ReadConnection, "id" | "tuple"> {
  return rest;
}

const BARE = {
  family: 4,
  protocol: TCP,
  source: "10.0.0.1",
  destination: "10.0.0.2",
  sourcePort: 40_000,
  destinationPort: 80,
  replySource: "",
  replyDestination: "",
  replySourcePort: NaN,
  replyDestinationPort: NaN,
  state: NaN,
  status: UNREPLIED,
  timeout: NaN,
  mark: 0,
  zone: 0,
  sentPackets: NaN,
  sentBytes: NaN,
  replyPackets: NaN,
  replyBytes: NaN,
};

const REPLY_TUPLE = tuple(REPLY, { source: "10.0.0.2", destination: "192.0.2.1", ports: [80, 50_000] });
const FULL_ATTRIBUTES = [
  tuple(ORIG),
  REPLY_TUPLE,
  attribute(STATUS, be(4, 0x18e)),
  attribute(MARK, be(4, 0xfffffffe)),
  attribute(ID, be(4, 0x01020304)),
  attribute(11, be(4, 2)),
  attribute(TIMEOUT, be(4, 431_999)),
  state(1, 3),
  counters(COUNTERS_ORIG, 5, 400),
  counters(COUNTERS_REPLY, 2 ** 32 + 3, 2 ** 52),
  nested(20, attribute(1, be(8, 7))),
];
const FULL = {
  ...BARE,
  replySource: "10.0.0.2",
  replyDestination: "192.0.2.1",
  replySourcePort: 80,
  replyDestinationPort: 50_000,
  state: STATES.indexOf("ESTABLISHED"),
  status: ASSURED,
  timeout: 431_999,
  mark: 0xfffffffe,
  sentPackets: 5,
  sentBytes: 400,
  replyPackets: 2 ** 32 + 3,
  replyBytes: 2 ** 52,
};
const GOOD = entryOf(FULL_ATTRIBUTES);

Deno.test("conntrackDumpRequest() asks for the connections of all families and leaves their counters", () => {
  assert.deepEqual([...conntrackDumpRequest()], [20, 0, 0, 0, 1, 1, 1, 3, ...new Array<number>(12).fill(0)]);
});

Deno.test("next() reads every attribute", () => {
  const entry = readOne(FULL_ATTRIBUTES);
  assert.deepEqual(stripped(entry), FULL);
  assert.equal(entry.id, 0x01020304);
});

Deno.test("next() reads attributes in any order", () => {
  assert.deepEqual(readOne(FULL_ATTRIBUTES.toReversed()), readOne(FULL_ATTRIBUTES));
});

Deno.test("next() reads a connection that has only a tuple", () => {
  assert.deepEqual(stripped(readOne([tuple(ORIG)])), BARE);
});

Deno.test("next() reads attributes without the flag of nested ones", () => {
  const flat = attribute(
    ORIG,
    concat(
      attribute(1, concat(attribute(1, be(4, 1)), attribute(2, be(4, 2)))),
      attribute(2, attribute(1, Uint8Array.of(1))),
    ),
  );
  const { source, destination, protocol } = readOne([flat]);
  assert.deepEqual([source, destination, protocol], ["0.0.0.1", "0.0.0.2", 1]);
});

const ADDRESSES = [
  { family: AF_INET, source: "0.0.0.0", destination: "255.255.255.255" },
  { family: AF_INET6, source: "::1", destination: "2001:db8::1:2" },
  { family: AF_INET6, source: "fe80::1:2:3:4", destination: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
];

for (const { family, source, destination } of ADDRESSES) {
  Deno.test(`next() reads ${source} and ${destination}`, () => {
    const pair = { source, destination }, swapped = { source: destination, destination: source };
    const entry = readOne([tuple(ORIG, pair), tuple(REPLY, swapped)], { family });
    assert.equal(entry.family, family === AF_INET ? 4 : 6);
    assert.deepEqual([entry.source, entry.destination], [source, destination]);
    assert.deepEqual([entry.replySource, entry.replyDestination], [destination, source]);
  });
}

Deno.test("next() gives an IPv4 address as its number, also when it is mapped, in a connection of IPv6", () => {
  const mapped = concat(new Uint8Array(10), Uint8Array.of(255, 255, 192, 0, 2, 1));
  const original = nested(
    ORIG,
    nested(1, attribute(3, mapped), attribute(4, mapped)),
    protocolOf(UDP, [1, 2]),
  );
  const entry = new ConntrackEntry();
  assert(new ConntrackReader(walk(entryOf([original], { family: AF_INET6 })), new Vocabulary()).next(entry));
  assert.deepEqual([entry.source, entry.family], [0xc0000201, 6]);
});

for (
  const { protocol, ports } of [
    ...[TCP, UDP, SCTP, DCCP, UDPLITE].map((protocol) => ({ protocol, ports: [1, 65_535, 65_535, 1] })),
    ...[GRE, 1, 58, 50, 255, 0].map((protocol) => ({ protocol, ports: [NaN, NaN, NaN, NaN] })),
  ]
) {
  Deno.test(`next() reads ports ${ports.join()} of the protocol ${protocol}`, () => {
    const entry = readOne([
      tuple(ORIG, { protocol, ports: [1, 65_535] }),
      tuple(REPLY, { protocol, ports: [65_535, 1] }),
    ]);
    assert.equal(entry.protocol, protocol);
    const { sourcePort, destinationPort, replySourcePort, replyDestinationPort } = entry;
    assert.deepEqual([sourcePort, destinationPort, replySourcePort, replyDestinationPort], ports);
  });
}

Deno.test("next() reads a protocol that has ports where the kernel tells none", () => {
  const original = nested(
    ORIG,
    addresses("10.0.0.1", "10.0.0.2"),
    nested(2, attribute(1, Uint8Array.of(DCCP))),
  );
  const { protocol, sourcePort, destinationPort } = readOne([original]);
  assert.deepEqual([protocol, sourcePort, destinationPort], [DCCP, NaN, NaN]);
});

for (
  const { bits, status } of [
    { bits: 0, status: UNREPLIED },
    { bits: 0x188, status: UNREPLIED },
    { bits: 1 << 1, status: REPLIED },
    { bits: 1 << 2, status: ASSURED },
    { bits: 0x6, status: ASSURED },
    { bits: 1 << 14, status: OFFLOADED },
    { bits: 1 << 15, status: OFFLOADED },
    { bits: 0xffffffff, status: OFFLOADED },
    { bits: 0xffff3fff, status: ASSURED },
  ]
) {
  Deno.test(`next() reads the status 0x${bits.toString(16)}`, () => {
    assert.equal(readOne([tuple(ORIG), attribute(STATUS, be(4, bits))]).status, status);
  });
}

// include/uapi/linux/netfilter/nf_conntrack_tcp.h, nf_conntrack_sctp.h; include/linux/netfilter/nf_conntrack_dccp.h
for (
  const { name, protocol, number, expected } of [
    { name: "TCP", protocol: 1, number: 0, expected: "NONE" },
    { name: "TCP", protocol: 1, number: 1, expected: "SYN_SENT" },
    { name: "TCP", protocol: 1, number: 7, expected: "TIME_WAIT" },
    { name: "TCP", protocol: 1, number: 8, expected: "CLOSE" },
    { name: "TCP", protocol: 1, number: 9, expected: "SYN_SENT2" },
    { name: "TCP", protocol: 1, number: 10, expected: undefined },
    { name: "TCP", protocol: 1, number: 255, expected: undefined },
    { name: "DCCP", protocol: 2, number: 4, expected: "OPEN" },
    { name: "DCCP", protocol: 2, number: 9, expected: "INVALID" },
    { name: "DCCP", protocol: 2, number: 10, expected: undefined },
    { name: "SCTP", protocol: 3, number: 1, expected: "CLOSED" },
    { name: "SCTP", protocol: 3, number: 9, expected: "HEARTBEAT_ACKED" },
    { name: "SCTP", protocol: 3, number: 10, expected: undefined },
    { name: "an unknown protocol", protocol: 4, number: 1, expected: undefined },
  ]
) {
  Deno.test(`next() reads the state ${number} of ${name}`, () => {
    const { state: index } = readOne([tuple(ORIG), state(protocol, number)]);
    assert.equal(STATES[index], expected);
    assert.equal(Number.isNaN(index), expected === undefined);
  });
}

for (
  const { what, attributes } of [
    { what: "of the connection", attributes: [tuple(ORIG), attribute(ZONE, be(2, 0x1234))] },
    { what: "of the original direction", attributes: [tuple(ORIG, { zone: 0x1234 }), tuple(REPLY)] },
    { what: "of the reply", attributes: [tuple(ORIG), tuple(REPLY, { zone: 0x1234 })] },
  ]
) {
  Deno.test(`next() reads the zone ${what}`, () => {
    assert.equal(readOne(attributes).zone, 0x1234);
  });
}

Deno.test("next() reads counters beside padding and those of 32 bits", () => {
  const padded = nested(
    COUNTERS_ORIG,
    attribute(5, new Uint8Array()),
    attribute(1, be(8, 1)),
    attribute(3, be(4, 9)),
  );
  const { sentPackets, sentBytes, replyPackets } = readOne([tuple(ORIG), padded]);
  assert.deepEqual([sentPackets, sentBytes, replyPackets], [1, NaN, NaN]);
});

Deno.test("next() reads the greatest counters as well as a number can", () => {
  const most = nested(COUNTERS_REPLY, attribute(1, new Uint8Array(8).fill(255)));
  assert.equal(readOne([tuple(ORIG), most]).replyPackets, 2 ** 64);
});

Deno.test("next() keeps nothing of the connection before", () => {
  const { entries } = read(concat(GOOD, entryOf([tuple(ORIG)])));
  assert.deepEqual(stripped(entries[1]!), BARE);
});

Deno.test("next() keeps nothing of a malformed connection", () => {
  const cut = entryOf([...FULL_ATTRIBUTES, attribute(ZONE, be(2, 5)), attribute(TIMEOUT, be(2, 1))]);
  const { entries, malformed } = read(concat(cut, entryOf([tuple(ORIG)])));
  assert.deepEqual([entries.map(stripped), malformed], [[BARE], 1]);
});

Deno.test("id and tuple tell connections apart that differ in one thing", () => {
  const variants: Tuple[] = [
    {},
    { source: "10.0.0.3" },
    { destination: "10.0.0.3" },
    { source: "10.0.0.2", destination: "10.0.0.1" },
    { protocol: UDP },
    { ports: [40_001, 80] },
    { ports: [40_000, 81] },
    { ports: [80, 40_000] },
    { zone: 1 },
  ];
  const entries = variants.map((variant) => readOne([tuple(ORIG, variant)]));
  assert.equal(new Set(entries.map(({ tuple }) => tuple)).size, variants.length);
  assert.equal(new Set(entries.map(({ id }) => id)).size, variants.length);
  for (const { id, tuple } of entries) {
    assert.deepEqual([id | 0, tuple | 0], [id, tuple]);
    assert.notEqual(id, tuple);
  }
  const [first] = entries, zoned = readOne([tuple(ORIG), attribute(ZONE, be(2, 1))]);
  assert.notEqual(zoned.id, first!.id);
  assert.equal(readOne([tuple(ORIG), attribute(ID, be(4, 0xffffffff))]).id, -1);
});

Deno.test("id and tuple are the same when only the rest is other", () => {
  const id = attribute(ID, be(4, 7));
  const [first, second] = [readOne([tuple(ORIG), id]), readOne([tuple(ORIG), id, REPLY_TUPLE, state(1, 4)])];
  assert.deepEqual([first.id, first.tuple], [second.id, second.tuple]);
});

property("id and tuple collide for few of many connections without an id", (random) => {
  const entry = new ConntrackEntry(), pairs = new Set<string>(), tuples = new Set<number>();
  const bytes = entryOf([tuple(ORIG)]), at = bytes.length - 52;
  for (let i = 0; i < 50_000; i++) {
    bytes.set([10, 0, random.int(256), random.int(256)], at + 12);
    bytes.set(be(2, i), at + 40);
    new ConntrackReader(walk(bytes), new Vocabulary()).next(entry);
    pairs.add(`${entry.id},${entry.tuple}`);
    tuples.add(entry.tuple);
  }
  assert.equal(pairs.size, 50_000);
  assert(tuples.size > 49_990, `${tuples.size} hashes`);
});

const NO_PROTOCOL = nested(ORIG, addresses("10.0.0.1", "10.0.0.2"));
const ONE_ADDRESS = nested(ORIG, nested(1, attribute(1, be(4, 1))), protocolOf(TCP, [1, 2]));
const MALFORMED: { what: string; bytes: Uint8Array<ArrayBuffer> }[] = [
  { what: "an empty message", bytes: message(CT_NEW) },
  { what: "a message that is shorter than its head", bytes: message(CT_NEW, Uint8Array.of(AF_INET, 0, 0)) },
  ...[0, 1, 7, 16, 255].map((family) => ({
    what: `a connection of the family ${family}`,
    bytes: entryOf(FULL_ATTRIBUTES, { family }),
  })),
  { what: "IPv4 addresses in a connection of IPv6", bytes: entryOf(FULL_ATTRIBUTES, { family: AF_INET6 }) },
  {
    what: "IPv6 addresses in a connection of IPv4",
    bytes: entryOf([tuple(ORIG, { source: "::1", destination: "::2" })]),
  },
  { what: "a connection without attributes", bytes: entryOf([]) },
  { what: "a connection without the original tuple", bytes: entryOf(FULL_ATTRIBUTES.slice(1)) },
  { what: "an empty tuple", bytes: entryOf([nested(ORIG)]) },
  { what: "a tuple without addresses", bytes: entryOf([nested(ORIG, protocolOf(TCP, [1, 2]))]) },
  { what: "a tuple with one address", bytes: entryOf([ONE_ADDRESS]) },
  { what: "a tuple without protocol", bytes: entryOf([NO_PROTOCOL]) },
  { what: "a reply with one address", bytes: entryOf([tuple(ORIG), concat(ONE_ADDRESS).fill(REPLY, 2, 3)]) },
  ...[0, 3, 9, 0xffff].map((length) => ({
    what: `an attribute that claims ${length} bytes`,
    bytes: entryOf([tuple(ORIG), attribute(21, be(4, 1), length)]),
  })),
  { what: "three bytes after the attributes", bytes: entryOf([tuple(ORIG), Uint8Array.of(0, 0, 0)]) },
  ...[STATUS, TIMEOUT, MARK, ID].map((type) => ({
    what: `three bytes of the attribute ${type}`,
    bytes: entryOf([tuple(ORIG), attribute(type, be(3, 1))]),
  })),
  { what: "one byte of a zone", bytes: entryOf([tuple(ORIG), attribute(ZONE, be(1, 1))]) },
  {
    what: "nothing of a state",
    bytes: entryOf([tuple(ORIG), nested(PROTOINFO, nested(1, attribute(1, be(0, 0))))]),
  },
  ...[1, 2].map((type) => ({
    what: `seven bytes of the counter ${type}`,
    bytes: entryOf([tuple(ORIG), nested(COUNTERS_ORIG, attribute(type, be(7, 1)))]),
  })),
  ...[1, 2].map((type) => ({
    what: `three bytes of the IPv4 address ${type}`,
    bytes: entryOf([
      nested(ORIG, nested(1, attribute(type, be(3, 1))), protocolOf(TCP, [1, 2])),
      tuple(ORIG),
    ]),
  })),
  ...[3, 4].map((type) => ({
    what: `fifteen bytes of the IPv6 address ${type}`,
    bytes: entryOf([nested(ORIG, nested(1, attribute(type, be(15, 1))))], { family: AF_INET6 }),
  })),
  ...[2, 3].map((type) => ({
    what: `one byte of the port ${type}`,
    bytes: entryOf([nested(ORIG, addresses("1.2.3.4", "1.2.3.4"), nested(2, attribute(type, be(1, 1))))]),
  })),
  {
    what: "nothing of a protocol",
    bytes: entryOf([nested(ORIG, addresses("1.2.3.4", "1.2.3.4"), nested(2, attribute(1, be(0, 0))))]),
  },
  {
    what: "one byte of the zone of a tuple",
    bytes: entryOf([nested(ORIG, addresses("1.2.3.4", "1.2.3.4"), attribute(3, be(1, 0)))]),
  },
  ...[ORIG, REPLY, PROTOINFO, COUNTERS_ORIG, COUNTERS_REPLY].flatMap((type) =>
    [0, 3, 9, 0xffff].map((length) => ({
      what: `an attribute within ${type} that claims ${length} bytes`,
      bytes: entryOf([tuple(ORIG), nested(type, attribute(1, be(4, 1), length))]),
    }))
  ),
];

for (const { what, bytes } of MALFORMED) {
  Deno.test(`next() counts ${what} as malformed and reads on`, () => {
    const { entries, malformed } = read(concat(bytes, GOOD));
    assert.deepEqual({ entries: entries.map(stripped), malformed }, { entries: [FULL], malformed: 1 });
  });
}

Deno.test("next() reads a message that is cut at any byte, or counts it, and reads on", () => {
  const payload = GOOD.subarray(16);
  for (let length = 0; length < payload.length; length++) {
    const { entries, malformed } = read(concat(message(CT_NEW, payload.subarray(0, length)), GOOD));
    assert.equal(entries.length + malformed, 2, `${length} bytes`);
    assert.deepEqual(stripped(entries.at(-1)!), FULL);
    if (malformed === 1) continue;
    for (const [name, value] of Object.entries(stripped(entries[0]!))) {
      assert(
        [FULL, BARE].some((entry) => Object.is(Reflect.get(entry, name), value)),
        `${name} at ${length}`,
      );
    }
  }
});

Deno.test("next() passes over messages of other types", () => {
  for (const type of [0x101, 0x103, 0x200, 0x202, 0x1100]) {
    assert.equal(read(concat(entryOf([tuple(ORIG)], { type }), GOOD)).entries.length, 1);
  }
});

Deno.test("next() reads events, whose sequence number is 0, and tells which connections have ended", () => {
  const destroyed = entryOf([tuple(ORIG)], { type: CT_DELETE, sequence: 0 });
  const created = entryOf(FULL_ATTRIBUTES, { sequence: 0 });
  const result = read(concat(destroyed, created, GOOD, destroyed), 0);
  assert.deepEqual(result.destroyed, [true, false, true]);
  assert.deepEqual(result.entries.map(stripped), [BARE, FULL, BARE]);
});

const RECORDINGS = [
  { name: "conntrack", sequence: 1, entries: 25 },
  { name: "conntrack_plain", sequence: 1, entries: 25 },
  { name: "conntrack_destroyed", sequence: 0, entries: 13 },
];

for (const { name, sequence, entries } of RECORDINGS) {
  Deno.test(`next() reads every connection of ${name}.bin`, () => {
    const found = read(fixture(`netlink/${name}.bin`), sequence);
    assert.deepEqual([found.entries.length, found.malformed], [entries, 0]);
    assert.equal(new Set(found.entries.map(({ id, tuple }) => `${id},${tuple}`)).size, entries);
  });

  Deno.test(`next() gives no more connections for any beginning of ${name}.bin than for the whole`, () => {
    const bytes = fixture(`netlink/${name}.bin`), whole = read(bytes, sequence).entries;
    for (let length = 0; length < bytes.length; length++) {
      const found = read(bytes.subarray(0, length), sequence);
      assert.deepEqual(found.entries, whole.slice(0, found.entries.length), `${length} bytes`);
      assert.equal(found.malformed, 0);
    }
  });

  property(`next() reads a good connection after a changed ${name}.bin`, (random) => {
    const bytes = fixture(`netlink/${name}.bin`);
    fuzz(() => mutated(bytes, random), 3000);
  });
}

Deno.test("next() gives the end of a recorded connection the id and tuple that it had in the table", () => {
  const table = read(fixture("netlink/conntrack.bin")).entries;
  const { entries, destroyed } = read(fixture("netlink/conntrack_destroyed.bin"), 0);
  assert(destroyed.every((isDestroyed) => isDestroyed));
  const missing = entries.filter(({ id, tuple }) =>
    !table.some((entry) => entry.id === id && entry.tuple === tuple)
  );
  // It was refused before the table was recorded.
  assert.deepEqual(missing.map(({ destinationPort }) => destinationPort), [8181]);
});

function fuzz(bytesOf: () => Uint8Array<ArrayBuffer>, rounds = 20_000): void {
  const buffer = new Uint8Array(16_384), messages = new NetlinkMessages(buffer);
  const vocabulary = new Vocabulary(), entry = new ConntrackEntry();
  const reader = new ConntrackReader(messages, vocabulary);
  for (let round = 0; round < rounds; round++) {
    const bytes = bytesOf();
    buffer.set(bytes);
    messages.begin(bytes.length, round & 1);
    let entries = 0;
    reader.malformed = 0;
    while (reader.next(entry)) {
      entries++;
      assert(entry.source >= 0 && entry.destination >= 0 && entry.status >= 0 && entry.status <= 3);
      assert(entry.protocol >= 0 && entry.protocol <= 255 && entry.zone >= 0 && entry.zone <= 65_535);
      assert(Number.isNaN(entry.state) || STATES[entry.state] !== undefined);
      assert(entry.id === (entry.id | 0) && entry.tuple === (entry.tuple | 0));
    }
    assert(entries + reader.malformed <= bytes.length / 16);
    vocabulary.forgetIfFull();
  }
  buffer.set(GOOD);
  messages.begin(GOOD.length, 1);
  assert(reader.next(entry));
  assert.deepEqual(stripped(shownConnection(entry, vocabulary)), FULL);
}

function randomAttributes(random: Random, depth: number): Uint8Array<ArrayBuffer> {
  const attributes = Array.from({ length: random.int(6) }, () => {
    const type = random.pick([1, 2, 3, 4, 7, 8, 9, 10, 12, 18, random.int(65_536)]);
    const value = depth > 0 && random.int(3) > 0
      ? randomAttributes(random, depth - 1)
      : random.bytes(random.pick([0, 1, 2, 3, 4, 8, 16, random.int(40)]));
    return attribute(type, value, random.int(12) === 0 ? random.int(65_536) : undefined);
  });
  return concat(...attributes);
}

property("next() reads a good connection after random bytes", (random) => {
  fuzz(() => random.bytes(random.int(200)));
});

property("next() reads a good connection after random attributes", (random) => {
  fuzz(() => {
    const attributes = [tuple(ORIG), randomAttributes(random, 3)];
    return entryOf(random.int(2) === 0 ? attributes : attributes.toReversed(), {
      type: random.pick([CT_NEW, CT_DELETE, random.int(65_536)]),
      sequence: random.int(2),
      family: random.pick([AF_INET, AF_INET6, random.int(256)]),
    });
  });
});
