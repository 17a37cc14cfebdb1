import tls from "node:tls";
import { unlessAborted } from "../../core/work.ts";
import { serverProofIn } from "../../parsers/tls_handshake.ts";
import { abortError, distrust } from "./errors.ts";
import type { Link } from "./link.ts";
import { fingerprintOf, isProved } from "./proof.ts";
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
    const relay = Relay.of(connection), { host, port } = relay;
    const secured = Promise.withResolvers<void>();
    const refuse = (message: string) => secured.reject(distrust(address, message));
    // With TLS 1.3 nobody but itself could see what proves that the router is the right one.
    const version = fingerprint === undefined ? {} : { maxVersion: "TLSv1.2" as const };
    const socket = tls.connect({ host, port, rejectUnauthorized: false, ...version });
    socket.once("secureConnect", () => secured.resolve());
    // Also later: what goes wrong is seen where it is read and written.
    socket.on("error", ({ message }) => refuse(message));
    socket.once("close", () => refuse("unexpected eof"));
    try {
      await unlessAborted(secured.promise, signal);
      socket.setNoDelay(true);
      // Deno before 2.7 says that it is secure also when the handshake has failed, and there is no certificate.
      if (socket.getPeerCertificate() === null) throw distrust(address, "it has shown no certificate");
      if (relay.clientPort !== socket.localPort) {
        throw distrust(address, "somebody else on this host has connected in place of netcensus");
      }
      if (fingerprint !== undefined) prove(relay, { address, fingerprint });
      relay.forget();
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

/**
 * Makes sure that the router has the certificate with the fingerprint, and the key of it: a certificate anyone can
 * show who has seen it, and where it is asked to take any, the TLS of Deno does not look at what proves the key.
 */
function prove(relay: Relay, { address, fingerprint }: { address: string; fingerprint: string }): void {
  const { sent, received } = relay.beginning, proof = serverProofIn(sent, received);
  if (proof === undefined) {
    throw distrust(address, "with TLS 1.3 its key cannot be proved");
  }
  const found = fingerprintOf(proof.certificate);
  if (found !== fingerprint.replaceAll(":", "").toLowerCase()) {
    throw distrust(address, `its fingerprint is ${found.toUpperCase().match(/../g)!.join(":")}`);
  }
  if (!isProved(proof)) throw distrust(address, "it has not the key of its certificate");
}
