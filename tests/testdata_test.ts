import assert from "node:assert/strict";

const FOLDER = new URL("testdata/", import.meta.url).pathname;
const README = Deno.readTextFileSync(`${FOLDER}README.md`);

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(FOLDER + folder)].map(({ name }) => folder + name).filter((name) =>
    name !== "README.md"
  );
}

for (
  const name of [...namesIn(""), ...namesIn("netlink/"), ...namesIn("procfs/"), ...namesIn("procfs/net/")]
) {
  Deno.test(`the README of the test data tells where ${name} comes from`, () => {
    assert.ok(README.includes(name));
  });
}
