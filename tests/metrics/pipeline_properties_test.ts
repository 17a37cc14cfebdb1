import assert from "node:assert/strict";
import { OTHER_ID } from "../../metrics/label.ts";
import { familiesOf } from "../../metrics/exposition.ts";
import type { Pipeline } from "../../metrics/pipeline.ts";
import { Oracle } from "../helpers/oracle.ts";
import {
  emit,
  expositionOf,
  pass,
  pipelineOf,
  type Plain,
  seriesOf,
  settle,
  textOf,
} from "../helpers/pipelines.ts";
import { property, type Random } from "../helpers/random.ts";
import {
  type PlainRule,
  randomGrouping,
  randomRecord,
  randomRule,
  SNAPSHOT,
  STREAM,
} from "../helpers/scenarios.ts";

const SCENARIOS = 150;

interface Scenario {
  readonly pipeline: Pipeline;
  readonly rules: readonly PlainRule[];
  readonly oracles: readonly Oracle[];
}

interface ScenarioOptions {
  readonly kind: PlainRule["kind"];
  readonly groups?: number;
  readonly ttl?: number;
}

/** A pipeline of a few random rules, some of which count in the same rows, and what they have to show. */
function randomScenario(random: Random, options: ScenarioOptions): Scenario {
  const { kind, groups = 1 + random.int(3) } = options;
  const rules = Array.from({ length: groups }, (_, g) => {
    const grouping = randomGrouping(random, options);
    const count = random.pick([1, 1, 2, 4]);
    return Array.from({ length: count }, (_, i) => randomRule(random, `metric_${g}_${i}`, grouping));
  }).flat();
  const pipeline = pipelineOf({ types: [typeOf(kind)], rules: rules.map(({ literal }) => literal) });
  const byGrouping = Map.groupBy(rules, keyOf);
  return { pipeline, rules, oracles: rules.map((rule) => new Oracle(rule, byGrouping.get(keyOf(rule)))) };
}

/** Random groupings may be the same by chance. */
function keyOf({ grouping }: PlainRule): string {
  return JSON.stringify(grouping);
}

function add({ pipeline, oracles }: Scenario, record: Plain): void {
  emit(pipeline, record);
  for (const oracle of oracles) oracle.add(record);
}

function begin({ pipeline, oracles }: Scenario): void {
  pipeline.begin();
  for (const oracle of oracles) oracle.begin();
}

function tick({ pipeline, oracles }: Scenario, seconds: number): void {
  pipeline.tick(seconds);
  for (const oracle of oracles) oracle.tick(seconds);
}

function check({ pipeline, rules, oracles }: Scenario): void {
  for (const [i, oracle] of oracles.entries()) {
    oracle.sweep();
    const shown = seriesOf({ rules: [pipeline.rules[i]!] });
    assert.deepEqual(sorted(shown), sorted(oracle.series()), JSON.stringify(rules[i]!.literal));
    assert.equal(pipeline.rules[i]!.folded, oracle.folded, JSON.stringify(rules[i]!.literal));
  }
}

function sorted(series: ReadonlyMap<string, number>): [string, number][] {
  return [...series].toSorted(([a], [b]) => a < b ? -1 : 1);
}

/** Several passes of a snapshot, or rounds of a stream whose clock goes on. */
function play(
  random: Random,
  scenario: Scenario,
  { before = () => {}, rounds = 4, clock = 1000 } = {},
): void {
  for (let i = 0; i < rounds; i++) {
    tick(scenario, clock += random.int(400));
    begin(scenario);
    for (let n = random.int(80); n > 0; n--) {
      before();
      add(scenario, randomRecord(random));
    }
    settle(scenario.pipeline);
    check(scenario);
  }
}

for (const kind of ["snapshot", "stream"] as const) {
  property(`a ${kind} shows what plain maps of its records have`, (random) => {
    for (let i = 0; i < SCENARIOS; i++) play(random, randomScenario(random, { kind }));
  });

  property(`a ${kind} shows the same when its vocabulary forgets`, (random) => {
    for (let i = 0; i < SCENARIOS; i++) {
      const scenario = randomScenario(random, { kind }), { vocabulary } = scenario.pipeline;
      Object.assign(vocabulary, { limit: random.int(20) });
      play(random, scenario, { before: () => vocabulary.forgetIfFull() });
    }
  });

  property(`a ${kind} shows the same when its labels forget what is in no row`, (random) => {
    for (let i = 0; i < SCENARIOS; i++) {
      const scenario = randomScenario(random, { kind });
      const labels = scenario.pipeline.rules.flatMap(({ group }) => group.labels);
      const limit = OTHER_ID + random.int(30);
      play(random, scenario, { before: () => labels.forEach((label) => label.limit = limit) });
    }
  });

  property(`the series of a ${kind} add up to the values of the records that pass the filter`, (random) => {
    for (let i = 0; i < SCENARIOS; i++) {
      const { pipeline, rules } = randomScenario(random, { kind, groups: 1 });
      const records = Array.from({ length: random.int(200) }, () => randomRecord(random));
      pass(pipeline, records);
      const series = seriesOf(pipeline);
      for (const { name, type, passes, valueOf, literal } of rules) {
        const values = records.filter(passes).map(valueOf).filter((value) => value !== undefined);
        const total = values.reduce((sum, value) => sum + value, 0);
        const suffix = type !== "histogram" ? "" : kind === "stream" ? "_sum" : "_gsum";
        assert.equal(sumOf(series, name + suffix), total, JSON.stringify(literal));
      }
    }
  });

  property(`the rows of a ${kind} are never more than max_series`, (random) => {
    for (let i = 0; i < SCENARIOS; i++) {
      const scenario = randomScenario(random, { kind });
      for (let round = 0; round < 3; round++) {
        pass(scenario.pipeline, Array.from({ length: 100 }, () => randomRecord(random)));
        for (const [i, { view }] of scenario.pipeline.rules.entries()) {
          assert(view.rows <= scenario.rules[i]!.maxSeries, JSON.stringify(scenario.rules[i]!.literal));
        }
      }
    }
  });

  property(`a picture of a ${kind} stays when there are more records, passes and sweeps`, (random) => {
    for (let i = 0; i < 30; i++) {
      const scenario = randomScenario(random, { kind, ttl: 300 });
      play(random, scenario, { rounds: 2 });
      const before = expositionOf(scenario.pipeline.rules);
      const families = scenario.pipeline.rules.flatMap((rule) => familiesOf(rule, "text"));
      play(random, scenario, { rounds: 3, clock: 3000 });
      assert.equal(textOf(families), before);
    }
  });
}

function typeOf(kind: PlainRule["kind"]) {
  return kind === "snapshot" ? SNAPSHOT : STREAM;
}

function sumOf(series: ReadonlyMap<string, number>, name: string): number {
  let sum = 0;
  for (const [key, value] of series) if (key === name || key.startsWith(`${name}{`)) sum += value;
  return sum;
}

property("a series of a stream does not fall while it is there", (random) => {
  for (let i = 0; i < SCENARIOS; i++) {
    const scenario = randomScenario(random, { kind: "stream", ttl: 300 });
    let before = new Map<string, number>(), clock = 1000;
    for (let round = 0; round < 6; round++) {
      scenario.pipeline.tick(clock += random.int(200));
      pass(scenario.pipeline, Array.from({ length: 30 }, () => randomRecord(random, { least: 0 })));
      const after = seriesOf(scenario.pipeline);
      for (const [key, value] of before) assert((after.get(key) ?? Infinity) >= value, key);
      before = after;
    }
  }
});

/** Some records while the first rows are read, the next when they are written, and so on. */
function settleMeanwhile(random: Random, scenario: Scenario): void {
  const { pipeline, oracles } = scenario;
  for (const oracle of oracles) oracle.sweep();
  settle(pipeline, () => {
    for (const { group } of pipeline.rules) for (const label of group.labels) label.limit = OTHER_ID + 20;
    for (let n = random.int(100); n > 0; n--) add(scenario, randomRecord(random));
  });
}

property("a stream counts the records that come while it settles", (random) => {
  for (let i = 0; i < SCENARIOS; i++) {
    const scenario = randomScenario(random, { kind: "stream", groups: 1 });
    for (let round = 0; round < 4; round++) {
      for (let n = random.int(40); n > 0; n--) add(scenario, randomRecord(random));
      settleMeanwhile(random, scenario);
    }
    settle(scenario.pipeline);
    check(scenario);
  }
});

property("a stream that sweeps counts the records that come while it settles", (random) => {
  for (let i = 0; i < SCENARIOS; i++) {
    const scenario = randomScenario(random, { kind: "stream", groups: 1, ttl: 300 });
    let clock = 1000;
    for (let round = 0; round < 4; round++) {
      tick(scenario, clock += random.int(400));
      for (let n = random.int(40); n > 0; n--) add(scenario, randomRecord(random));
      settleMeanwhile(random, scenario);
      settle(scenario.pipeline);
      check(scenario);
    }
  }
});
