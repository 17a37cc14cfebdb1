import type { Context } from "../../core/collector.ts";
import { TCP } from "../../parsers/conntrack_entry.ts";
import type { Connections } from "./connections.ts";
import { TRANSPORTS } from "./records.ts";

const OVER_TCP = TRANSPORTS.indexOf("tcp"), OVER_UDP = TRANSPORTS.indexOf("udp");

/** The ends of a connection as records have them, in one direction. */
export class Ends {
  readonly #connections: Connections;
  readonly #context: Context;

  constructor(connections: Connections, context: Context) {
    this.#connections = connections;
    this.#context = context;
  }

  /** Writes them to a row of a record whose fields they are. */
  write(row: Float64Array, at: EndFields, { connection, direction }: Position): void {
    const connections = this.#connections, back = 1 - direction;
    row[at.source_address] = this.#address(connections.sourceOf(connection, direction));
    row[at.destination_address] = this.#address(connections.sourceOf(connection, back));
    row[at.source_port] = connections.portOf(connection, direction);
    row[at.destination_port] = connections.portOf(connection, back);
    row[at.transport] = connections.protocolOf(connection) === TCP ? OVER_TCP : OVER_UDP;
  }

  #address(at: number): number {
    const { words } = this.#connections, a = words[at]! >>> 0, b = words[at + 1]! >>> 0;
    return this.#context.vocabulary.ipv6Words(a, b, words[at + 2]! >>> 0, words[at + 3]! >>> 0);
  }
}

type EndFields = Readonly<
  Record<"source_address" | "destination_address" | "source_port" | "destination_port" | "transport", number>
>;

/** A direction of a connection. */
export interface Position {
  readonly connection: number;
  readonly direction: number;
}
