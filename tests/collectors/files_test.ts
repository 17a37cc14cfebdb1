import assert from "node:assert/strict";
import { openFile, readTextIfThere } from "../../collectors/files.ts";

async function withFolder(body: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const read of [openFile, readTextIfThere]) {
  Deno.test(`${read.name}() refuses a pipe, which it would wait for`, async () => {
    await withFolder(async (folder) => {
      await new Deno.Command("mkfifo", { args: [`${folder}/pipe`] }).output();
      assert.throws(() => read(`${folder}/pipe`), {
        message: `Cannot read ${folder}/pipe: it is no regular file`,
      });
    });
  });

  Deno.test(`${read.name}() refuses a folder`, async () => {
    await withFolder((folder) => {
      assert.throws(() => read(folder), { message: `Cannot read ${folder}: it is no regular file` });
    });
  });
}

Deno.test("openFile() opens a file of the kernel", () => {
  using file = openFile("/proc/self/net/tcp");
  assert.ok(file.readSync(new Uint8Array(16))! > 0);
});

Deno.test("readTextIfThere() gives nothing where there is nothing", () => {
  assert.equal(readTextIfThere("/nonexistent"), "");
});
