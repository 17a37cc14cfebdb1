import { type Context, isOwnProcfs } from "../../core/collector.ts";
import { SystemError } from "../../native/libc.ts";
import type { ConntrackEntry } from "../../parsers/conntrack_entry.ts";
import {
  type ConnectionTable,
  NetlinkConnectionTable,
  ProcfsConnectionTable,
  type Report,
} from "./connection_tables.ts";

export type Road = "netlink" | "procfs";

/** EPERM, EACCES */
const FORBIDDEN: readonly number[] = [1, 13];

/** The connection table on the best of the roads that are open. */
export class Roads implements ConnectionTable {
  readonly #open: readonly Road[];
  readonly #context: Context;
  readonly #onChange: () => void;
  readonly #tables = new Map<Road, ConnectionTable>();
  /** That of the last pass. */
  #road: Road | undefined;

  /** `onChange` is called before the first connection that comes on another road than those before. */
  constructor(source: "auto" | Road, context: Context, onChange: () => void) {
    this.#context = context;
    this.#onChange = onChange;
    if (source !== "auto") this.#open = [source];
    else this.#open = isOwnProcfs(context.paths) ? ["netlink", "procfs"] : ["procfs"];
  }

  /** Whether the kernel may be asked by netlink, and was. */
  get isNetlink(): boolean {
    return this.#road === "netlink";
  }

  get mayBeNetlink(): boolean {
    return this.#open.includes("netlink");
  }

  *read(entry: ConntrackEntry, take: () => void, before: () => Iterable<void>): Iterable<void> {
    const refusals: Error[] = [];
    for (const road of this.#open) {
      let isTaken = false;
      const takeFirst = () => {
        if (!isTaken) this.#take(road, refusals);
        isTaken = true;
        take();
      };
      try {
        yield* this.#tableOf(road).read(entry, takeFirst, before);
        if (!isTaken) this.#take(road, refusals);
        return;
      } catch (error) {
        if (isTaken || !isRefusal(error)) throw error;
        refusals.push(error);
      }
    }
    const reasons = refusals.map(({ message }) => message).join("; ");
    throw new Error(`Cannot read the connection table: ${reasons}. ${advice(refusals)}`);
  }

  close(): void {
    for (const table of this.#tables.values()) table.close();
    this.#tables.clear();
  }

  #take(road: Road, refusals: readonly Error[]): void {
    if (road === this.#road) return;
    if (refusals.length > 0) {
      const [error] = refusals;
      this.#context.log.info("The connection table is read from procfs", { collector: "conntrack", error });
    }
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

function advice(refusals: readonly Error[]): string {
  return refusals.some(isForbidden)
    ? "Run as root, or with the capability CAP_NET_ADMIN"
    : "Load the kernel's module: modprobe nf_conntrack_netlink";
}
