import type { WialonFraming } from "../../parsers/wialon_framing.ts";
import {
  ACKNOWLEDGED,
  type Connections,
  EARLY,
  EARLY_BYTES,
  EARLY_SINCE,
  END,
  FIRST,
  FRAMING,
  NEXT,
  OFFER,
  STATE,
} from "./connections.ts";
import { EarlySegments, roomOf, type Segment } from "./early_segments.ts";

/**
 * In the state of a stream: whether its numbers are known, the first of them too, what its receiver awaits, and where it
 * ends; and whether a number was offered at which another connection would go on.
 */
export const IS_KNOWN = 1, IS_BEGUN = 2, IS_ACKNOWLEDGED = 4, IS_ENDING = 8, IS_OFFERED = 16;

/**
 * A stream that waits for what is missing keeps so many bytes at most, and such a share of the room that is left, so that
 * there is some for the next one; and it waits so many seconds.
 */
const MAX_EARLY = 262_144, EARLY_SHARE = 1 / 8, MAX_WAIT = 30;
/** Numbers that lie farther apart are not of the same connection. */
const FAR = 2 ** 26;

/** What can become of a segment with data. */
export const FATES = ["in_order", "early", "repeated", "overlapping", "stray"] as const;
const IN_ORDER = 0, CAME_EARLY = 1, OVERLAPPING = 3;
export const REPEATED = 2, STRAY = 4;

export interface ReassemblyOptions {
  readonly connections: Connections;
  readonly framing: WialonFraming;
  /** So many bytes of what has come too early are kept. */
  readonly room: number;
  /** Something is missing in the stream that is looked at now: before what follows is given, and after what is late. */
  readonly onGap: () => void;
}

/** Puts the segments of TCP (RFC 9293) into their order and gives their bytes to the framing of messages, each once. */
export class Reassembly {
  /** By what became of them: segments, and their bytes. */
  readonly segments = new Float64Array(FATES.length);
  readonly bytes = new Float64Array(FATES.length);
  /** How often, and how many, bytes are missing that have been sent. */
  gaps = 0;
  gapBytes = 0;
  readonly #options: ReassemblyOptions;
  readonly #connections: Connections;
  readonly #framing: WialonFraming;
  readonly #early: EarlySegments;

  constructor(options: ReassemblyOptions) {
    this.#options = options;
    this.#connections = options.connections;
    this.#framing = options.framing;
    this.#early = new EarlySegments(options.room);
  }

  /** The stream, of which nothing is known, begins at that number. */
  begin(at: number, number: number): void {
    const { words } = this.#connections;
    words[at + FIRST] = words[at + NEXT] = number;
    words[at + STATE]! |= IS_KNOWN | IS_BEGUN;
    this.#framing.select(words, at + FRAMING);
    this.#framing.begin();
  }

  /** Whether that is where the stream has begun. */
  hasBegun(at: number, number: number): boolean {
    const { words } = this.#connections;
    return (words[at + STATE]! & IS_BEGUN) !== 0 && words[at + FIRST] === number;
  }

  /** Whether a number can be one of the stream. */
  isNear(at: number, number: number): boolean {
    const { words } = this.#connections;
    return (words[at + STATE]! & IS_KNOWN) === 0 || Math.abs((number - words[at + NEXT]!) | 0) < FAR;
  }

  /** Another connection may be there, which would go on at that number, unless this one goes on before. */
  offer(at: number, number: number): void {
    const { words } = this.#connections;
    words[at + OFFER] = number;
    words[at + STATE]! |= IS_OFFERED;
  }

  /** Whether another connection goes on there as it was to. */
  isOffered(at: number, number: number): boolean {
    const { words } = this.#connections;
    return (words[at + STATE]! & IS_OFFERED) !== 0 && words[at + OFFER] === number;
  }

  /** Takes a segment with data, captured from `from` to `to`, at a time in seconds; gives what becomes of it. */
  take(at: number, segment: Segment, time: number): number {
    const { words } = this.#connections, { sequence, length } = segment, state = words[at + STATE]!;
    if ((state & IS_KNOWN) === 0) words[at + NEXT] = sequence;
    const ahead = (sequence - words[at + NEXT]!) | 0;
    if (Math.abs(ahead) >= FAR) {
      this.offer(at, sequence + length);
      return this.#count(STRAY, length);
    }
    if (-ahead >= length) return this.#count(REPEATED, length);
    words[at + STATE] = (state & ~IS_OFFERED) | IS_KNOWN;
    this.#framing.select(words, at + FRAMING);
    if (ahead > 0) return this.#wait(at, segment, time);
    this.#count(ahead === 0 ? IN_ORDER : OVERLAPPING, length);
    this.#deliver(at, segment);
    if (words[at + EARLY] !== 0) {
      this.#mend(at);
      words[at + EARLY_SINCE] = time;
    }
    return ahead === 0 ? IN_ORDER : OVERLAPPING;
  }

  /** The receiver of a stream has all that is before the number, whether that was seen here or not. */
  acknowledge(at: number, number: number): void {
    const { words } = this.#connections, state = words[at + STATE]!;
    if ((state & IS_KNOWN) === 0 || this.#isAcknowledged(at, number) || !this.isNear(at, number)) return;
    words[at + ACKNOWLEDGED] = number;
    words[at + STATE] = state | IS_ACKNOWLEDGED;
    if (words[at + EARLY] === 0) return;
    this.#framing.select(words, at + FRAMING);
    for (let first = words[at + EARLY]!; first !== 0; first = words[at + EARLY]!) {
      if (!this.#isAcknowledged(at, this.#early.sequenceOf(first))) return;
      this.#giveUp(at);
    }
  }

  /** The stream has an end. */
  endAt(at: number, number: number): void {
    const { words } = this.#connections;
    if (!this.isNear(at, number)) return;
    if ((words[at + STATE]! & IS_KNOWN) === 0) words[at + NEXT] = number;
    words[at + END] = number;
    words[at + STATE]! |= IS_ENDING | IS_KNOWN;
  }

  /** Whether all of a stream has come, or been received, up to its end. */
  isAtEnd(at: number): boolean {
    const { words } = this.#connections, end = words[at + END]!;
    if ((words[at + STATE]! & IS_ENDING) === 0) return false;
    return ((words[at + NEXT]! - end) | 0) >= 0 || this.#isAcknowledged(at, end);
  }

  /** Nothing more is to come of a stream: what has come too early counts. Its numbers stay known. */
  end(at: number): void {
    const { words } = this.#connections;
    this.#framing.select(words, at + FRAMING);
    while (words[at + EARLY] !== 0) this.#giveUp(at);
    if ((words[at + STATE]! & IS_ENDING) !== 0) this.#skipTo(at, words[at + END]!);
    this.#framing.cut();
  }

  #count(fate: number, bytes: number): number {
    this.segments[fate]!++;
    this.bytes[fate]! += bytes;
    return fate;
  }

  /** Gives what is new of a segment that begins not after the next number. */
  #deliver(at: number, { sequence, length, bytes, from, to }: Segment): void {
    const { words } = this.#connections, start = from + ((words[at + NEXT]! - sequence) | 0);
    words[at + NEXT] = sequence + length;
    if (start < to) this.#framing.take(bytes, start, to);
    const missing = from + length - Math.max(start, to);
    if (missing > 0) this.#missed(missing);
  }

  #missed(bytes: number): void {
    this.gaps++;
    this.gapBytes += bytes;
    this.#framing.cut();
    this.#options.onGap();
  }

  /** Keeps a segment until those before it have come, unless they will not. */
  #wait(at: number, segment: Segment, time: number): number {
    const { words } = this.#connections, { sequence, length } = segment, early = this.#early;
    const first = words[at + EARLY]!;
    const isFirst = first === 0 || ((sequence - early.sequenceOf(first)) | 0) < 0;
    if (first === 0) words[at + EARLY_SINCE] = time;
    const isLost = this.#isAcknowledged(at, isFirst ? sequence : early.sequenceOf(first)) ||
      Math.abs((time - words[at + EARLY_SINCE]!) | 0) > MAX_WAIT;
    const size = roomOf(length), most = Math.min(MAX_EARLY, early.room * EARLY_SHARE);
    const isRoom = words[at + EARLY_BYTES]! + size <= most;
    const added = !isLost && isRoom ? early.add(first, segment) : 0;
    if (added !== 0) {
      words[at + EARLY] = added;
      words[at + EARLY_BYTES]! += size;
      return this.#count(CAME_EARLY, length);
    }
    if (isFirst) this.#skipTo(at, sequence);
    else this.#giveUp(at);
    words[at + EARLY_SINCE] = time;
    return this.take(at, segment, time);
  }

  #isAcknowledged(at: number, number: number): boolean {
    const { words } = this.#connections;
    return (words[at + STATE]! & IS_ACKNOWLEDGED) !== 0 && ((words[at + ACKNOWLEDGED]! - number) | 0) >= 0;
  }

  /** Goes on with the first segment that came too early. */
  #giveUp(at: number): void {
    this.#skipTo(at, this.#early.sequenceOf(this.#connections.words[at + EARLY]!));
    this.#mend(at);
    this.#options.onGap();
  }

  /** What is missing before the number will not come. */
  #skipTo(at: number, number: number): void {
    const { words } = this.#connections, missing = (number - words[at + NEXT]!) | 0;
    if (missing <= 0) return;
    words[at + NEXT] = number;
    this.#missed(missing);
  }

  /** Gives what came too early and no longer does. */
  #mend(at: number): void {
    const { words } = this.#connections;
    for (let first = words[at + EARLY]!; first !== 0; first = words[at + EARLY]!) {
      if (((this.#early.sequenceOf(first) - words[at + NEXT]!) | 0) > 0) return;
      const { next, ...segment } = this.#early.take(first), { sequence, length } = segment;
      words[at + EARLY] = next;
      words[at + EARLY_BYTES]! -= roomOf(length);
      if (((sequence + length - words[at + NEXT]!) | 0) > 0) this.#deliver(at, segment);
    }
  }
}
