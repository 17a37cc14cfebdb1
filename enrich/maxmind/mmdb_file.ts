import { Mmdb } from "./mmdb.ts";

/** The Reader knows no offsets beyond. */
const MAX_SIZE = 2 ** 31 - 1;

/** A database in a file that may change, come late or go away. */
export class MmdbFile {
  readonly #paths: readonly string[];
  /** What was there at the last look. */
  #seen: string | undefined;

  /** The first of the paths that is there counts. */
  constructor(paths: readonly string[]) {
    this.#paths = paths;
  }

  /**
   * Gives the database when the file is another one than at the last look. Throws when it is of no use, or not there;
   * but once only.
   */
  async look(): Promise<{ path: string; database: Mmdb } | undefined> {
    const found = await this.#find();
    const seen = found instanceof Error ? "nothing" : found.stamp;
    if (seen === this.#seen) return undefined;
    this.#seen = seen;
    if (found instanceof Error) throw found;
    try {
      return { path: found.path, database: new Mmdb(await this.#read(found)) };
    } catch (error) {
      throw new Error(`Cannot load ${found.path}: ${messageOf(error)}`);
    }
  }

  async #find(): Promise<Found | Error> {
    let reason: unknown;
    for (const path of this.#paths) {
      try {
        return await stat(path);
      } catch (error) {
        reason = error;
      }
    }
    return new Error(`Cannot find ${this.#paths.join(" or ")}: ${messageOf(reason)}`);
  }

  async #read({ path, info, stamp }: Found): Promise<Uint8Array<ArrayBuffer>> {
    // Neither a pipe nor a device, which may have no end.
    if (!info.isFile) throw new Error("Expected a file");
    if (info.size > MAX_SIZE) throw new Error(`Expected at most ${MAX_SIZE} bytes, not ${info.size}`);
    const bytes = await Deno.readFile(path);
    if ((await stat(path)).stamp !== stamp) {
      this.#seen = undefined;
      throw new Error("Expected a file that does not change while it is read");
    }
    return bytes;
  }
}

interface Found {
  readonly path: string;
  readonly info: Deno.FileInfo;
  /** Another text when the file has changed or is another one. */
  readonly stamp: string;
}

async function stat(path: string): Promise<Found> {
  const info = await Deno.stat(path);
  const stamp = [path, info.mtime?.getTime(), info.size, info.dev, info.ino].join(" ");
  return { path, info, stamp };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
