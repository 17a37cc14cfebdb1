import assert from "node:assert/strict";
import { inspect } from "node:util";
import { Log, type LogFormat } from "../../core/log.ts";
import { type Node, nodeOf, Problems } from "../../core/node.ts";
import { Secret, secret } from "../../core/secret.ts";
import { list, optional, record, shownValue, table } from "../../core/shape.ts";
import { nothing, placed } from "../helpers/nodes.ts";
import { withFakeTimers } from "../helpers/timers.ts";

const TEXT = "hunter2", SECRET = new Secret(TEXT);

/** What is printed by the body. */
function printed(body: () => void): string {
  const lines: unknown[] = [], { log } = console;
  console.log = (...values: unknown[]) => lines.push(...values.map((value) => Deno.inspect(value)));
  try {
    body();
  } finally {
    console.log = log;
  }
  return lines.join("\n");
}

function logged(format: LogFormat): string {
  const lines: string[] = [];
  const log = new Log({
    level: "debug",
    format,
    write: (line) => lines.push(line),
    details: { own: SECRET },
  });
  withFakeTimers(() => log.info("m", { password: SECRET, list: [SECRET], map: { SECRET } }));
  return lines.join("");
}

function stackOf(error: Error): string {
  return `${error.stack} ${Deno.inspect(error)} ${inspect(error)}`;
}

const SHOWN: Readonly<Record<string, () => string>> = {
  "String()": () => String(SECRET),
  "a template": () => `${SECRET}`,
  "a sum of texts": () => "" + SECRET,
  "toLocaleString()": () => SECRET.toLocaleString(),
  "a list that is joined": () => [SECRET].join(),
  "JSON.stringify()": () => JSON.stringify(SECRET),
  "JSON.stringify() of what has it": () => JSON.stringify({ a: [{ SECRET }] }),
  "Deno.inspect()": () => Deno.inspect(SECRET),
  "Deno.inspect() of all that there is": () =>
    Deno.inspect({ a: [SECRET] }, { depth: Infinity, showHidden: true, getters: true }),
  "inspect() of node:util": () => inspect(SECRET, { showHidden: true, depth: null, getters: true }),
  "console.log()": () => printed(() => console.log(SECRET, { SECRET })),
  "the message of an error": () => stackOf(new Error(`Cannot log in: ${SECRET}`)),
  "the cause of an error": () => stackOf(new Error("Cannot log in", { cause: SECRET })),
  "an error that has it": () => stackOf(Object.assign(new Error("Cannot log in"), { SECRET })),
  "its keys and values": () =>
    JSON.stringify([Object.entries(SECRET), Reflect.ownKeys(SECRET), { ...SECRET }]),
  "a copy": () => Deno.inspect(structuredClone(SECRET), { showHidden: true }),
  "a line of logfmt": () => logged("logfmt"),
  "a line of JSON": () => logged("json"),
  "its shape": () => JSON.stringify(shownValue(secret, SECRET)),
  "a list of its shape": () => JSON.stringify(shownValue(list(secret), [SECRET])),
  "a table of its shape": () => JSON.stringify(shownValue(table(secret), new Map([["a", SECRET]]))),
  "a record of its shape": () => {
    const shape = record({ password: optional(secret, { help: "" }) });
    return JSON.stringify(shownValue(shape, { password: SECRET }));
  },
};

for (const [where, show] of Object.entries(SHOWN)) {
  Deno.test(`a secret does not show itself in ${where}`, () => {
    const shown = show();
    assert(shown.length > 0 && !shown.includes(TEXT), shown);
  });
}

Deno.test("a secret says that it is one where a text is wanted", () => {
  const texts = [String(SECRET), JSON.parse(JSON.stringify(SECRET)), shownValue(secret, SECRET)];
  assert.deepEqual(texts, ["<secret>", "<secret>", "<secret>"]);
});

Deno.test("reveal() gives the text of a secret", () => {
  assert.equal(SECRET.reveal(), TEXT);
});

function read(node: Node): { text: string | undefined; lines: string[] } {
  const problems = new Problems();
  return { text: secret.read(node, problems)?.reveal(), lines: problems.lines() };
}

for (const text of [TEXT, " ", "a b", "<secret>", "ä😀", "\n"]) {
  Deno.test(`the shape of a secret reads ${JSON.stringify(text)}`, () => {
    assert.deepEqual(read(nodeOf(text)), { text, lines: [] });
  });
}

Deno.test("the shape of a secret keeps a number as it was written", () => {
  assert.deepEqual(read({ kind: "scalar", place: "", value: 448, text: "0700" }), {
    text: "0700",
    lines: [],
  });
});

Deno.test("the shape of a secret reads a switch as it was written", () => {
  assert.deepEqual(read(nodeOf(true)), { text: "true", lines: [] });
});

const REFUSED: readonly { readonly what: string; readonly node: Node; readonly not: string }[] = [
  { what: "a list", node: placed([TEXT], "c.yml:1:2"), not: "a list" },
  { what: "a map", node: placed({ [TEXT]: TEXT }, "c.yml:1:2"), not: "a map" },
  { what: "a key with nothing after it", node: nothing("c.yml:1:2"), not: "nothing" },
  { what: "an empty text", node: placed("", "c.yml:1:2"), not: "nothing" },
];

for (const { what, node, not } of REFUSED) {
  Deno.test(`the shape of a secret refuses ${what} without quoting it`, () => {
    const lines = [`c.yml:1:2: Expected a secret text, not ${not}`];
    assert.deepEqual(read(node), { text: undefined, lines });
  });
}
