import { NetlinkMessages } from "../../parsers/netlink.ts";

/** Numbers in the byte order of netlink, which is that of the host. */
export function u16(...values: number[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Uint16Array.from(values).buffer);
}

export function u32(...values: number[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export interface MessageOptions {
  readonly sequence?: number;
  readonly flags?: number;
  /** What the message claims, where that is not its length. */
  readonly length?: number;
}

/** A message with its padding. */
export function message(type: number, payload = new Uint8Array(), options: MessageOptions = {}) {
  const { sequence = 1, flags = 0, length = 16 + payload.length } = options;
  return padded(concat(u32(length), u16(type, flags), u32(sequence, 0), payload));
}

/** An attribute with its padding. */
export function attribute(type: number, value: Uint8Array, length = 4 + value.length) {
  return padded(concat(u16(length, type), value));
}

export function textAttribute(type: number, text: string) {
  return attribute(type, new TextEncoder().encode(text));
}

function padded(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return concat(bytes, new Uint8Array(-bytes.length & 3));
}

/** A walk over the bytes, at its beginning. */
export function walk(bytes: Uint8Array<ArrayBuffer>, sequence = 1): NetlinkMessages {
  const messages = new NetlinkMessages(bytes);
  messages.begin(bytes.length, sequence);
  return messages;
}
