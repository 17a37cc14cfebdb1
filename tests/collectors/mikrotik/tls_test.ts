import assert from "node:assert/strict";
import { manyConnections, smallRouter } from "../../helpers/routeros/tables.ts";
import { type Fault, RouterSimulator } from "../../helpers/routeros/simulator.ts";
import type { Literal } from "../../../core/node.ts";
import { fingerprintOf, pairOf, tlsFile } from "./certificates.ts";
import { closed, Polling } from "./polling.ts";

const TOTAL = "mikrotik_total_connections", UP = "mikrotik_up";
const IPV4 = "/ip/firewall/connection";
const ALL = 14;

type TlsSettings = Readonly<Record<string, Literal>>;
const LINKS: Readonly<Record<string, TlsSettings>> = {
  "an authority": { ca_file: tlsFile("ca.pem") },
  "a fingerprint": { fingerprint: fingerprintOf("router") },
  "any certificate": { insecure: true },
};

for (const [what, tls] of Object.entries(LINKS)) {
  Deno.test(`A session over TLS with ${what} is kept from one snapshot to the next`, async () => {
    await using simulator = await RouterSimulator.start({ tls: pairOf("router") });
    await using polling = new Polling(simulator, { router: { tls } });
    for (let i = 0; i < 3; i++) assert.equal((await polling.pass()).get(TOTAL), ALL);
    assert.deepEqual([simulator.connections, simulator.logins, polling.errors], [1, 1, {}]);
  });
}

const WRONG: readonly (readonly [what: string, certificate: string, tls: TlsSettings | true])[] = [
  ["a fingerprint", "router", { fingerprint: fingerprintOf("other_name") }],
  ["a name", "other_name", { ca_file: tlsFile("ca.pem") }],
  ["an authority", "router", { ca_file: tlsFile("other_ca.pem") }],
  ["one of the known authorities", "router", true],
];
for (const [what, certificate, tls] of WRONG) {
  Deno.test(`Nothing of the login is sent to who has not ${what}`, async () => {
    await using simulator = await RouterSimulator.start({ tls: pairOf(certificate) });
    await using polling = new Polling(simulator, { router: { tls } });
    for (let i = 1; i <= 2; i++) {
      assert.equal((await polling.pass()).get(UP), 0);
      assert.deepEqual(polling.errors, { tls: i });
    }
    assert.deepEqual(simulator.commands, []);
    assert.equal(simulator.connections, 2);
    await closed(simulator);
  });
}

Deno.test("A certificate that is replaced is not trusted any more when the session has ended", async () => {
  const first = await RouterSimulator.start({ tls: pairOf("router") });
  await using polling = new Polling(first, { router: { tls: LINKS["a fingerprint"]! } });
  assert.equal((await polling.pass()).get(TOTAL), ALL);
  await first[Symbol.asyncDispose]();
  await using second = await RouterSimulator.start({ tls: pairOf("self_signed"), port: first.port });
  assert.equal((await polling.pass()).get(UP), 0);
  assert.deepEqual([polling.errors, second.commands], [{ tls: 1 }, []]);
});

Deno.test("A port of TLS that is spoken to without is an error of the protocol", async () => {
  await using simulator = await RouterSimulator.start({ tls: pairOf("router") });
  await using polling = new Polling(simulator);
  assert.equal((await polling.pass()).get(UP), 0);
  assert.deepEqual(polling.errors, { protocol: 1 });
  assert.deepEqual(simulator.commands, []);
});

interface Failing {
  readonly fault: Fault;
  readonly error: string;
}
const FAILING: readonly Failing[] = [
  { fault: { kind: "stall", on: "login" }, error: "timeout" },
  { fault: { kind: "stall", on: IPV4, after: 3, cut: 30 }, error: "timeout" },
  { fault: { kind: "fin", on: "login" }, error: "closed" },
  { fault: { kind: "fin", on: IPV4, after: 3, cut: 30 }, error: "closed" },
  { fault: { kind: "rst", on: "login" }, error: "closed" },
  { fault: { kind: "rst", on: IPV4, after: 3, cut: 30 }, error: "closed" },
  { fault: { kind: "fatal", on: IPV4, after: 3 }, error: "fatal" },
  { fault: { kind: "random", on: IPV4, after: 3 }, error: "protocol" },
  { fault: { kind: "huge-word", on: IPV4, after: 3 }, error: "protocol" },
];
for (const [what, tls] of Object.entries(LINKS).slice(0, 2)) {
  for (const { fault, error } of FAILING) {
    const { kind, on } = fault;
    Deno.test(`${kind} at ${on} over TLS with ${what} is an error of the kind ${error}`, async () => {
      await using simulator = await RouterSimulator.start({ tls: pairOf("router"), fault });
      const timeout = error === "timeout" ? 0.2 : 10;
      await using polling = new Polling(simulator, { router: { tls, timeout } });
      const start = performance.now(), series = await polling.pass();
      assert(performance.now() - start < 1500);
      assert.deepEqual([series.get(UP), series.has(TOTAL), polling.errors], [0, false, { [error]: 1 }]);
      simulator.options.fault = undefined;
      assert.equal((await polling.pass()).get(TOTAL), ALL);
      await closed(simulator, 1);
    });
  }

  Deno.test(`A snapshot is not lost when the session over TLS with ${what} has ended`, async () => {
    const first = await RouterSimulator.start({ tls: pairOf("router") }), { port } = first;
    await using polling = new Polling(first, { router: { tls } });
    await polling.pass();
    await first[Symbol.asyncDispose]();
    await using _second = await RouterSimulator.start({ tls: pairOf("router"), port });
    assert.equal((await polling.pass()).get(TOTAL), ALL);
    assert.deepEqual(polling.errors, {});
  });
}

for (const [what, tls] of Object.entries({ "plain TCP": false, ...LINKS })) {
  Deno.test(`50,000 connections are read right with ${what}`, async () => {
    const count = 50_000, rows = manyConnections(count);
    await using simulator = await RouterSimulator.start({
      ...tls && { tls: pairOf("router") },
      tables: { ...smallRouter(), [IPV4]: rows },
    });
    const rules = [{ name: "bytes", source: "mikrotik", value: "orig_bytes" }];
    await using polling = new Polling(simulator, { router: { tls }, rules });
    let bytes = 0;
    for (let i = 0; i < count; i++) bytes += Number(rows.row(i)["orig-bytes"]);
    const small = smallRouter();
    for (const row of small["/ipv6/firewall/connection"] as readonly Record<string, string>[]) {
      bytes += Number(row["orig-bytes"]);
    }
    for (let i = 0; i < 2; i++) {
      const series = await polling.pass();
      assert.deepEqual([series.get(TOTAL), series.get("bytes")], [count + 3, bytes]);
    }
    assert.deepEqual([polling.errors, polling.problems], [{}, {}]);
  });
}
