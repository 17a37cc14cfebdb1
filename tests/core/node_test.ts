import assert from "node:assert/strict";
import { describe, entryOf, nodeOf, Problems } from "../../core/node.ts";
import { nothing } from "../helpers/nodes.ts";

const SCALARS = [
  { value: "tcp", text: "tcp" },
  { value: "", text: "" },
  { value: 80, text: "80" },
  { value: 1.5, text: "1.5" },
  { value: true, text: "true" },
  { value: false, text: "false" },
];

for (const { value, text } of SCALARS) {
  Deno.test(`nodeOf() makes ${JSON.stringify(value)} a scalar with its text`, () => {
    assert.deepEqual(nodeOf(value, "--flag"), { kind: "scalar", place: "--flag", value, text });
  });
}

Deno.test("nodeOf() makes an array a list", () => {
  assert.deepEqual(nodeOf(["tcp", 80], "--flag"), {
    kind: "list",
    place: "--flag",
    items: [nodeOf("tcp", "--flag"), nodeOf(80, "--flag")],
  });
});

Deno.test("nodeOf() makes an object a map", () => {
  assert.deepEqual(nodeOf({ port: 80 }, "--flag"), {
    kind: "map",
    place: "--flag",
    entries: [{ key: "port", place: "--flag", value: nodeOf(80, "--flag") }],
  });
});

Deno.test("nodeOf() gives every level the place", () => {
  assert.deepEqual(nodeOf({ a: [{ b: 1 }] }, "--flag"), {
    kind: "map",
    place: "--flag",
    entries: [{ key: "a", place: "--flag", value: nodeOf([{ b: 1 }], "--flag") }],
  });
});

Deno.test("nodeOf() keeps the order of the keys", () => {
  const node = nodeOf({ b: 1, a: 2 });
  assert.deepEqual(node.kind === "map" && node.entries.map((entry) => entry.key), ["b", "a"]);
});

Deno.test("nodeOf() has no place unless one is given", () => {
  assert.equal(nodeOf("tcp").place, "");
});

const DESCRIPTIONS = [
  { node: nodeOf("tcp"), text: '"tcp"' },
  { node: nodeOf(80), text: '"80"' },
  { node: nodeOf(""), text: '""' },
  { node: nodeOf('a "b"\n'), text: '"a \\"b\\"\\n"' },
  { node: nothing(), text: "nothing" },
  { node: nodeOf([]), text: "a list" },
  { node: nodeOf({}), text: "a map" },
];

for (const { node, text } of DESCRIPTIONS) {
  Deno.test(`describe() names a node ${text}`, () => {
    assert.equal(describe(node), text);
  });
}

Deno.test("describe() names a number as it was written", () => {
  assert.equal(describe({ kind: "scalar", place: "", value: 448, text: "0700" }), '"0700"');
});

Deno.test("entryOf() finds the entry of a key", () => {
  assert.deepEqual(entryOf(nodeOf({ a: 1, b: 2 }), "b"), { key: "b", place: "", value: nodeOf(2) });
});

Deno.test("entryOf() gives nothing for a key that is not there", () => {
  assert.equal(entryOf(nodeOf({ a: 1 }), "toString"), undefined);
});

Deno.test("entryOf() gives nothing for a list", () => {
  assert.equal(entryOf(nodeOf(["a"]), "a"), undefined);
});

Deno.test("entryOf() gives nothing for no node", () => {
  assert.equal(entryOf(undefined, "a"), undefined);
});

Deno.test("Problems has none at first", () => {
  assert.equal(new Problems().any, false);
});

Deno.test("Problems has some after add()", () => {
  const problems = new Problems();
  problems.add("a.yaml:1:2", "Wrong");
  assert.equal(problems.any, true);
});

Deno.test("Problems takes the place of a node", () => {
  const problems = new Problems();
  problems.add(nodeOf(1, "a.yaml:1:2"), "Wrong");
  assert.deepEqual(problems.list, [{ place: "a.yaml:1:2", message: "Wrong" }]);
});

Deno.test("Problems.lines() puts the place before the message", () => {
  const problems = new Problems();
  problems.add("a.yaml:1:2", "Wrong");
  assert.deepEqual(problems.lines(), ["a.yaml:1:2: Wrong"]);
});

Deno.test("Problems.lines() gives the message alone when there is no place", () => {
  const problems = new Problems();
  problems.add("", "Wrong");
  assert.deepEqual(problems.lines(), ["Wrong"]);
});

Deno.test("Problems.lines() keeps the order in which those of flags were added", () => {
  const problems = new Problems();
  problems.add("b", "First");
  problems.add("a", "Second");
  assert.deepEqual(problems.lines(), ["b: First", "a: Second"]);
});

Deno.test("Problems.lines() puts those of a file in the order of its lines and columns", () => {
  const problems = new Problems();
  const places = ["a.yaml:10:1", "a.yaml:9:10", "a.yaml:2:120", "a.yaml:9:2"];
  for (const place of places) problems.add(place, "Wrong");
  assert.deepEqual(
    problems.lines(),
    ["a.yaml:2:120", "a.yaml:9:2", "a.yaml:9:10", "a.yaml:10:1"].map((place) => `${place}: Wrong`),
  );
  assert.deepEqual(problems.list.map(({ place }) => place), places);
});

Deno.test("Problems.lines() keeps the order in which those of one place were added", () => {
  const problems = new Problems();
  for (const message of ["Second", "First"]) problems.add("a.yaml:1:2", message);
  assert.deepEqual(problems.lines(), ["a.yaml:1:2: Second", "a.yaml:1:2: First"]);
});

Deno.test("Problems.lines() keeps the order of flags when a file has problems too", () => {
  const problems = new Problems();
  for (const place of ["a.yaml:3:1", "--b", "a.yaml:1:2", "--a"]) problems.add(place, "Wrong");
  assert.deepEqual(problems.lines(), ["--b: Wrong", "--a: Wrong", "a.yaml:1:2: Wrong", "a.yaml:3:1: Wrong"]);
});
