import type { Conversation, Namespace } from "./namespace.ts";

const PROGRAM = new URL("program_in_namespace.ts", import.meta.url);

export type Series = ReadonlyMap<string, number>;

export type User = "root" | "nobody" | "nobody with CAP_NET_ADMIN" | "nobody with CAP_NET_RAW";

/** How the program is started. */
export interface Launch {
  readonly user: User;
  readonly args: readonly string[];
}

/** A process in a namespace that is told what to do by a name and JSON. */
export class Host implements AsyncDisposable {
  protected constructor(protected readonly conversation: Conversation) {}

  protected async ask<T>(name: string, value: unknown = null): Promise<T> {
    return JSON.parse(await this.conversation.ask(`${name} ${JSON.stringify(value)}`));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.conversation[Symbol.asyncDispose]();
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
  static async start(namespace: Namespace, args: readonly string[], user: User = "root") {
    const host = new ProgramHost(namespace.start(PROGRAM));
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
    // JSON has no NaN.
    const values = Object.entries(series).map(([text, value]): [string, number] => [text, value ?? NaN]);
    return { series: new Map(values), ...times };
  }

  /** The lines of its log so far. */
  log(): Promise<string[]> {
    return this.ask("log");
  }

  pid(): Promise<number> {
    return this.ask("pid");
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
