import assert from "node:assert/strict";
import { type CommandLine, flagsOf, overlay, parseCommandLine, treeOf } from "../../config/flags.ts";
import { rootShape } from "../../config/settings.ts";
import sockets from "../../collectors/sockets/mod.ts";
import { type Literal, type Node, nodeOf, Problems } from "../../core/node.ts";
import { nothing } from "../helpers/nodes.ts";
import { flows } from "./flows.ts";

const FLAGS = flagsOf(rootShape([sockets, flows]).settings);

function parse(...args: readonly string[]): CommandLine & { readonly lines: readonly string[] } {
  const problems = new Problems();
  const commandLine = parseCommandLine(args, FLAGS, problems);
  return { ...commandLine, lines: problems.lines() };
}

/** What the flags say, without places. */
function said(...args: readonly string[]): unknown {
  const { node, lines } = parse(...args);
  assert.deepEqual(lines, []);
  return plain(node);
}

function plain(node: Node): unknown {
  if (node.kind === "scalar") return node.text;
  if (node.kind === "list") return node.items.map(plain);
  return Object.fromEntries(node.entries.map(({ key, value }) => [key, plain(value)]));
}

const FORMS = [
  { args: ["--log.level=debug"], says: { log: { level: "debug" } } },
  { args: ["--log.level", "debug"], says: { log: { level: "debug" } } },
  { args: ["-log.level=debug"], says: { log: { level: "debug" } } },
  { args: ["--path.procfs=/a=b"], says: { path: { procfs: "/a=b" } } },
  { args: ["--path.procfs="], says: { path: { procfs: "" } } },
  { args: ["--path.procfs", ""], says: { path: { procfs: "" } } },
  { args: ["--path.procfs=two\nlines"], says: { path: { procfs: "two\nlines" } } },
  { args: ["--web.max-requests=007"], says: { web: { max_requests: "007" } } },
  { args: ["--collector.sockets"], says: { collectors: { sockets: { enabled: "true" } } } },
  { args: ["--no-collector.sockets"], says: { collectors: { sockets: { enabled: "false" } } } },
  { args: ["--collector.sockets=true"], says: { collectors: { sockets: { enabled: "true" } } } },
  { args: ["--collector.sockets=false"], says: { collectors: { sockets: { enabled: "false" } } } },
  { args: ["--collector.disable-defaults"], says: { collectors: { disable_defaults: "true" } } },
  { args: ["--collector.sockets.process"], says: { collectors: { sockets: { process: "true" } } } },
  { args: ["--no-collector.flows.verify"], says: { collectors: { flows: { verify: "false" } } } },
  {
    args: ["--collector.flows.limits.max-templates=5"],
    says: { collectors: { flows: { limits: { max_templates: "5" } } } },
  },
  { args: ["-i", "eth0"], says: { collectors: { flows: { interface: "eth0" } } } },
  { args: ["-i=eth0"], says: { collectors: { flows: { interface: "eth0" } } } },
  { args: ["--i=eth0"], says: { collectors: { flows: { interface: "eth0" } } } },
  {
    args: ["--web.listen-address=:1", "--web.listen-address", ":2"],
    says: { web: { listen_address: [":1", ":2"] } },
  },
  { args: ["--web.listen-address=:1"], says: { web: { listen_address: [":1"] } } },
  { args: ["--log.level=debug", "--log.level=warn"], says: { log: { level: "warn" } } },
  {
    args: ["--collector.sockets", "--no-collector.sockets"],
    says: { collectors: { sockets: { enabled: "false" } } },
  },
  {
    args: ["-i=eth0", "--collector.flows.interface=eth1"],
    says: { collectors: { flows: { interface: "eth1" } } },
  },
  {
    args: ["--log.level=warn", "--log.format=json", "--path.sysfs=/s"],
    says: { log: { level: "warn", format: "json" }, path: { sysfs: "/s" } },
  },
  { args: [], says: {} },
];

for (const { args, says } of FORMS) {
  Deno.test(`parseCommandLine() understands ${JSON.stringify(args.join(" "))}`, () => {
    assert.deepEqual(said(...args), says);
  });
}

const PLACES = [
  { args: ["--log.level=debug"], place: "--log.level" },
  { args: ["--log.level", "debug"], place: "--log.level" },
  { args: ["--no-collector.sockets"], place: "--no-collector.sockets" },
];

for (const { args, place } of PLACES) {
  Deno.test(`parseCommandLine() gives the value the flag as its place when it reads ${args.join(" ")}`, () => {
    let node: Node = parse(...args).node;
    while (node.kind === "map") node = node.entries[0]!.value;
    assert.equal(node.place, place);
  });
}

const COMMANDS = [
  { args: [], command: "run" },
  { args: ["run"], command: "run" },
  { args: ["check"], command: "check" },
  { args: ["collectors"], command: "collectors" },
  { args: ["check", "--log.level=debug"], command: "check" },
  { args: ["--log.level=debug", "check"], command: "check" },
  { args: ["--log.level", "debug", "check", "--collector.sockets"], command: "check" },
  { args: ["--collector.sockets", "check"], command: "check" },
  { args: ["--config.file", "check", "collectors"], command: "collectors" },
  { args: ["-h"], command: "help" },
  { args: ["--help"], command: "help" },
  { args: ["check", "--help"], command: "help" },
  { args: ["-v"], command: "version" },
  { args: ["--version"], command: "version" },
  { args: ["--version", "--help"], command: "version" },
];

for (const { args, command } of COMMANDS) {
  Deno.test(`parseCommandLine() gives the command ${command} for ${JSON.stringify(args.join(" "))}`, () => {
    const parsed = parse(...args);
    assert.deepEqual([parsed.command, parsed.lines], [command, []]);
  });
}

const FILES = [
  { args: [], file: undefined },
  { args: ["--config.file=a.yml"], file: "a.yml" },
  { args: ["--config.file", "a.yml"], file: "a.yml" },
  { args: ["--config=a.yml"], file: "a.yml" },
  { args: ["-config", "a.yml"], file: "a.yml" },
  { args: ["--config=a.yml", "--config.file=b.yml"], file: "b.yml" },
];

for (const { args, file } of FILES) {
  Deno.test(`parseCommandLine() gives the file ${file} for ${JSON.stringify(args.join(" "))}`, () => {
    const parsed = parse(...args);
    assert.deepEqual([parsed.configFile, parsed.lines], [file, []]);
  });
}

const WRONG = [
  {
    args: ["--log.levl=debug"],
    line: '--log.levl: Unknown flag (did you mean "log.level"?)',
  },
  {
    args: ["--web.listen-adress=:1"],
    line: '--web.listen-adress: Unknown flag (did you mean "web.listen-address"?)',
  },
  { args: ["--hlep"], line: '--hlep: Unknown flag (did you mean "help"?)' },
  { args: ["--config.fiel=a"], line: '--config.fiel: Unknown flag (did you mean "config.file"?)' },
  { args: ["--storage.tsdb.path=/x"], line: "--storage.tsdb.path: Unknown flag" },
  {
    args: ["--collector.flows.token=x"],
    line: '--collector.flows.token: Unknown flag (did you mean "collector.flows.mode"?)',
  },
  { args: ["--no-log.level"], line: '--no-log.level: Unknown flag (did you mean "log.level"?)' },
  { args: ["--"], line: "--: Unknown flag" },
  { args: ["--constructor"], line: "--constructor: Unknown flag" },
  { args: ["--log.level"], line: "--log.level: Expected a value after the flag" },
  { args: ["--config.file"], line: "--config.file: Expected a value after the flag" },
  { args: ["-i"], line: "--i: Expected a value after the flag" },
  {
    args: ["chekc"],
    line: 'chekc: Unknown command (did you mean "check"?); known are run, check, collectors, health',
  },
  { args: ["eth0"], line: "eth0: Unknown command; known are run, check, collectors, health" },
  {
    args: ["check", "run"],
    line: 'run: Unknown command (did you mean "run"?); known are run, check, collectors, health',
  },
  {
    args: ["--collector.sockets", "false"],
    line: "false: Unknown command; known are run, check, collectors, health",
  },
];

for (const { args, line } of WRONG) {
  Deno.test(`parseCommandLine() reports what is wrong with ${JSON.stringify(args.join(" "))}`, () => {
    assert.deepEqual(parse(...args).lines, [line]);
  });
}

Deno.test("parseCommandLine() names the flag with no- when a switch that is off is misspelt", () => {
  assert.deepEqual(parse("--no-colector.sockets").lines, [
    '--no-colector.sockets: Unknown flag (did you mean "no-collector.sockets"?)',
  ]);
});

Deno.test("parseCommandLine() reports everything that is wrong, in the order of the arguments", () => {
  assert.deepEqual(parse("--nothing", "nobody", "--log.level").lines.map((line) => line.split(":")[0]), [
    "--nothing",
    "nobody",
    "--log.level",
  ]);
});

const NAMES = [
  { path: "web.listen_address", name: "web.listen-address" },
  { path: "collectors.interval", name: "collector.interval" },
  { path: "collectors.disable_defaults", name: "collector.disable-defaults" },
  { path: "collectors.sockets.enabled", name: "collector.sockets" },
  { path: "collectors.flows.listen_address", name: "collector.flows.listen-address" },
  { path: "collectors.flows.limits.max_templates", name: "collector.flows.limits.max-templates" },
  { path: "collectors.flows.token", name: undefined },
  { path: "collectors.flows.access", name: undefined },
  { path: "collectors.flows.access.user", name: undefined },
  { path: "rules", name: undefined },
  { path: "enrich", name: undefined },
];

for (const { path, name } of NAMES) {
  Deno.test(`flagsOf() gives the setting ${path} ${name === undefined ? "no flag" : `the flag --${name}`}`, () => {
    assert.equal(FLAGS.find((flag) => flag.path.join(".") === path)?.name, name);
  });
}

Deno.test("flagsOf() gives no two flags the same name", () => {
  const names = FLAGS.flatMap(({ name, alias }) => alias === undefined ? [name] : [name, alias]);
  assert.deepEqual(names, [...new Set(names)]);
});

const OVERLAYS: readonly { what: string; lower: Literal; upper: Literal; both: Literal }[] = [
  { what: "joins maps", lower: { a: 1 }, upper: { b: 2 }, both: { a: "1", b: "2" } },
  {
    what: "joins maps in maps",
    lower: { a: { x: 1 } },
    upper: { a: { y: 2 } },
    both: { a: { x: "1", y: "2" } },
  },
  { what: "takes the upper scalar", lower: { a: 1 }, upper: { a: 2 }, both: { a: "2" } },
  { what: "takes the upper list whole", lower: { a: [1, 2] }, upper: { a: [3] }, both: { a: ["3"] } },
  {
    what: "takes the upper map for a switch",
    lower: { a: false },
    upper: { a: { b: 2 } },
    both: { a: { b: "2" } },
  },
  { what: "takes the upper scalar for a map", lower: { a: { b: 2 } }, upper: { a: 1 }, both: { a: "1" } },
  { what: "keeps what is no map below an upper map that says nothing", lower: [1], upper: {}, both: ["1"] },
];

for (const { what, lower, upper, both } of OVERLAYS) {
  Deno.test(`overlay() ${what}`, () => {
    assert.deepEqual(plain(overlay(nodeOf(lower), nodeOf(upper))), both);
  });
}

Deno.test("overlay() takes the upper map for a key that has nothing after it", () => {
  assert.deepEqual(plain(overlay(nothing(), nodeOf({ a: 1 }))), { a: "1" });
});

Deno.test("overlay() keeps the lower map when nothing stands after its key above", () => {
  assert.deepEqual(plain(overlay(nodeOf({ a: 1 }), nothing())), { a: "1" });
});

for (const lower of [[1], "x", 5]) {
  Deno.test(`overlay() keeps ${JSON.stringify(lower)} below an upper map, so that it is reported`, () => {
    assert.deepEqual(plain(overlay(nodeOf(lower), nodeOf({ a: 1 }))), plain(nodeOf(lower)));
  });
}

Deno.test("overlay() keeps the places of both", () => {
  const node = overlay(nodeOf({ a: 1 }, "below"), nodeOf({ b: 2 }, "above"));
  assert(node.kind === "map");
  assert.deepEqual(node.entries.map(({ key, place }) => [key, place]), [["a", "below"], ["b", "above"]]);
});

Deno.test("treeOf() joins values at different depths", () => {
  const tree = treeOf([[["a", "b"], nodeOf(1)], [["a", "c", "d"], nodeOf(2)], [["e"], nodeOf(3)]]);
  assert.deepEqual(plain(tree), { a: { b: "1", c: { d: "2" } }, e: "3" });
});
