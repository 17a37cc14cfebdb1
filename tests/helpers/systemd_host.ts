import { type Output, outputOf } from "./exporter.ts";
import type { Namespace } from "./namespace.ts";

/**
 * Boots within the network namespace of whoever runs it: a process tree and cgroups of its own, an overlay of the root
 * file system whose changes vanish, and a real systemd. $1 is an empty folder, $2 the name of the host.
 */
const BOOT = `
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
mkdir "$1"/upper "$1"/work "$1"/root
mount -t overlay overlay -o lowerdir=/,upperdir="$1"/upper,workdir="$1"/work "$1"/root
cd "$1"/root
mount -t proc proc proc
mount --rbind /dev dev
mount --rbind /sys sys
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mkdir -p run/lock old
hostname "$2"
echo "$2" >etc/hostname
pivot_root . old
umount -l old
mount --make-rshared /
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=basic.target
`;

/** Hierarchies of cgroups in which each host has a root of its own, so that units of the same name are not mixed up. */
const CGROUPS = ["systemd", "unified", "memory", "pids", "devices"].map((name) => `/sys/fs/cgroup/${name}`);

/** How long a host may take to boot. */
const BOOT_MS = 20_000;

/** A host with a real systemd in a network namespace, whose file system is this machine's until something is changed. */
export class SystemdHost implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #folder: string;
  readonly #groups: readonly string[];
  /** Of its first process, as this machine numbers it. */
  #pid = 0;

  private constructor(
    readonly name: string,
    { process, folder, groups }: { process: Deno.ChildProcess; folder: string; groups: readonly string[] },
  ) {
    this.#process = process;
    this.#folder = folder;
    this.#groups = groups;
  }

  static async start({ name: namespace }: Namespace, name = namespace): Promise<SystemdHost> {
    // The overlay has this machine's /tmp hidden.
    const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "netcensus-host-" });
    const groups: string[] = [];
    for (const hierarchy of CGROUPS) {
      const group = `${hierarchy}/${folder.split("/").at(-1)}`;
      if (await exists(hierarchy)) groups.push(group);
    }
    for (const group of groups) await Deno.mkdir(group);
    const join = groups.map((group) => `echo $$ >${group}/cgroup.procs\n`).join("");
    const unshare = "unshare --pid --fork --mount --uts --ipc --cgroup --kill-child bash -euc";
    const process = new Deno.Command("bash", {
      args: [
        "-euc",
        `${join}exec setpriv --pdeathsig=KILL ip netns exec "$0" ${unshare} "$1" -- "$2" "$3"`,
        namespace,
        BOOT,
        folder,
        name,
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const host = new SystemdHost(name, { process, folder, groups });
    try {
      await host.#boot();
      return host;
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Its file of this path, as this machine reaches it. */
  path(path: string): string {
    return `/proc/${this.#pid}/root${path}`;
  }

  /** Runs a command on it, to its end. */
  run(command: string, ...args: readonly string[]): Promise<Output> {
    return outputOf(this.command(command, args));
  }

  /** The same, of a command that has to succeed; gives what it printed. */
  async must(command: string, ...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, ...args);
    if (code === 0) return stdout;
    throw new Error(`${command} ${args.join(" ")} ended with ${code}: ${stdout}${stderr}`);
  }

  /** What a process on it is started with. */
  command(command: string, args: readonly string[]): Deno.Command {
    const inside = ["-t", String(this.#pid), "-p", "-m", "-u", "-i", "-n", "-C", "-r", "-w"];
    return new Deno.Command("nsenter", {
      args: [...inside, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", command, ...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // With its first process all others of a host end, and then what has started it.
    Deno.kill(this.#pid || this.#process.pid, "SIGKILL");
    await this.#process.status;
    for (const group of this.#groups) {
      await new Deno.Command("find", { args: [group, "-depth", "-type", "d", "-delete"], stderr: "null" })
        .output();
    }
    await Deno.remove(this.#folder);
  }

  async #boot(): Promise<void> {
    for (const end = performance.now() + BOOT_MS; performance.now() < end;) {
      if (this.#pid === 0) this.#pid = await systemdBelow(this.#process.pid);
      // Before systemd listens that fails; after it, it waits until all is there.
      if (this.#pid !== 0) {
        const { stdout } = await this.run("systemctl", "is-system-running", "--wait");
        if (/^(running|degraded)/.test(stdout)) return;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`Cannot boot the host ${this.name}`);
  }
}

/** Why hosts cannot be booted here, if they cannot. */
export async function canBootHosts(): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "hosts need root";
  if (!await exists("/lib/systemd/systemd")) return "systemd is not installed";
  return undefined;
}

/** The child of the process if that is systemd, else 0. */
async function systemdBelow(pid: number): Promise<number> {
  try {
    const children = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`);
    const child = Number(children.trim().split(" ")[0]);
    return child > 0 && await Deno.readTextFile(`/proc/${child}/comm`) === "systemd\n" ? child : 0;
  } catch {
    return 0;
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
