import assert from "node:assert/strict";
import { FLOW, FLOW_COLUMNS } from "../../parsers/flow.ts";
import { NetflowV5, V5_COMMON } from "../../parsers/netflow_v5.ts";
import {
  netflowV5,
  V5_HEADER_LENGTH,
  V5_RECORD_LENGTH,
  type V5Header,
  type V5Record,
} from "../helpers/netflow_v5.ts";
import { property, type Random } from "../helpers/random.ts";

type Column = (typeof FLOW_COLUMNS)[number];

/** What the header does not say, the caller writes into the row. */
const OF_CALLER: readonly Column[] = ["exporter", "engine", "sampling_rate", "flows"];
const UNTOUCHED = -7;

interface Read {
  readonly header: Pick<
    NetflowV5,
    "fault" | "count" | "missing" | "uptime" | "sequence" | "engine" | "samplingRate"
  >;
  readonly rows: readonly Float64Array[];
}

/** Reads a datagram that stands at an offset of a larger array, among other bytes. */
function read(
  bytes: Uint8Array,
  { rate = 1, offset = 0, reader = new NetflowV5() }: { rate?: number; offset?: number; reader?: NetflowV5 } =
    {},
): Read {
  const array = new Uint8Array(offset + bytes.length + offset).fill(0xa5);
  array.set(bytes, offset);
  reader.begin(new DataView(array.buffer), offset, bytes.length);
  const { fault, count, missing, uptime, sequence, engine, samplingRate } = reader;
  const rows: Float64Array[] = [];
  const row = new Float64Array(FLOW_COLUMNS.length).fill(UNTOUCHED);
  while (reader.next(row, rate)) rows.push(row.slice());
  return { header: { fault, count, missing, uptime, sequence, engine, samplingRate }, rows };
}

function plain(row: Float64Array): Record<string, number> {
  return Object.fromEntries(FLOW_COLUMNS.map((name) => [name, row[FLOW[name]]!]));
}

/** One column of the only flow of a datagram. */
function columnOf(name: Column, record: Partial<V5Record>): number {
  return plain(read(netflowV5([record])).rows[0]!)[name]!;
}

function headerOf(header: Partial<V5Header>, records: readonly Partial<V5Record>[] = [{}]): Read["header"] {
  return read(netflowV5(records, header)).header;
}

const RECORD: V5Record = {
  source: 0xf1000001,
  destination: 0xf2000002,
  nextHop: 0xf3000003,
  input: 60_004,
  output: 60_005,
  packets: 4_000_000_006,
  bytes: 4_100_000_007,
  first: 4_200_000_000,
  last: 4_200_012_345,
  sourcePort: 50_010,
  destinationPort: 50_011,
  tcpFlags: 0xc2,
  protocol: 132,
  tos: 0xd4,
  sourceAs: 60_015,
  destinationAs: 60_016,
  sourceMask: 17,
  destinationMask: 18,
};

const HEADER: V5Header = {
  count: 1,
  uptime: 0xfedcba98,
  seconds: 4_000_000_001,
  nanoseconds: 999_999_999,
  sequence: 0xe1e2e3e4,
  engineType: 0xab,
  engineId: 0xcd,
  samplingMode: 2,
  samplingInterval: 0x1234,
};

Deno.test("next() reads each field from its place, and leaves what the header tells to the caller", () => {
  const { rows: [row, ...more] } = read(netflowV5([RECORD], HEADER), { rate: 3 });
  assert.equal(more.length, 0);
  assert.deepEqual(plain(row!), {
    ...Object.fromEntries(OF_CALLER.map((name) => [name, UNTOUCHED])),
    source_address: 0xf1000001,
    destination_address: 0xf2000002,
    next_hop: 0xf3000003,
    input_interface: 60_004,
    output_interface: 60_005,
    protocol: 132,
    source_port: 50_010,
    destination_port: 50_011,
    service_port: 50_010,
    tos: 0xd4,
    tcp_flags: 0xc2,
    source_as: 60_015,
    destination_as: 60_016,
    source_prefix_length: 17,
    destination_prefix_length: 18,
    duration_seconds: 12.345,
    bytes: 12_300_000_021,
    packets: 12_000_000_018,
    raw_bytes: 4_100_000_007,
    raw_packets: 4_000_000_006,
  });
});

Deno.test("begin() reads each field of the header from its place", () => {
  assert.deepEqual(headerOf(HEADER), {
    fault: undefined,
    count: 1,
    missing: 0,
    uptime: 0xfedcba98,
    sequence: 0xe1e2e3e4,
    engine: 0xabcd,
    samplingRate: 0x1234,
  });
});

Deno.test("next() reads a flow whose every bit is set, and one whose every bit is not", () => {
  for (const [byte, address, short, small] of [[0xff, 0xffffffff, 0xffff, 0xff], [0, 0, 0, 0]] as const) {
    const bytes = netflowV5([{}]);
    bytes.fill(byte, V5_HEADER_LENGTH);
    const row = plain(read(bytes).rows[0]!);
    const asNumber = short || NaN;
    assert.deepEqual(row, {
      ...Object.fromEntries(OF_CALLER.map((name) => [name, UNTOUCHED])),
      source_address: address,
      destination_address: address,
      next_hop: address,
      input_interface: short,
      output_interface: short,
      protocol: small,
      source_port: short,
      destination_port: short,
      service_port: NaN,
      tos: small,
      tcp_flags: small,
      source_as: asNumber,
      destination_as: asNumber,
      source_prefix_length: small,
      destination_prefix_length: small,
      duration_seconds: 0,
      bytes: address,
      packets: address,
      raw_bytes: address,
      raw_packets: address,
    });
  }
});

Deno.test("begin() tells a sampling rate of 1 when the mode is 0, and else the interval without the mode", () => {
  const cases: readonly (readonly [number, number, number])[] = [
    [0, 0, 1],
    [0, 1, 1],
    [0, 1000, 1],
    [0, 0x3fff, 1],
    [1, 0, 1],
    [1, 1, 1],
    [1, 1000, 1000],
    [1, 0x3fff, 16_383],
    [2, 0, 1],
    [2, 1000, 1000],
    [2, 0x3fff, 16_383],
    [3, 0, 1],
    [3, 1000, 1000],
    [3, 0x3fff, 16_383],
  ];
  for (const [samplingMode, samplingInterval, rate] of cases) {
    const { samplingRate } = headerOf({ samplingMode, samplingInterval });
    assert.equal(samplingRate, rate, `mode ${samplingMode}, interval ${samplingInterval}`);
  }
});

Deno.test("begin() tells the engine's type in the higher byte and its id in the lower", () => {
  for (const [engineType, engineId, engine] of [[0, 0, 0], [0, 255, 255], [1, 0, 256], [255, 255, 65_535]]) {
    assert.equal(headerOf({ engineType: engineType!, engineId: engineId! }).engine, engine);
  }
});

Deno.test("begin() has a fault when the header claims no flows, or more than 30 that it does not hold", () => {
  const cases:
    readonly (readonly [claimed: number, there: number, fault: string | undefined, read: number])[] = [
      [0, 0, "count", 0],
      [0, 2, "count", 0],
      [1, 1, undefined, 1],
      [30, 30, undefined, 30],
      [31, 30, "count", 30],
      [31, 31, undefined, 31],
      [65_535, 0, "count", 0],
      [65_535, 30, "count", 30],
    ];
  for (const [claimed, there, fault, expected] of cases) {
    const records = Array.from({ length: there }, (_, i) => ({ bytes: i }));
    const { header, rows } = read(netflowV5(records, { count: claimed }));
    assert.deepEqual([header.fault, header.count, rows.length], [fault, expected, expected], `${claimed}`);
  }
});

Deno.test("next() reads the whole flows of a datagram that is cut anywhere, and the rest are missing", () => {
  const records = Array.from({ length: 30 }, (_, i) => ({ bytes: 1000 + i, source: 0x0a000000 + i }));
  const bytes = netflowV5(records, { sequence: 77 }), all = read(bytes).rows, reader = new NetflowV5();
  assert.equal(all.length, 30);
  for (let length = 0; length <= bytes.length; length++) {
    const { header: { fault, count, missing }, rows } = read(bytes.subarray(0, length), { reader });
    const whole = Math.max(0, Math.floor((length - V5_HEADER_LENGTH) / V5_RECORD_LENGTH));
    const expected = length < V5_HEADER_LENGTH
      ? ["short", 0, 0]
      : [whole < 30 ? "truncated" : undefined, whole, 30 - whole];
    assert.deepEqual([fault, count, missing], expected, `${length} bytes`);
    assert.deepEqual(rows, all.slice(0, whole), `${length} bytes`);
  }
});

Deno.test("next() leaves bytes behind the last flow alone", () => {
  const records = [{ bytes: 1 }, { bytes: 2 }], bytes = netflowV5(records), expected = read(bytes);
  for (const more of [1, 47, 48, 49, 96, 1000]) {
    const longer = new Uint8Array(bytes.length + more).fill(0x5a);
    longer.set(bytes);
    assert.deepEqual(read(longer), expected, `${more} bytes`);
  }
});

Deno.test("next() reads a datagram that stands anywhere in the view", () => {
  const bytes = netflowV5([RECORD, { bytes: 5 }], HEADER), expected = read(bytes);
  for (const offset of [1, 2, 3, 9344, 9345]) assert.deepEqual(read(bytes, { offset }), expected);
});

Deno.test("next() tells how long a flow lasted, also when the uptime began anew in between", () => {
  const cases: readonly (readonly [first: number, last: number, seconds: number])[] = [
    [1000, 1000, 0],
    [1000, 1001, 0.001],
    [0, 60_000, 60],
    [0xffffffff, 0, 0.001],
    [2 ** 32 - 5000, 2500, 7.5],
    [0, 2 ** 31 - 1, (2 ** 31 - 1) / 1000],
    [0, 2 ** 31, NaN],
    [1001, 1000, NaN],
    [60_000, 0, NaN],
  ];
  for (const [first, last, seconds] of cases) {
    assert.equal(columnOf("duration_seconds", { first, last }), seconds, `${first} to ${last}`);
  }
});

Deno.test("next() writes an autonomous system of 0 as absent", () => {
  for (const [number, expected] of [[0, NaN], [1, 1], [65_535, 65_535]] as const) {
    assert.equal(columnOf("source_as", { sourceAs: number, destinationAs: 9 }), expected);
    assert.equal(columnOf("destination_as", { destinationAs: number, sourceAs: 9 }), expected);
  }
});

Deno.test("next() writes interface 0 and the next hop 0.0.0.0 as they are", () => {
  for (const name of ["input_interface", "output_interface", "next_hop"] as const) {
    assert.equal(columnOf(name, { input: 0, output: 0, nextHop: 0 }), 0);
  }
});

Deno.test("next() keeps the ports of a protocol without ports, and tells no service port", () => {
  const record = { protocol: 1, sourcePort: 0, destinationPort: 0x0800 };
  assert.equal(columnOf("source_port", record), 0);
  assert.equal(columnOf("destination_port", record), 0x0800);
  assert.equal(columnOf("service_port", record), NaN);
});

Deno.test("begin() forgets the fault and the flows of the datagram before", () => {
  const reader = new NetflowV5(), good = netflowV5([{ bytes: 1 }, { bytes: 2 }], { ...HEADER, count: 2 });
  const expected = read(good);
  for (const bad of [new Uint8Array(5), netflowV5([], { count: 0 }), good.subarray(0, 80)]) {
    assert.notEqual(read(bad, { reader }).header.fault, undefined);
    assert.deepEqual(read(good, { reader }), expected);
  }
});

Deno.test("next() gives no flow before a datagram, after its last, and of one that was not read to its end", () => {
  const reader = new NetflowV5(), row = new Float64Array(FLOW_COLUMNS.length);
  assert.equal(reader.next(row, 1), false);
  const bytes = netflowV5([{ bytes: 1 }, { bytes: 2 }]);
  reader.begin(new DataView(bytes.buffer), 0, bytes.length);
  assert.equal(reader.next(row, 1), true);
  reader.begin(new DataView(bytes.buffer), 0, 23);
  for (let i = 0; i < 3; i++) assert.equal(reader.next(row, 1), false);
});

/** Bytes that look like a datagram more or less. */
function randomDatagram(random: Random): Uint8Array<ArrayBuffer> {
  const bytes = random.bytes(random.pick([0, 1, 23, 24, 25, 71, 72, 73, 1464, random.int(2000)]));
  if (bytes.length >= 4 && random.int(4) > 0) bytes.set([0, 5, 0, random.int(40)]);
  return bytes;
}

property("begin() and next() throw for no bytes, and give no more flows than fit", (random) => {
  const reader = new NetflowV5();
  for (let round = 0; round < 20_000; round++) {
    const bytes = randomDatagram(random), { header, rows } = read(bytes, { reader, offset: random.int(3) });
    const fit = Math.max(0, Math.floor((bytes.length - V5_HEADER_LENGTH) / V5_RECORD_LENGTH));
    assert(
      rows.length <= fit && rows.length === header.count,
      `${rows.length} flows in ${bytes.length} bytes`,
    );
    assert(header.samplingRate >= 1 && header.samplingRate <= 16_383);
    assert(header.missing <= 30);
  }
  assert.deepEqual(read(netflowV5([RECORD], HEADER), { reader }), read(netflowV5([RECORD], HEADER)));
});

Deno.test("next() writes what is common alone when nothing else is wanted", () => {
  const reader = new NetflowV5(), [whole] = read(netflowV5([RECORD]), { rate: 3 }).rows;
  reader.isWhole = false;
  const [row] = read(netflowV5([RECORD]), { rate: 3, reader }).rows;
  const expected = whole!.map((value, at) => V5_COMMON.includes(at) ? value : UNTOUCHED);
  assert.deepEqual(row, expected);
});
