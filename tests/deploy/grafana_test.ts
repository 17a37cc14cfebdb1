import assert from "node:assert/strict";
import { parse } from "yaml";
import { COLLECTORS } from "../../collectors/mod.ts";
import { ProcessMetrics, reloadFamilies, statusFamilies } from "../../server/own_metrics.ts";
import type { Box, Dashboard, Panel, Placed, Row } from "../../tools/dashboards/model.ts";
import { canStartFleet, Fleet, type Sample } from "../helpers/fleet.ts";
import { testWith } from "../helpers/skip.ts";
import { choices, interpolate, variablesIn } from "./grafana_variables.ts";

const FOLDER = new URL("../../deploy/grafana/", import.meta.url);

/** The dashboards as users import them. */
const DASHBOARDS: readonly Dashboard[] = [...Deno.readDirSync(FOLDER)]
  .filter(({ name }) => name.endsWith(".json"))
  .map(({ name }) => JSON.parse(Deno.readTextFileSync(new URL(name, FOLDER))));

function isPanel(placed: Placed<Panel> | Placed<Row>): placed is Placed<Panel> {
  return placed.type !== "row";
}

function panelsOf({ panels }: Dashboard): Placed<Panel>[] {
  return panels.filter(isPanel);
}

/** All that a dashboard asks of Prometheus. */
function expressionsOf(dashboard: Dashboard): string[] {
  return [
    ...panelsOf(dashboard).flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...dashboard.templating.list.flatMap(({ definition }) => definition ?? []),
  ];
}

function doOverlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

/** Metrics that Prometheus adds to every scrape. */
const OF_PROMETHEUS = ["up", "scrape_duration_seconds", "scrape_samples_scraped"];

async function shippedNames(): Promise<Set<string>> {
  const reload = { isSuccessful: true, lastSuccessSeconds: 0 };
  const own = [
    ...statusFamilies({ version: "", revision: "" }, [], []),
    ...reloadFamilies(reload),
    ...await new ProcessMetrics().families(),
  ];
  return new Set([
    ...OF_PROMETHEUS,
    ...own.map(({ name }) => name),
    ...COLLECTORS.flatMap(({ rules }) => rules.map(({ name }) => String(name))),
  ]);
}

Deno.test("each of the seven dashboards has a uid of its own", () => {
  assert.equal(DASHBOARDS.length, 7);
  assert.equal(new Set(DASHBOARDS.map(({ uid }) => uid)).size, 7);
});

for (const dashboard of DASHBOARDS) {
  const { title, panels } = dashboard;

  Deno.test(`${title}: each panel has its own number and place`, () => {
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    for (const [i, { gridPos: box }] of panels.entries()) {
      assert.ok(box.w > 0 && box.h > 0 && box.x >= 0 && box.x + box.w <= 24, panels[i]!.title);
      for (const other of panels.slice(i + 1)) {
        assert.ok(!doOverlap(box, other.gridPos), `${panels[i]!.title} covers ${other.title}`);
      }
    }
  });

  Deno.test(`${title}: each panel has a title, a sentence and a unit`, () => {
    const titles = panelsOf(dashboard).map((panel) => panel.title);
    assert.equal(new Set(titles).size, titles.length, "Expected titles to differ");
    for (const { title, description, fieldConfig: { defaults } } of panelsOf(dashboard)) {
      assert.match(title, /^[A-Z]/);
      assert.match(description, /^[A-Z].+\.$/, title);
      assert.notEqual(defaults.unit, "", title);
    }
  });

  Deno.test(`${title}: each variable that is used is defined, and each that is defined is used`, () => {
    const builtIn = ["__rate_interval", "__range"];
    const defined = dashboard.templating.list.map(({ name }) => name);
    const used = new Set([
      ...expressionsOf(dashboard).flatMap(variablesIn).filter((name) => !builtIn.includes(name)),
      ...panelsOf(dashboard).flatMap(({ datasource }) => variablesIn(datasource.uid)),
    ]);
    assert.deepEqual([...used].sort(), defined.toSorted());
  });

  Deno.test(`${title}: the metrics are those that are shipped`, async () => {
    const shipped = await shippedNames();
    const parts = /_(bucket|count|sum|gcount|gsum)$/;
    for (const question of expressionsOf(dashboard)) {
      const names = [...question.matchAll(/([a-zA-Z_:][\w:]*)(?=\{)/g)].map(([name]) => name);
      const [bare] = /(?<=^label_values\()\w+(?=,)/.exec(question) ?? [];
      assert.notEqual([...names, bare].length, 0, question);
      for (const name of [...names, ...bare === undefined ? [] : [bare]]) {
        assert.ok(shipped.has(name) || shipped.has(name.replace(parts, "")), `${name} in ${question}`);
      }
    }
  });

  Deno.test(`${title}: counters are shown as rates or increases, and nothing else is`, () => {
    const counter = /_total$|^process_cpu_seconds|_duration_seconds_(sum|count)$/;
    const histograms = COLLECTORS.flatMap(({ rules, records }) =>
      rules.filter(({ type, source }) =>
        type === "histogram" && records.find(({ name }) => name === source)?.kind === "stream"
      )
    ).map(({ name }) => `${name}_bucket`);
    for (const question of panelsOf(dashboard).flatMap(({ targets }) => targets.map(({ expr }) => expr))) {
      for (const [whole, before, name, after] of question.matchAll(/(\w+\()?\b(\w+)\{[^}]*\}(\[)?/g)) {
        const isCounter = counter.test(name!) || histograms.includes(name!);
        assert.equal(before === "rate(" || before === "increase(", isCounter, whole);
        assert.equal(after !== undefined, isCounter || before === "max_over_time(", whole);
      }
    }
  });
}

Deno.test("links lead to dashboards that there are, with variables that these have", () => {
  const links = DASHBOARDS.flatMap((dashboard) => [
    ...JSON.stringify(dashboard).matchAll(/\/d\/([\w-]+)\/\?([^"]*)/g),
  ]);
  assert.notEqual(links.length, 0);
  for (const [, uid, query] of links) {
    const target = DASHBOARDS.find((other) => other.uid === uid);
    assert.ok(target, uid);
    const names = target.templating.list.map(({ name }) => name);
    const given = query!.matchAll(/var-(\w+)=|\{(\w+):queryparam/g).map(([, one, other]) => one ?? other);
    for (const name of given) assert.ok(names.includes(name!), name);
  }
});

Deno.test("the dashboards of provisioning are read from a folder, and its data source is Prometheus", async () => {
  const read = async (path: string) =>
    parse(await Deno.readTextFile(new URL(`provisioning/${path}`, FOLDER)));
  const { apiVersion, providers } = await read("dashboards/netcensus.yml");
  assert.equal(apiVersion, 1);
  assert.deepEqual(providers.map((provider: { type: string }) => provider.type), ["file"]);
  const { datasources } = await read("datasources/prometheus.yml");
  assert.deepEqual(datasources.map((source: { type: string }) => source.type), ["prometheus"]);
});

/** What is wrong with the answer to a target, if anything. */
function faultOf(panel: Panel, samples: readonly Sample[], legend: string): string | undefined {
  if (samples.length === 0) return "gives nothing";
  if (samples.every(({ value }) => Number.isNaN(value))) return "gives no numbers";
  const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
  const wanted = panel.type === "table" ? columnsOf(panel) : labelsIn(legend);
  const missing = wanted.filter((label) => !labels.has(label));
  if (missing.length > 0) return `has no label ${missing.join(", ")}`;
  const extra = [...labels].filter((label) => panel.type === "table" && !wanted.includes(label));
  return extra.length > 0 ? `has labels that are no columns: ${extra.join(", ")}` : undefined;
}

function labelsIn(legend: string): string[] {
  return [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
}

/** The labels that a table has as columns. */
function columnsOf({ transformations = [] }: Panel): string[] {
  const organize = transformations.find(({ id }) => id === "organize")!;
  const { indexByName } = organize.options as { indexByName: Record<string, number> };
  return Object.keys(indexByName).filter((name) => !name.startsWith("Value"));
}

/** An expression as it is asked, and of which panel it is. */
interface Question {
  readonly dashboard: string;
  readonly panel: Panel;
  readonly legend: string;
  readonly asked: string;
}

async function questionsTo(fleet: Fleet): Promise<Question[]> {
  const questions: Question[] = [];
  for (const dashboard of DASHBOARDS) {
    for (const values of await choices(dashboard, fleet)) {
      for (const panel of panelsOf(dashboard)) {
        questions.push(...panel.targets.map(({ expr, legendFormat }) => ({
          dashboard: dashboard.title,
          panel,
          legend: legendFormat,
          asked: interpolate(expr, values),
        })));
      }
    }
  }
  return questions;
}

/** How often a question is asked. On a busy machine a scrape may be late, and the series are then missing for a second. */
const ATTEMPTS = 8, PAUSE_MS = 1000;

testWith({
  name: "each expression and variable of the dashboards has data, whatever is chosen",
  needs: canStartFleet,
  fn: async () => {
    await using fleet = await Fleet.start();
    let open = await questionsTo(fleet), faults: string[] = [];
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const again: Question[] = [];
      faults = [];
      for (const question of open) {
        const { dashboard, panel, legend, asked } = question;
        const fault = faultOf(panel, await fleet.query(asked), legend);
        if (fault === undefined) continue;
        faults.push(`${dashboard}, ${panel.title}: ${fault}\n  ${asked}`);
        again.push(question);
      }
      if (again.length === 0) break;
      open = again;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    assert.deepEqual(faults, []);
  },
});
