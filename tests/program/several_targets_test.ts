import assert from "node:assert/strict";
import type { Literal } from "../../core/node.ts";
import { nextTurn } from "../../core/work.ts";
import { familiesOf } from "../../metrics/exposition.ts";
import { targetsOf } from "../../program/plan.ts";
import { SeveralTargets } from "../../program/several_targets.ts";
import { samplesOf, textOf } from "../helpers/pipelines.ts";
import { withFakeSchedule } from "../helpers/timers.ts";
import { Houses } from "./houses.ts";

const NEVER = new AbortController().signal;

/** The collector at work on its houses. */
class Street implements AsyncDisposable {
  readonly running: SeveralTargets;

  constructor(
    readonly houses: Houses,
    names: readonly string[],
    rest: { readonly [key: string]: Literal } = {},
  ) {
    const plan = houses.planOf({ collectors: { houses: { houses: names } }, ...rest });
    const [pipeline] = plan.pipelines;
    this.running = new SeveralTargets(pipeline!, targetsOf(houses.collector, plan.values), plan);
  }

  async start(): Promise<this> {
    await this.running.start();
    return this;
  }

  async collect(): Promise<Record<string, number>> {
    await this.running.collect(NEVER);
    return this.shown;
  }

  get shown(): Record<string, number> {
    const families = this.running.rules.flatMap((rule) => familiesOf(rule, "text"));
    return Object.fromEntries(samplesOf(textOf(families)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.running.stop();
  }
}

/** What a house shows that has a hall and no more, in its n-th pass. */
function hallOf(house: string, passes = 1): Record<string, number> {
  return {
    [`house_rooms{house="${house}",room="hall"}`]: 1,
    [`house_rings_total{house="${house}"}`]: passes,
    [`house_open{house="${house}"}`]: 1,
  };
}

Deno.test("the targets of a collector are shown together, each with its label", async () => {
  await using street = await new Street(new Houses(), ["red", "blue"]).start();
  assert.deepEqual(await street.collect(), { ...hallOf("red"), ...hallOf("blue") });
  assert.equal(street.running.status.success, true);
});

Deno.test("each target is opened once, with its own settings", async () => {
  const houses = new Houses();
  await using _street = await new Street(houses, ["red", "blue"]).start();
  assert.deepEqual(
    ["red", "blue"].map((name) => houses.of(name)).map(({ opened, settings }) => [opened, settings]),
    [
      [1, { enabled: true, houses: ["red"], windows: 4 }],
      [1, { enabled: true, houses: ["blue"], windows: 4 }],
    ],
  );
});

Deno.test("each target has its own interval", () =>
  withFakeSchedule(async (schedule) => {
    const houses = new Houses({ intervals: { red: 10, blue: 25 } });
    await using _street = await new Street(houses, ["red", "blue"]).start();
    const passes = async (seconds: number) => {
      await nextTurn();
      await schedule.pass(1000 * seconds);
      return ["red", "blue"].map((name) => houses.of(name).passes);
    };
    assert.deepEqual([await passes(0), await passes(10), await passes(10), await passes(10)], [
      [1, 1],
      [2, 1],
      [3, 1],
      [4, 2],
    ]);
  }));

Deno.test("a target that fails loses its own snapshots only, and shows its status", () =>
  withFakeSchedule(async (schedule) => {
    const houses = new Houses({ intervals: { red: 10, blue: 10 } });
    await using street = await new Street(houses, ["red", "blue"]).start();
    await street.collect();
    houses.of("red").error = new Error("It burns");
    await schedule.pass(10_000);
    await nextTurn();
    const lost = { 'house_rings_total{house="red"}': 2, 'house_open{house="red"}': 0 };
    assert.deepEqual(await street.collect(), { ...lost, ...hallOf("blue", 2) });
    houses.of("red").error = undefined;
    await schedule.pass(10_000);
    await nextTurn();
    assert.deepEqual(await street.collect(), { ...hallOf("red", 3), ...hallOf("blue", 3) });
  }));

Deno.test("the status and the log name the target that fails", async () => {
  const houses = new Houses();
  houses.of("blue").error = new Error("It burns");
  await using street = await new Street(houses, ["red", "blue"]).start();
  await street.collect();
  const { name, success, lastError } = street.running.status;
  assert.deepEqual([name, success, lastError], ["houses", false, "blue: It burns"]);
  assert.deepEqual(houses.logged, [
    'level=error msg="The collector failed" house=blue collector=houses error="It burns"',
  ]);
});

Deno.test("the status adds up what the targets tell", async () => {
  const houses = new Houses();
  houses.of("red").rooms = ["hall", "attic"];
  await using street = await new Street(houses, ["red", "blue"]).start();
  await street.collect();
  const { problems, qualities, lastError } = street.running.status;
  assert.deepEqual([[...problems], [...qualities], lastError], [[["dark", 0]], [["clean", false]], ""]);
});

const MANY = ["a", "b", "c", "d", "e", "f", "g", "h"];

Deno.test("the targets share the budget of a rule", async () => {
  const houses = new Houses();
  for (const name of ["red", "blue"]) houses.of(name).rooms = MANY;
  const rules = [{ name: "house_rooms", max_series: 6 }];
  await using street = await new Street(houses, ["red", "blue"], { rules }).start();
  const rooms = Object.entries(await street.collect()).filter(([series]) => series.startsWith("house_rooms"));
  assert.deepEqual(Object.fromEntries(rooms), {
    'house_rooms{house="other",room="other"}': 12,
    ...Object.fromEntries(
      ["red", "blue"].flatMap((house) =>
        ["a", "b"].map((room) => [`house_rooms{house="${house}",room="${room}"}`, 1])
      ),
    ),
  });
});

Deno.test("what is folded and what is the same of several targets adds up", async () => {
  const houses = new Houses();
  houses.of("red").rooms = MANY;
  houses.of("blue").rooms = MANY.slice(0, 5);
  const rules = [{ name: "mine", source: "rooms", value: "seats", labels: ["room"], max_series: 6 }];
  await using street = await new Street(houses, ["red", "blue"], { rules }).start();
  const mine = Object.entries(await street.collect()).filter(([series]) => series.startsWith("mine"));
  assert.deepEqual(Object.fromEntries(mine), {
    'mine{room="a"}': 4,
    'mine{room="b"}': 4,
    'mine{room="other"}': 12 + 6,
  });
  const [rule] = street.running.rules.filter(({ options }) => options.name === "mine");
  assert.equal(rule!.folded, 6 + 3);
});

Deno.test("a target that is slow at first does not hold a scrape for longer than a second", () =>
  withFakeSchedule(async (schedule) => {
    const houses = new Houses(), gate = Promise.withResolvers<void>();
    houses.of("red").gate = gate.promise;
    await using street = await new Street(houses, ["red", "blue"]).start();
    let isOver = false;
    const first = street.collect().finally(() => isOver = true);
    await schedule.pass(999);
    await nextTurn();
    assert.equal(isOver, false);
    await schedule.pass(1);
    // The counter of a stream begins at nothing.
    const { 'house_rings_total{house="red"}': _, ...shown } = await first;
    assert.deepEqual([shown, street.running.status.success], [hallOf("blue"), undefined]);
    gate.resolve();
    await nextTurn();
    assert.deepEqual(await street.collect(), { ...hallOf("red"), ...hallOf("blue") });
  }));

Deno.test("a target that is slow later does not hold a scrape, which shows what there was", () =>
  withFakeSchedule(async (schedule) => {
    const houses = new Houses({ intervals: { red: 10 } });
    await using street = await new Street(houses, ["red", "blue"]).start();
    const before = await street.collect();
    houses.of("red").gate = new Promise(() => {});
    await schedule.pass(10_000);
    assert.deepEqual([houses.of("red").passes, await street.collect()], [2, before]);
  }));

Deno.test("what no target has taken anew is not merged anew", async () => {
  await using street = await new Street(new Houses(), ["red", "blue"]).start();
  const views = async () => {
    await street.collect();
    const { rules } = street.running;
    return rules.filter(({ options }) => options.source.kind === "snapshot").map(({ view }) => view);
  };
  const [before, after] = [await views(), await views()];
  for (const [i, view] of before.entries()) assert.equal(after[i], view);
});

Deno.test("no target shows nothing and fails nothing", async () => {
  await using street = await new Street(new Houses(), []).start();
  assert.deepEqual([await street.collect(), street.running.status.lastError], [{}, ""]);
});

Deno.test("stop() closes every target, though one hangs", async () => {
  const houses = new Houses();
  houses.of("red").gate = new Promise(() => {});
  const street = await new Street(houses, ["red", "blue"]).start();
  await street.running.stop();
  assert.deepEqual(["red", "blue"].map((name) => houses.of(name).closed), [1, 1]);
});
