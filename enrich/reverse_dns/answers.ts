/** What is known of an address: its name, or that it has none. */
export interface Answer {
  readonly name: string | undefined;
  /** It is to be asked for again; until then it is the best that is known. */
  isStale: boolean;
  /** When it becomes stale, or is forgotten if it is. */
  until: number;
}

/** A stale answer that nobody has asked for in this time is forgotten. */
const STALE_MS = 300_000;
/** To look through all answers takes a millisecond or two. */
const SWEEP_MS = 1000;
/** So many answers become stale at a time. */
const MAX_BATCH = 1000;

/** The answers by address, a bounded number of them. */
export class Answers {
  readonly #answers = new Map<string, Answer>();
  readonly #limit: number;
  #nextSweep = Infinity;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#answers.size;
  }

  get(address: string): Answer | undefined {
    return this.#answers.get(address);
  }

  isFresh(address: string): boolean {
    return this.#answers.get(address)?.isStale === false;
  }

  /** Returns the addresses whose answers had to make room: the oldest. */
  set(address: string, name: string | undefined, until: number): string[] {
    this.#answers.delete(address);
    this.#answers.set(address, { name, isStale: false, until });
    this.#nextSweep = Math.min(this.#nextSweep, until);
    return this.#answers.size > this.#limit ? this.#evict() : [];
  }

  /** Returns the addresses whose answers have become stale. The stale ones that are still waited for are kept. */
  sweep(now: number, isWaiting: (address: string) => boolean): string[] {
    const stale: string[] = [];
    if (now < this.#nextSweep) return stale;
    let earliest = Infinity;
    for (const [address, answer] of this.#answers) {
      if (answer.until <= now) {
        if (answer.isStale && !isWaiting(address)) {
          this.#answers.delete(address);
          continue;
        }
        if (!answer.isStale) stale.push(address);
        answer.isStale = true;
        answer.until = now + STALE_MS;
      }
      earliest = Math.min(earliest, answer.until);
      if (stale.length === MAX_BATCH) {
        earliest = now;
        break;
      }
    }
    this.#nextSweep = Math.max(earliest, now + SWEEP_MS);
    return stale;
  }

  /** Several at a time: to find the oldest takes the longer, the more were deleted before it. */
  #evict(): string[] {
    const evicted: string[] = [];
    const count = Math.ceil(this.#limit / 100);
    for (const address of this.#answers.keys()) {
      if (evicted.length === count) break;
      this.#answers.delete(address);
      evicted.push(address);
    }
    return evicted;
  }
}
