/** Allows so many a second; what is left of a second is lost. */
export class Budget {
  readonly #rate: number;
  #left: number;
  #at = -Infinity;

  constructor(rate: number) {
    this.#rate = rate;
    this.#left = rate;
  }

  take(now: number): boolean {
    this.#left = Math.min(this.#rate, this.#left + (now - this.#at) / 1000 * this.#rate);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
