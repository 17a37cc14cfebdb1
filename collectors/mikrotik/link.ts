import { lookup } from "node:dns/promises";
import { unlessAborted } from "../../core/work.ts";
import { abortError, distrust, RouterError, routerError } from "./errors.ts";
import { PinnedLink } from "./pinned_link.ts";
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
  const connection = await connect(address, port, signal);
  if (tls === undefined) return new PlainLink(connection, address);
  if (tls.insecure) return await PinnedLink.open(connection, { address, fingerprint: undefined }, signal);
  const { fingerprint } = tls;
  if (fingerprint !== undefined) return await PinnedLink.open(connection, { address, fingerprint }, signal);
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
    if (link === undefined) closeIfOpen(connection);
    close();
    if (signal.aborted) throw abortError(signal);
    if (error instanceof RouterError) throw error;
    throw distrust(host, (error as Error).message);
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/** What was about to be secured may be closed by that. */
function closeIfOpen(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It was closed.
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
