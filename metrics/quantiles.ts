/** A window has so many parts of so many seconds. With each that begins the oldest is let go, as the client for Go does. */
const PARTS = 5, SECONDS = 120;
/** Of the values of a part a random sample of at most so many is kept. There is room for a few at first. */
const MOST = 512, FEWEST = 4;
/** How far a rank may be off, by the share of all values: 0.07 of 100 is 7.000000000000001. */
const SLACK = 1e-9;
/**
 * The numbers of a reservoir: its latest part, by the number of parts since the clock was 0; before which part all are
 * in order; how many values each part has seen; then the samples of the parts, for which there is as much room each.
 */
const LATEST = 0, IN_ORDER = 1, SEEN = 2, SAMPLES = SEEN + PARTS;

/** The id where there is no reservoir. */
export const NONE = 0;

/** Parts of a reservoir that have values, in order. */
interface Runs {
  readonly values: Float64Array;
  /** From where to where each is, and how many values one of it stands for. */
  readonly starts: number[];
  readonly ends: number[];
  readonly weights: number[];
  /** For how many values all stand. */
  readonly seen: number;
}

/**
 * Tells the quantiles of the values of the last minutes, of many rows that have a reservoir each. They are exact as
 * long as no part of the window has seen more values than are kept of it.
 */
export class Reservoirs {
  readonly #quantiles: readonly number[];
  /** By their ids. */
  #reservoirs: (Float64Array | undefined)[] = [undefined];
  #free: number[] = [];
  /** The part of the window that it is now. */
  #part = 0;
  #state = 0x2545f491;

  /** The quantiles ascend. */
  constructor(quantiles: readonly number[]) {
    this.#quantiles = quantiles;
  }

  set clock(seconds: number) {
    this.#part = Math.floor(seconds / SECONDS);
  }

  /** For how many numbers there is memory. */
  get size(): number {
    return this.#reservoirs.reduce((sum, reservoir) => sum + (reservoir?.length ?? 0), 0);
  }

  /** Adds a value to a reservoir; gives its id, which is a new one where there was none. */
  add(id: number, value: number): number {
    const known = id === NONE ? this.#make() : id;
    let reservoir = this.#reservoirs[known]!;
    if (reservoir[LATEST]! < this.#part) turn(reservoir, this.#part);
    const part = reservoir[LATEST]! % PARTS, seen = reservoir[SEEN + part]!++;
    let room = roomOf(reservoir), place = seen;
    if (seen >= MOST) {
      // Each of those seen has the same chance to be among those kept (Vitter's algorithm R).
      place = Math.floor(this.#random() * (seen + 1));
      if (place >= MOST) return known;
    } else if (seen >= room) {
      reservoir = this.#reservoirs[known] = grown(reservoir);
      room = roomOf(reservoir);
    }
    reservoir[SAMPLES + part * room + place] = value;
    return known;
  }

  /**
   * Writes the quantiles of a reservoir, NaN when its window has no values; then it is released. Gives the id that is
   * left of it.
   */
  read(id: number, found: Float64Array): number {
    found.fill(NaN);
    if (id === NONE) return NONE;
    const runs = runsOf(this.#reservoirs[id]!, this.#part);
    if (runs.seen === 0) {
      this.release(id);
      return NONE;
    }
    writeQuantiles(runs, this.#quantiles, found);
    return id;
  }

  release(id: number): void {
    if (id === NONE) return;
    this.#reservoirs[id] = undefined;
    this.#free.push(id);
  }

  /** Releases all. */
  clear(): void {
    this.#reservoirs = [undefined];
    this.#free = [];
  }

  #make(): number {
    const id = this.#free.pop() ?? this.#reservoirs.length;
    const reservoir = this.#reservoirs[id] = new Float64Array(SAMPLES + PARTS * FEWEST);
    reservoir[LATEST] = this.#part;
    return id;
  }

  /** From 0 to below 1: the same from start to start, since nothing here may be left to chance (xorshift32). */
  #random(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) / 2 ** 32;
  }
}

/** For how many values a part of a reservoir has room. */
function roomOf(reservoir: Float64Array): number {
  return (reservoir.length - SAMPLES) / PARTS;
}

/** Begins the parts up to the present one. */
function turn(reservoir: Float64Array, present: number): void {
  const latest = reservoir[LATEST]!, first = Math.max(latest + 1, present - PARTS + 1);
  for (let part = first; part <= present; part++) reservoir[SEEN + part % PARTS] = 0;
  reservoir[LATEST] = present;
}

/** The same with twice the room. */
function grown(reservoir: Float64Array): Float64Array {
  const room = roomOf(reservoir), larger = new Float64Array(SAMPLES + 2 * PARTS * room);
  larger.set(reservoir.subarray(0, SAMPLES));
  for (let part = 0; part < PARTS; part++) {
    const from = SAMPLES + part * room;
    larger.set(reservoir.subarray(from, from + room), SAMPLES + 2 * part * room);
  }
  return larger;
}

/** What is in the window. A sample may be put in order where it is: any of it is as good to be replaced as another. */
function runsOf(reservoir: Float64Array, present: number): Runs {
  const latest = reservoir[LATEST]!, inOrder = reservoir[IN_ORDER]!, room = roomOf(reservoir);
  const starts: number[] = [], ends: number[] = [], weights: number[] = [];
  let all = 0;
  for (let part = Math.max(0, present - PARTS + 1, latest - PARTS + 1); part <= latest; part++) {
    const at = part % PARTS, seen = reservoir[SEEN + at]!;
    if (seen === 0) continue;
    const kept = Math.min(seen, MOST), start = SAMPLES + at * room;
    if (part >= inOrder) reservoir.subarray(start, start + kept).sort();
    starts.push(start);
    ends.push(start + kept);
    weights.push(seen / kept);
    all += seen;
  }
  // To the latest part more may come.
  reservoir[IN_ORDER] = latest;
  return { values: reservoir, starts, ends, weights, seen: all };
}

/** Of each quantile the least value that as large a share of all values does not exceed. */
function writeQuantiles(
  { values, starts, ends, weights, seen }: Runs,
  quantiles: readonly number[],
  found: Float64Array,
): void {
  let rank = 0, value = NaN;
  for (const [i, quantile] of quantiles.entries()) {
    while (rank === 0 || rank < (quantile - SLACK) * seen) {
      let least = -1;
      for (let run = 0; run < starts.length; run++) {
        const at = starts[run]!;
        if (at < ends[run]! && (least < 0 || values[at]! < value)) {
          least = run;
          value = values[at]!;
        }
      }
      starts[least]!++;
      rank += weights[least]!;
    }
    found[i] = value;
  }
}
