/** A file that everybody may read, until it is disposed of. */
export class TempFile implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async create(content: string | Uint8Array): Promise<TempFile> {
    const file = new TempFile(await Deno.makeTempFile());
    await file.replace(content);
    return file;
  }

  /** By renaming, so that nobody sees a part of it. */
  async replace(content: string | Uint8Array): Promise<void> {
    const next = `${this.path}.next`;
    await Deno.writeFile(next, typeof content === "string" ? new TextEncoder().encode(content) : content);
    await Deno.chmod(next, 0o644);
    await Deno.rename(next, this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path);
  }
}
