import assert from "node:assert/strict";
import { type Disturbance, Disturber, segmentOf } from "./disturbance.ts";
import type { Bytes } from "./messages.ts";

interface FrameOptions {
  readonly port?: number;
  readonly payload?: number;
  readonly flags?: number;
  readonly isV6?: boolean;
}

/** A frame of TCP; what it is recognized by is in the first byte. */
function frame(
  mark: number,
  { port = 1000, payload = 10, flags = 0x18, isV6 = false }: FrameOptions = {},
): Bytes {
  const tcp = isV6 ? 54 : 34, bytes = new Uint8Array(Math.max(60, tcp + 20 + payload));
  const view = new DataView(bytes.buffer);
  view.setUint8(0, mark);
  view.setUint16(12, isV6 ? 0x86dd : 0x0800);
  view.setUint8(14, isV6 ? 0x60 : 0x45);
  view.setUint8(isV6 ? 20 : 23, 6);
  view.setUint16(isV6 ? 18 : 16, (isV6 ? 20 : 40) + payload);
  view.setUint16(tcp, port);
  view.setUint8(tcp + 12, 0x50);
  view.setUint8(tcp + 13, flags);
  return bytes;
}

/** The marks of what goes on when frames come, one a millisecond, with what is held at the end. */
function pass(disturber: Disturber, frames: readonly Bytes[]): number[] {
  const passed = frames.flatMap((frame, i) => [...disturber.pass(frame, i), ...disturber.expired(i)]);
  return [...passed, ...disturber.flush()].map(([mark]) => mark!);
}

function run(disturbance: Disturbance, frames: readonly Bytes[]) {
  const disturber = new Disturber(disturbance);
  return { passed: pass(disturber, frames), counts: disturber.counts };
}

const FRAMES = Array.from({ length: 250 }, (_, i) => frame(i)), MARKS = FRAMES.map(([mark]) => mark!);

Deno.test("segmentOf() tells what has payload from what has not, though frames are padded", () => {
  for (const isV6 of [false, true]) {
    assert.equal(segmentOf(frame(1, { isV6 }))?.hasPayload, true);
    assert.equal(segmentOf(frame(1, { isV6, payload: 0 }))?.hasPayload, false);
    assert.equal(segmentOf(frame(1, { isV6, flags: 0x14 }))?.isReset, true);
    assert.notEqual(segmentOf(frame(1, { isV6 }))?.flow, segmentOf(frame(1, { isV6, port: 1001 }))?.flow);
  }
  assert.equal(segmentOf(new Uint8Array(60)), undefined);
});

Deno.test("without a disturbance all frames pass as they come", () => {
  const { passed, counts } = run({}, FRAMES);
  assert.deepEqual(passed, MARKS);
  assert.deepEqual(counts, { frames: 250, reordered: 0, delayed: 0, duplicated: 0, dropped: 0 });
});

Deno.test("reordered frames are overtaken by at most three, and none is lost", () => {
  const { passed, counts } = run({ reorder: 0.2 }, FRAMES);
  assert.deepEqual(passed.toSorted((a, b) => a - b), MARKS);
  assert(counts.reordered > 20, String(counts.reordered));
  assert.notDeepEqual(passed, MARKS);
  for (const [place, mark] of passed.entries()) assert(Math.abs(place - mark) <= 8);
});

Deno.test("what nothing overtakes goes on after 5 ms", () => {
  const disturber = new Disturber({ reorder: 1 });
  assert.deepEqual(disturber.pass(frame(1), 100), []);
  assert.deepEqual(disturber.expired(104), []);
  assert.equal(disturber.due, 105);
  assert.deepEqual(disturber.expired(105), [frame(1)]);
  assert.equal(disturber.due, undefined);
  assert.equal(disturber.counts.delayed, 1);
});

Deno.test("frames of another connection overtake nothing", () => {
  const disturber = new Disturber({ reorder: 0.5, seed: 3 });
  const frames = Array.from({ length: 100 }, (_, i) => frame(i, { port: 1000 + i }));
  assert.equal(pass(disturber, frames).length, 100);
  assert.equal(disturber.counts.reordered, 0);
});

Deno.test("duplicated frames come twice, and dropped ones not at all", () => {
  const twice = run({ duplicate: 0.3 }, FRAMES);
  assert.equal(twice.passed.length, 250 + twice.counts.duplicated);
  assert.deepEqual([...new Set(twice.passed)].toSorted((a, b) => a - b), MARKS);
  const less = run({ drop: 0.1 }, FRAMES);
  assert(less.counts.dropped > 10);
  assert.equal(less.passed.length, 250 - less.counts.dropped);
});

Deno.test("frames without payload are left alone, and a reset lets go of what is held", () => {
  const disturber = new Disturber({ reorder: 1 });
  assert.deepEqual(disturber.pass(frame(1, { payload: 0 }), 0), [frame(1, { payload: 0 })]);
  disturber.pass(frame(2), 0);
  const reset = frame(3, { payload: 0, flags: 0x14 });
  assert.deepEqual(disturber.pass(reset, 0), [frame(2), reset]);
});

Deno.test("the same seed disturbs in the same way", () => {
  const all = { reorder: 0.1, duplicate: 0.1, drop: 0.1 };
  assert.deepEqual(run({ ...all, seed: 5 }, FRAMES), run({ ...all, seed: 5 }, FRAMES));
  assert.notDeepEqual(run({ ...all, seed: 5 }, FRAMES).passed, run({ ...all, seed: 6 }, FRAMES).passed);
});
