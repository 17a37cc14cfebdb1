import assert from "node:assert/strict";
import { ProbeError } from "../../core/collector.ts";
import type { Value } from "../../core/enricher.ts";
import type { Literal } from "../../core/node.ts";
import { nextTurn } from "../../core/work.ts";
import { familiesOf } from "../../metrics/exposition.ts";
import type { Plan } from "../../program/plan.ts";
import { Probes } from "../../program/probes.ts";
import type { Scraped } from "../../server/scrape.ts";
import { samplesOf, textOf } from "../helpers/pipelines.ts";
import { type FakeSchedule, withFakeSchedule } from "../helpers/timers.ts";
import { Houses } from "./houses.ts";

const NEVER = new AbortController().signal;
const MAX_TARGETS = 256, MAX_IDLE_MS = 600_000, PERIOD_MS = 30_000;

/** Probes of houses that are not configured. */
class Street implements AsyncDisposable {
  readonly probes: Probes;

  constructor(readonly houses = new Houses(), configured: Literal = {}, change = (plan: Plan) => plan) {
    this.probes = new Probes(change(houses.planOf(configured)));
  }

  open(name: string): Promise<Scraped> {
    return this.probes.open(new URLSearchParams({ target: name }));
  }

  async probe(name: string): Promise<Record<string, number>> {
    const probed = await this.open(name);
    await probed.collect(NEVER);
    return shownOf(probed);
  }

  /** Why somebody may not ask. */
  async refusal(query: string): Promise<readonly [status: number, message: string]> {
    try {
      await this.probes.open(new URLSearchParams(query));
    } catch (error) {
      if (error instanceof ProbeError) return [error.status, error.message];
      throw error;
    }
    assert.fail("Nobody was refused");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.probes.close();
  }
}

function shownOf({ rules }: Scraped): Record<string, number> {
  return Object.fromEntries(samplesOf(textOf(rules.flatMap((rule) => familiesOf(rule, "text")))));
}

/** A clock that goes when that is said. */
class Clock implements Disposable {
  readonly #now = performance.now;
  #passed = 0;

  constructor(readonly schedule: FakeSchedule) {
    performance.now = () => this.#now.call(performance) + this.#passed;
  }

  /** Lets time go by until just after what is due every half a minute. */
  async pass(milliseconds: number): Promise<void> {
    this.#passed += milliseconds;
    await this.schedule.pass(PERIOD_MS);
    await nextTurn();
  }

  [Symbol.dispose](): void {
    performance.now = this.#now;
  }
}

function withClock(body: (clock: Clock) => Promise<void>): Promise<void> {
  return withFakeSchedule(async (schedule) => {
    using clock = new Clock(schedule);
    await body(clock);
  });
}

const HALL = { 'house_rooms{room="hall"}': 1, house_open: 1 };

Deno.test("a target that is asked about shows its own series, without its label", async () => {
  const houses = new Houses();
  houses.of("blue").rooms = ["attic"];
  await using street = new Street(houses);
  assert.deepEqual(await street.probe("red"), { ...HALL, house_rings_total: 1 });
  assert.deepEqual(await street.probe("blue"), {
    'house_rooms{room="attic"}': 1,
    house_open: 1,
    house_rings_total: 1,
  });
});

Deno.test("a target that is asked about has no label though several are configured", async () => {
  const houses = new Houses();
  await using street = new Street(houses, { collectors: { houses: { houses: ["green", "blue"] } } });
  assert.deepEqual(await street.probe("red"), { ...HALL, house_rings_total: 1 });
  assert.deepEqual([houses.of("green").opened, houses.of("blue").opened], [0, 0]);
});

Deno.test("a target that is asked about is counted by the rules and filters of the user, with the whole budget", async () => {
  const houses = new Houses();
  houses.of("red").rooms = ["a", "b", "c", "d", "e"];
  await using street = new Street(houses, {
    collectors: { houses: { houses: ["green", "blue"] } },
    rules: [
      { name: "house_rooms", max_series: 4 },
      { name: "house_open", enabled: false },
      { name: "house_rings_total", enabled: false },
      { name: "seats", source: "rooms", value: "seats" },
    ],
    filters: { rooms: { not: { match: "room", is: "a" } } },
  });
  assert.deepEqual(await street.probe("red"), {
    'house_rooms{room="b"}': 1,
    'house_rooms{room="c"}': 1,
    'house_rooms{room="d"}': 1,
    'house_rooms{room="e"}': 1,
    seats: 8,
  });
});

Deno.test("a target that is asked about gets its settings and tells its status by the name of its collector", async () => {
  const houses = new Houses();
  await using street = new Street(houses, { collectors: { houses: { windows: 9 } } });
  const probed = await street.open("red");
  assert.deepEqual([probed.status.name, probed.status.success], ["houses", undefined]);
  await probed.collect(NEVER);
  assert.deepEqual([probed.status.success, houses.of("red").settings], [true, {
    windows: 9,
    houses: ["red"],
  }]);
});

Deno.test("a target that fails shows its status, and the log says which it is", async () => {
  const houses = new Houses();
  houses.of("red").error = new Error("It burns");
  await using street = new Street(houses);
  const probed = await street.open("red");
  await probed.collect(NEVER);
  assert.deepEqual(shownOf(probed), { house_open: 0, house_rings_total: 1 });
  assert.deepEqual([probed.status.success, probed.status.lastError], [false, "It burns"]);
  assert.deepEqual(houses.logged, [
    'level=error msg="The collector failed" probe=red collector=houses error="It burns"',
  ]);
});

Deno.test("a target that is asked about again is not opened again", () =>
  withClock(async (clock) => {
    const houses = new Houses(), red = houses.of("red");
    await using street = new Street(houses);
    await street.probe("red");
    await clock.pass(1000);
    assert.deepEqual(await street.probe("red"), { ...HALL, house_rings_total: 2 });
    assert.deepEqual([red.opened, red.passes, red.closed], [1, 2, 0]);
  }));

Deno.test("a target that nobody asks about is not looked at", () =>
  withClock(async (clock) => {
    const houses = new Houses();
    await using street = new Street(houses);
    await street.probe("red");
    await clock.pass(PERIOD_MS);
    assert.equal(houses.of("red").passes, 1);
  }));

Deno.test("those who ask about one target at a time share a pass", async () => {
  const houses = new Houses(), gate = Promise.withResolvers<void>();
  houses.of("red").gate = gate.promise;
  await using street = new Street(houses);
  const all = Array.from({ length: 5 }, () => street.probe("red"));
  await nextTurn();
  gate.resolve();
  for (const shown of await Promise.all(all)) assert.deepEqual(shown, { ...HALL, house_rings_total: 1 });
  assert.deepEqual([houses.of("red").opened, houses.of("red").passes], [1, 1]);
});

Deno.test("a target that nobody has asked about for ten minutes is let go, and opened anew later", () =>
  withClock(async (clock) => {
    const houses = new Houses(), red = houses.of("red");
    await using street = new Street(houses);
    await street.probe("red");
    await clock.pass(MAX_IDLE_MS - 1000);
    assert.equal(red.closed, 0);
    await clock.pass(1000);
    assert.equal(red.closed, 1);
    assert.deepEqual(await street.probe("red"), { ...HALL, house_rings_total: 1 });
    assert.equal(red.opened, 2);
  }));

Deno.test("a target that somebody asks about now is not let go, however long that takes", () =>
  withClock(async (clock) => {
    const houses = new Houses(), red = houses.of("red"), gate = Promise.withResolvers<void>();
    red.gate = gate.promise;
    await using street = new Street(houses);
    const asked = street.probe("red");
    await nextTurn();
    await clock.pass(2 * MAX_IDLE_MS);
    assert.equal(red.closed, 0);
    gate.resolve();
    await asked;
    await clock.pass(MAX_IDLE_MS - 1000);
    assert.equal(red.closed, 0);
  }));

const REFUSED: readonly { readonly query: string; readonly status: number; readonly message: string }[] = [
  { query: "", status: 400, message: "Which house?" },
  { query: "target=secret%20house", status: 403, message: "Not this one" },
];

for (const { query, status, message } of REFUSED) {
  Deno.test(`open() refuses "${query}" with ${status} when the collector does`, async () => {
    await using street = new Street();
    assert.deepEqual(await street.refusal(query), [status, message]);
  });
}

const NOBODY = [404, "No collector that runs can be asked about a target"] as const;

Deno.test("open() refuses with 404 when no collector can be asked", async () => {
  await using street = new Street(new Houses({ isClosed: true }));
  assert.deepEqual(await street.refusal("target=red"), NOBODY);
});

Deno.test("open() refuses with 404 when the collector does not run", async () => {
  await using street = new Street(new Houses(), { collectors: { houses: false } });
  assert.deepEqual(await street.refusal("target=red"), NOBODY);
});

/** Names of houses, as many as there may be. */
const MANY = Array.from({ length: MAX_TARGETS }, (_, i) => `house ${i}`);

Deno.test("open() refuses with 503 when 256 targets are being asked about, and not later", async () => {
  const houses = new Houses(), gate = Promise.withResolvers<void>();
  for (const name of MANY) houses.of(name).gate = gate.promise;
  await using street = new Street(houses);
  const all = MANY.map((name) => street.probe(name));
  await nextTurn();
  assert.deepEqual(await street.refusal("target=red"), [
    503,
    "More than 256 targets at a time are not asked",
  ]);
  assert.equal(houses.of("red").opened, 0);
  gate.resolve();
  await Promise.all(all);
  assert.deepEqual(await street.probe("red"), { ...HALL, house_rings_total: 1 });
});

Deno.test("the target that nobody has asked about for the longest makes room for one more", async () => {
  const houses = new Houses();
  await using street = new Street(houses);
  for (const name of MANY) await street.probe(name);
  await street.probe(MANY[0]!);
  await street.probe("red");
  await nextTurn();
  const closed = MANY.filter((name) => houses.of(name).closed > 0);
  assert.deepEqual(closed, [MANY[1]]);
});

Deno.test("close() stops all targets, though one hangs", async () => {
  const houses = new Houses(), street = new Street(houses), hanging = houses.of("blue");
  await street.probe("red");
  hanging.gate = new Promise(() => {});
  const asked = street.probe("blue");
  await nextTurn();
  await street.probes.close();
  assert.deepEqual([houses.of("red").closed, hanging.closed], [1, 1]);
  await asked;
});

/** An enricher that tells of changes when that is said, and how often somebody was told. */
class Changing {
  readonly #listeners: ((value?: Value) => void)[] = [];
  name = "before";
  told = 0;

  /** With this one in the place of `interface_mapper`, whose listeners of probed targets are seen. */
  in = (plan: Plan): Plan => ({
    ...plan,
    lookups: new Map([["interface_mapper", {
      outputs: ["name"],
      lookup: () => this.name,
      onChange: (listener) => this.#listeners.push(listener),
    }]]),
    pipelineOf: (collector, options) => {
      options.lookups?.get("interface_mapper")?.onChange?.(() => this.told++);
      return plan.pipelineOf(collector, options);
    },
  });

  get listeners(): number {
    return this.#listeners.length;
  }

  change(name: string): void {
    this.name = name;
    for (const listener of this.#listeners) listener();
  }
}

const ASKING = {
  rules: [{
    name: "house_rooms",
    labels: [{ name: "room", field: "seats", steps: ["interface_mapper"] }],
  }],
};

Deno.test("a target that is asked about hears of the changes of an enricher", () =>
  withClock(async (clock) => {
    const changing = new Changing();
    await using street = new Street(new Houses(), ASKING, changing.in);
    const before = await street.probe("red");
    changing.change("after");
    await clock.pass(1000);
    const after = await street.probe("red");
    assert.deepEqual(
      [before, after].map((shown) => Object.keys(shown).filter((name) => name.includes("rooms"))),
      [
        ['house_rooms{room="before"}'],
        ['house_rooms{room="after"}'],
      ],
    );
    assert.equal(changing.told, 1);
  }));

Deno.test("a target that was let go hears of no change any more, and others do", () =>
  withClock(async (clock) => {
    const changing = new Changing();
    await using street = new Street(new Houses(), ASKING, changing.in);
    await street.probe("red");
    await clock.pass(MAX_IDLE_MS);
    await street.probe("blue");
    changing.change("after");
    assert.equal(changing.told, 1);
  }));

Deno.test("an enricher has one listener, however many targets are asked about", async () => {
  const changing = new Changing();
  await using street = new Street(new Houses(), ASKING, changing.in);
  for (const name of ["red", "green", "blue"]) await street.probe(name);
  changing.change("after");
  assert.deepEqual([changing.listeners, changing.told], [1, 3]);
});
