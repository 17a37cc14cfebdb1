import { PROTOCOL_NAMES } from "../../core/protocol_table.ts";
import { SERVICES } from "../../core/service_table.ts";
import { Exporter, seriesOf } from "../helpers/exporter.ts";
import { freeUdpPort } from "../helpers/free_port.ts";
import { Nfcapd, type Totals } from "../helpers/nfcapd.ts";
import { pause, until } from "../helpers/waiting.ts";

type Series = ReadonlyMap<string, number>;

/** What becomes of each datagram that a sender sends, by its number. */
export type Plan = (datagram: Uint8Array<ArrayBuffer>, number: number) => readonly Uint8Array<ArrayBuffer>[];

/** Passes the datagrams that come to a port of loopback on to several. */
export class Tee implements AsyncDisposable {
  /** How many flows have come, and how many datagrams were passed on. */
  flows = 0;
  passed = 0;
  readonly #socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  readonly #end: Promise<void>;

  constructor(ports: readonly number[], plan: Plan = (datagram) => [datagram]) {
    this.#end = this.#run(ports, plan);
  }

  get port(): number {
    return (this.#socket.addr as Deno.NetAddr).port;
  }

  async #run(ports: readonly number[], plan: Plan): Promise<void> {
    let number = 0;
    for await (const [datagram] of this.#socket) {
      for (const each of plan(datagram.slice(), number++)) {
        for (const port of ports) {
          await this.#socket.send(each, { transport: "udp", hostname: "127.0.0.1", port });
        }
        this.passed++;
      }
      this.flows += flowsIn(datagram);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#end;
  }
}

/** netcensus, and beside it nfcapd, that get the same datagrams. */
export class Receivers implements AsyncDisposable {
  readonly #port: number;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    readonly exporter: Exporter,
    readonly nfcapd: Nfcapd,
    /** Where senders send to. */
    readonly tee: Tee,
    /** Where nfcapd writes. */
    readonly folder: string,
    { port, resources }: { port: number; resources: AsyncDisposableStack },
  ) {
    this.#port = port;
    this.#resources = resources;
  }

  static async start({ plan }: { readonly plan?: Plan } = {}): Promise<Receivers> {
    await using resources = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir();
    resources.defer(() => Deno.remove(folder, { recursive: true }));
    const port = freeUdpPort();
    const nfcapd = resources.use(await Nfcapd.start({ port, folder }));
    const exporter = resources.use(await startExporter());
    const tee = resources.use(new Tee([await portOf(exporter), port], plan));
    return new Receivers(exporter, nfcapd, tee, folder, { port, resources: resources.move() });
  }

  /** What netcensus shows, when so many flows were sent and it has all datagrams that were passed on. */
  async series(flows: number): Promise<Series> {
    let series: Series = new Map();
    await until(async () => {
      if (this.tee.flows < flows) return false;
      series = seriesOf(await this.exporter.get("/metrics"));
      return sumOf(series, "netcensus_flow_datagrams_total") === this.tee.passed;
    });
    return series;
  }

  /** Ends nfcapd, and gives what nfdump counts of what it has received. */
  async counted(): Promise<Counts> {
    // It would leave behind what waits.
    await until(async () => await queueOf(this.#port) === 0);
    await this.nfcapd.stop();
    return await countsOfFiles(this.folder);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

/** How many flows a datagram says it has. */
export function flowsIn(datagram: Uint8Array): number {
  return datagram[2]! << 8 | datagram[3]!;
}

/** Sends datagrams to a port of loopback, from one of its addresses, not faster than anybody takes them. */
export async function send(
  datagrams: readonly Uint8Array[],
  port: number,
  { from = "127.0.0.1" } = {},
): Promise<void> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: from, port: 0 });
  const peer = { transport: "udp", hostname: from === "::1" ? from : "127.0.0.1", port } as const;
  for (const [i, datagram] of datagrams.entries()) {
    await socket.send(datagram, peer);
    if (i % 20 === 19) await pause(1);
  }
  socket.close();
}

/** netcensus that receives flows at a free port of loopback, and does nothing else. */
export function startExporter(args: readonly string[] = []): Promise<Exporter> {
  return Exporter.start([
    "--collector.disable-defaults",
    "--collector.netflow",
    "--collector.netflow.listen-address=127.0.0.1:0",
    ...args,
  ]);
}

/** Where it receives flows. */
export async function portOf({ lines }: Exporter): Promise<number> {
  let port: string | undefined;
  await until(() => {
    port = lines.flatMap((line) => /msg="Receiving flows".* address=\S+:(\d+)/.exec(line)?.[1] ?? [])[0];
    return port !== undefined;
  });
  return Number(port);
}

/** Totals by protocol, and by protocol and service, such as "tcp https". */
export interface Counts {
  readonly protocols: Readonly<Record<string, Totals>>;
  readonly services: Readonly<Record<string, Pick<Totals, "flows" | "bytes">>>;
}

/** The counts in what netcensus shows. */
export function countsOf(series: Series): Counts {
  const protocols: Record<string, Totals> = {}, services: Record<string, Totals> = {};
  for (const [text, value] of series) {
    const [, kind, name, labels = ""] = /^netflow_(service_)?(\w+)_total\{(.*)\}$/.exec(text) ?? [];
    const [, protocol = ""] = /protocol="(.*?)"/.exec(labels) ?? [];
    const [, service] = /app_service="(.*?)"/.exec(labels) ?? [];
    if (kind !== undefined) add(services, `${protocol} ${service}`, { [name!]: value });
    else if (name !== undefined) add(protocols, protocol, { [name]: value });
  }
  return { protocols, services: withoutPackets(services) };
}

/** The counts of files of nfcapd. */
export async function countsOfFiles(folder: string): Promise<Counts> {
  const protocols: Record<string, Totals> = {}, services: Record<string, Totals> = {};
  const format = "fmt:%pr %sp %dp %fl %pkt %byt";
  for (const line of (await runToEnd("nfdump", ["-R", folder, "-q", "-N", "-o", format])).split("\n")) {
    if (line.trim() === "") continue;
    const [number, source, destination, ...numbers] = line.trim().split(/\s+/);
    const [flows = NaN, packets = NaN, bytes = NaN] = numbers.map(Number);
    const protocol = PROTOCOL_NAMES.get(Number(number)) ?? "";
    const service = SERVICES.get(`${protocol}/${destination}`) ?? SERVICES.get(`${protocol}/${source}`) ??
      "other";
    add(protocols, protocol, { flows, packets, bytes });
    add(services, `${protocol} ${service}`, { flows, bytes });
  }
  return { protocols, services: withoutPackets(services) };
}

function add(sums: Record<string, Totals>, key: string, more: Partial<Totals>): void {
  const { flows, packets, bytes } = sums[key] ?? { flows: 0, packets: 0, bytes: 0 };
  sums[key] = {
    flows: flows + (more.flows ?? 0),
    packets: packets + (more.packets ?? 0),
    bytes: bytes + (more.bytes ?? 0),
  };
}

function withoutPackets(services: Readonly<Record<string, Totals>>): Counts["services"] {
  return Object.fromEntries(
    Object.entries(services).map(([name, { flows, bytes }]) => [name, { flows, bytes }]),
  );
}

export function totalOf({ protocols }: Counts): Totals {
  const sums: Record<string, Totals> = {};
  for (const totals of Object.values(protocols)) add(sums, "all", totals);
  return sums["all"]!;
}

/** What was lost, by stage. */
export function lostOf(series: Series): Record<string, number> {
  const stages = ["kernel", "decode", "filter", "sequence"];
  return Object.fromEntries(
    stages.map((stage) => [stage, sumOf(series, "netcensus_flow_lost_total", `stage="${stage}"`)]),
  );
}

/** The sum of the series of a metric, of those with this label. */
export function sumOf(series: Series, metric: string, label = ""): number {
  let sum = 0;
  for (const [text, value] of series) {
    if (text.replace(/\{.*/, "") === metric && text.includes(label)) sum += value;
  }
  return sum;
}

/** Runs a program to its end; gives what it says. */
export async function runToEnd(command: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args: [...args] }).output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  throw new Error(`Cannot run ${command} ${args.join(" ")}: ${decoder.decode(stderr).trim()}`);
}

/** How many bytes wait at a port of IPv4: the fifth field of /proc/net/udp has them behind those to be sent. */
async function queueOf(port: number): Promise<number> {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = (await Deno.readTextFile("/proc/net/udp")).split("\n").map((line) =>
    line.trim().split(/\s+/)
  );
  const line = lines.find(([, address]) => address?.endsWith(local));
  return parseInt(line?.[4]?.split(":")[1] ?? "0", 16);
}
