import type { Vocabulary } from "../../core/vocabulary.ts";
import { NetlinkSocket } from "../../native/netlink.ts";
import type { ConntrackEntry } from "../../parsers/conntrack_entry.ts";
import { conntrackDumpRequest, ConntrackReader } from "../../parsers/ctnetlink.ts";
import { ProcNetConntrackReader } from "../../parsers/proc_net_conntrack.ts";
import { LineFile } from "../line_file.ts";
import { dumpTable, type Report } from "../netlink_dump.ts";

/** include/uapi/linux/netlink.h */
export const NETLINK_NETFILTER = 12;

/** The connections that the kernel tracks, from one of the roads on which it tells of them. */
export interface ConnectionTable {
  /**
   * Each connection, filled into the entry before `take` is called. Whenever some were read, `before` is done before
   * the first of them is taken.
   */
  read(entry: ConntrackEntry, take: () => void, before: () => Iterable<void>): Iterable<void>;
  /** Whether the last reading has met all that there was. */
  readonly isWhole: boolean;
  close(): void;
}

/** ctnetlink. */
export class NetlinkConnectionTable implements ConnectionTable {
  readonly #socket = new NetlinkSocket(NETLINK_NETFILTER);
  readonly #request = conntrackDumpRequest();
  readonly #reader: ConntrackReader;
  readonly #report: Report;

  constructor(vocabulary: Vocabulary, report: Report) {
    this.#reader = new ConntrackReader(this.#socket.messages, vocabulary);
    this.#report = report;
  }

  read(entry: ConntrackEntry, take: () => void, before: () => Iterable<void>): Iterable<void> {
    const request = this.#request, reader = this.#reader;
    return dumpTable(this.#socket, take, { request, reader, entry, report: this.#report, before });
  }

  get isWhole(): boolean {
    return !this.#socket.interrupted;
  }

  close(): void {
    this.#socket.close();
  }
}

/** The file of procfs. */
export class ProcfsConnectionTable implements ConnectionTable {
  readonly isWhole = true;
  readonly #path: string;
  readonly #file = new LineFile();
  readonly #reader: ProcNetConntrackReader;
  readonly #report: Report;

  constructor(procfs: string, vocabulary: Vocabulary, report: Report) {
    this.#path = `${procfs}/net/nf_conntrack`;
    this.#reader = new ProcNetConntrackReader(vocabulary);
    this.#report = report;
  }

  *read(entry: ConntrackEntry, take: () => void, before: () => Iterable<void>): Iterable<void> {
    const reader = this.#reader;
    let isAny = false, isMalformed = false;
    for (const _ of this.#file.read(this.#path)) {
      yield* before();
      reader.begin(this.#file.bytes, 0, this.#file.end);
      while (reader.next(entry)) {
        isAny = true;
        take();
      }
      if (reader.malformed > 0) {
        isMalformed = true;
        this.#report("malformed", reader.malformed);
      }
      reader.malformed = 0;
      yield;
    }
    if (isMalformed && !isAny) throw new Error(`Cannot read ${this.#path}: no line of it is a connection`);
  }

  close(): void {}
}
