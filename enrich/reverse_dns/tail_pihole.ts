import { sleep } from "../../core/work.ts";
import type { FollowOptions } from "./follow_file.ts";
import { Lines } from "./lines.ts";

const MIN_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 60_000;

/** Runs `pihole -t` and reads what it shows until the signal is aborted; runs it again when it ends. */
export async function tailPihole(options: FollowOptions): Promise<void> {
  const { signal, log } = options;
  for (let pause = MIN_PAUSE_MS; !signal.aborted; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
    const start = performance.now();
    const reason = await runOnce(options).catch((error: Error) => error.message);
    if (signal.aborted) return;
    if (performance.now() - start > MAX_PAUSE_MS) pause = MIN_PAUSE_MS;
    log.warn("Cannot read what pihole -t shows", { reason, retry_seconds: pause / 1000 });
    await sleep(pause, signal);
  }
}

/** Gives the reason why it ended. */
async function runOnce({ signal, onLine }: FollowOptions): Promise<string> {
  // In a process group of its own: it is a script that starts others, and they are to end with it.
  const child = new Deno.Command("pihole", {
    args: ["-t"],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
    detached: true,
  }).spawn();
  const lines = new Lines(onLine);
  const sink = new WritableStream<Uint8Array>({ write: (bytes) => lines.add(bytes) });
  await child.stdout.pipeTo(sink, { signal }).catch(() => {});
  if (!endGroup(child.pid)) {
    child.unref();
    return "it cannot be ended";
  }
  const { code } = await child.status;
  return `it ended with status ${code}`;
}

/** Whether all have ended. Those of another user, as by sudo, end when they write to the pipe that is closed. */
function endGroup(leader: number): boolean {
  try {
    Deno.kill(-leader, "SIGKILL");
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
  return true;
}
