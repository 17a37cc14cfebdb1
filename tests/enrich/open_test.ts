import assert from "node:assert/strict";
import { type Enricher, enricher, type Value } from "../../core/enricher.ts";
import { type Literal, type Node, Problems } from "../../core/node.ts";
import { boolean, setting, text } from "../../core/shape.ts";
import { openEnrichers } from "../../enrich/open.ts";
import { quiet } from "../helpers/enrichers.ts";
import { nothing, placed } from "../helpers/nodes.ts";

/** Puts a text behind the value; adds an output when it is loud. */
const echo: Enricher = enricher({
  name: "echo",
  help: "Says it again",
  needsSettings: true,
  settings: {
    end: setting(text, "!", { help: "What is put behind" }),
    loud: setting(boolean, false, { help: "Whether it can be loud" }),
  },
  outputs: { once: "Once", twice: "Twice" },
  open: ({ end, loud }) => ({
    outputs: loud ? ["loud", "once"] : [],
    lookup: (value: Value, output: string) => `${output} ${value}${end}`,
  }),
});

/** Needs no settings. */
const plain: Enricher = enricher({
  name: "plain",
  help: "Says nothing",
  needsSettings: false,
  settings: { word: setting(text, "default", { help: "What it says" }) },
  outputs: { word: "The word" },
  open: ({ word }) => ({ lookup: () => word }),
});

function open(node: Node | undefined) {
  const problems = new Problems();
  const opened = openEnrichers([echo, plain], node, { ...quiet(), problems });
  return { ...opened, lines: problems.lines() };
}

function good(written: Literal) {
  const { lines, ...opened } = open(placed(written));
  assert.deepEqual(lines, []);
  return opened;
}

for (const { what, node } of [{ what: "not there", node: undefined }, { what: "empty", node: nothing() }]) {
  Deno.test(`openEnrichers() opens those that need no settings when enrich is ${what}`, () => {
    const { lookups, unconfigured, lines } = open(node);
    assert.deepEqual([[...lookups.keys()], unconfigured, lines], [["plain"], ["echo"], []]);
  });
}

Deno.test("openEnrichers() opens a kind under its own name when there is no type", () => {
  const { lookups, unconfigured } = good({ echo: { end: "?" } });
  assert.equal(lookups.get("echo")!.lookup("hi", "once"), "once hi?");
  assert.deepEqual(unconfigured, []);
});

Deno.test("openEnrichers() opens a kind under another name when there is a type", () => {
  const { lookups, unconfigured } = good({ parrot: { type: "echo", end: "?" } });
  assert.equal(lookups.get("parrot")!.lookup("hi", "once"), "once hi?");
  assert.deepEqual(unconfigured, ["echo"]);
});

Deno.test("openEnrichers() opens a kind several times with settings of their own", () => {
  const { lookups } = good({ echo: {}, parrot: { type: "echo", end: "?" } });
  assert.deepEqual(
    [lookups.get("echo")!.lookup("hi", "once"), lookups.get("parrot")!.lookup("hi", "once")],
    ["once hi!", "once hi?"],
  );
});

Deno.test("openEnrichers() opens a kind with defaults when nothing stands under its name", () => {
  const entry = { key: "echo", place: "", value: nothing() };
  const { lookups, lines } = open({ kind: "map", place: "", entries: [entry] });
  assert.deepEqual([lookups.get("echo")?.lookup("hi", "once"), lines], ["once hi!", []]);
});

Deno.test("openEnrichers() takes settings for a kind that needs none", () => {
  assert.equal(good({ plain: { word: "mine" } }).lookups.get("plain")!.lookup("", "word"), "mine");
});

Deno.test("openEnrichers() takes type for the name of another kind than that of the entry", () => {
  assert.equal(good({ plain: { type: "echo" } }).lookups.get("plain")!.lookup("hi", "once"), "once hi!");
});

Deno.test("openEnrichers() gives the outputs of the kind, then those of the configuration, each once", () => {
  assert.deepEqual(good({ echo: { loud: true } }).lookups.get("echo")!.outputs, ["once", "twice", "loud"]);
});

Deno.test("openEnrichers() keeps what a lookup has besides", async () => {
  const calls: unknown[] = [];
  const load = () => Promise.resolve(void calls.push("load"));
  const run = (signal: AbortSignal) => Promise.resolve(void calls.push(signal));
  const onChange = (listener: unknown) => void calls.push(listener);
  const part = (value: Value) => value === "a" ? "b" : undefined, figures = () => [];
  const kind = { ...plain, open: () => ({ lookup: () => undefined, load, run, onChange, part, figures }) };
  const lookup = openEnrichers([kind], undefined, { ...quiet(), problems: new Problems() }).lookups.get(
    "plain",
  )!;
  const { signal } = new AbortController(), listener = () => {};
  await lookup.load!();
  await lookup.run!(signal);
  lookup.onChange!(listener);
  assert.deepEqual(calls, ["load", signal, listener]);
  assert.deepEqual([lookup.part!("a"), lookup.figures!()], ["b", []]);
});

Deno.test("openEnrichers() adds nothing to a lookup that has no background", () => {
  const lookup = openEnrichers([plain], undefined, { ...quiet(), problems: new Problems() }).lookups.get(
    "plain",
  )!;
  const { load, run, onChange, part, figures } = lookup;
  assert.deepEqual([load, run, onChange, part, figures], new Array(5).fill(undefined));
});

/** Remembers in itself, as something with a background does. */
class Memory {
  #word = "remembered";
  lookup(): string {
    return this.#word;
  }
}

Deno.test("openEnrichers() opens a kind whose lookup is an instance of a class", () => {
  const kind = { ...plain, open: () => new Memory() };
  const { lookups } = openEnrichers([kind], undefined, { ...quiet(), problems: new Problems() });
  assert.equal(lookups.get("plain")!.lookup("", "word"), "remembered");
});

const WRONG: readonly { what: string; written: Literal; lines: readonly string[] }[] = [
  { what: "a list", written: ["echo"], lines: [": Expected a map of enrichers, not a list"] },
  { what: "a text", written: "echo", lines: [': Expected a map of enrichers, not "echo"'] },
  {
    what: "an unknown kind",
    written: { ecoh: {} },
    lines: ['key ecoh: Unknown enricher "ecoh" (did you mean "echo"?); known are echo, plain'],
  },
  {
    what: "an unknown type",
    written: { parrot: { type: "nothing" } },
    lines: ['parrot.type: Unknown enricher "nothing"; known are echo, plain'],
  },
  {
    what: "a type that is no text",
    written: { parrot: { type: ["echo"] } },
    lines: ["parrot.type: Expected a text, not a list"],
  },
  {
    what: "an unknown setting",
    written: { echo: { ned: "?" } },
    lines: ['key echo.ned: Unknown key "ned" (did you mean "end"?)'],
  },
  {
    what: "a setting of another name's kind",
    written: { parrot: { type: "plain", end: "?" } },
    lines: ['key parrot.end: Unknown key "end"; known are word'],
  },
  {
    what: "a wrong value",
    written: { echo: { loud: "very" } },
    lines: ['echo.loud: Expected true or false, not "very"'],
  },
  { what: "a text for settings", written: { echo: "?" }, lines: ['echo: Expected a map, not "?"'] },
];

for (const { what, written, lines } of WRONG) {
  Deno.test(`openEnrichers() reports ${what}`, () => {
    assert.deepEqual(open(placed(written)).lines, lines.map((line) => line.replace(/^: /, "")));
  });
}
