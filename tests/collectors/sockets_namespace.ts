import type { Conversation } from "../helpers/namespace.ts";
import { Namespace } from "../helpers/namespace.ts";
import { parseSs, type ShownSocket } from "../helpers/ss.ts";

const LINKS = [
  "link set lo up",
  ...["eth0", "eth0.7"].flatMap((name) => [
    `link add ${name} type veth peer name ${name}p`,
    `link set ${name} addrgenmode none`,
    `link set ${name}p addrgenmode none`,
    `link set ${name} up`,
    `link set ${name}p up`,
  ]),
];

const ADDRESSES = [
  "addr add 10.77.0.1/24 dev eth0",
  "addr add 10.77.0.2/24 dev eth0",
  "addr add fd00:77::1/64 dev eth0 nodad",
  "addr add fe80::77/64 dev eth0 nodad",
  "addr add 10.77.7.1/24 dev eth0.7",
  "addr add fd00:77:7::1/64 dev eth0.7 nodad",
  "addr add 10.77.8.1 peer 10.77.8.2/32 dev eth0.7",
  "addr add fd00:77:8::1 peer fd00:77:8::2 dev eth0.7 nodad",
  // Nobody has the address of the link, so nobody answers.
  "neigh add 10.77.0.99 lladdr 02:00:00:00:00:99 dev eth0 nud permanent",
  "neigh add fd00:77::99 lladdr 02:00:00:00:00:99 dev eth0 nud permanent",
];

const HOST = new URL("sockets_host.ts", import.meta.url);

/** A namespace with addresses, and in it a process that holds sockets. */
export class SocketsNamespace implements AsyncDisposable {
  private constructor(readonly namespace: Namespace, readonly host: Conversation) {}

  static async create(): Promise<SocketsNamespace> {
    const namespace = await Namespace.create();
    try {
      for (const words of [...LINKS, ...ADDRESSES]) await namespace.ip(words);
      return new SocketsNamespace(namespace, namespace.start(HOST));
    } catch (error) {
      await namespace[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Opens one socket at least of each kind and in each state. */
  async open(): Promise<void> {
    const [link] = JSON.parse(await this.namespace.ip("-json link show eth0")) as [{ ifindex: number }];
    await this.host.ask(`open ${link.ifindex}`);
  }

  async collect(source: string, walk = false): Promise<Collected> {
    const { series, problems } = JSON.parse(await this.host.ask(`collect ${source} ${walk}`));
    return { series: new Map(Object.entries(series)), problems };
  }

  ssText(): Promise<string> {
    return this.namespace.run("ss", ["-tuanH"]);
  }

  async ss(): Promise<ShownSocket[]> {
    return parseSs(await this.ssText());
  }

  /** The interface that owns an address, as `ip` tells it. */
  async interfaces(): Promise<Map<string, string>> {
    const links = JSON.parse(await this.namespace.ip("-json addr")) as ShownLink[];
    return new Map(
      links.flatMap(({ ifname, addr_info }) =>
        addr_info.map(({ local }): [string, string] => [local, ifname])
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.host[Symbol.asyncDispose]();
    } finally {
      await this.namespace[Symbol.asyncDispose]();
    }
  }
}

export interface Collected {
  readonly series: Map<string, number>;
  readonly problems: Readonly<Record<string, number>>;
}

interface ShownLink {
  readonly ifname: string;
  readonly addr_info: readonly { readonly local: string }[];
}
