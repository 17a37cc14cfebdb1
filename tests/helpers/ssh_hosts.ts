import { type Output, outputOf } from "./exporter.ts";
import { Namespace } from "./namespace.ts";
import { SystemdHost } from "./systemd_host.ts";

export interface SshHostOptions {
  readonly name: string;
  /** Users beside root, and whether sudo lets them do all without a password. */
  readonly users?: Readonly<Record<string, "sudo" | "no sudo">>;
  /** It knows another key than that of the test. */
  readonly hasOtherKey?: boolean;
}

/** A host that is reached by ssh. */
export interface SshHost {
  readonly host: SystemdHost;
  readonly ipv4: string;
  readonly ipv6: string;
}

/** Hosts with a real systemd and sshd, on a bridge, at which is also who looks after them by ssh. */
export class SshHosts implements AsyncDisposable {
  /** An address of the bridge's network that nobody has. */
  static readonly UNUSED = "192.0.2.99";

  readonly #resources: AsyncDisposableStack;

  private constructor(
    /** Where the others are reached from. */
    readonly admin: Namespace,
    readonly hosts: readonly SshHost[],
    readonly folder: string,
    resources: AsyncDisposableStack,
  ) {
    this.#resources = resources;
  }

  static async start(options: readonly SshHostOptions[]): Promise<SshHosts> {
    await using resources = new AsyncDisposableStack();
    // Where hosts see it, too: their /tmp is their own.
    const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "netcensus-ssh-" });
    resources.defer(() => Deno.remove(folder, { recursive: true }));
    // Users read the keys that may be theirs.
    await Deno.chmod(folder, 0o755);
    await Promise.all(["user", "other", "host"].map((name) => makeKey(`${folder}/${name}`)));
    const admin = resources.use(await Namespace.create());
    for (
      const words of [
        "link set lo up",
        "link add br0 type bridge",
        "addr add 192.0.2.1/24 dev br0",
        "addr add 2001:db8::1/64 dev br0 nodad",
        "link set br0 up",
      ]
    ) await admin.ip(words);
    const booting = options.map((each, i) => start(each, { number: 10 + i, admin, folder }));
    const started = await Promise.allSettled(booting);
    for (const each of started) if (each.status === "fulfilled") resources.use(each.value.resources);
    const hosts = (await Promise.all(booting)).map(({ at }) => at);
    const known = hosts.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]).join(",");
    await Deno.writeTextFile(
      `${folder}/known_hosts`,
      `${known} ${await Deno.readTextFile(`${folder}/host.pub`)}`,
    );
    return new SshHosts(admin, hosts, folder, resources.move());
  }

  /** What lets ssh in, for deploy-to-hosts.sh. */
  get sshFlags(): string[] {
    return [
      `--identity=${this.folder}/user`,
      `--ssh-option=UserKnownHostsFile=${this.folder}/known_hosts`,
      "--ssh-option=GlobalKnownHostsFile=/dev/null",
    ];
  }

  /** Runs a program where the hosts are reached from, to its end. */
  run(program: string, args: readonly string[]): Promise<Output> {
    const inside = ["netns", "exec", this.admin.name, program, ...args];
    return outputOf(new Deno.Command("ip", { args: inside, stdin: "null" }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

interface Surroundings {
  readonly number: number;
  readonly admin: Namespace;
  readonly folder: string;
}

async function start(options: SshHostOptions, { number, admin, folder }: Surroundings) {
  const { name, users = {}, hasOtherKey = false } = options;
  await using resources = new AsyncDisposableStack();
  const namespace = resources.use(await Namespace.create());
  const at = { ipv4: `192.0.2.${number}`, ipv6: `2001:db8::${number}` };
  await namespace.ip("link set lo up");
  await namespace.ip(`link add eth0 type veth peer name host${number} netns ${admin.name}`);
  await admin.ip(`link set host${number} master br0 up`);
  await namespace.ip(`addr add ${at.ipv4}/24 dev eth0`);
  await namespace.ip(`addr add ${at.ipv6}/64 dev eth0 nodad`);
  await namespace.ip("link set eth0 up");
  const host = resources.use(await SystemdHost.start(namespace, name));
  for (const [user, sudo] of Object.entries(users)) {
    await host.must("useradd", "--create-home", "--shell=/bin/bash", "--password=*", user);
    if (sudo === "sudo") {
      await Deno.writeTextFile(host.path(`/etc/sudoers.d/${user}`), `${user} ALL=(ALL) NOPASSWD: ALL\n`);
    }
  }
  await startSshd(host, {
    HostKey: `${folder}/host`,
    AuthorizedKeysFile: `${folder}/${hasOtherKey ? "other" : "user"}.pub`,
  });
  return { at: { host, ...at }, resources: resources.move() };
}

/** As a service, which it tells when it listens. */
async function startSshd(host: SystemdHost, options: Readonly<Record<string, string>>): Promise<void> {
  const all = { ...options, StrictModes: "no", UsePAM: "no", PidFile: "none" };
  const words = Object.entries(all).map(([key, value]) => `-o${key}=${value}`);
  await host.must("mkdir", "-p", "/run/sshd");
  const unit = ["--quiet", "--unit=sshd-of-test", "--service-type=notify", "--property=KillMode=process"];
  await host.must("systemd-run", ...unit, "/usr/sbin/sshd", "-D", "-e", "-f/dev/null", ...words);
}

async function makeKey(path: string): Promise<void> {
  await new Deno.Command("ssh-keygen", { args: ["-q", "-t", "ed25519", "-N", "", "-f", path] }).output();
}
