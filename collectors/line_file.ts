import { openFile } from "./files.ts";

const NEWLINE = 10;
/** A line that is longer is taken for several. */
const MAX_LINE = 1 << 20;

/** Reads a file of the kernel block by block; a block ends at the end of a line, or of the file. */
export class LineFile {
  /** The lines are in `bytes`, from 0 to `end`. */
  bytes = new Uint8Array(65_536);
  end = 0;

  /** Yields whenever `bytes` holds new lines. */
  *read(path: string): Generator<void> {
    using file = openFile(path);
    let filled = 0;
    for (;;) {
      if (filled === this.bytes.length) this.#grow();
      const count = file.readSync(this.bytes.subarray(filled)) ?? 0;
      const lastLine = this.bytes.subarray(filled, filled + count).lastIndexOf(NEWLINE);
      filled += count;
      const isWhole = count === 0 || (lastLine < 0 && filled >= MAX_LINE);
      this.end = isWhole ? filled : lastLine < 0 ? 0 : filled - count + lastLine + 1;
      if (this.end > 0) yield;
      if (count === 0) return;
      this.bytes.copyWithin(0, this.end, filled);
      filled -= this.end;
    }
  }

  /** For a line that is longer than all that was seen before. */
  #grow(): void {
    const bytes = this.bytes;
    this.bytes = new Uint8Array(2 * bytes.length);
    this.bytes.set(bytes);
  }
}
