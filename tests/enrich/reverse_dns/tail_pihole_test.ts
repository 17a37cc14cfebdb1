import assert from "node:assert/strict";
import { tailPihole } from "../../../enrich/reverse_dns/tail_pihole.ts";
import { quiet } from "../../helpers/enrichers.ts";
import { until } from "./until.ts";

/** Puts a program named pihole on the PATH while the body runs, or none. */
async function withPihole(
  script: string | undefined,
  body: () => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir(), path = Deno.env.get("PATH")!;
  try {
    if (script !== undefined) {
      await Deno.writeTextFile(`${folder}/pihole`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    // All other programs stay on it, for the tests that run at the same time.
    Deno.env.set("PATH", `${folder}:${path}`);
    await body();
  } finally {
    Deno.env.set("PATH", path);
    await Deno.remove(folder, { recursive: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}

/** Runs until so many lines were read, or logged. */
async function tail(count: { lines?: number; logged?: number }) {
  const stopping = new AbortController(), { log, lines: logged } = quiet(), lines: string[] = [];
  const done = tailPihole({ signal: stopping.signal, log, onLine: (line) => lines.push(line) });
  await until(() => lines.length >= (count.lines ?? 0) && logged.length >= (count.logged ?? 0));
  stopping.abort();
  await done;
  return { lines, logged };
}

Deno.test("tailPihole() reads what pihole -t shows, and ends it and what it has started", async () => {
  await withPihole('echo "$@"; sleep 1000 & echo $$ $!; wait', async () => {
    const { lines, logged } = await tail({ lines: 2 });
    assert.equal(lines[0], "-t");
    const pids = lines[1]!.split(" ").map(Number);
    assert.equal(pids.length, 2);
    await until(() => !pids.some(isRunning));
    assert.deepEqual(logged, []);
  });
});

Deno.test("tailPihole() runs it again when it ends, and says so", async () => {
  const script =
    'cd "$(dirname "$0")"; if [ -e ran ]; then echo two; exec sleep 1000; fi; touch ran; echo one; exit 3';
  await withPihole(script, async () => {
    const { lines, logged } = await tail({ lines: 2 });
    assert.deepEqual(lines, ["one", "two"]);
    assert.equal(logged.length, 1);
    assert.match(logged[0]!, /level=warn .*reason="it ended with status 3" retry_seconds=1\n/);
  });
});

Deno.test("tailPihole() says so when there is no program of this name", async () => {
  await withPihole(undefined, async () => {
    const { logged } = await tail({ logged: 2 });
    assert.match(logged[0]!, /reason="Failed to spawn 'pihole'.* retry_seconds=1\n/);
    assert.match(logged[1]!, /reason="Failed to spawn 'pihole'.* retry_seconds=2\n/);
  });
});
