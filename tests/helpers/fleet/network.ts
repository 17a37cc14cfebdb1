import { Namespace } from "../namespace.ts";
import { DEVICES, FLOW_EXPORTERS, HOST_NAMES, type HostName, HOSTS, NOBODY } from "./hosts.ts";

/** In a fresh namespace nothing is tracked before a rule asks for it. */
const TRACKING = `add table inet fleet
add chain inet fleet input { type filter hook input priority 0; }
add rule inet fleet input ct state new
add chain inet fleet output { type filter hook output priority 0; }
add rule inet fleet output ct state new`;

const TRACKED: readonly HostName[] = ["web1", "web2"];

/** Bytes are counted, and what has ended is soon forgotten. */
const SETTINGS = [
  "acct=1",
  ...["tcp_timeout_time_wait", "udp_timeout", "udp_timeout_stream", "icmp_timeout"].map((name) =>
    `${name}=3`
  ),
].map((setting) => `net.netfilter.nf_conntrack_${setting}`);

type Namespaces = Readonly<Record<HostName, Namespace>>;

/** The namespaces of the hosts, joined by a bridge at the monitor. */
export class FleetNetwork implements AsyncDisposable {
  readonly #resources: AsyncDisposableStack;

  private constructor(readonly namespaces: Namespaces, resources: AsyncDisposableStack) {
    this.#resources = resources;
  }

  static async create(): Promise<FleetNetwork> {
    await using resources = new AsyncDisposableStack();
    const namespaces: Partial<Record<HostName, Namespace>> = {};
    for (const name of HOST_NAMES) namespaces[name] = resources.use(await Namespace.create());
    await join(namespaces as Namespaces);
    return new FleetNetwork(namespaces as Namespaces, resources.move());
  }

  /** The names of the namespaces. */
  get names(): Record<HostName, string> {
    const entries = Object.entries(this.namespaces).map(([name, namespace]) => [name, namespace.name]);
    return Object.fromEntries(entries);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

async function join(namespaces: Namespaces): Promise<void> {
  const { monitor, ...others } = namespaces;
  const hosts = Object.entries(others) as [HostName, Namespace][];
  await batch(monitor, [
    "link set lo up",
    "link add br0 type bridge",
    ...hosts.flatMap(([name, namespace]) => [
      `link add ${name} type veth peer name eth0 netns ${namespace.name}`,
      `link set ${name} master br0 up`,
    ]),
    "link set br0 up",
    ...[HOSTS.monitor.address, ...DEVICES].map((address) => `addr add ${address}/24 dev br0`),
    ...FLOW_EXPORTERS.map((address) => `addr add ${address}/32 dev lo`),
  ]);
  await Promise.all(hosts.map(([name, namespace]) =>
    batch(namespace, [
      "link set lo up",
      `addr add ${HOSTS[name].address}/24 dev eth0`,
      `addr add ${HOSTS[name].ipv6}/64 dev eth0 nodad`,
      "link set eth0 up",
      `neigh add ${NOBODY} lladdr 02:00:00:00:00:99 dev eth0 nud permanent`,
    ])
  ));
  await Promise.all(TRACKED.map(async (name) => {
    await namespaces[name].run("nft", [TRACKING]);
    await namespaces[name].run("sysctl", ["-q", "-w", ...SETTINGS]);
  }));
}

/** `ip` within a namespace, with all lines at once. */
async function batch(namespace: Namespace, lines: readonly string[]): Promise<void> {
  await namespace.run("sh", ["-c", `ip -batch - <<'END'\n${lines.join("\n")}\nEND`]);
}
