const ROOT = new URL("../../", import.meta.url).pathname;

/**
 * The program as it is run from its source, or what NETCENSUS_COMMAND names in its place: the binary, and before it
 * whatever runs it, such as `setpriv --reuid=nobody`.
 */
export function commandOf(entry: string): string[] {
  const command = Deno.env.get("NETCENSUS_COMMAND");
  if (command !== undefined && entry === "main.ts") return command.split(" ");
  return [Deno.execPath(), "run", "--allow-all", "--config", `${ROOT}deno.json`, `${ROOT}${entry}`];
}

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export async function outputOf(command: Deno.Command): Promise<Output> {
  const { code, stdout, stderr } = await command.output(), decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs the program to its end. */
export async function run(
  args: readonly string[],
  options: { entry?: string; env?: Record<string, string> } = {},
) {
  const [program = "", ...rest] = commandOf(options.entry ?? "main.ts");
  const { env = {} } = options;
  return await outputOf(new Deno.Command(program, { args: [...rest, ...args], env }));
}

/** An exporter that runs as a process of its own. */
export class Exporter {
  /** Its log so far. */
  readonly lines: string[] = [];
  /** The addresses at which it listens. */
  readonly addresses: string[] = [];
  readonly #process: Deno.ChildProcess;
  readonly #logEnd: Promise<void>;
  readonly #started = Promise.withResolvers<void>();

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#logEnd = this.#readLog();
  }

  /** Starts it, and waits until it says that it has started. It listens at a free port of loopback. */
  static async start(
    args: readonly string[],
    options: { entry?: string; command?: readonly string[]; env?: Record<string, string> } = {},
  ) {
    const { env = {}, command = commandOf(options.entry ?? "main.ts") } = options;
    const hasAddress = args.some((arg) => arg.startsWith("--web.listen-address"));
    const own = hasAddress ? args : [...args, "--web.listen-address=127.0.0.1:0"];
    const [program = "", ...rest] = command;
    const exporter = new Exporter(
      new Deno.Command(program, { args: [...rest, ...own], env, stdout: "null", stderr: "piped" }).spawn(),
    );
    await exporter.#started.promise;
    return exporter;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get url(): string {
    return `http://${this.addresses[0]}`;
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<string> {
    const response = await fetch(this.url + path, { headers });
    return await response.text();
  }

  /** Ends it, and gives how it ended. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Deno.CommandStatus> {
    this.#process.kill(signal);
    await this.#logEnd;
    return await this.#process.status;
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
    let rest = "";
    for await (const text of this.#process.stderr.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#take(line);
    }
    this.#started.reject(new Error(`The exporter ended: ${this.lines.join("\n")}${rest}`));
    this.#started.promise.catch(() => {});
  }

  #take(line: string): void {
    this.lines.push(line);
    const address = /msg=Listening address=(\S+)/.exec(line)?.[1];
    if (address !== undefined) this.addresses.push(address);
    if (/msg=Started/.test(line)) this.#started.resolve();
  }
}

/** The series of an exposition: the value of each, by its name and labels as they are written. */
export function seriesOf(exposition: string): Map<string, number> {
  const lines = exposition.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => {
    const at = line.lastIndexOf(" ");
    return [line.slice(0, at), Number(line.slice(at + 1))];
  }));
}
