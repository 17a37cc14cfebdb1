const NAME = "netcensus-test";

/** A network namespace of its own, without any link to the outside. */
export class Namespace implements AsyncDisposable {
  private constructor(readonly name: string) {}

  static async create(): Promise<Namespace> {
    const namespace = new Namespace(`${NAME}-${crypto.randomUUID().slice(0, 8)}`);
    await run("ip", ["netns", "add", namespace.name]);
    return namespace;
  }

  /** `ip` within the namespace, with the words of its arguments. */
  ip(words: string): Promise<string> {
    return run("ip", ["-n", this.name, ...words.split(" ")]);
  }

  run(command: string, args: readonly string[]): Promise<string> {
    return run("ip", ["netns", "exec", this.name, command, ...args]);
  }

  /** Starts a module of ours within the namespace. */
  start(module: URL, args: readonly string[] = []): Conversation {
    const command = ["run", "--quiet", "--allow-all", module.pathname, ...args];
    const child = new Deno.Command("ip", {
      args: ["netns", "exec", this.name, Deno.execPath(), ...command],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
      // A question to the name server would be traffic that the test did not make.
      env: { DENO_NO_UPDATE_CHECK: "1" },
    });
    return new Conversation(child.spawn());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("ip", ["netns", "del", this.name]);
  }
}

/** Why namespaces cannot be made here, if they cannot. */
export async function canMakeNamespaces(): Promise<string | undefined> {
  try {
    await using namespace = await Namespace.create();
    await namespace.run("ss", ["-H"]);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** A process that answers each line with one. */
export class Conversation implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #rest = "";

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#writer = child.stdin.getWriter();
    this.#lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  get pid(): number {
    return this.#child.pid;
  }

  async ask(line: string): Promise<string> {
    await this.#writer.write(new TextEncoder().encode(`${line}\n`));
    return await this.hear();
  }

  /** The next line. */
  async hear(): Promise<string> {
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#lines.read();
      if (done) throw new Error("Expected a line from a process that has ended");
      this.#rest += value;
    }
    const end = this.#rest.indexOf("\n");
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return line;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#writer.abort().catch(() => {});
    await this.#lines.cancel().catch(() => {});
  }
}

async function run(command: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args: [...args] }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`Cannot run ${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr).trim()}`);
}
