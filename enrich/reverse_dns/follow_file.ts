import type { Log } from "../../core/log.ts";
import { sleep } from "../../core/work.ts";
import { Lines } from "./lines.ts";

const POLL_MS = 500;
const BLOCK = 65_536;
/** What was written before the start is of use too, but a log may be large. */
const MAX_PAST = 1 << 20;

export interface FollowOptions {
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly onLine: (line: string) => void;
}

/**
 * Reads the end of a file, and what is written to it until the signal is aborted. When there is another file of this
 * name, it is read from its beginning; so is one that has become shorter.
 */
export async function followFile(path: string, options: FollowOptions): Promise<void> {
  const { signal, log } = options;
  let isFirst = true, lastReason = "";
  while (!signal.aborted) {
    try {
      await readWhileThere(path, options, isFirst);
      isFirst = false;
      lastReason = "";
      await sleep(POLL_MS, signal);
    } catch (error) {
      const reason = (error as Error).message;
      if (reason !== lastReason) log.warn("Cannot read the log of Pi-hole", { path, reason });
      lastReason = reason;
      await sleep(POLL_MS, signal);
    }
  }
}

/** Until the signal is aborted, or there is another file of this name. */
async function readWhileThere(path: string, options: FollowOptions, isFirst: boolean): Promise<void> {
  const { signal, onLine } = options;
  // To open a pipe could wait for ever.
  if (!(await Deno.stat(path)).isFile) throw new Error(`${path} is no regular file`);
  using file = await Deno.open(path);
  const buffer = new Uint8Array(BLOCK);
  let { size, ino, dev } = await file.stat();
  let lines = new Lines(onLine), position = 0;
  if (isFirst && size > MAX_PAST) position = await file.seek(size - MAX_PAST, Deno.SeekMode.Start);
  for (;;) {
    const successor = await Deno.stat(path).catch(() => undefined);
    // What was written before the file had a successor is read before that.
    for (let count; !signal.aborted && (count = await file.read(buffer)) !== null;) {
      position += count;
      lines.add(buffer.subarray(0, count));
    }
    if (signal.aborted) return;
    if (successor !== undefined && (successor.ino !== ino || successor.dev !== dev)) return;
    ({ size, ino, dev } = await file.stat());
    if (size < position) {
      position = await file.seek(0, Deno.SeekMode.Start);
      lines = new Lines(onLine);
    } else await sleep(POLL_MS, signal);
  }
}
