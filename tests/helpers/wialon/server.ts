import { type Rules, Session } from "./answers.ts";
import {
  type Bytes,
  configuration,
  driverMessage,
  fileQuery,
  firmware,
  type Form,
  snapshotQuery,
  textCommand,
  trickyBytes,
} from "./messages.ts";
import { PacketReader, readDatagram } from "./packets.ts";
import { pause, PiecemealWriter } from "./piecemeal.ts";
import { Tally } from "./tally.ts";

const PATIENCE_MS = 10_000, STEP_MS = 2;

export interface ServerOptions extends Rules {
  /** Without it, all addresses of IPv4 and IPv6. */
  readonly hostname?: string;
  /** Of TCP and UDP; without it, one that is free. */
  readonly port?: number;
  /** The size of pieces in which it sends. */
  readonly pieces?: number;
  /** Whether it answers by UDP; without it, it does. */
  readonly isSilentByUdp?: boolean;
}

/** What a server can say unasked. */
export type Command =
  | { readonly type: "QI" }
  | { readonly type: "QT"; readonly driver?: string }
  /** With so many bytes. */
  | { readonly type: "US" | "UC"; readonly size?: number }
  | { readonly type: "M"; readonly text?: string }
  /** A line without a type. */
  | { readonly type: "text"; readonly text?: string };

function commandBytes(command: Command, form: Form): Bytes {
  switch (command.type) {
    case "QI":
      return snapshotQuery();
    case "QT":
      return fileQuery(command.driver ?? "DRIVER1");
    case "US":
      return firmware(trickyBytes(command.size ?? 1000), form);
    case "UC":
      return configuration(trickyBytes(command.size ?? 1000), form);
    case "M":
      return driverMessage(command.text ?? "Come home", form);
    case "text":
      return textCommand(command.text ?? "VER?");
  }
}

class Connection {
  readonly session: Session;
  readonly #conn: Deno.Conn;
  readonly #tally: Tally;
  readonly #writer: PiecemealWriter;

  constructor(conn: Deno.TcpConn, { tally, options }: { tally: Tally; options: ServerOptions }) {
    conn.setNoDelay(true);
    this.#conn = conn;
    this.#tally = tally;
    this.session = new Session(options);
    this.#writer = new PiecemealWriter(async (bytes) => {
      for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
    }, options.pieces);
  }

  /** Until the device ends the connection, or somebody resets it. */
  async serve(): Promise<void> {
    const reader = new PacketReader(), buffer = new Uint8Array(65_536);
    try {
      for (let length: number | null; (length = await this.#conn.read(buffer)) !== null;) {
        for (const packet of reader.read(buffer.subarray(0, length))) {
          this.#tally.add("device", packet);
          const answer = this.session.answer(packet);
          if (answer !== undefined) await this.send(answer);
        }
      }
    } catch (error) {
      if (!isEnd(error)) throw error;
    } finally {
      this.close();
    }
  }

  async send(bytes: Bytes): Promise<void> {
    for (const packet of new PacketReader().read(bytes)) this.#tally.add("server", packet);
    await this.#writer.send(bytes);
  }

  close(): void {
    try {
      this.#conn.close();
    } catch {
      // It is closed already.
    }
  }
}

function isEnd(error: unknown): boolean {
  const { BadResource, BrokenPipe, ConnectionAborted, ConnectionReset, Interrupted } = Deno.errors;
  return [BadResource, BrokenPipe, ConnectionAborted, ConnectionReset, Interrupted].some((kind) =>
    error instanceof kind
  );
}

/** A server by TCP and UDP, with as many devices as come. */
export class WialonServer implements AsyncDisposable {
  readonly tally = new Tally();
  readonly #options: ServerOptions;
  readonly #listener: Deno.TcpListener;
  readonly #socket: Deno.DatagramConn;
  readonly #open = new Set<Connection>();
  readonly #running: Promise<unknown>;

  private constructor(options: ServerOptions) {
    const { hostname = "::", port = 0 } = options;
    this.#options = options;
    this.#listener = Deno.listen({ hostname, port });
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname, port: this.port });
    this.#running = Promise.all([this.#accept(), this.#receive()]);
  }

  static listen(options: ServerOptions = {}): WialonServer {
    return new WialonServer(options);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Says something to a device, as soon as it has logged in. */
  async command(imei: string, command: Command): Promise<void> {
    const connection = await this.#connectionOf(imei), { version } = connection.session;
    await connection.send(commandBytes(command, { version }));
  }

  /** Ends the connection of a device. */
  async drop(imei: string): Promise<void> {
    (await this.#connectionOf(imei)).close();
  }

  /** Waits until all devices have ended their connections. */
  async ended(): Promise<void> {
    await this.#until(() => this.#open.size === 0, "all connections to end");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.#socket.close();
    for (const connection of this.#open) connection.close();
    await this.#running;
    await this.ended();
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      const connection = new Connection(conn, { tally: this.tally, options: this.#options });
      this.#open.add(connection);
      connection.serve().finally(() => this.#open.delete(connection));
    }
  }

  async #receive(): Promise<void> {
    for await (const [bytes, address] of this.#socket) {
      const { version, packet } = readDatagram(bytes);
      this.tally.add("device", packet);
      const answer = new Session(this.#options, version).answer(packet);
      if (answer === undefined || this.#options.isSilentByUdp) continue;
      for (const packet of new PacketReader().read(answer)) this.tally.add("server", packet);
      await this.#socket.send(answer, address);
    }
  }

  async #connectionOf(imei: string): Promise<Connection> {
    const find = () => this.#open.values().find(({ session }) => session.imei === imei);
    await this.#until(() => find() !== undefined, `${imei} to log in`);
    return find()!;
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    while (!condition()) {
      if (performance.now() > end) throw new Error(`Expected ${what}`);
      await pause(STEP_MS);
    }
  }
}
