import assert from "node:assert/strict";
import { Exporter } from "../helpers/exporter.ts";

const TESTDATA = new URL("../testdata/", import.meta.url).pathname;
const GOLDEN = `${TESTDATA}metrics.txt`;
const VOLATILE = /^netcensus_(build_info\{|(collector_duration|\w+_success_timestamp)_seconds\b)/;

/** A copy that any user may read, wherever the checkout is. */
async function copyOf(folder: string): Promise<string> {
  const copy = await Deno.makeTempDir();
  await Deno.chmod(copy, 0o755);
  const { success } = await new Deno.Command("cp", { args: ["-R", `${folder}/.`, copy] }).output();
  assert.ok(success);
  return copy;
}

Deno.test("the program shows the sockets of a fixture procfs as in metrics.txt", async () => {
  const procfs = await copyOf(`${TESTDATA}procfs`);
  try {
    await using exporter = await Exporter.start([
      `--path.procfs=${procfs}`,
      "--collector.sockets.process",
      "--web.disable-exporter-metrics",
    ]);
    const lines = (await exporter.get("/metrics")).split("\n");
    const actual = lines.filter((line) => !VOLATILE.test(line)).join("\n");
    if (Deno.env.has("UPDATE_GOLDEN")) await Deno.writeTextFile(GOLDEN, actual);
    assert.equal(actual, await Deno.readTextFile(GOLDEN));
  } finally {
    await Deno.remove(procfs, { recursive: true });
  }
});
