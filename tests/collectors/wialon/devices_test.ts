import assert from "node:assert/strict";
import { Devices } from "../../../collectors/wialon/devices.ts";
import { property } from "../../helpers/random.ts";

const MANY = 1_000_000, ENCODER = new TextEncoder();

function idOf(devices: Devices, name: string): number {
  const bytes = ENCODER.encode(`#L#${name};secret`);
  return devices.idOf(bytes, 3, 3 + ENCODER.encode(name).length);
}

/** The devices by their versions, which tell them apart here, with the times when they were seen. */
function within(devices: Devices, seconds: number, now: number): Record<number, number> {
  return Object.fromEntries(Array.from(devices.within(seconds, now), ({ version, time }) => [version, time]));
}

/** Sees devices of these numbers at a time; gives their places. */
function seeAll(devices: Devices, ids: readonly number[], time: number): number[] {
  return ids.map((id) => devices.see(id, 0, { time, version: id % 256 }));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

Deno.test("idOf() gives equal names the same number, wherever they stand", () => {
  const devices = new Devices(MANY), bytes = ENCODER.encode("868204000000001;868204000000001");
  assert.equal(devices.idOf(bytes, 0, 15), devices.idOf(bytes, 16, 31));
  assert.equal(idOf(devices, "868204000000001"), devices.idOf(bytes, 0, 15));
});

Deno.test("idOf() gives all names of many devices different numbers, which are whole, safe and not 0", () => {
  const devices = new Devices(MANY), names = range(0, 100_000).map((i) => `${868_204_000_000_000 + i}`);
  names.push("", "0", "00", "a", "A", " ", "\0", "\0\0", "é", "868204000000001 ");
  const ids = new Set(names.map((name) => idOf(devices, name)));
  assert.equal(ids.size, names.length);
  for (const id of ids) assert(Number.isSafeInteger(id) && id > 0, `${id}`);
});

Deno.test("within() gives the devices that were seen less long ago, as they were seen last", () => {
  const devices = new Devices(MANY),
    seen = (id: number, time: number, version: number) =>
      devices.see(idOf(devices, String(id)), 0, { time, version });
  const place = seen(1, 100, 1);
  seen(2, 200, 2);
  seen(3, 300, 3);
  assert.deepEqual(within(devices, 200.5, 300), { 1: 100, 2: 200, 3: 300 });
  assert.deepEqual(within(devices, 200, 300), { 2: 200, 3: 300 });
  assert.equal(seen(1, 350, 4), place);
  assert.deepEqual(within(devices, 200, 400), { 3: 300, 4: 350 });
});

Deno.test("within() does not give devices for long that were seen before the clock was set back", () => {
  const devices = new Devices(MANY);
  seeAll(devices, [1], 1_000_000);
  assert.deepEqual(within(devices, 600, 999_900), { 1: 1_000_000 });
  assert.deepEqual(within(devices, 600, 990_000), {});
});

Deno.test("see() gives 0 at the limit, but still knows the others", () => {
  const devices = new Devices(3), places = seeAll(devices, [1, 2, 3], 0);
  assert.deepEqual(places, [1, 2, 3]);
  assert.deepEqual(seeAll(devices, [4, 2], 10), [0, 2]);
  assert.equal(devices.see(5, 3, { time: 10, version: 5 }), 0);
  assert.deepEqual(within(devices, 100, 10), { 1: 0, 2: 10, 3: 0 });
});

Deno.test("see() has room again after within() when devices are gone, at the limit", () => {
  const devices = new Devices(4);
  seeAll(devices, [1], 0);
  seeAll(devices, [2, 3, 4], 100);
  assert.deepEqual(seeAll(devices, [5], 100), [0]);
  assert.deepEqual(within(devices, 50, 100), { 2: 100, 3: 100, 4: 100 });
  assert.deepEqual(seeAll(devices, [5, 6], 100), [4, 0]);
  assert.deepEqual(within(devices, 50, 100), { 2: 100, 3: 100, 4: 100, 5: 100 });
});

Deno.test("see() finds a device at its place, and anew when that has become one of another", () => {
  const devices = new Devices(MANY), ids = range(1, 101);
  const places = seeAll(devices, ids, 0);
  seeAll(devices, ids.slice(60), 100);
  // The greater part is forgotten.
  assert.equal(Object.keys(within(devices, 50, 100)).length, 40);
  const moved = ids.map((id, i) => devices.see(id, places[i]!, { time: 110, version: id }));
  assert.deepEqual(moved, [...range(41, 101), ...range(1, 41)]);
  assert.deepEqual(within(devices, 50, 120), Object.fromEntries(ids.map((id) => [id, 110])));
});

Deno.test("within() keeps the places as long as the lesser part of devices is gone", () => {
  const devices = new Devices(MANY), ids = range(1, 101), places = seeAll(devices, ids, 0);
  seeAll(devices, ids.slice(50), 100);
  assert.equal(Object.keys(within(devices, 50, 100)).length, 50);
  assert.deepEqual(seeAll(devices, ids, 200), places);
});

for (const count of [64, 65, 20_000]) {
  Deno.test(`${count} devices keep when they were seen when there are more`, () => {
    const devices = new Devices(MANY);
    for (const id of range(1, count + 1)) devices.see(id, 0, { time: id, version: id % 4 });
    let expected = 1;
    for (const { time, version } of devices.within(MANY, 0)) {
      if (time !== expected || version !== expected % 4) assert.fail(`${expected}: ${time}, ${version}`);
      expected++;
    }
    assert.equal(expected, count + 1);
  });
}

property("Devices agree with a Map when they come and go", (random) => {
  const limit = 500, devices = new Devices(limit), seen = new Map<number, number>();
  const places = new Map<number, number>();
  for (let now = 0; now < 20_000; now++) {
    const id = 1 + random.int(200) + Math.floor(now / 100);
    const place = devices.see(id, places.get(id) ?? 0, { time: now, version: id % 4 });
    assert(place > 0 && place <= limit);
    places.set(id, place);
    seen.set(id, now);
    if (random.int(100) > 0) continue;
    const expected = seen.entries().filter(([, time]) => now - time < 600).map((
      [id, time],
    ) => [time, id % 4]);
    const found = Array.from(devices.within(600, now), ({ time, version }) => [time, version]);
    assert.deepEqual(found.sort(), [...expected].sort());
  }
});
