import { encodeSentence, SentenceDecoder } from "./words.ts";

export interface RawClientOptions {
  /** Certificates of authorities, for TLS. */
  readonly caCerts?: readonly string[];
  /** As whom it logs in; `prometheus` with "secret" by default, false for nobody. */
  readonly user?: readonly [name: string, password: string] | false;
}

/** A client that shows what a simulator sends, whatever it is. */
export class RawClient implements Disposable {
  readonly #conn: Deno.TcpConn | Deno.TlsConn;
  readonly #decoder = new SentenceDecoder();
  readonly #ready: string[][] = [];

  private constructor(conn: Deno.TcpConn | Deno.TlsConn) {
    this.#conn = conn;
  }

  static async connect(port: number, options: RawClientOptions = {}): Promise<RawClient> {
    const { caCerts, user = ["prometheus", "secret"] } = options;
    const conn = caCerts === undefined
      ? await Deno.connect({ port })
      : await Deno.connectTls({ port, hostname: "127.0.0.1", caCerts: [...caCerts] });
    const client = new RawClient(conn);
    if (user !== false) await client.ask("/login", `=name=${user[0]}`, `=password=${user[1]}`);
    return client;
  }

  async send(...words: string[]): Promise<void> {
    const bytes = encodeSentence(words);
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** Sends a sentence, and gives the replies up to `!done` or `!fatal`. */
  async ask(...words: string[]): Promise<string[][]> {
    await this.send(...words);
    return await this.answer();
  }

  /** The replies up to `!done` or `!fatal`. */
  async answer(): Promise<string[][]> {
    const replies: string[][] = [];
    do replies.push(await this.sentence()); while (!/^!(done|fatal)$/.test(replies.at(-1)![0]!));
    return replies;
  }

  async sentence(): Promise<string[]> {
    while (this.#ready.length === 0) {
      const bytes = await this.read();
      if (bytes === undefined) throw new Error("Cannot read a sentence: The connection has ended");
      this.#ready.push(...this.#decoder.push(bytes));
    }
    return this.#ready.shift()!;
  }

  /** What comes next as it is; undefined at the end. */
  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const buffer = new Uint8Array(1 << 16), length = await this.#conn.read(buffer);
    return length === null ? undefined : buffer.subarray(0, length);
  }

  /** So many bytes as they are, or all up to the end. */
  async bytes(count = Infinity): Promise<Uint8Array<ArrayBuffer>> {
    const pieces: number[] = [];
    while (pieces.length < count) {
      const bytes = await this.read();
      if (bytes === undefined) break;
      for (const byte of bytes) pieces.push(byte);
    }
    return new Uint8Array(pieces);
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}
