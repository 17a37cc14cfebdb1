import assert from "node:assert/strict";
import { type Literal, type Node, nodeOf, Problems } from "../../core/node.ts";
import { secret } from "../../core/secret.ts";
import {
  anything,
  boolean,
  choice,
  duration,
  file,
  folder,
  list,
  number,
  optional,
  record,
  setting,
  type Shape,
  shownValue,
  table,
  text,
} from "../../core/shape.ts";
import { mapOf, nothing } from "../helpers/nodes.ts";

function read<T>(shape: Shape<T>, node: Node): { value: T | undefined; lines: string[] } {
  const problems = new Problems();
  return { value: shape.read(node, problems), lines: problems.lines() };
}

const NUMBER = number(), PORT = number({ min: 1, max: 65535, integer: true });
const LEVEL = choice(["debug", "info", "warn", "error"]);

interface Good {
  readonly name: string;
  readonly shape: Shape<unknown>;
  readonly values: readonly (readonly [written: Literal, read: unknown])[];
}

const GOOD: readonly Good[] = [
  { name: "text", shape: text, values: [["a b", "a b"], [80, "80"], [true, "true"], [" ", " "]] },
  { name: "file", shape: file, values: [["/etc/a", "/etc/a"], ["a.mmdb", "a.mmdb"]] },
  {
    name: "folder",
    shape: folder,
    values: [["/proc", "/proc"], ["/proc/", "/proc"], ["a//", "a"], ["/", "/"]],
  },
  {
    name: "boolean",
    shape: boolean,
    values: [[true, true], [false, false], ["true", true], ["false", false]],
  },
  {
    name: "number()",
    shape: NUMBER,
    values: [[80, 80], ["80", 80], ["-1.5", -1.5], ["1e3", 1000], [0, 0]],
  },
  {
    name: "number() with a range of whole numbers",
    shape: PORT,
    values: [[1, 1], ["65535", 65535], ["80.0", 80]],
  },
  {
    name: "duration",
    shape: duration,
    values: [
      [90, 90],
      ["0.5", 0.5],
      ["250ms", 0.25],
      ["1.5s", 1.5],
      ["5m", 300],
      ["2h", 7200],
      ["1d", 86400],
      ["1h30m", 5400],
      ["1m1.5s", 61.5],
      ["1s0ms", 1],
    ],
  },
  { name: "choice()", shape: LEVEL, values: [["debug", "debug"], ["error", "error"]] },
  {
    name: "list()",
    shape: list(PORT),
    values: [[[80, 443], [80, 443]], [[], []], [80, [80]]],
  },
  {
    name: "table()",
    shape: table(PORT),
    values: [[{ http: 80, https: 443 }, new Map([["http", 80], ["https", 443]])], [{}, new Map()]],
  },
];

for (const { name, shape, values } of GOOD) {
  for (const [written, value] of values) {
    Deno.test(`${name} reads ${JSON.stringify(written)}`, () => {
      assert.deepEqual(read(shape, nodeOf(written)), { value, lines: [] });
    });
  }
}

const BAD: readonly { name: string; shape: Shape<unknown>; written: Node; message: string }[] = [
  { name: "text", shape: text, written: nodeOf(""), message: 'Expected a text, not ""' },
  { name: "text", shape: text, written: nothing(), message: "Expected a text, not nothing" },
  { name: "text", shape: text, written: nodeOf([]), message: "Expected a text, not a list" },
  { name: "text", shape: text, written: nodeOf({}), message: "Expected a text, not a map" },
  { name: "file", shape: file, written: nodeOf(""), message: 'Expected the path of a file, not ""' },
  { name: "folder", shape: folder, written: nodeOf(""), message: 'Expected the path of a folder, not ""' },
  { name: "boolean", shape: boolean, written: nodeOf("yes"), message: 'Expected true or false, not "yes"' },
  { name: "boolean", shape: boolean, written: nodeOf("True"), message: 'Expected true or false, not "True"' },
  { name: "boolean", shape: boolean, written: nodeOf(1), message: 'Expected true or false, not "1"' },
  { name: "boolean", shape: boolean, written: nothing(), message: "Expected true or false, not nothing" },
  { name: "number()", shape: NUMBER, written: nodeOf("many"), message: 'Expected a number, not "many"' },
  { name: "number()", shape: NUMBER, written: nodeOf("8O"), message: 'Expected a number, not "8O"' },
  { name: "number()", shape: NUMBER, written: nodeOf(""), message: 'Expected a number, not ""' },
  { name: "number()", shape: NUMBER, written: nodeOf(" "), message: 'Expected a number, not " "' },
  { name: "number()", shape: NUMBER, written: nodeOf("NaN"), message: 'Expected a number, not "NaN"' },
  {
    name: "number()",
    shape: NUMBER,
    written: nodeOf("Infinity"),
    message: 'Expected a number, not "Infinity"',
  },
  { name: "number()", shape: NUMBER, written: nothing(), message: "Expected a number, not nothing" },
  { name: "number()", shape: NUMBER, written: nodeOf([1]), message: "Expected a number, not a list" },
  {
    name: "number() with a range",
    shape: PORT,
    written: nodeOf(0),
    message: 'Expected a whole number from 1 to 65535, not "0"',
  },
  {
    name: "number() with a range",
    shape: PORT,
    written: nodeOf(65536),
    message: 'Expected a whole number from 1 to 65535, not "65536"',
  },
  {
    name: "number() of whole numbers",
    shape: PORT,
    written: nodeOf(80.5),
    message: 'Expected a whole number from 1 to 65535, not "80.5"',
  },
  {
    name: "number() with a least value",
    shape: number({ min: 0 }),
    written: nodeOf(-1),
    message: 'Expected a number of at least 0, not "-1"',
  },
  {
    name: "number() with a name",
    shape: number({ min: 1, integer: true, what: "a number of series" }),
    written: nodeOf("0"),
    message: 'Expected a number of series of at least 1, not "0"',
  },
  ...[
    "0",
    "0s",
    "-5s",
    "5 m",
    "5w",
    "1h 30m",
    "1h30",
    "30-1h",
    "0h0m",
    "m",
    "",
    "1.s",
    ".5s",
    "5M",
    "1e3",
    "5m\n",
  ].map((written) => ({
    name: "duration",
    shape: duration,
    written: nodeOf(written),
    message: `Expected a duration such as 30s, 5m or 2h, not ${JSON.stringify(written)}`,
  })),
  {
    name: "duration",
    shape: duration,
    written: nothing(),
    message: "Expected a duration such as 30s, 5m or 2h, not nothing",
  },
  {
    name: "choice()",
    shape: LEVEL,
    written: nodeOf("loud"),
    message: 'Expected one of debug, info, warn, error, not "loud"',
  },
  {
    name: "choice()",
    shape: LEVEL,
    written: nodeOf("wran"),
    message: 'Expected one of debug, info, warn, error, not "wran" (did you mean "warn"?)',
  },
  {
    name: "choice()",
    shape: LEVEL,
    written: nodeOf("INFO"),
    message: 'Expected one of debug, info, warn, error, not "INFO" (did you mean "info"?)',
  },
  {
    name: "choice()",
    shape: LEVEL,
    written: nothing(),
    message: "Expected one of debug, info, warn, error, not nothing",
  },
  {
    name: "choice()",
    shape: LEVEL,
    written: nodeOf(["info"]),
    message: "Expected one of debug, info, warn, error, not a list",
  },
  {
    name: "list()",
    shape: list(PORT),
    written: nodeOf({ a: 1 }),
    message: "Expected a whole number from 1 to 65535, not a map",
  },
  { name: "table()", shape: table(PORT), written: nodeOf(80), message: 'Expected a map, not "80"' },
  { name: "table()", shape: table(PORT), written: nodeOf([80]), message: "Expected a map, not a list" },
  { name: "record()", shape: record({}), written: nodeOf("a"), message: 'Expected a map, not "a"' },
  { name: "record()", shape: record({}), written: nodeOf([]), message: "Expected a map, not a list" },
];

for (const { name, shape, written, message } of BAD) {
  Deno.test(`${name} says: ${message}`, () => {
    assert.deepEqual(read(shape, written), { value: undefined, lines: [message] });
  });
}

const EXPECTS = [
  { shape: text, expects: "a text" },
  { shape: boolean, expects: "true or false" },
  { shape: NUMBER, expects: "a number" },
  { shape: number({ integer: true }), expects: "a whole number" },
  { shape: number({ min: 0 }), expects: "a number of at least 0" },
  { shape: PORT, expects: "a whole number from 1 to 65535" },
  { shape: duration, expects: "a duration such as 30s, 5m or 2h" },
  { shape: LEVEL, expects: "one of debug, info, warn, error" },
  { shape: list(text), expects: "a list, each item a text" },
  { shape: table(text), expects: "a map, each value a text" },
  { shape: record({}), expects: "a map" },
  { shape: anything, expects: "a value" },
];

for (const { shape, expects } of EXPECTS) {
  Deno.test(`a shape expects ${expects}`, () => {
    assert.equal(shape.expects, expects);
  });
}

Deno.test("number() with only a greatest value names no least one", () => {
  assert.doesNotMatch(number({ max: 5 }).expects, /Infinity/);
});

Deno.test("text keeps a number as it was written", () => {
  const node: Node = { kind: "scalar", place: "", value: 448, text: "0700" };
  assert.equal(read(text, node).value, "0700");
});

Deno.test("a message begins with the place of the value", () => {
  assert.deepEqual(read(PORT, nodeOf("x", "a.yaml:3:7")).lines, [
    'a.yaml:3:7: Expected a whole number from 1 to 65535, not "x"',
  ]);
});

Deno.test("boolean is a flag that needs no value", () => {
  assert.equal(boolean.boolean, true);
});

Deno.test("list() is a flag that may be repeated", () => {
  assert.equal(list(text).repeatable, true);
});

Deno.test("list() says what is wrong with every item, each with its place", () => {
  const node: Node = {
    kind: "list",
    place: "1:1",
    items: [nodeOf("x", "1:2"), nodeOf(80), nodeOf("y", "1:8")],
  };
  assert.deepEqual(read(list(PORT), node), {
    value: undefined,
    lines: [
      '1:2: Expected a whole number from 1 to 65535, not "x"',
      '1:8: Expected a whole number from 1 to 65535, not "y"',
    ],
  });
});

Deno.test("list() reads lists of lists", () => {
  assert.deepEqual(read(list(list(PORT)), nodeOf([[1, 2], [3], 4])).value, [[1, 2], [3], [4]]);
});

Deno.test("list() keeps values that are false, zero or empty", () => {
  assert.deepEqual(read(list(boolean), nodeOf([false, true])).value, [false, true]);
});

Deno.test("table() says what is wrong with every value, each with its place", () => {
  const node = mapOf([
    { key: "a", place: "1:1", value: nodeOf("x", "1:4") },
    { key: "b", place: "2:1", value: nodeOf("y", "2:4") },
  ]);
  assert.deepEqual(read(table(PORT), node).lines, [
    '1:4: Expected a whole number from 1 to 65535, not "x"',
    '2:4: Expected a whole number from 1 to 65535, not "y"',
  ]);
});

Deno.test("table() keeps the values that are right", () => {
  assert.deepEqual(read(table(PORT), nodeOf({ a: "x", b: 80 })).value, new Map([["b", 80]]));
});

Deno.test("table() takes keys that objects have of their own", () => {
  const node = mapOf([{ key: "__proto__", place: "", value: nodeOf(80) }]);
  assert.deepEqual(read(table(PORT), node).value, new Map([["__proto__", 80]]));
});

Deno.test("table() reads nothing as an empty map", () => {
  assert.deepEqual(read(table(PORT), nothing()), { value: new Map(), lines: [] });
});

const SHOWN_TABLES: readonly {
  readonly what: string;
  readonly written: Literal;
  readonly item: Shape<unknown>;
  readonly shown: unknown;
}[] = [
  { what: "texts", written: { a: "b" }, item: text, shown: { a: "b" } },
  { what: "secrets", written: { a: "b" }, item: secret, shown: { a: "<secret>" } },
  {
    what: "lists of secrets",
    written: { a: ["b", "c"] },
    item: list(secret),
    shown: { a: ["<secret>", "<secret>"] },
  },
  {
    what: "records with secrets",
    written: { a: { user: "b", password: "c" }, d: { user: "e" } },
    item: record({ user: optional(text, { help: "" }), password: optional(secret, { help: "" }) }),
    shown: { a: { user: "b", password: "<secret>" }, d: { user: "e" } },
  },
  { what: "tables", written: { a: { b: "c" } }, item: table(secret), shown: { a: { b: "<secret>" } } },
  { what: "nothing", written: {}, item: secret, shown: {} },
];

for (const { what, written, item, shown } of SHOWN_TABLES) {
  Deno.test(`table() shows ${what} by the shape of its values`, () => {
    const shape = table(item), { value, lines } = read(shape, nodeOf(written));
    assert.deepEqual([lines, shownValue(shape, value!)], [[], shown]);
  });
}

Deno.test("table() of records keeps a key that has nothing after it", () => {
  const node = mapOf([{ key: "office", place: "", value: nothing() }]);
  assert.deepEqual(read(table(LISTENER), node), {
    value: new Map([["office", { port: 80, host: undefined, tags: ["a"] }]]),
    lines: [],
  });
});

for (const node of [nodeOf("a"), nodeOf([1]), nodeOf({ a: 1 }), nothing()]) {
  Deno.test(`anything gives ${node.kind === "scalar" ? JSON.stringify(node.value) : node.kind} as it is`, () => {
    assert.equal(read(anything, node).value, node);
  });
}

const LISTENER = record({
  port: setting(PORT, 80, { help: "Where to listen." }),
  host: optional(text, { help: "Whom to listen to." }),
  tags: setting(list(text), ["a"], { help: "What it is for." }),
});

Deno.test("record() reads the keys that are written", () => {
  assert.deepEqual(read(LISTENER, nodeOf({ port: 9095, host: "::1", tags: ["b", "c"] })), {
    value: { port: 9095, host: "::1", tags: ["b", "c"] },
    lines: [],
  });
});

Deno.test("record() gives the defaults of keys that are not written", () => {
  assert.deepEqual(read(LISTENER, nodeOf({})), {
    value: { port: 80, host: undefined, tags: ["a"] },
    lines: [],
  });
});

Deno.test("record() reads nothing as an empty map", () => {
  assert.deepEqual(read(LISTENER, nothing()), {
    value: { port: 80, host: undefined, tags: ["a"] },
    lines: [],
  });
});

Deno.test("record() gives the default of a key that is wrong", () => {
  assert.equal(read(LISTENER, nodeOf({ port: "x" })).value?.port, 80);
});

Deno.test("record() says what is wrong with every value, each with its place", () => {
  const node = mapOf([
    { key: "port", place: "1:1", value: nodeOf("x", "1:7") },
    { key: "host", place: "2:1", value: nodeOf([], "2:7") },
  ]);
  assert.deepEqual(read(LISTENER, node).lines, [
    '1:7: Expected a whole number from 1 to 65535, not "x"',
    "2:7: Expected a text, not a list",
  ]);
});

Deno.test("record() reports an unknown key at the place of the key", () => {
  const node = mapOf([{ key: "colour", place: "a.yaml:1:1", value: nodeOf("x", "a.yaml:1:9") }]);
  assert.deepEqual(read(LISTENER, node).lines, [
    'a.yaml:1:1: Unknown key "colour"; known are port, host, tags',
  ]);
});

Deno.test("record() names the known key nearest to an unknown one", () => {
  assert.deepEqual(read(LISTENER, nodeOf({ prot: 1 })).lines, ['Unknown key "prot" (did you mean "port"?)']);
});

Deno.test("record() names no known keys when it has none", () => {
  assert.deepEqual(read(record({}), nodeOf({ colour: 1 })).lines, ['Unknown key "colour"']);
});

Deno.test("record() reads the other keys when one is unknown", () => {
  assert.equal(read(LISTENER, nodeOf({ colour: 1, port: 9095 })).value?.port, 9095);
});

for (const key of ["toString", "constructor", "hasOwnProperty", "__proto__"]) {
  Deno.test(`record() reports ${key} as an unknown key`, () => {
    const node = mapOf([{ key, place: "1:1", value: nodeOf("x") }]);
    assert.deepEqual(read(LISTENER, node).lines, [`1:1: Unknown key "${key}"; known are port, host, tags`]);
  });
}

Deno.test("record() reads records in records", () => {
  const inner = record({
    port: setting(PORT, 80, { help: "A port." }),
    name: setting(text, "a", { help: "A name." }),
  });
  const shape = record({ web: setting(inner, { port: 1, name: "b" }, { help: "The web." }) });
  assert.deepEqual(read(shape, nodeOf({ web: { port: 9095 } })).value, { web: { port: 9095, name: "a" } });
});

Deno.test("record() reads a record in a record that has nothing after its key as an empty map", () => {
  const shape = record({ web: optional(LISTENER, { help: "The web." }) });
  const node = mapOf([{ key: "web", place: "", value: nothing() }]);
  assert.deepEqual(read(shape, node).value, { web: { port: 80, host: undefined, tags: ["a"] } });
});

Deno.test("list() of records keeps its items when one has nothing in it", () => {
  const node: Node = { kind: "list", place: "", items: [nodeOf({ port: 9095 }), nothing()] };
  assert.deepEqual(read(list(LISTENER), node), {
    value: [{ port: 9095, host: undefined, tags: ["a"] }, { port: 80, host: undefined, tags: ["a"] }],
    lines: [],
  });
});

Deno.test("record() shows its settings", () => {
  assert.deepEqual(Object.keys(LISTENER.settings), ["port", "host", "tags"]);
});

Deno.test("setting() keeps its options", () => {
  const { help, flag, alias } = setting(text, "any", { help: "Which.", flag: null, alias: "i" });
  assert.deepEqual({ help, flag, alias }, { help: "Which.", flag: null, alias: "i" });
});
