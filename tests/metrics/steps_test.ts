import assert from "node:assert/strict";
import type { Value } from "../../core/enricher.ts";
import { Ip } from "../../core/ip.ts";
import { type Literal, type Node, nodeOf, Problems } from "../../core/node.ts";
import { compileRegExp, numberOf, run, type Step, STEPS, textOf, watch } from "../../metrics/steps.ts";
import { nothing } from "../helpers/nodes.ts";

const V4 = Ip.parse("10.1.2.3")!, V6 = Ip.parse("2001:db8:1::1")!;

function compile(name: string, argument?: Node): { step: Step | undefined; problems: string[] } {
  const problems = new Problems();
  const step = STEPS[name]!.compile(argument, problems);
  return { step, problems: problems.lines() };
}

interface Case {
  readonly step: string;
  readonly argument?: Literal;
  readonly value: Value | undefined;
  readonly result: Value | undefined;
}

const CASES: readonly Case[] = [
  { step: "lower", value: "ÄB", result: "äb" },
  { step: "lower", value: V6, result: "2001:db8:1::1" },
  { step: "lower", value: 5, result: "5" },
  { step: "lower", value: undefined, result: undefined },
  { step: "upper", value: "äb", result: "ÄB" },
  { step: "upper", value: undefined, result: undefined },
  { step: "prefix", argument: "eth", value: 0, result: "eth0" },
  { step: "prefix", argument: "eth", value: "", result: "eth" },
  { step: "prefix", argument: "eth", value: undefined, result: undefined },
  { step: "prefix", argument: "to ", value: ["a", V4], result: "to a:10.1.2.3" },
  { step: "suffix", argument: "/32", value: V4, result: "10.1.2.3/32" },
  { step: "suffix", argument: "/32", value: undefined, result: undefined },
  { step: "truncate", argument: 3, value: "abcd", result: "abc" },
  { step: "truncate", argument: 3, value: "ab", result: "ab" },
  { step: "truncate", argument: 2, value: "😀😀😀", result: "😀😀" },
  { step: "truncate", argument: 2, value: 12345, result: "12" },
  { step: "truncate", argument: 2, value: undefined, result: undefined },
  { step: "map", argument: { 6: "tcp", 17: "udp" }, value: 6, result: "tcp" },
  { step: "map", argument: { 6: "tcp", 17: "udp" }, value: "17", result: "udp" },
  { step: "map", argument: { 6: "tcp", 17: "udp" }, value: 1, result: 1 },
  { step: "map", argument: { 6: "tcp", "*": "rest" }, value: 6, result: "tcp" },
  { step: "map", argument: { 6: "tcp", "*": "rest" }, value: 1, result: "rest" },
  { step: "map", argument: { 6: "tcp", "*": "rest" }, value: undefined, result: undefined },
  { step: "map", argument: { "10.1.2.3": "gate" }, value: V4, result: "gate" },
  { step: "map", argument: { 6: "tcp" }, value: "constructor", result: "constructor" },
  { step: "regex", argument: { match: "^(\\w+)\\." }, value: "www.example.org", result: "www" },
  { step: "regex", argument: { match: "^(\\w+)\\." }, value: "localhost", result: undefined },
  { step: "regex", argument: { match: "b+" }, value: "abbc", result: "" },
  { step: "regex", argument: { match: "b+", replace: "$0" }, value: "abbcb", result: "bb" },
  { step: "regex", argument: { match: "(a)(b)", replace: "$2-$1" }, value: "xab", result: "b-a" },
  { step: "regex", argument: { match: "(a)|(b)", replace: "<$1>" }, value: "b", result: "<>" },
  { step: "regex", argument: { match: "a", replace: "$9" }, value: "a", result: "" },
  { step: "regex", argument: { match: "a", replace: "$&" }, value: "a", result: "$&" },
  { step: "regex", argument: { match: "(.*)" }, value: "$1", result: "$1" },
  { step: "regex", argument: { match: "(.*)" }, value: undefined, result: undefined },
  { step: "cidr", argument: { v4: 8 }, value: V4, result: "10.0.0.0/8" },
  { step: "cidr", argument: { v4: 0 }, value: V4, result: "0.0.0.0/0" },
  { step: "cidr", argument: { v4: 8 }, value: V6, result: "2001:db8:1::1/128" },
  { step: "cidr", argument: { v6: 32 }, value: V6, result: "2001:db8::/32" },
  { step: "cidr", argument: { v6: 32 }, value: V4, result: "10.1.2.3/32" },
  { step: "cidr", argument: { v4: 8 }, value: "10.1.2.3", result: undefined },
  { step: "cidr", argument: { v4: 8 }, value: [V4, V4], result: undefined },
  { step: "cidr", argument: { v4: 8 }, value: undefined, result: undefined },
  { step: "port_class", value: 0, result: "well_known" },
  { step: "port_class", value: 1023, result: "well_known" },
  { step: "port_class", value: 1024, result: "registered" },
  { step: "port_class", value: "49151", result: "registered" },
  { step: "port_class", value: 49152, result: "dynamic" },
  { step: "port_class", value: 65535, result: "dynamic" },
  { step: "port_class", value: "https", result: undefined },
  { step: "port_class", value: undefined, result: undefined },
  { step: "static", argument: "here", value: "there", result: "here" },
  { step: "static", argument: "here", value: undefined, result: "here" },
  { step: "static", argument: 7, value: undefined, result: "7" },
  { step: "on_missing", argument: "none", value: undefined, result: "none" },
  { step: "on_missing", argument: "none", value: "", result: "none" },
  { step: "on_missing", argument: "none", value: 0, result: 0 },
  { step: "on_missing", argument: "none", value: V4, result: V4 },
];

for (const { step: name, argument, value, result } of CASES) {
  const shown = argument === undefined ? "" : ` ${JSON.stringify(argument)}`;
  Deno.test(`${name}${shown} makes ${describe(value)} ${describe(result)}`, () => {
    const { step, problems } = compile(name, argument === undefined ? undefined : nodeOf(argument));
    assert.deepEqual(problems, []);
    assert.deepEqual(step!(value), result);
  });
}

function describe(value: Value | undefined): string {
  if (value === undefined) return "nothing";
  return typeof value === "number" ? `the number ${value}` : JSON.stringify(textOf(value));
}

const PROBLEMS: readonly { step: string; argument: Literal; problem: string }[] = [
  { step: "lower", argument: "x", problem: 'Expected no argument, not "x"' },
  { step: "port_class", argument: {}, problem: "Expected no argument, not a map" },
  { step: "prefix", argument: "", problem: 'Expected a text, not ""' },
  { step: "suffix", argument: ["x"], problem: "Expected a text, not a list" },
  { step: "truncate", argument: 0, problem: 'Expected a whole number of at least 1, not "0"' },
  { step: "truncate", argument: "x", problem: 'Expected a whole number of at least 1, not "x"' },
  { step: "map", argument: "x", problem: 'Expected a map, not "x"' },
  { step: "map", argument: { a: "" }, problem: 'Expected a text, not ""' },
  { step: "regex", argument: "x", problem: 'Expected a map, not "x"' },
  { step: "regex", argument: { replace: "$1" }, problem: 'The step "regex" needs the key "match"' },
  {
    step: "regex",
    argument: { match: "x", replaec: "y" },
    problem: 'Unknown key "replaec" (did you mean "replace"?)',
  },
  {
    step: "regex",
    argument: { match: "(" },
    problem: 'Cannot compile the regular expression "(": Unterminated group',
  },
  { step: "cidr", argument: { v4: 33 }, problem: 'Expected a whole number from 0 to 32, not "33"' },
  { step: "cidr", argument: { v6: 129 }, problem: 'Expected a whole number from 0 to 128, not "129"' },
  { step: "cidr", argument: { v5: 8 }, problem: 'Unknown key "v5" (did you mean "v4"?)' },
  { step: "static", argument: [], problem: "Expected a text, not a list" },
  { step: "on_missing", argument: "", problem: 'Expected a text, not ""' },
];

for (const { step: name, argument, problem } of PROBLEMS) {
  Deno.test(`${name} reports what is wrong with ${JSON.stringify(argument)}`, () => {
    assert.deepEqual(compile(name, nodeOf(argument, "rules.yml:1:2")).problems, [
      `rules.yml:1:2: ${problem}`,
    ]);
  });
}

for (const name of ["prefix", "suffix", "truncate", "map", "regex", "cidr", "static", "on_missing"]) {
  Deno.test(`${name} gives no step when it has no argument`, () => {
    assert.equal(compile(name).step, undefined);
  });
}

for (const name of ["prefix", "suffix", "truncate", "static", "on_missing"]) {
  Deno.test(`${name} reports an argument that is not there`, () => {
    assert.match(compile(name, nothing()).problems.join(), /^Expected .*, not nothing$/);
  });
}

Deno.test("run() runs the steps in their order", () => {
  const steps = ["a", "b"].map((text) => compile("suffix", nodeOf(text)).step!);
  assert.equal(run(steps, "x"), "xab");
});

Deno.test("run() goes on after a step that gives nothing", () => {
  const steps = [() => undefined, compile("on_missing", nodeOf("none")).step!];
  assert.equal(run(steps, "x"), "none");
});

Deno.test("run() gives the value when there are no steps", () => {
  assert.equal(run([], V4), V4);
});

const TEXTS: readonly { value: Value; text: string }[] = [
  { value: "a", text: "a" },
  { value: 0.1, text: "0.1" },
  { value: V6, text: "2001:db8:1::1" },
  { value: ["a", 5], text: "a:5" },
  { value: [V4, undefined], text: "10.1.2.3:" },
  { value: [undefined, "b"], text: ":b" },
];

for (const { value, text } of TEXTS) {
  Deno.test(`textOf() gives ${JSON.stringify(text)}`, () => {
    assert.equal(textOf(value), text);
  });
}

const NUMBERS: readonly { value: Value; number: number }[] = [
  { value: 5, number: 5 },
  { value: "5.5", number: 5.5 },
  { value: "", number: NaN },
  { value: "five", number: NaN },
  { value: V4, number: NaN },
  { value: [5], number: NaN },
];

for (const { value, number } of NUMBERS) {
  Deno.test(`numberOf() makes ${describe(value)} ${number}`, () => {
    assert.equal(numberOf(value), number);
  });
}

/** What a memory that watches the steps is told when the step at the position changes. */
function toldOf(position: number, value?: Value): unknown[] {
  const told: unknown[] = [];
  const listeners: ((value?: Value) => void)[] = [];
  const steps = [0, 1].map(() =>
    Object.assign((value?: Value) => value, {
      onChange: (listener: (value?: Value) => void) => void listeners.push(listener),
    })
  );
  watch(steps, { forget: () => told.push("forget"), reopen: (value) => told.push(value) });
  listeners[position]!(value);
  return told;
}

Deno.test("watch() reopens the value that the first step gives another answer for", () => {
  assert.deepEqual(toldOf(0, "a"), ["a"]);
});

Deno.test("watch() forgets all when every answer of the first step may be another", () => {
  assert.deepEqual(toldOf(0), ["forget"]);
});

Deno.test("watch() forgets all when a later step gives another answer for a value", () => {
  assert.deepEqual(toldOf(1, "a"), ["forget"]);
});

Deno.test("watch() asks nothing of steps that do not change", () => {
  watch([(value) => value], { forget: () => assert.fail(), reopen: () => assert.fail() });
});

Deno.test("compileRegExp() reads text as code points", () => {
  assert(compileRegExp("^.$", nodeOf(""), new Problems())!.test("😀"));
});

const UNREADABLE: readonly { source: string; reason: string }[] = [
  { source: "(", reason: "Unterminated group" },
  { source: ")", reason: "Unmatched ')'" },
  { source: "[z-a]", reason: "Range out of order in character class" },
  { source: "*", reason: "Nothing to repeat" },
  { source: "a{2,1}", reason: "numbers out of order in {} quantifier" },
  { source: "/u: (", reason: "Unterminated group" },
  { source: 'a: "b"\n(', reason: "Unterminated group" },
];

for (const { source, reason } of UNREADABLE) {
  Deno.test(`compileRegExp() says of ${JSON.stringify(source)} what was written, without what is added to it`, () => {
    for (const pattern of [source, `^(?:${source})$`]) {
      const problems = new Problems();
      assert.equal(compileRegExp(source, nodeOf(source, "c.yml:1:2"), problems, pattern), undefined);
      assert.deepEqual(problems.lines(), [
        `c.yml:1:2: Cannot compile the regular expression ${JSON.stringify(source)}: ${reason}`,
      ]);
    }
  });
}
