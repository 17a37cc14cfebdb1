import assert from "node:assert/strict";
import { InterfaceNames } from "../../../core/interface_names.ts";
import { Decoder, REASONS } from "../../../collectors/netflow/decoder.ts";
import { type Exporter, Exporters } from "../../../collectors/netflow/exporters.ts";
import { FLOWS } from "../../../collectors/netflow/records.ts";
import { trieOf } from "../../../collectors/netflow/sampling.ts";
import { collector } from "../../../core/collector.ts";
import { Ip } from "../../../core/ip.ts";
import { Log } from "../../../core/log.ts";
import { type Literal, nodeOf, Problems } from "../../../core/node.ts";
import { compileRules, compileSourceFilters } from "../../../metrics/compile.ts";
import { mergeRules } from "../../../metrics/merge_rules.ts";
import { Pipeline } from "../../../metrics/pipeline.ts";
import { mutated } from "../../helpers/fixtures.ts";
import { netflowV5, type V5Header, type V5Record } from "../../helpers/netflow_v5.ts";
import { seriesOf, settle } from "../../helpers/pipelines.ts";
import { property, type Random } from "../../helpers/random.ts";

const LABELS = ["exporter", "engine", "source_address", "sampling_rate"];
const RULES = [
  { name: "flows", source: "netflow", labels: LABELS },
  ...["bytes", "raw_bytes", "packets", "raw_packets", "scaled"].map((name) => ({
    name,
    source: "netflow",
    value: name === "scaled" ? "flows" : name,
  })),
];

interface Options {
  readonly rates?: Readonly<Record<string, number>>;
  /** Which flows count. */
  readonly filters?: Literal;
}

/** A decoder that writes to a pipeline. */
class Decoding {
  readonly pipeline = new Pipeline(collector({
    name: "netflow",
    help: "",
    enabled: false,
    schedule: "scrape",
    privileges: [],
    records: [FLOWS],
    rules: [],
    settings: {},
    reasons: [],
    open: () => ({}),
  }));
  readonly exporters: Exporters;
  /** How often there was a problem, by its reason and the exporter. */
  readonly problems: Record<string, number> = {};
  readonly #decoder: Decoder;
  /** Datagrams stand among others. */
  readonly #room = new Uint8Array(4096).fill(5);

  constructor({ rates = {}, filters = {} }: Options = {}) {
    const problems = new Problems(), { pipeline } = this;
    const surroundings = { ruleSets: pipeline.ruleSets, lookups: new Map() };
    compileRules(mergeRules(RULES, undefined, problems), surroundings, problems);
    compileSourceFilters(nodeOf(filters), surroundings, problems);
    assert.deepEqual(problems.lines(), []);
    this.exporters = new Exporters(pipeline.vocabulary, trieOf(new Map(Object.entries(rates))));
    this.#decoder = new Decoder({
      vocabulary: pipeline.vocabulary,
      sink: (type) => pipeline.sink(type),
      log: new Log({ level: "debug", format: "logfmt", write: () => {} }),
      paths: { procfs: "/proc", sysfs: "/sys" },
      interfaceNames: new InterfaceNames(),
      problem: (reason, details) => {
        assert((REASONS as readonly string[]).includes(reason));
        const key = `${reason} ${details?.["exporter"]}`;
        this.problems[key] = (this.problems[key] ?? 0) + (details?.count ?? 1);
      },
      quality: () => assert.fail("There is no quality"),
    });
  }

  exporter(address = "192.0.2.1"): Exporter {
    return this.exporters.of(this.pipeline.vocabulary.ip(Ip.parse(address)!));
  }

  decode(bytes: Uint8Array, { exporter = this.exporter(), now = 0, start = 100 } = {}): void {
    this.#room.set(bytes, start);
    const view = new DataView(this.#room.buffer);
    this.#decoder.decode({ view, start, length: bytes.length, isCut: false }, exporter, now);
  }

  flows(records: readonly Partial<V5Record>[], header: Partial<V5Header> = {}, exporter = this.exporter()) {
    this.decode(netflowV5(records, header), { exporter });
  }

  series(): Map<string, number> {
    settle(this.pipeline);
    return seriesOf(this.pipeline);
  }
}

/** What is known of an exporter. */
function countsOf(exporter: Exporter): Record<string, number> {
  const { datagrams, flows, undecoded, filtered, restarts, sequences } = exporter;
  const lost = sequences.values().reduce((sum, { lost }) => sum + lost, 0);
  return { datagrams, flows, undecoded, filtered, lost, restarts };
}

const NOTHING = { datagrams: 0, flows: 0, undecoded: 0, filtered: 0, lost: 0, restarts: 0 };

Deno.test("decode() emits each flow with its exporter, its engine and the sampling rate", () => {
  const decoding = new Decoding();
  decoding.flows([{ source: "10.0.0.1" }, { source: "10.0.0.2" }], { engineType: 1, engineId: 2 });
  const header = { samplingMode: 1, samplingInterval: 100 };
  decoding.flows([{ source: "10.0.0.1" }], header, decoding.exporter("2001:db8::1"));
  const flows = [...decoding.series()].filter(([series]) => series.startsWith("flows"));
  assert.deepEqual(Object.fromEntries(flows), {
    'flows{exporter="192.0.2.1",engine="258",source_address="10.0.0.1",sampling_rate="1"}': 1,
    'flows{exporter="192.0.2.1",engine="258",source_address="10.0.0.2",sampling_rate="1"}': 1,
    'flows{exporter="2001:db8::1",engine="0",source_address="10.0.0.1",sampling_rate="100"}': 1,
  });
});

Deno.test("decode() scales bytes, packets and flows, and keeps what the exporter saw", () => {
  const decoding = new Decoding();
  decoding.flows([{ bytes: 1000, packets: 10 }, { bytes: 1, packets: 1 }], {
    samplingMode: 2,
    samplingInterval: 500,
  });
  decoding.flows([{ bytes: 7, packets: 1 }], { samplingMode: 0, samplingInterval: 500, sequence: 2 });
  const series = decoding.series();
  const names = ["bytes", "raw_bytes", "packets", "raw_packets", "scaled"];
  assert.deepEqual(names.map((name) => series.get(name)), [500_507, 1008, 5501, 12, 1001]);
});

Deno.test("decode() takes the configured sampling rate of an exporter, not what it says", () => {
  const decoding = new Decoding({ rates: { "192.0.2.0/24": 1000, "192.0.2.9": 1 } });
  const header = { samplingMode: 1, samplingInterval: 7 };
  const rates = ["192.0.2.1", "192.0.2.9", "198.51.100.1"].map((address) => {
    const exporter = decoding.exporter(address);
    decoding.flows([{ bytes: 1 }], header, exporter);
    return exporter.samplingRate;
  });
  assert.deepEqual(rates, [1000, 1, 7]);
  assert.equal(decoding.series().get("bytes"), 1008);
});

Deno.test("decode() emits the flows of an exporter that is not told apart without an address", () => {
  const decoding = new Decoding(), exporter = decoding.exporters.of(NaN);
  decoding.flows([{ source: "10.0.0.1" }], {}, exporter);
  decoding.flows([{ source: "10.0.0.1" }], { sequence: 1000 }, exporter);
  decoding.decode(new Uint8Array(1), { exporter });
  assert.equal(
    decoding.series().get('flows{exporter="",engine="0",source_address="10.0.0.1",sampling_rate="1"}'),
    2,
  );
  assert.deepEqual(countsOf(exporter), { ...NOTHING, datagrams: 3, flows: 2, undecoded: 1 });
  assert.deepEqual(decoding.problems, { "short unknown": 1 });
});

/** The first bytes of a datagram, and zeros up to its length. */
function beginningWith(bytes: readonly number[], length = 100): Uint8Array<ArrayBuffer> {
  const datagram = new Uint8Array(length);
  datagram.set(bytes);
  return datagram;
}

const REJECTED: readonly {
  readonly what: string;
  readonly bytes: Uint8Array;
  readonly reason: (typeof REASONS)[number];
  readonly undecoded?: number;
  readonly flows?: number;
}[] = [
  { what: "no bytes", bytes: new Uint8Array(0), reason: "short" },
  { what: "a byte", bytes: Uint8Array.of(0), reason: "short" },
  { what: "a byte of a version", bytes: Uint8Array.of(5), reason: "short" },
  { what: "a version 5 alone", bytes: Uint8Array.of(0, 5), reason: "short" },
  { what: "a version 5 and a byte", bytes: Uint8Array.of(0, 5, 0), reason: "short" },
  { what: "23 bytes of version 5", bytes: netflowV5([{}]).subarray(0, 23), reason: "short" },
  { what: "a header that claims nothing", bytes: netflowV5([], { count: 0 }), reason: "count" },
  { what: "flows that are not claimed", bytes: netflowV5([{}], { count: 0 }), reason: "count" },
  {
    what: "a header that claims 65535 flows",
    bytes: netflowV5([{}], { count: 65_535 }),
    reason: "count",
    flows: 1,
  },
  {
    what: "a header without its flows",
    bytes: netflowV5([], { count: 30 }),
    reason: "truncated",
    undecoded: 30,
  },
  {
    what: "a flow that is cut",
    bytes: netflowV5([{}, {}]).subarray(0, 119),
    reason: "truncated",
    undecoded: 1,
    flows: 1,
  },
  { what: "version 0 in two bytes", bytes: Uint8Array.of(0, 0), reason: "version" },
  { what: "version 0 in three bytes", bytes: Uint8Array.of(0, 0, 0), reason: "version" },
  { what: "version 1", bytes: beginningWith([0, 1]), reason: "version" },
  { what: "version 7", bytes: beginningWith([0, 7]), reason: "version" },
  { what: "version 8", bytes: beginningWith([0, 8]), reason: "version" },
  { what: "a version in the wrong byte order", bytes: beginningWith([5, 0]), reason: "version" },
  { what: "NetFlow 9", bytes: beginningWith([0, 9]), reason: "unsupported" },
  { what: "NetFlow 9 in two bytes", bytes: Uint8Array.of(0, 9), reason: "unsupported" },
  { what: "IPFIX", bytes: beginningWith([0, 10]), reason: "unsupported" },
  { what: "sFlow 5", bytes: beginningWith([0, 0, 0, 5]), reason: "unsupported" },
  { what: "sFlow 4", bytes: beginningWith([0, 0, 0, 4]), reason: "version" },
];

for (const { what, bytes, reason, undecoded = 1, flows = 0 } of REJECTED) {
  Deno.test(`decode() counts ${what} as ${reason}`, () => {
    const decoding = new Decoding();
    // At two places, since what stands before and behind a datagram is none of it.
    for (const start of [0, 101]) decoding.decode(bytes, { start });
    assert.deepEqual(decoding.problems, { [`${reason} 192.0.2.1`]: 2 });
    const { lost: _, ...counts } = countsOf(decoding.exporter());
    const expected = { datagrams: 2, flows: 2 * flows, undecoded: 2 * undecoded, filtered: 0, restarts: 0 };
    assert.deepEqual(counts, expected);
  });
}

Deno.test("decode() counts the flows of a datagram that is cut as undecoded, and not as lost on the way", () => {
  const decoding = new Decoding(), records = Array.from({ length: 30 }, () => ({}));
  decoding.flows(records, { sequence: 0 });
  decoding.decode(netflowV5(records, { sequence: 30 }).subarray(0, 24 + 48 * 10 + 5));
  decoding.flows(records, { sequence: 60 });
  decoding.exporter().settle(Infinity);
  assert.deepEqual(countsOf(decoding.exporter()), { ...NOTHING, datagrams: 3, flows: 70, undecoded: 20 });
});

Deno.test("decode() loses nothing of a datagram with 31 flows, which are all there", () => {
  const decoding = new Decoding(), records = Array.from({ length: 31 }, () => ({}));
  decoding.flows(records, { sequence: 0 });
  decoding.flows(records, { sequence: 31 });
  decoding.exporter().settle(Infinity);
  const { undecoded: _, ...counts } = countsOf(decoding.exporter());
  assert.deepEqual(counts, { datagrams: 2, flows: 62, filtered: 0, lost: 0, restarts: 0 });
});

Deno.test("decode() follows the sequence of each engine by itself", () => {
  const decoding = new Decoding();
  for (const engineId of [0, 1]) {
    for (const sequence of [0, 1, 2]) decoding.flows([{}], { engineId, sequence: 500 * engineId + sequence });
  }
  decoding.flows([{}], { engineId: 1, sequence: 510 });
  decoding.exporter().settle(Infinity);
  assert.deepEqual(countsOf(decoding.exporter()), { ...NOTHING, datagrams: 7, flows: 7, lost: 7 });
});

Deno.test("decode() counts what the configuration filters out, and emits the rest", () => {
  const decoding = new Decoding({
    filters: { netflow: { match: "source_address", not: { cidr: "10.0.0.0/8" } } },
  });
  decoding.flows([{ source: "10.0.0.1" }, { source: "192.0.2.5", bytes: 9 }, { source: "10.0.0.2" }]);
  decoding.flows([{ source: "10.0.0.1" }], { sequence: 3 });
  decoding.flows([{ source: "192.0.2.5", bytes: 1 }], { sequence: 4 });
  assert.deepEqual(countsOf(decoding.exporter()), { ...NOTHING, datagrams: 3, flows: 5, filtered: 3 });
  assert.equal(decoding.series().get("bytes"), 10);
});

Deno.test("decode() filters by exporter and sampling rate, which the flow itself does not have", () => {
  const decoding = new Decoding({
    filters: { netflow: [{ match: "exporter", is: "192.0.2.1" }, { match: "sampling_rate", is: 10 }] },
  });
  const sampled = { samplingMode: 1, samplingInterval: 10 };
  decoding.flows([{ bytes: 1 }], sampled);
  decoding.flows([{ bytes: 2 }], { sequence: 1 });
  decoding.flows([{ bytes: 4 }], sampled, decoding.exporter("192.0.2.2"));
  assert.equal(decoding.series().get("raw_bytes"), 1);
  assert.equal(decoding.exporter().filtered, 1);
  assert.equal(decoding.exporter("192.0.2.2").filtered, 1);
});

/** What this thread has, with some garbage. */
function memoryInUse(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** Bytes that are no good, or may be. */
function fuzzed(random: Random, good: readonly Uint8Array[]): Uint8Array {
  switch (random.int(4)) {
    case 0: {
      const bytes = random.bytes(random.int(64));
      if (bytes.length > 1 && random.int(2) === 0) bytes.set([0, random.pick([0, 5, 9, 10])]);
      return bytes;
    }
    case 1: {
      const bytes = random.pick(good);
      return bytes.subarray(0, random.int(bytes.length + 1));
    }
    default:
      return mutated(random.pick(good), random);
  }
}

const DATAGRAMS = 1_000_000, SLICES = 10, MAX_GROWTH = 48 << 20;
const COUNTED = 'flows{exporter="192.0.2.1",engine="0",source_address="10.99.99.99",sampling_rate="1"}';
/** So many addresses send them, which is more than are told apart. */
const SENDERS = 3000;

property(
  "decode() reads a good datagram exactly after a million bad ones, and its memory is bounded",
  (random) => {
    const decoding = new Decoding(), { exporters } = decoding, exporter = decoding.exporter();
    const counted = () => decoding.series().get(COUNTED) ?? 0;
    const flow = { source: "10.99.99.99" }, memory: number[] = [];
    const good = [1, 2, 3, 4, 30].map((count, i) =>
      netflowV5(Array.from({ length: count }, () => ({})), { sequence: 100 * i, engineId: i })
    );
    decoding.flows([flow]);
    for (let slice = 0; slice < SLICES; slice++) {
      let least = Infinity;
      for (let i = 0; i < DATAGRAMS / SLICES; i++) {
        const sender = exporters.of(0xc0000200 + random.int(SENDERS));
        decoding.decode(fuzzed(random, good), { exporter: sender, now: 100 * slice + i / 1000 });
        if (i % 1000 === 0) least = Math.min(least, memoryInUse());
      }
      assert.equal([...exporters.settle(100 * slice)].length, 1025);
      const before = countsOf(exporter), rejected = { ...decoding.problems }, countedBefore = counted();
      decoding.flows([flow, flow, flow]);
      const { lost: _, restarts: __, ...counts } = countsOf(exporter);
      assert.deepEqual(counts, {
        datagrams: before["datagrams"]! + 1,
        flows: before["flows"]! + 3,
        undecoded: before["undecoded"],
        filtered: 0,
      });
      assert.deepEqual(decoding.problems, rejected);
      assert.equal(counted(), countedBefore + 3);
      memory.push(least);
    }
    const reasons = new Set(Object.keys(decoding.problems).map((key) => key.split(" ")[0]));
    assert.deepEqual([...reasons].sort(), REASONS.filter((reason) => reason !== "oversized").toSorted());
    const growth = memory.at(-1)! - memory[1]!;
    assert(growth < MAX_GROWTH, `It has grown by ${growth} bytes`);
  },
);
