import assert from "node:assert/strict";
import { RouterOSAPI } from "node-routeros";
import { RouterSimulator, type Row, type SimulatorOptions } from "./simulator.ts";
import { manyConnections } from "./tables.ts";

/** node-routeros, which others have written, as a judge of what the simulator sends. It knows no `!empty`. */
const VERSION = "7.17.2";

/** It reads all text as Windows-1252. */
const ROWS: readonly Row[] = [
  { ".id": "*1", "name": "ether1", "comment": "a=b" },
  { ".id": "*2", "name": "bridge", "comment": "" },
  { ".id": "*3", "name": "x".repeat(300) },
];
const MANY = manyConnections(2000);

const file = (name: string) => Deno.readTextFileSync(new URL(`../../testdata/tls/${name}`, import.meta.url));

interface Case extends Partial<SimulatorOptions> {
  readonly password?: string;
}

/** Runs the body with a client that has logged in. */
async function withClient(
  options: Case,
  body: (client: RouterOSAPI, simulator: RouterSimulator) => void | Promise<void>,
) {
  const { password = "secret", ...others } = options;
  await using simulator = await RouterSimulator.start({
    version: VERSION,
    tables: { "/interface": ROWS, "/ip/address": [], "/ip/firewall/connection": MANY },
    ...others,
  });
  const client = new RouterOSAPI({
    host: "127.0.0.1",
    port: simulator.port,
    user: "prometheus",
    password,
    ...options.tls && { tls: { ca: file("ca.pem") } },
  });
  await client.connect();
  try {
    await body(client, simulator);
  } finally {
    await client.close();
  }
}

for (const login of ["plain", "challenge"] as const) {
  Deno.test(`node-routeros logs in with the ${login} form`, async () => {
    await withClient({ login }, (_, { logins }) => assert.equal(logins, 1));
  });

  Deno.test(`node-routeros is told that a password is wrong, in the ${login} form`, async () => {
    await assert.rejects(
      withClient({ login, password: "wrong" }, () => {}),
      {
        errno: "CANTLOGIN",
        message: /Username or password is invalid/,
      },
    );
  });
}

for (const tag of ["last", "second"] as const) {
  Deno.test(`node-routeros reads rows whose tag is ${tag}`, async () => {
    await withClient({ tag }, async (client) => {
      assert.deepEqual(await client.write("/interface/print"), ROWS);
      assert.deepEqual(
        await client.write("/interface/print", "=.proplist=name"),
        ROWS.map(({ name }) => ({ name })),
      );
      assert.deepEqual(await client.write("/interface/print", "?name=bridge"), [ROWS[1]]);
      assert.deepEqual(await client.write("/ip/address/print"), []);
    });
  });
}

Deno.test("node-routeros reads counts", async () => {
  await withClient({}, async (client) => {
    assert.deepEqual(await client.write("/ip/firewall/connection/print", "=count-only="), [{ ret: "2000" }]);
  });
});

Deno.test("node-routeros reads many rows over TLS", async () => {
  const tls = { cert: file("router.pem"), key: file("router.key") };
  await withClient({ tls }, async (client) => {
    const names = [".id", "protocol", "dst-address", "orig-bytes"];
    const expected = Array.from(
      { length: MANY.count },
      (_, i) => Object.fromEntries(names.map((name) => [name, MANY.row(i)[name]])),
    );
    const command = ["/ip/firewall/connection/print", `=.proplist=${names.join(",")}`];
    assert.deepEqual(await client.write(command), expected);
  });
});

Deno.test("node-routeros is told of what is not there, and can go on", async () => {
  await withClient({}, async (client) => {
    await assert.rejects(client.write("/nothing/print"), {
      message: "no such command or directory (nothing)",
    });
    assert.equal((await client.write("/interface/print")).length, 3);
  });
});
