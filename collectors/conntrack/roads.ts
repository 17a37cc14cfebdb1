import { type Context, isOwnProcfs } from "../../core/collector.ts";
import { SystemError } from "../../native/libc.ts";
import type { ConntrackEntry } from "../../parsers/conntrack_entry.ts";
import type { Report } from "../netlink_dump.ts";
import { type ConnectionTable, NetlinkConnectionTable, ProcfsConnectionTable } from "./connection_tables.ts";

type Road = "netlink" | "procfs";

interface Refusal {
  readonly road: Road;
  readonly error: Error;
}

/** EPERM, EACCES */
const FORBIDDEN: readonly number[] = [1, 13];

/** The connection table on the best of the roads that are open. */
export class Roads implements ConnectionTable {
  readonly #open: readonly Road[];
  readonly #context: Context;
  readonly #onChange: () => void;
  readonly #tables = new Map<Road, ConnectionTable>();
  /** That of the last pass, and at first the best. */
  #road: Road;

  /** `onChange` is called before the first connection that comes on another road than those before. */
  constructor(source: "auto" | Road, context: Context, onChange: () => void) {
    this.#context = context;
    this.#onChange = onChange;
    if (source !== "auto") this.#open = [source];
    else this.#open = isOwnProcfs(context.paths) ? ["netlink", "procfs"] : ["procfs"];
    this.#road = this.#open[0]!;
  }

  get isNetlink(): boolean {
    return this.#road === "netlink";
  }

  get mayBeNetlink(): boolean {
    return this.#open.includes("netlink");
  }

  get isWhole(): boolean {
    return this.#tableOf(this.#road).isWhole;
  }

  *read(entry: ConntrackEntry, take: () => void, before: () => Iterable<void>): Iterable<void> {
    const refusals: Refusal[] = [];
    for (const road of this.#open) {
      let isTaken = false;
      const takeOn = () => {
        if (!isTaken) this.#change(road, refusals);
        isTaken = true;
        take();
      };
      try {
        yield* this.#tableOf(road).read(entry, takeOn, before);
        if (!isTaken) this.#change(road, refusals);
        return;
      } catch (error) {
        if (isTaken || !isRefusal(error)) throw error;
        refusals.push({ road, error });
      }
    }
    const reasons = refusals.map(({ road, error }) => `by ${road}: ${this.#adviceOn(road, error)}`);
    throw new Error(`Cannot read the connection table ${reasons.join("; ")}`);
  }

  close(): void {
    for (const table of this.#tables.values()) table.close();
    this.#tables.clear();
  }

  #change(road: Road, refusals: readonly Refusal[]): void {
    if (road === this.#road) return;
    this.#context.log.info(`The connection table is read by ${road}`, {
      collector: "conntrack",
      ...(refusals[0] && { error: refusals[0].error }),
    });
    this.#road = road;
    this.#onChange();
  }

  #tableOf(road: Road): ConnectionTable {
    const { vocabulary, paths, problem } = this.#context;
    const report: Report = (reason, count) => problem(reason, { count });
    let table = this.#tables.get(road);
    if (table === undefined) {
      table = road === "netlink"
        ? new NetlinkConnectionTable(vocabulary, report)
        : new ProcfsConnectionTable(paths.procfs, vocabulary, report);
      this.#tables.set(road, table);
    }
    return table;
  }

  /** What is wrong, and what to do. */
  #adviceOn(road: Road, error: Error): string {
    const { procfs } = this.#context.paths, file = `${procfs}/net/nf_conntrack`;
    if (road === "netlink") {
      return isForbidden(error)
        ? "not permitted (run as root or with the capability CAP_NET_ADMIN)"
        : `${error.message} (load the module: modprobe nf_conntrack_netlink)`;
    }
    if (isForbidden(error)) return `only root may read ${file}`;
    const reasons = "modprobe nf_conntrack, or its kernel does not show it";
    return `${file} is not there (${isOwnProcfs(this.#context.paths) ? reasons : "is it a procfs?"})`;
  }
}

/** Whether there is nothing to be read on that road, or not by this process. */
function isRefusal(error: unknown): error is Error {
  if (error instanceof SystemError) return error.isRefusal;
  return error instanceof Deno.errors.NotFound || isForbidden(error);
}

function isForbidden(error: unknown): boolean {
  if (error instanceof SystemError) return FORBIDDEN.includes(error.code);
  return error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable;
}
