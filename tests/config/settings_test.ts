import assert from "node:assert/strict";
import { isEnabled } from "../../config/load.ts";
import { type CollectorValues, rootShape, SECTIONS, type Values } from "../../config/settings.ts";
import sockets from "../../collectors/sockets/mod.ts";
import { type Literal, type Node, nodeOf, Problems } from "../../core/node.ts";
import { mapOf, nothing } from "../helpers/nodes.ts";
import { flows } from "./flows.ts";

const COLLECTORS = [sockets, flows];

function read(node: Node): { values: Values; lines: string[] } {
  const problems = new Problems();
  const values = rootShape(COLLECTORS).read(node, problems) as unknown as Values;
  return { values, lines: problems.lines() };
}

function valuesOf(literal: Literal): Values {
  const { values, lines } = read(nodeOf(literal));
  assert.deepEqual(lines, []);
  return values;
}

function enabled(values: Values): string[] {
  return COLLECTORS.filter((collector) => isEnabled(collector, values)).map(({ name }) => name);
}

const DEFAULTS: readonly { path: string; value: unknown }[] = [
  { path: "web.listen_address", value: [{ hostname: undefined, port: 19100 }] },
  { path: "web.telemetry_path", value: "/metrics" },
  { path: "web.max_requests", value: 40 },
  { path: "web.disable_exporter_metrics", value: false },
  { path: "log.level", value: "info" },
  { path: "log.format", value: "logfmt" },
  { path: "path.procfs", value: "/proc" },
  { path: "path.sysfs", value: "/sys" },
  { path: "collectors.interval", value: 60 },
  { path: "collectors.disable_defaults", value: false },
  { path: "collectors.sockets", value: { enabled: undefined, source: "auto", process: false } },
  { path: "rules", value: undefined },
  { path: "enrich", value: undefined },
];

for (const { path, value } of DEFAULTS) {
  Deno.test(`rootShape() gives ${path} its default when nothing is written`, () => {
    const read = path.split(".").reduce<unknown>(
      (values, key) => (values as Record<string, unknown>)[key],
      valuesOf({}),
    );
    assert.deepEqual(read, value);
  });
}

Deno.test("rootShape() gives a section its defaults when nothing stands under it", () => {
  const { values, lines } = read(mapOf([{ key: "web", place: "c:1:1", value: nothing() }]));
  assert.deepEqual([values.web, lines], [valuesOf({}).web, []]);
});

Deno.test("rootShape() keeps the other defaults of a section when one setting is written", () => {
  const { web } = valuesOf({ web: { max_requests: 0 } });
  assert.deepEqual(web, { ...valuesOf({}).web, max_requests: 0 });
});

Deno.test("rootShape() does not change the defaults when it reads a configuration", () => {
  valuesOf({ web: { listen_address: [":1"] }, collectors: { flows: { limits: { max_templates: 1 } } } });
  assert.deepEqual(valuesOf({}).web.listen_address, [{ hostname: undefined, port: 19100 }]);
  assert.deepEqual((valuesOf({}).collectors["flows"] as CollectorValues)["limits"], { max_templates: 100 });
});

const SWITCHES: readonly { collectors: Literal; runs: readonly string[]; what: string }[] = [
  { collectors: {}, runs: ["sockets"], what: "nothing is said" },
  { collectors: { sockets: false }, runs: [], what: "the one that is on by default is false" },
  { collectors: { sockets: true }, runs: ["sockets"], what: "the one that is on by default is true" },
  { collectors: { flows: true }, runs: ["sockets", "flows"], what: "another is true" },
  { collectors: { flows: { mode: "sampled" } }, runs: ["sockets", "flows"], what: "another has a setting" },
  { collectors: { flows: {} }, runs: ["sockets", "flows"], what: "another is there with an empty map" },
  { collectors: { flows: { enabled: true } }, runs: ["sockets", "flows"], what: "another is enabled" },
  {
    collectors: { flows: { enabled: false, mode: "sampled" } },
    runs: ["sockets"],
    what: "another has a setting and is not enabled",
  },
  {
    collectors: { sockets: { enabled: false } },
    runs: [],
    what: "the one that is on by default is not enabled",
  },
  { collectors: { disable_defaults: true }, runs: [], what: "the defaults are disabled" },
  {
    collectors: { disable_defaults: true, sockets: true },
    runs: ["sockets"],
    what: "the defaults are disabled and one is true",
  },
  {
    collectors: { disable_defaults: true, flows: {} },
    runs: ["flows"],
    what: "the defaults are disabled and one is there",
  },
];

for (const { collectors, runs, what } of SWITCHES) {
  Deno.test(`isEnabled() lets ${runs.join(" and ") || "none"} run when ${what}`, () => {
    assert.deepEqual(enabled(valuesOf({ collectors })), runs);
  });
}

Deno.test("isEnabled() lets a collector run when its name has nothing after it", () => {
  const flowsEntry = { key: "flows", place: "c:2:3", value: nothing() };
  const { values, lines } = read(
    mapOf([{ key: "collectors", place: "c:1:1", value: mapOf([flowsEntry]) }]),
  );
  assert.deepEqual([enabled(values), lines], [["sockets", "flows"], []]);
});

Deno.test("rootShape() gives a collector that is switched its default settings", () => {
  const { collectors } = valuesOf({ collectors: { flows: true } });
  assert.equal((collectors["flows"] as CollectorValues)["mode"], "whole");
});

Deno.test("rootShape() leaves rules and enrichers for others to read", () => {
  const rules = nodeOf([{ name: 1 }]), enrich = nodeOf("x");
  const { values } = read(
    mapOf([{ key: "rules", place: "", value: rules }, { key: "enrich", place: "", value: enrich }]),
  );
  assert.deepEqual([values.rules, values.enrich], [rules, enrich]);
});

const WRONG: readonly { what: string; written: Literal; lines: readonly string[] }[] = [
  { what: "a list", written: [], lines: ["Expected a map, not a list"] },
  {
    what: "an unknown section",
    written: { webb: {} },
    lines: ['Unknown key "webb" (did you mean "web"?)'],
  },
  {
    what: "an interval of nothing",
    written: { collectors: { interval: 0 } },
    lines: ['Expected a number of seconds from 1 to 86400, not "0"'],
  },
  {
    what: "a negative number of requests",
    written: { web: { max_requests: -1 } },
    lines: ['Expected a whole number from 0 to 100000, not "-1"'],
  },
  {
    what: "everything that is wrong",
    written: { log: { level: "loud", format: "xml" } },
    lines: [
      'Expected one of debug, info, warn, error, not "loud"',
      'Expected one of logfmt, json, not "xml"',
    ],
  },
];

for (const { what, written, lines } of WRONG) {
  Deno.test(`rootShape() reports ${what}`, () => {
    assert.deepEqual(read(nodeOf(written)).lines, lines);
  });
}

const PATHS = [
  { path: "/metrics", good: true },
  { path: "/a/b-c_d.e", good: true },
  { path: "metrics", good: false },
  { path: "/", good: false },
  { path: "/a b", good: false },
  { path: "/a?b=c", good: false },
  { path: "/a#b", good: false },
  { path: "/a\n", good: false },
  { path: "", good: false },
];

for (const { path, good } of PATHS) {
  Deno.test(`rootShape() ${good ? "takes" : "refuses"} the path ${JSON.stringify(path)} for the metrics`, () => {
    assert.equal(read(nodeOf({ web: { telemetry_path: path } })).lines.length, good ? 0 : 1);
  });
}

Deno.test("SECTIONS has a title for each section that has flags", () => {
  const { settings } = rootShape(COLLECTORS);
  const withFlags = Object.keys(settings).filter((key) =>
    settings[key as keyof typeof settings].flag !== null
  );
  assert.deepEqual(Object.keys(SECTIONS).toSorted(), withFlags.toSorted());
});
