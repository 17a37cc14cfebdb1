import { setImmediate } from "node:timers";

/** Replaces setTimeout while the body runs; `fire()` runs every callback that waits, whatever its delay. */
export function withFakeTimers(body: (timers: FakeTimers) => void): void {
  const timers = new FakeTimers();
  const { setTimeout } = globalThis;
  const fake: unknown = (callback: () => void, delay: number) => timers.add(callback, delay);
  globalThis.setTimeout = fake as typeof setTimeout;
  try {
    body(timers);
  } finally {
    globalThis.setTimeout = setTimeout;
  }
}

export class FakeTimers {
  readonly delays: number[] = [];
  #waiting: (() => void)[] = [];

  /** Gives 0, which is no real timer. */
  add(callback: () => void, delay: number): number {
    this.delays.push(delay);
    this.#waiting.push(callback);
    return 0;
  }

  fire(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const callback of waiting) callback();
  }
}

/** Replaces setInterval and AbortSignal.timeout while the body runs: their time goes by in `pass()` alone. */
export async function withFakeSchedule(body: (schedule: FakeSchedule) => Promise<void>): Promise<void> {
  const schedule = new FakeSchedule(), { setInterval } = globalThis, { timeout } = AbortSignal;
  const fake: unknown = (callback: () => void, delay: number) => schedule.every(delay, callback);
  globalThis.setInterval = fake as typeof setInterval;
  AbortSignal.timeout = (delay) => schedule.timeout(delay);
  try {
    await body(schedule);
  } finally {
    globalThis.setInterval = setInterval;
    AbortSignal.timeout = timeout;
  }
}

export class FakeSchedule {
  #now = 0;
  #waiting: { at: number; readonly every: number; readonly callback: () => void }[] = [];

  /** Gives 0, which is no real timer. */
  every(delay: number, callback: () => void): number {
    this.#waiting.push({ at: this.#now + delay, every: delay, callback });
    return 0;
  }

  timeout(delay: number): AbortSignal {
    const controller = new AbortController();
    const callback = () => controller.abort(new DOMException("Signal timed out.", "TimeoutError"));
    this.#waiting.push({ at: this.#now + delay, every: Infinity, callback });
    return controller.signal;
  }

  /** Calls what is due in this time, and lets run what follows from each call. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (;;) {
      const next = Math.min(...this.#waiting.map(({ at }) => at));
      if (next > end) break;
      this.#now = next;
      for (const timer of this.#waiting.filter(({ at }) => at === next)) {
        timer.at += timer.every;
        timer.callback();
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    this.#now = end;
  }
}
