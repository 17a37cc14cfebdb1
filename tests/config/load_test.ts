import assert from "node:assert/strict";
import { flagsOf, parseCommandLine } from "../../config/flags.ts";
import { isEnabled } from "../../config/load.ts";
import { loadValues } from "./load_values.ts";
import { rootShape, type Values } from "../../config/settings.ts";
import mikrotik from "../../collectors/mikrotik/mod.ts";
import sockets from "../../collectors/sockets/mod.ts";
import { Problems } from "../../core/node.ts";
import type { Secret } from "../../core/secret.ts";
import { showConfiguration } from "../../config/show.ts";
import { flows } from "./flows.ts";

const ALL = [sockets, mikrotik, flows];

interface Said {
  readonly file?: string;
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** Loads what a file, flags and the environment say; the file is named `c.yml` in what is reported. */
async function load({ file, args = [], environment = {} }: Said) {
  const shape = rootShape(ALL), problems = new Problems();
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

const ADDRESS = "MIKROTIK_ROUTER_ADDRESS", PASSWORD = "hunter2";
const ROUTER = { [ADDRESS]: "192.0.2.1", MIKROTIK_ROUTER_USERNAME: "api" };

/** What is known of a router that is compared here. */
interface ReadRouter {
  readonly name: string;
  readonly address: { readonly host: string; readonly port: number | undefined };
  readonly username: string;
  readonly password: Secret | undefined;
  readonly password_file: string | undefined;
}

/** The routers that are asked, if any are. */
async function routersOf(said: Said): Promise<{ enabled: boolean; routers: Record<string, unknown>[] }> {
  const values = await good(said), { routers } = values.collectors["mikrotik"] as { routers: ReadRouter[] };
  return {
    enabled: isEnabled(mikrotik, values),
    routers: routers.map(({ name, address: { host, port }, username, password, password_file }) => {
      const known = { name, host, port, username, password: password?.reveal(), password_file };
      return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));
    }),
  };
}

const READ = { name: "192.0.2.1", host: "192.0.2.1", username: "api" };
const OF_FILE = "{ address: 192.0.2.7, username: file }";
const READ_OF_FILE = { name: "192.0.2.7", host: "192.0.2.7", username: "file" };
const READ_OF_SIX = { ...READ, name: "2001:db8::1", host: "2001:db8::1" };

const ROUTERS: readonly (Said & {
  readonly what: string;
  readonly enabled: boolean;
  readonly routers: readonly Readonly<Record<string, unknown>>[];
})[] = [
  { what: "the environment says nothing", enabled: false, routers: [] },
  { what: "the environment has address and user", environment: ROUTER, enabled: true, routers: [READ] },
  {
    what: "the environment has a password",
    environment: { ...ROUTER, MIKROTIK_ROUTER_PASSWORD: PASSWORD },
    enabled: true,
    routers: [{ ...READ, password: PASSWORD }],
  },
  {
    what: "the environment has a password that looks like a number",
    environment: { ...ROUTER, MIKROTIK_ROUTER_PASSWORD: "0700" },
    enabled: true,
    routers: [{ ...READ, password: "0700" }],
  },
  {
    what: "the environment has an empty password",
    environment: { ...ROUTER, MIKROTIK_ROUTER_PASSWORD: "" },
    enabled: true,
    routers: [READ],
  },
  {
    what: "the environment has a file with the password",
    environment: { ...ROUTER, MIKROTIK_ROUTER_PASSWORD_FILE: "/run/secrets/router" },
    enabled: true,
    routers: [{ ...READ, password_file: "/run/secrets/router" }],
  },
  {
    what: "the environment has a port",
    environment: { ...ROUTER, MIKROTIK_ROUTER_PORT: "9000" },
    enabled: true,
    routers: [{ ...READ, port: 9000 }],
  },
  {
    what: "the environment has an empty port",
    environment: { ...ROUTER, MIKROTIK_ROUTER_PORT: "" },
    enabled: true,
    routers: [READ],
  },
  {
    what: "the address has the port",
    environment: { ...ROUTER, [ADDRESS]: "192.0.2.1:9000" },
    enabled: true,
    routers: [{ ...READ, port: 9000 }],
  },
  {
    what: "the address is a name",
    environment: { ...ROUTER, [ADDRESS]: "router.example", MIKROTIK_ROUTER_PORT: "9000" },
    enabled: true,
    routers: [{ ...READ, name: "router.example", host: "router.example", port: 9000 }],
  },
  {
    what: "the address has IPv6",
    environment: { ...ROUTER, [ADDRESS]: "2001:db8::1" },
    enabled: true,
    routers: [READ_OF_SIX],
  },
  {
    what: "the address has IPv6 and the environment a port",
    environment: { ...ROUTER, [ADDRESS]: "2001:db8::1", MIKROTIK_ROUTER_PORT: "9000" },
    enabled: true,
    routers: [{ ...READ_OF_SIX, port: 9000 }],
  },
  {
    what: "the address has IPv6 that begins with colons, and the environment a port",
    environment: { ...ROUTER, [ADDRESS]: "::1", MIKROTIK_ROUTER_PORT: "9000" },
    enabled: true,
    routers: [{ ...READ, name: "::1", host: "::1", port: 9000 }],
  },
  {
    what: "the address has IPv6 in brackets and the environment a port",
    environment: { ...ROUTER, [ADDRESS]: "[2001:db8::1]", MIKROTIK_ROUTER_PORT: "9000" },
    enabled: true,
    routers: [{ ...READ_OF_SIX, port: 9000 }],
  },
  {
    what: "the environment has no address",
    environment: {
      MIKROTIK_ROUTER_USERNAME: "api",
      MIKROTIK_ROUTER_PASSWORD: PASSWORD,
      MIKROTIK_ROUTER_PORT: "1",
    },
    enabled: false,
    routers: [],
  },
  {
    what: "the environment has an empty address",
    environment: { ...ROUTER, [ADDRESS]: "" },
    enabled: false,
    routers: [],
  },
  {
    what: "the file has a list of routers too",
    file: `collectors: { mikrotik: { routers: [${OF_FILE}] } }`,
    environment: { ...ROUTER, MIKROTIK_ROUTER_PASSWORD: PASSWORD },
    enabled: true,
    routers: [READ_OF_FILE],
  },
  {
    what: "the file has one router too, which gets no password of another",
    file: `collectors: { mikrotik: { routers: ${OF_FILE} } }`,
    environment: { ...ROUTER, MIKROTIK_ROUTER_PASSWORD: PASSWORD },
    enabled: true,
    routers: [READ_OF_FILE],
  },
  {
    what: "the file says that there is no router",
    file: "collectors: { mikrotik: { routers: [] } }",
    environment: ROUTER,
    enabled: true,
    routers: [],
  },
  {
    what: "the file has nothing under the routers",
    file: "collectors:\n  mikrotik:\n    routers:\n",
    environment: ROUTER,
    enabled: true,
    routers: [READ],
  },
  {
    what: "the file has nothing under the collector",
    file: "collectors:\n  mikrotik:\n",
    environment: ROUTER,
    enabled: true,
    routers: [READ],
  },
  {
    what: "the file switches the collector on",
    file: "collectors: { mikrotik: true }",
    environment: ROUTER,
    enabled: true,
    routers: [READ],
  },
  {
    what: "the file switches the collector off",
    file: "collectors: { mikrotik: false }",
    environment: ROUTER,
    enabled: false,
    routers: [],
  },
  {
    what: "the file says other things of the collector, and of others",
    file: "collectors: { mikrotik: { probe: { allow: 10.0.0.0/8 } }, sockets: false }",
    environment: ROUTER,
    enabled: true,
    routers: [READ],
  },
  {
    what: "a flag switches the collector on",
    args: ["--collector.mikrotik"],
    environment: ROUTER,
    enabled: true,
    routers: [READ],
  },
  {
    what: "a flag switches the collector off",
    args: ["--no-collector.mikrotik"],
    environment: ROUTER,
    enabled: false,
    routers: [READ],
  },
];

for (const { what, enabled, routers, ...said } of ROUTERS) {
  const names = routers.map(({ name }) => name).join(", ") || "no router";
  Deno.test(`loadValues() gives ${names} when ${what}`, async () => {
    assert.deepEqual(await routersOf(said), { enabled, routers });
  });
}

Deno.test("loadValues() reads PORT and a router of the environment at a time", async () => {
  const said = { environment: { ...ROUTER, PORT: "1" } };
  assert.deepEqual([await portOf(said), (await routersOf(said)).routers], [[1], [READ]]);
});

const PLACE = "Expected an address such as 192.0.2.1, router.example:8728 or [2001:db8::1]:8728";

const WRONG_ROUTERS: readonly (Said & { readonly what: string; readonly lines: readonly string[] })[] = [
  {
    what: "that the user is missing",
    environment: { [ADDRESS]: "192.0.2.1" },
    lines: [`${ADDRESS}: The key "username" is missing`],
  },
  {
    what: "an address that is none",
    environment: { ...ROUTER, [ADDRESS]: "a b" },
    lines: [`${ADDRESS}: ${PLACE}, not "a b"`],
  },
  {
    what: "a port that is none",
    environment: { ...ROUTER, MIKROTIK_ROUTER_PORT: "api" },
    lines: [`${ADDRESS}: ${PLACE}, not "192.0.2.1:api"`],
  },
  {
    what: "two ports",
    environment: { ...ROUTER, [ADDRESS]: "192.0.2.1:1", MIKROTIK_ROUTER_PORT: "2" },
    lines: [`${ADDRESS}: ${PLACE}, not "192.0.2.1:1:2"`],
  },
  {
    what: "both a password and a file with it",
    environment: { ...ROUTER, MIKROTIK_ROUTER_PASSWORD_FILE: "/run/secrets/router" },
    lines: ["MIKROTIK_ROUTER_PASSWORD_FILE: Expected password or password_file, not both"],
  },
  {
    what: "a part of the file that is no map",
    file: "collectors: { mikrotik: [a] }",
    environment: ROUTER,
    lines: ["c.yml:1:25: Expected true, false or a map of settings, not a list"],
  },
];

for (const { what, lines, environment, ...said } of WRONG_ROUTERS) {
  Deno.test(`loadValues() reports ${what} of a router of the environment, and no password`, async () => {
    const all = { ...environment, MIKROTIK_ROUTER_PASSWORD: PASSWORD };
    assert.deepEqual((await load({ ...said, environment: all })).lines, lines);
  });
}

const OF_SECRETS = `collectors:
  mikrotik:
    routers:
      - { address: 192.0.2.7, username: api, password: ${PASSWORD} }
    probe:
      credentials:
        core: { username: api, password: ${PASSWORD} }
`;

for (
  const { where, ...said } of [
    { where: "of the environment", environment: { ...ROUTER, MIKROTIK_ROUTER_PASSWORD: PASSWORD } },
    { where: "of routers and probes in the file", file: OF_SECRETS },
  ]
) {
  Deno.test(`showConfiguration() shows no password ${where}`, async () => {
    const shown = await showConfiguration({ collectors: ALL, values: await good(said), rules: [] });
    assert.match(shown, /password: <secret>/);
    assert(!shown.includes(PASSWORD), shown);
  });
}
