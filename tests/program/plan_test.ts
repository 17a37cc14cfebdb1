import assert from "node:assert/strict";
import { COLLECTORS } from "../../collectors/mod.ts";
import { type Literal, nodeOf, Problems } from "../../core/node.ts";
import type { Pipeline } from "../../metrics/pipeline.ts";
import { makePlan, type Plan, shardsOf, targetsOf } from "../../program/plan.ts";
import { startLookups } from "../../program/running.ts";
import { placed } from "../helpers/nodes.ts";
import { emit, seriesOf, settle } from "../helpers/pipelines.ts";
import { bell, room } from "../helpers/tiny_collectors.ts";
import { Houses } from "./houses.ts";

const OF_NETFLOW = ["maxmind_country", "protocol_name", "service"];
const NETFLOW_OFF = ["sockets", "conntrack"], ALL = [...NETFLOW_OFF, "netflow"];
const SHARD = { of: "netflow", shards: 3 };

interface Options {
  readonly collectors?: typeof COLLECTORS;
  readonly shard?: typeof SHARD;
}

function planOf(configured: Literal, options: Options = {}): Plan {
  const problems = new Problems();
  const plan = makePlan({ configured: nodeOf(configured), collectors: COLLECTORS, ...options }, problems);
  assert.deepEqual(problems.lines(), []);
  return plan!;
}

function problemsOf(configured: Literal): string[] {
  const problems = new Problems();
  makePlan({ configured: nodeOf(configured), collectors: COLLECTORS }, problems);
  return problems.lines();
}

function namesOf({ pipelines }: Plan): string[] {
  return pipelines.map(({ collector }) => collector.name);
}

/** A rule of a source that asks an enricher. */
function asking(source: string, field: string, step: Literal): Literal {
  return { name: "mine", source, labels: [{ name: "label", field, steps: [step] }] };
}

const RUNNING: readonly { readonly configured: Literal; readonly names: readonly string[] }[] = [
  { configured: {}, names: NETFLOW_OFF },
  { configured: { collectors: { netflow: true } }, names: ALL },
  { configured: { collectors: { netflow: { workers: 3 } } }, names: ALL },
  { configured: { collectors: { netflow: true, sockets: false } }, names: ["conntrack", "netflow"] },
  { configured: { collectors: { disable_defaults: true } }, names: [] },
];

for (const { configured, names } of RUNNING) {
  Deno.test(`makePlan() makes pipelines of [${names}] when there is ${JSON.stringify(configured)}`, () => {
    assert.deepEqual(namesOf(planOf(configured)), names);
  });
}

const LOOKUPS: readonly {
  readonly name: string;
  readonly configured: Literal;
  readonly lookups: readonly string[];
}[] = [
  { name: "no enricher when netflow is off", configured: {}, lookups: [] },
  {
    name: "the enrichers of the shipped rules of netflow when it is on",
    configured: { collectors: { netflow: true } },
    lookups: OF_NETFLOW,
  },
  {
    name: "no enricher for what other threads do",
    configured: { collectors: { netflow: { workers: 2 } } },
    lookups: [],
  },
  {
    name: "the enrichers of the rules of this thread when netflow is done by others",
    configured: {
      collectors: { netflow: { workers: 2 } },
      rules: [asking("sockets", "destination_port", "service")],
    },
    lookups: ["service"],
  },
  {
    name: "an enricher that a rule asks",
    configured: { rules: [asking("sockets", "source_address", "maxmind_country")] },
    lookups: ["maxmind_country"],
  },
  {
    name: "an enricher that the filter of a rule asks",
    configured: {
      rules: [{
        name: "mine",
        source: "sockets",
        filter: { match: ["source_address", "destination_address"], steps: ["direction"], is: "in" },
      }],
    },
    lookups: ["direction"],
  },
  {
    name: "an enricher that the filter of a source asks",
    configured: { filters: { sockets: { match: "destination_port", steps: ["service"], is: "http" } } },
    lookups: ["service"],
  },
  {
    name: "no enricher that only the filter of a source asks whose collector is off",
    configured: { filters: { netflow: { match: "service_port", steps: ["service"], is: "http" } } },
    lookups: [],
  },
  {
    name: "no enricher that only rules ask whose collector is off",
    configured: {
      collectors: { sockets: false },
      rules: [asking("sockets", "destination_port", "service"), {
        ...asking("netflow", "source_address", "maxmind_country") as object,
        name: "other",
      }],
    },
    lookups: [],
  },
  {
    name: "no enricher that only a rule asks that is switched off",
    configured: {
      rules: [{ ...asking("sockets", "destination_port", "service") as object, enabled: false }],
    },
    lookups: [],
  },
  {
    name: "no countries when the shipped rules that ask for them are switched off",
    configured: {
      collectors: { netflow: true },
      rules: ["bytes", "packets", "flows"].map((what) => ({ name: `netflow_${what}_total`, enabled: false })),
    },
    lookups: ["protocol_name", "service"],
  },
  {
    name: "no enricher that is configured and that nobody asks",
    configured: { enrich: { networks: { networks: { "10.0.0.0/8": "office" } } } },
    lookups: [],
  },
  {
    name: "an enricher under the name that it has in the configuration",
    configured: {
      enrich: { customers: { type: "networks", networks: { "10.0.0.0/8": "office" } } },
      rules: [asking("sockets", "source_address", "customers")],
    },
    lookups: ["customers"],
  },
];

for (const { name, configured, lookups } of LOOKUPS) {
  Deno.test(`makePlan() plans ${name}`, () => {
    assert.deepEqual([...planOf(configured).lookups.keys()], lookups);
  });
}

Deno.test("makePlan() plans one collector, whatever runs, for a thread that shares its work", () => {
  for (const configured of [{ collectors: { netflow: { workers: 3 } } }, {}]) {
    const plan = planOf(configured, { shard: SHARD });
    assert.deepEqual([namesOf(plan), [...plan.lookups.keys()]], [["netflow"], OF_NETFLOW]);
  }
});

Deno.test("makePlan() plans no enricher of other collectors for a thread that shares the work of one", () => {
  const rules = [asking("sockets", "destination_port", { service: "name" })];
  const off = OF_NETFLOW.slice(0, 2);
  const services = ["bytes", "flows"].map((what) => ({
    name: `netflow_service_${what}_total`,
    enabled: false,
  }));
  const plan = planOf({ rules: [...rules, ...services] }, { shard: SHARD });
  assert.deepEqual([...plan.lookups.keys()], off);
});

Deno.test("makePlan() divides the budgets of rules among the threads that share the work", () => {
  const configured = { rules: [{ name: "mine", source: "netflow", labels: ["exporter"], max_series: 100 }] };
  const budgets = [{}, { shard: SHARD }].map((options) =>
    planOf({ collectors: { netflow: true }, ...configured }, options).pipelines
      .find(({ collector }) => collector.name === "netflow")!
      .rules.find(({ options }) => options.name === "mine")!.group.maxSeries
  );
  assert.deepEqual(budgets, [100, 33]);
});

Deno.test("makePlan() gives every thread the same metrics in the same order", () => {
  const configured = { collectors: { netflow: true }, rules: [{ name: "mine", source: "netflow" }] };
  const [here, there] = [{}, { shard: SHARD }].map((options) =>
    planOf(configured, options).pipelines.at(-1)!.rules.map(({ options, stride }) => [options.name, stride])
  );
  assert.deepEqual(here, there);
  assert(here!.some(([name]) => name === "mine"));
});

Deno.test("startLookups() has nothing to load when netflow is off", async () => {
  const plan = planOf({});
  assert.equal(plan.lookups.size, 0);
  await startLookups(plan, AbortSignal.abort());
});

Deno.test("startLookups() loads the countries when netflow is on", async () => {
  const plan = planOf({ collectors: { netflow: true } });
  const figure = () => plan.lookups.get("maxmind_country")!.figures!()[0]!.value;
  assert.equal(figure(), 0);
  await startLookups(plan, AbortSignal.abort());
  assert(figure() > 1.7e9, String(figure()));
});

const SHARDS: readonly { readonly configured: Literal; readonly shards: number }[] = [
  { configured: {}, shards: 1 },
  { configured: { collectors: { netflow: true } }, shards: 1 },
  { configured: { collectors: { netflow: { workers: 3 } } }, shards: 3 },
];

for (const { configured, shards } of SHARDS) {
  Deno.test(`shardsOf() gives ${shards} for netflow when there is ${JSON.stringify(configured)}`, () => {
    const netflow = COLLECTORS.find(({ name }) => name === "netflow")!;
    assert.equal(shardsOf(netflow, planOf(configured).values), shards);
  });
}

Deno.test("shardsOf() gives 1 for a collector that does not share its work", () => {
  const plan = planOf({}, { collectors: [room, bell] });
  assert.deepEqual([room, bell].map((each) => shardsOf(each, plan.values)), [1, 1]);
});

const RESERVED = (name: string) => `The name "${name}" is reserved for the exporter's own metrics`;
const PROBLEMS: readonly { readonly configured: Literal; readonly problems: readonly string[] }[] = [
  { configured: { rules: [{ name: "netcensus_flow_lost_total", max_series: 5 }] }, problems: [] },
  { configured: { rules: [{ name: "netcensus_flow_lost_total", enabled: false }] }, problems: [] },
  {
    configured: { rules: [{ name: "netcensus_mine", source: "sockets" }] },
    problems: [RESERVED("netcensus_mine")],
  },
  {
    configured: { rules: [{ name: "netcensus_series", source: "sockets" }] },
    problems: [RESERVED("netcensus_series")],
  },
  {
    configured: { collectors: { netflow: { workers: 65 } } },
    problems: ['Expected a whole number from 1 to 64, not "65"'],
  },
  {
    configured: { filters: { netflows: [] } },
    problems: ['Unknown source "netflows" (did you mean "netflow"?)'],
  },
];

for (const { configured, problems } of PROBLEMS) {
  Deno.test(`makePlan() finds ${problems.length} problems in ${JSON.stringify(configured)}`, () => {
    const found = problemsOf(configured);
    assert.equal(found.length, problems.length);
    for (const [i, problem] of problems.entries()) assert(found[i]!.startsWith(problem), found[i]);
  });
}

Deno.test("makePlan() tells which of the rules that a user wrote count nothing", () => {
  const rules = [
    { name: "mine", source: "netflow" },
    { name: "netflow_bytes_total", max_series: 5 },
    { name: "netflow_flows_total", enabled: false },
    { name: "yours", source: "sockets" },
  ];
  const { idleRules } = planOf({ rules });
  const names = idleRules.map(({ rule, collector }) => `${collector} ${rule}`);
  assert.deepEqual(names.toSorted(), ["netflow mine", "netflow netflow_bytes_total"]);
  assert.deepEqual(planOf({ collectors: { netflow: true }, rules }).idleRules, []);
});

Deno.test("makePlan() reports a rule with the name of the metric of scrapes", () => {
  const web = { scrape_metric: "mine" };
  assert.deepEqual(problemsOf({ web, rules: [{ name: "mine", source: "sockets" }] }), [
    'The series of "mine" and "mine" would have the same name',
  ]);
});

/** What is wrong with a configuration whose values have their paths as places. */
function placedProblemsOf(configured: Literal, collectors: typeof COLLECTORS): string[] {
  const problems = new Problems();
  makePlan({ configured: placed(configured), collectors }, problems);
  return problems.lines();
}

const TOGETHER: readonly { readonly collectors: Literal; readonly problems: readonly string[] }[] = [
  { collectors: { houses: { windows: 0 } }, problems: [] },
  {
    collectors: { houses: { windows: -1 } },
    problems: ["collectors.houses: houses: A house has no fewer than no windows"],
  },
  { collectors: { houses: { windows: -1, enabled: false } }, problems: [] },
  {
    collectors: { houses: { windows: -1, doors: 2 } },
    problems: [
      'key collectors.houses.doors: Unknown key "doors"; known are enabled, houses, windows',
    ],
  },
];

for (const { collectors, problems } of TOGETHER) {
  const { length } = problems;
  Deno.test(`makePlan() reports ${length} problems with their places when there is ${JSON.stringify(collectors)}`, () => {
    assert.deepEqual(placedProblemsOf({ collectors }, [new Houses().collector]), problems);
  });
}

Deno.test("makePlan() reports that mikrotik has nobody to ask, where that is said", () => {
  const message = 'mikrotik: Neither "routers" nor "probe" says whom to ask';
  assert.deepEqual(placedProblemsOf({ collectors: { mikrotik: true } }, COLLECTORS), [
    `collectors.mikrotik: ${message}`,
  ]);
  assert.deepEqual(placedProblemsOf({ collectors: { mikrotik: { routers: [] } } }, COLLECTORS), [
    `collectors.mikrotik: ${message}`,
  ]);
  assert.deepEqual(placedProblemsOf({ collectors: { mikrotik: false } }, COLLECTORS), []);
});

/** The labels of the rules of a pipeline, of which each shows one record. */
function labelsOf(pipeline: Pipeline): Record<string, string[]> {
  pipeline.begin();
  const record = { house: "red", room: "hall", door: "front", seats: 2, open: 1, taken: "no" };
  for (const { type } of pipeline.ruleSets) emit(pipeline, record, type);
  settle(pipeline);
  return Object.fromEntries(
    seriesOf(pipeline).keys().map((series) => {
      const labels = series.matchAll(/(\w+)="/g).map(([, name]) => name!);
      return [series.split("{")[0]!, [...labels]];
    }),
  );
}

function houses(...names: string[]): Literal {
  return { collectors: { houses: { houses: names } } };
}

const LABELLED: readonly { readonly what: string; readonly configured: Literal; readonly label: string[] }[] =
  [
    { what: "no target", configured: {}, label: [] },
    { what: "one target", configured: houses("red"), label: [] },
    { what: "several targets", configured: houses("red", "blue"), label: ["house"] },
  ];

for (const { what, configured, label } of LABELLED) {
  Deno.test(`makePlan() gives the shipped rules of a collector [${label}] for its ${what}`, () => {
    const plan = planOf(configured, { collectors: [new Houses().collector] });
    assert.deepEqual(labelsOf(plan.pipelines[0]!), {
      house_rooms: [...label, "room"],
      house_rings_total: label,
      house_open: label,
    });
  });
}

Deno.test("makePlan() gives the label of the targets to no rule whose labels a user wrote, nor to other collectors", () => {
  const rules = [{ name: "house_rooms", labels: ["seats"] }, { name: "mine", source: "rooms" }];
  const collectors = [new Houses().collector, room];
  const plan = planOf({ ...houses("red", "blue") as object, rules }, { collectors });
  assert.deepEqual(plan.pipelines.map(labelsOf), [
    { house_rooms: ["seats"], mine: [], house_rings_total: ["house"], house_open: ["house"] },
    { room_seats: ["taken"] },
  ]);
});

Deno.test("pipelineOf() gives one target its rules without the label, with the whole budget", () => {
  const { collector } = new Houses();
  const plan = planOf(houses("red", "blue"), { collectors: [collector] });
  const pipelines = [1, 2].map((shares) => plan.pipelineOf(collector, { shares }));
  assert.deepEqual(pipelines.map((pipeline) => labelsOf(pipeline)["house_open"]), [[], ["house"]]);
  const [whole, half] = pipelines.map(({ rules }) => rules[0]!.group.maxSeries);
  assert.equal(half, Math.floor(whole! / 2));
});

Deno.test("pipelineOf() gives each target the metrics of the plan in the same order", () => {
  const { collector } = new Houses();
  const rules = [
    { name: "mine", source: "rooms" },
    { name: "rings", source: "rings" },
    { name: "house_rooms", max_series: 5 },
    { name: "house_open", enabled: false },
    { name: "room_seats", max_series: 5 },
    { name: "seats", source: "seats" },
  ];
  const plan = planOf({ ...houses("red", "blue") as object, rules }, { collectors: [collector, room] });
  const own = plan.pipelineOf(collector, { shares: 2 });
  assert.deepEqual(Object.keys(labelsOf(own)), Object.keys(labelsOf(plan.pipelines[0]!)));
});

Deno.test("targetsOf() gives the targets of a collector, and none of one that has none", () => {
  const { collector } = new Houses({ intervals: { red: 5 } }), collectors = [collector, room];
  const { values } = planOf(houses("red", "blue"), { collectors });
  assert.deepEqual(collectors.map((each) => targetsOf(each, values)), [
    [
      { name: "red", interval: 5, settings: { enabled: true, houses: ["red"], windows: 4 } },
      { name: "blue", interval: 3600, settings: { enabled: true, houses: ["blue"], windows: 4 } },
    ],
    [],
  ]);
});
