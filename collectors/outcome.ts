/** How one kind of work of a collector goes. */
export class Outcome {
  /** Unknown until it is decided for the first time. */
  success: boolean | undefined;
  /** What was thrown last, if the last of it failed. */
  failure: unknown;
  /** Unix time, 0 for never. */
  lastSuccessSeconds = 0;

  /** What it says; nothing if nothing failed. */
  get error(): string {
    const { failure } = this;
    if (failure === undefined) return "";
    return failure instanceof Error ? failure.message : String(failure);
  }

  /** Gives whether that is new after a failure. */
  succeeded(): boolean {
    const isMended = this.success === false;
    this.success = true;
    this.failure = undefined;
    this.lastSuccessSeconds = Date.now() / 1000;
    return isMended;
  }

  /** Gives whether that is another failure than before. */
  failed(error: unknown): boolean {
    const before = this.error;
    this.success = false;
    this.failure = error;
    return this.error !== before;
  }
}
