const MIN_MS = 1000, MAX_MS = 60_000;

/** After each failure it is waited twice as long before the next attempt. */
export class Backoff {
  #wait = 0;
  #until = -Infinity;

  /** Whether it is too early, at a time in milliseconds. */
  isWaiting(now: number): boolean {
    return now < this.#until;
  }

  failed(now: number): void {
    this.#wait = Math.min(MAX_MS, Math.max(MIN_MS, 2 * this.#wait));
    this.#until = now + this.#wait;
  }

  succeeded(): void {
    this.#wait = 0;
    this.#until = -Infinity;
  }
}
