/** Every `step`-th of the values, from one on. */
export interface Numbers {
  readonly values: Float64Array;
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

const FLOAT = new Float64Array(1);
const HALVES = new Uint32Array(FLOAT.buffer);
const SIGN = 0x80000000;
const PIECE = 16_384;

export interface Limit {
  readonly number: number;
  /** Of those that equal it, so many are among the k largest. */
  readonly equals: number;
}

/**
 * Finds the k-th largest (k from 1); NaN are left out. From the highest sixteen bits to the lowest it counts how many
 * numbers have which, and so needs no copy of them.
 */
export function* kthLargest(numbers: Numbers, k: number): Generator<void, Limit> {
  const { values, start, step, count } = numbers;
  const counts = new Uint32Array(65_536), found = [0, 0, 0, 0];
  let left = k;
  for (let digit = 0; digit < 4; digit++) {
    counts.fill(0);
    for (let i = 0, at = start; i < count; i++, at += step) {
      if (i % PIECE === 0) yield;
      const value = values[at]!;
      if (value !== value) continue;
      // Zero has two signs, which are equal.
      FLOAT[0] = value + 0;
      // So that the bits are in the order of the numbers.
      const flip = HALVES[1]! & SIGN ? 0xffffffff : SIGN, high = (HALVES[1]! ^ flip) >>> 0;
      if (digit === 0) {
        counts[high >>> 16]!++;
        continue;
      }
      if (high >>> 16 !== found[0]) continue;
      const low = (flip === SIGN ? HALVES[0]! : ~HALVES[0]!) >>> 0;
      if (digit === 1) counts[high & 0xffff]!++;
      else if ((high & 0xffff) !== found[1]) continue;
      else if (digit === 2) counts[low >>> 16]!++;
      else if (low >>> 16 === found[2]) counts[low & 0xffff]!++;
    }
    let bits = 65_535;
    while (bits > 0 && counts[bits]! < left) left -= counts[bits--]!;
    found[digit] = bits;
  }
  const high = ((found[0]! << 16) | found[1]!) >>> 0, low = ((found[2]! << 16) | found[3]!) >>> 0;
  const flip = high & SIGN ? SIGN : 0xffffffff;
  HALVES[1] = (high ^ flip) >>> 0;
  HALVES[0] = (flip === SIGN ? low : ~low) >>> 0;
  return { number: FLOAT[0]!, equals: left };
}
