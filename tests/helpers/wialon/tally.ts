import { type Packet, textOf } from "./packets.ts";

export type Direction = "device" | "server";

/** What was sent, by who sent it and by type: what metrics are to say. */
export interface Counts {
  readonly device: Readonly<Record<string, number>>;
  readonly server: Readonly<Record<string, number>>;
  /** The answers of the server by type and code: `AI 0;1`, `AP`. */
  readonly codes: Readonly<Record<string, number>>;
  /** Packets of the device that came compressed. */
  readonly compressed: number;
}

export class Tally implements Counts {
  readonly device: Record<string, number> = {};
  readonly server: Record<string, number> = {};
  readonly codes: Record<string, number> = {};
  compressed = 0;

  add(direction: Direction, { type, body, isCompressed }: Packet): void {
    increase(this[direction], type);
    if (isCompressed) this.compressed++;
    if (direction === "server" && type.startsWith("A")) {
      increase(this.codes, `${type} ${textOf(body)}`.trim());
    }
  }

  addAll(other: Counts): void {
    for (const group of ["device", "server", "codes"] as const) {
      for (const [key, count] of Object.entries(other[group])) increase(this[group], key, count);
    }
    this.compressed += other.compressed;
  }
}

function increase(counts: Record<string, number>, key: string, by = 1): void {
  counts[key] = (counts[key] ?? 0) + by;
}
