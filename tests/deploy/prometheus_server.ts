import type { Literal } from "../../core/node.ts";

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

  /** The series that an expression gives, by their values of a label. */
  async query(expression: string, label: string): Promise<Record<string, number>> {
    const response = await fetch(`${this.url}/api/v1/query?${new URLSearchParams({ query: expression })}`);
    if (!response.ok) throw new Error(`Cannot ask Prometheus: ${await response.text()}`);
    const { data } = await response.json();
    return Object.fromEntries(
      data.result.map(({ metric, value }: { metric: Record<string, string>; value: [number, string] }) => [
        metric[label] ?? "",
        Number(value[1]),
      ]),
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
