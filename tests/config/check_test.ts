import assert from "node:assert/strict";
import sockets from "../../collectors/sockets/mod.ts";
import { loadValues } from "./load_values.ts";
import { rootShape } from "../../config/settings.ts";
import { nodeOf, Problems } from "../../core/node.ts";
import networks from "../../enrich/networks.ts";
import { openEnrichers } from "../../enrich/open.ts";
import service from "../../enrich/service.ts";
import { compileRules } from "../../metrics/compile.ts";
import { mergeRules } from "../../metrics/merge_rules.ts";
import { Pipeline } from "../../metrics/pipeline.ts";
import { quiet } from "../helpers/enrichers.ts";
import { flows } from "./flows.ts";
import { MESSAGES } from "./messages_table.ts";

const FOLDER = new URL("../testdata/config/", import.meta.url).pathname;
const FILES = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).toSorted();
/** A few of all that there are, so that a new one changes no message. */
const COLLECTORS = [sockets, flows], ENRICHERS = [networks, service];

/** What is wrong with a file, as `netcensus check` finds it. */
async function problemsOf(file: string): Promise<string[]> {
  const problems = new Problems();
  const sources = { shape: rootShape(COLLECTORS), file: FOLDER + file, flags: nodeOf({}), environment: {} };
  const values = await loadValues(sources, problems);
  if (values !== undefined) {
    const ruleSets = COLLECTORS.flatMap((collector) => new Pipeline(collector).ruleSets);
    const rules = mergeRules(COLLECTORS.flatMap(({ rules }) => rules), values.rules, problems);
    compileRules(
      rules,
      { ruleSets, ...openEnrichers(ENRICHERS, values.enrich, { ...quiet(), problems }) },
      problems,
    );
  }
  return problems.lines().map((line) => line.replaceAll(FOLDER, ""));
}

for (const file of FILES.filter((file) => file.endsWith(".good.yml"))) {
  Deno.test(`a check finds nothing wrong with ${file}`, async () => {
    assert.deepEqual(await problemsOf(file), []);
  });
}

for (const [name, lines] of Object.entries(MESSAGES)) {
  const file = `${name}.bad.yml`;
  Deno.test(`a check says where and what is wrong with ${file}`, async () => {
    assert.deepEqual(await problemsOf(file), lines.map((line) => `${file}:${line}`));
  });
}

Deno.test("the table of messages has every bad file", () => {
  const bad = FILES.filter((file) => file.endsWith(".bad.yml")).map((file) => file.replace(".bad.yml", ""));
  assert.deepEqual(Object.keys(MESSAGES).toSorted(), bad.toSorted());
});

async function check(...args: readonly string[]) {
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", main, "check", ...args],
    env: { NO_COLOR: "1" },
  });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("netcensus check prints what runs, and exits with 0, when the file is good", async () => {
  const file = `${FOLDER}everything.good.yml`;
  const { code, stdout, stderr } = await check(`--config.file=${file}`);
  assert.deepEqual([code, stderr], [0, ""]);
  assert(stdout.startsWith(`${file} is good.\nCollectors that run:\n  sockets: `), stdout);
});

Deno.test("netcensus check prints all mistakes to standard error, and exits with 1, when there are some", async () => {
  const file = `${FOLDER}bad-choice.bad.yml`;
  const { code, stdout, stderr } = await check("--config.file", file);
  const lines = MESSAGES["bad-choice"]!.map((line) => `${file}:${line}\n`);
  assert.deepEqual([code, stdout, stderr], [1, "", lines.join("")]);
});

Deno.test("netcensus check exits with 1 when the file does not exist", async () => {
  const { code, stdout, stderr } = await check("--config.file=/nonexistent.yml");
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^\/nonexistent\.yml: Cannot read the configuration: No such file.*\n$/);
});

Deno.test("netcensus check exits with 2 when a flag is unknown", async () => {
  const { code, stdout, stderr } = await check("--log.levl=debug");
  assert.deepEqual([code, stdout, stderr], [2, "", '--log.levl: Unknown flag (did you mean "log.level"?)\n']);
});
