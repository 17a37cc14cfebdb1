import assert from "node:assert/strict";
import { canMakeNamespaces } from "../namespace.ts";
import { testWith } from "../skip.ts";
import type { Disturbance } from "./disturbance.ts";
import { type CapturedSegment, FrameCapture } from "./frames.ts";
import type { Play } from "./host.ts";
import { DEVICE, INTERFACE, Link, SERVER } from "./link.ts";
import type { Counts } from "./tally.ts";

const PORT = 20_332, ETHERNET_MTU = 1500;

const PLAY: Play = {
  hostname: SERVER.ipv4,
  port: PORT,
  imei: "350000000000001",
  version: "2.0",
  isPipelined: true,
  pieces: 100,
  steps: [{ send: "L" }, { send: "D", times: 100 }, { send: "I", blocks: [5000, 1] }, { send: "P" }],
};

const COUNTS: Counts = {
  device: { L: 1, D: 100, I: 2, P: 1 },
  server: { AL: 1, AD: 100, AI: 2, AP: 1 },
  codes: { "AL 1": 1, "AD 1": 100, "AI 0;1": 1, "AI 1": 1, "AP": 1 },
  compressed: 0,
};

function testLink(name: string, fn: () => Promise<void>): void {
  testWith({ name, needs: canMakeNamespaces, fn });
}

/** How many segments begin before the end of what has come of their connection. */
function countOld(segments: readonly CapturedSegment[]): number {
  const ends = new Map<string, number>();
  let count = 0;
  for (const { connection, sequence, payload } of segments) {
    if (payload.length === 0) continue;
    const end = ends.get(connection) ?? sequence;
    // Sequence numbers begin anew behind 32 bits.
    if ((sequence - end | 0) < 0) count++;
    if ((sequence + payload.length - end | 0) > 0) ends.set(connection, sequence + payload.length);
  }
  return count;
}

testLink("a link passes on what devices and server send, by IPv4 and IPv6, by TCP and UDP", async () => {
  await using link = await Link.create();
  const server = link.startHost("server"), device = link.startHost("device");
  assert.deepEqual(await server.ask("serve", { port: PORT }), { port: PORT });
  using capture = new FrameCapture(link.server, INTERFACE);
  for (const hostname of [SERVER.ipv4, SERVER.ipv6]) {
    assert.deepEqual(await device.ask("play", { ...PLAY, hostname }), COUNTS);
    const udp = await device.ask("play", {
      ...PLAY,
      hostname,
      isUdp: true,
      steps: [{ send: "SD", times: 3 }],
    });
    assert.deepEqual(udp.server, { ASD: 3 });
  }
  const { device: types } = await server.ask("counts", { ended: true });
  assert.deepEqual(types, { L: 2, D: 200, I: 4, P: 2, SD: 6 });
  const segments = capture.segments();
  assert(segments.every(({ hasRightChecksum }) => hasRightChecksum));
  assert(segments.every(({ payload }) => payload.length < ETHERNET_MTU));
  const lengths = segments.map(({ payload }) => payload.length).filter((length) => length > 0);
  // A few may have to wait, and be joined.
  assert(lengths.filter((length) => length === PLAY.pieces).length > lengths.length / 2);
  assert.equal(countOld(segments), 0);
});

const DISTURBANCES: Readonly<Record<string, Disturbance>> = {
  reorder: { reorder: 0.2 },
  duplicate: { duplicate: 0.2 },
  drop: { drop: 0.05 },
  all: { reorder: 0.1, duplicate: 0.1, drop: 0.03, seed: 7 },
};

testLink("what a relay reorders, repeats and drops arrives all the same", async () => {
  await using link = await Link.create();
  const server = link.startHost("server"), device = link.startHost("device");
  await server.ask("serve", { port: PORT });
  using capture = new FrameCapture(link.server, INTERFACE);
  for (const [name, disturbance] of Object.entries(DISTURBANCES)) {
    for (const hostname of [SERVER.ipv4, SERVER.ipv6]) {
      await link.disturb(disturbance);
      assert.deepEqual(await device.ask("play", { ...PLAY, hostname }), COUNTS);
      const { frames, delayed: _, ...disturbed } = await link.disturb();
      assert(frames > 200);
      for (
        const [what, key] of Object.entries({
          reorder: "reordered",
          duplicate: "duplicated",
          drop: "dropped",
        })
      ) {
        const count = disturbed[key as keyof typeof disturbed],
          share = disturbance[what as keyof Disturbance] ?? 0;
        assert(share > 0 ? count > 0 : count === 0, `${name}: ${count} ${key}`);
      }
      const segments = capture.segments();
      assert(countOld(segments) > 0, `${name}: ${countOld(segments)} are old`);
      assert(segments.every(({ hasRightChecksum }) => hasRightChecksum));
    }
  }
  const { device: types } = await server.ask("counts", { ended: true });
  assert.deepEqual(types, { L: 8, D: 800, I: 16, P: 8 });
});

testLink("many devices have addresses of their own, and a server that can tell them what to do", async () => {
  await using link = await Link.create({ addresses: 3 });
  const server = link.startHost("server"), device = link.startHost("device");
  await server.ask("serve", { port: PORT });
  using capture = new FrameCapture(link.server, INTERFACE);
  for (const [i, localAddress] of [DEVICE.ipv4, "192.168.79.2", "192.168.79.3"].entries()) {
    await device.ask("open", { ...PLAY, id: String(i), imei: String(i), localAddress });
    await device.ask("more", { id: String(i), steps: [{ send: "L" }] });
  }
  await server.ask("command", { imei: "1", command: { type: "QI" } });
  const { device: types } = await device.ask("more", { id: "1", steps: [{ await: "QI" }] });
  assert.deepEqual(types, { L: 1, I: 2 });
  await device.ask("end", { id: "0", how: "rst" });
  await device.ask("end", { id: "1" });
  await server.ask("drop", { imei: "2" });
  await assert.rejects(device.ask("more", { id: "2", steps: [{ await: "QI" }] }), /before the end/);
  assert.equal(new Set(capture.segments().map(({ connection }) => connection.slice(0, 8))).size, 3);
  const { device: all } = await device.ask("play", {
    ...PLAY,
    count: 20,
    steps: [{ send: "L" }, { send: "D", times: 5 }],
  });
  assert.deepEqual(all, { L: 20, D: 100 });
});
