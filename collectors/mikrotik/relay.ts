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
  /** What was carried at the beginning, until `forget()`. */
  readonly #sent = new Beginning();
  readonly #received = new Beginning();
  #client: Deno.TcpConn | undefined;
  #isClosed = false;
  /** Resolves as soon as something is wanted. */
  #wanted = Promise.withResolvers<void>();

  private constructor(router: Deno.TcpConn, listener: Deno.TcpListener) {
    this.#router = router;
    this.#listener = listener;
    this.#wanted.resolve();
    this.#carry().catch(() => {}).finally(() => this.close());
  }

  /** The connection is closed with the relay, and when there can be none. */
  static of(router: Deno.TcpConn): Relay {
    try {
      return new Relay(router, Deno.listen({ hostname: HOST, port: 0 }));
    } catch (error) {
      router.close();
      throw error;
    }
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** The port of whoever has connected. */
  get clientPort(): number | undefined {
    return this.#client?.remoteAddr.port;
  }

  /** Whether what the router sends is to be carried on. */
  set isWanted(isWanted: boolean) {
    if (isWanted) this.#wanted.resolve();
    else this.#wanted = Promise.withResolvers<void>();
  }

  /** What each side has said at the beginning, in the clear. */
  get beginning(): { readonly sent: Uint8Array; readonly received: Uint8Array } {
    return { sent: this.#sent.bytes, received: this.#received.bytes };
  }

  /** When the beginning is of no more interest. */
  forget(): void {
    this.#sent.forget();
    this.#received.forget();
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
    const sent = carry(client, this.#router, { note: this.#sent });
    const received = carry(this.#router, client, {
      note: this.#received,
      wanted: () => this.#wanted.promise,
    });
    await Promise.race([sent, received]);
  }
}

interface Carrying {
  readonly note: Beginning;
  /** What is waited for before each piece. */
  readonly wanted?: () => Promise<void>;
}

/** Until one end is closed. */
async function carry(from: Deno.TcpConn, to: Deno.TcpConn, { note, wanted }: Carrying): Promise<void> {
  const piece = new Uint8Array(PIECE);
  for (;;) {
    await wanted?.();
    const count = await from.read(piece);
    if (count === null) return;
    note.add(piece.subarray(0, count));
    for (let at = 0; at < count;) at += await to.write(piece.subarray(at, count));
  }
}

/** The first bytes of a direction: so many as certificates may take. */
class Beginning {
  #bytes = new Uint8Array(PIECE);
  #length = 0;

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  add(more: Uint8Array): void {
    const added = more.subarray(0, this.#bytes.length - this.#length);
    this.#bytes.set(added, this.#length);
    this.#length += added.length;
  }

  forget(): void {
    this.#bytes = new Uint8Array(0);
    this.#length = 0;
  }
}
