/** Random numbers that are the same for the same seed (mulberry32). */
export class Random {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to below n; n is at most 2^32. */
  int(n: number): number {
    return Math.floor(this.#next() / 2 ** 32 * n);
  }

  bytes(n: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(n).map(() => this.int(256));
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(list.length)]!;
  }

  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }
}

/** Tests a property with random values. TEST_SEED=n repeats what failed with the seed n. */
export function property(name: string, body: (random: Random) => void): void {
  Deno.test(name, () => {
    const seed = Number(Deno.env.get("TEST_SEED") ?? 20_240_229);
    try {
      body(new Random(seed));
    } catch (error) {
      console.error(`Failed with TEST_SEED=${seed}`);
      throw error;
    }
  });
}
