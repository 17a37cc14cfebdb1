import assert from "node:assert/strict";
import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import { openLink } from "../../../collectors/mikrotik/link.ts";
import mikrotik from "../../../collectors/mikrotik/mod.ts";
import { probe } from "../../../collectors/mikrotik/probe.ts";
import { endpointOf, type MikrotikSettings, SETTINGS } from "../../../collectors/mikrotik/settings.ts";
import { ProbeError } from "../../../core/collector.ts";
import { type Literal, nodeOf, Problems } from "../../../core/node.ts";
import { record } from "../../../core/shape.ts";
import { RouterSimulator } from "../../helpers/routeros/simulator.ts";
import { pairOf, tlsFile } from "./certificates.ts";
import { NEVER, Polling } from "./polling.ts";

const USER = { username: "prometheus", password: "secret" };

function settingsOf(written: { readonly [key: string]: Literal }): MikrotikSettings {
  const problems = new Problems(), values = record(SETTINGS).read(nodeOf(written), problems);
  assert.deepEqual(problems.lines(), []);
  return values!;
}

/** With these entries, and one user. */
function allowing(...allow: string[]): MikrotikSettings {
  return settingsOf({ probe: { allow, credentials: { default: USER } } });
}

/** The target of a request that names it, and maybe a user. */
function ask(settings: MikrotikSettings, target?: string, auth?: string) {
  const query = new URLSearchParams();
  if (target !== undefined) query.set("target", target);
  if (auth !== undefined) query.set("auth", auth);
  return probe(query, settings);
}

/** Where the session will go. */
async function endpoint(settings: MikrotikSettings, target: string, auth?: string) {
  const { settings: { routers } } = await ask(settings, target, auth);
  assert.equal(routers.length, 1);
  return endpointOf(routers[0]!);
}

/** The status and the message of a refusal. */
async function refusal(settings: MikrotikSettings, target?: string, auth?: string): Promise<string> {
  const error = await ask(settings, target, auth).then(() => undefined, (error) => error);
  assert(error instanceof ProbeError, `It is allowed: ${error}`);
  return `${error.status} ${error.message}`;
}

/** The first of its addresses on this host. */
const [{ address: LOCALHOST }] = await lookup("localhost", { all: true }) as [LookupAddress];
const NETWORKS = ["10.0.0.0/8", "192.0.2.0/24:1234", "[2001:db8::/32]:8729", "2001:db8:1::/48"];

const ALLOWED: readonly (readonly [target: string, address: string, port: number, ...allow: string[]])[] = [
  ["10.0.0.1", "10.0.0.1", 8728, ...NETWORKS],
  ["10.255.255.255:8729", "10.255.255.255", 8729, ...NETWORKS],
  ["192.0.2.200:1234", "192.0.2.200", 1234, ...NETWORKS],
  ["[2001:db8::7]:8729", "2001:db8::7", 8729, ...NETWORKS],
  ["2001:db8:1::7", "2001:db8:1::7", 8728, ...NETWORKS],
  ["::ffff:10.0.0.1", "10.0.0.1", 8728, ...NETWORKS],
  ["[::ffff:10.0.0.1]:8729", "10.0.0.1", 8729, ...NETWORKS],
  ["127.0.0.1", "127.0.0.1", 8728, "127.0.0.1"],
  ["127.0.0.1:9", "127.0.0.1", 9, "127.0.0.1:9"],
  ["localhost", LOCALHOST, 8728, "localhost"],
  ["LocalHost:8729", LOCALHOST, 8729, "localhost"],
  ["localhost:7", LOCALHOST, 7, "LOCALHOST:7"],
  ["localhost", "127.0.0.1", 8728, "127.0.0.0/8"],
  ["localhost", "127.0.0.1", 8728, "other.example", "127.0.0.0/8"],
  ["8.8.8.8", "8.8.8.8", 8728, "0.0.0.0/0"],
];
for (const [target, address, port, ...allow] of ALLOWED) {
  Deno.test(`One may ask about ${target} where ${allow.join(", ")} is allowed`, async () => {
    const { address: found, port: foundPort } = await endpoint(allowing(...allow), target);
    assert.deepEqual([found, foundPort], [address, port]);
  });
}

const ALL = ["0.0.0.0/0", "::/0"], ALL_LINK_LOCAL = ["169.254.0.0/16", "fe80::/10", "169.254.169.254"];
const REFUSED: readonly (readonly [target: string, ...allow: string[]])[] = [
  ["10.0.0.1"],
  ["11.0.0.1", ...NETWORKS],
  ["192.0.2.1", ...NETWORKS],
  ["192.0.2.1:8728", ...NETWORKS],
  ["192.0.2.1:1235", ...NETWORKS],
  ["10.0.0.1:80", ...NETWORKS],
  ["10.0.0.1:22", "10.0.0.0/8"],
  ["[2001:db8::7]:8728", ...NETWORKS],
  ["2001:db9::1", ...NETWORKS],
  ["::ffff:11.0.0.1", ...NETWORKS],
  ["127.0.0.1", ...NETWORKS],
  ["localhost", ...NETWORKS],
  ["localhost:22", "localhost"],
  ["localhost:8728", "localhost:7"],
  ["localhost", "localhost.example", "local"],
  // The address of a host is not its name.
  ["127.0.0.1", "localhost"],
  ["::1", "0.0.0.0/0"],
  ["10.0.0.1", "::/0"],
  // Other ways to write 127.0.0.1.
  ["2130706433", ...NETWORKS],
  ["0x7f.1", ...NETWORKS],
  ["::ffff:127.0.0.1", ...NETWORKS],
  ["::ffff:7f00:1", ...NETWORKS],
  // Where clouds keep secrets, whatever is allowed.
  ...["169.254.169.254", "169.254.0.1:8729", "[fe80::1]", "::ffff:169.254.169.254", "[::ffff:a9fe:a9fe]:8728"]
    .map((target) => [target, ...ALL, ...ALL_LINK_LOCAL] as const),
  // The same as numbers, which the system reads as an address.
  ...["2852039166", "0xa9fea9fe", "0251.0376.0251.0376"].map((target) => [target, ...ALL] as const),
  ...["0.0.0.0", "0.1.2.3", "::", "224.0.0.1", "[ff02::1]", "255.255.255.255"]
    .map((target) => [target, ...ALL] as const),
];
for (const [target, ...allow] of REFUSED) {
  Deno.test(`Nobody may ask about ${target} where ${allow.join(", ") || "nothing"} is allowed`, async () => {
    const message = await refusal(allowing(...allow), target);
    assert.match(message, /^403 Nobody may ask about \S+, port \d+: see probe\.allow$/);
  });
}

Deno.test("Nobody learns by a refusal which names there are", async () => {
  const settings = allowing("router.example", "192.0.2.1:99");
  const messages = await Promise.all(["localhost", "no..host"].map((target) => refusal(settings, target)));
  assert.deepEqual(messages, [
    "403 Nobody may ask about localhost, port 8728: see probe.allow",
    "403 Nobody may ask about no..host, port 8728: see probe.allow",
  ]);
});

Deno.test("A name that nobody knows is told where one may ask about it", async () => {
  for (const allow of ["no..host", "10.0.0.0/8"]) {
    assert.equal(
      await refusal(allowing(allow), "no..host"),
      "502 Cannot resolve no..host: getaddrinfo ENOTFOUND no..host",
    );
  }
});

const BAD_TARGETS = [
  "router:0",
  "router:99999",
  "http://router",
  "10.0.0.0/8",
  "[router]",
  "a b",
  "router:api",
];
for (const target of BAD_TARGETS) {
  Deno.test(`The target ${target} is none`, async () => {
    assert.equal(
      await refusal(allowing("0.0.0.0/0"), target),
      `400 Expected a target such as 192.0.2.1:8728, not "${target}"`,
    );
  });
}

Deno.test("A request without a target is told so", async () => {
  for (const target of [undefined, ""]) {
    assert.equal(await refusal(allowing("0.0.0.0/0"), target), "400 The parameter target is missing");
  }
});

Deno.test("Nobody is asked about where there is no probe", async () => {
  const settings = settingsOf({ routers: { address: "10.0.0.1", ...USER } });
  const message = "404 Nobody may be asked about: mikrotik has no probe";
  assert.equal(await refusal(settings, "10.0.0.1"), message);
});

/** Allows one address, for users by the names that they are asked for by. */
function withUsers(
  credentials: Readonly<Record<string, { readonly [key: string]: Literal }>>,
): MikrotikSettings {
  return settingsOf({ probe: { allow: "10.0.0.1", credentials } });
}

const ONE = { one: { username: "a" } }, TWO = { ...ONE, two: { username: "b", tls: true } };
const WITH_DEFAULT = { ...TWO, default: { username: "c" } };

const USERS:
  readonly (readonly [what: string, settings: MikrotikSettings, auth: string | undefined, user: string])[] = [
    ["the only one, if none is named", withUsers(ONE), undefined, "a"],
    ["the one that is named", withUsers(TWO), "two", "b"],
    ["the one that is called default, if none is named", withUsers(WITH_DEFAULT), undefined, "c"],
    ["the one that is called default, if that is named", withUsers(WITH_DEFAULT), "default", "c"],
  ];
for (const [what, settings, auth, user] of USERS) {
  Deno.test(`The user is ${what}`, async () => {
    const { settings: { routers: [router] } } = await ask(settings, "10.0.0.1", auth);
    assert.equal(router!.username, user);
    assert.equal(router!.timeout, 120);
  });
}

Deno.test("The port follows the user, if none is written", async () => {
  const settings = withUsers(TWO);
  assert.equal((await endpoint(settings, "10.0.0.1", "one")).port, 8728);
  assert.equal((await endpoint(settings, "10.0.0.1", "two")).port, 8729);
  assert.equal((await endpoint(settings, "10.0.0.1:8728", "two")).port, 8728);
});

const NO_USERS:
  readonly (readonly [settings: MikrotikSettings, auth: string | undefined, message: string])[] = [
    [withUsers(TWO), undefined, "400 The parameter auth is missing"],
    [withUsers({}), undefined, "400 The parameter auth is missing"],
    [withUsers(ONE), "two", '400 Unknown auth "two"'],
    [withUsers(ONE), "", '400 Unknown auth ""'],
    [withUsers(ONE), "toString", '400 Unknown auth "toString"'],
  ];
for (const [settings, auth, message] of NO_USERS) {
  const { size } = settings.probe!.credentials;
  Deno.test(`Of ${size} users none is meant by ${auth ?? "no name"}`, async () => {
    assert.equal(await refusal(settings, "10.0.0.1", auth), message);
  });
}

Deno.test("A target is the same when host, port, address and user are, and another when one is not", async () => {
  const settings = settingsOf({
    probe: { allow: ["10.0.0.0/8", "10.0.0.1:1"], credentials: { a: USER, b: USER } },
  });
  const name = async (target: string, auth: string) => (await ask(settings, target, auth)).name;
  assert.equal(await name("10.0.0.1", "a"), await name("10.0.0.1:8728", "a"));
  const names = [
    name("10.0.0.1", "a"),
    name("10.0.0.2", "a"),
    name("10.0.0.1:1", "a"),
    name("10.0.0.1", "b"),
  ];
  assert.equal(new Set(await Promise.all(names)).size, 4);
});

Deno.test("A target is none of the routers that are configured", async () => {
  const settings = settingsOf({
    routers: { address: "10.0.0.9", ...USER },
    probe: { allow: "10.0.0.1", credentials: { a: USER } },
  });
  const { settings: { routers } } = await ask(settings, "10.0.0.1");
  assert.deepEqual(routers.map(({ name }) => name), ["10.0.0.1"]);
});

Deno.test("A session goes to the address that was allowed, and the name is not resolved again", async () => {
  await using simulator = await RouterSimulator.start();
  const settings = allowing(`127.0.0.1:${simulator.port}`);
  const target = await ask(settings, `localhost:${simulator.port}`);
  const [router] = target.settings.routers;
  assert.equal(router!.resolved, "127.0.0.1");
  // As if the name were another's by now, or nobody's.
  const moved = { ...router!, address: { ...router!.address, host: "no..host" } };
  await using polling = new Polling(simulator, { settings: { ...target.settings, routers: [moved] } });
  assert.equal((await polling.pass()).get("mikrotik_total_connections"), 14);
});

Deno.test("A certificate is that of the name, not of the address that was allowed", async () => {
  await using simulator = await RouterSimulator.start({ tls: pairOf("router") });
  const tls = { ca_file: tlsFile("ca.pem"), fingerprint: undefined, insecure: false };
  const at = { port: simulator.port, address: "127.0.0.1" };
  (await openLink({ endpoint: { ...at, host: "router.test" }, tls }, NEVER)).close();
  await assert.rejects(openLink({ endpoint: { ...at, host: "other.test" }, tls }, NEVER), {
    kind: "tls",
    message: /^Cannot trust other\.test: /,
  });
});

Deno.test("The collector can be asked about a target", async () => {
  const { targets } = mikrotik, query = new URLSearchParams({ target: "10.0.0.1" });
  assert.equal(targets!.field, "router");
  assert.equal((await targets!.probe!(query, allowing("10.0.0.1"))).interval, 1);
});
