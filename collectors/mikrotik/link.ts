import { lookup } from "node:dns/promises";
import tls from "node:tls";
import { unlessAborted } from "../../core/work.ts";
import { abortError, RouterError, routerError } from "./errors.ts";
import type { Endpoint, Tls } from "./settings.ts";

/** A connection to a router, before anything is said. */
export interface Link {
  /** The address at the other end. */
  readonly remote: string;
  /** Gives how many bytes were received; `null` when the other end is closed. */
  read(into: Uint8Array<ArrayBuffer>): Promise<number | null>;
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** May be called at any time, and makes what waits fail. */
  close(): void;
}

export interface LinkOptions {
  readonly endpoint: Endpoint;
  readonly tls: Tls | undefined;
}

/** Of several addresses of a router each has so long to answer. */
const SHARE_MS = 3000;

/** Connects to one of the addresses of a router, and with TLS also makes sure that it is the right one. */
export async function openLink({ endpoint, tls }: LinkOptions, signal: AbortSignal): Promise<Link> {
  const addresses = endpoint.address === undefined
    ? await resolve(endpoint.host, signal)
    : [endpoint.address];
  let failure: unknown;
  for (const address of addresses) {
    // One that does not answer leaves time for the others.
    const share = addresses.length === 1 ? signal : AbortSignal.any([signal, AbortSignal.timeout(SHARE_MS)]);
    try {
      return await open(address, { endpoint, tls }, share);
    } catch (error) {
      if (signal.aborted) throw abortError(signal);
      failure = error;
      // Whoever is there is not the right one: others are no better.
      if (error instanceof RouterError && error.kind === "tls") break;
    }
  }
  throw routerError(failure, "connect");
}

/** All addresses of a host, as the system knows them. */
export async function resolve(host: string, signal: AbortSignal): Promise<string[]> {
  try {
    const answers = await unlessAborted(lookup(host, { all: true }), signal);
    return answers.map(({ address }) => address);
  } catch (error) {
    throw signal.aborted
      ? abortError(signal)
      : new RouterError("connect", `Cannot resolve ${host}: ${(error as Error).message}`);
  }
}

async function open(address: string, { endpoint, tls }: LinkOptions, signal: AbortSignal): Promise<Link> {
  const { host, port } = endpoint;
  if (tls !== undefined && (tls.insecure || tls.fingerprint !== undefined)) {
    return await PinnedLink.open(
      address,
      { port, fingerprint: tls.insecure ? undefined : tls.fingerprint },
      signal,
    );
  }
  const connection = await connect(address, port, signal);
  if (tls === undefined) return new PlainLink(connection, address);
  return await verified(connection, { address, host, tls }, signal);
}

async function connect(address: string, port: number, signal: AbortSignal): Promise<Deno.TcpConn> {
  const connecting = Deno.connect({ hostname: address, port });
  try {
    const connection = await unlessAborted(connecting, signal);
    connection.setNoDelay(true);
    return connection;
  } catch (error) {
    connecting.then((late) => late.close(), () => {});
    if (signal.aborted) throw abortError(signal);
    throw new RouterError(
      "connect",
      `Cannot connect to ${address}, port ${port}: ${(error as Error).message}`,
    );
  }
}

/** TLS with a certificate that an authority has signed for the host. */
async function verified(
  connection: Deno.TcpConn,
  { address, host, tls }: { address: string; host: string; tls: Tls },
  signal: AbortSignal,
): Promise<Link> {
  let link: PlainLink | undefined;
  const close = () => link?.close();
  signal.addEventListener("abort", close);
  try {
    const caCerts = tls.ca_file === undefined ? [] : [readAuthority(tls.ca_file)];
    const secured = await Deno.startTls(connection, { hostname: host, caCerts });
    link = new PlainLink(secured, address);
    if (signal.aborted) throw abortError(signal);
    await secured.handshake();
    return link;
  } catch (error) {
    if (link === undefined) connection.close();
    close();
    if (signal.aborted) throw abortError(signal);
    if (error instanceof RouterError) throw error;
    throw new RouterError("tls", `Cannot trust ${host}: ${adviceOn((error as Error).message)}`);
  } finally {
    signal.removeEventListener("abort", close);
  }
}

function readAuthority(file: string): string {
  try {
    const text = Deno.readTextFileSync(file);
    if (!text.includes("-----BEGIN CERTIFICATE-----")) throw new Error(`There is no certificate in ${file}`);
    return text;
  } catch (error) {
    throw new RouterError("tls", `Cannot read the ca_file: ${(error as Error).message}`);
  }
}

/** What is wrong with a certificate, and what to do. */
function adviceOn(message: string): string {
  if (/UnknownIssuer|CaUsedAsEndEntity|UnsupportedCertVersion/.test(message)) {
    return `${message} (name its authority by ca_file, or a certificate that is signed by itself by fingerprint)`;
  }
  if (/HandshakeFailure|eof|no certificate/i.test(message)) {
    return `${message} (has its service api-ssl a certificate?)`;
  }
  return message;
}

class PlainLink implements Link {
  readonly #connection: Deno.Conn;
  #isClosed = false;

  constructor(connection: Deno.Conn, readonly remote: string) {
    this.#connection = connection;
  }

  read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    return this.#connection.read(into);
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.close();
  }
}

/**
 * TLS with whatever certificate there is, which must have the fingerprint if one is given. `Deno.startTls` can neither
 * do without an authority nor show the certificate.
 */
class PinnedLink implements Link {
  readonly #socket: tls.TLSSocket;
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** What was received beyond what there was room for. */
  #rest = new Uint8Array(0);

  private constructor(socket: tls.TLSSocket, readonly remote: string) {
    this.#socket = socket;
    this.#chunks = socket[Symbol.asyncIterator]();
  }

  static async open(
    address: string,
    { port, fingerprint }: { port: number; fingerprint: string | undefined },
    signal: AbortSignal,
  ): Promise<PinnedLink> {
    const secured = Promise.withResolvers<void>();
    const socket = tls.connect({ host: address, port, rejectUnauthorized: false });
    let isConnected = false;
    socket.once("connect", () => isConnected = true);
    socket.once("secureConnect", () => secured.resolve());
    // Also later: what goes wrong is seen where it is read and written.
    socket.on("error", ({ message }) =>
      secured.reject(
        isConnected
          ? new RouterError("tls", `Cannot trust ${address}: ${adviceOn(message)}`)
          : new RouterError("connect", `Cannot connect to ${address}, port ${port}: ${message}`),
      ));
    socket.once(
      "close",
      () => secured.reject(new RouterError("tls", `Cannot trust ${address}: ${adviceOn("unexpected eof")}`)),
    );
    try {
      await unlessAborted(secured.promise, signal);
      socket.setNoDelay(true);
      // Deno before 2.7 says that it is secure also when the handshake has failed, and there is no certificate.
      const found = (socket.getPeerCertificate() as tls.PeerCertificate | null)?.fingerprint256;
      if (found === undefined) {
        throw new RouterError("tls", `Cannot trust ${address}: ${adviceOn("it has shown no certificate")}`);
      }
      if (fingerprint !== undefined && normalized(found) !== normalized(fingerprint)) {
        throw new RouterError("tls", `Cannot trust ${address}: its fingerprint is ${found}`);
      }
      return new PinnedLink(socket, address);
    } catch (error) {
      socket.destroy();
      throw signal.aborted ? abortError(signal) : error;
    }
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    if (this.#rest.length === 0) {
      const { done, value } = await this.#chunks.next();
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
  }
}

/** Without colons, in lower case. */
function normalized(fingerprint: string): string {
  return fingerprint.replaceAll(":", "").toLowerCase();
}
