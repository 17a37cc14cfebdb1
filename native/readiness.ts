import { lastError, libc } from "./libc.ts";

/** include/uapi/linux/eventfd.h, for x86_64 and aarch64: EFD_CLOEXEC and EFD_NONBLOCK */
const FLAGS = 0o2000000 | 0o4000;
/** struct pollfd: descriptor, what to wait for, what there is */
const POLLFD = 8, POLLIN = 1;

/** Waits in a thread of its own until a descriptor has something to read, and can be woken. */
export class Readiness {
  readonly #wakeup: number;
  /** The kernel writes to it while nobody else holds it. */
  #polled = new Uint8Array(0);
  #waiting: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor() {
    this.#wakeup = libc().eventfd(0, FLAGS);
    if (this.#wakeup < 0) throw lastError("make an eventfd");
  }

  /** Waits until one of the descriptors can be read, the time is over, or it is closed. */
  async wait(descriptors: readonly number[], milliseconds: number): Promise<void> {
    const all = [this.#wakeup, ...descriptors], polled = new Uint8Array(all.length * POLLFD);
    const view = new DataView(polled.buffer);
    for (const [i, fd] of all.entries()) {
      view.setInt32(i * POLLFD, fd, true);
      view.setInt16(i * POLLFD + 4, POLLIN, true);
    }
    if (this.#isClosed) return;
    this.#polled = polled;
    await (this.#waiting = libc().poll(this.#polled, BigInt(all.length), milliseconds));
  }

  /** Ends the wait. Only then may the descriptors be closed: another thread looks at them. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    libc().write(this.#wakeup, new Uint8Array(BigUint64Array.of(1n).buffer), 8n);
    await this.#waiting;
    libc().close(this.#wakeup);
  }
}
