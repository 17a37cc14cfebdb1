/** How one kind of work of a collector goes. */
export class Outcome {
  /** Unknown until it is decided for the first time. */
  success: boolean | undefined;
  error = "";
  /** What was thrown last, if the last of it failed. */
  failure: unknown;
  /** Unix time, 0 for never. */
  lastSuccessSeconds = 0;

  /** Gives whether that is new after a failure. */
  succeeded(): boolean {
    const isMended = this.success === false;
    this.success = true;
    this.error = "";
    this.failure = undefined;
    this.lastSuccessSeconds = Date.now() / 1000;
    return isMended;
  }

  /** Gives whether that is another failure than before. */
  failed(error: unknown): boolean {
    const message = error instanceof Error ? error.message : String(error);
    const isNew = message !== this.error;
    this.success = false;
    this.error = message;
    this.failure = error;
    return isNew;
  }
}
