import { ProbeError } from "../../core/collector.ts";
import { Log } from "../../core/log.ts";
import type { CollectorStatus } from "../../core/status.ts";
import { recordType } from "../../core/record.ts";
import type { Rule } from "../../metrics/rule.ts";
import type { Build } from "../../server/own_metrics.ts";
import type { Scraped } from "../../server/scrape.ts";
import { Server, type ServerOptions } from "../../server/server.ts";
import { pass, pipelineOf, type Plain } from "../helpers/pipelines.ts";

/** What the program says that it is. */
export const BUILD: Build = { version: "1.2.3", revision: "0123456789ab" };

export interface FakeCollector extends Partial<CollectorStatus> {
  readonly rules?: readonly Rule[];
  readonly collect?: Scraped["collect"];
}

/** A collector that is well unless told otherwise. */
export function fakeCollector(name: string, options: FakeCollector = {}): Scraped {
  const { rules = [], collect = () => Promise.resolve(), ...status } = options;
  return {
    status: {
      name,
      success: true,
      durationSeconds: 0.25,
      lastSuccessSeconds: 1_700_000_000,
      lastError: "",
      problems: new Map(),
      qualities: new Map(),
      ...status,
    },
    rules,
    collect,
  };
}

export const ROOMS = recordType({
  name: "rooms",
  kind: "snapshot",
  help: "Rooms of a house.",
  fields: {
    name: { type: "text", help: "Its name" },
    number: { type: "number", help: "Its number" },
    size: { type: "number", help: "How large it is" },
  },
});

export const VISITS = recordType({
  name: "visits",
  kind: "stream",
  help: "Visits to a house.",
  fields: { name: { type: "text", help: "Who" }, seconds: { type: "number", help: "How long" } },
});

/** A gauge with a series for each of the names. */
export function gauge(name: string, names: readonly string[]): readonly Rule[] {
  const pipeline = pipelineOf({
    types: [ROOMS],
    rules: [{ name, help: "Rooms.", source: "rooms", labels: ["name"] }],
  });
  pass(pipeline, names.map((name): Plain => ({ name })));
  return pipeline.rules;
}

/** A gauge with so many series that no buffer of a socket holds them. */
export function hugeGauge(name: string): readonly Rule[] {
  const pipeline = pipelineOf({
    types: [ROOMS],
    rules: [{ name, help: "x".repeat(100), source: "rooms", labels: ["number"], max_series: 1_000_000 }],
  });
  pass(pipeline, Array.from({ length: 400_000 }, (_, number): Plain => ({ number })));
  return pipeline.rules;
}

/** A server on a free port of the loopback interface. */
export class Serving implements AsyncDisposable {
  readonly url: string;
  readonly server: Server;
  readonly addresses: readonly Deno.NetAddr[];
  readonly logged: string[] = [];

  constructor(options: Partial<ServerOptions> = {}) {
    this.server = new Server({
      build: BUILD,
      addresses: [{ hostname: "127.0.0.1", port: 0 }],
      metricsPath: "/metrics",
      maxRequests: 40,
      collectors: [],
      own: undefined,
      probe: () => Promise.reject(new ProbeError(404, "There is nobody to ask about")),
      configuration: () => Promise.resolve("log: {}\n"),
      reload: () => Promise.resolve({ isGood: true, lines: [] }),
      log: new Log({ level: "error", format: "logfmt", write: (line) => this.logged.push(line) }),
      ...options,
    });
    this.addresses = this.server.listen();
    this.url = `http://127.0.0.1:${this.addresses[0]!.port}`;
  }

  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(this.url + path, init);
  }

  async text(path: string, init?: RequestInit): Promise<string> {
    return await (await this.fetch(path, init)).text();
  }

  /** The status of the answer, whose body is read to its end. */
  async status(path: string, init?: RequestInit): Promise<number> {
    const response = await this.fetch(path, init);
    await response.arrayBuffer();
    return response.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
  }
}

/** The names of the metrics in an exposition. */
export function metricsOf(exposition: string): string[] {
  return [...exposition.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!);
}
