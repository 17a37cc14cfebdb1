import assert from "node:assert/strict";
import { RouterError } from "../../../collectors/mikrotik/errors.ts";
import mikrotik from "../../../collectors/mikrotik/mod.ts";
import { Session, type SessionOptions } from "../../../collectors/mikrotik/session.ts";
import { Secret } from "../../../core/secret.ts";
import { Collecting } from "../../helpers/collecting.ts";
import type { LoginForm } from "../../helpers/routeros/login.ts";
import { type Fault, RouterSimulator, type Row } from "../../helpers/routeros/simulator.ts";
import { smallRouter } from "../../helpers/routeros/tables.ts";
import { NEVER, Polling, unconfigured } from "./polling.ts";

const PASSWORD = 'pa55 "wörd" \\ 漢字';
const IPV4 = "/ip/firewall/connection", IPV6 = "/ipv6/firewall/connection";

/** What a text would show the password as, whatever it was written by. */
const FORMS = [PASSWORD, "pa55", "wörd", "漢字", "w\\u00f6rd"];

function assertHidden(texts: Iterable<string>): void {
  for (const text of texts) {
    for (const form of FORMS) assert(!text.includes(form), text);
  }
}

/** Everything that one may ever see of an object. */
function shown(object: unknown): string[] {
  const options = { depth: 20, showHidden: true, iterableLimit: Infinity, strAbbreviateSize: Infinity };
  return [Deno.inspect(object, options), String(object), JSON.stringify(object) ?? ""];
}

const DATA: readonly Row[] = [
  {
    "protocol": "tcp",
    "src-address": PASSWORD,
    "dst-address": `192.0.2.1:${PASSWORD}`,
    "orig-bytes": PASSWORD,
  },
  {
    "protocol": "tcp",
    "src-address": "10.0.0.1",
    "timeout": PASSWORD,
    "orig-rate": PASSWORD,
    "comment": PASSWORD,
  },
  { [PASSWORD]: PASSWORD, "fasttrack": PASSWORD, "icmp-id": PASSWORD },
];

interface Echo {
  readonly what: string;
  readonly fault: Fault;
  readonly errors: Readonly<Record<string, number>>;
}
const LONG = `${"x".repeat(110)}${PASSWORD}${"y".repeat(1000)}${PASSWORD}`;
const ECHOES: readonly Echo[] = [
  {
    what: "a trap of the login",
    fault: { kind: "trap", on: "login", message: `wrong password ${PASSWORD} (6)` },
    errors: { login: 1 },
  },
  {
    what: "the end of the login",
    fault: { kind: "fatal", on: "login", reason: PASSWORD },
    errors: { fatal: 1 },
  },
  {
    what: "a reply to the login that nobody knows",
    fault: { kind: "unknown", on: "login", word: `!${PASSWORD}`, words: [`=a=${PASSWORD}`] },
    errors: { protocol: 1 },
  },
  {
    what: "a bare reply to the login that nobody knows",
    fault: { kind: "unknown", on: "login", word: `!${PASSWORD}` },
    errors: {},
  },
  {
    what: "a trap of the connections",
    fault: { kind: "trap", on: IPV4, message: `${PASSWORD}${PASSWORD}` },
    errors: { trap: 1 },
  },
  { what: "a long trap", fault: { kind: "trap", on: IPV4, message: LONG }, errors: { trap: 1 } },
  {
    what: "a small table that is refused",
    fault: { kind: "trap", on: "/interface", message: LONG },
    errors: {},
  },
  { what: "the end of the session", fault: { kind: "fatal", on: IPV6, reason: LONG }, errors: { fatal: 1 } },
  {
    what: "a reply that nobody knows",
    fault: { kind: "unknown", on: IPV4, word: `!maybe ${PASSWORD}`, words: [`=${PASSWORD}=${PASSWORD}`] },
    errors: { protocol: 1 },
  },
  { what: "a bare reply that nobody knows", fault: { kind: "unknown", word: `!${PASSWORD}` }, errors: {} },
  { what: "a tag", fault: { kind: "other-tag", on: IPV4, tag: PASSWORD }, errors: { protocol: 1 } },
  {
    what: "a reply that nobody has asked for",
    fault: { kind: "after-done", on: IPV4, words: ["!re", `=a=${PASSWORD}`] },
    errors: { protocol: 1 },
  },
];

for (const login of ["plain", "challenge"] as const) {
  for (const { what, fault, errors } of ECHOES) {
    Deno.test(`A password that the router says in ${what} is shown nowhere, with a ${login} login`, async () => {
      await using simulator = await hostile({ fault, login });
      await using polling = new Polling(simulator, { router: { password: PASSWORD } });
      const series = await polling.pass();
      assert.deepEqual(polling.errors, errors);
      assertHidden([...series.keys(), ...polling.logged, polling.runner.lastError]);
    });
  }
}

/** A router that says the password of its user wherever it says something. */
function hostile(options: { readonly fault?: Fault; readonly login?: LoginForm }): Promise<RouterSimulator> {
  return RouterSimulator.start({
    users: { prometheus: PASSWORD },
    tables: { ...smallRouter(), [IPV4]: DATA, [IPV6]: DATA },
    ...options,
  });
}

Deno.test("A password in values that cannot be read is shown nowhere", async () => {
  await using simulator = await hostile({});
  const { tables } = simulator.options;
  tables["/system/resource"] = [{
    "version": "7",
    "cpu-load": PASSWORD,
    "uptime": PASSWORD,
    [PASSWORD]: "1",
  }];
  tables["/interface"] = [{ ".id": PASSWORD, "name": "a", "rx-byte": PASSWORD, "running": PASSWORD }];
  tables["/ip/address"] = [{ "address": PASSWORD }];
  await using polling = new Polling(simulator, { router: { password: PASSWORD } });
  const series = await polling.pass();
  assert.deepEqual([series.get("mikrotik_up"), polling.errors], [1, {}]);
  assert(polling.problems["malformed"]! > 0);
  assertHidden([...series.keys(), ...polling.logged]);
});

Deno.test("A wrong password is shown nowhere", async () => {
  await using simulator = await RouterSimulator.start();
  await using polling = new Polling(simulator, { router: { password: PASSWORD } });
  const series = await polling.pass();
  assert.deepEqual(polling.errors, { login: 1 });
  assertHidden([...series.keys(), ...polling.logged, polling.runner.lastError]);
});

Deno.test("A password is shown neither of a source nor of its settings", async () => {
  await using simulator = await hostile({});
  const { address } = simulator, router = { address, username: "prometheus", password: PASSWORD };
  using collecting = new Collecting(mikrotik, { settings: { routers: router }, lookups: unconfigured() });
  assertHidden(shown(collecting.source));
  await collecting.collect();
  assertHidden([...shown(collecting.source), ...shown(collecting.problems), ...collecting.logged]);
});

Deno.test("A password is shown neither of a session nor of its errors", async () => {
  await using simulator = await hostile({});
  const options: SessionOptions = {
    endpoint: { host: "127.0.0.1", port: simulator.port },
    tls: undefined,
    username: "prometheus",
    password: new Secret(PASSWORD),
    onUnknown: () => {},
  };
  const session = await Session.open(options, NEVER);
  assertHidden([...shown(session), ...shown(options)]);
  simulator.options.fault = { kind: "trap", message: LONG };
  const trap = await session.rows(["/interface/print"], NEVER).catch((error) => error);
  assert(trap instanceof RouterError);
  assert.equal(trap.message.length < 250, true);
  assert.match(trap.message, /^The router refuses: "x{110}<secret>y*…"$/);
  assertHidden([...shown(trap), trap.stack!, ...shown(session)]);
  session.close();
  simulator.options.fault = { kind: "fatal", on: "login", reason: PASSWORD };
  const fatal = await Session.open(options, NEVER).catch((error) => error);
  assert(fatal instanceof RouterError);
  assertHidden([...shown(fatal), fatal.stack!]);
});
