import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { RawClient } from "./raw_client.ts";
import { RouterSimulator, type Row } from "./simulator.ts";
import { encodeSentence } from "./words.ts";

const ROWS: readonly Row[] = [
  { ".id": "*1", "name": "ether1", "type": "ether", "comment": "" },
  { ".id": "*2", "name": "мост", "type": "bridge" },
  { ".id": "*3", "name": "a=b", "type": "ether" },
];
const TABLES = { "/interface": ROWS, "/ip/address": [] };
const REFUSED = [["!trap", "=message=invalid user name or password (6)"], ["!done"]];

const secretFile = (name: string) =>
  Deno.readTextFileSync(new URL(`../../testdata/tls/${name}`, import.meta.url));

Deno.test("RouterSimulator sends the rows of a menu with all their attributes", async () => {
  await using simulator = await RouterSimulator.start({ tables: { ...TABLES } });
  using client = await RawClient.connect(simulator.port);
  assert.deepEqual(await client.ask("/interface/print"), [
    ["!re", "=.id=*1", "=name=ether1", "=type=ether", "=comment="],
    ["!re", "=.id=*2", "=name=мост", "=type=bridge"],
    ["!re", "=.id=*3", "=name=a=b", "=type=ether"],
    ["!done"],
  ]);
});

Deno.test("RouterSimulator sends what a .proplist names, in the order of the row", async () => {
  await using simulator = await RouterSimulator.start({ tables: { ...TABLES } });
  using client = await RawClient.connect(simulator.port);
  assert.deepEqual(await client.ask("/interface/print", "=.proplist=comment,nothing,name"), [
    ["!re", "=name=ether1", "=comment="],
    ["!re", "=name=мост"],
    ["!re", "=name=a=b"],
    ["!done"],
  ]);
});

Deno.test("RouterSimulator sends the rows for which every query holds", async () => {
  await using simulator = await RouterSimulator.start({ tables: { ...TABLES } });
  using client = await RawClient.connect(simulator.port);
  const ask = (...words: string[]) => client.ask("/interface/print", "=.proplist=.id", ...words);
  assert.deepEqual(await ask("?type=ether"), [["!re", "=.id=*1"], ["!re", "=.id=*3"], ["!done"]]);
  assert.deepEqual(await ask("?type=ether", "?name=a=b"), [["!re", "=.id=*3"], ["!done"]]);
  assert.equal((await ask("?>type=ether"))[0]![0], "!trap");
});

Deno.test("RouterSimulator counts rows in place of sending them", async () => {
  await using simulator = await RouterSimulator.start({ tables: { ...TABLES } });
  using client = await RawClient.connect(simulator.port);
  assert.deepEqual(await client.ask("/interface/print", "=count-only="), [["!done", "=ret=3"]]);
  assert.deepEqual(await client.ask("/interface/print", "=count-only=", "?type=ether"), [[
    "!done",
    "=ret=2",
  ]]);
  assert.deepEqual(await client.ask("/ip/address/print", "=count-only="), [["!done", "=ret=0"]]);
});

Deno.test("RouterSimulator says that there is nothing from 7.18 on", async () => {
  await using simulator = await RouterSimulator.start({ tables: { ...TABLES } });
  using client = await RawClient.connect(simulator.port);
  for (
    const [version, isTold] of [["7.18", true], ["7.18.2 (stable)", true], ["8.0", true], [
      "7.20beta2",
      true,
    ]] as const
  ) {
    simulator.options.version = version;
    assert.deepEqual(await client.ask("/ip/address/print"), isTold ? [["!empty"], ["!done"]] : [["!done"]]);
  }
  for (const version of ["7.17.9", "7.2", "6.49.18"]) {
    simulator.options.version = version;
    assert.deepEqual(await client.ask("/ip/address/print"), [["!done"]]);
  }
});

Deno.test("RouterSimulator sends the tag of a command in each reply, where it is told to", async () => {
  await using simulator = await RouterSimulator.start({ tables: { ...TABLES } });
  using client = await RawClient.connect(simulator.port);
  const ask = () => client.ask("/interface/print", ".tag=x=1", "=.proplist=.id,type", "?type=ether");
  assert.deepEqual(await ask(), [
    ["!re", "=.id=*1", "=type=ether", ".tag=x=1"],
    ["!re", "=.id=*3", "=type=ether", ".tag=x=1"],
    ["!done", ".tag=x=1"],
  ]);
  simulator.options.tag = "second";
  assert.deepEqual(await ask(), [
    ["!re", ".tag=x=1", "=.id=*1", "=type=ether"],
    ["!re", ".tag=x=1", "=.id=*3", "=type=ether"],
    ["!done", ".tag=x=1"],
  ]);
  const [trap] = await client.ask("/nowhere/print", ".tag=7");
  assert.deepEqual(trap, [
    "!trap",
    ".tag=7",
    "=category=0",
    "=message=no such command or directory (nowhere)",
  ]);
  assert.deepEqual(await client.ask("/ip/address/print", ".tag=8"), [["!empty", ".tag=8"], [
    "!done",
    ".tag=8",
  ]]);
  assert.deepEqual(await client.ask("/quit", ".tag=9"), [["!fatal", "session terminated on request"]]);
});

Deno.test("RouterSimulator names the first part of a path that it does not know", async () => {
  await using simulator = await RouterSimulator.start({ tables: { ...TABLES } });
  using client = await RawClient.connect(simulator.port);
  for (
    const [name, missing] of [["/ip/fire/wall/print", "fire"], ["/interface/remove", "remove"], [
      "/ip/print",
      "print",
    ]]
  ) {
    assert.deepEqual(await client.ask(name!), [
      ["!trap", "=category=0", `=message=no such command or directory (${missing})`],
      ["!done"],
    ]);
  }
});

Deno.test("RouterSimulator refuses wrong passwords and unknown users, and goes on", async () => {
  await using simulator = await RouterSimulator.start();
  using client = await RawClient.connect(simulator.port, { user: false });
  assert.deepEqual(await client.ask("/login", "=name=prometheus", "=password=Secret"), REFUSED);
  assert.deepEqual(await client.ask("/login", "=name=prometheus"), REFUSED);
  assert.deepEqual(await client.ask("/login", "=name=toString", "=password=secret"), REFUSED);
  assert.equal(simulator.logins, 0);
  assert.deepEqual(await client.ask("/login", "=name=prometheus", "=password=secret", ".tag=1"), [[
    "!done",
    ".tag=1",
  ]]);
  assert.equal(simulator.logins, 1);
});

Deno.test("RouterSimulator asks for the digest of a password and a challenge, if it is old", async () => {
  await using simulator = await RouterSimulator.start({ login: "challenge", users: { я: "пароль" } });
  using client = await RawClient.connect(simulator.port, { user: false });
  const answer = async () => {
    const [[done, ret] = []] = await client.ask("/login", "=name=я", "=password=пароль");
    assert.equal(done, "!done");
    const challenge = Uint8Array.fromHex(/^=ret=([0-9a-f]{32})$/.exec(ret!)![1]!);
    const digest = createHash("md5").update("\0пароль").update(challenge).digest("hex");
    return `=response=00${digest}`;
  };
  const response = await answer();
  assert.deepEqual(await client.ask("/login", "=name=я", response.replace(/.$/, "x")), REFUSED);
  assert.deepEqual(await client.ask("/login", "=name=я", response), REFUSED, "a challenge is for one try");
  assert.deepEqual(await client.ask("/login", "=name=я", await answer()), [["!done"]]);
  assert.equal(simulator.logins, 1);
});

Deno.test("RouterSimulator ends the connection of a client that asks before its login", async () => {
  await using simulator = await RouterSimulator.start();
  using client = await RawClient.connect(simulator.port, { user: false });
  await client.send("/system/identity/print", ".tag=1");
  assert.deepEqual(await client.bytes(), encodeSentence(["!fatal", "not logged in"]));
});

Deno.test("RouterSimulator ends the connection on request", async () => {
  await using simulator = await RouterSimulator.start();
  using client = await RawClient.connect(simulator.port);
  await client.send("/quit");
  assert.deepEqual(await client.bytes(), encodeSentence(["!fatal", "session terminated on request"]));
});

Deno.test("RouterSimulator answers comments and /cancel", async () => {
  await using simulator = await RouterSimulator.start();
  using client = await RawClient.connect(simulator.port);
  assert.deepEqual(await client.ask("#", ".tag=1"), [["!done", ".tag=1"]]);
  assert.deepEqual(await client.ask("/cancel", "=tag=5"), [["!done"]]);
});

Deno.test("RouterSimulator answers commands that come together", async () => {
  await using simulator = await RouterSimulator.start({ tables: { ...TABLES } });
  using client = await RawClient.connect(simulator.port, { user: false });
  for (const tag of ["1", "2"]) {
    await client.send("/login", "=name=prometheus", "=password=secret", `.tag=${tag}`);
  }
  for (const tag of ["3", "4"]) await client.send("/interface/print", "=count-only=", `.tag=${tag}`);
  const answers = [
    await client.sentence(),
    await client.sentence(),
    await client.sentence(),
    await client.sentence(),
  ];
  assert.deepEqual(answers.map((words) => words.at(-1)), [".tag=1", ".tag=2", ".tag=3", ".tag=4"]);
});

Deno.test("RouterSimulator tells what was asked of it, and no passwords", async () => {
  await using simulator = await RouterSimulator.start({ tables: { ...TABLES } });
  {
    using client = await RawClient.connect(simulator.port);
    using _other = await RawClient.connect(simulator.port, { user: ["root", "toor"] });
    await client.ask("/interface/print", "=.proplist=name", ".tag=1");
    assert.deepEqual(simulator.commands, [["/login"], ["/login"], [
      "/interface/print",
      "=.proplist=name",
      ".tag=1",
    ]]);
    assert.deepEqual([simulator.connections, simulator.open, simulator.logins], [2, 2, 1]);
  }
  while (simulator.open > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(simulator.connections, 2);
});

Deno.test("RouterSimulator shows the tables and the users as they are at the moment", async () => {
  await using simulator = await RouterSimulator.start({ tables: { ...TABLES } });
  using client = await RawClient.connect(simulator.port);
  const ask = () => client.ask("/interface/print", "=.proplist=.id");
  assert.equal((await ask()).length, 4);
  simulator.options.tables["/interface"] = ROWS.slice(2);
  assert.deepEqual(await ask(), [["!re", "=.id=*3"], ["!done"]]);
  delete simulator.options.tables["/interface"];
  assert.equal((await ask())[0]![0], "!trap");
  simulator.options.users = {};
  assert.deepEqual(await client.ask("/login", "=name=prometheus", "=password=secret"), REFUSED);
});

Deno.test("RouterSimulator sends in pieces of a size if it is told to", async () => {
  await using simulator = await RouterSimulator.start({ tables: { ...TABLES }, chunk: 3, delay: 1 });
  using client = await RawClient.connect(simulator.port);
  assert.equal((await client.ask("/interface/print")).length, 4);
  // So long that one piece is read before the next one comes.
  simulator.options.delay = 300;
  await client.send("#");
  assert.deepEqual(await client.read(), new Uint8Array([5, 0x21, 0x64]));
});

Deno.test("RouterSimulator speaks TLS", async () => {
  const tls = { cert: secretFile("router.pem"), key: secretFile("router.key") };
  await using simulator = await RouterSimulator.start({ tls, tables: { ...TABLES } });
  {
    using client = await RawClient.connect(simulator.port, { caCerts: [secretFile("ca.pem")] });
    assert.equal((await client.ask("/interface/print")).length, 4);
  }
  await assert.rejects(RawClient.connect(simulator.port, { caCerts: [secretFile("other_ca.pem")] }));
  using plain = await RawClient.connect(simulator.port, { user: false });
  await plain.send("/login", "=name=prometheus", "=password=secret");
  // An alert: RFC 8446 §5.1
  assert.equal((await plain.bytes())[0], 21);
});

Deno.test("RouterSimulator listens where it is told to", async () => {
  await using simulator = await RouterSimulator.start({ hostname: "::1" });
  const { port } = simulator;
  assert.equal(simulator.address, `[::1]:${port}`);
  await assert.rejects(RouterSimulator.start({ hostname: "::1", port }), { code: "EADDRINUSE" });
});

Deno.test("RouterSimulator takes the place of another that has closed", async () => {
  const first = await RouterSimulator.start();
  using client = await RawClient.connect(first.port);
  await first[Symbol.asyncDispose]();
  await client.bytes().catch(() => {});
  await assert.rejects(RawClient.connect(first.port), Deno.errors.ConnectionRefused);
  await using second = await RouterSimulator.start({ port: first.port });
  using _client = await RawClient.connect(second.port);
  assert.equal(second.address, first.address);
});

Deno.test("RouterSimulator ends at once while clients wait, are slow, or are in the middle of their TLS", async () => {
  const tls = { cert: secretFile("router.pem"), key: secretFile("router.key") };
  const rows = {
    count: 100_000,
    row: (index: number) => ({ ".id": `*${index}`, "comment": "x".repeat(100) }),
  };
  for (const options of [{}, { delay: 1e6, chunk: 10 }, { fault: { kind: "stall" } as const }]) {
    const simulator = await RouterSimulator.start({ tables: { "/rows": rows } });
    using idle = await RawClient.connect(simulator.port), busy = await RawClient.connect(simulator.port);
    using _silent = await RawClient.connect(simulator.port, { user: false });
    Object.assign(simulator.options, options);
    await busy.send("/rows/print");
    await idle.send("#");
    while (simulator.commands.length < 4) await new Promise((resolve) => setTimeout(resolve, 1));
    await simulator[Symbol.asyncDispose]();
    assert.equal(simulator.open, 0);
  }
  const simulator = await RouterSimulator.start({ tls });
  using half = await RawClient.connect(simulator.port, { user: false });
  while (simulator.open < 1) await new Promise((resolve) => setTimeout(resolve, 1));
  await simulator[Symbol.asyncDispose]();
  await half.bytes().catch(() => {});
});
