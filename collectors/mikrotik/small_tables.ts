import type { Context } from "../../core/collector.ts";
import { Ip, Prefix } from "../../core/ip.ts";
import type { RecordType, Sink } from "../../core/record.ts";
import { durationIn } from "../../parsers/routeros_values.ts";
import { RouterError } from "./errors.ts";
import { INTERFACES, RESOURCES, TRACKING } from "./records.ts";
import type { Session } from "./session.ts";

type Attributes = ReadonlyMap<string, string>;
const NOTHING: Attributes = new Map();

const ENCODER = new TextEncoder();
const ROWS_PER_PIECE = 64;
/** Of a longer text only the beginning is shown. */
const MAX_TEXT = 256;
const LOOPBACK = ["127.0.0.0/8", "::1/128"].map((text) => Prefix.parse(text)!);

/** By field, the attribute that says it. */
const OF_TRACKING = { entries: "total-entries", limit: "max-entries" };
const OF_RESOURCE = {
  version: "version",
  board_name: "board-name",
  architecture: "architecture-name",
  cpus: "cpu-count",
  cpu_load: "cpu-load",
  memory_free: "free-memory",
  memory_total: "total-memory",
  storage_free: "free-hdd-space",
  storage_total: "total-hdd-space",
  uptime_seconds: "uptime",
};
const OF_INTERFACE = {
  interface: "name",
  type: "type",
  comment: "comment",
  running: "running",
  disabled: "disabled",
  receive_bytes: "rx-byte",
  transmit_bytes: "tx-byte",
  receive_packets: "rx-packet",
  transmit_packets: "tx-packet",
  receive_drops: "rx-drop",
  transmit_drops: "tx-drop",
  receive_errors: "rx-error",
  transmit_errors: "tx-error",
};

/** What a router tells of itself in a few rows. What it does not tell is left out; that is no failure. */
export class SmallTables {
  readonly #name: string;
  readonly #context: Context;
  /** The address at which the router is reached. */
  #reachedAt: Ip | undefined;
  /** The addresses that are its own; they are asked for once a session. */
  #addresses: readonly Ip[] | undefined;

  constructor(name: string, context: Context) {
    this.#name = name;
    this.#context = context;
  }

  /** When a session begins. */
  begin(reachedAt: Ip | undefined): void {
    this.#reachedAt = reachedAt;
    this.#addresses = undefined;
  }

  async *read(session: Session, signal: AbortSignal): AsyncIterable<void> {
    const ask = (menu: string, attributes: readonly string[]) =>
      this.#ask(session, [`${menu}/print`, `=.proplist=${attributes.join(",")}`], signal);
    // Of what is not told there is a record all the same, of which nothing is known: without any there would be zeros.
    const [resource = NOTHING] = await ask("/system/resource", Object.values(OF_RESOURCE));
    const [identity = NOTHING] = await ask("/system/identity", ["name"]);
    this.#emitResource(resource, identity);
    yield;
    const [tracking = NOTHING] = await ask("/ip/firewall/connection/tracking", Object.values(OF_TRACKING));
    this.#emitTracking(tracking);
    yield;
    const interfaces = await ask("/interface", [".id", ...Object.values(OF_INTERFACE)]);
    for (const [i, each] of interfaces.entries()) {
      if (i % ROWS_PER_PIECE === 0) yield;
      this.#emitInterface(each);
    }
    yield;
    this.#addresses ??= [
      ...this.#reachedAt ? [this.#reachedAt] : [],
      ...addressesIn(await ask("/ip/address", ["address"])),
      ...addressesIn(await ask("/ipv6/address", ["address"])),
    ];
    const names = namesIn(interfaces);
    if (names.size > 0) this.#context.interfaceNames.tell(this.#name, this.#addresses, names);
  }

  async #ask(session: Session, words: readonly string[], signal: AbortSignal): Promise<Attributes[]> {
    try {
      return await session.rows(words, signal);
    } catch (error) {
      if (!(error instanceof RouterError && error.kind === "trap")) throw error;
      const [command] = words;
      if (!error.isAbsence) this.#context.problem("refused", { command, error });
      return [];
    }
  }

  #emitResource(resource: Attributes, identity: Attributes): void {
    const sink = this.#fill(RESOURCES, resource, OF_RESOURCE), { row } = sink, { at } = RESOURCES;
    row[at.identity] = this.#text(identity.get("name"));
    row[at.cpu_load]! /= 100;
    const uptime = ENCODER.encode(resource.get("uptime"));
    row[at.uptime_seconds] = durationIn(uptime, 0, uptime.length);
    sink.emit();
  }

  #emitTracking(tracking: Attributes): void {
    this.#fill(TRACKING, tracking, OF_TRACKING).emit();
  }

  #emitInterface(attributes: Attributes): void {
    const sink = this.#fill(INTERFACES, attributes, OF_INTERFACE), { row } = sink, { at } = INTERFACES;
    row[at.index] = indexOf(attributes);
    row[at.up] = row[at.running]!;
    sink.emit();
  }

  /** Fills a row with what the attributes say of its fields. */
  #fill(type: RecordType, attributes: Attributes, names: Readonly<Record<string, string>>): Sink {
    const sink = this.#context.sink(type), { row } = sink;
    row.fill(NaN);
    row[type.at["router"]!] = this.#text(this.#name);
    for (const [field, name] of Object.entries(names)) {
      const value = attributes.get(name), kind = type.fields[field]!.type, at = type.at[field]!;
      if (kind === "text") row[at] = this.#text(value);
      else if (kind === "choice") row[at] = value === "true" || value === "yes" ? 1 : 0;
      else row[at] = value === undefined || value === "" ? NaN : Number(value);
    }
    return sink;
  }

  #text(text: string | undefined): number {
    return text === undefined ? NaN : this.#context.vocabulary.text(text.slice(0, MAX_TEXT));
  }
}

/** `*F00012`: the number of an interface is its ifIndex. */
function indexOf(attributes: Attributes): number {
  const [, digits] = /^\*([0-9A-Fa-f]{1,8})$/.exec(attributes.get(".id") ?? "") ?? [];
  return digits === undefined ? NaN : parseInt(digits, 16);
}

/** `192.0.2.1/24`. Every router has those of loopback, which say nothing of which it is. */
function addressesIn(rows: readonly Attributes[]): Ip[] {
  const texts = rows.map((row) => row.get("address")?.split("/")[0] ?? "");
  return texts.flatMap((text) => Ip.parse(text) ?? []).filter((ip) =>
    !LOOPBACK.some((prefix) => prefix.contains(ip))
  );
}

function namesIn(interfaces: readonly Attributes[]): Map<number, string> {
  const names = new Map<number, string>();
  for (const attributes of interfaces) {
    const index = indexOf(attributes), name = attributes.get("name");
    if (index >= 0 && name !== undefined) names.set(index, name.slice(0, MAX_TEXT));
  }
  return names;
}
