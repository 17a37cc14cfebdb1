/** A stream of TCP as the reassembly has it, with numbers counted from its beginning. */
import assert from "node:assert/strict";
import { Connections, FRAMING } from "../../../collectors/wialon/connections.ts";
import { FATES, Reassembly } from "../../../collectors/wialon/reassembly.ts";
import { Packet } from "../../../parsers/packet.ts";
import type { WialonFraming } from "../../../parsers/wialon_framing.ts";

const ROOM = 1 << 22, ENCODER = new TextEncoder(), DECODER = new TextDecoder();

export interface SegmentOptions {
  /** How long it was, if not all of it was captured. */
  readonly length?: number;
  readonly time?: number;
}

/** In place of the framing: what it is given, with ^ where it begins, and | where something is missing or it is over. */
class Given {
  text = "";
  select(): void {}

  begin(): void {
    this.text += "^";
  }

  cut(): void {
    this.text += "|";
  }

  take(bytes: Uint8Array, from: number, to: number): void {
    this.text += DECODER.decode(bytes.subarray(from, to));
  }
}

export interface StreamsOptions {
  readonly framing?: WialonFraming;
  readonly room?: number;
  /** The number of the first byte. */
  readonly base?: number;
}

/** Streams that share what a reassembly has. */
export class Streams {
  readonly connections = new Connections(1_000_000);
  readonly reassembly: Reassembly;
  /** How often somebody was told of a gap. */
  gapsTold = 0;
  readonly given = new Given();
  readonly #base: number;

  constructor({ framing, room = ROOM, base = 0 }: StreamsOptions = {}) {
    this.#base = base;
    this.reassembly = new Reassembly({
      connections: this.connections,
      framing: framing ?? this.given as unknown as WialonFraming,
      room,
      onGap: () => this.gapsTold++,
    });
  }

  add(): Stream {
    const packet = new Packet();
    packet.words[7] = this.connections.size;
    this.connections.find(packet);
    return new Stream(this, this.connections.streamOf(this.connections.add(packet, 0), 0), this.#base);
  }

  /** Segments and bytes, by what has become of them. */
  get fates(): Record<string, readonly [number, number]> {
    const { segments, bytes } = this.reassembly;
    const all = FATES.map((fate, i) => [fate, [segments[i]!, bytes[i]!]] as const);
    return Object.fromEntries(all.filter(([, [count]]) => count > 0));
  }

  get gaps(): readonly [number, number] {
    return [this.reassembly.gaps, this.reassembly.gapBytes];
  }
}

export class Stream {
  constructor(readonly streams: Streams, readonly at: number, readonly base: number) {}

  get framingAt(): number {
    return this.at + FRAMING;
  }

  get isAtEnd(): boolean {
    return this.streams.reassembly.isAtEnd(this.at);
  }

  begin(number = 0): void {
    this.streams.reassembly.begin(this.at, this.#number(number));
  }

  take(number: number, data: string | Uint8Array, { length, time = 0 }: SegmentOptions = {}): string {
    const own = typeof data === "string" ? ENCODER.encode(data) : data;
    const bytes = new Uint8Array(own.length + 9).fill(0x21);
    bytes.set(own, 5);
    const segment = {
      sequence: this.#number(number),
      length: length ?? own.length,
      bytes,
      from: 5,
      to: 5 + own.length,
    };
    return FATES[this.streams.reassembly.take(this.at, segment, time)]!;
  }

  acknowledge(number: number): void {
    this.streams.reassembly.acknowledge(this.at, this.#number(number));
  }

  endAt(number: number): void {
    this.streams.reassembly.endAt(this.at, this.#number(number));
  }

  end(): void {
    this.streams.reassembly.end(this.at);
  }

  #number(number: number): number {
    return (this.base + number) | 0;
  }
}

/** Numbers that are so far apart are not of the same stream. */
export const FAR = 2 ** 26;
/** The numbers of a stream wrap in its midst, as a sign or at all. */
const BASES = [0, 2 ** 31 - 3, 2 ** 32 - 3, 2 ** 32 - FAR];

type Step = (stream: Stream) => void;

export function segment(number: number, text: string, options?: SegmentOptions): Step {
  return (stream) => void stream.take(number, text, options);
}

export function acknowledged(number: number): Step {
  return (stream) => stream.acknowledge(number);
}

export function endAt(number: number): Step {
  return (stream) => stream.endAt(number);
}

export const begin: Step = (stream) => stream.begin();
export const end: Step = (stream) => stream.end();

export interface Case {
  /** "A stream …" */
  readonly what: string;
  readonly steps: readonly Step[];
  readonly given: string;
  readonly fates?: Readonly<Record<string, readonly [segments: number, bytes: number]>>;
  readonly gaps?: readonly [count: number, bytes: number];
  readonly isAtEnd?: boolean;
}

/** Tests what a stream does. */
export function testStreams(cases: readonly Case[]): void {
  for (const { what, steps, given, fates, gaps = [0, 0], isAtEnd = false } of cases) {
    Deno.test(`A stream ${what}`, () => {
      for (const base of BASES) {
        const streams = new Streams({ base }), stream = streams.add();
        for (const step of steps) step(stream);
        const at = `With ${base} as the first number`;
        assert.equal(streams.given.text, given, at);
        if (fates !== undefined) assert.deepEqual(streams.fates, fates, at);
        assert.deepEqual(streams.gaps, gaps, at);
        assert(streams.gapsTold >= gaps[0], at);
        assert.equal(stream.isAtEnd, isAtEnd, at);
      }
    });
  }
}
