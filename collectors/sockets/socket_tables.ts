import { NetlinkSocket } from "../../native/netlink.ts";
import { InetDiagReader, inetDiagRequest, tcpDiagRequest } from "../../parsers/inet_diag.ts";
import { ProcNetSocketReader } from "../../parsers/proc_net_sockets.ts";
import { SocketEntry } from "../../parsers/socket_entry.ts";
import type { Vocabulary } from "../../core/vocabulary.ts";
import { LineFile } from "../line_file.ts";
import { dumpTable, type Report } from "../netlink_dump.ts";

export const PROTOCOLS = ["tcp", "udp"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** The sockets of the host, from one of the roads on which the kernel tells of them. */
export interface SocketTable {
  /** Each socket, filled into `entry` before `take` is called; the ports of listeners are told first. */
  read(protocol: Protocol, take: () => void, listening: (port: number) => void): Iterable<void>;
  readonly entry: SocketEntry;
  close(): void;
}

// include/uapi/linux/netlink.h, include/uapi/linux/in.h
const NETLINK_SOCK_DIAG = 4;
const IPPROTO_UDP = 17;
/** The state of a socket that waits for peers: TCP_LISTEN, and of UDP TCP_CLOSE. */
export const LISTENING: Readonly<Record<Protocol, number>> = { tcp: 10, udp: 7 };
/** TCP_ESTABLISHED to TCP_NEW_SYN_RECV: without TCP_BOUND_INACTIVE, which procfs does not show either. */
const ALL_STATES = 0x1ffe;

/** inet_diag by netlink. */
export class NetlinkSocketTable implements SocketTable {
  readonly entry = new SocketEntry();
  readonly #socket = new NetlinkSocket(NETLINK_SOCK_DIAG);
  readonly #reader: InetDiagReader;
  readonly #report: Report;

  constructor(vocabulary: Vocabulary, report: Report) {
    this.#reader = new InetDiagReader(this.#socket.messages, vocabulary);
    this.#report = report;
  }

  *read(protocol: Protocol, take: () => void, listening: (port: number) => void): Iterable<void> {
    const listeners = 1 << LISTENING[protocol];
    const { entry } = this;
    const takeListener = () => {
      listening(entry.sourcePort);
      take();
    };
    for (const request of requestsFor(protocol, listeners, false)) yield* this.#dump(request, takeListener);
    for (const request of requestsFor(protocol, ALL_STATES & ~listeners, true)) {
      yield* this.#dump(request, take);
    }
  }

  close(): void {
    this.#socket.close();
  }

  #dump(request: Uint8Array<ArrayBuffer>, take: () => void): Iterable<void> {
    const { entry } = this;
    return dumpTable(this.#socket, take, { request, reader: this.#reader, entry, report: this.#report });
  }
}

function requestsFor(protocol: Protocol, states: number, info: boolean): Uint8Array<ArrayBuffer>[] {
  if (protocol === "tcp") return [tcpDiagRequest({ states, info })];
  return (["ipv4", "ipv6"] as const).map((family) =>
    inetDiagRequest({ family, protocol: IPPROTO_UDP, states, info: false })
  );
}

/** The files of procfs. */
export class ProcfsSocketTable implements SocketTable {
  readonly entry = new SocketEntry();
  readonly #folder: string;
  readonly #file = new LineFile();
  readonly #reader: ProcNetSocketReader;
  readonly #report: Report;

  constructor(procfs: string, vocabulary: Vocabulary, report: Report) {
    this.#folder = `${procfs}/net`;
    this.#reader = new ProcNetSocketReader(vocabulary);
    this.#report = report;
  }

  *read(protocol: Protocol, take: () => void, listening: (port: number) => void): Iterable<void> {
    const { entry } = this;
    const files = this.#filesOf(protocol);
    for (const file of files) {
      yield* this.#listeners(file, protocol, listening);
      yield;
    }
    // What is malformed is counted when it is read again.
    this.#reader.malformed = 0;
    for (const file of files) {
      for (const _ of this.#file.read(file)) {
        this.#reader.begin(this.#file.bytes, 0, this.#file.end);
        while (this.#reader.next(entry)) take();
        yield;
      }
      // The end of a file is a read of its own, in which the kernel walks what is left of its table.
      yield;
    }
    if (this.#reader.malformed > 0) this.#report("malformed", this.#reader.malformed);
  }

  close(): void {}

  /** IPv6 may be switched off; without the first file there is nothing to read at all. */
  #filesOf(protocol: Protocol): string[] {
    const [v4, v6] = [`${this.#folder}/${protocol}`, `${this.#folder}/${protocol}6`];
    return exists(v6) ? [v4, v6] : [v4];
  }

  /** The kernel shows the listeners of TCP before all other sockets. */
  *#listeners(file: string, protocol: Protocol, listening: (port: number) => void): Iterable<void> {
    const { entry } = this;
    for (const _ of this.#file.read(file)) {
      this.#reader.begin(this.#file.bytes, 0, this.#file.end);
      while (this.#reader.next(entry)) {
        if (entry.state === LISTENING[protocol]) listening(entry.sourcePort);
        else if (protocol === "tcp") return;
      }
      yield;
    }
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
