import assert from "node:assert/strict";
import { type Remains, type Tracked, TrafficTracker } from "../../collectors/traffic_tracker.ts";
import { inOnePiece } from "../../core/work.ts";
import { property, type Random } from "../helpers/random.ts";

/** Packets and bytes that were sent, and those of the replies, where a test does not say otherwise. */
type Counters = readonly number[];

type Connection = Partial<Omit<Tracked, "counters">> & { readonly counters?: Counters };

const SOME: Counters = [1, 60, 1, 40], MORE: Counters = [4, 360, 2, 140], NONE: Counters = [0, 0, 0, 0];

function entryOf({ counters = SOME, ...rest }: Connection): Tracked {
  const known = { id: 0, tuple: 0, family: 4, protocol: 6, destinationPort: 80, zone: 0 };
  return { ...known, ...rest, counters: Float64Array.from(counters) };
}

/** What the tracker says of a connection that was seen or has ended. */
interface Change {
  readonly moved: Counters;
  readonly opened: number;
  readonly closed: number;
}

const NOTHING: Change = { moved: NONE, opened: 0, closed: 0 };

function changeOf({ moved, opened, closed }: TrafficTracker): Change {
  return { moved: [...moved], opened, closed };
}

function see(tracker: TrafficTracker, connection: Connection): Change | undefined {
  return tracker.see(entryOf(connection)) ? changeOf(tracker) : undefined;
}

function end(tracker: TrafficTracker, connection: Connection): Change {
  tracker.end(entryOf(connection));
  return changeOf(tracker);
}

function sweep(tracker: TrafficTracker, whole?: boolean): Remains[] {
  const gone: Remains[] = [];
  inOnePiece(tracker.sweep((remains) => gone.push({ ...remains }), whole));
  return gone;
}

/** A pass to its end; for each connection what is said of it, or undefined if it is not to be shown. */
function pass(tracker: TrafficTracker, connections: readonly Connection[], whole?: boolean) {
  tracker.begin();
  const changes = connections.map((connection) => see(tracker, connection));
  const gone = sweep(tracker, whole);
  tracker.finish();
  return { changes, gone };
}

/** A pass that is given up before its end. */
function givenUpPass(tracker: TrafficTracker, connections: readonly Connection[]): void {
  tracker.begin();
  for (const connection of connections) see(tracker, connection);
  tracker.finish();
}

/** One that has taken its first pass, with these connections. */
function trackerOf(...connections: readonly Connection[]): TrafficTracker {
  const tracker = new TrafficTracker(4);
  pass(tracker, connections);
  return tracker;
}

Deno.test("What the first pass sees has moved nothing, and is not opened", () => {
  const { changes, gone } = pass(new TrafficTracker(4), [{ id: 1 }, { id: 2, counters: MORE }]);
  assert.deepEqual(changes, [NOTHING, NOTHING]);
  assert.deepEqual(gone, []);
});

Deno.test("What a later pass sees for the first time is opened, and has moved all that it has counted", () => {
  const { changes } = pass(trackerOf({ id: 1 }), [{ id: 1 }, { id: 2, counters: MORE }]);
  assert.deepEqual(changes, [NOTHING, { moved: MORE, opened: 1, closed: 0 }]);
});

Deno.test("What is seen again has moved what it has counted since", () => {
  const tracker = trackerOf({ id: 1, counters: [1, 60, 1, 40] });
  const of = (counters: Counters) => pass(tracker, [{ id: 1, counters }]).changes;
  assert.deepEqual(of([3, 200, 1, 40]), [{ moved: [2, 140, 0, 0], opened: 0, closed: 0 }]);
  assert.deepEqual(of([3, 200, 9, 900]), [{ moved: [0, 0, 8, 860], opened: 0, closed: 0 }]);
  assert.deepEqual(of([3, 200, 9, 900]), [NOTHING]);
});

Deno.test("Counters beyond 32 bits are exact", () => {
  const large: Counters = [2 ** 40, 2 ** 52, 2 ** 33, 2 ** 51];
  const tracker = trackerOf({ id: 1, counters: large });
  const { changes } = pass(tracker, [{ id: 1, counters: large.map((n) => n + 1) }]);
  assert.deepEqual(changes, [{ moved: [1, 1, 1, 1], opened: 0, closed: 0 }]);
});

Deno.test("What is met twice in a pass is shown once", () => {
  const tracker = trackerOf({ id: 1 });
  const twice = [{ id: 1, counters: MORE }, { id: 1, counters: [5, 460, 2, 140] }];
  assert.deepEqual(pass(tracker, twice).changes, [
    { moved: [3, 300, 1, 100], opened: 0, closed: 0 },
    undefined,
  ]);
  assert.deepEqual(pass(tracker, [twice[1]!]).changes, [{ moved: [1, 100, 0, 0], opened: 0, closed: 0 }]);
});

Deno.test("What is met twice in the first pass is shown once", () => {
  assert.deepEqual(pass(new TrafficTracker(4), [{ id: 1 }, { id: 1 }]).changes, [NOTHING, undefined]);
});

for (const i of [0, 1, 2, 3]) {
  const name = ["sent packets", "sent bytes", "packets of replies", "bytes of replies"][i];
  Deno.test(`Fewer ${name} than before are those of another connection: one is closed, one opened`, () => {
    const counters = MORE.map((count, at) => at === i ? count - 1 : count + 10);
    const { changes } = pass(trackerOf({ id: 1, counters: MORE }), [{ id: 1, counters }]);
    assert.deepEqual(changes, [{ moved: counters, opened: 1, closed: 1 }]);
  });
}

Deno.test("A connection in the place of another is followed from there", () => {
  const tracker = trackerOf({ id: 1, counters: MORE });
  pass(tracker, [{ id: 1, counters: [1, 60, 0, 0] }]);
  assert.deepEqual(pass(tracker, [{ id: 1, counters: [2, 120, 1, 40] }]).changes, [
    { moved: [1, 60, 1, 40], opened: 0, closed: 0 },
  ]);
});

Deno.test("A connection is told from others by both of its numbers", () => {
  const tracker = trackerOf({ id: 1, tuple: 1 }, { id: 1, tuple: 2 }, { id: -1, tuple: 1 });
  assert.equal(tracker.size, 3);
  assert.deepEqual(end(tracker, { id: 1, tuple: 2, counters: MORE }).moved, [3, 300, 1, 100]);
  assert.deepEqual(end(tracker, { id: 2, tuple: 1, counters: MORE }), { moved: MORE, opened: 1, closed: 1 });
  assert.equal(tracker.size, 2);
});

Deno.test("end() closes a connection that is known, and gives what it has moved since", () => {
  const tracker = trackerOf({ id: 1 });
  assert.deepEqual(end(tracker, { id: 1, counters: MORE }), {
    moved: [3, 300, 1, 100],
    opened: 0,
    closed: 1,
  });
  assert.equal(tracker.size, 0);
});

Deno.test("end() of a connection that was not yet seen opens and closes it, and gives all that it has moved", () => {
  assert.deepEqual(end(trackerOf(), { id: 1, counters: MORE }), { moved: MORE, opened: 1, closed: 1 });
});

Deno.test("end() of a connection with less than before closes two, of which one was not seen", () => {
  const tracker = trackerOf({ id: 1, counters: MORE });
  assert.deepEqual(end(tracker, { id: 1, counters: SOME }), { moved: SOME, opened: 1, closed: 2 });
});

for (const when of ["before the first pass", "in the first pass", "after a first pass that was given up"]) {
  Deno.test(`end() of a connection that is not known ${when} says nothing, since it may have been there before`, () => {
    const tracker = new TrafficTracker(4);
    if (when !== "before the first pass") tracker.begin();
    if (when === "after a first pass that was given up") tracker.finish();
    assert.deepEqual(end(tracker, { id: 1, counters: MORE }), NOTHING);
    assert.deepEqual(pass(tracker, []), { changes: [], gone: [] });
    assert.equal(tracker.size, 0);
  });
}

Deno.test("end() in the first pass closes what that has seen", () => {
  const tracker = new TrafficTracker(4);
  tracker.begin();
  see(tracker, { id: 1 });
  assert.deepEqual(end(tracker, { id: 1, counters: MORE }), {
    moved: [3, 300, 1, 100],
    opened: 0,
    closed: 1,
  });
});

Deno.test("What has ended is not missed", () => {
  const tracker = trackerOf({ id: 1 });
  end(tracker, { id: 1 });
  for (let i = 0; i < 3; i++) assert.deepEqual(pass(tracker, []).gone, []);
});

Deno.test("What has ended twice was two connections", () => {
  const tracker = trackerOf({ id: 1 });
  end(tracker, { id: 1 });
  assert.deepEqual(end(tracker, { id: 1, counters: MORE }), { moved: MORE, opened: 1, closed: 1 });
});

for (const isSeenBefore of [false, true]) {
  const when = isSeenBefore ? "after that has seen it" : "before that has seen it";
  Deno.test(`What ends in a pass, ${when}, is not shown by it any more, nor missed`, () => {
    const tracker = trackerOf({ id: 1 });
    tracker.begin();
    if (isSeenBefore) see(tracker, { id: 1 });
    assert.deepEqual(end(tracker, { id: 1, counters: MORE }).closed, 1);
    assert.equal(see(tracker, { id: 1, counters: MORE }), undefined);
    assert.deepEqual(sweep(tracker), []);
    tracker.finish();
    assert.equal(tracker.size, 0);
    for (let i = 0; i < 3; i++) assert.deepEqual(pass(tracker, []).gone, []);
  });

  Deno.test(`What is not known, ends in a pass, ${when}, is counted once`, () => {
    const tracker = trackerOf();
    tracker.begin();
    const opened = isSeenBefore ? see(tracker, { id: 1, counters: MORE })!.opened : 0;
    assert.equal(opened + end(tracker, { id: 1, counters: MORE }).opened, 1);
    assert.equal(see(tracker, { id: 1, counters: MORE }), undefined);
    assert.deepEqual(sweep(tracker), []);
    tracker.finish();
    assert.equal(tracker.size, 0);
    for (let i = 0; i < 3; i++) assert.deepEqual(pass(tracker, []).gone, []);
  });
}

Deno.test("What ends in the sweep of a pass is closed once", () => {
  const tracker = trackerOf({ id: 1 });
  tracker.begin();
  see(tracker, { id: 1 });
  let closed = 0;
  for (const _ of tracker.sweep(() => closed++)) if (closed === 0) closed += end(tracker, { id: 1 }).closed;
  tracker.finish();
  for (let i = 0; i < 3; i++) closed += pass(tracker, []).gone.length;
  assert.equal(closed, 1);
  assert.equal(tracker.size, 0);
});

Deno.test("What begins in the place of what has ended in the same pass is counted by the next one", () => {
  const tracker = trackerOf({ id: 1, counters: MORE });
  tracker.begin();
  end(tracker, { id: 1, counters: MORE });
  assert.equal(see(tracker, { id: 1, counters: SOME }), undefined);
  sweep(tracker);
  tracker.finish();
  assert.deepEqual(pass(tracker, [{ id: 1, counters: SOME }]).changes, [
    { moved: SOME, opened: 1, closed: 0 },
  ]);
});

Deno.test("What begins in the place of what has ended and ends in the same pass is counted whole", () => {
  const tracker = trackerOf({ id: 1, counters: MORE });
  tracker.begin();
  end(tracker, { id: 1, counters: MORE });
  assert.deepEqual(end(tracker, { id: 1, counters: SOME }), { moved: SOME, opened: 1, closed: 1 });
});

Deno.test("What is seen in the place of what has ended in a pass that was given up is another connection", () => {
  const tracker = trackerOf({ id: 1, counters: SOME });
  tracker.begin();
  end(tracker, { id: 1, counters: SOME });
  tracker.finish();
  const { changes, gone } = pass(tracker, [{ id: 1, counters: MORE }]);
  assert.deepEqual(changes, [{ moved: MORE, opened: 1, closed: 0 }]);
  assert.deepEqual(gone, []);
  assert.deepEqual(pass(tracker, [{ id: 1, counters: MORE }]), { changes: [NOTHING], gone: [] });
});

Deno.test("What has ended in a pass that was given up is forgotten by the next one", () => {
  const tracker = trackerOf({ id: 1 });
  tracker.begin();
  end(tracker, { id: 1 });
  tracker.finish();
  assert.deepEqual(pass(tracker, []).gone, []);
  assert.equal(tracker.size, 0);
});

Deno.test("What is missed by one pass is kept", () => {
  const tracker = trackerOf({ id: 1 });
  assert.deepEqual(pass(tracker, []).gone, []);
  assert.deepEqual(pass(tracker, [{ id: 1, counters: MORE }]), {
    changes: [{ moved: [3, 300, 1, 100], opened: 0, closed: 0 }],
    gone: [],
  });
});

Deno.test("What is missed by every other pass is kept", () => {
  const tracker = trackerOf({ id: 1 });
  for (let i = 0; i < 10; i++) assert.deepEqual(pass(tracker, i % 2 === 0 ? [] : [{ id: 1 }]).gone, []);
  assert.equal(tracker.size, 1);
});

Deno.test("What is missed by two passes on end is gone", () => {
  const tracker = trackerOf({ id: 1 }, { id: 2 });
  pass(tracker, [{ id: 2 }]);
  assert.equal(pass(tracker, [{ id: 2 }]).gone.length, 1);
  assert.equal(tracker.size, 1);
  assert.deepEqual(pass(tracker, [{ id: 2 }]).gone, []);
});

Deno.test("What is missed by one pass and then ends is closed by its end", () => {
  const tracker = trackerOf({ id: 1 });
  pass(tracker, []);
  assert.equal(end(tracker, { id: 1 }).closed, 1);
  assert.deepEqual(pass(tracker, []).gone, []);
});

const REMAINS: readonly { readonly what: string; readonly connection: Connection; readonly gone: Remains }[] =
  [
    {
      what: "TCP over IPv4",
      connection: { family: 4, protocol: 6, destinationPort: 443, zone: 0 },
      gone: { family: 4, protocol: 6, destinationPort: 443, zone: 0 },
    },
    {
      what: "UDP over IPv6 in the highest zone",
      connection: { family: 6, protocol: 17, destinationPort: 65_535, zone: 65_535 },
      gone: { family: 6, protocol: 17, destinationPort: 65_535, zone: 65_535 },
    },
    {
      what: "a port of 0",
      connection: { family: 4, protocol: 17, destinationPort: 0, zone: 7 },
      gone: { family: 4, protocol: 17, destinationPort: 0, zone: 7 },
    },
    {
      what: "a protocol without ports",
      connection: { family: 6, protocol: 58, destinationPort: NaN, zone: 1 },
      gone: { family: 6, protocol: 58, destinationPort: NaN, zone: 1 },
    },
    {
      what: "the highest protocol",
      connection: { family: 4, protocol: 255, destinationPort: NaN, zone: 0 },
      gone: { family: 4, protocol: 255, destinationPort: NaN, zone: 0 },
    },
  ];

for (const { what, connection, gone } of REMAINS) {
  Deno.test(`Of what is gone its family, protocol, port and zone are known: ${what}`, () => {
    const tracker = trackerOf({ id: 1, ...connection });
    pass(tracker, [{ id: 1, ...connection }]);
    pass(tracker, []);
    assert.deepEqual(pass(tracker, []).gone, [gone]);
  });
}

Deno.test("A pass that is given up misses nothing", () => {
  const tracker = trackerOf({ id: 1 }, { id: 2 });
  for (let i = 0; i < 3; i++) givenUpPass(tracker, []);
  assert.deepEqual(pass(tracker, [{ id: 1, counters: MORE }]).gone, []);
  assert.equal(tracker.size, 2);
  givenUpPass(tracker, []);
  assert.equal(pass(tracker, [{ id: 1, counters: MORE }]).gone.length, 1);
});

Deno.test("A pass that is not whole misses nothing", () => {
  const tracker = trackerOf({ id: 1 }, { id: 2 });
  for (let i = 0; i < 3; i++) assert.deepEqual(pass(tracker, [{ id: 2 }], false).gone, []);
  assert.equal(tracker.size, 2);
  assert.deepEqual(pass(tracker, [{ id: 1, counters: MORE }, { id: 2 }]), {
    changes: [{ moved: [3, 300, 1, 100], opened: 0, closed: 0 }, NOTHING],
    gone: [],
  });
});

Deno.test("A pass that is not whole does not count between two that have missed a connection", () => {
  const tracker = trackerOf({ id: 1 });
  assert.deepEqual(pass(tracker, []).gone, []);
  assert.deepEqual(pass(tracker, [], false).gone, []);
  assert.equal(pass(tracker, []).gone.length, 1);
});

Deno.test("What a pass has seen that is not whole was not missed", () => {
  const tracker = trackerOf({ id: 1 });
  pass(tracker, []);
  pass(tracker, [{ id: 1 }], false);
  assert.deepEqual(pass(tracker, []).gone, []);
  assert.equal(pass(tracker, []).gone.length, 1);
});

Deno.test("A pass that is not whole opens what is new, and forgets what has ended in it", () => {
  const tracker = trackerOf({ id: 1 });
  tracker.begin();
  assert.deepEqual(see(tracker, { id: 2, counters: MORE }), { moved: MORE, opened: 1, closed: 0 });
  assert.equal(end(tracker, { id: 1 }).closed, 1);
  assert.deepEqual(sweep(tracker, false), []);
  tracker.finish();
  assert.equal(tracker.size, 1);
});

Deno.test("What a pass has seen that was given up is not counted again", () => {
  const tracker = trackerOf();
  tracker.begin();
  assert.deepEqual(see(tracker, { id: 1, counters: SOME }), { moved: SOME, opened: 1, closed: 0 });
  tracker.finish();
  assert.deepEqual(pass(tracker, [{ id: 1, counters: MORE }]).changes, [
    { moved: [3, 300, 1, 100], opened: 0, closed: 0 },
  ]);
});

Deno.test("After a first pass that was given up the next one is the first", () => {
  const tracker = new TrafficTracker(4);
  givenUpPass(tracker, [{ id: 1, counters: SOME }]);
  assert.deepEqual(pass(tracker, [{ id: 1, counters: MORE }, { id: 2 }]).changes, [
    { moved: [3, 300, 1, 100], opened: 0, closed: 0 },
    NOTHING,
  ]);
});

Deno.test("A sweep that is given up sweeps nothing twice", () => {
  const connections = Array.from({ length: 3000 }, (_, id) => ({ id }));
  const tracker = trackerOf(...connections);
  pass(tracker, []);
  tracker.begin();
  const gone: Remains[] = [], steps = tracker.sweep((remains) => gone.push(remains))[Symbol.iterator]();
  for (let i = 0; i < 2; i++) steps.next();
  steps.return?.();
  tracker.finish();
  assert(gone.length > 0 && gone.length < 3000, `${gone.length}`);
  assert.equal(gone.length + pass(tracker, []).gone.length, 3000);
  assert.equal(tracker.size, 0);
});

Deno.test("clear() makes the next pass the first", () => {
  const tracker = trackerOf({ id: 1 }, { id: 2 });
  tracker.clear();
  assert.equal(tracker.size, 0);
  assert.deepEqual(end(tracker, { id: 1, counters: MORE }), NOTHING);
  assert.deepEqual(pass(tracker, [{ id: 1, counters: MORE }, { id: 3 }]), {
    changes: [NOTHING, NOTHING],
    gone: [],
  });
  assert.deepEqual(pass(tracker, [{ id: 4 }]).changes, [{ moved: SOME, opened: 1, closed: 0 }]);
});

Deno.test("clear() in a pass makes that the first", () => {
  const tracker = trackerOf({ id: 1 });
  tracker.begin();
  tracker.clear();
  assert.deepEqual(see(tracker, { id: 2, counters: MORE }), NOTHING);
  assert.deepEqual(sweep(tracker), []);
  tracker.finish();
  assert.deepEqual(pass(tracker, [{ id: 2, counters: MORE }]).changes, [NOTHING]);
});

Deno.test("clear() forgets rows that were free", () => {
  const tracker = trackerOf({ id: 1 }, { id: 2 }, { id: 3 });
  end(tracker, { id: 2 });
  tracker.clear();
  const all = Array.from({ length: 200 }, (_, id) => ({ id }));
  pass(tracker, all);
  assert.equal(tracker.size, 200);
  assert.deepEqual(pass(tracker, all).changes, all.map(() => NOTHING));
});

const UNCOUNTED: Counters = [NaN, NaN, NaN, NaN];

Deno.test("Without accounting connections are opened and closed, and what they move is not known", () => {
  const tracker = trackerOf({ id: 1, counters: UNCOUNTED });
  const { changes } = pass(tracker, [{ id: 1, counters: UNCOUNTED }, { id: 2, counters: UNCOUNTED }]);
  assert.deepEqual(changes, [
    { moved: UNCOUNTED, opened: 0, closed: 0 },
    { moved: UNCOUNTED, opened: 1, closed: 0 },
  ]);
  assert.deepEqual(end(tracker, { id: 1, counters: UNCOUNTED }), {
    moved: UNCOUNTED,
    opened: 0,
    closed: 1,
  });
  pass(tracker, []);
  assert.equal(pass(tracker, []).gone.length, 1);
});

Deno.test("A connection that begins to be counted has moved what comes after that", () => {
  const tracker = trackerOf({ id: 1, counters: UNCOUNTED });
  assert.deepEqual(pass(tracker, [{ id: 1, counters: SOME }]).changes, [
    { moved: UNCOUNTED, opened: 0, closed: 0 },
  ]);
  assert.deepEqual(pass(tracker, [{ id: 1, counters: MORE }]).changes, [
    { moved: [3, 300, 1, 100], opened: 0, closed: 0 },
  ]);
});

Deno.test("What is not counted is not known, and the rest of the same connection is", () => {
  const tracker = trackerOf({ id: 1, counters: [NaN, NaN, 30, 40] });
  const of = (counters: Counters) => pass(tracker, [{ id: 1, counters }]).changes;
  assert.deepEqual(of([NaN, NaN, 35, 140]), [{ moved: [NaN, NaN, 5, 100], opened: 0, closed: 0 }]);
  // What was not counted before has moved what comes after that.
  assert.deepEqual(of([4, 360, 36, 141]), [{ moved: [NaN, NaN, 1, 1], opened: 0, closed: 0 }]);
  assert.deepEqual(of([5, 361, NaN, NaN]), [{ moved: [1, 1, NaN, NaN], opened: 0, closed: 0 }]);
  assert.deepEqual(end(tracker, { id: 1, counters: [7, 363, 3, 8] }), {
    moved: [2, 2, NaN, NaN],
    opened: 0,
    closed: 1,
  });
});

Deno.test("Packets are counted beyond 32 bits", () => {
  const before: Counters = [2 ** 32 - 1, 2 ** 40, 2 ** 33 + 7, 2 ** 41];
  const after: Counters = [2 ** 32 + 5, 2 ** 40 + 100, 2 ** 33 + 2 ** 31, 2 ** 41 + 1];
  assert.deepEqual(pass(trackerOf({ id: 1, counters: before }), [{ id: 1, counters: after }]).changes, [
    { moved: [6, 100, 2 ** 31 - 7, 1], opened: 0, closed: 0 },
  ]);
});

Deno.test("Less than before is of another connection when others of its counters are not counted", () => {
  const tracker = trackerOf({ id: 1, counters: [NaN, 60, NaN, 40] });
  const another: Counters = [7, 59, NaN, NaN], { changes } = pass(tracker, [{ id: 1, counters: another }]);
  assert.deepEqual(changes, [{ moved: another, opened: 1, closed: 1 }]);
});

Deno.test("What is opened has moved what it has counted, of that which is counted", () => {
  const counters: Counters = [NaN, 60, NaN, 40], all = { moved: counters, opened: 1 };
  assert.deepEqual(pass(trackerOf(), [{ id: 1, counters }]).changes, [{ ...all, closed: 0 }]);
  assert.deepEqual(end(trackerOf(), { id: 1, counters }), { ...all, closed: 1 });
});

const EIGHT: Counters = [8, 7, 6, 5, 4, 3, 2, 1], NONE_OF_EIGHT: Counters = EIGHT.map(() => 0);

/** One of eight counters that has taken its first pass. */
function trackerOfEight(...connections: readonly Connection[]): TrafficTracker {
  const tracker = new TrafficTracker(8);
  pass(tracker, connections);
  return tracker;
}

Deno.test("Of eight counters each has moved what it has counted since", () => {
  const tracker = trackerOfEight({ id: 1, counters: EIGHT }, { id: 2, counters: NONE_OF_EIGHT });
  const steps = [1, 20, 300, 4000, 50_000, 600_000, 7_000_000, 2 ** 50];
  const later = EIGHT.map((count, i) => count + steps[i]!);
  const { changes } = pass(tracker, [
    { id: 1, counters: later },
    { id: 2, counters: steps },
    { id: 3, counters: EIGHT },
  ]);
  assert.deepEqual(changes, [
    { moved: steps, opened: 0, closed: 0 },
    { moved: steps, opened: 0, closed: 0 },
    { moved: EIGHT, opened: 1, closed: 0 },
  ]);
  const last = { id: 1, counters: later.map((count, i) => count + i) };
  assert.deepEqual(end(tracker, last), { moved: [0, 1, 2, 3, 4, 5, 6, 7], opened: 0, closed: 1 });
  assert.deepEqual(end(tracker, { id: 9, counters: EIGHT }), { moved: EIGHT, opened: 1, closed: 1 });
});

Deno.test("Of eight counters that are not all counted those that are have moved what they have counted", () => {
  const tracker = trackerOfEight({ id: 1, counters: [1, 10, 1, 10, NaN, NaN, NaN, NaN] });
  assert.deepEqual(pass(tracker, [{ id: 1, counters: [2, 30, 1, 10, NaN, NaN, NaN, 3] }]).changes, [
    { moved: [1, 20, 0, 0, NaN, NaN, NaN, NaN], opened: 0, closed: 0 },
  ]);
});

for (const i of EIGHT.keys()) {
  Deno.test(`Less than before of counter ${i} of eight is of another connection`, () => {
    const counters = EIGHT.map((count, at) => at === i ? count - 1 : count + 10);
    const tracker = trackerOfEight({ id: 1, counters: EIGHT });
    assert.deepEqual(pass(tracker, [{ id: 1, counters }]).changes, [
      { moved: counters, opened: 1, closed: 1 },
    ]);
  });
}

Deno.test("What is seen twice, or ends without being known, has moved nothing of what was seen before it", () => {
  const tracker = new TrafficTracker(8);
  pass(tracker, [{ id: 1, counters: NONE_OF_EIGHT }, { id: 2, counters: NONE_OF_EIGHT }]);
  tracker.begin();
  assert.deepEqual(see(tracker, { id: 1, counters: EIGHT })!.moved, EIGHT);
  assert.equal(see(tracker, { id: 1, counters: EIGHT }), undefined);
  assert.deepEqual(changeOf(tracker), { moved: NONE_OF_EIGHT, opened: 0, closed: 0 });
  tracker.clear();
  assert.deepEqual(end(tracker, { id: 3, counters: EIGHT }), { moved: NONE_OF_EIGHT, opened: 0, closed: 0 });
});

/** Connections that have counted `count` packets. One entry is for all, since a million of them take long. */
function* entriesOf(length: number, count: number, first = 0): Iterable<Tracked> {
  const entry = { ...entryOf({ counters: [count, 100 * count, count, 10 * count] }) };
  for (let i = first; i < first + length; i++) {
    entry.id = Math.imul(i, 0x2c1b3c6d);
    entry.tuple = i;
    yield entry;
  }
}

/** A pass that adds up what was said. */
function sumOf(tracker: TrafficTracker, entries: Iterable<Tracked>) {
  let sentPackets = 0, opened = 0, closed = 0, shown = 0;
  tracker.begin();
  for (const entry of entries) {
    if (!tracker.see(entry)) continue;
    shown++;
    sentPackets += tracker.moved[0]!;
    opened += tracker.opened;
    closed += tracker.closed;
  }
  const { untracked } = tracker;
  const gone = sweep(tracker).length;
  tracker.finish();
  return { sentPackets, opened, closed, shown, gone, untracked };
}

const CALM = { sentPackets: 0, opened: 0, closed: 0, gone: 0, untracked: 0 };

for (const count of [50, 70, 20_000, 70_000, 300_000]) {
  Deno.test(`${count} connections are followed when half of them end and as many begin`, () => {
    const tracker = new TrafficTracker(4);
    assert.deepEqual(sumOf(tracker, entriesOf(count, 1)), { ...CALM, shown: count });
    assert.equal(tracker.size, count);
    const again = sumOf(tracker, entriesOf(count, 3));
    assert.deepEqual(again, { ...CALM, sentPackets: 2 * count, shown: count });
    const others = sumOf(tracker, entriesOf(count, 3, count / 2));
    assert.deepEqual(others, { ...CALM, sentPackets: 1.5 * count, opened: count / 2, shown: count });
    const gone = sumOf(tracker, entriesOf(count, 3, count / 2));
    assert.deepEqual(gone, { ...CALM, shown: count, gone: count / 2 });
    assert.equal(tracker.size, count);
  });
}

// The slots are doubled when more than half of them are taken.
for (const count of [64, 65, 12_288, 12_289, 16_384, 16_385, 65_536, 65_537, 262_144, 262_145]) {
  Deno.test(`A pass of ${count} connections knows each of them in the next one`, () => {
    const tracker = new TrafficTracker(4);
    sumOf(tracker, entriesOf(count, 1));
    assert.deepEqual(sumOf(tracker, entriesOf(count, 2)), { ...CALM, sentPackets: count, shown: count });
  });
}

Deno.test("Connections are found after growth that follows a clear()", () => {
  const tracker = new TrafficTracker(4);
  // So many that the next slots are half prepared.
  sumOf(tracker, entriesOf(16_380, 1));
  tracker.clear();
  assert.deepEqual(sumOf(tracker, entriesOf(50_000, 1)), { ...CALM, shown: 50_000 });
  assert.deepEqual(sumOf(tracker, entriesOf(50_000, 1)), { ...CALM, shown: 50_000 });
});

Deno.test("Connections are found after growth when the table was often about to grow", () => {
  const tracker = new TrafficTracker(4), limit = 16_384;
  sumOf(tracker, entriesOf(limit, 1));
  for (let round = 0; round < 5; round++) {
    for (const entry of entriesOf(100, 1)) tracker.end(entry);
    assert.equal(sumOf(tracker, entriesOf(limit, 1)).opened, 100);
  }
  assert.equal(sumOf(tracker, entriesOf(2 * limit, 1)).opened, limit);
  assert.deepEqual(sumOf(tracker, entriesOf(2 * limit, 1)), { ...CALM, shown: 2 * limit });
});

/** For how many connections there is place at first. */
const MIN_ROWS = 12_288;

/** Different in all that is kept of it; what it has counted grows with `times`. */
function distinct(id: number, { times, counters }: { times: number; counters: number }) {
  return {
    id,
    tuple: ~id,
    family: id % 2 === 0 ? 4 : 6,
    protocol: id % 200,
    destinationPort: id % 3 === 0 ? NaN : id,
    zone: id,
    counters: Array.from({ length: counters }, (_, i) => i === id % 16 ? NaN : times * (10 * id + i + 1)),
  };
}

for (const counters of [4, 8]) {
  Deno.test(`What is known of ${counters} counters stays known when there are more than 12,288 connections`, () => {
    const tracker = new TrafficTracker(counters), count = MIN_ROWS + 20;
    const after = (times: number, id: number) => distinct(id, { times, counters });
    const all = (length: number, times: number) => Array.from({ length }, (_, id) => after(times, id));
    pass(tracker, all(MIN_ROWS, 1));
    assert.equal(tracker.size, MIN_ROWS);
    end(tracker, after(3, 3));
    // Each by itself, since what all of them differ in would take minutes to print.
    for (const [id, change] of pass(tracker, all(count, 4)).changes.entries()) {
      const isNew = id === 3 || id >= MIN_ROWS, moved = after(isNew ? 4 : 3, id).counters;
      assert.deepEqual(change, { moved, opened: isNew ? 1 : 0, closed: 0 }, `${id}`);
    }
    assert.equal(tracker.size, count);
    const ended = [0, 3, MIN_ROWS - 1, MIN_ROWS, count - 1];
    for (const id of ended) {
      const change = end(tracker, after(9, id));
      assert.deepEqual(change, { moved: after(5, id).counters, opened: 0, closed: 1 }, `${id}`);
    }
    pass(tracker, []);
    const { gone } = pass(tracker, []);
    assert.deepEqual([gone.length, tracker.size], [count - ended.length, 0]);
    for (const remains of gone) {
      const { family, protocol, destinationPort, zone } = after(0, remains.zone);
      assert.deepEqual(remains, { family, protocol, destinationPort, zone });
    }
    assert.equal(new Set(gone.map(({ zone }) => zone)).size, gone.length);
  });
}

Deno.test("A sweep goes on rightly when there get more than 12,288 connections meanwhile", () => {
  const tracker = new TrafficTracker(4);
  sumOf(tracker, entriesOf(MIN_ROWS, 1));
  sumOf(tracker, entriesOf(MIN_ROWS - 3000, 1, 3000));
  tracker.begin();
  for (const entry of entriesOf(MIN_ROWS - 3000, 2, 3000)) tracker.see(entry);
  let gone = 0, isFirst = true;
  for (const _ of tracker.sweep(() => gone++)) {
    // Each takes a row until the sweep comes to it.
    if (isFirst) { for (const entry of entriesOf(10, 1, MIN_ROWS)) tracker.end(entry); }
    isFirst = false;
  }
  tracker.finish();
  assert.equal(gone, 3000);
  assert.equal(tracker.size, MIN_ROWS - 3000);
  const { sentPackets, opened } = sumOf(tracker, entriesOf(MIN_ROWS - 3000, 3, 3000));
  assert.deepEqual([sentPackets, opened], [MIN_ROWS - 3000, 0]);
});

Deno.test("Rows that have become free are taken again, up to the limit of a million", () => {
  const limit = 1 << 20, tracker = new TrafficTracker(4);
  assert.deepEqual(sumOf(tracker, entriesOf(limit + 5, 1)), {
    ...CALM,
    shown: limit + 5,
    untracked: 5,
  });
  assert.equal(tracker.size, limit);
  // Those without a place are shown, and say nothing.
  assert.deepEqual(sumOf(tracker, entriesOf(limit + 5, 2)), {
    ...CALM,
    sentPackets: limit,
    shown: limit + 5,
    untracked: 5,
  });
  for (const entry of entriesOf(3, 2)) tracker.end(entry);
  assert.deepEqual(sumOf(tracker, entriesOf(limit + 2, 2, 3)), {
    // They may be old, since there was no place for them before.
    ...CALM,
    shown: limit + 2,
    untracked: 2,
  });
  assert.equal(tracker.size, limit);
});

Deno.test("untracked is of one pass", () => {
  const tracker = new TrafficTracker(4);
  assert.equal(sumOf(tracker, entriesOf((1 << 20) + 1, 1)).untracked, 1);
  assert.equal(sumOf(tracker, entriesOf(10, 1)).untracked, 0);
});

Deno.test("end() of a connection that is not known says nothing in a crowd, since it may have been there before", () => {
  const limit = 1 << 20, tracker = new TrafficTracker(4), unknown = { id: 1, tuple: -1, counters: MORE };
  const ofAll = { moved: MORE, opened: 1, closed: 1 };
  sumOf(tracker, entriesOf(limit + 1, 1));
  assert.deepEqual(end(tracker, unknown), NOTHING);
  // Those that have a place are closed all the same, and what they have moved is known.
  const [known] = entriesOf(1, 3);
  tracker.end(known!);
  assert.deepEqual(changeOf(tracker), { moved: [2, 200, 2, 20], opened: 0, closed: 1 });
  tracker.begin();
  assert.deepEqual(end(tracker, unknown), NOTHING);
  for (const entry of entriesOf(limit - 1, 1, 1)) tracker.see(entry);
  // Until a pass to its end has had a place for each.
  assert.deepEqual(end(tracker, { ...unknown, tuple: -2 }), NOTHING);
  tracker.finish();
  assert.equal(sumOf(tracker, entriesOf(limit - 1, 1, 1)).untracked, 0);
  assert.deepEqual(end(tracker, unknown), ofAll);
});

/** As in the tracker: the slot where a connection is looked for first, in the smallest table. */
const SLOTS = 128;

function homeOf(id: number): number {
  return (Math.imul(id, 0x85ebca6b) >>> 1) & (SLOTS - 1);
}

/** Ids that have this home, with a tuple of 0. */
function idsOf(home: number, count: number): number[] {
  const ids: number[] = [];
  for (let id = 1; ids.length < count; id++) if (homeOf(id) === home % SLOTS) ids.push(id);
  return ids;
}

for (const home of [5, SLOTS - 2]) {
  const where = home === 5 ? "in the midst of the table" : "across its end";
  property(`Connections whose places collide ${where} are found after others were removed`, (random) => {
    const ids = [0, 0, 1, 2, 2, 3].flatMap((offset, i) => idsOf(home + offset, 2 + 2 * i).slice(-2));
    for (let round = 0; round < 500; round++) {
      const tracker = trackerOf(), known = new Map<number, number>();
      for (let step = 0; step < 30; step++) {
        const id = random.pick(ids), count = 1 + step;
        if (random.int(2) === 0) {
          // It is opened if it was not known, so what is left was found by no other's id.
          tracker.begin();
          const change = see(tracker, { id, counters: [count, count, count, count] })!;
          tracker.finish();
          assert.deepEqual([change.opened, change.moved[0]], [
            known.has(id) ? 0 : 1,
            count - (known.get(id) ?? 0),
          ]);
          known.set(id, count);
        } else {
          const change = end(tracker, { id, counters: [count, count, count, count] });
          assert.deepEqual([change.opened, change.closed, change.moved[0]], [
            known.has(id) ? 0 : 1,
            1,
            count - (known.get(id) ?? 0),
          ]);
          known.delete(id);
        }
        assert.equal(tracker.size, known.size);
      }
    }
  });
}

property("The tracker knows what a Map knows, through growth and removal", (random) => {
  const tracker = trackerOf(), known = new Map<number, number>();
  for (let round = 0; round < 40; round++) {
    tracker.begin();
    const isFull = random.int(4) > 0, count = random.pick([10, 300, 3000]);
    for (let i = 0; i < count; i++) {
      const id = random.int(6000) - 3000, sent = 10 * round + random.int(10);
      const connection = { id, tuple: id & 3, counters: [sent, 0, 0, 0] };
      if (random.int(3) > 0) {
        const before = known.get(id);
        const change = see(tracker, connection);
        if (change === undefined) assert(before !== undefined && before >= 10 * round, `${id}`);
        else {
          const isNew = before === undefined || sent < before;
          assert.deepEqual(change.opened, isNew ? 1 : 0);
          known.set(id, sent);
        }
      }
    }
    tracker.finish();
    if (!isFull) {
      for (const [id, sent] of [...known].slice(0, random.int(known.size + 1))) {
        const change = end(tracker, { id, tuple: id & 3, counters: [sent, 0, 0, 0] });
        assert.deepEqual(change, { moved: NONE, opened: 0, closed: 1 });
        known.delete(id);
      }
    }
    assert.equal(tracker.size, known.size);
  }
});

/** A connection of the world that the property below makes up. */
interface Live {
  readonly id: number;
  counters: number[];
  /** What it had counted when it could first be known. */
  readonly from: number[];
  /** Whether the last walk that came to its end has missed it. */
  isMissed: boolean;
}

/** A kernel whose connections begin, move and end, and whose walks and events are not what one would wish. */
class World {
  readonly tracker = new TrafficTracker(4);
  readonly live = new Map<number, Live>();
  /** What has ended and was not yet told. */
  #events: { id: number; counters: Counters; isMissed: boolean }[] = [];
  #nextId = 1;
  /** What was really moved since the beginning, by those that live and those that have ended. */
  readonly #past = [0, 0, 0, 0];
  readonly counted = [0, 0, 0, 0];
  begun = 0;
  opened = 0;
  closed = 0;

  constructor(
    readonly random: Random,
    readonly options: { readonly ids: number; readonly heard: "all" | "some" | "none" },
  ) {
    for (let i = random.int(20); i > 0; i--) this.#begin([5, 500, 5, 500]);
    this.begun = 0;
    this.#pass({ isFirst: true });
  }

  get moved(): number[] {
    const sums = [...this.#past];
    for (const { counters, from } of this.live.values()) {
      sums.forEach((_, i) => sums[i]! += counters[i]! - from[i]!);
    }
    return sums;
  }

  step(): void {
    const { random } = this, kind = random.int(10);
    if (kind < 3) this.#begin([0, 0, 0, 0]);
    else if (kind < 6) this.#move();
    else if (kind < 8) this.#end();
    else if (kind < 9) this.#hear();
    else this.#pass({});
  }

  /** Lets everything end and be noticed. */
  finish(): void {
    while (this.live.size > 0) this.#end();
    this.#hear();
    for (let i = 0; i < 3; i++) this.#pass({ isWhole: true });
  }

  #begin(from: number[]): void {
    const { ids } = this.options;
    const id = ids > 0 ? 1 + this.random.int(ids) : this.#nextId++;
    if (this.live.has(id)) return;
    // A number is given again only when its end was told.
    if (this.options.heard !== "none") this.#hear();
    this.live.set(id, { id, counters: [...from], from, isMissed: false });
    this.begun++;
  }

  #move(): void {
    if (this.live.size === 0) return;
    const { counters } = this.random.pick([...this.live.values()]);
    for (const at of this.random.pick([[0], [2], [0, 2]])) {
      const packets = 1 + this.random.int(5);
      counters[at]! += packets;
      counters[at + 1]! += packets * (40 + this.random.int(1000));
    }
  }

  #end(): void {
    if (this.live.size === 0) return;
    const { id, counters, from, isMissed } = this.random.pick([...this.live.values()]);
    this.live.delete(id);
    counters.forEach((count, i) => this.#past[i]! += count - from[i]!);
    const { heard } = this.options;
    if (heard === "none" || (heard === "some" && this.random.int(3) === 0)) return;
    this.#events.push({ id, counters, isMissed });
  }

  #hear(): void {
    for (const event of this.#events.splice(0)) this.#count(end(this.tracker, event));
  }

  #count({ moved, opened, closed }: Change): void {
    moved.forEach((count, i) => this.counted[i]! += count);
    this.opened += opened;
    this.closed += closed;
  }

  /** The walk reads some connections at a time, which are shown when the world has gone on. */
  #pass({ isFirst = false, isWhole = isFirst }: { isFirst?: boolean; isWhole?: boolean }): void {
    const { random, tracker } = this, shown = new Set<number>();
    const isGivenUp = !isWhole && random.int(4) === 0;
    this.#hear();
    tracker.begin();
    const queue = [...this.live.keys()].sort(() => random.int(3) - 1);
    while (queue.length > 0) {
      if (isGivenUp && random.int(3) === 0) return tracker.finish();
      const block = queue.splice(0, 1 + random.int(4)).flatMap((id) => this.live.get(id) ?? []);
      const copies = block.flatMap((connection) => {
        // Nothing is missed twice on end.
        const isMissed = !isWhole && !connection.isMissed && random.int(5) === 0;
        if (!isGivenUp) connection.isMissed = isMissed;
        if (isMissed) return [];
        const copy = { id: connection.id, counters: [...connection.counters] };
        return random.int(8) === 0 ? [copy, copy] : [copy];
      });
      for (let i = random.int(3); i > 0 && !isWhole; i--) this.#meanwhile();
      for (const copy of copies) {
        const change = see(tracker, copy);
        if (change === undefined) continue;
        assert(!shown.has(copy.id), "A connection is shown twice");
        shown.add(copy.id);
        this.#count(change);
      }
    }
    if (isGivenUp) return tracker.finish();
    // What one walk has missed, and the next one came too late for, would be gone before its end is told.
    if (this.#events.some(({ isMissed }) => isMissed)) this.#hear();
    for (const _ of tracker.sweep(() => this.closed++)) if (!isWhole) this.#meanwhile();
    tracker.finish();
  }

  #meanwhile(): void {
    const kind = this.random.int(6);
    if (kind === 0) this.#begin([0, 0, 0, 0]);
    else if (kind < 3) this.#move();
    else if (kind < 4) this.#end();
    else this.#hear();
  }
}

const WORLDS = [
  { what: "every end is told", ids: 0, heard: "all" },
  { what: "some ends are told", ids: 0, heard: "some" },
  { what: "every end is told, and numbers are given again", ids: 8, heard: "all" },
  { what: "no end is told, and numbers are given again", ids: 8, heard: "none" },
] as const;

for (const { what, ids, heard } of WORLDS) {
  property(`Never more is counted than was moved, when ${what}`, (random) => {
    for (let round = 0; round < 500; round++) {
      const world = new World(random, { ids, heard });
      const check = () => {
        const { moved, counted } = world;
        assert(counted.every((count, i) => count <= moved[i]!), `${counted} of ${moved} in round ${round}`);
        assert(world.opened <= world.begun, `${world.opened} of ${world.begun} opened in round ${round}`);
      };
      for (let step = random.int(60); step > 0; step--) {
        world.step();
        check();
      }
      world.finish();
      check();
      assert.equal(world.tracker.size, 0);
      if (ids > 0 || heard !== "all") continue;
      assert.deepEqual(world.counted, world.moved, `in round ${round}`);
      assert.equal(world.opened, world.begun);
    }
  });
}
