import { collector, type Context, type Source } from "../../core/collector.ts";
import type { Sink } from "../../core/record.ts";
import { boolean, choice, setting, type ValuesOf } from "../../core/shape.ts";
import { sleep } from "../../core/work.ts";
import { SystemError } from "../../native/libc.ts";
import {
  ConntrackEntry,
  REPLY_BYTES,
  REPLY_PACKETS,
  SENT_BYTES,
  SENT_PACKETS,
} from "../../parsers/conntrack_entry.ts";
import { type Remains, TrafficTracker } from "../traffic_tracker.ts";
import { Accounting } from "./accounting.ts";
import { Ends } from "./ends.ts";
import {
  CLOSED,
  CONNECTIONS,
  COUNTER_COLUMNS,
  EVENTS,
  fillConnection,
  fillRemains,
  fillState,
  OPENED,
  REPLY,
  SENT,
  STATISTICS,
  TABLE,
  TRAFFIC,
} from "./records.ts";
import { Roads } from "./roads.ts";
import { RULES } from "./rules.ts";
import { Statistics } from "./statistics.ts";

const SETTINGS = {
  source: setting(choice(["auto", "netlink", "procfs"]), "auto", {
    help: "Where the table is read: netlink is faster and tells of ends; auto takes procfs where it must",
  }),
  configure_accounting: setting(boolean, false, {
    flag: "configure.nf_conntrack_acct",
    help: "Try to switch on that the kernel counts the bytes and packets of connections",
  }),
};

/** How often it is looked whether connections have ended, and after how long again where that was refused. */
const PERIOD_MS = 250, RETRY_MS = 60_000;

class ConntrackSource implements Source {
  readonly #context: Context;
  readonly #statistics: Statistics;
  readonly #accounting: Accounting;
  readonly #roads: Roads;
  readonly #entry = new ConntrackEntry();
  readonly #tracker = new TrafficTracker(this.#entry.counters.length);
  readonly #connections: Sink;
  readonly #traffic: Sink;
  readonly #events: Sink;
  #ends: Ends | undefined;
  /** Whether the kernel tells of ends to those who listen. */
  #isTold = true;

  constructor(settings: ValuesOf<typeof SETTINGS>, context: Context) {
    this.#context = context;
    this.#statistics = new Statistics(context.paths.procfs);
    this.#accounting = new Accounting(context, this.#statistics, settings.configure_accounting);
    this.#roads = new Roads(settings.source, context, () => this.#tracker.clear());
    this.#connections = context.sink(CONNECTIONS);
    this.#traffic = context.sink(TRAFFIC);
    this.#events = context.sink(EVENTS);
  }

  *snapshot(): Iterable<void> {
    this.#accounting.check();
    this.#readStatistics();
    yield;
    const tracker = this.#tracker;
    tracker.begin();
    try {
      yield* this.#roads.read(this.#entry, this.#take, () => this.#takeEnds());
      yield* this.#takeEnds();
      yield* tracker.sweep(this.#takeRemains, this.#roads.isWhole);
    } finally {
      tracker.finish();
    }
    this.#checkEvents();
    this.#context.quality("followed", tracker.untracked === 0);
  }

  async *stream(signal: AbortSignal): AsyncIterable<void> {
    try {
      while (!signal.aborted) {
        if (this.#ends === undefined) {
          this.#ends = this.#hearEnds();
          this.#checkEvents();
          yield;
        }
        yield* this.#takeEnds();
        await sleep(this.#ends === undefined ? RETRY_MS : PERIOD_MS, signal);
      }
    } finally {
      this.#ends?.close();
      this.#ends = undefined;
    }
  }

  close(): void {
    this.#roads.close();
  }

  readonly #take = () => {
    const { row } = this.#connections, entry = this.#entry;
    if (!this.#tracker.see(entry)) return;
    fillConnection(row, entry);
    fillState(row, entry);
    this.#connections.emit();
    this.#emitChanges(entry);
  };

  readonly #takeRemains = (remains: Remains) => {
    fillRemains(this.#events.row, remains);
    this.#emitEvents(CLOSED, 1);
  };

  /** Also in the midst of a pass: what has ended before something was read must be known before that is taken. */
  *#takeEnds(): Iterable<void> {
    if (this.#ends !== undefined) yield* this.#ends.take(this.#takeEnd);
  }

  readonly #takeEnd = (entry: ConntrackEntry) => {
    // On another road the connections have other identities.
    if (!this.#roads.isNetlink) return;
    this.#tracker.end(entry);
    this.#emitChanges(entry);
  };

  /** What the tracker says of the connection. */
  #emitChanges(entry: ConntrackEntry): void {
    const { moved, opened, closed } = this.#tracker;
    const sent = moved[SENT_PACKETS]!, replied = moved[REPLY_PACKETS]!;
    if (sent > 0) this.#emitTraffic(entry, SENT, sent, moved[SENT_BYTES]!);
    if (replied > 0) this.#emitTraffic(entry, REPLY, replied, moved[REPLY_BYTES]!);
    if (opened === 0 && closed === 0) return;
    fillConnection(this.#events.row, entry);
    this.#emitEvents(OPENED, opened);
    this.#emitEvents(CLOSED, closed);
  }

  #emitTraffic(entry: ConntrackEntry, direction: number, packets: number, bytes: number): void {
    const { row } = this.#traffic, { at } = TRAFFIC;
    fillConnection(row, entry);
    row[at.direction] = direction;
    row[at.packets] = packets;
    row[at.bytes] = bytes;
    this.#traffic.emit();
  }

  #emitEvents(event: number, count: number): void {
    this.#events.row[EVENTS.at.event] = event;
    for (let i = 0; i < count; i++) this.#events.emit();
  }

  #readStatistics(): void {
    const { cpus, malformed } = this.#statistics.perCpu();
    const statistics = this.#context.sink(STATISTICS), table = this.#context.sink(TABLE);
    if (malformed > 0) this.#context.problem("malformed", { count: malformed });
    // A record of nothing says that the counters are not known rather than zero.
    const rows: typeof cpus = cpus.length === 0 ? [{}] : cpus;
    for (const [cpu, counters] of rows.entries()) {
      statistics.row[STATISTICS.at.cpu] = cpu;
      for (const { at, column } of COUNTER_COLUMNS) statistics.row[at] = counters[column] ?? NaN;
      statistics.emit();
    }
    table.row[TABLE.at.entries] = this.#statistics.entries;
    table.row[TABLE.at.limit] = this.#statistics.limit;
    table.emit();
  }

  #checkEvents(): void {
    const isTold = this.#statistics.events, { log } = this.#context;
    this.#context.quality("events", isTold && this.#ends !== undefined && this.#roads.isNetlink);
    if (this.#isTold && !isTold) {
      const details = { collector: "conntrack", command: "sysctl -w net.netfilter.nf_conntrack_events=2" };
      log.warn("The kernel does not tell of connections that end", details);
    }
    this.#isTold = isTold;
  }

  #hearEnds(): Ends | undefined {
    if (!this.#roads.mayBeNetlink) return undefined;
    try {
      return new Ends(this.#context);
    } catch (error) {
      if (!(error instanceof SystemError && error.isRefusal)) throw error;
      const details = { collector: "conntrack", error };
      this.#context.log.debug("Connections that end are not heard of", details);
      return undefined;
    }
  }
}

export default collector({
  name: "conntrack",
  help: "The connections that this host tracks",
  enabled: true,
  schedule: "interval",
  privileges: [{ capability: "CAP_NET_ADMIN", purpose: "the connection table by netlink" }],
  records: [CONNECTIONS, TRAFFIC, EVENTS, TABLE, STATISTICS],
  rules: RULES,
  settings: SETTINGS,
  reasons: ["truncated", "malformed", "dump_interrupted", "events_lost"],
  checks: ["accounting", "events", "followed"],
  open: (settings, context) => new ConntrackSource(settings, context),
});
