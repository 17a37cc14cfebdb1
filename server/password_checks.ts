import type { Check, Order } from "./password_worker.ts";

/** The thread ends when it has had nothing to do for so long: it takes some 15 MB. */
const IDLE_MS = 10_000;

/** Checks passwords in a thread, one after the other. */
export class PasswordChecks {
  readonly #waiting: PromiseWithResolvers<boolean>[] = [];
  #worker: Worker | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  /** Whether the password is that of the hash. */
  check(check: Check): Promise<boolean> {
    clearTimeout(this.#timer);
    const asked = Promise.withResolvers<boolean>();
    this.#waiting.push(asked);
    this.#worker ??= this.#start();
    this.#worker.postMessage(check satisfies Order);
    return asked.promise;
  }

  /** Ends the thread when it has done what it was asked to do. */
  close(): void {
    this.#isClosed = true;
    if (this.#waiting.length === 0) this.#end();
  }

  #start(): Worker {
    const worker = new Worker(new URL("./password_worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<boolean>) => {
      this.#waiting.shift()?.resolve(data);
      if (this.#waiting.length === 0) this.#rest();
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.#end();
      const error = new Error(`Cannot check passwords: ${event.message}`);
      for (const asked of this.#waiting.splice(0)) asked.reject(error);
    };
    return worker;
  }

  #rest(): void {
    if (this.#isClosed) return this.#end();
    const timer = setTimeout(() => this.#end(), IDLE_MS);
    Deno.unrefTimer(timer);
    this.#timer = timer;
  }

  #end(): void {
    clearTimeout(this.#timer);
    // A thread that is terminated leaves most of its memory behind.
    this.#worker?.postMessage("end" satisfies Order);
    this.#worker = undefined;
  }
}
