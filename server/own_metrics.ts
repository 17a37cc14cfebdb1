import {
  collectDefaultMetrics,
  Counter,
  Gauge,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
  Summary,
} from "prom-client";
import type { Figures } from "../core/enricher.ts";
import { SCRAPE_METRIC } from "../core/metric_name.ts";
import type { CollectorStatus } from "../core/status.ts";
import { type Family, familyOf, type Sample } from "../metrics/exposition.ts";
import type { Shown } from "../metrics/rule.ts";

/** Gauges of prom-client whose names are those of counters, and what they are the sums of. */
const MISNAMED = /^nodejs_active_(handles|requests|resources)(_total)?$/;

/** The metrics of the process and of its HTTP, which prom-client keeps. */
export class ProcessMetrics {
  readonly #registry = new Registry();
  readonly #requests = new Counter({
    name: "netcensus_http_requests_total",
    help: "HTTP requests that were answered, by path and status.",
    labelNames: ["path", "code"],
    registers: [this.#registry],
  });
  readonly #inFlight = new Gauge({
    name: "netcensus_http_scrapes_in_flight",
    help: "Scrapes that are being answered.",
    registers: [this.#registry],
  });
  readonly #scrapes: Summary;

  constructor(scrapeMetric = SCRAPE_METRIC) {
    this.#scrapes = new Summary({
      name: scrapeMetric,
      help: "How long scrapes took, in seconds.",
      percentiles: [],
      registers: [this.#registry],
    });
    // The default wakes the program a hundred times a second.
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: 100 });
  }

  answered(path: string, code: number): void {
    this.#requests.inc({ path, code: String(code) });
  }

  set inFlight(count: number) {
    this.#inFlight.set(count);
  }

  scraped(seconds: number): void {
    this.#scrapes.observe(seconds);
  }

  async families(): Promise<Family[]> {
    // Not metrics(): there one collect() that throws loses all, and OpenMetrics renames counters for good.
    const metrics = await this.#registry.getMetricsAsJSON() as MetricObjectWithValues<MetricValue<string>>[];
    return metrics.filter(({ name }) => !MISNAMED.test(name)).map(toFamily);
  }
}

/** prom-client gives `type` as a word, whatever its declarations say. */
function toFamily({ name, help, type, values }: MetricObjectWithValues<MetricValue<string>>): Family {
  const samples = values.map(({ labels, value, ...rest }): Sample => {
    const sampleName = "metricName" in rest ? String(rest.metricName) : name;
    return { name: sampleName, labels: labels as Sample["labels"], value };
  });
  return familyOf({ name, help, type: String(type) as Family["type"] }, samples);
}

/** What the program is. */
export interface Build {
  readonly version: string;
  /** The commit that it is made from. */
  readonly revision: string;
}

/** What is told of the exporter's build, collectors and rules. */
export function statusFamilies(
  build: Build,
  collectors: readonly CollectorStatus[],
  rules: readonly Shown[],
): Family[] {
  const each = (value: (status: CollectorStatus) => number) =>
    collectors.map((status) => ({ labels: { collector: status.name }, value: value(status) }));
  const ofRule = (value: (rule: Shown) => number) =>
    rules.map((rule) => ({ labels: { metric: rule.options.name }, value: value(rule) }));
  return [
    family("netcensus_build_info", "gauge", "What this is: always 1.", [
      { labels: { ...build, runtime: `deno ${Deno.version.deno}`, arch: Deno.build.arch }, value: 1 },
    ]),
    family(
      "netcensus_collector_success",
      "gauge",
      "Whether the last work of a collector succeeded.",
      each(({ success }) => success === true ? 1 : 0),
    ),
    family(
      "netcensus_collector_duration_seconds",
      "gauge",
      "How long the last pass of a collector took.",
      each(({ durationSeconds }) => durationSeconds),
    ),
    family(
      "netcensus_collector_last_success_timestamp_seconds",
      "gauge",
      "When the work of a collector last succeeded; 0 for never.",
      each(({ lastSuccessSeconds }) => lastSuccessSeconds),
    ),
    family(
      "netcensus_parse_problems_total",
      "counter",
      "What a collector could not read, by reason.",
      collectors.flatMap(({ name, problems }) =>
        [...problems].map(([reason, value]) => ({ labels: { collector: name, reason }, value }))
      ),
    ),
    family(
      "netcensus_data_quality",
      "gauge",
      "Whether the data of a collector are as good as they can be, by check.",
      collectors.flatMap(({ name, qualities }) =>
        [...qualities].map(([check, isGood]) => ({
          labels: { collector: name, check },
          value: isGood ? 1 : 0,
        }))
      ),
    ),
    family("netcensus_series", "gauge", "Label sets of a metric.", ofRule(({ view }) => view.rows)),
    family(
      "netcensus_series_folded_total",
      "counter",
      "What did not fit the budget of a metric: label sets of snapshots, records of streams.",
      ofRule(({ folded }) => folded),
    ),
  ];
}

/** How reading the configuration again has gone. */
export interface ReloadStatus {
  /** Of the last time. */
  readonly isSuccessful: boolean;
  readonly lastSuccessSeconds: number;
}

export function reloadFamilies({ isSuccessful, lastSuccessSeconds }: ReloadStatus): Family[] {
  return [
    family(
      "netcensus_config_last_reload_successful",
      "gauge",
      "Whether the configuration was good when it was last read.",
      [
        { labels: {}, value: isSuccessful ? 1 : 0 },
      ],
    ),
    family(
      "netcensus_config_last_reload_success_timestamp_seconds",
      "gauge",
      "When the configuration was last read and was good.",
      [{ labels: {}, value: lastSuccessSeconds }],
    ),
  ];
}

/** What the enrichers tell of themselves. */
export function enricherFamilies(figures: Figures): Family[] {
  const all = [...figures].flatMap(([enricher, own]) => own.map((figure) => ({ enricher, ...figure })));
  return Object.values(Object.groupBy(all, ({ name }) => name)).flatMap((same = []) => {
    const [{ name, type, help }] = same as [typeof all[number]];
    const samples = same.map(({ enricher, value }) => ({ labels: { enricher }, value }));
    return family(`netcensus_${name}`, type, `${help}.`, samples);
  });
}

function family(
  name: string,
  type: Family["type"],
  help: string,
  samples: readonly Omit<Sample, "name">[],
): Family {
  return familyOf({ name, help, type }, samples.map((sample) => ({ name, ...sample })));
}
