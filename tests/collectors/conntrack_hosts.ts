import type { CollectingOptions } from "../helpers/collecting.ts";
import type { ConntrackNamespace } from "../helpers/conntrack_namespace.ts";
import { Host, ProgramHost, type Series, type User } from "../helpers/program_host.ts";

const COLLECTOR = new URL("conntrack_host.ts", import.meta.url);

/** Has to be among the flags of the program: what is sent there is not tracked. */
export const LISTEN = "--web.listen-address=:9095";
const UNTRACKED = [
  "add chain inet netcensus untracked { type filter hook output priority -300; }",
  "add rule inet netcensus untracked tcp dport 9095 notrack",
  "add rule inet netcensus untracked tcp sport 9095 notrack",
];

export interface Shown {
  readonly series: Series;
  /** How often there was a problem so far, by reason. */
  readonly problems: Readonly<Record<string, number>>;
  readonly qualities: Readonly<Record<string, boolean>>;
}

/** The collector of connections, run by hand in a namespace. */
export class CollectorHost extends Host {
  static async start({ namespace }: ConntrackNamespace, options: CollectingOptions = {}) {
    const host = new CollectorHost(namespace.start(COLLECTOR));
    try {
      await host.ask("open", options);
      return host;
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Makes it hear of connections that end, from now on. */
  hear(): Promise<void> {
    return this.ask("hear");
  }

  pass(): Promise<Shown> {
    return this.#shown("pass");
  }

  /** What it shows without a pass. */
  show(): Promise<Shown> {
    return this.#shown("show");
  }

  signal(signal: Deno.Signal): void {
    Deno.kill(this.conversation.pid, signal);
  }

  async #shown(command: string): Promise<Shown> {
    const { series, ...rest } = await this.ask<Shown>(command);
    return { series: new Map(Object.entries(series)), ...rest };
  }
}

/** The whole program, run in a namespace; what is asked of it is not tracked. */
export async function startProgram(
  conntrack: ConntrackNamespace,
  args: readonly string[],
  user?: User,
): Promise<ProgramHost> {
  await conntrack.nft(UNTRACKED);
  return await ProgramHost.start(conntrack.namespace, args, user);
}
