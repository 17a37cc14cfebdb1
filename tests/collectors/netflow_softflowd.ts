import { type Packet, pcap } from "./netflow_pcap.ts";
import { until } from "../helpers/waiting.ts";
import { runToEnd } from "./netflow_receivers.ts";

/** softflowd, of the package of that name, watching an interface. */
export class Softflowd implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #folder: string;

  private constructor(process: Deno.ChildProcess, folder: string) {
    this.#process = process;
    this.#folder = folder;
  }

  /** Starts it, and waits until it watches; it sends to a port of loopback. */
  static async start(name: string, port: number): Promise<Softflowd> {
    const folder = await Deno.makeTempDir();
    const process = new Deno.Command("softflowd", {
      args: [
        ...["-d", "-i", name, "-v", "5", "-n", `127.0.0.1:${port}`],
        ...["-c", `${folder}/control`, "-p", `${folder}/pid`],
      ],
      stdout: "null",
      stderr: "null",
    }).spawn();
    const softflowd = new Softflowd(process, folder);
    await until(() => softflowd.#ask("statistics").then(() => true, () => false));
    return softflowd;
  }

  /** How many packets it has made flows of so far. */
  async packets(): Promise<number> {
    return Number(/Packets processed: (\d+)/.exec(await this.#ask("statistics"))![1]);
  }

  /** Makes it send all flows; gives how many it has sent so far. */
  async flush(): Promise<number> {
    await this.#ask("expire-all");
    return sentIn(await this.#ask("statistics"));
  }

  #ask(command: string): Promise<string> {
    return runToEnd("softflowctl", ["-c", `${this.#folder}/control`, command]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Lets softflowd send the flows of packets to a port of loopback; gives how many. */
export async function sendFlowsOf(packets: readonly Packet[], port: number): Promise<number> {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeFile(file, pcap(packets));
    // With -a its clock is that of the packets.
    return sentIn(
      await runToEnd("softflowd", ["-d", "-a", "-r", file, "-v", "5", "-n", `127.0.0.1:${port}`]),
    );
  } finally {
    await Deno.remove(file);
  }
}

function sentIn(statistics: string): number {
  return Number(/Flows exported: \d+ \((\d+) records\)/.exec(statistics)![1]);
}
