/** A UDP port of loopback at which nobody listens. */
export function freeUdpPort(): number {
  const listener = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  listener.close();
  return (listener.addr as Deno.NetAddr).port;
}
