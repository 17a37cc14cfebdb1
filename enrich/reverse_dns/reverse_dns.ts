import type { Figure, Lookup, Value } from "../../core/enricher.ts";
import { Ip } from "../../core/ip.ts";
import type { Log } from "../../core/log.ts";
import { isSpecial } from "../../core/special_networks.ts";
import { sleep } from "../../core/work.ts";
import { Answers } from "./answers.ts";
import { Budget } from "./budget.ts";
import { hostNames } from "./dns_name.ts";
import { followFile } from "./follow_file.ts";
import { type NameServer, NameServers } from "./name_servers.ts";
import { type NamedAddress, QueryLog } from "./query_log.ts";
import { tailPihole } from "./tail_pihole.ts";
import { Waiting } from "./waiting.ts";

/** So many questions wait for their answers at a time. */
const CONCURRENCY = 64;
const MAX_ANSWERS = 100_000;
const TICK_MS = 100;
/** A question that no server answered is asked again after this time, or that of the negative answers. */
const FAILURE_MS = 30_000;
/** Addresses for which there was no room get another chance at most so often. */
const SECOND_CHANCE_MS = 60_000;
/** So many questions in a row without an answer, and it is not the fault of the addresses. */
const DOWN_AFTER = 20;

export interface ReverseDnsOptions {
  readonly lookupLocal: boolean;
  readonly lookupRemote: boolean;
  readonly ipAsUnknown: boolean;
  readonly cacheMs: number;
  readonly negativeCacheMs: number;
  readonly timeoutMs: number;
  readonly queue: number;
  readonly rate: number;
  readonly nameServers: readonly NameServer[];
  readonly tailPihole: boolean;
  readonly piholeLog: string | undefined;
  readonly log: Log;
  /** Where the system's files are. */
  readonly etc: string;
  /** Milliseconds since some time. */
  readonly now: () => number;
}

/** Names of addresses: of /etc/hosts, of what Pi-hole was asked for, and of DNS, in this order. */
export class ReverseDns implements Lookup {
  readonly #options: ReverseDnsOptions;
  readonly #listeners: ((value?: Value) => void)[] = [];
  readonly #answers = new Answers(MAX_ANSWERS);
  readonly #waiting: Waiting;
  readonly #budget: Budget;
  readonly #servers: NameServers;
  readonly #asking = new Set<Promise<void>>();
  #hosts: ReadonlyMap<string, string> = new Map();
  #questions = 0;
  #failures = 0;
  #failuresInRow = 0;
  #dropped = 0;
  #hasDropped = false;
  #lastChance = -Infinity;

  constructor(options: ReverseDnsOptions) {
    this.#options = options;
    this.#waiting = new Waiting(options.queue);
    this.#budget = new Budget(options.rate);
    this.#servers = new NameServers({
      servers: options.nameServers,
      resolvConf: `${options.etc}/resolv.conf`,
      timeoutMs: options.timeoutMs,
    });
  }

  lookup(value: Value): Value | undefined {
    if (!(value instanceof Ip)) return undefined;
    return this.#nameOf(value) ?? (this.#options.ipAsUnknown ? value : undefined);
  }

  onChange(listener: (value?: Value) => void): void {
    this.#listeners.push(listener);
  }

  async load(): Promise<void> {
    this.#hosts = hostNames(await Deno.readTextFile(`${this.#options.etc}/hosts`).catch(() => ""));
    await this.#servers.load();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { tailPihole: isTailed, piholeLog, log } = this.#options;
    const sources = [this.#work(signal)];
    if (piholeLog !== undefined) sources.push(followFile(piholeLog, { signal, log, onLine: this.#reader() }));
    if (isTailed) sources.push(tailPihole({ signal, log, onLine: this.#reader() }));
    await Promise.all(sources);
  }

  figures(): readonly Figure[] {
    return [
      figure("dns_questions_total", "Questions asked for the names of addresses", this.#questions),
      figure("dns_failures_total", "Questions that no name server answered", this.#failures),
      figure("dns_dropped_total", "Addresses that were not asked for, as too many waited", this.#dropped),
      {
        name: "dns_addresses",
        type: "gauge",
        help: "Addresses whose name, or that they have none, is remembered",
        value: this.#answers.size,
      },
    ];
  }

  /** The name as far as it is known; what is not, or not lately, will be asked for. */
  #nameOf(ip: Ip): string | undefined {
    if (!this.#isWanted(ip)) return undefined;
    const address = String(ip), host = this.#hosts.get(address);
    if (host !== undefined) return host;
    const answer = this.#answers.get(address);
    if (answer?.isStale !== false && !this.#waiting.add(address)) {
      this.#dropped++;
      this.#hasDropped = true;
    }
    return answer?.name;
  }

  #isWanted(ip: Ip): boolean {
    return isSpecial(ip) ? this.#options.lookupLocal : this.#options.lookupRemote;
  }

  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const now = this.#options.now();
      // Callers ask again for those that they still see.
      this.#tell(this.#answers.sweep(now, (address) => this.#waiting.has(address)));
      this.#giveSecondChance(now);
      this.#ask(signal);
      await sleep(TICK_MS, signal);
    }
    await Promise.all(this.#asking);
  }

  /** What was not asked for is not remembered: callers ask again for all. */
  #giveSecondChance(now: number): void {
    if (!this.#hasDropped || 2 * this.#waiting.size > this.#options.queue) return;
    if (now < this.#lastChance + SECOND_CHANCE_MS) return;
    this.#hasDropped = false;
    this.#lastChance = now;
    for (const listener of this.#listeners) listener();
  }

  /** Begins as many questions as there may be. */
  #ask(signal: AbortSignal): void {
    while (!signal.aborted && this.#waiting.size > 0 && this.#asking.size < CONCURRENCY) {
      if (!this.#budget.take(this.#options.now())) return;
      const address = this.#waiting.next()!;
      const question = this.#askFor(address, signal).finally(() => {
        this.#asking.delete(question);
        this.#waiting.delete(address);
        this.#ask(signal);
      });
      this.#asking.add(question);
    }
  }

  async #askFor(address: string, signal: AbortSignal): Promise<void> {
    // Pi-hole may have named it while it waited, or does so before the answer comes.
    if (this.#answers.isFresh(address)) return;
    const { cacheMs, negativeCacheMs } = this.#options;
    this.#questions++;
    try {
      const name = await this.#servers.nameOf(Ip.parse(address)!, signal);
      this.#failuresInRow = 0;
      if (this.#answers.isFresh(address)) return;
      this.#remember(address, name, name === undefined ? negativeCacheMs : cacheMs);
    } catch (error) {
      if (signal.aborted) return;
      this.#failed(error);
      if (this.#answers.isFresh(address)) return;
      this.#remember(address, this.#answers.get(address)?.name, Math.min(FAILURE_MS, negativeCacheMs));
    }
  }

  #failed(reason: unknown): void {
    this.#failures++;
    if (++this.#failuresInRow % DOWN_AFTER === 0) {
      this.#options.log.warn("The name servers do not answer", { reason });
    }
  }

  #reader(): (line: string) => void {
    const log = new QueryLog();
    return (line) => {
      const named = log.read(line);
      if (named !== undefined) this.#learn(named);
    };
  }

  #learn({ ip, name }: NamedAddress): void {
    if (this.#isWanted(ip)) this.#remember(String(ip), name, this.#options.cacheMs);
  }

  #remember(address: string, name: string | undefined, milliseconds: number): void {
    const previous = this.#answers.get(address)?.name;
    this.#tell(this.#answers.set(address, name, this.#options.now() + milliseconds));
    if (name !== previous) this.#tell([address]);
  }

  #tell(addresses: readonly string[]): void {
    for (const address of addresses) {
      const ip = Ip.parse(address)!;
      for (const listener of this.#listeners) listener(ip);
    }
  }
}

function figure(name: string, help: string, value: number): Figure {
  return { name, type: "counter", help, value };
}
