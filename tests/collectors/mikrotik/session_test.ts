import assert from "node:assert/strict";
import { Backoff } from "../../../collectors/mikrotik/backoff.ts";
import { RouterError } from "../../../collectors/mikrotik/errors.ts";
import { Session } from "../../../collectors/mikrotik/session.ts";
import { Secret } from "../../../core/secret.ts";
import { type Fault, RouterSimulator } from "../../helpers/routeros/simulator.ts";
import { closed, NEVER, Polling, type PollingOptions, withFastTime } from "./polling.ts";

const TOTAL = "mikrotik_total_connections", UP = "mikrotik_up";
/** Of both tables of the simulator. */
const ALL = 14;

/** A host whose name can be resolved by nobody, and for which no name server is asked. */
const NO_HOST = "no..host";

/** What a pass tells that must fail. */
async function failure(at: { readonly address: string }, options: PollingOptions = {}) {
  await using polling = new Polling(at, options);
  const series = await polling.pass();
  assert.equal(series.get(UP), 0);
  return { errors: polling.errors, message: polling.runner.lastError };
}

/** A fault of one command only, which is the next. */
function strikeOnce({ options }: RouterSimulator, fault: Fault): void {
  Object.defineProperty(options, "fault", {
    configurable: true,
    get: () => {
      Object.defineProperty(options, "fault", { value: undefined });
      return fault;
    },
  });
}

for (const login of ["plain", "challenge"] as const) {
  Deno.test(`A session begins with a ${login} login`, async () => {
    const password = "пароль ☃ =%";
    await using simulator = await RouterSimulator.start({ login, users: { "prom user": password } });
    await using polling = new Polling(simulator, { router: { username: "prom user", password } });
    assert.equal((await polling.pass()).get(TOTAL), ALL);
    assert.deepEqual([simulator.logins, polling.errors], [1, {}]);
  });

  Deno.test(`A wrong password is an error of the ${login} login`, async () => {
    await using simulator = await RouterSimulator.start({ login, users: { prometheus: "another" } });
    assert.deepEqual(await failure(simulator), {
      errors: { login: 1 },
      message: 'The router refuses: "invalid user name or password (6)"',
    });
    assert.deepEqual([simulator.logins, simulator.connections], [0, 1]);
    await closed(simulator);
  });
}

Deno.test("A session is kept from one snapshot to the next", async () => {
  await using simulator = await RouterSimulator.start();
  await using polling = new Polling(simulator);
  for (let i = 0; i < 4; i++) assert.equal((await polling.pass()).get(TOTAL), ALL);
  assert.deepEqual([simulator.connections, simulator.logins, simulator.open], [1, 1, 1]);
  assert.deepEqual(polling.errors, {});
});

Deno.test("A session ends when the source is closed", async () => {
  await using simulator = await RouterSimulator.start();
  {
    await using polling = new Polling(simulator);
    await polling.pass();
    assert.equal(simulator.open, 1);
  }
  await closed(simulator);
});

Deno.test("A password in a file is read at each login", async () => {
  await using simulator = await RouterSimulator.start();
  const file = await Deno.makeTempFile();
  await using polling = new Polling(simulator, { router: { password_file: file } });
  try {
    await Deno.writeTextFile(file, "wrong\n");
    await polling.pass();
    assert.deepEqual(polling.errors, { login: 1 });
    await Deno.writeTextFile(file, "secret\r\n");
    assert.equal((await polling.pass()).get(TOTAL), ALL);
    await Deno.remove(file);
    assert.equal((await polling.pass()).get(TOTAL), ALL, "The session is kept without it");
  } finally {
    await Deno.remove(file).catch(() => {});
  }
  strikeOnce(simulator, { kind: "fin" });
  await polling.pass();
  assert.deepEqual(polling.errors, { login: 1, credentials: 1 });
  assert.match(polling.runner.lastError, /^Cannot read the password: No such file or directory/);
});

Deno.test("A port that refuses is an error of connecting", async () => {
  const simulator = await RouterSimulator.start();
  await simulator[Symbol.asyncDispose]();
  assert.deepEqual(await failure(simulator), {
    errors: { connect: 1 },
    message: `Cannot connect to 127.0.0.1, port ${simulator.port}: Connection refused (os error 111)`,
  });
});

Deno.test("A host that nobody knows is an error of connecting", async () => {
  assert.deepEqual(await failure({ address: NO_HOST }), {
    errors: { connect: 1 },
    message: `Cannot resolve ${NO_HOST}: getaddrinfo ENOTFOUND ${NO_HOST}`,
  });
});

Deno.test("A host is reached at whichever of its addresses answers", async () => {
  await using simulator = await RouterSimulator.start();
  await using polling = new Polling({ address: `localhost:${simulator.port}` });
  assert.equal((await polling.pass()).get(TOTAL), ALL);
});

const DEADLINES: readonly { what: string; fault: Fault; late: string }[] = [
  { what: "the login", fault: { kind: "stall", on: "login" }, late: "No login within 10 s" },
  {
    what: "a command",
    fault: { kind: "stall", on: "/ip/firewall/connection" },
    late: "The router was silent for 15 s",
  },
  {
    what: "a row",
    fault: { kind: "stall", on: "/ip/firewall/connection", after: 3, cut: 40 },
    late: "The router was silent for 15 s",
  },
];
for (const { what, fault, late } of DEADLINES) {
  Deno.test(`A router that is silent in ${what} is waited for as long as a snapshot may take`, async () => {
    await using simulator = await RouterSimulator.start({ fault });
    const start = performance.now();
    assert.deepEqual(await failure(simulator, { router: { timeout: "100ms" } }), {
      errors: { timeout: 1 },
      message: "The snapshot took longer than 0.1 s",
    });
    assertAbout(performance.now() - start, 100);
  });

  Deno.test(`A router that is silent in ${what} is not waited for for ever`, async () => {
    await using simulator = await RouterSimulator.start({ fault });
    await withFastTime(100, async () => {
      assert.deepEqual(await failure(simulator), { errors: { timeout: 1 }, message: late });
    });
  });
}

Deno.test("A router that drips is not waited for longer than a snapshot may take", async () => {
  const fault: Fault = { kind: "drip", delay: 5, on: "/interface" };
  await using simulator = await RouterSimulator.start({ fault });
  const start = performance.now();
  const { errors } = await failure(simulator, { router: { timeout: "150ms" } });
  assert.deepEqual(errors, { timeout: 1 });
  assertAbout(performance.now() - start, 150);
});

Deno.test("A scrape that does not wait longer is an error of time", async () => {
  await using simulator = await RouterSimulator.start({ fault: { kind: "stall", on: "/interface" } });
  await using polling = new Polling(simulator);
  const signal = AbortSignal.timeout(100), start = performance.now();
  assert.equal((await polling.pass({ signal })).get(UP), 0);
  assertAbout(performance.now() - start, 100);
  assert.deepEqual(polling.errors, { timeout: 1 });
  simulator.options.fault = undefined;
  assert.equal((await polling.pass()).get(TOTAL), ALL);
});

function assertAbout(ms: number, expected: number): void {
  assert(ms >= expected - 5 && ms < expected + 2000, `${ms} ms, not ${expected}`);
}

const GONE: readonly { how: string; fault: Fault }[] = [
  { how: "ended", fault: { kind: "fin" } },
  { how: "reset", fault: { kind: "rst" } },
  { how: "ended with a word", fault: { kind: "fatal", reason: "session timed out" } },
];
for (const { how, fault } of GONE) {
  Deno.test(`A snapshot is not lost when the session that was kept is ${how}`, async () => {
    await using simulator = await RouterSimulator.start();
    await using polling = new Polling(simulator);
    await polling.pass();
    for (let logins = 2; logins < 5; logins++) {
      strikeOnce(simulator, fault);
      const series = await polling.pass();
      assert.deepEqual([series.get(TOTAL), series.get(UP), simulator.logins], [ALL, 1, logins]);
      await closed(simulator, 1);
    }
    assert.deepEqual([polling.errors, polling.problems], [{}, {}]);
  });
}

Deno.test("A snapshot is not lost when the router was started anew", async () => {
  const first = await RouterSimulator.start();
  await using polling = new Polling(first);
  await polling.pass();
  await first[Symbol.asyncDispose]();
  await using second = await RouterSimulator.start({ port: first.port });
  assert.equal((await polling.pass()).get(TOTAL), ALL);
  assert.deepEqual([second.logins, polling.errors], [1, {}]);
});

Deno.test("A session that ends after something was said is an error, and the next snapshot has another", async () => {
  await using simulator = await RouterSimulator.start();
  await using polling = new Polling(simulator);
  await polling.pass();
  simulator.options.fault = { kind: "fin", on: "/interface" };
  assert.equal((await polling.pass()).get(UP), 0);
  assert.deepEqual(polling.errors, { closed: 1 });
  simulator.options.fault = undefined;
  assert.equal((await polling.pass()).get(TOTAL), ALL);
  assert.deepEqual([simulator.logins, polling.errors], [2, { closed: 1 }]);
  await closed(simulator, 1);
});

Deno.test("A router that replies without being asked is told so", async () => {
  await using simulator = await RouterSimulator.start({ fault: { kind: "after-done", on: "/interface" } });
  const { errors, message } = await failure(simulator);
  assert.deepEqual(errors, { protocol: 1 });
  assert.match(message, /^The router has replied (without being asked|to no command of ours)$/);
});

/** A session of a user who has logged in before there are faults. */
async function sessionAt({ port }: RouterSimulator): Promise<Session> {
  return await Session.open({
    endpoint: { host: "127.0.0.1", port },
    tls: undefined,
    username: "prometheus",
    password: new Secret("secret"),
    onUnknown: () => {},
  }, NEVER);
}

/** The names of the interfaces that are told before something goes wrong, and the kind of error. */
async function taken(
  fault: Fault,
): Promise<{ names: (string | undefined)[]; kind: string; isClosed: boolean }> {
  await using simulator = await RouterSimulator.start({ fault });
  const session = await sessionAt(simulator), names: (string | undefined)[] = [];
  const asking = session.ask(["/interface/print"], (row) => names.push(row.attributes().get("name")), NEVER);
  try {
    for await (const _ of asking);
    return { names, kind: "none", isClosed: session.isClosed };
  } catch (error) {
    assert(error instanceof RouterError);
    return { names, kind: error.kind, isClosed: session.isClosed };
  } finally {
    session.close();
  }
}

Deno.test("A row of another command is not taken", async () => {
  const first = ["ether1", "ether2"];
  for (const fault of [{ kind: "other-tag", after: 2 }, { kind: "no-tag", after: 2 }] as const) {
    assert.deepEqual(await taken(fault), { names: first, kind: "protocol", isClosed: true });
  }
});

Deno.test("A row after a trap is not taken, and the session goes on", async () => {
  const fault: Fault = { kind: "unknown", word: "!trap", words: ["=message=interrupted"], after: 2 };
  assert.deepEqual(await taken(fault), { names: ["ether1", "ether2"], kind: "trap", isClosed: false });
});

Deno.test("A trap has its message and its category, and after it the session goes on until it is closed", async () => {
  await using simulator = await RouterSimulator.start();
  const session = await sessionAt(simulator);
  const first = { kind: "unknown", word: "!trap", words: ["=category=5", "=message=first"] } as const;
  simulator.options.tables["/interface"] = [];
  simulator.options.fault = first;
  const error = { kind: "trap", message: 'The router refuses: "first"', category: 5 };
  await assert.rejects(session.rows(["/interface/print"], NEVER), error);
  simulator.options.fault = undefined;
  assert.deepEqual(await session.rows(["/interface/print"], NEVER), []);
  session.close();
  const isClosed = { kind: "closed", message: "The connection is closed" };
  await assert.rejects(session.rows(["/interface/print"], NEVER), isClosed);
});

Deno.test("A session is closed when nobody wants the rows that are left", async () => {
  await using simulator = await RouterSimulator.start({
    fault: { kind: "stall", on: "/interface", after: 1 },
  });
  const session = await sessionAt(simulator);
  for await (const _ of session.ask(["/interface/print"], () => {}, NEVER)) break;
  assert.equal(session.isClosed, true);
  await closed(simulator);
});

Deno.test("Backoff waits twice as long after each failure, up to a minute", () => {
  const backoff = new Backoff(), waits: number[] = [];
  assert.equal(backoff.isWaiting(0), false);
  for (let i = 0, now = 5000; i < 9; i++) {
    backoff.failed(now);
    let wait = 0;
    while (backoff.isWaiting(now + wait)) wait += 500;
    waits.push(wait / 1000);
    now += wait;
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
  backoff.succeeded();
  assert.equal(backoff.isWaiting(0), false);
  backoff.failed(0);
  // A timer may be a little early.
  assert.deepEqual([799, 800].map((now) => backoff.isWaiting(now)), [true, false]);
});

Deno.test("A pass before a router is tried again fails at once, as the last one did, and is no error", async () => {
  const wrong = { users: { prometheus: "another" } };
  await using simulator = await RouterSimulator.start(wrong);
  await using polling = new Polling(simulator);
  await polling.pass();
  // It is tried again after 1 s, then after 2 s, and passes are a second from each other.
  const tries = [], errors = [];
  for (let i = 0; i < 8; i++) {
    const series = await polling.pass({ after: 1100 });
    assert.deepEqual([series.get(UP), series.has(TOTAL)], [0, false]);
    assert.match(polling.runner.lastError, /invalid user name or password/);
    tries.push(simulator.connections);
    errors.push(polling.errors["login"]);
  }
  assert.deepEqual(tries, [2, 2, 3, 3, 3, 3, 4, 4]);
  assert.deepEqual(errors, tries);
  simulator.options.users = { prometheus: "secret" };
  assert.equal((await polling.pass()).get(TOTAL), ALL);
  assert.equal((await polling.pass({ after: 1100 })).get(TOTAL), ALL);
});

Deno.test("A small table that does not end is given up before it fills the memory", async () => {
  const row = { name: "x".repeat(10_000) }, tables = { "/interface": { count: 2000, row: () => row } };
  await using simulator = await RouterSimulator.start({ tables });
  const session = await sessionAt(simulator);
  const error = { kind: "protocol", message: "The router has too much to say to /interface/print" };
  await assert.rejects(session.rows(["/interface/print"], NEVER), error);
  assert.deepEqual([session.isClosed, session.received < 16 << 20], [true, true]);
  await closed(simulator);
});
