import assert from "node:assert/strict";
import netflow from "../../../collectors/netflow/mod.ts";
import { enricher } from "../../../core/enricher.ts";
import { Log } from "../../../core/log.ts";
import { type Literal, nodeOf, Problems } from "../../../core/node.ts";
import * as shape from "../../../core/shape.ts";
import { drive } from "../../../core/work.ts";
import { openEnrichers } from "../../../enrich/open.ts";
import protocolName from "../../../enrich/protocol_name.ts";
import service from "../../../enrich/service.ts";
import type { Pipeline } from "../../../metrics/pipeline.ts";
import { Collecting, type CollectingOptions, metricOf } from "../../helpers/collecting.ts";
import { quiet } from "../../helpers/enrichers.ts";
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

export interface FlowsOptions extends Pick<CollectingOptions, "rules" | "filters"> {
  readonly settings?: { readonly [key: string]: Literal };
}

/** The collector with its rules, run by hand, and those that send flows to it over loopback. */
export class Flows implements AsyncDisposable {
  readonly stopping = new AbortController();
  readonly #collecting: Collecting;
  readonly #settings: Literal;
  #stream: Promise<void> = Promise.resolve();
  readonly #senders = new Map<string, RawSocket>();

  constructor({ settings, ...options }: FlowsOptions = {}) {
    const { lookups } = openEnrichers([protocolName, service, country], undefined, {
      ...quiet(),
      problems: new Problems(),
    });
    this.#settings = { listen_address: "127.0.0.1:0", ...settings };
    this.#collecting = new Collecting(netflow, { ...options, lookups, settings: this.#settings });
  }

  get pipeline(): Pipeline {
    return this.#collecting.pipeline;
  }

  /** What a collector is opened with. */
  get values(): Record<string, unknown> {
    return shape.record(netflow.settings).read(nodeOf(this.#settings), new Problems())!;
  }

  /** A log whose lines are among those of the collector. */
  get log(): Log {
    const write = (line: string) => this.#collecting.logged.push(line);
    return new Log({ level: "debug", format: "logfmt", write });
  }

  /** The lines of the log, without their times. */
  get logged(): string[] {
    return this.#collecting.logged.map((line) => line.replace(/^ts=\S+ /, "").trimEnd());
  }

  /** How often there was a problem, by its reason. */
  get problems(): Record<string, number> {
    return Object.fromEntries(this.#collecting.problems);
  }

  /** Begins to receive. */
  start(): this {
    const { signal } = this.stopping, { vocabulary } = this.pipeline;
    const between = () => vocabulary.forgetIfFull();
    this.#stream = drive(this.#collecting.source.stream!(signal), { signal, between });
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
    await drive(this.#collecting.source.snapshot!(new AbortController().signal), { between });
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
    this.#collecting[Symbol.dispose]();
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
