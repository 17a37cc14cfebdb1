const MIN_COMPACT = 1024;

/** Addresses that wait for a question or for its answer, each of them once, in the order in which they came. */
export class Waiting {
  readonly #limit: number;
  readonly #known = new Set<string>();
  #queue: string[] = [];
  #head = 0;

  /** As many may wait for their question. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many wait for their question. */
  get size(): number {
    return this.#queue.length - this.#head;
  }

  has(address: string): boolean {
    return this.#known.has(address);
  }

  /** Whether it waits now. */
  add(address: string): boolean {
    if (this.#known.has(address)) return true;
    if (this.size >= this.#limit) return false;
    this.#known.add(address);
    this.#queue.push(address);
    return true;
  }

  /** The next to be asked for; it waits on until `delete()` is called. */
  next(): string | undefined {
    const address = this.#queue[this.#head];
    if (address === undefined) return undefined;
    this.#head++;
    if (this.#head >= MIN_COMPACT && 2 * this.#head >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return address;
  }

  delete(address: string): void {
    this.#known.delete(address);
  }
}
