import { setImmediate } from "node:timers";

/**
 * Work done piece by piece: it yields between pieces of at most a few milliseconds, and whoever drives it gives
 * the event loop its turn when a slice of time is used up.
 */
export type Work = Iterable<void> | AsyncIterable<void>;

/** The longest that work is driven before the event loop has its turn. A piece may overrun it by its own length. */
const SLICE_MS = 2;

/**
 * As long as there is work the runtime looks at its sockets in every 61st turn of the event loop only (the
 * `event_interval` of Tokio): so many turns at once cost 0.1 ms.
 */
const TURNS = 61;

/** Lets everything that waits in the event loop run. */
export async function nextTurn(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** When the event loop last had a turn that somebody gave it, and the turn that it is having. */
let turned = -Infinity, turning: Promise<void> | undefined;

/**
 * Gives what lets the event loop have its turn when a slice of time has been used up since the last one: one slice for
 * all that work at the same time.
 */
export function turnsWhenDue(): () => Promise<void> | undefined {
  if (turning === undefined) turned = performance.now();
  return () => {
    if (turning === undefined && performance.now() - turned < SLICE_MS) return undefined;
    return turning ??= nextTurn().then(() => {
      turning = undefined;
      turned = performance.now();
    });
  };
}

/** Resolves after that time, or when the signal is aborted. Does not keep the program from ending. */
export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    Deno.unrefTimer(timer);
    if (signal.aborted) end();
    else signal.addEventListener("abort", end);
  });
}

/** Waits for the promise, but not longer than the signal says; then throws its reason. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  promise.catch(() => {});
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Does work to its end, with no turn for the event loop. */
export function inOnePiece(work: Iterable<void>): void {
  for (const _ of work);
}

/** Drives work to its end, or until the signal is aborted: then the work is closed and the reason thrown. */
export async function drive(work: Work, options: { signal?: AbortSignal; between?: () => void } = {}) {
  const { signal, between } = options;
  const steps = Symbol.asyncIterator in work ? work[Symbol.asyncIterator]() : work[Symbol.iterator]();
  const turnWhenDue = turnsWhenDue();
  try {
    for (;;) {
      signal?.throwIfAborted();
      const step = steps.next();
      if ((step instanceof Promise ? await step : step).done) return;
      between?.();
      const turn = turnWhenDue();
      if (turn !== undefined) await turn;
    }
  } catch (error) {
    // What goes wrong in closing is of less interest than why it is closed.
    await Promise.try(() => steps.return?.()).catch(() => {});
    throw error;
  }
}
