import { COLLECTORS } from "../../collectors/mod.ts";
import type { Collector, ShippedRule } from "../../core/collector.ts";
import { InterfaceNames } from "../../core/interface_names.ts";
import { Log } from "../../core/log.ts";
import { type Literal, nodeOf, Problems } from "../../core/node.ts";
import { record } from "../../core/shape.ts";
import { ENRICHERS } from "../../enrich/mod.ts";
import { RULE } from "../../metrics/compile.ts";
import { type Family, render } from "../../metrics/exposition.ts";
import { UNKNOWN_STATUS } from "../../program/merge_status.ts";
import { makePlan } from "../../program/plan.ts";
import {
  enricherFamilies,
  ProcessMetrics,
  reloadFamilies,
  statusFamilies,
} from "../../server/own_metrics.ts";
import { code, codes, heading, prose, table } from "./markdown.ts";

/** The page of all metrics, as Markdown. */
export async function metricsReference(): Promise<string> {
  return [
    INTRO,
    ...COLLECTORS.flatMap(collectorSection),
    heading(2, "The exporter itself"),
    ownTable(ofStatus()),
    heading(3, "Enrichers"),
    "Of each [enricher](enrichers.md) that a rule asks and that has something to tell:\n",
    ownTable(ofEnrichers()),
    heading(3, "HTTP and process"),
    "`--web.disable-exporter-metrics` leaves these out.\n",
    ownTable(await ofProcess()),
  ].join("\n");
}

const BUDGET = RULE.settings.max_series.default;

const INTRO = `<!-- Made by deno task docs. -->

# Metrics

What is shown without a configuration. Each metric of a collector is a [rule](configuration.md#rules) that can be
changed; its labels are there in this order, and it has at most ${
  BUDGET.toLocaleString("en")
} series unless something
else is said: what is more is added up in one whose labels all read \`other\`. Under "counts" stands the source of the
records, and the field that is added up where it is not their number. A histogram of a snapshot goes up and down: its
number and sum are \`_gcount\` and \`_gsum\`, and its type in OpenMetrics is gaugehistogram.
`;

function collectorSection(collector: Collector): string[] {
  const { name, help, enabled, rules, reasons, checks = [], targets } = collector;
  const labels = targets &&
    `With more than one ${targets.field} all have the label \`${targets.field}\` as well.`;
  const problems = `\`netcensus_parse_problems_total{collector="${name}"}\` has the reasons ${
    codes(reasons)
  }.`;
  const qualities = checks.length === 0
    ? `\`netcensus_data_quality\` has no checks of it.`
    : `\`netcensus_data_quality{collector="${name}"}\` has the checks ${codes(checks)}.`;
  return [
    heading(2, name),
    `${help}: [${name}](${name}.md). By default it is ${enabled ? "on" : "off"}.\n`,
    table(["metric", "type", "labels", "counts", "meaning"], rules.map((rule) => ruleRow(rule, collector))),
    [labels, problems, qualities].filter((text) => text !== undefined).join(" ") + "\n",
  ];
}

function ruleRow(shipped: ShippedRule, { records }: Collector): string[] {
  const rule = RULE.read(nodeOf(shipped), new Problems())!;
  const source = records.find(({ name }) => name === rule.source)!;
  const notes = [
    ...rule.enabled ? [] : ["Off by default."],
    ...rule.max_series === BUDGET ? [] : [`At most ${rule.max_series.toLocaleString("en")} series.`],
  ];
  return [
    code(rule.name!),
    rule.type ?? (source.kind === "snapshot" ? "gauge" : "counter"),
    codes(labelsOf(shipped)),
    rule.value === "count" ? code(source.name) : `${code(rule.value)} of ${code(source.name)}`,
    [prose(rule.help), ...notes].join(" "),
  ];
}

function labelsOf({ labels = [], type }: ShippedRule): string[] {
  const names = (labels as readonly Literal[]).map((label) =>
    typeof label === "string" ? label : String((label as { readonly [key: string]: Literal })["name"])
  );
  const own = type === "histogram" ? ["le"] : type === "summary" ? ["quantile"] : [];
  return [...names, ...own];
}

/** Those of a collector that has told all that one can tell. */
function ofStatus(): Family[] {
  const status = {
    ...UNKNOWN_STATUS,
    name: "collector",
    problems: new Map([["reason", 1]]),
    qualities: new Map([["check", true]]),
  };
  const plan = makePlan({ configured: nodeOf({}), collectors: COLLECTORS }, new Problems())!;
  const ofCollectors = statusFamilies(
    { version: "", revision: "" },
    [status],
    plan.pipelines[0]!.rules.slice(0, 1),
  );
  return [...ofCollectors, ...reloadFamilies({ isSuccessful: true, lastSuccessSeconds: 0 })];
}

function ofEnrichers(): Family[] {
  const context = {
    log: new Log({ level: "error", format: "logfmt", write: () => {} }),
    interfaceNames: new InterfaceNames(),
  };
  const figures = ENRICHERS.map(({ name, settings, open }) =>
    [name, open(record(settings).defaults(), context).figures?.() ?? []] as const
  );
  return enricherFamilies(new Map(figures));
}

async function ofProcess(): Promise<Family[]> {
  const own = new ProcessMetrics();
  own.answered("/metrics", 200);
  return await own.families();
}

/** Families with the labels of their first series, as they are shown. */
function ownTable(families: readonly Family[]): string {
  const rows = families.toSorted((a, b) => a.name < b.name ? -1 : 1).map((family) => {
    const [labels] = /(?<=^[a-z_]+\{).*(?=\})/m.exec(textOf(family)) ?? [""];
    // What Deno happens to have open when the page is made is not to be told.
    const names = family.name.startsWith("nodejs_")
      ? []
      : labels.matchAll(/(\w+)="/g).map(([, name]) => name!).toArray();
    return [code(family.name), family.type, codes(names), prose(family.help)];
  });
  return table(["metric", "type", "labels", "meaning"], rows);
}

function textOf(family: Family): string {
  const decoder = new TextDecoder();
  return [...render([family], "text")].map((chunk) => decoder.decode(chunk)).join("");
}
