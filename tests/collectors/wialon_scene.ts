import type { Counts } from "../helpers/wialon/tally.ts";
import { DEVICE, INTERFACE, Link, SERVER } from "../helpers/wialon/link.ts";
import type { WialonHost } from "../helpers/wialon/wialon_host.ts";
import {
  eventually,
  ProgramHost,
  type Scrape,
  type Series,
  sumOf,
  type User,
} from "../helpers/program_host.ts";

export const PORT = 20_332;

export interface SceneOptions {
  readonly user?: User;
  readonly flags?: readonly string[];
}

/** Devices and a server, and the program that captures what passes between them, at the server's interface. */
export class Scene implements AsyncDisposable {
  readonly #resources: AsyncDisposableStack;

  private constructor(
    resources: AsyncDisposableStack,
    readonly link: Link,
    readonly program: ProgramHost,
    readonly server: WialonHost,
    readonly devices: WialonHost,
  ) {
    this.#resources = resources;
  }

  static async create({ user = "root", flags = [] }: SceneOptions = {}): Promise<Scene> {
    await using resources = new AsyncDisposableStack();
    const link = resources.use(await Link.create());
    const args = ["--collector.disable-defaults", "-i", INTERFACE, "-filter", `port ${PORT}`, ...flags];
    const program = resources.use(await ProgramHost.start(link.server, args, user));
    const server = link.startHost("server"), devices = link.startHost("device");
    await server.ask("serve", { port: PORT });
    await eventually(() => program.scrape(), ({ series }) => sumOf(series, "wialon_ips_capture_up") === 1);
    return new Scene(resources.move(), link, program, server, devices);
  }

  /** What was exchanged, once it is over. */
  counts(): Promise<Counts> {
    return this.server.ask("counts", { ended: true });
  }

  /** The series, once there are so many messages, and snapshots that are younger. */
  async series(messages: number): Promise<Series> {
    const { end } = await this.#scrapes((series) => sumOf(series, "wialon_ips_packets_total") >= messages);
    const lastPass = 'netcensus_collector_last_success_timestamp_seconds{collector="wialon"}';
    return (await this.#scrapes((series) => series.get(lastPass)! > end)).series;
  }

  /** Scrapes until the series are as they should be. */
  #scrapes(isGood: (series: Series) => boolean): Promise<Scrape> {
    return eventually(() => this.program.scrape(), ({ series }) => isGood(series));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

/** How many messages each side has sent, by type, as the counts have them. */
export function exchanged(series: Series): Pick<Counts, "device" | "server"> {
  const of = (source: readonly string[]) => {
    const counts: Record<string, number> = {};
    for (const [text, value] of series) {
      const [, type, address] = /^wialon_ips_packets_total\{type="(\w+)",src_ip="([^"]+)"/.exec(text) ?? [];
      if (type === undefined || !source.includes(address!)) continue;
      const name = type === "command" ? "text" : type;
      counts[name] = (counts[name] ?? 0) + value;
    }
    return counts;
  };
  return { device: of([DEVICE.ipv4, DEVICE.ipv6]), server: of([SERVER.ipv4, SERVER.ipv6]) };
}

export function total({ device, server }: Pick<Counts, "device" | "server">): number {
  return [...Object.values(device), ...Object.values(server)].reduce((sum, count) => sum + count, 0);
}

/** tcpdump, which captures at the server's interface. */
export class Tcpdump implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #path: string;

  private constructor(process: Deno.ChildProcess, path: string) {
    this.#process = process;
    this.#path = path;
  }

  static async start(namespace: string): Promise<Tcpdump> {
    const path = await Deno.makeTempFile({ suffix: ".pcap" });
    const args = ["-i", INTERFACE, "-U", "--immediate-mode", "-Z", "root", "-w", path, `port ${PORT}`];
    const command = ["netns", "exec", namespace, "tcpdump", ...args];
    const process = new Deno.Command("ip", { args: command, stdout: "null", stderr: "piped" }).spawn();
    const tcpdump = new Tcpdump(process, path);
    // It says that it listens.
    const reader = process.stderr.getReader();
    await reader.read();
    reader.releaseLock();
    return tcpdump;
  }

  /** Ends it, and gives the path of what it has captured. */
  async stop(): Promise<string> {
    this.#process.kill("SIGINT");
    await this.#process.status;
    await Deno.chmod(this.#path, 0o644);
    return this.#path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#process.status;
    await this.#process.stderr.cancel();
    await Deno.remove(this.#path);
  }
}
