import assert from "node:assert/strict";
import { type Fault, NOT_PERMITTED } from "./faults.ts";
import { RawClient } from "./raw_client.ts";
import { RouterSimulator, type Row } from "./simulator.ts";
import { encodeSentence } from "./words.ts";

const ROWS: readonly Row[] = [{ ".id": "*1", "name": "a" }, { ".id": "*2", "name": "b" }];
const [A, B, DONE] = [["!re", "=.id=*1", "=name=a"], ["!re", "=.id=*2", "=name=b"], ["!done"]];

const SECRET = ["/login", "=name=prometheus", "=password=secret"];

function bytesOf(...sentences: (readonly string[])[]): Uint8Array {
  return new Uint8Array(sentences.flatMap((words) => [...encodeSentence(words)]));
}

/** A simulator with two rows, and a client that has logged in before the fault is there. */
async function withFault(
  fault: Fault,
  body: (client: RawClient, simulator: RouterSimulator) => Promise<void>,
) {
  await using simulator = await RouterSimulator.start({ tables: { "/rows": ROWS, "/others": ROWS } });
  using client = await RawClient.connect(simulator.port, {
    user: fault.on === "login" ? false : ["prometheus", "secret"],
  });
  simulator.options.fault = fault;
  await body(client, simulator);
}

/** What comes after a print up to the end of the connection, which is that of TCP. */
function ends(fault: Fault, expected: Uint8Array): Promise<void> {
  return withFault(fault, async (client) => {
    await client.send(...fault.on === "login" ? SECRET : ["/rows/print"]);
    assert.deepEqual(await client.bytes(), expected);
  });
}

/** What comes after a print, after which nothing more comes, though the connection stays. */
function stays(fault: Fault, expected: Uint8Array): Promise<void> {
  return withFault(fault, async (client, simulator) => {
    await client.send(...fault.on === "login" ? SECRET : ["/rows/print"]);
    assert.deepEqual(await client.bytes(expected.length), expected);
    await client.send("#");
    const more = client.read().then((bytes) => bytes === undefined ? "ended" : "more", () => "reset");
    const count = simulator.commands.length;
    while (simulator.commands.length === count) await moment();
    assert.equal(await Promise.race([more, moment()]), undefined);
    assert.equal(simulator.open, 1);
    await simulator[Symbol.asyncDispose]();
    assert.notEqual(await more, "more");
  });
}

function resets(fault: Fault): Promise<void> {
  return withFault(fault, async (client) => {
    await client.send(...fault.on === "login" ? SECRET : ["/rows/print"]);
    await assert.rejects(client.bytes(), Deno.errors.ConnectionReset);
  });
}

/** What comes after a print, after which the next is answered as well. */
function answers(fault: Fault, ...expected: (readonly string[])[]): Promise<void> {
  return withFault(fault, async (client, simulator) => {
    assert.deepEqual(await client.ask("/rows/print"), expected);
    simulator.options.fault = undefined;
    assert.deepEqual(await client.ask("/rows/print"), [A, B, DONE]);
  });
}

function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}

Deno.test("a fault strikes at prints of any menu, of one menu, or at the login", async () => {
  const fault: Fault = { kind: "trap", message: "no" }, trap = [["!trap", "=message=no"], ["!done"]];
  await withFault(fault, async (client, { options }) => {
    assert.deepEqual(await client.ask("/rows/print"), trap);
    assert.deepEqual(await client.ask("#"), [DONE]);
    options.fault = { ...fault, on: "/others" };
    assert.deepEqual(await client.ask("/rows/print"), [A, B, DONE]);
    assert.deepEqual(await client.ask("/others/print"), trap);
    options.fault = { ...fault, on: "login" };
    assert.deepEqual(await client.ask("/others/print"), [A, B, DONE]);
    assert.deepEqual(await client.ask(...SECRET), trap);
  });
});

Deno.test("stall: nothing comes, from the login, from the first row or from any other on", async () => {
  await stays({ kind: "stall", on: "login" }, bytesOf());
  await stays({ kind: "stall" }, bytesOf());
  await stays({ kind: "stall", after: 1 }, bytesOf(A!));
  await stays(
    { kind: "stall", after: 1, cut: 6 },
    new Uint8Array([...bytesOf(A!), ...bytesOf(B!).subarray(0, 6)]),
  );
  await stays({ kind: "stall", after: 99 }, bytesOf(A!, B!));
});

Deno.test("stall with keepalive: other commands are answered", async () => {
  await withFault({ kind: "stall", keepalive: true, after: 1 }, async (client) => {
    await client.send("/rows/print");
    assert.deepEqual(await client.sentence(), A);
    assert.deepEqual(await client.ask("#"), [DONE]);
    assert.deepEqual(await client.ask("#"), [DONE]);
  });
});

Deno.test("fin: the connection ends in order", async () => {
  await ends({ kind: "fin", on: "login" }, bytesOf());
  await ends({ kind: "fin", after: 1 }, bytesOf(A!));
  await ends(
    { kind: "fin", after: 2, cut: 3 },
    new Uint8Array([...bytesOf(A!, B!), ...bytesOf(DONE!).subarray(0, 3)]),
  );
});

Deno.test("rst: the connection is reset", async () => {
  await resets({ kind: "rst", on: "login" });
  await resets({ kind: "rst", after: 1 });
});

Deno.test("fin and rst: they do the same to TLS", async () => {
  const file = (name: string) =>
    Deno.readTextFileSync(new URL(`../../testdata/tls/${name}`, import.meta.url));
  const tls = { cert: file("router.pem"), key: file("router.key") };
  await using simulator = await RouterSimulator.start({ tls, tables: { "/rows": ROWS } });
  const connect = () => RawClient.connect(simulator.port, { caCerts: [file("ca.pem")] });
  simulator.options.fault = { kind: "fin", on: "/rows", after: 1 };
  using first = await connect();
  await first.send("/rows/print");
  assert.deepEqual(await first.bytes(), bytesOf(A!));
  simulator.options.fault = { kind: "rst", on: "/rows", after: 1 };
  using second = await connect();
  await second.send("/rows/print");
  await assert.rejects(second.bytes(), Deno.errors.ConnectionReset);
});

Deno.test("fatal: the router says why, and ends the connection", async () => {
  await ends(
    { kind: "fatal", on: "login", reason: "too many sessions" },
    bytesOf(["!fatal", "too many sessions"]),
  );
  await ends({ kind: "fatal", after: 1 }, bytesOf(A!, ["!fatal", "out of memory"]));
});

Deno.test("random: bytes come that are the same for the same seed", async () => {
  const bytes: Uint8Array[] = [];
  for (const seed of [5, 5, 6]) {
    await withFault({ kind: "random", after: 1, seed, length: 1000 }, async (client) => {
      await client.send("/rows/print");
      bytes.push(await client.bytes(bytesOf(A!).length + 1000));
    });
  }
  assert.deepEqual(bytes[0], bytes[1]);
  assert.notDeepEqual(bytes[0], bytes[2]);
  assert.deepEqual(bytes[2]!.subarray(0, bytesOf(A!).length), bytesOf(A!));
});

Deno.test("http: what listens there is a web server", async () => {
  await withFault({ kind: "http", on: "login" }, async (client) => {
    await client.send(...SECRET);
    assert.match(new TextDecoder().decode(await client.bytes()), /^HTTP\/1\.1 400 Bad Request\r\n/);
  });
});

Deno.test("huge-word: a word is announced that is too long for any buffer", async () => {
  await withFault({ kind: "huge-word", after: 1 }, async (client) => {
    await client.send("/rows/print");
    const head = [
      ...bytesOf(A!),
      3,
      ...new TextEncoder().encode("!re"),
      0xf0,
      0x80,
      0,
      0,
      0,
      ...new TextEncoder().encode("=comment="),
    ];
    assert.deepEqual(await client.bytes(head.length), new Uint8Array(head));
  });
});

Deno.test("control: a reserved byte stands where a length is expected", async () => {
  await stays({ kind: "control", after: 1 }, new Uint8Array([...bytesOf(A!), 0xf8]));
  await stays({ kind: "control", on: "login", byte: 0xff }, new Uint8Array([0xff]));
});

Deno.test("empty: the router says that there is nothing between rows", async () => {
  await answers({ kind: "empty" }, ["!empty"], A!, B!, DONE!);
  await answers({ kind: "empty", after: 1 }, A!, ["!empty"], B!, DONE!);
});

Deno.test("unknown: a reply has a word that nobody knows", async () => {
  await answers({ kind: "unknown" }, ["!maybe"], A!, B!, DONE!);
  await answers(
    { kind: "unknown", after: 2, word: "!x", words: ["=a=b", "c"] },
    A!,
    B!,
    ["!x", "=a=b", "c"],
    DONE!,
  );
});

Deno.test("after-done: a reply comes after the last one", async () => {
  for (const words of [["!re", "=.id=*9"], ["!done"]]) {
    await withFault({ kind: "after-done", words }, async (client) => {
      assert.deepEqual(await client.ask("/rows/print"), [A, B, DONE]);
      assert.deepEqual(await client.sentence(), words);
    });
  }
});

Deno.test("other-tag and no-tag: replies have tags that no command has, or none", async () => {
  await withFault({ kind: "other-tag", after: 1 }, async (client, { options }) => {
    const [first, ...others] = await client.ask("/rows/print", ".tag=1");
    assert.deepEqual(first, [...A!, ".tag=1"]);
    assert.deepEqual(others, [[...B!, ".tag=nobody"], ["!done", ".tag=nobody"]]);
    options.fault = { kind: "other-tag", tag: "2" };
    assert.deepEqual(await client.ask("/rows/print"), [A, B, DONE].map((words) => [...words!, ".tag=2"]));
    options.fault = { kind: "no-tag", after: 1 };
    assert.deepEqual(await client.ask("/rows/print", ".tag=1"), [[...A!, ".tag=1"], B, DONE]);
  });
});

Deno.test("trap: the router refuses, also in the middle, and more than once", async () => {
  await answers(NOT_PERMITTED, ["!trap", "=message=not enough permissions (9)"], DONE!);
  const trap = ["!trap", "=category=2", "=message=interrupted"];
  await answers({ kind: "trap", category: 2, message: "interrupted", after: 1 }, A!, trap, DONE!);
  await answers({ kind: "trap", category: 2, message: "interrupted", count: 2 }, trap, trap, DONE!);
});

Deno.test("long-word: one word is long", async () => {
  await withFault({ kind: "long-word" }, async (client) => {
    const [row, ...others] = await client.ask("/rows/print");
    assert.equal(row![1]!.length, 3_000_000);
    assert.deepEqual(others, [A, B, DONE]);
  });
});

Deno.test("many-words: one sentence is long", async () => {
  await withFault({ kind: "many-words", count: 5000 }, async (client) => {
    const [row, ...others] = await client.ask("/rows/print");
    assert.deepEqual([row!.length, row!.at(-1)], [5001, "=4999="]);
    assert.deepEqual(others, [A, B, DONE]);
  });
});

Deno.test("bytes: an attribute of one row has bytes that are no text", async () => {
  await withFault({ kind: "bytes", after: 1, name: "name", bytes: [0xd1, 0x8b, 0xff] }, async (client) => {
    await client.send("/rows/print");
    const id = encodeSentence(["!re", "=.id=*2"]).subarray(0, -1);
    const expected = [
      ...bytesOf(A!),
      ...id,
      9,
      ...new TextEncoder().encode("=name=ы"),
      0xff,
      0,
      ...bytesOf(DONE!),
    ];
    assert.deepEqual(await client.bytes(expected.length), new Uint8Array(expected));
  });
  await withFault({ kind: "bytes" }, async (client) => {
    const [row, ...others] = await client.ask("/rows/print");
    assert.match(row!.at(-1)!, /^=comment=Роутер 🛰.*\ufffd/);
    assert.deepEqual(others, [B, DONE]);
  });
});

Deno.test("lone-zero: the end of a sentence comes by itself", async () => {
  await withFault({ kind: "lone-zero", on: "login" }, async (client) => {
    await client.send(...SECRET);
    assert.deepEqual(await client.read(), bytesOf(DONE!).subarray(0, -1));
    assert.deepEqual(await client.read(), new Uint8Array([0]));
  });
  await answers({ kind: "lone-zero" }, A!, B!, DONE!);
});

Deno.test("late: all is right, but later", async () => {
  const start = performance.now();
  await answers({ kind: "late", delay: 60, after: 1 }, A!, B!, DONE!);
  assert.ok(performance.now() - start >= 59);
});

Deno.test("drip: all is right, but comes byte by byte", async () => {
  await withFault({ kind: "drip", delay: 2, on: "login" }, async (client) => {
    await client.send(...SECRET);
    assert.deepEqual(await client.read(), new Uint8Array([5]));
    assert.deepEqual(await client.bytes(6), bytesOf(DONE!).subarray(1));
  });
  await answers({ kind: "drip", delay: 1 }, A!, B!, DONE!);
});
