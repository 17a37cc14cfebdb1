import { collector, type Context, isOwnProcfs, type Source } from "../../core/collector.ts";
import { recordType } from "../../core/record.ts";
import { boolean, choice, setting, type ValuesOf } from "../../core/shape.ts";
import { IPV6_BASE } from "../../core/vocabulary.ts";
import { SystemError } from "../../native/libc.ts";
import type { SocketEntry } from "../../parsers/socket_entry.ts";
import { Interfaces } from "./interfaces.ts";
import { Processes } from "./processes.ts";
import { RULES } from "./rules.ts";
import {
  LISTENING,
  NetlinkSocketTable,
  ProcfsSocketTable,
  type Protocol,
  PROTOCOLS,
  type SocketTable,
} from "./socket_tables.ts";

/** By the kernel's number less one, then UDP's own. */
const STATES = [
  "ESTABLISHED",
  "SYN_SENT",
  "SYN_RECV",
  "FIN_WAIT1",
  "FIN_WAIT2",
  "TIME_WAIT",
  "CLOSE",
  "CLOSE_WAIT",
  "LAST_ACK",
  "LISTEN",
  "CLOSING",
  "UNCONN",
] as const;
const SYN_RECV = STATES.indexOf("SYN_RECV"), UNCONN = STATES.indexOf("UNCONN");
const ESTABLISHED = 1, NEW_SYN_RECV = 12;
const DIRECTIONS = ["incoming", "outgoing", "listen"] as const;

const SOCKETS = recordType({
  name: "sockets",
  kind: "snapshot",
  help: "The TCP and UDP sockets of the host.",
  fields: {
    source_address: { type: "ip", help: "Local address; 0.0.0.0 or :: is any" },
    source_port: { type: "number", max: 65535, help: "Local port" },
    destination_address: { type: "ip", help: "The peer's address" },
    destination_port: { type: "number", max: 65535, help: "The peer's port" },
    state: {
      type: "choice",
      choices: STATES,
      help: "State of the connection; UNCONN for a UDP socket without peer",
    },
    interface: { type: "text", help: "The interface that owns the local address; lo for any and loopback" },
    protocol: { type: "choice", choices: PROTOCOLS, help: "tcp or udp" },
    family: {
      type: "choice",
      choices: ["ipv4", "ipv6"],
      help: "Of the local address; IPv4-mapped counts as ipv4",
    },
    direction: {
      type: "choice",
      choices: DIRECTIONS,
      help: "incoming where the local port is listened on, listen for listeners, otherwise outgoing",
    },
    process_name: { type: "text", help: "The process that has it open; needs process: true" },
    user_id: { type: "number", help: "Number of the user that owns it" },
    queue: { type: "number", help: "Of a listener: connections that wait to be accepted" },
    queue_limit: { type: "number", help: "Of a listener: how many may wait (netlink only)" },
    rtt_seconds: { type: "number", help: "Smoothed round-trip time (netlink only)" },
    retransmitted_segments: {
      type: "number",
      help: "Segments sent again since it was opened (netlink only)",
    },
    unacked_segments: { type: "number", help: "Segments sent and not yet acknowledged (netlink only)" },
  },
});

const SETTINGS = {
  source: setting(choice(["auto", "netlink", "procfs"]), "auto", {
    help: "Where sockets are read: netlink is faster and knows more; auto takes procfs where it must",
  }),
  process: setting(boolean, false, {
    help: "Find the process of each socket, which walks the descriptors of all processes",
  }),
};

const AT = SOCKETS.at;

class SocketsSource implements Source {
  readonly #context: Context;
  readonly #settings: ValuesOf<typeof SETTINGS>;
  readonly #interfaces: Interfaces;
  readonly #processes: Processes;
  #netlink: SocketTable | undefined;
  readonly #procfs: SocketTable;
  /** Protocols that netlink does not tell of. */
  readonly #withoutNetlink = new Set<Protocol>();
  /** Records so far. */
  #emitted = 0;
  /** Which ports are listened on. */
  readonly #listening: Readonly<Record<Protocol, Uint8Array>> = {
    tcp: new Uint8Array(65536),
    udp: new Uint8Array(65536),
  };

  constructor(settings: ValuesOf<typeof SETTINGS>, context: Context) {
    this.#context = context;
    this.#settings = settings;
    this.#interfaces = new Interfaces(context.vocabulary);
    this.#processes = new Processes(context.paths.procfs);
    this.#procfs = new ProcfsSocketTable(context.paths.procfs, context.vocabulary, this.#report);
  }

  async *snapshot(): AsyncIterable<void> {
    yield* this.#refreshInterfaces();
    if (this.#settings.process) {
      yield* this.#processes.refresh();
      if (this.#processes.incomplete) this.#context.problem("processes_incomplete");
    }
    for (const protocol of PROTOCOLS) {
      this.#listening[protocol].fill(0);
      yield* this.#read(protocol);
    }
  }

  close(): void {
    this.#netlink?.close();
    this.#netlink = undefined;
  }

  *#read(protocol: Protocol): Iterable<void> {
    const emitted = this.#emitted;
    if (this.#mayUseNetlink(protocol)) {
      try {
        this.#netlink ??= new NetlinkSocketTable(this.#context.vocabulary, this.#report);
        return yield* this.#readFrom(this.#netlink, protocol);
      } catch (error) {
        const isAbsent = error instanceof SystemError && error.isRefusal && this.#emitted === emitted;
        if (!isAbsent || this.#settings.source === "netlink") throw error;
        this.#withoutNetlink.add(protocol);
        this.#context.log.info("Sockets are read from procfs, since netlink does not tell of them", {
          collector: "sockets",
          protocol,
          error,
        });
      }
    }
    yield* this.#readFrom(this.#procfs, protocol);
  }

  #mayUseNetlink(protocol: Protocol): boolean {
    if (this.#settings.source !== "auto") return this.#settings.source === "netlink";
    return isOwnProcfs(this.#context.paths) && !this.#withoutNetlink.has(protocol);
  }

  *#readFrom(table: SocketTable, protocol: Protocol): Iterable<void> {
    const sink = this.#context.sink(SOCKETS), { row } = sink, { entry } = table;
    const listening = this.#listening[protocol], { process } = this.#settings;
    const take = () => {
      this.#fill(row, entry, protocol);
      row[AT.process_name] = process ? this.#processOf(entry.inode) : NaN;
      sink.emit();
      this.#emitted++;
    };
    yield* table.read(protocol, take, (port) => listening[port] = 1);
  }

  #fill(row: Float64Array, entry: SocketEntry, protocol: Protocol): void {
    const isListener = entry.state === LISTENING[protocol];
    row[AT.source_address] = entry.source;
    row[AT.source_port] = entry.sourcePort;
    row[AT.destination_address] = entry.destination;
    row[AT.destination_port] = entry.destinationPort;
    row[AT.state] = stateOf(entry.state, protocol);
    row[AT.interface] = this.#interfaces.of(entry.source);
    row[AT.protocol] = protocol === "tcp" ? 0 : 1;
    row[AT.family] = entry.source < IPV6_BASE ? 0 : 1;
    row[AT.direction] = isListener ? 2 : this.#listening[protocol][entry.sourcePort] === 1 ? 0 : 1;
    row[AT.user_id] = entry.uid;
    row[AT.queue] = entry.queue;
    row[AT.queue_limit] = entry.queueLimit;
    const isEstablished = entry.state === ESTABLISHED;
    row[AT.rtt_seconds] = isEstablished ? entry.rtt : NaN;
    row[AT.retransmitted_segments] = entry.retransmitted;
    row[AT.unacked_segments] = entry.unacked;
  }

  #processOf(inode: number): number {
    const name = this.#processes.nameOf(inode);
    return name === undefined ? NaN : this.#context.vocabulary.text(name);
  }

  *#refreshInterfaces(): Iterable<void> {
    const { paths } = this.#context;
    if (isOwnProcfs(paths)) {
      try {
        return yield* this.#interfaces.refreshByNetlink();
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        this.#context.log.debug("Interfaces are read from procfs", { collector: "sockets", error });
      }
    }
    this.#interfaces.refreshByProcfs(paths.procfs);
  }

  readonly #report = (reason: string, count: number) => this.#context.problem(reason, { count });
}

function stateOf(state: number, protocol: Protocol): number {
  if (protocol === "udp" && state === LISTENING.udp) return UNCONN;
  return state === NEW_SYN_RECV ? SYN_RECV : state - 1;
}

export default collector({
  name: "sockets",
  help: "The TCP and UDP sockets of this host",
  enabled: true,
  schedule: "scrape",
  privileges: [
    { capability: "CAP_SYS_PTRACE", purpose: "the process names of other users' sockets (process: true)" },
    { capability: "CAP_DAC_READ_SEARCH", purpose: "the same: both are needed" },
  ],
  records: [SOCKETS],
  rules: RULES,
  settings: SETTINGS,
  reasons: ["truncated", "malformed", "dump_interrupted", "processes_incomplete"],
  open: (settings, context) => new SocketsSource(settings, context),
});
