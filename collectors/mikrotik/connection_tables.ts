import type { Context } from "../../core/collector.ts";
import type { Sink } from "../../core/record.ts";
import {
  attributesOf,
  CONNECTION,
  CONNECTION_COLUMNS,
  COUNTERS,
  IDENTITY,
  type RouterConnectionReader,
} from "../../parsers/router_connection.ts";
import type { RouterosSentences } from "../../parsers/routeros_sentences.ts";
import { type Tracked, TrafficTracker } from "../traffic_tracker.ts";
import { RouterError } from "./errors.ts";
import { CONNECTIONS, MOVED, TRAFFIC, TRAFFIC_COLUMNS } from "./records.ts";
import type { Session } from "./session.ts";

const IPV4 = 0, IPV6 = 1;
const TABLES = ["/ip/firewall/connection/print", "/ipv6/firewall/connection/print"] as const;

/** Of the counters of a connection, packets come before bytes. */
const PACKETS = 0, BYTES = 1;
/** Where the counters of a direction on a path begin. */
const WAYS = [
  { from: 0, direction: 0, path: 0 },
  { from: 2, direction: 1, path: 0 },
  { from: 4, direction: 0, path: 1 },
  { from: 6, direction: 1, path: 1 },
] as const;
const FASTTRACK = WAYS[2].from;

/** Reads the connections of a router, row by row as they arrive. */
export class ConnectionTables {
  /** Of the last reading: how many there were, how many on the fast track, and of these how many that nobody counts. */
  rows = 0;
  fasttracked = 0;
  uncounted = 0;
  readonly #name: string;
  readonly #context: Context;
  readonly #reader: RouterConnectionReader;
  readonly #tracker = new TrafficTracker(COUNTERS.count);
  readonly #connections: Sink;
  readonly #traffic: Sink;
  /** Whether anybody looks at what connections move. */
  readonly #isTracked: boolean;
  readonly #proplist: string;
  /** The connection that was just read, for the tracker. */
  readonly #tracked: { -readonly [K in keyof Tracked]: Tracked[K] };

  constructor(name: string, context: Context, reader: RouterConnectionReader) {
    this.#name = name;
    this.#context = context;
    this.#reader = reader;
    this.#connections = context.sink(CONNECTIONS);
    this.#traffic = context.sink(TRAFFIC);
    this.#isTracked = this.#traffic.uses(MOVED.packets) || this.#traffic.uses(MOVED.bytes);
    this.#proplist = this.#attributes().join(",");
    const { row } = this.#connections, { from, count } = COUNTERS;
    const counters = row.subarray(from, from + count);
    this.#tracked = { id: 0, tuple: 0, family: 4, protocol: 0, destinationPort: NaN, zone: 0, counters };
  }

  async *read(session: Session, signal: AbortSignal): AsyncIterable<void> {
    const tracker = this.#tracker, reader = this.#reader;
    this.rows =
      this.fasttracked =
      this.uncounted =
      reader.malformed =
        0;
    tracker.begin();
    try {
      for (const [family, command] of TABLES.entries()) {
        yield* this.#readTable(family, command, { session, signal });
      }
      yield* tracker.sweep(() => {});
    } finally {
      tracker.finish();
      if (reader.malformed > 0) this.#context.problem("malformed", { count: reader.malformed });
    }
    this.#context.quality("followed", tracker.untracked === 0);
  }

  async *#readTable(
    family: number,
    command: string,
    { session, signal }: { session: Session; signal: AbortSignal },
  ): AsyncIterable<void> {
    const { row } = this.#connections, { vocabulary } = this.#context;
    row[CONNECTION.family] = family;
    this.#tracked.family = family === IPV4 ? 4 : 6;
    let router = vocabulary.text(this.#name);
    const take = (sentence: RouterosSentences) => {
      row[CONNECTION.router] = router;
      this.#take(sentence, row);
    };
    try {
      for await (const _ of session.ask([command, `=.proplist=${this.#proplist}`], take, signal)) {
        yield;
        // Who drives this may have let the vocabulary forget.
        router = vocabulary.text(this.#name);
      }
    } catch (error) {
      // A router without IPv6 has no such table.
      if (!(family === IPV6 && error instanceof RouterError && error.isAbsence)) throw error;
    }
  }

  #take(sentence: RouterosSentences, row: Float64Array): void {
    const reader = this.#reader;
    reader.read(sentence, row);
    this.rows++;
    if (row[CONNECTION.fasttrack] === 1) this.#takeFasttracked(row);
    this.#connections.emit();
    if (!this.#isTracked) return;
    const tracked = this.#tracked;
    tracked.id = reader.id;
    tracked.tuple = reader.tuple;
    if (this.#tracker.see(tracked)) this.#emitMoved(row);
  }

  #takeFasttracked(row: Float64Array): void {
    const from = COUNTERS.from + FASTTRACK;
    this.fasttracked++;
    for (let at = from; at < COUNTERS.from + COUNTERS.count; at++) if (row[at]! > 0) return;
    this.uncounted++;
  }

  #emitMoved(connection: Float64Array): void {
    const { moved } = this.#tracker, traffic = this.#traffic, { row } = traffic;
    let isFilled = false;
    for (let i = 0; i < WAYS.length; i++) {
      const { from, direction, path } = WAYS[i]!,
        packets = moved[from + PACKETS]!,
        bytes = moved[from + BYTES]!;
      if (!(packets > 0 || bytes > 0)) continue;
      if (!isFilled) { for (let at = 0; at < TRAFFIC_COLUMNS.length; at++) row[at] = connection[at]!; }
      isFilled = true;
      row[MOVED.direction] = direction;
      row[MOVED.path] = path;
      row[MOVED.packets] = packets;
      row[MOVED.bytes] = bytes;
      traffic.emit();
    }
  }

  /** Those that somebody looks at: the fewer, the less a router has to tell. */
  #attributes(): string[] {
    const columns = new Set(
      CONNECTION_COLUMNS.filter((column) => this.#connections.uses(CONNECTION[column])),
    );
    for (const column of TRAFFIC_COLUMNS) if (this.#traffic.uses(CONNECTION[column])) columns.add(column);
    columns.add("fasttrack");
    if (this.#isTracked) {
      for (const column of IDENTITY) columns.add(column);
      for (let i = 0; i < COUNTERS.count; i++) columns.add(CONNECTION_COLUMNS[COUNTERS.from + i]!);
    } else {
      for (let i = FASTTRACK; i < COUNTERS.count; i++) columns.add(CONNECTION_COLUMNS[COUNTERS.from + i]!);
    }
    return attributesOf(columns);
  }
}
