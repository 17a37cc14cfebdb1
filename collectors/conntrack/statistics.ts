import { parseConntrackStats, type ParsedConntrackStats } from "../../parsers/proc_net_stat_conntrack.ts";
import { readTextIfThere } from "../files.ts";

/** The small files that tell of the connection table. */
export class Statistics {
  readonly #procfs: string;

  constructor(procfs: string) {
    this.#procfs = procfs;
  }

  /** What each processor has counted. */
  perCpu(): ParsedConntrackStats {
    return parseConntrackStats(readTextIfThere(`${this.#procfs}/net/stat/nf_conntrack`));
  }

  get entries(): number {
    return this.#number("nf_conntrack_count");
  }

  get limit(): number {
    return this.#number("nf_conntrack_max");
  }

  /** Whether the kernel counts bytes and packets; unknown where it has no such switch. */
  get accounting(): boolean | undefined {
    const value = this.#number("nf_conntrack_acct");
    return Number.isNaN(value) ? undefined : value !== 0;
  }

  /** Whether the kernel can tell of connections that end. */
  get events(): boolean {
    return this.#number("nf_conntrack_events") !== 0;
  }

  switchAccountingOn(): void {
    Deno.writeTextFileSync(this.#pathOf("nf_conntrack_acct"), "1\n", { create: false });
  }

  #number(name: string): number {
    const text = readTextIfThere(this.#pathOf(name)).trim();
    return text === "" ? NaN : Number(text);
  }

  #pathOf(name: string): string {
    return `${this.#procfs}/sys/net/netfilter/${name}`;
  }
}
