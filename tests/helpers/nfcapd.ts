const LOG_OF_TOTALS = /Flows: (\d+), Packets: (\d+), Bytes: (\d+)/g;

export interface NfcapdOptions {
  readonly port: number;
  /** Where it writes its files. */
  readonly folder: string;
  /** How often it begins a new one. */
  readonly rotateSeconds?: number;
  readonly receiveBuffer?: number;
}

export interface Totals {
  readonly flows: number;
  readonly packets: number;
  readonly bytes: number;
}

/** nfcapd, the collector of the package nfdump, on loopback. */
export class Nfcapd implements AsyncDisposable {
  #log = "";
  readonly #process: Deno.ChildProcess;
  readonly #logEnd: Promise<void>;
  readonly #started = Promise.withResolvers<void>();

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#logEnd = this.#readLog();
  }

  /** Starts it, and waits until it receives. */
  static async start(options: NfcapdOptions): Promise<Nfcapd> {
    const { port, folder, rotateSeconds = 300, receiveBuffer = 200_000 } = options;
    const args = ["-b", "127.0.0.1", "-p", port, "-w", folder, "-t", rotateSeconds, "-B", receiveBuffer];
    const command = new Deno.Command("nfcapd", { args: args.map(String), stdout: "null", stderr: "piped" });
    const nfcapd = new Nfcapd(command.spawn());
    await nfcapd.#started.promise;
    return nfcapd;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Ends it, and gives what it has received. */
  async stop(): Promise<Totals> {
    this.#process.kill("SIGTERM");
    await this.#logEnd;
    await this.#process.status;
    const totals = { flows: 0, packets: 0, bytes: 0 };
    for (const [, flows, packets, bytes] of this.#log.matchAll(LOG_OF_TOTALS)) {
      totals.flows += Number(flows);
      totals.packets += Number(packets);
      totals.bytes += Number(bytes);
    }
    return totals;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#logEnd;
    await this.#process.status;
  }

  async #readLog(): Promise<void> {
    for await (const text of this.#process.stderr.pipeThrough(new TextDecoderStream())) {
      this.#log += text;
      if (this.#log.includes("Startup nfcapd")) this.#started.resolve();
    }
    this.#started.reject(new Error(`nfcapd ended: ${this.#log}`));
    this.#started.promise.catch(() => {});
  }
}
