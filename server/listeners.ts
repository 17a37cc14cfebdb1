import { formatListenAddress, type ListenAddress } from "../core/listen_address.ts";
import type { Log } from "../core/log.ts";
import type { Certificate } from "../core/web_config.ts";
import { nextTurn, sleep } from "../core/work.ts";

/** So long a port may be taken when it is listened at again; and after so long that is tried again. */
const PATIENCE_MS = 1000, RETRY_MS = 1000;

export interface ListenersOptions {
  readonly addresses: readonly ListenAddress[];
  readonly answer: (request: Request) => Promise<Response>;
  readonly onError: (error: unknown) => Response;
  readonly log: Log;
}

/** Listens at addresses, with TLS or without. */
export class Listeners {
  readonly #options: ListenersOptions;
  #certificate: Certificate | undefined;
  #servers: Deno.HttpServer<Deno.NetAddr>[] = [];
  /** Where it listens: each with the port that the kernel has chosen, if it was to choose one. */
  #places: readonly Deno.NetAddr[] = [];
  /** Aborted when what listens now is to listen no more. */
  #ended = new AbortController();
  /** Servers that listen no more, and finish what they answer. */
  readonly #ending = new Set<Promise<void>>();

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** Listens at every address, or at none when one cannot be had; gives where. */
  listen(): readonly Deno.NetAddr[] {
    const { addresses, log } = this.#options;
    for (const address of addresses) {
      try {
        this.#servers.push(this.#serve(address));
      } catch (error) {
        log.error("Cannot listen", { address: formatListenAddress(address), error });
        this.#end();
        throw error;
      }
    }
    return this.#places = this.#servers.map(({ addr }) => addr);
  }

  /** With another certificate than before it listens anew where it listens: the runtime cannot exchange it. */
  async use(certificate: Certificate | undefined): Promise<void> {
    const { cert, key } = this.#certificate ?? {};
    if (certificate?.cert === cert && certificate?.key === key) return;
    this.#certificate = certificate;
    this.#end();
    await Promise.all(this.#places.map((place) => this.#listenAgain(place)));
  }

  /** Stops accepting, and waits for what is being answered. */
  async close(): Promise<void> {
    this.#places = [];
    this.#end();
    await Promise.all(this.#ending);
  }

  #end(): void {
    this.#ended.abort();
    this.#ended = new AbortController();
    for (const server of this.#servers.splice(0)) {
      const ended = server.shutdown().catch(() => {}).finally(() => this.#ending.delete(ended));
      this.#ending.add(ended);
    }
  }

  /** Listens at a place again; when that cannot be, goes on trying in the background. */
  async #listenAgain(place: Deno.NetAddr): Promise<void> {
    const { signal } = this.#ended, { log } = this.#options;
    const deadline = performance.now() + PATIENCE_MS;
    while (!signal.aborted) {
      // The runtime lets go of a port a little later.
      await nextTurn();
      try {
        if (!signal.aborted) this.#servers.push(this.#serve(place));
        return;
      } catch (error) {
        if (error instanceof Deno.errors.AddrInUse && performance.now() < deadline) continue;
        log.error("Cannot listen", { address: formatListenAddress(place), error });
        sleep(RETRY_MS, signal).then(() => signal.aborted ? undefined : this.#listenAgain(place));
        return;
      }
    }
  }

  /** A server ends by itself when it cannot take any connection more, as without file descriptors. */
  #lost(server: Deno.HttpServer<Deno.NetAddr>, error: unknown): void {
    const at = this.#servers.indexOf(server);
    if (at < 0) return;
    this.#servers.splice(at, 1);
    const { addr } = server;
    this.#options.log.error("Cannot take connections", { address: formatListenAddress(addr), error });
    this.#listenAgain(addr);
  }

  #serve(address: ListenAddress): Deno.HttpServer<Deno.NetAddr> {
    const server = this.#open(address);
    server.finished.catch((error) => this.#lost(server, error));
    return server;
  }

  #open({ hostname, port }: ListenAddress): Deno.HttpServer<Deno.NetAddr> {
    const { answer, onError } = this.#options;
    const options = { port, onListen() {}, onError, ...this.#certificate };
    if (hostname !== undefined) return Deno.serve({ ...options, hostname }, answer);
    try {
      // :: takes IPv4 as well, unless the host has no IPv6.
      return Deno.serve({ ...options, hostname: "::" }, answer);
    } catch (error) {
      if (error instanceof Deno.errors.AddrInUse) throw error;
      return Deno.serve({ ...options, hostname: "0.0.0.0" }, answer);
    }
  }
}
