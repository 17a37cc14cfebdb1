import { flagsOf } from "../../config/flags.ts";
import { helpText } from "../../config/help.ts";
import { VARIABLES } from "../../config/load.ts";
import { rootShape, SECTIONS } from "../../config/settings.ts";
import { showConfiguration } from "../../config/show.ts";
import { WEB_CONFIG } from "../../config/web_config_shapes.ts";
import { COLLECTORS } from "../../collectors/mod.ts";
import type { Enricher } from "../../core/enricher.ts";
import type { Settings } from "../../core/shape.ts";
import { ENRICHERS } from "../../enrich/mod.ts";
import { LABEL, RULE } from "../../metrics/compile.ts";
import { KINDS } from "../../metrics/expressions.ts";
import { type StepKind, STEPS } from "../../metrics/steps.ts";
import { code, codes, heading, prose, table } from "./markdown.ts";
import { section } from "./settings.ts";

const ROOT = rootShape(COLLECTORS);

/** The page of all that can be configured, as Markdown. */
export async function configurationReference(): Promise<string> {
  return [
    INTRO,
    heading(2, "All settings and their defaults"),
    `\`\`\`yaml\n${await defaults()}\`\`\`\n`,
    heading(2, "Command line"),
    `\`\`\`text\n${helpText([], SECTIONS).replace(/\n{3,}/, "\n\n")}\`\`\`\n`,
    "The flags of settings stand with them below.\n",
    heading(2, "Environment"),
    table(
      ["variable", "meaning"],
      Object.entries(VARIABLES).map(([name, help]) => [code(name), prose(help)]),
    ),
    "\nThe configuration file comes before the environment, and flags before both.\n",
    ...sections(),
    webConfig(),
    heading(2, "`rules`"),
    "A list. [Rules](configuration.md#rules) tells how they are written.\n",
    ...rules(),
    heading(2, "`filters`"),
    "A map from sources to [filters](configuration.md#filters), which are as those of rules.\n",
    heading(2, "Sources"),
    "What rules and filters may name, with the fields.\n",
    sources(),
    heading(2, "`enrich`"),
    "A map from enrichers to their settings; one under another name has its kind as `type`. " +
    "[Enrichers](enrichers.md) tells of them.\n",
    enrichers(),
    ...ENRICHERS.flatMap(enricherSection),
  ].join("\n");
}

const INTRO = `<!-- Made by deno task docs. -->

# Configuration reference

Every key, flag and variable. [Configuration](configuration.md) tells how they go together, and
\`netcensus check\` what is wrong with a file. No key is needed unless its default says so. A duration is a number of
seconds, or has units: \`90\`, \`1.5s\`, \`5m\`, \`1h30m\`. A list with one item may be the item alone.
`;

async function defaults(): Promise<string> {
  const values = ROOT.defaults() as Parameters<typeof showConfiguration>[0]["values"];
  return await showConfiguration({ collectors: COLLECTORS, values, rules: [] });
}

function sections(): string[] {
  const flags = flagsOf(ROOT.settings), told = new Map<Settings, string>();
  const names = new Set(COLLECTORS.map(({ name }) => name));
  return Object.entries(ROOT.settings).flatMap(([name, { shape, help }]) => {
    const { settings } = shape;
    if (settings === undefined) return [];
    const isCollector = (key: string) => name === "collectors" && names.has(key);
    const own = Object.fromEntries(Object.entries(settings).filter(([key]) => !isCollector(key)));
    const parts = Object.entries(settings).filter(([key]) => isCollector(key));
    return [
      section(name, own, { level: 2, flags, told, intro: `${help}.\n` }),
      ...parts.map(([key, { shape, help }]) => {
        const intro = `${help}: [${key}](${key}.md). \`true\` and \`false\` may stand in place of the map.\n`;
        return section(`${name}.${key}`, shape.settings!, { level: 3, flags, told, intro });
      }),
    ];
  });
}

/** It is a file of its own. */
function webConfig(): string {
  const intro = "What the file that `web.config_file` names may say: [HTTP](http.md) tells of it.\n";
  return section("web.config_file", WEB_CONFIG.settings, { level: 2, told: new Map(), intro });
}

function rules(): string[] {
  const told = new Map<Settings, string>();
  return [
    section("rules[]", RULE.settings, { level: 3, told }),
    section("rules[].labels[]", LABEL.settings, { level: 3, told, intro: "A field, or a map:\n" }),
    heading(3, "`rules[].labels[].steps[]`"),
    "A step is its name, or a map from its name to its argument. Beside these there are the [enrichers](#enrich).\n",
    table(["step", "of", "argument", "meaning"], Object.entries(STEPS).map(stepRow)),
  ];
}

function stepRow([name, { help, takes, argument }]: [string, StepKind]): string[] {
  const keys = Object.entries(argument?.settings ?? {}).map(([key, { help, default: value }]) => {
    const without = value === undefined ? "" : ` (default ${code(String(value))})`;
    return `${code(key)}: ${prose(help)}${without}`;
  });
  const what = argument === undefined ? "" : [prose(argument.expects), ...keys].join("; ");
  return [code(name), takenBy(takes), what, prose(help)];
}

function takenBy(type: StepKind["takes"]): string {
  return type === undefined ? "anything" : KINDS[type];
}

function sources(): string {
  const rows = COLLECTORS.flatMap(({ name, records }) =>
    records.map(({ name: record, kind, help, fields }) => [
      code(record),
      `[${name}](${name}.md)`,
      kind,
      prose(help),
      codes(Object.keys(fields)),
    ])
  );
  return table(["source", "of", "kind", "records", "fields"], rows);
}

function enrichers(): string {
  const rows = ENRICHERS.map(({ name, help, outputs }) => [
    code(name),
    prose(help),
    Object.entries(outputs).map(([output, help]) => `${code(output)}: ${prose(help)}`).join("; "),
  ]);
  return table(["enricher", "what", "gives, the first by default"], rows);
}

function enricherSection({ name, settings, needsSettings }: Enricher): string[] {
  if (Object.keys(settings).length === 0) return [];
  const intro = needsSettings ? "There only when it is written.\n" : "There without being written.\n";
  return [section(`enrich.${name}`, settings, { level: 3, told: new Map(), intro })];
}
