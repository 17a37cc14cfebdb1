import net from "node:net";
import type { Duplex } from "node:stream";
import tls from "node:tls";
import type { Fault } from "./faults.ts";
import type { LoginForm } from "./login.ts";
import { EncodedTables, type Table, type TagPlace } from "./rows.ts";
import { type Router, Session } from "./session.ts";
import { smallRouter } from "./tables.ts";
import { Wire } from "./wire.ts";

export type { Fault, FaultKind } from "./faults.ts";
export type { Prepared, Row, Table } from "./rows.ts";

export interface SimulatorOptions {
  /** "127.0.0.1" by default. */
  readonly hostname: string;
  /** Any that is free by default. */
  readonly port: number;
  /** PEM. Without it, it is plain TCP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Passwords by name; `prometheus` has "secret" by default. */
  users: Readonly<Record<string, string>>;
  /** "plain" by default. */
  login: LoginForm;
  /** Of RouterOS; from 7.18 on it says `!empty`, also by default. */
  version: string;
  /**
   * By menu, such as "/ip/firewall/connection". Those of a small router by default. What a table was encoded to is
   * kept: to change one, put another in its place.
   */
  tables: Record<string, Table>;
  /** What is sent comes in pieces of so many bytes, */
  chunk?: number | undefined;
  /** with so many milliseconds between. */
  delay?: number | undefined;
  /** Where `.tag` stands in replies; "last" by default, as in the documentation. */
  tag: TagPlace;
  fault?: Fault | undefined;
}

/** The API of a router, on loopback: what RouterOS would answer, and what goes wrong if it is told to. */
export class RouterSimulator implements Router, AsyncDisposable {
  /** May be changed at any time; of the first three, nothing comes of it. */
  readonly options: SimulatorOptions;
  /** What was asked for, in order; of /login, nothing but its name. */
  readonly commands: (readonly string[])[] = [];
  /** How many connections were accepted. */
  connections = 0;
  /** How many logins were right. */
  logins = 0;
  readonly encoded = new EncodedTables();
  readonly #server: net.Server;
  #port = 0;
  readonly #sessions = new Set<Session>();

  private constructor(options: SimulatorOptions) {
    this.options = options;
    // As RouterOS does.
    const context = options.tls && tls.createSecureContext({ ...options.tls, maxVersion: "TLSv1.2" });
    this.#server = net.createServer((socket) => this.#accept(socket, context));
  }

  static async start(options: Partial<SimulatorOptions> = {}): Promise<RouterSimulator> {
    const simulator = new RouterSimulator({
      hostname: "127.0.0.1",
      port: 0,
      users: { prometheus: "secret" },
      login: "plain",
      version: "7.18.2",
      tables: smallRouter(),
      tag: "last",
      ...options,
    });
    const { hostname, port } = simulator.options, server = simulator.#server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, hostname, resolve);
    });
    simulator.#port = (server.address() as net.AddressInfo).port;
    return simulator;
  }

  /** Also when it has closed, so that another can take its place. */
  get port(): number {
    return this.#port;
  }

  /** Host and port, as in a URL. */
  get address(): string {
    const { hostname } = this.options;
    return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${this.port}`;
  }

  /** How many connections are open. */
  get open(): number {
    return this.#sessions.size;
  }

  /** Encodes what would be encoded when it is asked for the first time. */
  warm(menu: string, names?: readonly string[]): void {
    const table = this.options.tables[menu];
    if (table === undefined) throw new Error(`Cannot warm ${menu}: It has no table`);
    this.encoded.rowsOf(table, names);
  }

  /** Closes all connections at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    const sessions = [...this.#sessions];
    for (const { wire } of sessions) wire.destroy();
    await Promise.all([closed, ...sessions.map(({ done }) => done)]);
  }

  #accept(tcp: net.Socket, secureContext: tls.SecureContext | undefined): void {
    this.connections++;
    tcp.setNoDelay(true);
    const socket: Duplex = secureContext ? new tls.TLSSocket(tcp, { isServer: true, secureContext }) : tcp;
    const session = new Session(new Wire(socket, tcp), this);
    this.#sessions.add(session);
    session.wire.closed.then(() => this.#sessions.delete(session));
    // After an error it is closed in any case.
    for (const end of new Set([socket, tcp])) end.on("error", () => session.wire.destroy());
    socket.on("data", (bytes: Uint8Array) => session.receive(bytes));
  }
}
