import assert from "node:assert/strict";
import { Ip } from "../../core/ip.ts";
import { Vocabulary } from "../../core/vocabulary.ts";
import { ProcNetSocketReader } from "../../parsers/proc_net_sockets.ts";
import { SocketEntry } from "../../parsers/socket_entry.ts";
import { fixture, mutated } from "../helpers/fixtures.ts";
import type { ReadSocket } from "../helpers/read_entries.ts";
import { property, type Random } from "../helpers/random.ts";

const HEAD_V4 =
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode".padEnd(
    149,
  ) + "\n";
const HEAD_V6 = "  sl  local_address                         remote_address                        " +
  "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const HEAD_UDP =
  "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout " +
  "inode ref pointer drops             \n";

interface Line {
  readonly number?: string;
  readonly local?: string;
  readonly remote?: string;
  readonly state?: string;
  readonly queues?: string;
  readonly timer?: string;
  readonly uid?: string;
  readonly timeout?: string;
  readonly inode?: string;
}

function line(
  {
    number = "   0",
    local = "0A0200C0:0016",
    remote = "4D7100CB:C738",
    state = "01",
    queues = "00000000:00000000",
    timer = "00:00000000 00000000",
    uid = " 1000",
    timeout = "       0",
    inode = "123456",
  }: Line,
): string {
  return `${number}: ${local} ${remote} ${state} ${queues} ${timer} ${uid} ${timeout} ${inode} 1 0000000000000000 100 0 0 10 0\n`;
}

const GOOD: ReadSocket = {
  state: 1,
  source: "192.0.2.10",
  sourcePort: 22,
  destination: "203.0.113.77",
  destinationPort: 51_000,
  uid: 1000,
  inode: 123_456,
  queue: NaN,
  queueLimit: NaN,
  rtt: NaN,
  retransmitted: NaN,
  unacked: NaN,
};

function readBytes(bytes: Uint8Array<ArrayBuffer>, start = 0, end = bytes.length) {
  const vocabulary = new Vocabulary(),
    reader = new ProcNetSocketReader(vocabulary),
    entry = new SocketEntry();
  const sockets: ReadSocket[] = [];
  reader.begin(bytes, start, end);
  while (reader.next(entry)) {
    const source = String(vocabulary.ipOf(entry.source)),
      destination = String(vocabulary.ipOf(entry.destination));
    sockets.push({ ...entry, source, destination });
  }
  return { sockets, malformed: reader.malformed };
}

function read(text: string) {
  return readBytes(new TextEncoder().encode(text));
}

const ADDRESSES = [
  { local: "00000000:0016", source: "0.0.0.0" },
  { local: "0100007F:0016", source: "127.0.0.1" },
  { local: "FFFFFFFF:0016", source: "255.255.255.255" },
  { local: "04030280:0016", source: "128.2.3.4" },
  { local: "00000000000000000000000000000000:0016", source: "::" },
  { local: "00000000000000000000000001000000:0016", source: "::1" },
  { local: "B80D0120000000000000000010000000:0016", source: "2001:db8::10" },
  { local: "000080FE00000000FF57BE2EFE4E7A74:0016", source: "fe80::2ebe:57ff:747a:4efe" },
  { local: "0000000000000000FFFF00000A0200C0:0016", source: "192.0.2.10" },
];

for (const { local, source } of ADDRESSES) {
  Deno.test(`next() reads the local address ${source}`, () => {
    assert.deepEqual(read(line({ local })), { sockets: [{ ...GOOD, source }], malformed: 0 });
  });

  Deno.test(`next() reads the remote address ${source}`, () => {
    const expected = { ...GOOD, destination: source, destinationPort: 22 };
    assert.deepEqual(read(line({ remote: local })), { sockets: [expected], malformed: 0 });
  });
}

Deno.test("next() gives an IPv4 address as its number, also when it is mapped", () => {
  for (const local of ["0A0200C0:0016", "0000000000000000FFFF00000A0200C0:0016"]) {
    const entry = new SocketEntry(), reader = new ProcNetSocketReader(new Vocabulary());
    const bytes = new TextEncoder().encode(line({ local }));
    reader.begin(bytes, 0, bytes.length);
    assert.equal(reader.next(entry), true);
    assert.equal(entry.source, Ip.parse("192.0.2.10")!.toNumber());
  }
});

const LINES: { what: string; line: Line; expected: Partial<ReadSocket> }[] = [
  {
    what: "lower-case digits",
    line: { local: "0a0200c0:ffff", remote: "4d7100cb:c738" },
    expected: { sourcePort: 65_535 },
  },
  {
    what: "the queue of a listener",
    line: { state: "0A", queues: "00000080:00000003" },
    expected: { state: 10, queue: 3 },
  },
  { what: "a state in lower case", line: { state: "0a" }, expected: { state: 10, queue: 0 } },
  { what: "the queues of a connection", line: { queues: "FFFFFFFF:FFFFFFFF" }, expected: {} },
  { what: "a line whose number is long", line: { number: "1234567" }, expected: {} },
  { what: "a line whose number has no space before it", line: { number: "0" }, expected: {} },
  { what: "a long time until a timer", line: { timer: "02:7FFFFFFFFFFFFFFF 00000003" }, expected: {} },
  { what: "the greatest user", line: { uid: "4294967294" }, expected: { uid: 4_294_967_294 } },
  { what: "a negative timeout", line: { timeout: "      -1" }, expected: {} },
  { what: "a large inode", line: { inode: "4294967295" }, expected: { inode: 4_294_967_295 } },
  { what: "a socket without inode", line: { state: "06", inode: "0" }, expected: { state: 6, inode: 0 } },
];

for (const { what, line: fields, expected } of LINES) {
  Deno.test(`next() reads ${what}`, () => {
    assert.deepEqual(read(line(fields)), { sockets: [{ ...GOOD, ...expected }], malformed: 0 });
  });
}

for (let state = 1; state <= 12; state++) {
  Deno.test(`next() reads the state ${state}`, () => {
    const { sockets } = read(line({ state: state.toString(16).padStart(2, "0").toUpperCase() }));
    assert.deepEqual(sockets.map(({ state }) => state), [state]);
  });
}

Deno.test("next() ends the line of a socket in TIME_WAIT before the fields that it has not", () => {
  const text =
    "   0: 0A0200C0:9C43 507100CB:01BB 06 00000000:00000000 03:000005DC 00000000     0        0 0 3 0000000000000000";
  assert.equal(read(`${text}\n`).sockets.length, 1);
});

for (const [name, head] of [["tcp", HEAD_V4], ["tcp6", HEAD_V6], ["udp", HEAD_UDP]] as const) {
  Deno.test(`next() passes over the head of ${name}`, () => {
    assert.deepEqual(read(head + line({})), { sockets: [GOOD], malformed: 0 });
  });

  Deno.test(`next() reads nothing of the head of ${name} alone`, () => {
    assert.deepEqual(read(head), { sockets: [], malformed: 0 });
  });
}

Deno.test("next() reads nothing of nothing", () => {
  assert.deepEqual(read(""), { sockets: [], malformed: 0 });
});

Deno.test("next() reads a last line without its end", () => {
  assert.deepEqual(read(line({}).trimEnd()), { sockets: [GOOD], malformed: 0 });
});

Deno.test("next() reads several lines", () => {
  const { sockets } = read(HEAD_V4 + line({ inode: "1" }) + line({ inode: "2" }) + line({ inode: "3" }));
  assert.deepEqual(sockets.map(({ inode }) => inode), [1, 2, 3]);
});

Deno.test("next() passes over empty lines", () => {
  assert.deepEqual(read(`\n\n${line({})}   \n`), { sockets: [GOOD], malformed: 0 });
});

const GARBLED: { what: string; text: string }[] = [
  { what: "a state that there is not", text: line({ state: "FF" }) },
  { what: "the state 0", text: line({ state: "00" }) },
  { what: "a line without number", text: line({ number: "    " }) },
  { what: "a line whose number is none", text: line({ number: "  xx" }) },
  { what: "a line whose number is followed by no colon", text: line({}).replace(":", " ") },
  { what: "a local address of seven digits", text: line({ local: "A0200C0:0016" }) },
  { what: "a local address of nine digits", text: line({ local: "00A0200C0:0016" }) },
  { what: "a local address of two words", text: line({ local: "0A0200C00A0200C0:0016" }) },
  { what: "a local address of five words", text: line({ local: `${"00000000".repeat(5)}:0016` }) },
  { what: "a local address that is not hexadecimal", text: line({ local: "0G0200C0:0016" }) },
  { what: "a local address without port", text: line({ local: "0A0200C0" }) },
  { what: "a port of three digits", text: line({ local: "0A0200C0:016" }) },
  { what: "a port that is not hexadecimal", text: line({ local: "0A0200C0:00x6" }) },
  { what: "a remote address that is not hexadecimal", text: line({ remote: "4D7100C-:C738" }) },
  { what: "a remote port that is not hexadecimal", text: line({ remote: "4D7100CB:C7 8" }) },
  { what: "a state that is not hexadecimal", text: line({ state: "zz" }) },
  { what: "a state of one digit", text: line({ state: "1" }) },
  { what: "queues without colon", text: line({ queues: "00000000 00000000" }) },
  { what: "a send queue that is not hexadecimal", text: line({ queues: "0000000q:00000000" }) },
  { what: "a receive queue that is not hexadecimal", text: line({ queues: "00000000:0000000q" }) },
  { what: "a user that is none", text: line({ uid: " root" }) },
  { what: "a negative user", text: line({ uid: "   -1" }) },
  { what: "an inode that is none", text: line({ inode: "none" }) },
  { what: "an inode of forty digits", text: line({ inode: "9".repeat(40) }) },
  { what: "a line that ends after the addresses", text: "   0: 0A0200C0:0016 4D7100CB:C738\n" },
  { what: "a line that ends within an address", text: "   0: 0A0200C0:0016 4D71\n" },
  {
    what: "a line that ends after the queues",
    text: "   0: 0A0200C0:0016 4D7100CB:C738 01 00000000:00000000\n",
  },
  { what: "a line that ends before the inode", text: `${line({}).slice(0, 91)}\n` },
  { what: "a word", text: "hello\n" },
  { what: "a zero byte", text: "\0\n" },
  { what: "an overlong line", text: `${"9".repeat(200_000)}\n` },
  { what: "a line that is only a number", text: "   0:\n" },
  { what: "a number without anything after it", text: "   0" + "\n" },
];

for (const { what, text } of GARBLED) {
  Deno.test(`next() counts ${what} as malformed, and keeps the lines around it`, () => {
    const { sockets, malformed } = read(line({ inode: "1" }) + text + line({ inode: "2" }));
    assert.deepEqual(sockets, [{ ...GOOD, inode: 1 }, { ...GOOD, inode: 2 }]);
    assert.equal(malformed, 1);
  });
}

Deno.test("next() keeps nothing of a garbled line in the socket after it", () => {
  const { sockets } = read(line({ state: "0A", queues: "00000000:00000005", inode: "x" }) + line({}));
  assert.deepEqual(sockets, [GOOD]);
});

Deno.test("begin() limits the walk to a part of the bytes", () => {
  const first = line({ inode: "1" }), bytes = new TextEncoder().encode(first.repeat(3));
  assert.equal(readBytes(bytes, first.length, 2 * first.length).sockets.length, 1);
});

Deno.test("begin() reads nothing past its end where a line is longer", () => {
  const bytes = new TextEncoder().encode(line({ inode: "123456" })), end = line({}).indexOf("123456") + 3;
  assert.deepEqual(readBytes(bytes, 0, end).sockets.map(({ inode }) => inode), [123]);
});

Deno.test("begin() takes no more bytes than there are", () => {
  const bytes = new TextEncoder().encode(line({}));
  assert.deepEqual(readBytes(bytes, 0, 65_536), { sockets: [GOOD], malformed: 0 });
});

Deno.test("malformed counts on over several walks", () => {
  const reader = new ProcNetSocketReader(new Vocabulary()), bytes = new TextEncoder().encode("garbled\n");
  for (let i = 0; i < 2; i++) {
    reader.begin(bytes, 0, bytes.length);
    reader.next(new SocketEntry());
  }
  assert.equal(reader.malformed, 2);
});

const FILES = [
  { file: "tcp", sockets: 17 },
  { file: "tcp6", sockets: 15 },
  { file: "udp", sockets: 4 },
  { file: "udp6", sockets: 3 },
];

for (const { file, sockets } of FILES) {
  Deno.test(`next() reads every line of ${file}`, () => {
    const found = readBytes(fixture(`procfs/net/${file}`));
    assert.deepEqual([found.sockets.length, found.malformed], [sockets, 0]);
  });

  Deno.test(`next() gives no more sockets for any beginning of ${file} than for the whole`, () => {
    const bytes = fixture(`procfs/net/${file}`), whole = readBytes(bytes).sockets;
    for (let length = 0; length < bytes.length; length++) {
      const { sockets, malformed } = readBytes(bytes, 0, length);
      assert(sockets.length <= whole.length && malformed <= 1, `${length} bytes`);
      // Of the last line the inode may be cut short.
      const isWhole = (read: ReadSocket, i: number) =>
        i < sockets.length - 1 || read.inode === whole[i]?.inode;
      assert.deepEqual(
        sockets.filter(isWhole),
        whole.slice(0, sockets.filter(isWhole).length),
        `${length} bytes`,
      );
    }
  });
}

function fuzz(bytesOf: () => Uint8Array<ArrayBuffer>): void {
  const vocabulary = new Vocabulary(),
    reader = new ProcNetSocketReader(vocabulary),
    entry = new SocketEntry();
  for (let round = 0; round < 20_000; round++) {
    const bytes = bytesOf();
    reader.begin(bytes, 0, bytes.length);
    reader.malformed = 0;
    let lines = 0;
    while (reader.next(entry)) {
      lines++;
      assert(entry.sourcePort >= 0 && entry.sourcePort <= 65_535 && entry.state >= 0 && entry.state <= 255);
      assert(entry.source >= 0 && entry.destination >= 0 && entry.uid >= 0 && entry.inode >= 0);
    }
    assert(lines + reader.malformed <= bytes.reduce((sum, byte) => sum + (byte === 10 ? 1 : 0), 1));
    vocabulary.forgetIfFull();
  }
  const good = new TextEncoder().encode(line({}));
  reader.begin(good, 0, good.length);
  assert.equal(reader.next(entry), true);
  assert.deepEqual([entry.source, entry.inode], [0xc000020a, 123_456]);
  assert.equal(reader.next(entry), false);
}

property("next() reads a good line after random bytes", (random) => {
  fuzz(() => random.bytes(random.int(200)));
});

property("next() reads a good line after random digits", (random) => {
  const letters = [...new TextEncoder().encode("0123456789ABCDEFabcdef:: \n\n")];
  fuzz(() => new Uint8Array(random.int(200)).map(() => random.pick(letters)));
});

for (const { file } of FILES) {
  property(`next() reads a good line after a changed ${file}`, (random: Random) => {
    const bytes = fixture(`procfs/net/${file}`).subarray(0, 1500);
    fuzz(() => mutated(bytes, random));
  });
}
