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
