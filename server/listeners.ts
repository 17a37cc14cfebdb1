import { formatListenAddress, type ListenAddress } from "../core/listen_address.ts";
import type { Log } from "../core/log.ts";
import type { Certificate } from "../core/web_config.ts";
import { nextTurn } from "../core/work.ts";

/** To listen again where somebody else does meanwhile is not tried for longer. */
const PATIENCE_MS = 1000;

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
    const isSame = certificate?.cert === cert && certificate?.key === key;
    this.#certificate = certificate;
    if (isSame && this.#servers.length === this.#places.length) return;
    this.#end();
    for (const place of this.#places) this.#servers.push(await this.#serveAgain(place));
  }

  /** Stops accepting, and waits for what is being answered. */
  async close(): Promise<void> {
    this.#places = [];
    this.#end();
    await Promise.all(this.#ending);
  }

  #end(): void {
    for (const server of this.#servers.splice(0)) {
      const ended = server.shutdown().finally(() => this.#ending.delete(ended));
      this.#ending.add(ended);
    }
  }

  async #serveAgain(place: Deno.NetAddr): Promise<Deno.HttpServer<Deno.NetAddr>> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      // The runtime lets go of a port a little later.
      await nextTurn();
      try {
        return this.#serve(place);
      } catch (error) {
        if (!(error instanceof Deno.errors.AddrInUse) || performance.now() > deadline) throw error;
      }
    }
  }

  #serve({ hostname, port }: ListenAddress): Deno.HttpServer<Deno.NetAddr> {
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
