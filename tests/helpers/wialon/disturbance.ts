/** What goes wrong on the way: frames with payload of TCP are reordered, repeated and lost, by chance but as seeded. */
import { Random } from "../random.ts";
import type { Bytes } from "./messages.ts";

/** Shares of the frames with payload, from 0 to 1. */
export interface Disturbance {
  readonly seed?: number;
  /** Held until 1 to 3 later ones of the connection have passed, or 5 ms are over. */
  readonly reorder?: number;
  /** Sent twice: at once, or the second one held in the same way. */
  readonly duplicate?: number;
  readonly drop?: number;
}

/** How many frames there were, and to how many what has happened. */
export interface Disturbed {
  /** All that came, those without payload too. */
  readonly frames: number;
  /** Overtaken by at least one of the same connection. */
  readonly reordered: number;
  /** Held in vain: none came to overtake it. */
  readonly delayed: number;
  readonly duplicated: number;
  readonly dropped: number;
}

const HOLD_MS = 5, OVERTAKERS = 3, PRECISION = 1_000_000;
// RFC 9293, section 3.1
const RST = 0x04;

interface Segment {
  /** The connection and its direction. */
  readonly flow: number;
  readonly hasPayload: boolean;
  readonly isReset: boolean;
}

/** What a frame has of TCP. Extension headers of IPv6 are not looked for: no kernel sends them unasked. */
export function segmentOf(frame: Bytes): Segment | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  if (frame.length < 54) return undefined;
  const type = view.getUint16(12);
  if (type === 0x0800 && frame[23] === 6) {
    return tcpAt(view, 14 + (frame[14]! & 0xf) * 4, 14 + view.getUint16(16));
  }
  if (type === 0x86dd && frame[20] === 6) return tcpAt(view, 54, 54 + view.getUint16(18));
  return undefined;
}

function tcpAt(view: DataView, start: number, end: number): Segment | undefined {
  if (view.byteLength < start + 20) return undefined;
  const payload = start + (view.getUint8(start + 12) >> 4) * 4;
  return {
    flow: view.getUint32(start),
    hasPayload: end > payload,
    isReset: (view.getUint8(start + 13) & RST) !== 0,
  };
}

interface Held {
  readonly frame: Bytes;
  readonly flow: number;
  readonly until: number;
  /** So many may still pass. */
  left: number;
  isOvertaken: boolean;
  readonly isCopy: boolean;
}

/** One direction of a link. Times are in milliseconds. */
export class Disturber {
  readonly #shares: Required<Omit<Disturbance, "seed">>;
  readonly #random: Random;
  #held: Held[] = [];
  readonly #counts = { frames: 0, reordered: 0, delayed: 0, duplicated: 0, dropped: 0 };

  constructor({ seed = 1, reorder = 0, duplicate = 0, drop = 0 }: Disturbance = {}) {
    this.#shares = { reorder, duplicate, drop };
    this.#random = new Random(seed);
  }

  get counts(): Disturbed {
    return { ...this.#counts };
  }

  /** When something that is held has to go on. */
  get due(): number | undefined {
    return this.#held[0]?.until;
  }

  /** What goes on at once when a frame comes, in this order. */
  pass(frame: Bytes, now: number): Bytes[] {
    this.#counts.frames++;
    const segment = segmentOf(frame);
    // After a reset nobody would take what is held.
    if (segment?.isReset) return [...this.#release(({ flow }) => flow === segment.flow), frame];
    if (!segment?.hasPayload) return [frame];
    const { reorder, duplicate, drop } = this.#shares, { flow } = segment;
    const chance = this.#random.int(PRECISION) / PRECISION;
    if (chance < drop) {
      this.#counts.dropped++;
      return [];
    }
    if (chance < drop + reorder) {
      this.#hold({ frame, flow, until: now + HOLD_MS, isCopy: false });
      return [];
    }
    const passing = [frame, ...this.#letPass(flow)];
    if (chance >= drop + reorder + duplicate) return passing;
    this.#counts.duplicated++;
    if (this.#random.int(2) === 0) return [frame, ...passing];
    this.#hold({ frame, flow, until: now + HOLD_MS, isCopy: true });
    return passing;
  }

  /** What has been held for long enough. */
  expired(now: number): Bytes[] {
    return this.#release(({ until }) => until <= now);
  }

  /** All that is held. */
  flush(): Bytes[] {
    return this.#release(() => true);
  }

  #hold(held: Omit<Held, "left" | "isOvertaken">): void {
    this.#held.push({ ...held, left: 1 + this.#random.int(OVERTAKERS), isOvertaken: false });
  }

  /** One of the connection overtakes what is held of it: what goes on after it. */
  #letPass(flow: number): Bytes[] {
    for (const held of this.#held) {
      if (held.flow !== flow) continue;
      held.left--;
      held.isOvertaken = true;
    }
    return this.#release(({ left }) => left === 0);
  }

  #release(isFree: (held: Held) => boolean): Bytes[] {
    const free = this.#held.filter(isFree);
    if (free.length === 0) return [];
    this.#held = this.#held.filter((held) => !free.includes(held));
    for (const { isCopy, isOvertaken } of free) {
      if (!isCopy) this.#counts[isOvertaken ? "reordered" : "delayed"]++;
    }
    return free.map(({ frame }) => frame);
  }
}
