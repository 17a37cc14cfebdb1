import assert from "node:assert/strict";
import { program, testWith } from "../helpers/skip.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const NOT_OURS = /^(\.git|dist|node_modules)$/;

testWith({
  name: "shellcheck finds nothing in the shell scripts",
  needs: program("shellcheck"),
  async fn() {
    const scripts = [".ci/run", ...scriptsIn("")];
    assert.ok(scripts.includes("deploy/install.sh"));
    const { stdout } = await new Deno.Command("shellcheck", { args: scripts, cwd: ROOT }).output();
    assert.equal(new TextDecoder().decode(stdout), "");
  },
});

/** Their paths below a folder, which is "" or ends with a slash. */
function scriptsIn(folder: string): string[] {
  return [...Deno.readDirSync(ROOT + folder)].flatMap(({ name, isDirectory }) => {
    if (isDirectory) return NOT_OURS.test(name) ? [] : scriptsIn(`${folder}${name}/`);
    return name.endsWith(".sh") ? [folder + name] : [];
  });
}
