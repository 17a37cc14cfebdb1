import type net from "node:net";
import type { Duplex } from "node:stream";

/** How bytes are sent. */
export interface Pace {
  /** In pieces of so many bytes. */
  readonly chunk?: number;
  /** With so many milliseconds between the pieces. */
  readonly delay?: number;
  /** The last byte of what is sent at once comes in a segment of its own. */
  readonly loneZero?: boolean;
}

/** Such as is needed for a segment of its own: the kernel sends what it has in the meantime. */
const MOMENT = 5;

/** The sending end of a connection. What waits for it fails when the connection is closed. */
export class Wire {
  readonly closed: Promise<void>;
  isClosed = false;
  readonly #socket: Duplex;
  readonly #tcp: net.Socket;
  readonly #failed: Promise<never>;
  /** Those that wait, by what makes them fail. */
  readonly #waiting = new Set<(reason: Error) => void>();
  #last: Promise<void> = Promise.resolve();
  #isSilent = false;

  /** The socket may be that of TCP itself or of TLS over it. */
  constructor(socket: Duplex, tcp: net.Socket) {
    this.#socket = socket;
    this.#tcp = tcp;
    this.closed = new Promise((resolve) => tcp.once("close", () => resolve()));
    const failed = Promise.withResolvers<never>();
    this.#failed = failed.promise;
    this.#failed.catch(() => {});
    this.#waiting.add(failed.reject);
    tcp.once("close", () => this.#fail());
  }

  /** Sends after all that was sent before; done when the system has taken it. */
  send(bytes: Uint8Array, pace: Pace = {}): Promise<void> {
    const sent = this.#last.then(() => this.#sendAll(bytes, pace));
    this.#last = sent.catch(() => {});
    return sent;
  }

  /** Nothing more is sent, and nothing is closed. */
  stall(): Promise<never> {
    this.#isSilent = true;
    return this.#failed;
  }

  /** Ends with FIN, after all that was sent before. */
  async end(): Promise<never> {
    await this.#last;
    this.#socket.end();
    return await this.stall();
  }

  /** Ends with RST, after all that was sent before. */
  async reset(): Promise<never> {
    await this.#last;
    this.#tcp.resetAndDestroy();
    return await this.stall();
  }

  destroy(): void {
    this.#socket.destroy();
    this.#tcp.destroy();
  }

  async pause(milliseconds: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      await this.#wait((resolve) => timer = setTimeout(resolve, milliseconds));
    } finally {
      clearTimeout(timer);
    }
  }

  async #sendAll(bytes: Uint8Array, pace: Pace): Promise<void> {
    const { chunk = Infinity, delay = 0, loneZero = false } = pace;
    const end = loneZero ? bytes.length - 1 : bytes.length;
    for (let at = 0; at < end; at += chunk) {
      if (at > 0 && delay > 0) await this.pause(delay);
      await this.#write(bytes.subarray(at, Math.min(at + chunk, end)));
    }
    if (!loneZero) return;
    await this.pause(Math.max(delay, MOMENT));
    await this.#write(bytes.subarray(end));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#isSilent) return await this.#failed;
    // After an error the connection is closed.
    await this.#wait((resolve) => this.#socket.write(bytes, (error) => error ? undefined : resolve()));
  }

  async #wait(start: (resolve: () => void) => void): Promise<void> {
    if (this.isClosed) return await this.#failed;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.add(reject);
    start(resolve);
    try {
      await promise;
    } finally {
      this.#waiting.delete(reject);
    }
  }

  #fail(): void {
    this.isClosed = true;
    for (const reject of this.#waiting) reject(new Error("Cannot send: The connection is closed"));
  }
}
