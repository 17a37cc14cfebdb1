/**
 * Opens a file for reading. What is no regular file is refused, since to open a pipe or the like can wait for ever, and
 * with it everything else.
 */
export function openFile(path: string): Deno.FsFile {
  requireFile(path);
  return Deno.openSync(path);
}

export function readTextIfThere(path: string): string {
  try {
    requireFile(path);
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

function requireFile(path: string): void {
  if (!Deno.statSync(path).isFile) throw new Error(`Cannot read ${path}: it is no regular file`);
}
