/** Every query of the documentation and every rule, asked of a real Prometheus that has scraped real exporters. */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { canStartFleet, Fleet } from "../helpers/fleet.ts";
import { testWith } from "../helpers/skip.ts";
import { type Documented, operandsOf, queriesOf } from "./promql_blocks.ts";

const ROOT = new URL("../../", import.meta.url);

const COOKBOOK = "docs/promql.md";

const PAGES = [
  "README.md",
  ...[...Deno.readDirSync(new URL("docs/", ROOT))].map(({ name }) => `docs/${name}`),
]
  .filter((page) => page.endsWith(".md"));

let reason: string | undefined, fleet: Fleet;

Deno.test.beforeAll(async () => {
  reason = await canStartFleet();
  if (reason === undefined) fleet = await Fleet.start();
});

Deno.test.afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
});

function testFleet(name: string, fn: () => Promise<void>): void {
  testWith({ name, needs: () => Promise.resolve(reason), fn });
}

async function parses(expression: string): Promise<boolean> {
  return await fleet.parses(expression).then(() => true, () => false);
}

async function queriesOfPage(page: string): Promise<Documented[]> {
  return await queriesOf(page, await Deno.readTextFile(new URL(page, ROOT)), parses);
}

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
}

async function rulesOf(name: string): Promise<Rule[]> {
  const text = await Deno.readTextFile(new URL(`deploy/prometheus/rules/${name}`, ROOT));
  return parse(text).groups.flatMap(({ rules }: { readonly rules: readonly Rule[] }) => rules);
}

/** What is wrong with expressions of which each should give something. */
async function faultsOf(queries: readonly Documented[]): Promise<string[]> {
  const faults: string[] = [];
  for (const { where, expression } of queries) {
    try {
      const samples = await fleet.query(expression);
      if (samples.length === 0) faults.push(`${where}: no data: ${expression}`);
      else if (samples.every(({ value }) => Number.isNaN(value))) faults.push(`${where}: NaN: ${expression}`);
    } catch (error) {
      faults.push(`${where}: ${(error as Error).message}: ${expression}`);
    }
  }
  return faults;
}

testFleet("the queries of all pages are understood by Prometheus", async () => {
  const faults: string[] = [];
  for (const { where, expression } of (await Promise.all(PAGES.map(queriesOfPage))).flat()) {
    await fleet.query(expression).catch(({ message }) => faults.push(`${where}: ${message}: ${expression}`));
  }
  assert.deepEqual(faults, []);
});

testFleet("each query of the cookbook gives data, those that look back as if it were now", async () => {
  const queries = await queriesOfPage(COOKBOOK);
  assert(queries.length >= 30, `${queries.length} queries`);
  const now = queries.map(({ where, expression }) => ({
    where,
    expression: expression.replaceAll(/ offset \d+[dw]/g, ""),
  }));
  assert.deepEqual(await faultsOf(now), []);
});

testFleet("each recording rule has recorded something", async () => {
  const rules = await rulesOf("netcensus.recording.yml");
  const queries = rules.map(({ record }) => ({ where: record!, expression: record! }));
  assert.deepEqual(await faultsOf(queries), []);
});

testFleet("what each alert compares with its threshold is there", async () => {
  const rules = await rulesOf("netcensus.alerts.yml");
  const queries = rules.flatMap(({ alert, expr }) =>
    operandsOf(expr).map((expression) => ({ where: alert!, expression }))
  );
  assert.deepEqual(await faultsOf(queries), []);
});

testFleet("an alert tells of the router that is down, by its name", async () => {
  const samples = await fleet.query('ALERTS{alertname="MikrotikRouterDown"}');
  assert.deepEqual(samples.map(({ labels: { instance, router } }) => ({ instance, router })), [
    { instance: "monitor", router: "attic" },
  ]);
});

testFleet("a query that gives nothing, or is none, is a fault", async () => {
  const page = "# A page\n\n```promql\nno_such_metric\n```\n\n```promql\nup\nrate(up)\n```\n";
  const faults = await faultsOf(await queriesOf("page", page, parses));
  assert.deepEqual(faults.map((fault) => fault.split(": ", 2).join(": ")), [
    "page:4: no data",
    'page:8: invalid parameter "query"',
  ]);
});

Deno.test("operandsOf() gives what stands on the left of each comparison", () => {
  const cases: Readonly<Record<string, readonly string[]>> = {
    "up == 0": ["up"],
    'absent(up{job="a"})': ['up{job="a"}'],
    "a / (b > 0) >= 0.8": ["a / (b > 0)"],
    "time() - a > 6 and b == 1": ["time() - a", "b"],
    "x(a[5m]) > 0\nor y(b[5m]) > 0": ["x(a[5m])", "y(b[5m])"],
    'a{b!="c > d"} == 0 and ignoring (job) c == 1': ['a{b!="c > d"}', "c"],
  };
  for (const [expression, operands] of Object.entries(cases)) {
    assert.deepEqual(operandsOf(expression), operands);
  }
});
