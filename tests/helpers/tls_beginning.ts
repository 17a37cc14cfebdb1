import tls from "node:tls";
import { Relay } from "../../collectors/mikrotik/relay.ts";

/** What the two ends of a real connection of TLS have said at its beginning. */
export interface TlsBeginning {
  readonly sent: Uint8Array;
  readonly received: Uint8Array;
}

/** Of a server with this certificate and key, and a client that speaks no newer version. */
export async function tlsBeginning(
  pair: { readonly cert: string; readonly key: string },
  maxVersion: "TLSv1.2" | "TLSv1.3" = "TLSv1.2",
): Promise<TlsBeginning> {
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...pair });
  const { port } = listener.addr as Deno.NetAddr;
  const accepted = listener.accept().then(async (connection) => {
    // The client may be content before the server is.
    await connection.handshake().catch(() => {});
    return connection;
  });
  const relay = Relay.of(await Deno.connect({ hostname: "127.0.0.1", port }));
  const socket = tls.connect({ host: relay.host, port: relay.port, rejectUnauthorized: false, maxVersion });
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
  const { sent, received } = relay.beginning;
  socket.destroy();
  relay.close();
  (await accepted).close();
  listener.close();
  await closed;
  return { sent, received };
}
