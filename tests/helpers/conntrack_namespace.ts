import { LIST_ARGS, type ListedFlow, parseList } from "./conntrack_list.ts";
import { ZOO_INSERTED, ZOO_RULES } from "./conntrack_zoo.ts";
import { Flows } from "./flows.ts";
import { Namespace } from "./namespace.ts";

/** So long an entry lasts after its last packet, in seconds, unless an option says otherwise. */
const TIMEOUT = 600;

/** TCP_DELACK_MAX, in milliseconds, with something to spare: include/net/tcp.h */
const TCP_DELAY = 250;

/** In a fresh namespace nothing is tracked before a rule asks for it. */
const RULES = [
  "add table inet netcensus",
  ...["prerouting", "input", "output"].flatMap((hook) => [
    `add chain inet netcensus ${hook} { type filter hook ${hook} priority 0; }`,
    `add rule inet netcensus ${hook} ct state new`,
  ]),
];

/** All of these are addresses of the namespace itself. */
const ADDRESSES = [
  "link set lo up",
  "addr add 10.0.0.0/8 dev lo",
  ...[1, 2, 3].map((i) => `addr add fd00:77::${i}/128 dev lo nodad`),
  "route add local fd00:77::/32 dev lo",
];

const SOURCES = { ipv4: "10.0.0.1", ipv6: "fd00:77::1" };

export interface ConntrackOptions {
  /** Whether packets and bytes are counted: nf_conntrack_acct. Counted by default. */
  readonly accounting?: boolean;
  /** Other settings below net.netfilter, such as `nf_conntrack_udp_timeout: 1`. Other timeouts are long. */
  readonly settings?: Readonly<Record<string, number>>;
}

/** A namespace that tracks its connections; 10.0.0.0/8 and fd00:77::/32 are its own. */
export class ConntrackNamespace implements AsyncDisposable {
  readonly #resources: AsyncDisposableStack;

  /** `flows` makes traffic within, and receives that of others. */
  private constructor(readonly namespace: Namespace, readonly flows: Flows, resources: AsyncDisposableStack) {
    this.#resources = resources;
  }

  static async create(options: ConntrackOptions = {}): Promise<ConntrackNamespace> {
    await using resources = new AsyncDisposableStack();
    const namespace = resources.use(await Namespace.create());
    for (const words of ADDRESSES) await namespace.ip(words);
    // Rules first: they load the module that has the settings.
    await addRules(namespace, RULES);
    await setAll(namespace, { "net.ipv6.ip_nonlocal_bind": 1, ...await settingsOf(options) });
    const flows = resources.use(await Flows.start(namespace, SOURCES));
    return new ConntrackNamespace(namespace, flows, resources.move());
  }

  /** Sets values of sysctl, by their whole names. */
  set(values: Readonly<Record<string, number>>): Promise<void> {
    return setAll(this.namespace, values);
  }

  nft(commands: readonly string[]): Promise<void> {
    return addRules(this.namespace, commands);
  }

  /** The entries of both families, as the program `conntrack` shows them. */
  async list(): Promise<ListedFlow[]> {
    return parseList(await this.namespace.run("conntrack", LIST_ARGS));
  }

  /** How many entries the kernel counts. */
  async count(): Promise<number> {
    return Number(await this.namespace.run("sysctl", ["-n", "net.netfilter.nf_conntrack_count"]));
  }

  /** Makes the program `conntrack` do something, with the words of its arguments. */
  conntrack(words: string): Promise<string> {
    return this.namespace.run("conntrack", words.split(" "));
  }

  /** Entries of each kind, which then stay as they are but for their timeouts. */
  async fillZoo(): Promise<void> {
    await this.nft(ZOO_RULES);
    await this.flows.zoo();
    for (const words of ZOO_INSERTED) await this.conntrack(`-I -t ${TIMEOUT} ${words}`);
    await this.settle();
  }

  /** Waits until no entry changes; TCP may be late with its last acknowledgement. */
  async settle(): Promise<void> {
    let last = "";
    for (;;) {
      const flows = await this.list();
      const now = JSON.stringify(flows.map((flow) => ({ ...flow, timeout: 0 })).sort((a, b) => a.id - b.id));
      if (now === last) return;
      last = now;
      await delay(TCP_DELAY);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

/** Why connections cannot be tracked in a namespace here, if they cannot. */
export async function canTrack(): Promise<string | undefined> {
  try {
    await using conntrack = await ConntrackNamespace.create();
    await conntrack.flows.sendUdp({ count: 1 });
    if (await conntrack.count() > 0 && (await conntrack.list()).length > 0) return undefined;
    return "Connections are not tracked in a namespace";
  } catch (error) {
    return (error as Error).message;
  }
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Settings below net.netfilter; of the timeouts, those of fragments are not of entries. */
async function settingsOf({ accounting = true, settings = {} }: ConntrackOptions) {
  const all: Record<string, number> = {};
  for await (const { name } of Deno.readDir("/proc/sys/net/netfilter")) {
    if (/^nf_conntrack_(?!frag6).*_timeout/.test(name)) all[name] = TIMEOUT;
  }
  Object.assign(all, { nf_conntrack_acct: Number(accounting) }, settings);
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [`net.netfilter.${name}`, value]));
}

async function setAll(namespace: Namespace, values: Readonly<Record<string, number>>): Promise<void> {
  const words = Object.entries(values).map(([name, value]) => `${name}=${value}`);
  await namespace.run("sysctl", ["-q", "-w", ...words]);
}

async function addRules(namespace: Namespace, commands: readonly string[]): Promise<void> {
  await namespace.run("nft", [commands.join("\n")]);
}
