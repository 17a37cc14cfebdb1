import type { CollectingOptions } from "../helpers/collecting.ts";
import type { ConntrackNamespace } from "../helpers/conntrack_namespace.ts";
import type { Conversation } from "../helpers/namespace.ts";

const COLLECTOR = new URL("conntrack_host.ts", import.meta.url);
const PROGRAM = new URL("conntrack_program_host.ts", import.meta.url);

/** Has to be among the flags of the program: what is sent there is not tracked. */
export const LISTEN = "--web.listen-address=:9095";
const UNTRACKED = [
  "add chain inet netcensus untracked { type filter hook output priority -300; }",
  "add rule inet netcensus untracked tcp dport 9095 notrack",
  "add rule inet netcensus untracked tcp sport 9095 notrack",
];

type Series = ReadonlyMap<string, number>;

export interface Shown {
  readonly series: Series;
  /** How often there was a problem so far, by reason. */
  readonly problems: Readonly<Record<string, number>>;
  readonly qualities: Readonly<Record<string, boolean>>;
}

export type User = "root" | "nobody" | "nobody with CAP_NET_ADMIN";

/** How the program is started. */
export interface Launch {
  readonly user: User;
  readonly args: readonly string[];
}

/** A process in a namespace that is told what to do by a name and JSON. */
class Host implements AsyncDisposable {
  protected constructor(protected readonly conversation: Conversation) {}

  protected async ask<T>(name: string, value: unknown = null): Promise<T> {
    return JSON.parse(await this.conversation.ask(`${name} ${JSON.stringify(value)}`));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.conversation[Symbol.asyncDispose]();
  }
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

export interface Scrape {
  readonly series: Series;
  /** When it began and ended, in seconds since 1970. */
  readonly start: number;
  readonly end: number;
}

/** The whole program, run in a namespace. */
export class ProgramHost extends Host {
  static async start(conntrack: ConntrackNamespace, args: readonly string[], user: User = "root") {
    await conntrack.nft(UNTRACKED);
    const host = new ProgramHost(conntrack.namespace.start(PROGRAM));
    try {
      await host.ask("start", { user, args } satisfies Launch);
      return host;
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
  }

  async scrape(): Promise<Scrape> {
    const { series, ...times } = await this.ask<Scrape>("scrape");
    return { series: new Map(Object.entries(series)), ...times };
  }

  /** The lines of its log so far. */
  log(): Promise<string[]> {
    return this.ask("log");
  }

  signal(signal: Deno.Signal): Promise<void> {
    return this.ask("signal", signal);
  }

  /** Ends it, and gives its status. */
  stop(): Promise<number> {
    return this.ask("stop");
  }
}

/** The sum of the series of a metric whose labels have these values. */
export function sumOf(series: Series, metric: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  let sum = 0;
  for (const [text, value] of series) {
    const [name, rest = ""] = text.split("{");
    if (name === metric && wanted.every((each) => rest.includes(each))) sum += value;
  }
  return sum;
}

/** Waits until a value is as it should be, and gives it. */
export async function eventually<T>(
  look: () => Promise<T>,
  isGood: (value: T) => boolean,
  pause = 50,
): Promise<T> {
  for (const end = performance.now() + 15_000; performance.now() < end;) {
    const value = await look();
    if (isGood(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  throw new Error(`Expected in time what is asked for: ${isGood}`);
}
