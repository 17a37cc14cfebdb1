import assert from "node:assert/strict";
import type { Sent } from "../../../bench/wialon_sender.ts";
import { canMakeNamespaces, Namespace } from "../namespace.ts";
import { testWith } from "../skip.ts";
import { type CapturedSegment, FrameCapture } from "./frames.ts";
import { login, type Version } from "./messages.ts";
import { PacketReader, textOf } from "./packets.ts";
import { Session } from "./answers.ts";

const SENDER = new URL("../../../bench/wialon_sender.ts", import.meta.url);

interface Run {
  readonly sent: Sent;
  /** In the order in which they came. */
  readonly segments: readonly CapturedSegment[];
}

/** What comes out at the other end. */
async function run(...options: readonly string[]): Promise<Run> {
  await using namespace = await Namespace.create();
  await namespace.ip("link add v0 type veth peer name v1");
  for (const name of ["v0", "v1"]) await namespace.ip(`link set ${name} addrgenmode none up`);
  using capture = new FrameCapture(namespace, "v1");
  const args = ["run", "--quiet", "--allow-all", SENDER.pathname, "v0", ...options];
  const sent: Sent = JSON.parse(await namespace.run(Deno.execPath(), args));
  return { sent, segments: capture.segments() };
}

function testSender(name: string, fn: () => Promise<void>): void {
  testWith({ name, needs: canMakeNamespaces, fn });
}

interface Stream {
  readonly types: Readonly<Record<string, number>>;
  /** Segments that came after others which follow them, and those of which all had come. */
  readonly late: number;
  readonly again: number;
}

/** Puts the segments of a connection in their order, and reads what they say. */
function read(segments: readonly CapturedSegment[], version: Version): Stream {
  const [syn, ...others] = segments, waiting = new Map<number, CapturedSegment>();
  assert.equal(syn?.flags, 0x02);
  const reader = new PacketReader(), session = new Session({}, version), types: Record<string, number> = {};
  let next = (syn.sequence + 1) >>> 0, late = 0, again = 0;
  const seen = new Set<number>();
  for (const segment of others) {
    if (seen.has(segment.sequence)) again++;
    else if (waiting.size > 0) late++;
    if (!seen.has(segment.sequence)) waiting.set(segment.sequence, segment);
    seen.add(segment.sequence);
    for (let first; (first = waiting.get(next)) !== undefined;) {
      waiting.delete(next);
      next = (next + first.payload.length) >>> 0;
      for (const packet of reader.read(first.payload)) {
        const answer = textOf(session.answer(packet) ?? new Uint8Array()).trim();
        types[answer] = (types[answer] ?? 0) + 1;
      }
    }
  }
  assert.equal(waiting.size, 0);
  return { types, late, again };
}

function check({ sent, segments }: Run, { version = "1.1", connections = 3 } = {}): void {
  const streams = Map.groupBy(segments, ({ connection }) => connection).values().map((segments) =>
    read(segments, version as Version)
  ).toArray();
  const sum = (value: (stream: Stream) => number) => streams.reduce((sum, stream) => sum + value(stream), 0);
  assert.equal(streams.length, connections);
  assert.equal(segments.length, sent.packets + sent.setupPackets);
  assert.deepEqual(new Set(streams.flatMap(({ types }) => Object.keys(types))), new Set(["#AL#1", "#AD#1"]));
  assert.equal(sum(({ types }) => types["#AL#1"]!), sent.logins);
  assert.equal(sum(({ types }) => types["#AD#1"]!), sent.messages);
  assert.equal(sum(({ late }) => late), sent.overtaken);
  assert.equal(sum(({ again }) => again), sent.repeated);
}

testSender(
  "segments are one message each, in the order of each connection, however often they are sent",
  async () => {
    const all = await run("--rate=20000", "--count=4000", "--connections=3");
    assert.equal(all.sent.packets, 4000);
    assert.equal(all.sent.messages, 4000);
    check(all);
    for (const { payload, flags } of all.segments.slice(6)) {
      assert.equal(flags, 0x18);
      assert.match(textOf(payload), /^#D#[^#]{145}\r\n$/);
    }
  },
);

testSender("segments that come in runs are cut from large frames by the kernel", async () => {
  const all = await run("--count=20000", "--connections=3");
  assert.equal(all.segments.length, 20_006);
  check(all);
  assert(all.segments.slice(6).every(({ payload }) => payload.length === 150));
});

testSender("messages can be split between segments, which come late or twice", async () => {
  const options = ["--connections=3", "--version=2.0", "--split=75", "--reorder=0.2", "--repeat=0.1"];
  const all = await run("--count=5000", ...options);
  assert(all.sent.overtaken > 200 && all.sent.repeated > 200);
  check(all, { version: "2.0" });
  const [first] = all.segments.filter(({ payload }) => payload.length > 0);
  const head = textOf(login({ imei: "350000000000000" }, { version: "2.0" }));
  assert(textOf(first!.payload).startsWith(head));
  assert.equal(first!.payload.length, head.length + 75);
});

testSender("the rate is not exceeded", async () => {
  const { sent, segments } = await run("--rate=20000", "--seconds=0.5", "--connections=1000");
  assert.equal(segments.length, 10_000 + 2000);
  assert(sent.seconds > 0.49, String(sent.seconds));
});
