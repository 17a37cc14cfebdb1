import { once } from "node:events";
import { formatListenAddress, type ListenAddress } from "../core/listen_address.ts";

/** A healthy program answers sooner. */
const TIMEOUT_MS = 5000;
/** What a program listens at that listens everywhere, and where this host reaches it. */
const LOOPBACK: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/**
 * Asks the exporter that listens there on this host whether it is healthy; gives what is wrong otherwise. One that has
 * TLS is not asked to prove who it is, and one that wants to know who asks is well.
 */
export async function unhealthy(
  { hostname = "0.0.0.0", port }: ListenAddress,
  { isGuarded }: { isGuarded: boolean },
): Promise<string | undefined> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const place = { hostname: LOOPBACK[hostname] ?? hostname, port }, address = formatListenAddress(place);
  try {
    const status = isGuarded
      ? await statusByTls(place, signal).catch(() => statusOf(address, signal))
      : await statusOf(address, signal);
    const isHealthy = status === 200 || (isGuarded && (status === 401 || status === 429));
    return isHealthy ? undefined : `${address} answers ${status}`;
  } catch (error) {
    const { message, cause } = error as Error;
    return `${address} does not answer: ${cause instanceof Error ? cause.message : message}`;
  }
}

async function statusOf(address: string, signal: AbortSignal): Promise<number> {
  const response = await fetch(`http://${address}/-/healthy`, { signal });
  await response.body?.cancel();
  return response.status;
}

/** `fetch` takes no certificate that is for another name than that of this host. */
async function statusByTls(
  { hostname: host, port }: { hostname: string; port: number },
  signal: AbortSignal,
): Promise<number> {
  const { connect } = await import("node:tls");
  const socket = connect({ host, port, rejectUnauthorized: false });
  try {
    await once(socket, "secureConnect", { signal });
    socket.write("GET /-/healthy HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    const [bytes] = await once(socket, "data", { signal });
    return Number(/^HTTP\/1\.1 (\d+)/.exec(String(bytes))?.[1]);
  } finally {
    socket.destroy();
  }
}
