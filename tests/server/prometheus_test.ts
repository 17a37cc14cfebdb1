import assert from "node:assert/strict";
import type { Pipeline } from "../../metrics/pipeline.ts";
import { expositionOf, pass, pipelineOf, samplesOf } from "../helpers/pipelines.ts";
import { PrometheusServer } from "../helpers/prometheus_server.ts";
import { program, testWith } from "../helpers/skip.ts";
import { until } from "../helpers/waiting.ts";
import { fakeCollector, ROOMS, Serving, VISITS } from "./serving.ts";

const NAMES = [
  "hall",
  'the "red" one',
  "back\\slash",
  "two\nlines",
  "größe 😀",
  " spaces ",
  "a=b,c={d}",
  "#",
];
const NUMBERS = [0, 1, -1.5, 0.1, 1 / 3, 1e300, 1e-300, 2 ** 53, -(2 ** 31), 4_294_967_296];

/** Series of every type, with whatever labels and values there may be. */
function pipelines(): readonly Pipeline[] {
  const rooms = pipelineOf({
    types: [ROOMS],
    rules: [
      { name: "rooms", help: 'Rooms, "all" of them.\nAnd a \\ line.', source: "rooms" },
      { name: "rooms_by_name", help: "By name.", source: "rooms", labels: ["name"] },
      { name: "rooms_size_bytes", help: "Size.", source: "rooms", value: "size", labels: ["number"] },
      {
        name: "rooms_seen",
        help: "Seen.",
        source: "rooms",
        type: "counter",
        value: "size",
        labels: ["name", "number"],
      },
      {
        name: "rooms_size_histogram",
        help: "Sizes.",
        source: "rooms",
        type: "histogram",
        value: "size",
        buckets: [-1, 0.1, 1, 1e6],
        labels: ["name"],
      },
      {
        name: "rooms_none",
        help: "None.",
        source: "rooms",
        filter: { match: "name", is: "nobody" },
        labels: ["name"],
      },
      { name: "rooms:folded", help: "Folded.", source: "rooms", labels: ["number"], max_series: 3 },
    ],
  });
  pass(
    rooms,
    NUMBERS.map((size, number) => ({ name: NAMES[number], number: Math.abs(size), size })),
  );
  const visits = pipelineOf({
    types: [VISITS],
    rules: [
      { name: "visits_total", help: "Visits.", source: "visits", labels: ["name"] },
      { name: "visits_time_seconds_total", help: "Seconds.", source: "visits", value: "seconds" },
      { name: "visits_plain", help: "A counter by another name.", source: "visits", labels: ["name"] },
      { name: "visits_last", help: "A gauge.", source: "visits", type: "gauge", value: "seconds" },
      {
        name: "visits_seconds",
        help: "Durations.",
        source: "visits",
        type: "histogram",
        value: "seconds",
        buckets: [0.5, 1, 2.5],
      },
    ],
  });
  pass(visits, NAMES.map((name, i) => ({ name, seconds: i / 2 })));
  return [rooms, visits];
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", '"': '"', "\\": "\\" };

/** A series as text that does not depend on the order of its labels. To Prometheus an empty label is none. */
function canonical(name: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).filter(([, value]) => value !== "").toSorted();
  return `${name} ${JSON.stringify(pairs)}`;
}

function parseSeries(text: string): string {
  const labels = [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, value]) => [
    key!,
    value!.replace(/\\(.)/g, (_, c: string) => ESCAPES[c]!),
  ]);
  return canonical(/^[^{]*/.exec(text)![0], Object.fromEntries(labels));
}

/** A running Prometheus that scrapes targets every second, each under its own job, and has scraped all of them. */
async function prometheusWith(targets: Readonly<Record<string, string>>): Promise<PrometheusServer> {
  const jobs = Object.entries(targets).map(([job_name, target]) => ({
    job_name,
    static_configs: [{ targets: [target] }],
  }));
  const prometheus = await PrometheusServer.start({
    global: { scrape_interval: "1s" },
    scrape_configs: jobs,
  });
  await until(async () => {
    const [up] = await prometheus.samples("count(up == 1)");
    return Number(up?.value[1]) === jobs.length;
  });
  return prometheus;
}

/** The series that the selector gives now, without what Prometheus adds to them. */
async function seriesOf(prometheus: PrometheusServer, selector: string): Promise<Map<string, number>> {
  const samples = await prometheus.samples(selector);
  return new Map(samples.map(({ metric, value: [, value] }) => {
    const { __name__ = "", job: _job, instance: _instance, ...labels } = metric;
    return [canonical(__name__, labels), Number(value.replace("Inf", "Infinity"))];
  }));
}

/** Passes scrapes on as those of somebody who knows the text format only. */
function textOnly(target: string): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    return await fetch(target + pathname, { headers: { accept: "text/plain;version=0.0.4" } });
  });
}

testWith({
  name: "Prometheus holds the same series as were exposed, in either format",
  needs: program("prometheus"),
  fn: async () => {
    const rules = pipelines().flatMap(({ rules }) => rules);
    const problems = new Map([["broken", 3]]);
    await using serving = new Serving({ collectors: [fakeCollector("house", { rules, problems })] });
    await using proxy = textOnly(serving.url);
    const targets = { openmetrics: serving.url.slice(7), text: `127.0.0.1:${proxy.addr.port}` };
    await using prometheus = await prometheusWith(targets);

    const exposed = samplesOf(expositionOf(rules));
    const expected = [...exposed].map(([text, value]): [string, number] => [parseSeries(text), value]);
    assert(expected.length > 50);
    for (const job of Object.keys(targets)) {
      const own = await seriesOf(prometheus, `{job="${job}", __name__=~"rooms.*|visits.*"}`);
      assert.deepEqual(sorted(own), sorted(expected), job);
    }
    const told = await seriesOf(prometheus, '{job="openmetrics", __name__=~"netcensus_.*"}');
    assert.deepEqual(
      sorted(told),
      sorted(await seriesOf(prometheus, '{job="text", __name__=~"netcensus_.*"}')),
    );
    assert.equal(told.get('netcensus_parse_problems_total [["collector","house"],["reason","broken"]]'), 3);
  },
});

function sorted(series: Iterable<readonly [string, number]>): (readonly [string, number])[] {
  return [...series].toSorted(([a], [b]) => a < b ? -1 : 1);
}
