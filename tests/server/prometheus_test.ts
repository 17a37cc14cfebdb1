import assert from "node:assert/strict";
import type { Pipeline } from "../../metrics/pipeline.ts";
import { expositionOf, pass, pipelineOf, samplesOf } from "../helpers/pipelines.ts";
import { program, testWith } from "../helpers/skip.ts";
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

/** A port that nobody listens at: Prometheus cannot be told to take any. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A running Prometheus that scrapes targets every second, each under its own job. */
class Prometheus implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;
  readonly #url: string;

  private constructor(child: Deno.ChildProcess, { folder, url }: { folder: string; url: string }) {
    this.#child = child;
    this.#folder = folder;
    this.#url = url;
  }

  static async start(targets: Readonly<Record<string, string>>): Promise<Prometheus> {
    const folder = await Deno.makeTempDir();
    const address = `127.0.0.1:${freePort()}`;
    const jobs = Object.entries(targets).map(([job_name, target]) => ({
      job_name,
      static_configs: [{ targets: [target] }],
    }));
    const config = { global: { scrape_interval: "1s" }, scrape_configs: jobs };
    await Deno.writeTextFile(`${folder}/prometheus.yml`, JSON.stringify(config));
    const command = new Deno.Command("prometheus", {
      args: [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=${address}`,
      ],
      stdout: "null",
      stderr: "null",
    });
    return new Prometheus(command.spawn(), { folder, url: `http://${address}` });
  }

  /** The series that the selector gives now, without what Prometheus adds to them. */
  async series(selector: string): Promise<Map<string, number>> {
    const response = await fetch(`${this.#url}/api/v1/query?query=${encodeURIComponent(selector)}`);
    const { data } = await response.json() as {
      data: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    return new Map(data.result.map(({ metric, value: [, value] }) => {
      const { __name__ = "", job: _job, instance: _instance, ...labels } = metric;
      return [canonical(__name__, labels), Number(value.replace("Inf", "Infinity"))];
    }));
  }

  /** Waits until all targets were scraped. */
  async scraped(targets: number): Promise<void> {
    for (let i = 0; i < 300; i++) {
      const [up] = await this.series("count(up == 1)").then((series) => series.values()).catch(() => []);
      if (up === targets) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`Cannot see ${targets} targets that are up`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
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
    await using prometheus = await Prometheus.start(targets);
    await prometheus.scraped(2);

    const exposed = samplesOf(expositionOf(rules));
    const expected = [...exposed].map(([text, value]): [string, number] => [parseSeries(text), value]);
    assert(expected.length > 50);
    for (const job of Object.keys(targets)) {
      const own = await prometheus.series(`{job="${job}", __name__=~"rooms.*|visits.*"}`);
      assert.deepEqual(sorted(own), sorted(expected), job);
    }
    const told = await prometheus.series('{job="openmetrics", __name__=~"netcensus_.*"}');
    assert.deepEqual(sorted(told), sorted(await prometheus.series('{job="text", __name__=~"netcensus_.*"}')));
    assert.equal(told.get('netcensus_parse_problems_total [["collector","house"],["reason","broken"]]'), 3);
  },
});

function sorted(series: Iterable<readonly [string, number]>): (readonly [string, number])[] {
  return [...series].toSorted(([a], [b]) => a < b ? -1 : 1);
}
