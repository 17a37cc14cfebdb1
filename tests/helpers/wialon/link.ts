import { type Conversation, Namespace } from "../namespace.ts";
import type { Disturbance, Disturbed } from "./disturbance.ts";
import { switchOffloadsOff } from "./offloads.ts";
import { WialonHost } from "./wialon_host.ts";

/** The interface of either side. */
export const INTERFACE = "eth0";

export const SERVER = { ipv4: "192.168.79.254", ipv6: "fd00:79::fe", mac: "02:00:00:00:79:fe" } as const;
/** The device's; the second and further ones are for as many devices. */
export const DEVICE = { ipv4: "192.168.79.1", ipv6: "fd00:79::1", mac: "02:00:00:00:79:01" } as const;

/** What is lost is sent again soon, and nothing waits to be acknowledged. */
const QUICK = "rto_min 20ms quickack 1";

export interface LinkOptions {
  /** So many addresses of each family, at most 253, the device's side has: 192.168.79.1, .2 and so on; fd00:79::1, ::2 and so on. */
  readonly addresses?: number;
}

/** Devices' side and server's side, each a namespace, and between them a relay that can disturb. */
export class Link implements AsyncDisposable {
  readonly #resources: AsyncDisposableStack;
  readonly #relay: Conversation;

  private constructor(
    readonly device: Namespace,
    /** Its interface has what comes after the disturbance. */
    readonly server: Namespace,
    { relay, resources }: { relay: Conversation; resources: AsyncDisposableStack },
  ) {
    this.#relay = relay;
    this.#resources = resources;
  }

  static async create({ addresses = 1 }: LinkOptions = {}): Promise<Link> {
    await using resources = new AsyncDisposableStack();
    const device = resources.use(await Namespace.create()), server = resources.use(await Namespace.create());
    // The other ends are in the namespace of the device, which does not look at what is not for it.
    await batch(device, [
      `link add ${INTERFACE} type veth peer name relay0`,
      `link add relay1 type veth peer name ${INTERFACE} netns ${server.name}`,
      ...["relay0", "relay1"].map((name) => `link set ${name} addrgenmode none up`),
    ]);
    for (const { name } of [device, server]) switchOffloadsOff(INTERFACE, { namespace: name });
    const relay = resources.use(
      device.start(new URL("relay.ts", import.meta.url), ["relay0", "relay1"]),
    );
    const { ipv4, ipv6, mac } = DEVICE;
    const others = Array.from({ length: addresses }, (_, i) => [
      ipv4.replace(/1$/, String(i + 1)),
      ipv6.replace(/1$/, (i + 1).toString(16)),
    ]).flat();
    await Promise.all([
      batch(device, setUp({ mac, own: others, peers: [SERVER.ipv4, SERVER.ipv6], peerMac: SERVER.mac })),
      batch(server, setUp({ mac: SERVER.mac, own: [SERVER.ipv4, SERVER.ipv6], peers: others, peerMac: mac })),
      relay.hear(),
    ]);
    return new Link(device, server, { relay, resources: resources.move() });
  }

  /** From now on frames are disturbed in this way, without an argument in none: what has happened until now. */
  async disturb(disturbance: Disturbance = {}): Promise<Disturbed> {
    return JSON.parse(await this.#relay.ask(JSON.stringify(disturbance)));
  }

  /** A program in either namespace that is a server or devices; it ends with the link. */
  startHost(side: "device" | "server"): WialonHost {
    return this.#resources.use(WialonHost.start(this[side]));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

interface Side {
  readonly mac: string;
  readonly own: readonly string[];
  readonly peers: readonly string[];
  readonly peerMac: string;
}

/** Without discovery of neighbours or of addresses used twice: nothing crosses the link but what tests send. */
function setUp({ mac, own, peers, peerMac }: Side): string[] {
  const isV4 = (address: string) => !address.includes(":");
  const [ipv4, ipv6] = own;
  return [
    "link set lo up",
    `link set ${INTERFACE} address ${mac} addrgenmode none up`,
    ...own.map((address) =>
      `addr add ${address}${isV4(address) ? "/24" : "/64 nodad"} dev ${INTERFACE} noprefixroute`
    ),
    `route add 192.168.79.0/24 dev ${INTERFACE} src ${ipv4} ${QUICK}`,
    `route add fd00:79::/64 dev ${INTERFACE} src ${ipv6} ${QUICK}`,
    ...peers.map((address) => `neigh add ${address} lladdr ${peerMac} dev ${INTERFACE} nud permanent`),
  ];
}

/** `ip` within a namespace, with all lines at once. */
async function batch(namespace: Namespace, lines: readonly string[]): Promise<void> {
  await namespace.run("sh", ["-c", `ip -batch - <<'END'\n${lines.join("\n")}\nEND`]);
}
