import assert from "node:assert/strict";
import { Runner } from "../../collectors/runner.ts";
import type { Collector, Context, Source } from "../../core/collector.ts";
import { InterfaceNames } from "../../core/interface_names.ts";
import { Log } from "../../core/log.ts";
import { recordType } from "../../core/record.ts";
import { nextTurn } from "../../core/work.ts";
import { compileRules } from "../../metrics/compile.ts";
import { mergeRules } from "../../metrics/merge_rules.ts";
import { Pipeline } from "../../metrics/pipeline.ts";
import { Problems } from "../../core/node.ts";
import { seriesOf } from "../helpers/pipelines.ts";
import { withFakeSchedule } from "../helpers/timers.ts";

const THINGS = recordType({
  name: "things",
  kind: "snapshot",
  help: "",
  fields: { n: { type: "number", help: "" } },
});
const EVENTS = recordType({
  name: "events",
  kind: "stream",
  help: "",
  fields: { n: { type: "number", help: "" } },
});
/** Tells of the source itself. */
const STATUS = recordType({
  name: "status",
  kind: "snapshot",
  isStatus: true,
  help: "",
  fields: { up: { type: "number", help: "" } },
});
const NEVER = new AbortController().signal;

/**
 * A runner of a source that the test makes; with an interval in seconds it does not follow the scrapes, unless the
 * schedule says so.
 */
function runnerOf(open: (context: Context) => Source, interval?: number, schedule?: Collector["schedule"]) {
  const collector: Collector = {
    name: "test",
    help: "",
    enabled: true,
    schedule: interval === undefined ? "scrape" : "interval",
    privileges: [],
    records: [THINGS, EVENTS, STATUS],
    rules: [
      { name: "things", source: "things", labels: ["n"] },
      { name: "all_things", source: "things" },
      { name: "events_total", source: "events" },
      { name: "is_up", source: "status", value: "up" },
    ],
    settings: {},
    reasons: ["odd"],
    checks: ["whole", "fresh"],
    open: (_, context) => open(context),
  };
  const pipeline = new Pipeline(collector), problems = new Problems(), lines: string[] = [];
  compileRules(
    mergeRules(collector.rules, undefined, problems),
    { ...pipeline, lookups: new Map() },
    problems,
  );
  assert.deepEqual(problems.lines(), []);
  const log = new Log({ level: "info", format: "logfmt", write: (line) => lines.push(line) });
  const paths = { procfs: "/proc", sysfs: "/sys" };
  const runner = new Runner({
    collector,
    settings: {},
    ledger: pipeline,
    paths,
    log,
    interfaceNames: new InterfaceNames(),
    interval: interval ?? 3600,
    ...(schedule && { schedule }),
  });
  const rows = (name: string) => pipeline.rules.find(({ options }) => options.name === name)!.view;
  const shown = () => Object.fromEntries(seriesOf(pipeline));
  return { runner, lines, rows, shown };
}

/** Work of one piece. */
function* piece(action: () => void): Iterable<void> {
  action();
  yield;
}

/** Lets the time that the runner sees go by. */
async function after(ms: number, action: () => Promise<void>): Promise<void> {
  const { now } = performance;
  performance.now = () => now.call(performance) + ms;
  try {
    await action();
  } finally {
    performance.now = now;
  }
}

function emit(context: Context, type: typeof THINGS | typeof EVENTS, n: number): void {
  const sink = context.sink(type);
  sink.row[type.at.n] = n;
  sink.emit();
}

function emitUp(context: Context, up: number): void {
  const sink = context.sink(STATUS);
  sink.row[STATUS.at.up] = up;
  sink.emit();
}

Deno.test("collect() takes a snapshot", async () => {
  const { runner, rows } = runnerOf((context) => ({
    snapshot: () =>
      piece(() => {
        for (let n = 0; n < 3; n++) emit(context, THINGS, n);
      }),
  }));
  await runner.collect(NEVER);
  assert.equal(rows("things").rows, 3);
  assert.equal(runner.success, true);
});

Deno.test("collect() shares the pass that is under way", async () => {
  let passes = 0;
  const { runner } = runnerOf(() => ({
    async *snapshot() {
      passes++;
      yield await Promise.resolve();
    },
  }));
  await Promise.all([runner.collect(NEVER), runner.collect(NEVER), runner.collect(NEVER)]);
  assert.equal(passes, 1);
});

Deno.test("collect() takes no snapshot anew within a second", async () => {
  let passes = 0;
  const { runner } = runnerOf(() => ({
    snapshot: () =>
      piece(() => {
        passes++;
      }),
  }));
  await runner.collect(NEVER);
  await runner.collect(NEVER);
  assert.equal(passes, 1);
  await after(1000, () => runner.collect(NEVER));
  assert.equal(passes, 2);
});

Deno.test("a pass that throws leaves no series, and the next one is shown again", async () => {
  let isBroken = false;
  const { runner, rows, lines } = runnerOf((context) => ({
    snapshot: () =>
      piece(() => {
        emit(context, THINGS, 1);
        if (isBroken) throw new Error("It broke");
      }),
  }));
  await runner.collect(NEVER);
  isBroken = true;
  await after(1000, () => runner.collect(NEVER));
  assert.equal(rows("things").rows, 0);
  assert.equal(runner.success, false);
  assert.equal(runner.lastError, "It broke");
  isBroken = false;
  await after(2000, () => runner.collect(NEVER));
  assert.equal(rows("things").rows, 1);
  assert.equal(runner.success, true);
  assert.deepEqual(lines.map((line) => line.replace(/^ts=\S+ /, "")), [
    'level=error msg="The collector failed" collector=test error="It broke"\n',
    'level=info msg="The collector works again" collector=test\n',
  ]);
});

Deno.test("a failure that stays is logged once", async () => {
  const { runner, lines } = runnerOf(() => ({
    snapshot: () =>
      piece(() => {
        throw new Error("It broke");
      }),
  }));
  await runner.collect(NEVER);
  await after(1000, () => runner.collect(NEVER));
  assert.equal(lines.length, 1);
});

Deno.test("collect() does not wait for a source that hangs longer than the signal says", async () => {
  const hanging = Promise.withResolvers<void>();
  const { runner, rows } = runnerOf((context) => ({
    async *snapshot() {
      emit(context, THINGS, 1);
      yield await hanging.promise;
    },
  }));
  const deadline = new AbortController();
  const collected = runner.collect(deadline.signal);
  deadline.abort(new Error("It is late"));
  await collected;
  await runner.stop();
  assert.equal(rows("things").rows, 0);
  assert.equal(runner.lastError, "It is late");
  hanging.resolve();
});

Deno.test("a source that still hangs is not asked again until it has ended", async () => {
  let passes = 0;
  const hanging = Promise.withResolvers<void>();
  const { runner, rows } = runnerOf((context) => ({
    async *snapshot() {
      emit(context, THINGS, passes++);
      yield await hanging.promise;
      emit(context, THINGS, 100);
    },
  }));
  const deadline = new AbortController();
  const collected = runner.collect(deadline.signal);
  deadline.abort(new Error("It is late"));
  await collected;
  await after(1000, () => runner.collect(NEVER));
  assert.equal(passes, 1);
  assert.equal(runner.lastError, "The pass before has not ended yet");
  hanging.resolve();
  await new Promise((resolve) => setTimeout(resolve));
  await after(2000, () => runner.collect(NEVER));
  assert.equal(rows("things").rows, 2);
  await runner.stop();
});

Deno.test("start() takes the first snapshot of a collector with an interval", async () => {
  const { runner, rows } = runnerOf((context) => ({
    snapshot: () =>
      piece(() => {
        emit(context, THINGS, 1);
      }),
  }), 3600);
  runner.start();
  await runner.collect(NEVER);
  assert.equal(rows("things").rows, 1);
  await runner.stop();
});

/** A source whose passes end when that is said. */
class Slow {
  readonly #passes: PromiseWithResolvers<void>[] = [];

  get passes(): number {
    return this.#passes.length;
  }

  /** Ends the pass that began last. */
  async end(): Promise<void> {
    this.#passes.at(-1)!.resolve();
    // What follows may give the event loop its turns.
    for (let i = 0; i < 3; i++) await nextTurn();
  }

  open = (context: Context): Source => {
    const passes = this.#passes;
    return {
      async *snapshot() {
        const pass = Promise.withResolvers<void>();
        passes.push(pass);
        emit(context, THINGS, passes.length);
        yield await pass.promise;
      },
    };
  };
}

const DELAYED = 'level=warn msg="A pass takes longer than the interval between passes" collector=test';

function told(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/^ts=\S+ /, "").trimEnd());
}

Deno.test("start() takes a snapshot in every interval", () =>
  withFakeSchedule(async (schedule) => {
    const slow = new Slow(), { runner, lines } = runnerOf(slow.open, 10);
    runner.start();
    for (let passes = 1; passes <= 4; passes++) {
      assert.equal(slow.passes, passes);
      await slow.end();
      await schedule.pass(9999);
      assert.equal(slow.passes, passes);
      await schedule.pass(1);
    }
    assert.deepEqual(lines, []);
    await runner.stop();
  }));

Deno.test("start() begins no snapshot and says so when the one before takes longer than the interval", () =>
  withFakeSchedule(async (schedule) => {
    const slow = new Slow(), { runner, rows, lines } = runnerOf(slow.open, 10);
    runner.start();
    await schedule.pass(25_000);
    assert.deepEqual([slow.passes, runner.success], [1, undefined]);
    assert.deepEqual(told(lines), [`${DELAYED} interval=10`, `${DELAYED} interval=10`]);
    await slow.end();
    assert.deepEqual([rows("things").rows, runner.success], [1, true]);
    await schedule.pass(4999);
    assert.equal(slow.passes, 1);
    await schedule.pass(1);
    assert.equal(slow.passes, 2);
    assert.equal(lines.length, 2);
    await runner.stop();
  }));

for (
  const { interval, longest } of [
    { interval: 1, longest: 120 },
    { interval: 60, longest: 120 },
    { interval: 119, longest: 120 },
    { interval: 121, longest: 121 },
    { interval: 600, longest: 600 },
  ]
) {
  Deno.test(`a pass is given up after ${longest} s when the interval is ${interval} s`, () =>
    withFakeSchedule(async (schedule) => {
      const slow = new Slow(), { runner, rows } = runnerOf(slow.open, interval);
      runner.start();
      await schedule.pass(1000 * longest - 1);
      assert.deepEqual([slow.passes, runner.success], [1, undefined]);
      await schedule.pass(1);
      assert.deepEqual([runner.success, runner.lastError], [false, "Signal timed out."]);
      assert.equal(rows("things").rows, 0);
      await slow.end();
      const before = slow.passes;
      await schedule.pass(1000 * interval);
      assert.equal(slow.passes, before + 1);
      await slow.end();
      assert.deepEqual([rows("things").rows, runner.success], [1, true]);
      await runner.stop();
    }));
}

Deno.test("collect() shows what a stream has brought", async () => {
  const { runner, rows } = runnerOf((context) => ({
    async *stream(signal) {
      for (let n = 0; n < 5; n++) emit(context, EVENTS, n);
      yield;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
  }));
  runner.start();
  await new Promise((resolve) => setTimeout(resolve));
  await runner.collect(NEVER);
  assert.deepEqual([...rows("events_total").values], [5]);
  assert.equal(runner.success, true);
  await runner.stop();
});

Deno.test("collect() shows the records of a stream that a pass has brought", async () => {
  const { runner, rows } = runnerOf((context) => ({ snapshot: () => piece(() => emit(context, EVENTS, 1)) }));
  await runner.collect(NEVER);
  await after(1000, () => runner.collect(NEVER));
  assert.deepEqual([...rows("events_total").values], [2]);
});

Deno.test("a problem is counted and logged", async () => {
  const { runner, lines } = runnerOf((context) => ({
    snapshot: () =>
      piece(() => {
        context.problem("odd", { count: 3, line: 7 });
      }),
  }));
  await runner.collect(NEVER);
  assert.deepEqual([...runner.problems], [["odd", 3]]);
  assert.match(lines[0]!, /msg="Data are missing" collector=test reason=odd count=3 line=7\n$/);
  assert.equal(runner.success, true);
});

Deno.test("a problem for a reason that is not declared is a failure", async () => {
  const { runner } = runnerOf((context) => ({
    snapshot: () =>
      piece(() => {
        context.problem("even");
      }),
  }));
  await runner.collect(NEVER);
  assert.equal(runner.lastError, 'Cannot count a problem: test has no reason "even"');
});

Deno.test("a quality is told by check, as it was told last", async () => {
  let isWhole = false;
  const { runner, lines } = runnerOf((context) => ({
    snapshot: () => piece(() => context.quality("whole", isWhole)),
  }));
  assert.deepEqual([...runner.qualities], []);
  await runner.collect(NEVER);
  assert.deepEqual([...runner.qualities], [["whole", false]]);
  isWhole = true;
  await after(1000, () => runner.collect(NEVER));
  assert.deepEqual([...runner.qualities], [["whole", true]]);
  assert.equal(runner.success, true);
  assert.deepEqual(lines, []);
});

Deno.test("a quality by a check that is not declared is a failure", async () => {
  const { runner } = runnerOf((context) => ({
    snapshot: () => piece(() => context.quality("pretty", true)),
  }));
  await runner.collect(NEVER);
  assert.equal(runner.lastError, 'Cannot tell a quality: test has no check "pretty"');
  assert.deepEqual([...runner.qualities], []);
});

Deno.test("a scrape that does not wait long fails no other that does", async () => {
  const steps = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let passes = 0;
  const { runner, rows } = runnerOf((context) => ({
    async *snapshot() {
      const pass = passes++;
      emit(context, THINGS, pass);
      yield await steps[pass]!.promise;
    },
  }));
  const hasty = new AbortController();
  const first = runner.collect(hasty.signal), second = runner.collect(NEVER);
  hasty.abort(new Error("It is late"));
  steps[0]!.resolve();
  steps[1]!.resolve();
  await Promise.all([first, second]);
  assert.equal(passes, 2);
  assert.equal(rows("things").rows, 1);
  assert.equal(runner.success, true);
});

Deno.test("a stream that is open is a success although nothing comes", async () => {
  const { runner } = runnerOf(() => ({
    async *stream(signal) {
      yield;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
  }));
  runner.start();
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(runner.success, true);
  const before = runner.lastSuccessSeconds;
  await runner.collect(NEVER);
  assert.ok(runner.lastSuccessSeconds >= before);
  await runner.stop();
});

Deno.test("a stream that works does not hide a snapshot that fails", async () => {
  const { runner, lines } = runnerOf(() => ({
    snapshot: () =>
      piece(() => {
        throw new Error("It broke");
      }),
    async *stream(signal) {
      yield;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
  }));
  runner.start();
  await runner.collect(NEVER);
  await after(1000, () => runner.collect(NEVER));
  assert.equal(runner.success, false);
  assert.equal(runner.lastError, "It broke");
  assert.equal(lines.length, 1);
  await runner.stop();
});

Deno.test("stop() closes the source", async () => {
  let isClosed = false;
  const { runner } = runnerOf(() => ({ close: () => isClosed = true }));
  runner.start();
  await runner.stop();
  assert.equal(isClosed, true);
});

/** A source that is broken when that is said, and then tells so; a pass also brings an event. */
class Breaking {
  error: Error | undefined;
  readonly told: unknown[] = [];

  open = (context: Context): Source => ({
    snapshot: () =>
      piece(() => {
        emitUp(context, 1);
        emit(context, EVENTS, 1);
        for (let n = 0; n < 2; n++) emit(context, THINGS, n);
        if (this.error) throw this.error;
      }),
    failed: (error) =>
      piece(() => {
        this.told.push(error);
        emitUp(context, 0);
      }),
  });
}

const GOOD = { 'things{n="0"}': 1, 'things{n="1"}': 1, all_things: 2, is_up: 1 };

Deno.test("a source is told why its pass failed", async () => {
  const breaking = new Breaking(), { runner } = runnerOf(breaking.open);
  await runner.collect(NEVER);
  assert.deepEqual(breaking.told, []);
  breaking.error = new Error("It broke");
  await after(1000, () => runner.collect(NEVER));
  assert.deepEqual(breaking.told, [breaking.error]);
});

Deno.test("of a pass that failed its status is shown, and of other snapshots nothing, not even 0", async () => {
  const breaking = new Breaking(), { runner, shown } = runnerOf(breaking.open);
  await runner.collect(NEVER);
  assert.deepEqual(shown(), { ...GOOD, events_total: 1 });
  breaking.error = new Error("It broke");
  await after(1000, () => runner.collect(NEVER));
  const { events_total, ...snapshots } = shown();
  assert.deepEqual([snapshots, events_total], [{ is_up: 0 }, 2]);
  assert.deepEqual([runner.success, runner.lastError], [false, "It broke"]);
});

Deno.test("a pass that succeeds shows all again after one that failed", async () => {
  const breaking = new Breaking(), { runner, shown } = runnerOf(breaking.open);
  breaking.error = new Error("It broke");
  await runner.collect(NEVER);
  breaking.error = undefined;
  await after(1000, () => runner.collect(NEVER));
  assert.deepEqual(shown(), { ...GOOD, events_total: 2 });
  assert.equal(runner.success, true);
});

Deno.test("a source that does not tell of its failures shows nothing of a pass that failed", async () => {
  const breaking = new Breaking();
  breaking.error = new Error("It broke");
  const { runner, shown } = runnerOf((context) => ({ snapshot: breaking.open(context).snapshot! }));
  await runner.collect(NEVER);
  assert.deepEqual(shown(), { events_total: 1 });
});

Deno.test("a source that cannot tell of its failure shows nothing, and goes on", async () => {
  let isBroken = true;
  const { runner, shown, lines } = runnerOf((context) => ({
    snapshot: () =>
      piece(() => {
        emitUp(context, 1);
        if (isBroken) throw new Error("It broke");
      }),
    failed: () =>
      piece(() => {
        emitUp(context, 0);
        throw new Error("It broke again");
      }),
  }));
  await runner.collect(NEVER);
  assert.deepEqual(shown(), { events_total: 0 });
  assert.equal(runner.lastError, "It broke");
  assert.match(lines[1]!, /msg="The failure cannot be shown" collector=test error="It broke again"\n$/);
  isBroken = false;
  await after(1000, () => runner.collect(NEVER));
  assert.deepEqual(shown(), { all_things: 0, events_total: 0, is_up: 1 });
});

Deno.test("a source is told of no failure when the exporter stops", async () => {
  const told: unknown[] = [], hanging = Promise.withResolvers<void>();
  const { runner } = runnerOf(() => ({
    async *snapshot() {
      yield await hanging.promise;
    },
    failed: (error) => piece(() => told.push(error)),
  }), 10);
  runner.start();
  const stopped = runner.stop();
  hanging.resolve();
  await stopped;
  await nextTurn();
  assert.deepEqual(told, []);
  assert.equal(runner.success, undefined);
});

/** A source whose pass goes on when that is said, whether it was given up or not. */
class Stubborn {
  readonly told: unknown[] = [];
  readonly go = Promise.withResolvers<void>();

  open = (context: Context): Source => ({
    snapshot: () => this.#snapshot(context),
    failed: (error) =>
      piece(() => {
        this.told.push(error);
        emitUp(context, 0);
      }),
  });

  async *#snapshot(context: Context): AsyncIterable<void> {
    await this.go.promise;
    emitUp(context, 1);
    emit(context, THINGS, 7);
    yield;
  }
}

Deno.test("what a pass that was given up still writes is not shown with the status of its failure", async () => {
  const stubborn = new Stubborn(),
    { runner, shown } = runnerOf(stubborn.open),
    deadline = new AbortController();
  const collected = runner.collect(deadline.signal);
  deadline.abort(new Error("It is late"));
  // Soon enough to be waited for.
  setTimeout(() => stubborn.go.resolve(), 10);
  await collected;
  assert.deepEqual(shown(), { events_total: 0, is_up: 0 });
  assert.deepEqual(stubborn.told.map((error) => (error as Error).message), ["It is late"]);
});

Deno.test("a pass that was given up and goes on for long is not shown, nor is a status beside it", async () => {
  const stubborn = new Stubborn(),
    { runner, shown } = runnerOf(stubborn.open),
    deadline = new AbortController();
  const collected = runner.collect(deadline.signal);
  deadline.abort(new Error("It is late"));
  await collected;
  stubborn.go.resolve();
  await nextTurn();
  assert.deepEqual(stubborn.told, []);
  assert.deepEqual([shown(), runner.success], [{ events_total: 0 }, false]);
  await after(1000, () => runner.collect(NEVER));
  assert.deepEqual(shown(), { 'things{n="7"}': 1, all_things: 1, events_total: 0, is_up: 1 });
});

Deno.test("a schedule of its own lets a collector with an interval follow the scrapes", async () => {
  let passes = 0;
  const { runner } = runnerOf(() => ({ snapshot: () => piece(() => passes++) }), 10, "scrape");
  await withFakeSchedule(async (schedule) => {
    runner.start();
    await schedule.pass(100_000);
    assert.equal(passes, 0);
  });
  await runner.collect(NEVER);
  await after(1000, () => runner.collect(NEVER));
  assert.equal(passes, 2);
  await runner.stop();
});

Deno.test("a schedule of its own lets a collector that follows the scrapes keep an interval", () =>
  withFakeSchedule(async (schedule) => {
    let passes = 0;
    const { runner } = runnerOf(() => ({ snapshot: () => piece(() => passes++) }), undefined, "interval");
    runner.start();
    await schedule.pass(3_600_000);
    await runner.collect(NEVER);
    assert.equal(passes, 2);
    await runner.stop();
  }));
