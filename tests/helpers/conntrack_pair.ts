import { ConntrackNamespace, type ConntrackOptions } from "./conntrack_namespace.ts";
import { Flows, type Transfer } from "./flows.ts";
import { Namespace } from "./namespace.ts";

/** A link whose ends know each other, so that nothing crosses it but the traffic of tests. */
const LINK = {
  client: { ipv4: "192.168.77.1", ipv6: "fd00:78::1", mac: "02:00:00:00:77:01" },
  server: { ipv4: "192.168.77.2", ipv6: "fd00:78::2", mac: "02:00:00:00:77:02" },
} as const;

type End = (typeof LINK)[keyof typeof LINK];

/** The kernel would report its multicast groups at any time. */
const SILENCE = [
  "add table inet silence",
  "add chain inet silence output { type filter hook output priority 0; }",
  "add rule inet silence output icmpv6 type mld2-listener-report drop",
];

export interface InterfaceCounters {
  readonly rx: { readonly packets: number; readonly bytes: number };
  readonly tx: { readonly packets: number; readonly bytes: number };
}

/** A namespace that tracks its connections, and another from which they come. */
export class ConntrackPair implements AsyncDisposable {
  readonly #resources: AsyncDisposableStack;

  private constructor(
    readonly server: ConntrackNamespace,
    /** Its `flows` make the traffic, which the server receives. */
    readonly client: { readonly namespace: Namespace; readonly flows: Flows },
    resources: AsyncDisposableStack,
  ) {
    this.#resources = resources;
  }

  static async create(options: ConntrackOptions = {}): Promise<ConntrackPair> {
    await using resources = new AsyncDisposableStack();
    const server = resources.use(await ConntrackNamespace.create(options));
    const namespace = resources.use(await Namespace.create());
    await join(namespace, server.namespace);
    const flows = resources.use(await Flows.start(namespace, LINK.client));
    return new ConntrackPair(server, { namespace, flows }, resources.move());
  }

  /** Connections of the client to the server, one after the other; each end sends, and the client closes first. */
  async transfer(transfer: Transfer): Promise<void> {
    const { ipv4, ipv6 } = LINK.server;
    const peer = transfer.family === "ipv6" ? `[${ipv6}]:7000` : `${ipv4}:7000`;
    await Promise.all([this.server.flows.serveTcp(transfer), this.client.flows.fetchTcp(peer, transfer)]);
  }

  /** What the server's interface has counted. */
  async interface(): Promise<InterfaceCounters> {
    const [link] = JSON.parse(await this.server.namespace.ip("-s -j link show eth0"));
    return link.stats64;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

async function join(client: Namespace, server: Namespace): Promise<void> {
  await client.ip("link set lo up");
  await client.ip(`link add eth0 type veth peer name eth0 netns ${server.name}`);
  await setUp(client, LINK.client, LINK.server);
  await setUp(server, LINK.server, LINK.client);
  await client.ip(`route add 10.0.0.0/8 via ${LINK.server.ipv4}`);
  await client.ip(`route add fd00:77::/32 via ${LINK.server.ipv6}`);
}

async function setUp(namespace: Namespace, own: End, peer: End): Promise<void> {
  await namespace.run("nft", [SILENCE.join("\n")]);
  await namespace.ip(`link set eth0 address ${own.mac} addrgenmode none`);
  await namespace.ip("link set eth0 up");
  await namespace.ip(`addr add ${own.ipv4}/24 dev eth0`);
  await namespace.ip(`addr add ${own.ipv6}/64 dev eth0 nodad`);
  for (const address of [peer.ipv4, peer.ipv6]) {
    await namespace.ip(`neigh add ${address} lladdr ${peer.mac} dev eth0 nud permanent`);
  }
}
