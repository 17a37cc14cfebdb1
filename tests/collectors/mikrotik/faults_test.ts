import assert from "node:assert/strict";
import type { ErrorKind } from "../../../collectors/mikrotik/errors.ts";
import { metricOf } from "../../helpers/collecting.ts";
import { type FaultPlace, type Faults, NOT_PERMITTED } from "../../helpers/routeros/faults.ts";
import {
  type Fault,
  type FaultKind,
  RouterSimulator,
  type SimulatorOptions,
} from "../../helpers/routeros/simulator.ts";
import { SMALL_CONNECTIONS } from "../../helpers/routeros/small_connections_table.ts";
import { closed, Polling } from "./polling.ts";

const TOTAL = "mikrotik_total_connections", UP = "mikrotik_up";
/** Of both tables of the simulator. */
const ALL = 14;

const IPV4 = "/ip/firewall/connection", IPV6 = "/ipv6/firewall/connection";

/** A router that says nothing more is waited for so long. */
const TIMEOUT = 0.15;
/** What ends by itself ends long before that. */
const LONG_TIMEOUT = 10;

/** Where a fault strikes, in words: in the login, before the first row, between two and in one, and after the last. */
const PLACES = {
  "in the login": { on: "login" },
  "before the first row": { on: IPV4 },
  "between two rows": { on: IPV4, after: 5 },
  "after the last row": { on: IPV4, after: SMALL_CONNECTIONS.length },
  "in the second table": { on: IPV6, after: 1 },
  "in a small table": { on: "/interface", after: 2 },
} as const satisfies Record<string, FaultPlace>;
type PlaceName = keyof typeof PLACES;
const EVERYWHERE = Object.keys(PLACES) as PlaceName[];
const IN_TABLES = EVERYWHERE.filter((place) => place !== "in the login");
const IN_CONNECTIONS = IN_TABLES.filter((place) => place !== "in a small table");

interface Failing<K extends FaultKind> {
  readonly fault?: Faults[K] & object;
  readonly where: readonly PlaceName[];
  readonly error: ErrorKind;
  readonly message: RegExp;
}

const LATE = { error: "timeout", message: /^The snapshot took longer than 0\.15 s$/ } as const;
const CLOSED = {
  error: "closed",
  message: /^The router has closed the connection$|Connection reset by peer/,
} as const;
const NO_API = { error: "protocol", message: /^Cannot understand the router: / } as const;
const NOT_OURS = { error: "protocol", message: /^The router has replied to no command of ours$/ } as const;

/** What each fault comes to, if it is one. */
const FAILING: { readonly [K in FaultKind]: readonly Failing<K>[] } = {
  "stall": [
    { where: EVERYWHERE, ...LATE },
    { fault: { cut: 7 }, where: ["in the login", "between two rows", "after the last row"], ...LATE },
    { fault: { keepalive: true }, where: ["before the first row", "between two rows"], ...LATE },
  ],
  "fin": [
    { where: EVERYWHERE, ...CLOSED },
    { fault: { cut: 7 }, where: EVERYWHERE, ...CLOSED },
  ],
  "rst": [
    { where: EVERYWHERE, ...CLOSED },
    { fault: { cut: 1 }, where: EVERYWHERE, ...CLOSED },
  ],
  "fatal": [{
    fault: { reason: "shutting down" },
    where: EVERYWHERE,
    error: "fatal",
    message: /^The router has ended the session: "shutting down"$/,
  }],
  "random": [
    { where: EVERYWHERE, ...NO_API },
    { fault: { cut: 9 }, where: ["between two rows"], ...NO_API },
    ...[2, 3, 4].map((seed) => ({ fault: { seed }, where: ["between two rows"] as const, ...NO_API })),
  ],
  "http": [{
    where: EVERYWHERE,
    error: "protocol",
    message: /^Cannot understand the router: no reply of a RouterOS API, at byte \d+$/,
  }],
  "huge-word": [
    { where: EVERYWHERE, ...NO_API },
    { fault: { length: 2 ** 32 - 1 }, where: ["between two rows"], ...NO_API },
  ],
  "control": [
    {
      where: EVERYWHERE,
      error: "protocol",
      message: /^Cannot understand the router: the reserved byte 0xf8 in place of a length, at byte \d+$/,
    },
    { fault: { byte: 0xff }, where: ["between two rows"], ...NO_API },
  ],
  "empty": [],
  "unknown": [{
    fault: { word: "!maybe", words: ["=name=x"] },
    where: EVERYWHERE,
    error: "protocol",
    message: /^The router has replied what is not known: "!maybe"$/,
  }],
  "after-done": [{
    where: ["in the login", "before the first row", "in a small table"],
    error: "protocol",
    message: /^The router has replied (?:without being asked|to no command of ours)$/,
  }],
  "other-tag": [
    { where: EVERYWHERE, ...NOT_OURS },
    // The number of another command.
    { fault: { tag: "999" }, where: EVERYWHERE, ...NOT_OURS },
  ],
  "no-tag": [{ where: EVERYWHERE, ...NOT_OURS }],
  "trap": [
    {
      fault: { message: "failure: try again", category: 2, count: 2 },
      where: IN_CONNECTIONS,
      error: "trap",
      message: /^The router refuses: "failure: try again"$/,
    },
    {
      fault: NOT_PERMITTED,
      where: IN_CONNECTIONS,
      error: "trap",
      message: /^The router refuses: "not enough permissions \(9\)"$/,
    },
    {
      fault: { message: "too many sessions" },
      where: ["in the login"],
      error: "login",
      message: /^The router refuses: "too many sessions"$/,
    },
  ],
  "long-word": [{ where: EVERYWHERE, ...NO_API }],
  "many-words": [{ where: EVERYWHERE, ...NO_API }],
  "bytes": [],
  "lone-zero": [],
  "late": [{ fault: { delay: 60_000 }, where: EVERYWHERE, ...LATE }],
  "drip": [{
    fault: { delay: 40 },
    where: ["in the login", "between two rows", "in a small table"],
    ...LATE,
  }],
};

for (const [kind, cases] of Object.entries(FAILING)) {
  for (const { fault, where, error, message } of cases as readonly Failing<FaultKind>[]) {
    const what = [kind, ...Object.entries(fault ?? {}).filter(([key]) => key !== "kind").flat()].join(" ");
    for (const place of where) {
      Deno.test(`${what} ${place} is an error of the kind ${error}, and nothing is shown of its pass`, () =>
        fails({ ...fault, ...PLACES[place], kind } as Fault, { error, message }));
    }
  }
}

async function fails(fault: Fault, expected: { error: ErrorKind; message: RegExp }): Promise<void> {
  await using simulator = await RouterSimulator.start({ fault });
  const timeout = expected.error === "timeout" ? TIMEOUT : LONG_TIMEOUT;
  await using polling = new Polling(simulator, { router: { timeout } });
  const start = performance.now(), series = await polling.pass(), took = (performance.now() - start) / 1000;
  assert.deepEqual(polling.errors, { [expected.error]: 1 });
  assert.match(polling.runner.lastError, expected.message);
  assert(took < TIMEOUT + 1.5, `${took} s`);
  assert.deepEqual(shown(series), ["mikrotik_errors_total", UP]);
  assert.equal(series.get(UP), 0);
  await closed(simulator);
  simulator.options.fault = undefined;
  const next = await polling.pass();
  assert.deepEqual([next.get(UP), next.get(TOTAL), next.get("mikrotik_snapshot_rows")], [1, ALL, ALL]);
  assert.deepEqual(polling.errors, { [expected.error]: 1 });
}

interface Harmless {
  readonly what: string;
  readonly fault?: Fault;
  readonly options?: Partial<SimulatorOptions>;
  /** Of two passes. */
  readonly problems?: Readonly<Record<string, number>>;
}

const HARMLESS: readonly Harmless[] = [
  { what: "!empty at every command", fault: { kind: "empty" } },
  { what: "!empty in the login", fault: { kind: "empty", on: "login" } },
  { what: "!empty among rows", fault: { kind: "empty", on: IPV4, after: 3 } },
  {
    what: "a bare word that nobody knows, among rows",
    fault: { kind: "unknown", on: IPV4, after: 3 },
    problems: { unknown_reply: 2 },
  },
  {
    what: "a bare word that nobody knows, in the login",
    fault: { kind: "unknown", on: "login" },
    problems: { unknown_reply: 1 },
  },
  {
    what: "a bare word that nobody knows, at every command",
    fault: { kind: "unknown" },
    // The addresses of the router are asked for once.
    problems: { unknown_reply: 14 },
  },
  { what: "the last byte of each sentence in a segment of its own", fault: { kind: "lone-zero" } },
  { what: "the last byte of the login in a segment of its own", fault: { kind: "lone-zero", on: "login" } },
  { what: "the first row late", fault: { kind: "late", delay: 60, on: IPV4 } },
  { what: "a row late", fault: { kind: "late", delay: 60, on: IPV4, after: 4 } },
  { what: "the login late", fault: { kind: "late", delay: 60, on: "login" } },
  { what: "byte by byte", fault: { kind: "drip", delay: 0 } },
  { what: "the login byte by byte", fault: { kind: "drip", delay: 1, on: "login" } },
  { what: "some bytes at a time", fault: { kind: "drip", delay: 1, on: "/system/identity" } },
  ...[1, 2, 3, 7, 130].map((chunk) => ({ what: `pieces of ${chunk} bytes`, options: { chunk } })),
  { what: "pieces with time between", options: { chunk: 400, delay: 1 } },
  { what: "the tag in the second place", options: { tag: "second" } },
  { what: "odd bytes in what is not looked at", fault: { kind: "bytes", on: IPV4, after: 2 } },
  {
    what: "odd bytes in place of an address",
    fault: { kind: "bytes", name: "reply-dst-address", on: IPV4, after: 2 },
    problems: { malformed: 2 },
  },
  { what: "an old version", options: { version: "6.49.18", login: "plain" } },
];

for (const { what, fault, options, problems = {} } of HARMLESS) {
  Deno.test(`A router that sends ${what} is read right`, async () => {
    await using simulator = await RouterSimulator.start({ ...options, fault });
    await using polling = new Polling(simulator);
    const expected = await seriesWithoutFault();
    for (let pass = 0; pass < 2; pass++) assert.deepEqual(tablesIn(await polling.pass()), expected);
    assert.equal(simulator.logins, 1);
    assert.deepEqual(polling.errors, {});
    assert.deepEqual(polling.problems, problems);
  });
}

Deno.test("Bytes that are no UTF-8 are shown as U+FFFD", async () => {
  const fault = { kind: "bytes", name: "connection-mark", on: IPV4, after: 2 } as const;
  await using simulator = await RouterSimulator.start({ fault });
  const rules = [{ name: "marks", source: "mikrotik", labels: ["connection_mark"] }];
  await using polling = new Polling(simulator, { rules });
  const bad = "\ufffd", mark = `Роутер 🛰${bad.repeat(7)}\ufeff${bad.repeat(3)}`;
  assert.equal(metricOf(await polling.pass(), "marks")[`{connection_mark="${mark}"}`], 1);
});

let withoutFault: Promise<Record<string, number>> | undefined;

function seriesWithoutFault(): Promise<Record<string, number>> {
  return withoutFault ??= (async () => {
    await using simulator = await RouterSimulator.start();
    await using polling = new Polling(simulator);
    return tablesIn(await polling.pass());
  })();
}

/** All series but those that are different in each pass. */
function tablesIn(series: ReadonlyMap<string, number>): Record<string, number> {
  const own = /^mikrotik_snapshot_(?:duration_seconds|bytes|timestamp_seconds)$/;
  return Object.fromEntries([...series].filter(([name]) => !own.test(name)));
}

/** The names of the metrics that there are. */
function shown(series: ReadonlyMap<string, number>): string[] {
  return [...new Set([...series.keys()].map((name) => name.replace(/\{.*/, "")))].sort();
}
