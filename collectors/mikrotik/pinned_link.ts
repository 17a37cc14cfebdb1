import tls from "node:tls";
import { unlessAborted } from "../../core/work.ts";
import { abortError, distrust } from "./errors.ts";
import type { Link } from "./link.ts";
import { Relay } from "./relay.ts";

/**
 * TLS with whatever certificate there is, which must have the fingerprint if one is given. `Deno.startTls` can neither
 * do without an authority nor show the certificate.
 */
export class PinnedLink implements Link {
  readonly #socket: tls.TLSSocket;
  readonly #relay: Relay;
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** What was received beyond what there was room for. */
  #rest = new Uint8Array(0);

  private constructor(socket: tls.TLSSocket, relay: Relay, readonly remote: string) {
    this.#socket = socket;
    this.#relay = relay;
    this.#chunks = socket[Symbol.asyncIterator]();
  }

  static async open(
    connection: Deno.TcpConn,
    { address, fingerprint }: { address: string; fingerprint: string | undefined },
    signal: AbortSignal,
  ): Promise<PinnedLink> {
    const relay = new Relay(connection), { host, port } = relay;
    const secured = Promise.withResolvers<void>();
    const refuse = (message: string) => secured.reject(distrust(address, message));
    const socket = tls.connect({ host, port, rejectUnauthorized: false });
    socket.once("secureConnect", () => secured.resolve());
    // Also later: what goes wrong is seen where it is read and written.
    socket.on("error", ({ message }) => refuse(message));
    socket.once("close", () => refuse("unexpected eof"));
    try {
      await unlessAborted(secured.promise, signal);
      socket.setNoDelay(true);
      // Deno before 2.7 says that it is secure also when the handshake has failed, and there is no certificate.
      const found = (socket.getPeerCertificate() as tls.PeerCertificate | null)?.fingerprint256;
      if (found === undefined) {
        throw distrust(address, "it has shown no certificate");
      }
      if (fingerprint !== undefined && normalized(found) !== normalized(fingerprint)) {
        throw distrust(address, `its fingerprint is ${found}`);
      }
      relay.isWanted = false;
      return new PinnedLink(socket, relay, address);
    } catch (error) {
      socket.destroy();
      relay.close();
      throw signal.aborted ? abortError(signal) : error;
    }
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    if (this.#rest.length === 0) {
      this.#relay.isWanted = true;
      const { done, value } = await this.#chunks.next();
      this.#relay.isWanted = false;
      if (done) return null;
      this.#rest = value as Uint8Array<ArrayBuffer>;
    }
    const count = Math.min(into.length, this.#rest.length);
    into.set(this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    return count;
  }

  write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => error ? reject(error) : resolve());
    });
  }

  close(): void {
    this.#socket.destroy();
    this.#relay.close();
  }
}

/** Without colons, in lower case. */
function normalized(fingerprint: string): string {
  return fingerprint.replaceAll(":", "").toLowerCase();
}
