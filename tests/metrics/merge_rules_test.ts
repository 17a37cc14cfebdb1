import assert from "node:assert/strict";
import type { ShippedRule } from "../../core/collector.ts";
import { type Literal, type Node, nodeOf, Problems } from "../../core/node.ts";
import { recordType } from "../../core/record.ts";
import { mergeRules } from "../../metrics/merge_rules.ts";
import { nothing, placed } from "../helpers/nodes.ts";
import { compile } from "../helpers/pipelines.ts";

const SOCKETS = recordType({
  name: "sockets",
  help: "Sockets",
  kind: "snapshot",
  fields: {
    name: { type: "text", help: "Name" },
    bytes: { type: "number", help: "Bytes" },
  },
});

const SHIPPED: readonly ShippedRule[] = [
  { name: "by_name", help: "By name.", source: "sockets", labels: ["name"], max_series: 5 },
  { name: "size", source: "sockets", type: "histogram", value: "bytes", buckets: [1, 2] },
];

/** What has become of the shipped rules and those of a user. */
function merged(user?: Node) {
  const problems = new Problems();
  const { rules } = compile({ types: [SOCKETS], rules: SHIPPED }, { problems, user });
  const byName = new Map(rules.map((rule) => [rule.options.name, rule]));
  return { names: [...byName.keys()], byName, problems: problems.lines() };
}

function withUser(...rules: readonly Literal[]) {
  return merged(placed(rules, "rules"));
}

for (
  const [what, user] of [["no rules", undefined], ["nothing", nothing()], [
    "an empty list",
    nodeOf([]),
  ]] as const
) {
  Deno.test(`mergeRules() gives the shipped rules when the user has ${what}`, () => {
    assert.deepEqual(merged(user).names, ["by_name", "size"]);
  });
}

Deno.test("mergeRules() adds a rule of the user behind the shipped ones", () => {
  assert.deepEqual(withUser({ name: "mine", source: "sockets" }).names, ["by_name", "size", "mine"]);
});

Deno.test("mergeRules() changes the key of a shipped rule that the user writes", () => {
  assert.equal(withUser({ name: "by_name", max_series: 7 }).byName.get("by_name")!.group.maxSeries, 7);
});

Deno.test("mergeRules() keeps the keys of a shipped rule that the user does not write", () => {
  const { options, group } = withUser({ name: "by_name", value: "bytes" }).byName.get("by_name")!;
  assert.deepEqual([options.help, group.labels.length, group.maxSeries], ["By name.", 1, 5]);
});

Deno.test("mergeRules() keeps the place of a shipped rule that the user changes", () => {
  assert.deepEqual(withUser({ name: "by_name", max_series: 7 }).names, ["by_name", "size"]);
});

Deno.test("mergeRules() replaces a list as a whole", () => {
  assert.deepEqual(withUser({ name: "size", buckets: [3] }).byName.get("size")!.options.buckets, [3]);
});

Deno.test("mergeRules() drops the buckets of a shipped rule that the user gives another type", () => {
  const { byName, problems } = withUser({ name: "size", type: "gauge" });
  assert.deepEqual(problems, []);
  assert.deepEqual(byName.get("size")!.options.buckets, []);
});

Deno.test("mergeRules() keeps the buckets of a shipped rule whose type the user repeats", () => {
  const { byName } = withUser({ name: "size", type: "histogram" });
  assert.deepEqual(byName.get("size")!.options.buckets, [1, 2]);
});

Deno.test("mergeRules() lets the user switch a shipped rule off", () => {
  assert.deepEqual(withUser({ name: "by_name", enabled: false }).names, ["size"]);
});

Deno.test("mergeRules() gives a problem with a key of the user its place", () => {
  assert.deepEqual(withUser({ name: "by_name", value: "byts" }).problems, [
    'rules[0].value: Expected count or a field that is a number, not "byts" (did you mean "bytes"?)',
  ]);
});

Deno.test("mergeRules() gives a problem that a change makes the place of what the user says", () => {
  assert.deepEqual(withUser({ name: "by_name", type: "histogram", value: "bytes" }).problems, [
    'rules[0].type: A histogram needs "buckets": numbers that ascend',
  ]);
});

Deno.test("mergeRules() does not change the shipped rules", () => {
  const before = structuredClone(SHIPPED);
  withUser({ name: "by_name", labels: [], max_series: 7 });
  assert.deepEqual(SHIPPED, before);
});

const PROBLEMS: readonly { user: Literal; problem: string }[] = [
  { user: "x", problem: 'rules: Expected a list of rules, not "x"' },
  { user: { name: "x" }, problem: "rules: Expected a list of rules, not a map" },
  { user: ["x"], problem: 'rules[0]: Expected a rule, not "x"' },
  { user: [["x"]], problem: "rules[0]: Expected a rule, not a list" },
  { user: [{ source: "sockets" }], problem: 'rules[0]: A rule needs the key "name"' },
  { user: [{ name: "" }], problem: 'rules[0]: A rule needs the key "name"' },
  { user: [{ name: ["x"] }], problem: 'rules[0]: A rule needs the key "name"' },
  {
    user: [{ name: "a" }, { name: "b" }, { name: "a" }],
    problem: 'rules[2].name: The rule "a" is already defined at rules[0].name',
  },
  {
    user: [{ name: "by_name" }, { name: "by_name" }],
    problem: 'rules[1].name: The rule "by_name" is already defined at rules[0].name',
  },
];

for (const { user, problem } of PROBLEMS) {
  Deno.test(`mergeRules() reports what is wrong with ${JSON.stringify(user)}`, () => {
    const problems = new Problems();
    mergeRules(SHIPPED, placed(user, "rules"), problems);
    assert.deepEqual(problems.lines(), [problem]);
  });
}
