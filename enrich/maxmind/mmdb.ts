import { Reader, type Response } from "maxmind";
import { Buffer } from "node:buffer";
import { Ip } from "../../core/ip.ts";
import { BoundsCheck } from "./bounds_check.ts";

// https://maxmind.github.io/MaxMind-DB/: the metadata are in the last 128 KiB, the data 16 bytes behind the tree.
const METADATA_MARKER = Buffer.from("\xab\xcd\xefMaxMind.com", "latin1");
const MAX_METADATA = 131_072;
const SEPARATOR = 16;

/** A database of networks in the format of MaxMind, whoever has made it. */
export class Mmdb {
  readonly #reader: Reader<Response>;
  readonly #bytes: Uint8Array;
  /** Where the data begin. */
  readonly #base: number;
  /** Whether the record that is being read is known to have bounds. */
  #isChecked = false;

  /** Throws when the bytes are no such database. */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    checkMetadata(bytes);
    this.#bytes = bytes;
    // The Reader asks its cache before it decodes anything. To remember records was hardly faster.
    const cache = { get: (offset: number) => this.#check(offset), set: () => {} };
    this.#reader = new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), { cache });
    const { searchTreeSize, ipVersion } = this.#reader.metadata;
    const separator = bytes.subarray(searchTreeSize, searchTreeSize + SEPARATOR);
    if (separator.length < SEPARATOR || separator.some((byte) => byte !== 0)) {
      throw new Error("Expected data behind the search tree");
    }
    if (ipVersion !== 4 && ipVersion !== 6) throw new Error(`Expected IP version 4 or 6, not ${ipVersion}`);
    this.#base = searchTreeSize + SEPARATOR;
    this.#get(Ip.v4(0x01010101));
  }

  get type(): string {
    const { databaseType } = this.#reader.metadata;
    return typeof databaseType === "string" ? databaseType : "";
  }

  /** In seconds since 1970. */
  get buildTimestamp(): number {
    return this.#reader.metadata.buildEpoch.getTime() / 1000 || 0;
  }

  /** The record of the network that holds the address; nothing, too, where the database is damaged. */
  find(ip: Ip): unknown {
    try {
      return this.#get(ip);
    } catch {
      return undefined;
    }
  }

  #get(ip: Ip): unknown {
    // The Reader would look for it as for an IPv4 address.
    if (ip.version > this.#reader.metadata.ipVersion) return undefined;
    this.#isChecked = false;
    return this.#reader.get(String(ip));
  }

  /** The check follows pointers: what is asked for after the record itself are parts of it. */
  #check(offset: number): undefined {
    if (!this.#isChecked) new BoundsCheck(this.#bytes, this.#base).value(offset);
    this.#isChecked = true;
  }
}

function checkMetadata(bytes: Uint8Array<ArrayBuffer>): void {
  const end = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).subarray(-MAX_METADATA);
  const marker = end.lastIndexOf(METADATA_MARKER);
  if (marker < 0) throw new Error("Expected a MaxMind DB, not a file without its metadata");
  const start = bytes.length - end.length + marker + METADATA_MARKER.length;
  new BoundsCheck(bytes, start).value(start);
}
