/**
 * So many records are added at once. Then the loops over them are tight, and what they read from memory is fetched
 * together rather than one after the other.
 */
export const BATCH = 64;

/** Records that wait to be added: of each the values of the fields that rules use. */
export class Batch {
  size = 0;
  /** Those of one field after those of another: of a field at `slotOf()` times `BATCH`. */
  values = new Float64Array(0);
  #fields = new Int32Array(0);

  /** The place of a field, given where it is in the row. */
  slotOf(at: number): number {
    const known = this.#fields.indexOf(at);
    if (known >= 0) return known;
    this.#fields = Int32Array.of(...this.#fields, at);
    this.values = new Float64Array(BATCH * this.#fields.length);
    return this.#fields.length - 1;
  }

  has(at: number): boolean {
    return this.#fields.includes(at);
  }

  add(row: Float64Array): void {
    const fields = this.#fields, values = this.values, record = this.size++;
    for (let i = 0; i < fields.length; i++) values[i * BATCH + record] = row[fields[i]!]!;
  }
}
