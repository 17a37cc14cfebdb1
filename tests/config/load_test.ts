import assert from "node:assert/strict";
import { flagsOf, parseCommandLine } from "../../config/flags.ts";
import { loadValues } from "./load_values.ts";
import { rootShape, type Values } from "../../config/settings.ts";
import sockets from "../../collectors/sockets/mod.ts";
import { Problems } from "../../core/node.ts";
import { flows } from "./flows.ts";

interface Said {
  readonly file?: string;
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** Loads what a file, flags and the environment say; the file is named `c.yml` in what is reported. */
async function load({ file, args = [], environment = {} }: Said) {
  const shape = rootShape([sockets, flows]), problems = new Problems();
  const { node: flags } = parseCommandLine(args, flagsOf(shape.settings), problems);
  const path = file === undefined ? undefined : await Deno.makeTempFile({ suffix: ".yml" });
  try {
    if (path !== undefined) await Deno.writeTextFile(path, file!);
    const values = await loadValues({ shape, file: path, flags, environment }, problems);
    return { values, lines: problems.lines().map((line) => line.replace(path ?? "c.yml", "c.yml")) };
  } finally {
    if (path !== undefined) await Deno.remove(path);
  }
}

async function good(said: Said): Promise<Values> {
  const { values, lines } = await load(said);
  assert.deepEqual(lines, []);
  return values!;
}

async function portOf(said: Said): Promise<number[]> {
  return (await good(said)).web.listen_address.map(({ port }) => port);
}

const PORTS: readonly (Said & { what: string; port: readonly number[] })[] = [
  { what: "nothing is said", port: [19100] },
  { what: "PORT says it", environment: { PORT: "1" }, port: [1] },
  { what: "PORT is empty", environment: { PORT: "" }, port: [19100] },
  { what: "the file says it", file: "web: { listen_address: :2 }", port: [2] },
  { what: "a flag says it", args: ["--web.listen-address=:3"], port: [3] },
  {
    what: "the file and PORT say it",
    file: "web: { listen_address: :2 }",
    environment: { PORT: "1" },
    port: [2],
  },
  {
    what: "a flag, the file and PORT say it",
    file: "web: { listen_address: [:2, :4] }",
    args: ["--web.listen-address=:3"],
    environment: { PORT: "1" },
    port: [3],
  },
  {
    what: "PORT says it and the file another thing",
    file: "web: { max_requests: 1 }",
    environment: { PORT: "1" },
    port: [1],
  },
  { what: "PORT says it and the file is empty", file: "", environment: { PORT: "1" }, port: [1] },
  { what: "PORT says it and nothing is under web", file: "web:\n", environment: { PORT: "1" }, port: [1] },
  {
    what: "a flag says it and the file is empty",
    file: "# later\n",
    args: ["--web.listen-address=:3"],
    port: [3],
  },
  {
    what: "a flag says it and nothing is under web",
    file: "web:\n",
    args: ["--web.listen-address=:3"],
    port: [3],
  },
];

for (const { what, port, ...said } of PORTS) {
  Deno.test(`loadValues() listens at ${port} when ${what}`, async () => {
    assert.deepEqual(await portOf(said), port);
  });
}

const COLLECTORS: readonly (Said & { what: string; enabled: boolean; process: boolean })[] = [
  { what: "the file says false", file: "collectors: { sockets: false }", enabled: false, process: false },
  {
    what: "a flag says it after the file said false",
    file: "collectors: { sockets: false }",
    args: ["--collector.sockets"],
    enabled: true,
    process: false,
  },
  {
    what: "a flag switches off what the file sets",
    file: "collectors: { sockets: { process: true } }",
    args: ["--no-collector.sockets"],
    enabled: false,
    process: true,
  },
  {
    what: "a flag sets what the file switches off",
    file: "collectors: { sockets: false }",
    args: ["--collector.sockets.process"],
    enabled: true,
    process: true,
  },
  {
    what: "a flag switches a setting of the file off",
    file: "collectors: { sockets: { process: true } }",
    args: ["--no-collector.sockets.process"],
    enabled: true,
    process: false,
  },
];

for (const { what, enabled, process, ...said } of COLLECTORS) {
  Deno.test(`loadValues() gives the collector enabled ${enabled} and process ${process} when ${what}`, async () => {
    const { collectors } = await good(said);
    assert.deepEqual(collectors["sockets"], { enabled, process, source: "auto" });
  });
}

Deno.test("loadValues() reports a file that does not exist", async () => {
  const problems = new Problems();
  const shape = rootShape([]);
  await loadValues({ shape, file: "/nonexistent/c.yml", flags: flagsNode(), environment: {} }, problems);
  assert.equal(problems.list.length, 1);
  assert.match(problems.lines()[0]!, /^\/nonexistent\/c\.yml: Cannot read the configuration: No such file/);
});

Deno.test("loadValues() reports a folder in the place of the file", async () => {
  const problems = new Problems();
  await loadValues({ shape: rootShape([]), file: "/", flags: flagsNode(), environment: {} }, problems);
  assert.match(problems.lines()[0]!, /^\/: Cannot read the configuration: Is a directory/);
});

function flagsNode() {
  return parseCommandLine([], [], new Problems()).node;
}

const WRONG: readonly (Said & { what: string; line: string })[] = [
  {
    what: "a flag",
    args: ["--log.level=loud"],
    line: '--log.level: Expected one of debug, info, warn, error, not "loud"',
  },
  {
    what: "the file",
    file: "log:\n  level: loud\n",
    line: 'c.yml:2:10: Expected one of debug, info, warn, error, not "loud"',
  },
  {
    what: "PORT",
    environment: { PORT: "web" },
    line: 'PORT: Expected an address such as :9095, 127.0.0.1:9095 or [::1]:9095, not ":web"',
  },
  { what: "a file that is a list", file: "- a\n", line: "c.yml:1:1: Expected a map, not a list" },
];

for (const { what, line, ...said } of WRONG) {
  Deno.test(`loadValues() reports what is wrong with ${what} at its place`, async () => {
    assert.deepEqual((await load(said)).lines, [line]);
  });
}

Deno.test("loadValues() says nothing of a value in the file that a flag replaces", async () => {
  const { lines } = await load({ file: "log: { level: loud }", args: ["--log.level=debug"] });
  assert.deepEqual(lines, []);
});

Deno.test("loadValues() reports a file that is a list though a flag is given", async () => {
  const { lines } = await load({ file: "- a\n", args: ["--log.level=debug"] });
  assert.deepEqual(lines, ["c.yml:1:1: Expected a map, not a list"]);
});

Deno.test("loadValues() reports a section that is a list though a flag sets a part of it", async () => {
  const { lines } = await load({ file: "log:\n  - level\n", args: ["--log.level=debug"] });
  assert.deepEqual(lines, ["c.yml:2:3: Expected a map, not a list"]);
});
