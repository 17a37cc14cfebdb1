/** Descriptors that are looked at in one pass: a host with more has names for some of its sockets only. */
const MAX_DESCRIPTORS = 100_000;
const DESCRIPTORS_PER_PIECE = 100;

/** Which process holds which socket, found by walking the descriptors of all processes. */
export class Processes {
  readonly #procfs: string;
  #names = new Map<number, string>();
  /** Whether the last pass ended at the limit. */
  incomplete = false;

  constructor(procfs: string) {
    this.#procfs = procfs;
  }

  /** The name of the process that has the socket open, if it may be seen. Of several, the oldest. */
  nameOf(inode: number): string | undefined {
    return this.#names.get(inode);
  }

  /** Walks the processes. */
  async *refresh(): AsyncIterable<void> {
    const names = new Map<number, string>();
    const pids = [...Deno.readDirSync(this.#procfs)].map(({ name }) => Number(name)).filter((pid) => pid > 0);
    let left = MAX_DESCRIPTORS;
    for (const pid of pids.sort((a, b) => a - b)) {
      if (left < 0) break;
      for await (const _ of this.#visit(pid, names)) {
        if (left-- <= 0) break;
        if (left % DESCRIPTORS_PER_PIECE === 0) yield;
      }
      yield;
    }
    this.incomplete = left < 0;
    this.#names = names;
  }

  /** Yields before each descriptor. */
  async *#visit(pid: number, names: Map<number, string>): AsyncIterable<void> {
    try {
      const folder = `${this.#procfs}/${pid}`;
      let name: string | undefined;
      // Not readDirSync(): a folder may have a hundred thousand entries, and that reads them all at once.
      for await (const descriptor of Deno.readDir(`${folder}/fd`)) {
        yield;
        const inode = socketInode(`${folder}/fd/${descriptor.name}`);
        if (inode === undefined || names.has(inode)) continue;
        name ??= Deno.readTextFileSync(`${folder}/comm`).trimEnd();
        names.set(inode, name);
      }
    } catch (error) {
      // Ended meanwhile, or somebody else's.
      if (!isGoneOrForbidden(error)) throw error;
    }
  }
}

function socketInode(path: string): number | undefined {
  try {
    const inode = /^socket:\[(\d+)\]$/.exec(Deno.readLinkSync(path))?.[1];
    return inode === undefined ? undefined : Number(inode);
  } catch (error) {
    if (isGoneOrForbidden(error)) return undefined;
    throw error;
  }
}

function isGoneOrForbidden(error: unknown): boolean {
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return true;
  // ESRCH: the process ended between two calls. Deno has no class for it, and gives no code.
  return error instanceof Error && /\(os error 3\)/.test(error.message);
}
