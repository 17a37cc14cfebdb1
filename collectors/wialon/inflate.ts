import { inflateSync } from "node:zlib";

/** Unpacks zlib (RFC 1950); gives nothing when it cannot, or when there is more than the limit. */
export function inflate(bytes: Uint8Array, limit: number): Uint8Array | undefined {
  try {
    return inflateSync(bytes, { maxOutputLength: limit });
  } catch {
    return undefined;
  }
}
