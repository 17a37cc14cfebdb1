/**
 * A fleet with its Prometheus, for tests of queries: hosts in network namespaces, with an exporter each and with
 * traffic for every collector, and a real Prometheus that scrapes them each second and evaluates the rules of deploy/.
 *
 *     await using fleet = await Fleet.start(); // some 12 s; then there are five samples of everything
 *     const up = await fleet.query("sum by (instance) (up)"); // [{ labels: { instance: "web1" }, value: 1 }, …]
 *
 * The job is `netcensus`; instances are `web1` and `web2` (sockets, conntrack; site="berlin"), `telematics` (sockets,
 * wialon; site="hamburg") and `monitor` (sockets, mikrotik, netflow; site="hamburg"). Of the routers `core` and `branch`
 * work, and `attic` is down. Flows come from 198.51.100.1 and 198.51.100.2. A file should start one fleet.
 */
import { canTrack } from "./conntrack_namespace.ts";
import { commandOf } from "./exporter.ts";
import { Configurations } from "./fleet/configurations.ts";
import { HOST_NAMES, PROMETHEUS_PORT } from "./fleet/hosts.ts";
import { FleetNetwork } from "./fleet/network.ts";
import { Part } from "./fleet/part.ts";
import { hasLibpcap } from "./has_libpcap.ts";
import type { Conversation } from "./namespace.ts";
import { program } from "./skip.ts";

const TRAFFIC = new URL("fleet/traffic.ts", import.meta.url);

const PATIENCE_MS = 60_000, PAUSE_MS = 250;

/** When it is ready, each of these gives something: there are five samples of all, and what counts now and then has. */
const SIGNS = [
  "count(count_over_time(up[1m]) >= 5) == 4",
  "count(count_over_time(conntrack_table_entries[1m]) >= 5) == 2",
  'count_over_time(mikrotik_up{router="branch"}[1m]) >= 5',
  'count_over_time(netcensus_flow_datagrams_total{exporter="198.51.100.2"}[1m]) >= 5',
  "count_over_time(wialon_ips_answer_seconds_count[1m]) >= 5",
  "increase(conntrack_closed_total[1m]) > 0",
  "increase(mikrotik_errors_total[1m]) > 0",
  'increase(netcensus_flow_lost_total{stage="sequence"}[1m]) > 0',
  "increase(netcensus_series_folded_total[1m]) > 0",
  "increase(wialon_ips_parse_errors_total[1m]) > 0",
  "instance:wialon_ips_answer_seconds:p95 > 0",
];

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Why a fleet cannot be started here, if it cannot. */
export async function canStartFleet(): Promise<string | undefined> {
  return await canTrack() ?? await hasLibpcap() ?? await program("prometheus")();
}

/** What Prometheus answers to a query at one time. */
type QueryData =
  | { readonly resultType: "scalar"; readonly result: readonly [time: number, value: string] }
  | {
    readonly resultType: "vector";
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly value: readonly [time: number, value: string];
    }[];
  };

export class Fleet implements AsyncDisposable {
  readonly #resources: AsyncDisposableStack;
  readonly #traffic: Conversation;
  /** What was asked before. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(traffic: Conversation, resources: AsyncDisposableStack) {
    this.#traffic = traffic;
    this.#resources = resources;
  }

  static async start(): Promise<Fleet> {
    await using resources = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir();
    resources.defer(() => Deno.remove(folder, { recursive: true }));
    const configurations = await Configurations.write(folder);
    const network = resources.use(await FleetNetwork.create());
    const { namespaces } = network, { monitor } = namespaces;
    const traffic = resources.use(monitor.start(TRAFFIC, [JSON.stringify(network.names)]));
    for (const name of HOST_NAMES) {
      const command = [...commandOf("main.ts"), `--config.file=${configurations.exporter(name)}`];
      resources.use(new Part(namespaces[name], command));
    }
    resources.use(
      new Part(monitor, [
        "prometheus",
        `--config.file=${configurations.prometheus}`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=127.0.0.1:${PROMETHEUS_PORT}`,
      ]),
    );
    await traffic.hear();
    const fleet = new Fleet(traffic, resources.move());
    try {
      await fleet.#ready();
      return fleet;
    } catch (error) {
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What an expression gives now: an instant vector, or a scalar, which has no labels. */
  async query(expression: string): Promise<Sample[]> {
    const data = await this.#get<QueryData>("query", { query: expression });
    if (data.resultType === "scalar") return [{ labels: {}, value: Number(data.result[1]) }];
    return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  /** Throws what is wrong with an expression, if it is none of PromQL. */
  async parses(expression: string): Promise<void> {
    await this.#get("format_query", { query: expression });
  }

  /** The values of a label, as variables of dashboards have them: of all series, or of those that match a selector. */
  labelValues(label: string, match?: string): Promise<string[]> {
    return this.#get(`label/${label}/values`, match === undefined ? {} : { "match[]": match });
  }

  async #ready(): Promise<void> {
    let missing: string[] = [];
    for (const end = performance.now() + PATIENCE_MS; performance.now() < end;) {
      missing = await this.#missing();
      if (missing.length === 0) return;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    throw new Error(`Expected in time ${missing.join(", ")}`);
  }

  async #missing(): Promise<string[]> {
    const missing = [];
    for (const sign of SIGNS) {
      const samples = await this.query(sign).catch(() => []);
      if (samples.length === 0) missing.push(sign);
    }
    return missing;
  }

  async #get<T>(path: string, parameters: Readonly<Record<string, string>>): Promise<T> {
    const asking = this.#last.then(() =>
      this.#traffic.ask(`/api/v1/${path}?${new URLSearchParams(parameters)}`)
    );
    this.#last = asking.catch(() => {});
    const { status, data, error } = JSON.parse(await asking);
    if (status !== "success") throw new Error(error);
    return data;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}
