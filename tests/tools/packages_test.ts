import assert from "node:assert/strict";
import { readPackages } from "../../tools/packages.ts";

const ROOT = new URL("../../", import.meta.url);

interface Graph {
  readonly modules: readonly { kind?: string; npmPackage?: string; specifier: string }[];
}

/** What a module imports from npm, itself and by the others that it imports. */
async function importsOf(module: string): Promise<string[]> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--quiet", module],
    cwd: ROOT,
  }).output();
  assert.ok(success);
  const { modules }: Graph = JSON.parse(new TextDecoder().decode(stdout));
  return modules.map(({ npmPackage }) => npmPackage).filter((id) => id !== undefined);
}

Deno.test("readPackages() names as direct what the program imports", async () => {
  const imported = [...await importsOf("main.ts"), ...await importsOf("program/shard.ts")];
  const { direct } = await readPackages();
  assert.deepEqual([...direct].sort(), [...new Set(imported)].sort());
});

Deno.test("readPackages() finds inside what the packages inside need, and their folders", async () => {
  const { direct, inside } = await readPackages(), ids = inside.map(({ id }) => id);
  for (const id of [...direct, ...inside.flatMap(({ needs }) => needs)]) assert.ok(ids.includes(id), id);
  for (const { folder, name, version } of inside) {
    const own = JSON.parse(await Deno.readTextFile(new URL("package.json", folder)));
    assert.deepEqual([own.name, own.version], [name, version]);
  }
});

Deno.test("readPackages() leaves outside what only tests need", async () => {
  const { outside } = await readPackages();
  assert.deepEqual(outside.map(({ name }) => name), [
    "debug",
    "iconv-lite",
    "ms",
    "node-routeros",
    "safer-buffer",
  ]);
});
