const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Waits with everything: of timers no such short time can be had. */
export function sleep(ms: number): void {
  if (ms > 0) Atomics.wait(sleeper, 0, 0, ms);
}
