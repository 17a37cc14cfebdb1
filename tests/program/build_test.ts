import assert from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };
import { readBuild } from "../../program/build.ts";

Deno.test("readBuild() has the version of deno.json and no revision when the program runs from its source", () => {
  assert.deepEqual(readBuild(), { version: project.version, revision: "unknown" });
});
