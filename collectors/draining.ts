/** The event loop waits no longer while things are taken. */
const SLICE_MS = 5;
/** Things that come faster than this are no longer waited for one by one, but taken after pauses. */
const BUSY_MS = 1;
/** What else is to be done waits no longer, even if there are always more things. */
const SETTLE_MS = 1000;

/** Where things arrive that are taken many at a time. */
export interface Arrivals {
  readonly isClosed: boolean;
  /** How long things may wait while there are many. */
  readonly pauseMs: number;
  /** Takes some of what is there; gives how many things, and notes in `isEmpty` whether that was all. */
  takeSome(): number;
  readonly isEmpty: boolean;
  /** Waits until there is something; gives how many things it has taken. */
  wait(): Promise<number>;
  /** Does what else is to be done, mostly when all was taken; what that finds makes `isEmpty` false. */
  settle?(): Promise<void>;
}

/** Takes what arrives until it is closed, and yields when the event loop should have its turn. */
export async function* drain(arrivals: Arrivals): AsyncGenerator<void> {
  let taken = 0, emptied = performance.now(), settled = emptied;
  while (!arrivals.isClosed) {
    const end = performance.now() + SLICE_MS;
    do taken += arrivals.takeSome(); while (!arrivals.isEmpty && performance.now() < end);
    const now = performance.now();
    if (arrivals.isEmpty || now - settled >= SETTLE_MS) {
      settled = now;
      await arrivals.settle?.();
    }
    if (!arrivals.isEmpty) {
      yield;
      continue;
    }
    const isBusy = taken * BUSY_MS >= now - emptied;
    emptied = now;
    taken = 0;
    if (isBusy) await pause(arrivals.pauseMs);
    else taken = await arrivals.wait();
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
