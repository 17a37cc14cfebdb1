import assert from "node:assert/strict";
import { COLLECTORS } from "../../collectors/mod.ts";
import { flagsOf } from "../../config/flags.ts";
import { rootShape } from "../../config/settings.ts";
import { WEB_CONFIG } from "../../config/web_config_shapes.ts";
import type { Settings, Shape } from "../../core/shape.ts";
import { ENRICHERS } from "../../enrich/mod.ts";
import { LABEL, RULE } from "../../metrics/compile.ts";
import { STEPS } from "../../metrics/steps.ts";
import { PAGES } from "../../tools/reference.ts";
import { anchorOf, formatted, prose } from "../../tools/reference/markdown.ts";
import { Exporter, seriesOf } from "../helpers/exporter.ts";
import { TempFile } from "../helpers/temp_file.ts";

function committed(file: string): Promise<string> {
  return Deno.readTextFile(new URL(`../../${file}`, import.meta.url));
}

for (const [file, make] of Object.entries(PAGES)) {
  Deno.test(`${file} is what the code gives: deno task docs makes it anew`, async () => {
    assert.equal(await committed(file), await formatted(await make()));
  });
}

const CONFIGURATION = await committed("docs/configuration-reference.md");

/** Every key that can be written, with the path of its map. */
function* keysOf(settings: Settings, path: string): Iterable<[path: string, key: string]> {
  for (const [key, { shape }] of Object.entries(settings)) {
    yield [path, key];
    yield* keysWithin(shape, path === "" ? key : `${path}.${key}`);
  }
}

function* keysWithin(shape: Shape<unknown>, path: string): Iterable<[string, string]> {
  if (shape.settings) yield* keysOf(shape.settings, path);
  if (shape.item) yield* keysWithin(shape.item, path);
}

/** The text below each heading of a map, by its path without what the user chooses. */
const SECTIONS = new Map(
  CONFIGURATION.matchAll(/^#+ `([^\n]*)`\n(.*?)(?=\n#|$(?!.))/gms)
    .map(([, path = "", text = ""]) => [path.replaceAll(/\[\]|\.NAME/g, ""), text]),
);

/** A map that is the same as another, to which the page links. */
const TOLD_ELSEWHERE = "collectors.mikrotik.probe.credentials.tls";

const KEYS = [
  ...keysOf(rootShape(COLLECTORS).settings, ""),
  ...keysOf(WEB_CONFIG.settings, "web.config_file"),
  ...keysOf(RULE.settings, "rules"),
  ...keysOf(LABEL.settings, "rules.labels"),
  ...Object.keys(STEPS).map((step) => ["rules.labels.steps", step] as const),
  ...ENRICHERS.map(({ name }) => ["enrich", name] as const),
  ...ENRICHERS.flatMap(({ name, settings }) => [...keysOf(settings, `enrich.${name}`)]),
];

Deno.test("the configuration reference has every key", () => {
  const missing = KEYS.filter(([path, key]) => {
    const section = SECTIONS.get(path), isInner = SECTIONS.has(path === "" ? key : `${path}.${key}`);
    return !section?.includes(`\n| \`${key}\` `) && !isInner && path !== TOLD_ELSEWHERE;
  });
  assert.deepEqual(missing, []);
  assert(KEYS.some(([path, key]) => path === TOLD_ELSEWHERE && key === "ca_file"));
});

Deno.test("the configuration reference has every flag", () => {
  const flags = flagsOf(rootShape(COLLECTORS).settings);
  assert.deepEqual(flags.filter(({ name }) => !CONFIGURATION.includes(`| \`--${name}\``)), []);
});

interface Described {
  readonly type: string;
  readonly labels: readonly string[];
}

/** The metrics of the page. */
const METRICS: ReadonlyMap<string, Described> = new Map(
  (await committed("docs/metrics.md")).matchAll(/^\| `(\w+)` +\| (\w+) +\| ([^|]*)\|/gm)
    .map(([, name = "", type = "", labels = ""]) => [name, { type, labels: labelsOf(labels, /`(\w+)`/g) }]),
);

/** Those that tell the numbers of a histogram or a summary apart are not in all of its series. */
function labelsOf(text: string, pattern: RegExp): string[] {
  const names = text.matchAll(pattern).map(([, name]) => name!).toArray();
  return names.filter((name) => name !== "le" && name !== "quantile").sort();
}

/** With the suffixes of histograms and summaries. */
function describedOf(name: string): Described | undefined {
  return METRICS.get(name) ?? METRICS.get(name.replace(/_(bucket|g?sum|g?count)$/, ""));
}

const EVERYTHING = `
collectors:
  mikrotik: { routers: { address: "127.0.0.1:1", username: nobody } }
  netflow: { listen_address: "127.0.0.1:0" }
  wialon: { interface: absent0 }
enrich:
  reverse_dns: { nameservers: "127.0.0.1:1" }
rules:
  - { name: custom, source: sockets, labels: [{ name: peer, field: destination_address, steps: [reverse_dns] }] }
`;

Deno.test("the metrics reference has all that a scrape of everything shows, with types and labels", async () => {
  await using file = await TempFile.create(EVERYTHING);
  await using exporter = await Exporter.start([`--config.file=${file.path}`]);
  const exposition = await exporter.get("/metrics");
  const families = exposition.matchAll(/^# TYPE (\w+) (\w+)$/gm).map(([, name = "", type]) => ({
    name,
    type,
  }))
    .filter(({ name }) => name !== "custom").toArray();
  const wrong = families.filter(({ name, type }) => {
    const isPart = !METRICS.has(name) && /_g(sum|count)$/.test(name);
    return describedOf(name)?.type !== type && !(isPart && describedOf(name) !== undefined);
  });
  assert.deepEqual(wrong, []);
  for (const series of seriesOf(exposition).keys()) {
    const [, name = "", labels = ""] = /^(\w+)(?:\{(.*)\})?$/s.exec(series)!;
    if (/^(nodejs|process)_/.test(name) || name === "custom") continue;
    assert.deepEqual(labelsOf(labels, /(\w+)="(?:[^"\\]|\\.)*"/g), describedOf(name)!.labels, series);
  }
});

Deno.test("anchorOf() is what stands behind the # of a link", () => {
  assert.equal(anchorOf("Rules"), "rules");
  assert.equal(anchorOf("`collectors.mikrotik.routers[]`"), "collectorsmikrotikrouters");
  assert.equal(anchorOf("The exporter's own metrics"), "the-exporters-own-metrics");
});

Deno.test("prose() marks what looks like code", () => {
  assert.equal(
    prose("Leave out process_*, nodejs_* and `a_b`."),
    "Leave out `process_*`, `nodejs_*` and `a_b`.",
  );
});
