/** How a device reaches its server. */
import net from "node:net";
import type { Bytes } from "./messages.ts";

export interface WireOptions {
  readonly hostname: string;
  readonly port: number;
  readonly localAddress?: string;
  readonly localPort?: number;
}

export interface Wire {
  send(bytes: Bytes): Promise<void>;
  /** Ends it: with FIN and what the other side does then, or at once with RST. */
  end(how: "fin" | "rst"): Promise<void>;
}

export interface Listener {
  received(bytes: Uint8Array): void;
  /** The connection is over. */
  ended(): void;
}

export async function connectTcp(options: WireOptions, listener: Listener): Promise<Wire> {
  const { hostname: host, ...others } = options;
  const socket = net.connect({ host, ...others, noDelay: true });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  // What is wrong later is told by the end that follows.
  socket.on("error", () => {}).on("data", (bytes) => listener.received(bytes)).once(
    "end",
    () => listener.ended(),
  );
  closed.then(() => listener.ended());
  return {
    send: (bytes) =>
      new Promise((resolve, reject) => socket.write(bytes, (error) => error ? reject(error) : resolve())),
    end: async (how) => {
      if (how === "fin") socket.end();
      else socket.resetAndDestroy();
      await closed;
    },
  };
}

export function connectUdp(options: WireOptions, listener: Listener): Wire {
  const { hostname, port, localAddress, localPort = 0 } = options;
  const local = localAddress ?? (hostname.includes(":") ? "::" : "0.0.0.0");
  const socket = Deno.listenDatagram({ transport: "udp", hostname: local, port: localPort });
  const receiving = (async () => {
    for await (const [bytes] of socket) listener.received(bytes);
  })();
  return {
    send: async (bytes) => {
      await socket.send(bytes, { transport: "udp", hostname, port });
    },
    end: async () => {
      socket.close();
      await receiving;
    },
  };
}
