const HOST = "127.0.0.1";
/** So much is carried at a time. */
const PIECE = 65_536;

/**
 * Carries bytes between a connection to a router and whoever connects to a port of this host, and from the router no
 * faster than they are wanted: the TLS of node:tls takes at once what there is, however much. Only what is encrypted
 * passes here.
 */
export class Relay {
  readonly host = HOST;
  readonly #router: Deno.TcpConn;
  readonly #listener: Deno.TcpListener;
  #client: Deno.TcpConn | undefined;
  #isClosed = false;
  /** Resolves as soon as something is wanted. */
  #wanted = Promise.withResolvers<void>();

  constructor(router: Deno.TcpConn) {
    this.#router = router;
    this.#listener = Deno.listen({ hostname: HOST, port: 0 });
    this.#wanted.resolve();
    this.#carry().catch(() => {}).finally(() => this.close());
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Whether what the router sends is to be carried on. */
  set isWanted(isWanted: boolean) {
    if (isWanted) this.#wanted.resolve();
    else this.#wanted = Promise.withResolvers<void>();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#wanted.resolve();
    this.#closeListener();
    this.#router.close();
    this.#client?.close();
  }

  #closeListener(): void {
    try {
      this.#listener.close();
    } catch {
      // It was closed when the client had come.
    }
  }

  async #carry(): Promise<void> {
    const client = this.#client = await this.#listener.accept();
    this.#closeListener();
    if (this.#isClosed) return client.close();
    client.setNoDelay(true);
    const sent = carry(client, this.#router, () => undefined);
    const received = carry(this.#router, client, () => this.#wanted.promise);
    await Promise.race([sent, received]);
  }
}

/** Until one end is closed. */
async function carry(
  from: Deno.TcpConn,
  to: Deno.TcpConn,
  wanted: () => Promise<void> | undefined,
): Promise<void> {
  const piece = new Uint8Array(PIECE);
  for (;;) {
    await wanted();
    const count = await from.read(piece);
    if (count === null) return;
    for (let at = 0; at < count;) at += await to.write(piece.subarray(at, count));
  }
}
