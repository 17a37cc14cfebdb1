import type { ListenAddress } from "../../core/listen_address.ts";
import { DATAGRAMS, DatagramSocket, WOKEN } from "../../native/datagram_socket.ts";
import { type Arrivals, drain } from "../draining.ts";

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
export class Receiver implements Arrivals {
  readonly sockets: readonly DatagramSocket[];
  readonly pauseMs: number;
  isEmpty = true;
  isClosed = false;
  readonly #options: ReceiverOptions;
  /** Those that Deno is asked to wait for. */
  readonly #waiting = new Set<DatagramSocket>();
  #woken = Promise.withResolvers<void>();
  /** What was taken since it waited. */
  #taken = 0;
  #failure: unknown;

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
    this.pauseMs = Math.max(1, Math.min(MAX_PAUSE_MS, Math.floor(room / ROOM_PER_MS)));
  }

  /** Receives until it is closed, and yields when the event loop should have its turn. */
  run(): AsyncGenerator<void> {
    return drain(this);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const socket of this.sockets) socket.close();
    this.#woken.resolve();
  }

  /** Takes what is there, from each socket in turn. */
  takeSome(): number {
    let taken = 0;
    this.isEmpty = true;
    if (this.#failure !== undefined) throw this.#failure;
    for (const socket of this.sockets) {
      const count = socket.take();
      this.#options.take(socket, 0, count);
      taken += count;
      if (count === DATAGRAMS) this.isEmpty = false;
    }
    return taken;
  }

  async wait(): Promise<number> {
    this.#woken = Promise.withResolvers();
    for (const socket of this.sockets) if (!this.#waiting.has(socket)) this.#waitFor(socket);
    if (this.#failure === undefined) await this.#woken.promise;
    const taken = this.#taken;
    this.#taken = 0;
    return taken;
  }

  async #waitFor(socket: DatagramSocket): Promise<void> {
    this.#waiting.add(socket);
    try {
      const count = await socket.wait();
      if (!this.isClosed) this.#options.take(socket, WOKEN, WOKEN + count);
      this.#taken += count;
    } catch (error) {
      this.#failure = error;
    }
    this.#waiting.delete(socket);
    this.#woken.resolve();
  }
}
