import assert from "node:assert/strict";
import { COLLECTORS } from "../../collectors/mod.ts";
import { type Flag, flagsOf } from "../../config/flags.ts";
import { helpText } from "../../config/help.ts";
import { rootShape, SECTIONS } from "../../config/settings.ts";
import { boolean, choice, list, number, optional, setting, type Settings, text } from "../../core/shape.ts";

const FLAGS = flagsOf(rootShape(COLLECTORS).settings);
const HELP = helpText(FLAGS, SECTIONS);

Deno.test("helpText() is the text of tests/testdata/help.txt", async () => {
  assert.equal(HELP, await Deno.readTextFile(new URL("../testdata/help.txt", import.meta.url)));
});

for (const { name } of FLAGS) {
  Deno.test(`helpText() has the flag --${name} once`, () => {
    const lines = HELP.split("\n").filter((line) => line.trim().split(/[ ,=]/)[0] === `--${name}`);
    assert.equal(lines.length, 1);
  });
}

/** The line of a flag, without what is in its columns' gap. */
function lineOf(settings: Settings): string {
  const flags: readonly Flag[] = flagsOf(settings, ["log"]);
  const help = helpText(flags, { log: "Log" });
  return help.slice(help.indexOf("Log:\n") + 5).split("\n\n")[0]!.trim().replace(/\s+/g, " ");
}

const LINES = [
  {
    what: "a text with a default",
    key: setting(text, "any", { help: "Where" }),
    line: "--log.key=VALUE Where (default: any)",
  },
  {
    what: "a text without default",
    key: optional(text, { help: "Where" }),
    line: "--log.key=VALUE Where",
  },
  {
    what: "a switch that is off",
    key: setting(boolean, false, { help: "Whether" }),
    line: "--log.key Whether (default: off)",
  },
  {
    what: "a switch that is on",
    key: setting(boolean, true, { help: "Whether" }),
    line: "--log.key Whether (default: on)",
  },
  {
    what: "a choice",
    key: setting(choice(["a", "b"]), "a", { help: "Which" }),
    line: "--log.key=VALUE Which (a, b; default: a)",
  },
  {
    what: "a number",
    key: setting(number({ min: 1 }), 5, { help: "How many" }),
    line: "--log.key=VALUE How many (default: 5)",
  },
  {
    what: "a list",
    key: setting(list(text), [], { help: "Which", shown: "none" }),
    line: "--log.key=VALUE… Which (may be repeated; default: none)",
  },
  {
    what: "an alias",
    key: setting(text, "any", { help: "Where", alias: "i" }),
    line: "--log.key, -i=VALUE Where (default: any)",
  },
  {
    what: "an alias of several letters",
    key: setting(text, "any", { help: "Where", alias: "filter" }),
    line: "--log.key, -filter=VALUE Where (default: any)",
  },
  {
    what: "a flag with a name of its own",
    key: setting(text, "any", { help: "Where", flag: "where" }),
    line: "--where=VALUE Where (default: any)",
  },
];

for (const { what, key, line } of LINES) {
  Deno.test(`helpText() shows ${what}`, () => {
    assert.equal(lineOf({ key }), line);
  });
}

Deno.test("helpText() begins the text of a long flag on a line of its own", () => {
  const flags = flagsOf(
    { a_key_with_a_name_that_is_long_beyond_measure: optional(text, { help: "Where" }) },
    ["log"],
  );
  const help = helpText(flags, { log: "Log" });
  assert.match(help, /^ {2}--log\.a-key-with-a-name-that-is-long-beyond-measure=VALUE\n {44}Where$/m);
});

Deno.test("helpText() leaves out a section that has no flags", () => {
  assert.doesNotMatch(helpText([], SECTIONS), /HTTP:/);
});
