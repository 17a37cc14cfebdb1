import assert from "node:assert/strict";
import { Ip } from "../../core/ip.ts";
import { Vocabulary } from "../../core/vocabulary.ts";
import { InetDiagReader, inetDiagRequest, TCPDIAG_GETSOCK, tcpDiagRequest } from "../../parsers/inet_diag.ts";
import { NetlinkMessages } from "../../parsers/netlink.ts";
import { SocketEntry } from "../../parsers/socket_entry.ts";
import { fixture, fixtureText, mutated } from "../helpers/fixtures.ts";
import { attribute, concat, message, u32, walk } from "../helpers/netlink.ts";
import { property, type Random } from "../helpers/random.ts";
import type { ReadSocket } from "../helpers/read_entries.ts";
import { parseSs, type ShownSocket } from "../helpers/ss.ts";

const SOCK_DIAG_BY_FAMILY = 20, INET_DIAG_INFO = 2;
const AF_INET = 2, AF_INET6 = 10;
const LISTEN = 10;
const STATES = [
  "",
  "ESTABLISHED",
  "SYN_SENT",
  "SYN_RECV",
  "FIN_WAIT1",
  "FIN_WAIT2",
  "TIME_WAIT",
  "CLOSE",
  "CLOSE_WAIT",
  "LAST_ACK",
  "LISTEN",
  "CLOSING",
];

interface Diag {
  readonly family?: number;
  readonly state?: number;
  readonly source?: string;
  readonly sourcePort?: number;
  readonly destination?: string;
  readonly destinationPort?: number;
  readonly receiveQueue?: number;
  readonly sendQueue?: number;
  readonly uid?: number;
  readonly inode?: number;
  readonly attributes?: readonly Uint8Array[];
}

/** struct inet_diag_msg and the attributes after it. */
function diag(
  {
    family = AF_INET,
    state = 1,
    source = "10.0.0.1",
    sourcePort = 40_000,
    destination = "10.0.0.2",
    destinationPort = 443,
    receiveQueue = 7,
    sendQueue = 9,
    uid = 1000,
    inode = 123_456,
    attributes = [],
  }: Diag,
): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(72), view = new DataView(head.buffer);
  head.set([family, state, 1, 2]);
  view.setUint16(4, sourcePort);
  view.setUint16(6, destinationPort);
  head.set(addressBytes(source, family), 8);
  head.set(addressBytes(destination, family), 24);
  head.set(u32(3, 0xdeadbeef, 0xfeedface, 5000, receiveQueue, sendQueue, uid, inode), 40);
  return concat(head, ...attributes);
}

/** An IPv4 address in a socket of IPv6 is mapped. */
function addressBytes(text: string, family: number): Uint8Array {
  const ip = Ip.parse(text)!;
  return family === AF_INET6 && ip.version === 4
    ? concat(new Uint8Array(10), Uint8Array.of(0xff, 0xff), ip.bytes)
    : ip.bytes;
}

function socket(options: Diag): Uint8Array<ArrayBuffer> {
  return message(SOCK_DIAG_BY_FAMILY, diag(options));
}

function readAll(reader: InetDiagReader, vocabulary: Vocabulary): ReadSocket[] {
  const entry = new SocketEntry(), sockets: ReadSocket[] = [];
  while (reader.next(entry)) {
    const source = String(vocabulary.ipOf(entry.source)),
      destination = String(vocabulary.ipOf(entry.destination));
    sockets.push({ ...entry, source, destination });
  }
  return sockets;
}

function read(bytes: Uint8Array<ArrayBuffer>): { sockets: ReadSocket[]; malformed: number } {
  const vocabulary = new Vocabulary(), reader = new InetDiagReader(walk(bytes), vocabulary);
  const sockets = readAll(reader, vocabulary);
  return { sockets, malformed: reader.malformed };
}

function readOne(options: Diag): ReadSocket {
  const { sockets, malformed } = read(socket(options));
  assert.deepEqual([sockets.length, malformed], [1, 0]);
  return sockets[0]!;
}

const GOOD: ReadSocket = {
  state: 1,
  source: "10.0.0.1",
  sourcePort: 40_000,
  destination: "10.0.0.2",
  destinationPort: 443,
  uid: 1000,
  inode: 123_456,
  queue: NaN,
  queueLimit: NaN,
  rtt: NaN,
  retransmitted: NaN,
  unacked: NaN,
};

const REQUESTS = [
  {
    what: "TCP over IPv4 with tcp_info",
    request: { family: "ipv4", protocol: 6, states: 0x1ffe, info: true } as const,
    payload: [AF_INET, 6, 2, 0, 0xfe, 0x1f, 0, 0],
  },
  {
    what: "UDP over IPv6",
    request: { family: "ipv6", protocol: 17, states: 1 << 7, info: false } as const,
    payload: [AF_INET6, 17, 0, 0, 0x80, 0, 0, 0],
  },
];

for (const { what, request, payload } of REQUESTS) {
  Deno.test(`inetDiagRequest() asks for ${what}`, () => {
    assert.deepEqual([...inetDiagRequest(request)], [
      ...[72, 0, 0, 0, SOCK_DIAG_BY_FAMILY, 0, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0],
      ...payload,
      ...new Array<number>(48).fill(0),
    ]);
  });
}

Deno.test("tcpDiagRequest() asks for TCP of both families with tcp_info", () => {
  assert.deepEqual([...tcpDiagRequest({ states: 0x1ffe, info: true })], [
    ...[76, 0, 0, 0, TCPDIAG_GETSOCK, 0, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[0, 0, 0, 2],
    ...new Array<number>(48).fill(0),
    ...[0xfe, 0x1f, 0, 0, 0, 0, 0, 0],
  ]);
});

const ADDRESSES = [
  { family: AF_INET, source: "0.0.0.0", destination: "255.255.255.255" },
  { family: AF_INET, source: "192.0.2.1", destination: "128.0.0.1" },
  { family: AF_INET6, source: "::", destination: "::1" },
  { family: AF_INET6, source: "2001:db8::1", destination: "fe80::1:2:3:4" },
  { family: AF_INET6, source: "::ffff:192.0.2.1", destination: "::ffff:10.1.2.3" },
];

for (const { family, source, destination } of ADDRESSES) {
  const name = family === AF_INET ? "IPv4" : "IPv6";
  Deno.test(`next() reads ${source} and ${destination} of a socket of ${name}`, () => {
    const read = readOne({ family, source, destination });
    assert.deepEqual(
      [read.source, read.destination],
      [source, destination].map((text) => String(Ip.parse(text))),
    );
  });
}

Deno.test("next() reads a socket without attributes", () => {
  assert.deepEqual(readOne({}), GOOD);
});

Deno.test("next() gives an IPv4 address as its number, also when it is mapped", () => {
  for (const family of [AF_INET, AF_INET6]) {
    const entry = new SocketEntry();
    new InetDiagReader(walk(socket({ family, source: "192.0.2.1" })), new Vocabulary()).next(entry);
    assert.equal(entry.source, 0xc0000201);
  }
});

for (let state = 1; state <= 12; state++) {
  Deno.test(`next() reads the state ${state}`, () => {
    assert.equal(readOne({ state }).state, state);
  });
}

Deno.test("next() reads the greatest numbers", () => {
  const numbers = { sourcePort: 65_535, destinationPort: 65_535, uid: 0xffffffff, inode: 0xffffffff };
  assert.deepEqual(readOne(numbers), { ...GOOD, ...numbers });
});

Deno.test("next() reads the queue of a listener", () => {
  const { queue, queueLimit } = readOne({ state: LISTEN, receiveQueue: 3, sendQueue: 128 });
  assert.deepEqual([queue, queueLimit], [3, 128]);
});

Deno.test("next() reads no tcp_info of a listener", () => {
  const info = attribute(INET_DIAG_INFO, new Uint8Array(280).fill(1));
  const { rtt, retransmitted, unacked } = readOne({ state: LISTEN, attributes: [info] });
  assert.deepEqual([rtt, retransmitted, unacked], [NaN, NaN, NaN]);
});

/** struct tcp_info in which each 32-bit word has its own value. */
function tcpInfo(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Uint32Array.from({ length: 75 }, (_, i) => 1000 + i).buffer).slice(0, length);
}

// In struct tcp_info: unacked is the seventh word, rtt the eighteenth, total_retrans the twenty-sixth.
for (
  const { from, to, expected } of [
    { from: 0, to: 27, expected: {} },
    { from: 28, to: 71, expected: { unacked: 1006 } },
    { from: 72, to: 103, expected: { unacked: 1006, rtt: 1017 / 1e6 } },
    { from: 104, to: 300, expected: { unacked: 1006, rtt: 1017 / 1e6, retransmitted: 1025 } },
  ]
) {
  Deno.test(`next() reads ${Object.keys(expected).join(", ") || "nothing"} of ${from} to ${to} bytes of tcp_info`, () => {
    for (let length = from; length <= to; length++) {
      const read = readOne({ attributes: [attribute(INET_DIAG_INFO, tcpInfo(length))] });
      assert.deepEqual(read, { ...GOOD, ...expected }, `${length} bytes`);
    }
  });
}

Deno.test("next() gives no round-trip time when the kernel has no estimate", () => {
  const read = readOne({ attributes: [attribute(INET_DIAG_INFO, new Uint8Array(280))] });
  assert.deepEqual([read.rtt, read.unacked, read.retransmitted], [NaN, 0, 0]);
});

Deno.test("next() finds tcp_info among other attributes", () => {
  const attributes = [
    attribute(8, Uint8Array.of(0)),
    attribute(15, u32(1)),
    attribute(INET_DIAG_INFO, tcpInfo(280)),
    attribute(21, u32(1, 2)),
  ];
  assert.equal(readOne({ attributes }).retransmitted, 1025);
});

Deno.test("next() keeps nothing of the socket before", () => {
  const info = attribute(INET_DIAG_INFO, tcpInfo(280));
  const { sockets } = read(concat(socket({ attributes: [info] }), socket({ state: LISTEN }), socket({})));
  assert.deepEqual(sockets[2], GOOD);
});

Deno.test("next() reads a socket with an attribute of an impossible length", () => {
  for (const length of [0, 3, 0xffff]) {
    assert.deepEqual(readOne({ attributes: [attribute(INET_DIAG_INFO, tcpInfo(8), length)] }), GOOD);
  }
});

for (const family of [0, 1, 16, 255]) {
  Deno.test(`next() counts a socket of the family ${family} as malformed and reads on`, () => {
    const { sockets, malformed } = read(concat(socket({ family }), socket({})));
    assert.deepEqual({ sockets, malformed }, { sockets: [GOOD], malformed: 1 });
  });
}

Deno.test("next() counts a message of any length below that of a socket as malformed and reads on", () => {
  for (let length = 0; length < 72; length++) {
    const cut = message(SOCK_DIAG_BY_FAMILY, diag({}).subarray(0, length));
    assert.deepEqual(read(concat(cut, socket({}))), { sockets: [GOOD], malformed: 1 }, `${length} bytes`);
  }
});

Deno.test("next() passes over messages of other types", () => {
  const { sockets, malformed } = read(concat(message(21, diag({})), socket({})));
  assert.deepEqual({ sockets, malformed }, { sockets: [GOOD], malformed: 0 });
});

Deno.test("next() passes over the answer to another request", () => {
  const foreign = message(SOCK_DIAG_BY_FAMILY, diag({ uid: 1 }), { sequence: 2 });
  assert.deepEqual(read(concat(foreign, socket({}))), { sockets: [GOOD], malformed: 0 });
});

Deno.test("next() fills the same entry again and again", () => {
  const bytes = concat(socket({ inode: 1 }), socket({ inode: 2 })),
    entry = new SocketEntry(),
    inodes: number[] = [];
  const reader = new InetDiagReader(walk(bytes), new Vocabulary());
  while (reader.next(entry)) inodes.push(entry.inode);
  assert.deepEqual(inodes, [1, 2]);
});

/** What identifies a socket in the words of `ss`. */
function shown(
  { state, source, sourcePort, destination, destinationPort, queue }: ReadSocket,
  protocol: string,
): string {
  const name = protocol === "udp" && state === 7 ? "UNCONN" : STATES[state]!;
  return `${name} ${source}:${sourcePort} ${destination}:${destinationPort} ${queue}`;
}

function expectedOf(
  { state, source, sourcePort, destination, destinationPort, receiveQueue }: ShownSocket,
): string {
  const queue = state === "LISTEN" ? receiveQueue : NaN;
  return `${state} ${source}:${sourcePort} ${destination}:${destinationPort} ${queue}`;
}

for (const protocol of ["tcp", "udp"]) {
  Deno.test(`next() reads the ${protocol} sockets that ss showed when the answers were recorded`, () => {
    const answers = [fixture(`netlink/${protocol}_ipv4.bin`), fixture(`netlink/${protocol}_ipv6.bin`)];
    const found = answers.flatMap((bytes) => read(bytes).sockets).map((socket) => shown(socket, protocol));
    const expected = parseSs(fixtureText("netlink/ss.txt")).filter((socket) => socket.protocol === protocol);
    assert.deepEqual(found.sort(), expected.map(expectedOf).sort());
  });
}

Deno.test("next() reads tcp_info of the recorded connections that have one", () => {
  const { sockets } = read(fixture("netlink/tcp_ipv4.bin"));
  const without = sockets.filter(({ retransmitted }) => Number.isNaN(retransmitted));
  assert.deepEqual(
    [...new Set(without.map(({ state }) => STATES[state]))].sort(),
    ["LISTEN", "SYN_RECV", "TIME_WAIT"],
  );
  for (const { state, rtt } of sockets) if (state === 1) assert(rtt > 0 && rtt < 10, `${rtt} s`);
});

Deno.test("next() gives no more sockets for any beginning of an answer than for the whole", () => {
  const bytes = fixture("netlink/tcp_ipv6.bin"), whole = read(bytes).sockets;
  assert.equal(whole.length, 21);
  for (let length = 0; length < bytes.length; length++) {
    const { sockets } = read(bytes.subarray(0, length));
    assert(sockets.length <= whole.length);
    assert.deepEqual(sockets, whole.slice(0, sockets.length), `${length} bytes`);
  }
});

function fuzz(bytesOf: () => Uint8Array<ArrayBuffer>): void {
  const buffer = new Uint8Array(16_384), messages = new NetlinkMessages(buffer);
  const vocabulary = new Vocabulary(), entry = new SocketEntry();
  const reader = new InetDiagReader(messages, vocabulary);
  for (let round = 0; round < 20_000; round++) {
    const bytes = bytesOf();
    buffer.set(bytes);
    messages.begin(bytes.length, 1);
    let sockets = 0;
    while (reader.next(entry)) sockets++;
    assert(sockets <= bytes.length / 88);
    vocabulary.forgetIfFull();
  }
  const good = socket({});
  buffer.set(good);
  messages.begin(good.length, 1);
  assert.deepEqual(readAll(reader, vocabulary), [GOOD]);
}

function randomSocket(random: Random): Uint8Array<ArrayBuffer> {
  const payload = random.bytes(random.pick([0, 71, 72, 73, 76, 80, random.int(400)]));
  if (payload.length > 0) payload[0] = random.pick([AF_INET, AF_INET6, random.int(256)]);
  const length = random.int(4) === 0
    ? random.pick([0, 15, 0xffffffff, random.int(400)])
    : 16 + payload.length;
  return message(random.pick([20, 20, 20, random.int(30)]), payload, { length, flags: random.int(65_536) });
}

property("next() reads a good socket after random bytes", (random) => {
  fuzz(() => random.bytes(random.int(200)));
});

property("next() reads a good socket after random ones", (random) => {
  fuzz(() => concat(...Array.from({ length: random.int(4) }, () => randomSocket(random))));
});

for (const name of ["tcp_ipv4", "tcp_ipv6", "udp_ipv4", "udp_ipv6"]) {
  property(`next() reads a good socket after a changed ${name}.bin`, (random) => {
    const bytes = fixture(`netlink/${name}.bin`);
    fuzz(() => mutated(bytes, random));
  });
}

Deno.test("next() reads the ports in network order and the rest in that of the host", () => {
  const bytes = socket({ sourcePort: 0x0102, uid: 0x01020304 });
  assert.deepEqual([...bytes.subarray(20, 22)], [1, 2]);
  assert.deepEqual([...bytes.subarray(80, 84)], [4, 3, 2, 1]);
  const { sockets: [{ sourcePort, uid } = GOOD] } = read(bytes);
  assert.deepEqual([sourcePort, uid], [0x0102, 0x01020304]);
});
