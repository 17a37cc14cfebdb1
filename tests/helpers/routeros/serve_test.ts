import assert from "node:assert/strict";
import { RawClient } from "./raw_client.ts";
import type { ServeOptions } from "./serve.ts";

const PROGRAM = new URL("serve.ts", import.meta.url).pathname;

interface Served {
  readonly port: number;
  readonly process: Deno.ChildProcess;
}

async function serve(
  options: ServeOptions,
  body: (served: Served) => Promise<void>,
): Promise<Deno.CommandStatus> {
  const args = ["run", "--allow-all", PROGRAM, JSON.stringify(options)];
  const process = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped" }).spawn();
  const lines = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    const { value = "{}" } = await lines.read();
    await body({ port: JSON.parse(value).port, process });
    return await process.status;
  } finally {
    await lines.cancel();
  }
}

Deno.test("serve.ts serves what it is told to until its input ends", async () => {
  const menu = "/ip/firewall/connection";
  const options: ServeOptions = {
    many: { count: 1000, sources: 10 },
    warm: [{ menu, proplist: "protocol" }],
    tables: { "/ip/route": [{ ".id": "*1" }] },
    users: { root: "toor" },
  };
  const { code } = await serve(options, async ({ port, process }) => {
    using client = await RawClient.connect(port, { user: ["root", "toor"] });
    assert.equal((await client.ask(`${menu}/print`, "=.proplist=protocol")).length, 1001);
    assert.deepEqual(await client.ask("/ip/route/print"), [["!re", "=.id=*1"], ["!done"]]);
    assert.equal((await client.ask("/system/identity/print"))[0]![0], "!re");
    await process.stdin.close();
  });
  assert.equal(code, 0);
});

Deno.test("serve.ts ends at SIGTERM", async () => {
  const { code } = await serve({}, async ({ process }) => {
    process.kill("SIGTERM");
    await process.status;
    await process.stdin.close().catch(() => {});
  });
  assert.equal(code, 0);
});
