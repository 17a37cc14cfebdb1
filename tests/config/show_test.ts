import assert from "node:assert/strict";
import sockets from "../../collectors/sockets/mod.ts";
import { isEnabled } from "../../config/load.ts";
import { loadValues } from "./load_values.ts";
import { rootShape, type Values } from "../../config/settings.ts";
import { showConfiguration } from "../../config/show.ts";
import type { Collector } from "../../core/collector.ts";
import { type MapNode, type Node, nodeOf, Problems } from "../../core/node.ts";
import { mergeRules } from "../../metrics/merge_rules.ts";
import { flows } from "./flows.ts";

/** Flows, with those of its settings that are plain. */
const PLAIN_FLOWS: Collector = { ...flows, settings: { mode: flows.settings["mode"]! } };

interface Loaded {
  readonly collectors: readonly Collector[];
  readonly values: Values;
  readonly rules: readonly MapNode[];
}

async function load(text: string, collectors: readonly Collector[] = [sockets]): Promise<Loaded> {
  const problems = new Problems();
  const file = await Deno.makeTempFile({ suffix: ".yml" });
  try {
    await Deno.writeTextFile(file, text);
    const sources = { shape: rootShape(collectors), file, flags: nodeOf({}), environment: {} };
    const values = await loadValues(sources, problems);
    const rules = mergeRules(collectors.flatMap(({ rules }) => rules), values?.rules, problems);
    assert.deepEqual(problems.lines(), []);
    return { collectors, values: values!, rules };
  } finally {
    await Deno.remove(file);
  }
}

function show(loaded: Loaded): Promise<string> {
  return showConfiguration(loaded);
}

/** A node as text, without places. */
function plain(node: Node): unknown {
  if (node.kind === "scalar") return node.text;
  if (node.kind === "list") return node.items.map(plain);
  return node.entries.map(({ key, value }) => [key, plain(value)]);
}

/** All that is configured, without places. */
function configured({ values, rules, collectors }: Loaded): unknown {
  const settings = collectors.map((collector) => {
    const own = values.collectors[collector.name] as object;
    return [collector.name, { ...own, enabled: isEnabled(collector, values) }];
  });
  return {
    ...values,
    collectors: { ...values.collectors, ...Object.fromEntries(settings) },
    rules: rules.map(plain),
    enrich: plain(values.enrich ?? nodeOf({})),
  };
}

async function assertSameAgain(text: string, collectors?: readonly Collector[]): Promise<void> {
  const before = await load(text, collectors);
  const after = await load(await show(before), collectors);
  assert.deepEqual(configured(after), configured(before));
}

const CONFIGURATIONS = [
  { what: "nothing", text: "" },
  { what: "addresses", text: "web: { listen_address: [':1', '[::1]:2', 'localhost:3'] }\n" },
  {
    what: "the settings of a collector",
    text: "collectors: { sockets: { source: procfs, process: true } }\n",
  },
  { what: "a collector that is off", text: "collectors: { sockets: false }\n" },
  { what: "a change to a shipped rule", text: "rules: [{ name: network_connections, max_series: 5 }]\n" },
  { what: "a shipped rule that is off", text: "rules: [{ name: network_connections, enabled: false }]\n" },
  {
    what: "a rule",
    text: `rules:
  - name: connections_by_network
    source: sockets
    filter: [{ match: source_port, range: "1-1023" }, { not: { match: state, in: [LISTEN, CLOSE] } }]
    labels:
      - state
      - { name: network, field: source_address, steps: [{ cidr: { v4: 24 } }, { map: { 10.0.0.0/24: "no" } }] }
`,
  },
  { what: "a text that looks like a number", text: networkNamed('"0700"') },
  { what: "a text that looks like a switch", text: networkNamed('"true"') },
  { what: "a text that looks like nothing", text: networkNamed('"null"') },
  { what: "a number with a leading zero", text: networkNamed("0700") },
  { what: "a number with a trailing zero", text: networkNamed("1.10") },
  { what: "a hexadecimal number", text: networkNamed("0x1F") },
  { what: "a number with many digits", text: networkNamed("12345678901234567890") },
  { what: "special characters", text: networkNamed('"a: b # c\\n\\t\\"é😀"') },
  { what: "a long text", text: networkNamed(`"${"long and wide ".repeat(20)}"`) },
];

function networkNamed(name: string): string {
  return `enrich: { networks: { networks: { 10.0.0.0/8: ${name} } } }\n`;
}

for (const { what, text } of CONFIGURATIONS) {
  Deno.test(`showConfiguration() shows ${what} so that it loads again as the same`, async () => {
    await assertSameAgain(text);
  });
}

Deno.test("showConfiguration() shows a collector that is false so that it stays off", async () => {
  await assertSameAgain("collectors: { flows: false }", [sockets, PLAIN_FLOWS]);
});

Deno.test("showConfiguration() shows a collector that nobody mentions so that it stays off", async () => {
  await assertSameAgain("", [sockets, PLAIN_FLOWS]);
});

Deno.test("showConfiguration() shows disabled defaults so that the collectors stay off", async () => {
  await assertSameAgain("collectors: { disable_defaults: true }");
});

Deno.test("showConfiguration() shows where a collector listens so that it loads again as the same", async () => {
  await assertSameAgain("collectors: { flows: { listen_address: ['127.0.0.1:2055', ':6343'] } }", [flows]);
});

Deno.test("showConfiguration() shows the defaults when nothing is configured", async () => {
  const shown = await show(await load(""));
  assert.match(shown, /^ {2}listen_address:\n {4}- :19100$/m);
  assert.match(shown, /^ {2}procfs: \/proc$/m);
});

Deno.test("showConfiguration() shows the shipped rules when nothing is configured", async () => {
  assert.match(await show(await load("")), /^ {2}- name: network_connections$/m);
});

Deno.test("showConfiguration() repeats what aliases stand for", async () => {
  const labels = "rules:\n  - { name: a, source: sockets, labels: &l [state] }\n";
  const shown = await show(await load(`${labels}  - { name: b, source: sockets, labels: *l }\n`));
  assert.doesNotMatch(shown, /[&*]\w/);
});
