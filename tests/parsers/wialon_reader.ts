/** Reads lines of Wialon IPS and tells in words what was read. */
import assert from "node:assert/strict";
import {
  MESSAGE_TYPES,
  type MessageFault,
  VERDICTS,
  VERSIONS,
  WialonMessage,
} from "../../parsers/wialon_ips.ts";
import { type Meaning, MEANINGS } from "../../parsers/wialon_types_table.ts";
import type { Bytes } from "../helpers/wialon/messages.ts";

export type VersionName = (typeof VERSIONS)[number];

/** What was read, in words. What is as most messages have it is left out. */
export interface Read {
  readonly type: string;
  readonly version: string;
  readonly verdict?: string;
  readonly meaning?: Meaning;
  readonly records?: number;
  readonly binary?: number;
  readonly binaryChecksum?: number;
  readonly device?: string;
}

const PADDING = 3, AROUND = encode("1;|#x");
/** That which was read last. */
export const MESSAGE = new WialonMessage();

export function encode(text: string): Bytes {
  return new TextEncoder().encode(text);
}

export interface ReadOptions {
  /** What the sender speaks, as far as is known. */
  readonly version?: VersionName | undefined;
  readonly isDatagram?: boolean;
}

interface AmongOptions extends ReadOptions {
  readonly byte: number;
}

/** Reads a line that stands among other bytes, which could belong to it, and which do not change what is read. */
export function read(line: Bytes | string, options: ReadOptions = {}): Read | MessageFault {
  const [result, ...others] = [...AROUND].map((byte) => readAmong(line, { ...options, byte }));
  for (const other of others) assert.deepEqual(other, result);
  return result!;
}

function readAmong(line: Bytes | string, options: AmongOptions): Read | MessageFault {
  const { version = "unknown", isDatagram = false, byte } = options;
  const text = typeof line === "string" ? encode(line) : line, length = lengthOf(text);
  const bytes = new Uint8Array(length + 2 * PADDING).fill(byte);
  bytes.set(text.subarray(0, length), PADDING);
  const from = PADDING, to = PADDING + length, number = VERSIONS.indexOf(version);
  const fault = isDatagram
    ? MESSAGE.readDatagram(bytes, from, to, number)
    : MESSAGE.read(bytes, from, to, number);
  return fault ?? shown(bytes);
}

/** Without the line end, and without the bytes that follow it. */
export function lengthOf(bytes: Bytes): number {
  for (let at = 0; at + 1 < bytes.length; at++) if (bytes[at] === 13 && bytes[at + 1] === 10) return at;
  return bytes.length;
}

export function shown(bytes: Bytes): Read {
  const { type, version, verdict, meaning, records, binary, binaryChecksum, deviceFrom, deviceTo } = MESSAGE;
  assert(deviceFrom <= deviceTo && deviceTo <= bytes.length - PADDING);
  const device = new TextDecoder().decode(bytes.subarray(deviceFrom, deviceTo));
  return {
    type: MESSAGE_TYPES[type]!,
    version: VERSIONS[version]!,
    ...Number.isNaN(verdict) ? {} : { verdict: VERDICTS[verdict]! },
    ...Number.isNaN(meaning) ? {} : { meaning: MEANINGS[meaning]! },
    ...records === 1 ? {} : { records },
    ...binary === 0 ? {} : { binary },
    ...binaryChecksum === -1 ? {} : { binaryChecksum },
    ...device === "" ? {} : { device },
  };
}
