import type { Literal } from "../../core/node.ts";

/** A series that an expression gives, and its value as it is written. */
export interface PrometheusSample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [seconds: number, value: string];
}

/** A real Prometheus on loopback, with its data in a folder of its own. */
export class PrometheusServer implements AsyncDisposable {
  private constructor(
    readonly url: string,
    readonly folder: string,
    private readonly child: Deno.ChildProcess,
    private readonly log: Promise<void>,
  ) {}

  static async start(configuration: Literal): Promise<PrometheusServer> {
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/prometheus.yml`, JSON.stringify(configuration));
    const child = new Deno.Command("prometheus", {
      args: [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        "--web.listen-address=127.0.0.1:0",
      ],
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const ready = Promise.withResolvers<string>();
    const log = read(child.stderr, (text) => {
      const address = /msg="Listening on" address=(\S+)/.exec(text)?.[1];
      if (address !== undefined && text.includes("Server is ready")) ready.resolve(address);
    }).then((text) => ready.reject(new Error(`Prometheus has ended: ${text}`)));
    return new PrometheusServer(`http://${await ready.promise}`, folder, child, log);
  }

  /** The series that an expression gives. */
  async samples(expression: string): Promise<readonly PrometheusSample[]> {
    const response = await fetch(`${this.url}/api/v1/query?${new URLSearchParams({ query: expression })}`);
    if (!response.ok) throw new Error(`Cannot ask Prometheus: ${await response.text()}`);
    return (await response.json()).data.result;
  }

  /** The same by their values of a label. */
  async query(expression: string, label: string): Promise<Record<string, number>> {
    const samples = await this.samples(expression);
    return Object.fromEntries(
      samples.map(({ metric, value: [, value] }) => [metric[label] ?? "", Number(value)]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.log;
    await this.child.status;
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function read(stream: ReadableStream<Uint8Array>, hear: (text: string) => void): Promise<string> {
  let text = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream())) hear(text += piece);
  return text;
}
