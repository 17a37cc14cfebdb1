import assert from "node:assert/strict";
import netflow from "../../../collectors/netflow/mod.ts";
import type { Context, Source } from "../../../core/collector.ts";
import { enricher } from "../../../core/enricher.ts";
import { Log } from "../../../core/log.ts";
import { type Literal, nodeOf, Problems } from "../../../core/node.ts";
import * as shape from "../../../core/shape.ts";
import { drive } from "../../../core/work.ts";
import { openEnrichers } from "../../../enrich/open.ts";
import protocolName from "../../../enrich/protocol_name.ts";
import service from "../../../enrich/service.ts";
import { compileRules, compileSourceFilters } from "../../../metrics/compile.ts";
import { mergeRules } from "../../../metrics/merge_rules.ts";
import { Pipeline } from "../../../metrics/pipeline.ts";
import { metricOf } from "../../helpers/collecting.ts";
import { netflowV5, type V5Header, type V5Record } from "../../helpers/netflow_v5.ts";
import { seriesOf } from "../../helpers/pipelines.ts";
import { RawSocket } from "../../helpers/raw_sockets.ts";

export const PATHS = { procfs: "/proc", sysfs: "/sys" };
export const MAX_WAIT_MS = 10_000;

/** 192.0.2.0/24 is in Germany, and of the rest nobody knows. */
const country = enricher({
  name: "maxmind_country",
  help: "",
  needsSettings: false,
  takes: "ip",
  settings: {},
  outputs: { iso: "" },
  open: () => ({ lookup: (ip) => String(ip).startsWith("192.0.2.") ? "DE" : undefined }),
});

export interface FlowsOptions {
  readonly settings?: { readonly [key: string]: Literal };
  readonly rules?: readonly Literal[];
  readonly filters?: Literal;
}

/** The collector with its rules, run by hand, and those that send flows to it over loopback. */
export class Flows implements AsyncDisposable {
  readonly pipeline = new Pipeline(netflow);
  readonly values: Record<string, unknown>;
  readonly log: Log;
  readonly logged: string[] = [];
  /** How often there was a problem, by its reason. */
  readonly problems: Record<string, number> = {};
  readonly source: Source;
  readonly stopping = new AbortController();
  #stream: Promise<void> = Promise.resolve();
  readonly #senders = new Map<string, RawSocket>();

  constructor({ settings = {}, rules = [], filters = {} }: FlowsOptions = {}) {
    const problems = new Problems(), { pipeline } = this;
    this.log = new Log({
      level: "debug",
      format: "logfmt",
      write: (line) => this.logged.push(line.replace(/^ts=\S+ /, "").trimEnd()),
    });
    const kinds = [protocolName, service, country];
    const enrichers = openEnrichers(kinds, undefined, { log: this.log, problems });
    const shipped = new Set(netflow.rules.map(({ name }) => String(name)));
    const surroundings = { ruleSets: pipeline.ruleSets, shipped, ...enrichers };
    compileRules(mergeRules(netflow.rules, nodeOf(rules), problems), surroundings, problems);
    compileSourceFilters(nodeOf(filters), surroundings, problems);
    const own = { listen_address: "127.0.0.1:0", ...settings };
    this.values = shape.record(netflow.settings).read(nodeOf(own), problems)!;
    assert.deepEqual(problems.lines(), []);
    const context: Context = {
      vocabulary: pipeline.vocabulary,
      sink: (type) => pipeline.sink(type),
      log: this.log,
      paths: PATHS,
      problem: (reason, { count = 1 } = {}) => {
        this.problems[reason] = (this.problems[reason] ?? 0) + count;
      },
      quality: () => assert.fail("There is no quality"),
    };
    this.source = netflow.open(this.values, context);
  }

  /** Begins to receive. */
  start(): this {
    const { signal } = this.stopping, { vocabulary } = this.pipeline;
    const between = () => vocabulary.forgetIfFull();
    this.#stream = drive(this.source.stream!(signal), { signal, between });
    this.#stream.catch(() => {});
    return this;
  }

  /** Where it listens. */
  get addresses(): string[] {
    return this.logged.flatMap((line) => /msg="Receiving flows".* address=(\S+)/.exec(line)?.[1] ?? []);
  }

  /** Sends from an address of loopback to one where it listens. */
  send(bytes: Uint8Array<ArrayBuffer>, from = "127.0.0.1", to = this.addresses[0]!): void {
    const local = from.includes(":") ? `[${from}]:0` : `${from}:0`;
    let sender = this.#senders.get(local);
    if (sender === undefined) {
      sender = RawSocket.udp(local);
      this.#senders.set(local, sender);
    }
    const port = to.slice(to.lastIndexOf(":"));
    sender.sendTo(`${from.includes(":") ? "[::1]" : "127.0.0.1"}${port}`, bytes);
  }

  flows(records: readonly Partial<V5Record>[], header: Partial<V5Header> = {}, from?: string): void {
    this.send(netflowV5(records, header), from);
  }

  /** A pass; gives all series. */
  async collect(): Promise<Map<string, number>> {
    const { pipeline } = this;
    pipeline.tick(Math.floor(performance.now() / 1000));
    pipeline.begin();
    const between = () => pipeline.vocabulary.forgetIfFull();
    await drive(this.source.snapshot!(new AbortController().signal), { between });
    for (const kind of ["snapshot", "stream"] as const) await drive(pipeline.settle(kind));
    return seriesOf(pipeline);
  }

  /** The series, when so many datagrams have come. */
  async after(datagrams: number): Promise<Map<string, number>> {
    for (const end = performance.now() + MAX_WAIT_MS;;) {
      const series = await this.collect();
      const come = sumOf(series, "netcensus_flow_datagrams_total");
      if (come >= datagrams || performance.now() > end) {
        assert.equal(come, datagrams, "Datagrams that have come");
        return series;
      }
      await pause(5);
    }
  }

  /** Stops it, and gives what the stream ended with. */
  async stop(): Promise<unknown> {
    this.stopping.abort(new Error("The test is over"));
    return await this.#stream.then(() => undefined, (error) => error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.source.close?.();
    for (const sender of this.#senders.values()) sender.close();
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

export function sumOf(series: ReadonlyMap<string, number>, metric: string): number {
  return Object.values(metricOf(series, metric)).reduce((sum, value) => sum + value, 0);
}

/** What was lost, by stage and exporter. */
export function lostOf(series: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(metricOf(series, "netcensus_flow_lost_total")).flatMap(([labels, lost]) => {
      const [, stage, exporter] = /stage="(.*?)",exporter="(.*?)"/.exec(labels)!;
      return lost === 0 ? [] : [[`${stage} ${exporter}`.trimEnd(), lost]];
    }),
  );
}

/** Those of the metrics of one exporter. */
export function exporterOf(series: ReadonlyMap<string, number>, address: string): Record<string, number> {
  const label = `{exporter="${address}"}`;
  return Object.fromEntries(
    [...series].filter(([name]) => name.startsWith("netcensus_flow_") && name.endsWith(label))
      .map(([name, value]) => [name.slice("netcensus_flow_".length, -label.length), value]),
  );
}
