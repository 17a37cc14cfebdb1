const MIN_MS = 1000, MAX_MS = 60_000;
/** A timer may be so much early. */
const SLACK_MS = 200;

/** After each failure it is waited twice as long from one attempt to the next. */
export class Backoff {
  #wait = 0;
  #until = -Infinity;

  /** Whether it is too early, at a time in milliseconds. */
  isWaiting(now: number): boolean {
    return now < this.#until;
  }

  /** An attempt that began at that time has failed. */
  failed(start: number): void {
    this.#wait = Math.min(MAX_MS, Math.max(MIN_MS, 2 * this.#wait));
    this.#until = start + this.#wait - SLACK_MS;
  }

  succeeded(): void {
    this.#wait = 0;
    this.#until = -Infinity;
  }
}
