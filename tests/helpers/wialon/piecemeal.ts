import type { Bytes } from "./messages.ts";

/** More would wait for the window of the connection, and be joined to one segment there. */
const AT_ONCE = 8, PAUSE_MS = 1;

/** Sends bytes one after the other, in pieces that become segments of their own if the socket has TCP_NODELAY. */
export class PiecemealWriter {
  readonly #write: (bytes: Bytes) => Promise<void>;
  readonly #size: number;
  #last: Promise<void> = Promise.resolve();

  constructor(write: (bytes: Bytes) => Promise<void>, size = Infinity) {
    this.#write = write;
    this.#size = size;
  }

  /** Done when the system has taken all. */
  send(bytes: Bytes): Promise<void> {
    const sent = this.#last.then(() => this.#sendAll(bytes));
    this.#last = sent.catch(() => {});
    return sent;
  }

  async #sendAll(bytes: Bytes): Promise<void> {
    let count = 0;
    for (let at = 0; at < bytes.length; at += this.#size) {
      if (count++ % AT_ONCE === AT_ONCE - 1) await pause(PAUSE_MS);
      await this.#write(bytes.subarray(at, Math.min(at + this.#size, bytes.length)));
    }
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
