import assert from "node:assert/strict";
import { parseYaml } from "../../config/yaml.ts";
import { entryOf, type Node, Problems } from "../../core/node.ts";

function parse(text: string): { node: Node | undefined; lines: string[] } {
  const problems = new Problems();
  const node = parseYaml(text, "c.yml", problems);
  return { node, lines: problems.lines() };
}

function good(text: string): Node {
  const { node, lines } = parse(text);
  assert.deepEqual(lines, []);
  return node!;
}

/** The value below the keys. */
function at(node: Node, ...keys: readonly string[]): Node {
  return keys.reduce((below, key) => entryOf(below, key)!.value, node);
}

/** A node without places. */
function plain(node: Node): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(plain);
  return node.entries.map(({ key, value }) => [key, plain(value)]);
}

const DOCUMENT = `# A comment
log:
  level: debug
rules:
  - name: "web"
    labels: [state, { name: port }]
  -   name: |
        mail
paths:
`;

const PLACES = [
  { what: "the document", find: (node: Node) => node, place: "2:1" },
  { what: "a key", find: (node: Node) => entryOf(node, "log")!, place: "2:1" },
  { what: "a map in a block", find: (node: Node) => at(node, "log"), place: "3:3" },
  { what: "a key of a map in a map", find: (node: Node) => entryOf(at(node, "log"), "level")!, place: "3:3" },
  { what: "a scalar", find: (node: Node) => at(node, "log", "level"), place: "3:10" },
  { what: "a list in a block", find: (node: Node) => at(node, "rules"), place: "5:3" },
  { what: "an item of a list", find: (node: Node) => itemOf(at(node, "rules"), 0), place: "5:5" },
  {
    what: "a quoted scalar",
    find: (node: Node) => at(itemOf(at(node, "rules"), 0), "name"),
    place: "5:11",
  },
  {
    what: "a list in brackets",
    find: (node: Node) => at(itemOf(at(node, "rules"), 0), "labels"),
    place: "6:13",
  },
  {
    what: "an item in brackets",
    find: (node: Node) => itemOf(at(itemOf(at(node, "rules"), 0), "labels"), 0),
    place: "6:14",
  },
  {
    what: "a map in braces",
    find: (node: Node) => itemOf(at(itemOf(at(node, "rules"), 0), "labels"), 1),
    place: "6:21",
  },
  {
    what: "a scalar in braces",
    find: (node: Node) => at(itemOf(at(itemOf(at(node, "rules"), 0), "labels"), 1), "name"),
    place: "6:29",
  },
  { what: "an item that stands far in", find: (node: Node) => itemOf(at(node, "rules"), 1), place: "7:7" },
  {
    what: "a text in a block",
    find: (node: Node) => at(itemOf(at(node, "rules"), 1), "name"),
    place: "7:13",
  },
  { what: "a value that is not there", find: (node: Node) => at(node, "paths"), place: "9:7" },
];

function itemOf(node: Node, index: number): Node {
  assert(node.kind === "list");
  return node.items[index]!;
}

for (const { what, find, place } of PLACES) {
  Deno.test(`parseYaml() gives ${what} its place`, () => {
    assert.equal(find(good(DOCUMENT)).place, `c.yml:${place}`);
  });
}

Deno.test("parseYaml() counts lines that end in CR LF as one each", () => {
  assert.equal(at(good("a: 1\r\nb: 2\r\n"), "b").place, "c.yml:2:4");
});

Deno.test("parseYaml() counts columns in characters when a line is not ASCII", () => {
  assert.equal(itemOf(at(good("a: [zürich, köln]\n"), "a"), 1).place, "c.yml:1:13");
});

Deno.test("parseYaml() counts the columns of the first line from 1 when the file has a byte order mark", () => {
  assert.equal(good("\ufeffa: 1\n").place, "c.yml:1:1");
});

const SCALARS = [
  { written: "0700", value: 700, text: "0700" },
  { written: "1.10", value: 1.1, text: "1.10" },
  { written: "0x1F", value: 31, text: "0x1F" },
  { written: "0o17", value: 15, text: "0o17" },
  { written: "1e3", value: 1000, text: "1e3" },
  { written: "12345678901234567890", value: 12345678901234567890, text: "12345678901234567890" },
  { written: "-1", value: -1, text: "-1" },
  { written: "true", value: true, text: "true" },
  { written: "False", value: false, text: "false" },
  { written: "yes", value: "yes", text: "yes" },
  { written: "off", value: "off", text: "off" },
  { written: "'0700'", value: "0700", text: "0700" },
  { written: '"true"', value: "true", text: "true" },
  { written: '""', value: "", text: "" },
  { written: '"a\\tb"', value: "a\tb", text: "a\tb" },
  { written: "2001-01-01", value: "2001-01-01", text: "2001-01-01" },
  { written: "10.0.0.1", value: "10.0.0.1", text: "10.0.0.1" },
  { written: "127.0.0.1:9095", value: "127.0.0.1:9095", text: "127.0.0.1:9095" },
  { written: ":9095", value: ":9095", text: ":9095" },
  { written: "12:30:45", value: "12:30:45", text: "12:30:45" },
  { written: "null", value: null, text: "" },
  { written: "~", value: null, text: "" },
  { written: "", value: null, text: "" },
  { written: "!!str 80", value: "80", text: "80" },
  { written: ">-\n  two\n  words", value: "two words", text: "two words" },
];

for (const { written, value, text } of SCALARS) {
  Deno.test(`parseYaml() reads ${JSON.stringify(written)} as ${JSON.stringify(value)} with its text`, () => {
    const node = at(good(`key: ${written}\n`), "key");
    assert.deepEqual(node, { kind: "scalar", place: node.place, value, text });
  });
}

const KEYS = [
  { written: "10.0.0.0/8", key: "10.0.0.0/8" },
  { written: "0443", key: "0443" },
  { written: "1.10", key: "1.10" },
  { written: '"quoted key"', key: "quoted key" },
  { written: "true", key: "true" },
  { written: '"::1"', key: "::1" },
  { written: "__proto__", key: "__proto__" },
];

for (const { written, key } of KEYS) {
  Deno.test(`parseYaml() reads the key ${written} as its text`, () => {
    const node = good(`${written}: 1\n`);
    assert.deepEqual(node.kind === "map" && node.entries.map((entry) => entry.key), [key]);
  });
}

Deno.test("parseYaml() keeps the order of the keys", () => {
  assert.deepEqual(plain(good("b: 1\n443: 2\na: 3\n")), [["b", 1], ["443", 2], ["a", 3]]);
});

for (const text of ["", "\n\n", "# Nothing yet\n", "---\n", "~\n"]) {
  Deno.test(`parseYaml() gives nothing when the file is ${JSON.stringify(text)}`, () => {
    assert.equal(plain(good(text)), null);
  });
}

const NO_MAPS = [
  { what: "a text", text: "collector.sockets\n", kind: "scalar" },
  { what: "a number", text: "42\n", kind: "scalar" },
  { what: "a list", text: "- a\n- b\n", kind: "list" },
];

for (const { what, text, kind } of NO_MAPS) {
  Deno.test(`parseYaml() gives ${what} as it is when that is all there is`, () => {
    const node = good(text);
    assert.deepEqual([node.kind, node.place], [kind, "c.yml:1:1"]);
  });
}

const ERRORS = [
  { what: "a quote is not closed", text: 'a: "x\nb: 1\n', places: ["3:1"] },
  { what: "a bracket is not closed", text: "a: [x, y\n", places: ["2:1"] },
  { what: "a brace is not closed", text: "a: {x: 1", places: ["1:9"] },
  { what: "a tab indents", text: "a:\n\tb: 1\n", places: ["2:1"] },
  { what: "two values stand in a line", text: "x: 1\na: b: c\n", places: ["2:4"] },
  { what: "a value begins with @", text: "a: 1\nb: @c\n", places: ["2:4"] },
  { what: "an escape is unknown", text: 'a: 1\nb: "\\q"\n', places: ["2:5"] },
  { what: "a key is there twice", text: "a: 1\nb: 2\na: 3\n", places: ["3:1"] },
  { what: "a key is there twice, in another writing", text: 'a: 1\n"a": 3\n', places: ["2:1"] },
  { what: "a key is there twice in braces", text: "a: { x: 1, x: 2 }\n", places: ["1:12"] },
  { what: "a key is there three times", text: "a: 1\na: 2\na: 3\n", places: ["2:1", "3:1"] },
];

for (const { what, text, places } of ERRORS) {
  Deno.test(`parseYaml() reports the line and column when ${what}`, () => {
    const { node, lines } = parse(text);
    assert.equal(node, undefined);
    assert.deepEqual(
      lines.map((line) => /^c\.yml:(\d+:\d+): [A-Z]/.exec(line)?.[1]),
      places,
    );
  });
}

Deno.test("parseYaml() reports a second document rather than ignoring it", () => {
  assert.deepEqual(parse("a: 1\n---\nb: 2\n").lines.length, 1);
});

Deno.test("parseYaml() reports an error of syntax once when it makes all that follows wrong", () => {
  assert.equal(parse("[".repeat(5000)).lines.length, 1);
});

Deno.test("parseYaml() gives an alias the value of its anchor", () => {
  assert.deepEqual(plain(at(good("a: &x [1, 2]\nb: *x\n"), "b")), [1, 2]);
});

Deno.test("parseYaml() reports an alias that has no anchor at its place", () => {
  const { lines } = parse("a: 1\nb: *missing\n");
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /^c\.yml:2:4: .*missing/);
});

Deno.test("parseYaml() reports an alias within its own anchor as one that never ends", () => {
  const { lines } = parse("a: 1\nb: &x [*x]\n");
  assert.equal(lines.length, 1);
  assert.doesNotMatch(lines[0]!, /call stack/);
});

const MERGED = [
  {
    what: "the keys of the map under <<",
    text: "base: &b { x: 1, y: 2 }\nc:\n  <<: *b\n  z: 3\n",
    entries: { x: 1, y: 2, z: 3 },
  },
  {
    what: "the keys of all maps of the list under <<",
    text: "a: &a { x: 1 }\nb: &b { y: 2 }\nc:\n  <<: [*a, *b]\n",
    entries: { x: 1, y: 2 },
  },
  {
    what: "the first of several maps under << that have a key",
    text: "a: &a { x: 1 }\nb: &b { x: 2 }\nc:\n  <<: [*a, *b]\n",
    entries: { x: 1 },
  },
  {
    what: "what a map says itself, when << says the same key before",
    text: "base: &b { x: 1 }\nc:\n  <<: *b\n  x: 9\n",
    entries: { x: 9 },
  },
  {
    what: "what a map says itself, when << says the same key after",
    text: "base: &b { x: 1 }\nc:\n  x: 9\n  <<: *b\n",
    entries: { x: 9 },
  },
];

for (const { what, text, entries } of MERGED) {
  Deno.test(`parseYaml() gives ${what}`, () => {
    const read = plain(at(good(text), "c")) as [string, unknown][];
    assert.deepEqual(Object.fromEntries(read), entries);
    assert.equal(read.length, Object.keys(entries).length);
  });
}

Deno.test("parseYaml() takes a quoted << for a key like any other", () => {
  assert.deepEqual(plain(good('"<<": { x: 1 }\n')), [["<<", [["x", 1]]]]);
});

Deno.test("parseYaml() refuses a document that its aliases make enormous", () => {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"];
  for (let i = 1; i < 10; i++) lines.push(`a${i}: &a${i} [${Array(9).fill(`*a${i - 1}`).join(", ")}]`);
  const { node, lines: reported } = parse(lines.join("\n"));
  assert.equal(node, undefined);
  assert.deepEqual(reported, ["c.yml: Cannot read it: it has more than 200000 values"]);
});

Deno.test("parseYaml() reads a large document that has no aliases", () => {
  const text = Array.from({ length: 20_000 }, (_, i) => `k${i}: ${i}\n`).join("");
  assert.equal(at(good(text), "k19999").place, "c.yml:20000:9");
});
