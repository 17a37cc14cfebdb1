import assert from "node:assert/strict";
import { Log } from "../../core/log.ts";
import { keepMemorySmall } from "../../native/memory.ts";

const HOST = new URL("memory_host.ts", import.meta.url);
const MEMORY = new URL("../../native/memory.ts", import.meta.url);

async function outputOf(args: readonly string[]): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), { args: [...args], env: { NO_COLOR: "1" } });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  assert.deepEqual([code, decoder.decode(stderr)], [0, ""]);
  return decoder.decode(stdout);
}

Deno.test("keepMemorySmall() lets go of the code of the start, and the program goes on working", async () => {
  const { before, least, worked, again, ...rest } = JSON.parse(
    await outputOf(["run", "--quiet", "-A", HOST.pathname]),
  );
  assert.deepEqual(rest, { isSame: true, logged: [] });
  assert(least < 0.9 * before, `${before} KiB, then ${least}`);
  assert(again < 0.9 * before && again <= worked, `${worked} KiB after work, then ${again}`);
});

Deno.test("keepMemorySmall() does not keep the program from ending", async () => {
  const code = `import { keepMemorySmall } from ${JSON.stringify(MEMORY.href)};
    keepMemorySmall({ debug: console.error });
    console.log("called");`;
  const start = performance.now();
  assert.equal(await outputOf(["eval", code]), "called\n");
  assert(performance.now() - start < 60_000);
});

Deno.test("keepMemorySmall() says that it cannot, and does not throw, where the system does not have its calls", () => {
  const lines: string[] = [], { dlopen } = Deno;
  Deno.dlopen = () => {
    throw new Error("libc.so.6: not found");
  };
  try {
    keepMemorySmall(new Log({ level: "debug", format: "logfmt", write: (line) => lines.push(line) }));
  } finally {
    Deno.dlopen = dlopen;
  }
  assert.deepEqual(lines.map((line) => line.replace(/^ts=\S+ /, "")), [
    'level=debug msg="Memory is not kept small" error="libc.so.6: not found"\n',
  ]);
});
