/** The state of the source. */
export interface Commit {
  /** Of its commit the beginning, with `-dirty` where files differ from it; `unknown` outside of a checkout. */
  readonly revision: string;
  /** When it was committed, in seconds since 1970; 0 if unknown. */
  readonly seconds: number;
}

export async function readCommit(): Promise<Commit> {
  const shown = await git("show", "--no-patch", "--format=%H %ct", "HEAD");
  if (shown === undefined) return { revision: "unknown", seconds: 0 };
  const [hash = "", seconds] = shown.split(" "), changes = await git("status", "--porcelain");
  return { revision: hash.slice(0, 12) + (changes === "" ? "" : "-dirty"), seconds: Number(seconds) };
}

async function git(...args: string[]): Promise<string | undefined> {
  // A checkout is read although it belongs to somebody else, as in many a CI.
  const own = ["-c", "safe.directory=*", "-C", new URL("../", import.meta.url).pathname];
  try {
    const { success, stdout } = await new Deno.Command("git", { args: [...own, ...args], stderr: "null" })
      .output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
