/** Takes streams of Wialon IPS and tells what was found in them. */
import assert from "node:assert/strict";
import { inflateSync } from "node:zlib";
import { ByteChunks } from "../../parsers/byte_chunks.ts";
import {
  DEVICE,
  type Frame,
  FRAMING_WORDS,
  type FramingFault,
  type FramingOptions,
  setSender,
  setVersion,
  WialonFraming,
} from "../../parsers/wialon_framing.ts";
import { MESSAGE_TYPES, VERDICTS, VERSIONS } from "../../parsers/wialon_ips.ts";
import type { Bytes } from "../helpers/wialon/messages.ts";

/** A message that was found. What is as most messages have it is left out. */
export interface Found {
  readonly type: string;
  readonly size: number;
  readonly version?: string;
  readonly verdict?: string;
  readonly device?: string;
  readonly isCompressed?: true;
}

export interface ReceiverOptions extends Partial<FramingOptions> {
  readonly sender?: number;
  /** Bytes that there is room for. */
  readonly room?: number;
}

const ROOM = 1 << 14;
/** Where the words of the stream stand, with others around. */
const AT = 5, OTHERS = 0x5a5a5a5a;

export function inflate(bytes: Uint8Array, limit: number): Uint8Array | undefined {
  try {
    return inflateSync(bytes, { maxOutputLength: limit });
  } catch {
    return undefined;
  }
}

export function foundIn({ message, line, size, isCompressed }: Frame): Found {
  const { type, version, verdict, deviceFrom, deviceTo } = message;
  return {
    type: MESSAGE_TYPES[type]!,
    size,
    ...version === 0 ? {} : { version: VERSIONS[version]! },
    ...Number.isNaN(verdict) ? {} : { verdict: VERDICTS[verdict]! },
    ...deviceFrom === deviceTo
      ? {}
      : { device: new TextDecoder().decode(line.subarray(deviceFrom, deviceTo)) },
    ...isCompressed ? { isCompressed } : {},
  };
}

/** One stream, whose beginning is known if `begin()` says so. */
export class Receiver {
  readonly framing: WialonFraming;
  readonly words = new Int32Array(AT + FRAMING_WORDS + 5);
  /** In the order in which they came. */
  readonly all: (Found | FramingFault)[] = [];
  readonly #chunks: ByteChunks;
  readonly #room: number;

  constructor({ sender = DEVICE, room = ROOM, ...options }: ReceiverOptions = {}) {
    this.#chunks = new ByteChunks(room);
    this.#room = room;
    this.framing = new WialonFraming({
      onMessage: (frame) => this.all.push(foundIn(frame)),
      onFault: (fault) => this.all.push(fault),
      inflate,
      chunks: this.#chunks,
      ...options,
    });
    this.words.fill(OTHERS).fill(0, AT, AT + FRAMING_WORDS);
    setSender(this.words, AT, sender);
    this.framing.select(this.words, AT);
  }

  get messages(): Found[] {
    return this.all.filter((found) => typeof found !== "string");
  }

  get types(): string[] {
    return this.messages.map(({ type }) => type);
  }

  get faults(): FramingFault[] {
    return this.all.filter((found) => typeof found === "string");
  }

  begin(version: (typeof VERSIONS)[number] = "unknown"): this {
    this.framing.begin();
    setVersion(this.words, AT, VERSIONS.indexOf(version));
    return this;
  }

  /** Takes pieces, each of which stands among other bytes. */
  take(...pieces: readonly (Uint8Array | string)[]): this {
    for (const piece of pieces) {
      const { bytes, from, to } = among(bytesOf(piece));
      this.framing.take(bytes, from, to);
    }
    return this;
  }

  takeDatagram(datagram: Uint8Array | string): this {
    const { bytes, from, to } = among(bytesOf(datagram));
    this.framing.takeDatagram(bytes, from, to);
    return this;
  }

  cut(): this {
    this.framing.cut();
    return this;
  }

  /** Whether nothing is kept, and nothing was written outside of the stream. */
  isClear(): boolean {
    const queue = new Int32Array(3), room = new Uint8Array(this.#room);
    const isRoom = this.#chunks.append(queue, 0, { bytes: room, from: 0, to: room.length });
    this.#chunks.clear(queue, 0);
    const others = [...this.words.subarray(0, AT), ...this.words.subarray(AT + FRAMING_WORDS)];
    return isRoom && others.every((word) => word === OTHERS);
  }
}

/** A text has a byte for each character. */
export function bytesOf(bytes: Uint8Array | string): Uint8Array {
  return typeof bytes === "string" ? Uint8Array.from(bytes, (character) => character.charCodeAt(0)) : bytes;
}

/** With bytes around that could end lines. */
function among(bytes: Uint8Array) {
  const all = new Uint8Array(bytes.length + 8).fill(0x0a);
  all.set(bytes, 3);
  return { bytes: all, from: 3, to: 3 + bytes.length };
}

export function concat(...parts: readonly (Uint8Array | string)[]): Bytes {
  const all = parts.map(bytesOf);
  const bytes = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of all) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Pieces of so many bytes. */
export function* piecesOf(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** That all was found, and nothing else. */
export function assertFound(receiver: Receiver, expected: readonly (Found | FramingFault)[], what?: string) {
  assert.deepEqual(receiver.all, expected, what);
  receiver.cut();
  assert.equal(receiver.all.length, expected.length, what);
  assert(receiver.isClear(), what);
}
