import { RawSocket } from "../raw_sockets.ts";
import { echoRequest } from "../raw_packets.ts";
import { inNamespace } from "../wialon/in_namespace.ts";
import { type HostName, HOSTS, NOBODY } from "./hosts.ts";

/** By TCP: ssh, http, https and a database. */
const PORTS = [22, 80, 443, 5432] as const;

/** Of IPv6: http. */
const PORT_V6 = 8080;

/** By UDP: domain and ntp. */
const UDP_PORTS = [53, 123] as const;

/** A service that does not accept, and one whose connections stay in SYN_RECV until a client sends something. */
const STUCK_PORT = 8081, SHY_PORT = 8082;

const CHUNK = 16_384, FIRST_PORT = 40_000;

interface Pair {
  readonly client: RawSocket;
  readonly server: RawSocket;
}

/** A host that serves, and is a client of others; both ends of a connection are this process. */
class Host {
  readonly #namespace: string;
  readonly #address: string;
  readonly #ipv6: string;
  readonly #listeners = new Map<number, RawSocket>();
  readonly #udp = new Map<number, RawSocket>();
  #asked = 0;

  constructor(namespace: string, { address, ipv6 }: { address: string; ipv6: string }) {
    this.#namespace = namespace;
    this.#address = address;
    this.#ipv6 = ipv6;
    this.#within(() => {
      for (const port of PORTS) {
        this.#listeners.set(port, RawSocket.listen(`0.0.0.0:${port}`, { backlog: 64 }));
      }
      for (const port of UDP_PORTS) this.#udp.set(port, RawSocket.udp(`0.0.0.0:${port}`));
      this.#listeners.set(PORT_V6, RawSocket.listen(`[::]:${PORT_V6}`, { v6only: true }));
      RawSocket.listen(`127.0.0.1:${STUCK_PORT}`, { backlog: 4 });
      for (let i = 0; i < 2; i++) RawSocket.connect(`127.0.0.1:${STUCK_PORT}`);
      RawSocket.listen(`127.0.0.1:${SHY_PORT}`, { deferSeconds: 300 });
      RawSocket.connect(`127.0.0.1:${SHY_PORT}`);
      RawSocket.connectInVain(`${NOBODY}:443`);
    });
  }

  #within<T>(body: () => T): T {
    return inNamespace(this.#namespace, body);
  }

  connect(server: Host, port: number, { isLocal = false } = {}): Pair {
    const address = port === PORT_V6 ? `[${server.#ipv6}]` : isLocal ? "127.0.0.1" : server.#address;
    const client = this.#within(() => RawSocket.connect(`${address}:${port}`));
    return { client, server: server.#listeners.get(port)!.accept() };
  }

  /** A question and its answer by UDP, and a request of ICMP. */
  ask(server: Host, port: (typeof UDP_PORTS)[number]): void {
    const local = `${this.#address}:${FIRST_PORT + this.#asked++ % 1000}`, bytes = new Uint8Array(40);
    const client = this.#within(() => RawSocket.udp(local, { peer: `${server.#address}:${port}` }));
    const service = server.#udp.get(port)!;
    client.send(bytes);
    service.receive(bytes);
    service.sendTo(local, bytes);
    client.receive(bytes);
    client.close();
    const pinger = this.#within(() => RawSocket.raw(`${this.#address}:0`, 1));
    pinger.sendTo(`${server.#address}:0`, echoRequest({ version: 4, id: port, sequence: 1, payload: 56 }));
    pinger.close();
  }
}

/** Connections between two hosts: some that stay, in every state, and others that come and go. */
export class SocketTraffic {
  readonly #hosts: readonly [Host, Host];
  readonly #lasting: Pair[] = [];

  constructor(namespaces: Readonly<Record<HostName, string>>) {
    const [web1, web2] = this.#hosts = [
      new Host(namespaces.web1, HOSTS.web1),
      new Host(namespaces.web2, HOSTS.web2),
    ];
    for (const [client, server] of [[web1, web2], [web2, web1]] as const) {
      for (const port of [...PORTS, PORT_V6]) this.#lasting.push(client.connect(server, port));
      this.#lasting.push(client.connect(client, 5432, { isLocal: true }));
      // The one waits in FIN_WAIT2, the other in CLOSE_WAIT.
      const { client: waiting } = client.connect(server, 80);
      waiting.end();
    }
  }

  /** A turn of each kind. */
  turn(): void {
    const [web1, web2] = this.#hosts;
    for (const pair of this.#lasting) exchange(pair, { up: 2000, down: 20_000 });
    for (const [client, server] of [[web1, web2], [web2, web1]] as const) {
      for (const port of [80, 443] as const) {
        const pair = client.connect(server, port);
        exchange(pair, { up: 500, down: 5000 });
        pair.client.close();
        pair.server.awaitEnd();
        pair.server.close();
      }
      for (const port of UDP_PORTS) client.ask(server, port);
    }
  }
}

function exchange({ client, server }: Pair, { up, down }: { up: number; down: number }): void {
  pass(up, [client, server]);
  pass(down, [server, client]);
}

/** No more at a time than the kernel keeps while nobody receives. */
function pass(count: number, [from, to]: readonly [RawSocket, RawSocket]): void {
  for (let rest = count; rest > 0; rest -= CHUNK) {
    const bytes = new Uint8Array(Math.min(rest, CHUNK));
    from.send(bytes);
    for (let received = 0; received < bytes.length;) received += to.receive(bytes);
  }
}
