import type { ListenAddress } from "../../core/listen_address.ts";
import { DATAGRAMS, DatagramSocket, WOKEN } from "../../native/datagram_socket.ts";

/** The event loop waits no longer while datagrams are taken. */
const SLICE_MS = 8;
/** Datagrams that come faster than this are no longer waited for one by one, but taken after pauses. */
const BUSY_MS = 1;
/** A pause is so short that the kernel has room for what comes within it. */
const MAX_PAUSE_MS = 5, ROOM_PER_MS = 1 << 19;

export interface ReceiverOptions {
  readonly addresses: readonly ListenAddress[];
  readonly buffer: number;
  readonly isShared: boolean;
  /** Takes those of the datagrams of a socket that stand from one index to another. */
  readonly take: (socket: DatagramSocket, from: number, to: number) => void;
}

/** Receives datagrams at several addresses: each by itself as long as they are few, and many at a time when they are not. */
export class Receiver {
  readonly sockets: readonly DatagramSocket[];
  readonly #options: ReceiverOptions;
  readonly #pauseMs: number;
  /** Those that Deno is asked to wait for. */
  readonly #waiting = new Set<DatagramSocket>();
  #woken = Promise.withResolvers<void>();
  /** Since the last time that all was taken. */
  #taken = 0;
  #failure: unknown;
  #isClosed = false;

  /** Listens at every address, or at none when one cannot be had. */
  constructor(options: ReceiverOptions) {
    const sockets: DatagramSocket[] = [];
    this.#options = options;
    this.sockets = sockets;
    try {
      for (const address of options.addresses) sockets.push(new DatagramSocket({ ...options, address }));
    } catch (error) {
      this.close();
      throw error;
    }
    const room = Math.min(...sockets.map((socket) => socket.statistics().buffer));
    this.#pauseMs = Math.max(1, Math.min(MAX_PAUSE_MS, Math.floor(room / ROOM_PER_MS)));
  }

  /** Receives until it is closed, and yields when the event loop should have its turn. */
  async *run(): AsyncGenerator<void> {
    let emptied = performance.now();
    while (!this.#isClosed) {
      const isEmpty = this.#drain();
      if (this.#failure !== undefined) throw this.#failure;
      if (!isEmpty) {
        yield;
        continue;
      }
      const now = performance.now(), isBusy = this.#taken * BUSY_MS >= now - emptied;
      emptied = now;
      this.#taken = 0;
      await (isBusy ? pause(this.#pauseMs) : this.#wait());
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const socket of this.sockets) socket.close();
    this.#woken.resolve();
  }

  /** Takes what is there, from each socket in turn, for as long as a slice; gives whether that was all. */
  #drain(): boolean {
    const end = performance.now() + SLICE_MS;
    let isMore: boolean;
    do {
      isMore = false;
      for (const socket of this.sockets) {
        const count = socket.take();
        this.#options.take(socket, 0, count);
        this.#taken += count;
        isMore ||= count === DATAGRAMS;
      }
    } while (isMore && performance.now() < end);
    return !isMore;
  }

  #wait(): Promise<void> {
    this.#woken = Promise.withResolvers();
    for (const socket of this.sockets) if (!this.#waiting.has(socket)) this.#waitFor(socket);
    return this.#woken.promise;
  }

  async #waitFor(socket: DatagramSocket): Promise<void> {
    this.#waiting.add(socket);
    try {
      const count = await socket.wait();
      if (!this.#isClosed) this.#options.take(socket, WOKEN, WOKEN + count);
      this.#taken += count;
    } catch (error) {
      this.#failure = error;
    }
    this.#waiting.delete(socket);
    this.#woken.resolve();
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
