/** To here arrays are doubled, then they become so many times as large. */
const SMALL = 16_384, LEAP = 16;

/**
 * How large an array is to be after one of this size. What of a large one is not used yet takes no memory, since the
 * kernel gives a page when it is touched first; but to copy a large one takes long, and what is left of it is there
 * until it is collected.
 */
export function nextCapacity(capacity: number): number {
  return capacity * (capacity < SMALL ? 2 : LEAP);
}
