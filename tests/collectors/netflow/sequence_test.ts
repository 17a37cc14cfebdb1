import assert from "node:assert/strict";
import { Sequence } from "../../../collectors/netflow/sequence.ts";
import { property, type Random } from "../../helpers/random.ts";

/** A datagram of `count` flows; times are in milliseconds, and without an uptime the exporter's is that of the time. */
interface Datagram {
  readonly sequence: number;
  readonly count?: number;
  readonly at?: number;
  readonly uptime?: number;
}

const GRACE_MS = 2000;
/** The exporter has been up for so long when the time is 0. */
const UPTIME = 1_000_000_000;

function take(sequence: Sequence, { sequence: number, count = 10, at = 0, uptime = UPTIME + at }: Datagram) {
  sequence.take(number >>> 0, count, { uptime: uptime >>> 0, now: at });
}

/** What was lost, and how often the source began anew, when all grace is over. */
function follow(datagrams: readonly Datagram[]): [lost: number, restarts: number] {
  const sequence = new Sequence();
  for (const datagram of datagrams) take(sequence, datagram);
  sequence.settle(Infinity);
  return [sequence.lost, sequence.restarts];
}

const CASES: readonly {
  readonly name: string;
  readonly of: readonly Datagram[];
  lost: number;
  restarts?: number;
}[] = [
  { name: "nothing of a single datagram, whatever its number", of: [{ sequence: 123_456 }], lost: 0 },
  {
    name: "nothing without a gap",
    of: [{ sequence: 5 }, { sequence: 15, count: 30 }, { sequence: 45 }],
    lost: 0,
  },
  { name: "the size of a gap", of: [{ sequence: 5 }, { sequence: 18 }], lost: 3 },
  { name: "the sizes of several gaps", of: [{ sequence: 0 }, { sequence: 11 }, { sequence: 41 }], lost: 21 },
  {
    name: "nothing when a late datagram fills the gap",
    of: [{ sequence: 0 }, { sequence: 20, at: 100 }, { sequence: 10, at: 1900, uptime: UPTIME + 50 }],
    lost: 0,
  },
  {
    name: "the rest of a gap that is filled at its beginning",
    of: [{ sequence: 0 }, { sequence: 50 }, { sequence: 10 }],
    lost: 30,
  },
  {
    name: "the rest of a gap that is filled in its middle, on both sides",
    of: [{ sequence: 0 }, { sequence: 50 }, { sequence: 25 }],
    lost: 30,
  },
  {
    name: "the rest of a gap that is filled at its end",
    of: [{ sequence: 0 }, { sequence: 50 }, { sequence: 40 }],
    lost: 30,
  },
  {
    name: "nothing when a gap is filled piece by piece, in any order",
    of: [{ sequence: 0 }, { sequence: 50 }, ...[30, 10, 40, 20].map((sequence) => ({ sequence }))],
    lost: 0,
  },
  {
    name: "nothing when gaps are filled, the newer first",
    of: [{ sequence: 0 }, { sequence: 20 }, { sequence: 40 }, { sequence: 30 }, { sequence: 10 }],
    lost: 0,
  },
  {
    name: "nothing over the end of the numbers",
    of: [{ sequence: -20 }, { sequence: -10 }, { sequence: 0 }, { sequence: 10 }],
    lost: 0,
  },
  {
    name: "nothing over the end of the numbers within a datagram",
    of: [{ sequence: -15 }, { sequence: -5 }, { sequence: 5 }],
    lost: 0,
  },
  { name: "a gap over the end of the numbers", of: [{ sequence: -20 }, { sequence: 7 }], lost: 17 },
  {
    name: "nothing when a gap over the end of the numbers is filled",
    of: [{ sequence: -20 }, { sequence: 10 }, { sequence: 0 }, { sequence: -10 }],
    lost: 0,
  },
  {
    name: "nothing over the end of the uptime",
    of: [{ sequence: 0, uptime: -500 }, { sequence: 10, uptime: 20_000 }],
    lost: 0,
  },
  {
    name: "a gap over the end of the uptime",
    of: [{ sequence: 0, uptime: -500 }, { sequence: 15, uptime: 20_000 }],
    lost: 5,
  },
  {
    name: "nothing of a source that begins anew",
    of: [{ sequence: 500_000 }, { sequence: 0, uptime: 5000 }, { sequence: 10, uptime: 6000 }],
    lost: 0,
    restarts: 1,
  },
  {
    name: "nothing of a source that begins anew with a higher number",
    of: [{ sequence: 100 }, { sequence: 700, uptime: 5000 }],
    lost: 0,
    restarts: 1,
  },
  {
    name: "a gap that was there before the source began anew",
    of: [{ sequence: 100 }, { sequence: 117 }, { sequence: 0, uptime: 5000 }],
    lost: 7,
    restarts: 1,
  },
  {
    name: "a gap after the source has begun anew",
    of: [{ sequence: 100 }, { sequence: 0, uptime: 5000 }, { sequence: 13, uptime: 6000 }],
    lost: 3,
    restarts: 1,
  },
  {
    name: "nothing of a source that begins anew thrice",
    of: [900_000, 600_000, 300_000, 1000].map((uptime) => ({ sequence: 0, uptime })),
    lost: 0,
    restarts: 3,
  },
  {
    name: "nothing of a source that begins anew when its uptime had nearly come to its end",
    of: [{ sequence: 5000, uptime: 3_000_000_000 }, { sequence: 0, uptime: 2_000_000_000 }],
    lost: 0,
    restarts: 1,
  },
  {
    name: "nothing of a datagram that is sent twice",
    of: [{ sequence: 0 }, { sequence: 0, at: 1 }, { sequence: 10, at: 2 }, { sequence: 20, at: 3 }],
    lost: 0,
  },
  {
    name: "no loss of a source that begins anew soon after its start",
    of: [
      { sequence: 0, uptime: 1000 },
      { sequence: 10, at: 100, uptime: 5000 },
      { sequence: 0, at: 200, uptime: 900 },
      { sequence: 10, at: 300, uptime: 950 },
    ],
    lost: 0,
    restarts: 1,
  },
  {
    name: "no loss of a source that begins anew after a month",
    of: [{ sequence: 3_000_000_000, uptime: 2_592_000_000 }, { sequence: 1000, at: 100, uptime: 5000 }],
    lost: 0,
    restarts: 1,
  },
  {
    name: "nothing of a datagram that comes twice in a burst of the same uptime",
    of: [100, 110, 100, 120].map((sequence, at) => ({ sequence, at, uptime: 7000 })),
    lost: 0,
  },
  {
    name: "nothing of the first two datagrams in the wrong order",
    of: [110, 100, 120].map((sequence, at) => ({ sequence, at, uptime: 7000 })),
    lost: 0,
  },
  {
    name: "a restart whose numbers fall into a gap",
    of: [
      { sequence: 0, uptime: 500_000 },
      { sequence: 100, at: 1, uptime: 500_001 },
      { sequence: 50, at: 2, uptime: 10 },
      { sequence: 60, at: 3, uptime: 11 },
    ],
    lost: 90,
    restarts: 1,
  },
  {
    name: "no loss of a number that is far from all others",
    of: [{ sequence: 0 }, { sequence: 2 ** 31 - 100, at: 100 }, { sequence: 2 ** 31 - 90, at: 200 }],
    lost: 0,
  },
  {
    name: "nothing of an older datagram that comes twice",
    of: [
      { sequence: 0 },
      { sequence: 10, at: 100 },
      { sequence: 20, at: 200 },
      { sequence: 0, at: 300, uptime: UPTIME },
      { sequence: 30, at: 400 },
    ],
    lost: 0,
  },
  {
    name: "a gap once when what filled a part of it comes twice",
    of: [
      { sequence: 0 },
      { sequence: 50, at: 100 },
      { sequence: 20, at: 101, uptime: UPTIME + 50 },
      { sequence: 20, at: 102, uptime: UPTIME + 50 },
      { sequence: 60, at: 103 },
    ],
    lost: 30,
  },
  {
    name: "nothing of a source that always sends 0",
    of: Array.from({ length: 20 }, (_, i) => ({ sequence: 0, at: 1000 * i })),
    lost: 0,
  },
  {
    name: "nothing of a source that always sends 0 and whose uptime stands still",
    of: Array.from({ length: 20 }, (_, i) => ({ sequence: 0, at: 1000 * i, uptime: 0 })),
    lost: 0,
  },
  {
    name: "nothing of datagrams without flows",
    of: [{ sequence: 7, count: 0 }, { sequence: 7 }, { sequence: 17, count: 0 }, { sequence: 17 }],
    lost: 0,
  },
  {
    name: "a gap once that a datagram without flows falls into",
    of: [{ sequence: 0 }, { sequence: 50 }, { sequence: 30, count: 0 }, { sequence: 10, count: 40 }],
    lost: 0,
  },
];

for (const { name, of, lost, restarts = 0 } of CASES) {
  Deno.test(`take() counts ${name}`, () => assert.deepEqual(follow(of), [lost, restarts]));
}

Deno.test("settle() counts a gap as lost when its grace is over, and not before", () => {
  const sequence = new Sequence(), found: number[] = [];
  take(sequence, { sequence: 0, at: 5000 });
  take(sequence, { sequence: 25, at: 6000 });
  for (const now of [6000, 6000 + GRACE_MS - 1, 6000 + GRACE_MS, 6000 + GRACE_MS, Infinity]) {
    sequence.settle(now);
    found.push(sequence.lost);
  }
  assert.deepEqual(found, [0, 0, 15, 15, 15]);
});

Deno.test("settle() counts what is left of gaps as each gets too old", () => {
  const sequence = new Sequence();
  take(sequence, { sequence: 0, at: 0 });
  take(sequence, { sequence: 50, at: 100 });
  take(sequence, { sequence: 70, at: 600 });
  take(sequence, { sequence: 20, at: 700, uptime: UPTIME + 50 });
  const lostAt = (now: number) => {
    sequence.settle(now);
    return sequence.lost;
  };
  assert.deepEqual([2099, 2100, 2599, 2600].map(lostAt), [0, 30, 30, 40]);
});

Deno.test("take() counts open gaps as lost when the source begins anew, and nothing fills them any more", () => {
  const sequence = new Sequence();
  take(sequence, { sequence: 100 });
  take(sequence, { sequence: 130 });
  take(sequence, { sequence: 300, uptime: 5000 });
  assert.deepEqual([sequence.lost, sequence.restarts], [20, 1]);
  take(sequence, { sequence: 110, uptime: 4900 });
  sequence.settle(Infinity);
  assert.deepEqual([sequence.lost, sequence.restarts], [20, 1]);
});

Deno.test("A datagram that is later than the grace stays lost, is no restart, and loses nothing else", () => {
  const sequence = new Sequence();
  take(sequence, { sequence: 0 });
  take(sequence, { sequence: 20, at: 200 });
  for (let i = 1; i <= 30; i++) take(sequence, { sequence: 20 + 10 * i, at: 200 + 100 * i });
  sequence.settle(3200);
  assert.equal(sequence.lost, 10);
  take(sequence, { sequence: 10, at: 3250, uptime: UPTIME + 100 });
  take(sequence, { sequence: 330, at: 3300 });
  sequence.settle(Infinity);
  assert.deepEqual([sequence.lost, sequence.restarts], [10, 0]);
});

Deno.test("take() counts the oldest gaps as lost when there are more than 16", () => {
  const sequence = new Sequence();
  take(sequence, { sequence: 0 });
  for (let gap = 1; gap <= 16; gap++) take(sequence, { sequence: 20 * gap });
  assert.equal(sequence.lost, 0);
  for (let gap = 17; gap <= 40; gap++) take(sequence, { sequence: 20 * gap });
  assert.equal(sequence.lost, 24 * 10);
  // The 16 that are left can be filled.
  for (let gap = 25; gap <= 40; gap++) take(sequence, { sequence: 20 * gap - 10 });
  sequence.settle(Infinity);
  assert.equal(sequence.lost, 24 * 10);
});

Deno.test("take() holds no more than 16 gaps when late datagrams split them", () => {
  const sequence = new Sequence();
  take(sequence, { sequence: 0, count: 1 });
  take(sequence, { sequence: 1_000_000, count: 1 });
  for (let i = 0; i < 1000; i++) take(sequence, { sequence: 100 + 100 * i, count: 1 });
  // The gaps at the front were given up, and all of the gap was lost but what has come: gaps are bounded.
  assert(sequence.lost > 0, "1000 pieces of a gap are held");
  sequence.settle(Infinity);
  assert.equal(sequence.lost, 999_999 - 1000);
});

property("The counters never fall, and hold no more than was told, whatever comes", (random) => {
  for (let round = 0; round < 300; round++) {
    const sequence = new Sequence();
    let lost = 0, restarts = 0, now = 0;
    const near = random.int(2 ** 32);
    for (let i = 0; i < 200; i++) {
      now += random.int(500);
      take(sequence, {
        sequence: random.pick([near, 0, 2 ** 31, random.int(2 ** 32), near + random.int(1000)]),
        count: random.pick([0, 1, 30, random.int(60)]),
        uptime: random.pick([0, now, random.int(2 ** 32)]),
        at: now,
      });
      if (random.int(4) === 0) sequence.settle(now);
      assert(sequence.lost >= lost && Number.isSafeInteger(sequence.lost));
      assert(sequence.restarts >= restarts && sequence.restarts <= i);
      ({ lost, restarts } = sequence);
    }
  }
});

interface Sent {
  readonly sequence: number;
  readonly count: number;
  /** When it was sent, and when it comes. */
  readonly sent: number;
  readonly at: number;
}

/** Datagrams that are sent one after the other, and each comes by so much later. */
function stream(random: Random, length: number, maxDelay: number): Sent[] {
  let sequence = random.int(2) === 0 ? random.int(2 ** 32) : 2 ** 32 - random.int(1000), sent = 0;
  return Array.from({ length }, (_, i) => {
    const count = 1 + random.int(30);
    // The first comes first: what was before it is not known to be missing.
    const datagram = { sequence, count, sent, at: sent + (i === 0 ? 0 : random.int(maxDelay)) };
    sequence = (sequence + count) >>> 0;
    sent += 150 + random.int(100);
    return datagram;
  });
}

property(
  "What is lost is what was dropped in the middle of a stream, in whatever order the rest comes",
  (random) => {
    for (let round = 0; round < 500; round++) {
      const all = stream(random, 200, random.pick([1, 200, 700, 1200]));
      const percent = random.pick([0, 1, 10, 40]);
      const isKept = all.map((_, i) => i === 0 || i === all.length - 1 || random.int(100) >= percent);
      const dropped = all.filter((_, i) => !isKept[i]).reduce((sum, { count }) => sum + count, 0);
      const received = all.filter((_, i) => isKept[i]).sort((a, b) => a.at - b.at || a.sent - b.sent);
      const sequence = new Sequence();
      for (const { sent, ...datagram } of received) {
        take(sequence, { ...datagram, uptime: sent });
        if (random.int(10) === 0) sequence.settle(datagram.at);
      }
      sequence.settle(Infinity);
      assert.deepEqual([sequence.lost, sequence.restarts], [dropped, 0], `round ${round}`);
    }
  },
);
