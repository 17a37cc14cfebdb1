import assert from "node:assert/strict";
import { CONTENT_TYPES } from "../../server/accept.ts";
import { ProcessMetrics, statusFamilies } from "../../server/own_metrics.ts";
import { textOf } from "../helpers/pipelines.ts";
import { program, testWith } from "../helpers/skip.ts";
import { BUILD, fakeCollector, gauge, Serving } from "./serving.ts";

const ROOMS = fakeCollector("rooms", {
  rules: gauge("rooms", ["hall", 'the "red" one']),
  problems: new Map([["short", 2], ["broken", 0]]),
  qualities: new Map([["counted", true], ["fresh", false]]),
});

function exposition(headers: HeadersInit = {}): Promise<string> {
  return scraped({ headers });
}

async function scraped(init: RequestInit): Promise<string> {
  await using serving = new Serving({ own: new ProcessMetrics(), collectors: [ROOMS] });
  await serving.status("/nothing");
  return await serving.text("/metrics", init);
}

testWith({
  name: "promtool has nothing to say of the exporter's own metrics",
  needs: program("promtool"),
  fn: async () => {
    const command = new Deno.Command("promtool", {
      args: ["check", "metrics"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
    const child = command.spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(await exposition()));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    assert.deepEqual([decoder.decode(stdout), decoder.decode(stderr), code], ["", "", 0]);
  },
});

const STATUS = [
  'netcensus_build_info{version="1.2.3",revision="0123456789ab",runtime="deno ',
  'netcensus_collector_success{collector="rooms"} 1\n',
  'netcensus_collector_duration_seconds{collector="rooms"} 0.25\n',
  'netcensus_collector_last_success_timestamp_seconds{collector="rooms"} 1700000000\n',
  'netcensus_parse_problems_total{collector="rooms",reason="short"} 2\n',
  'netcensus_parse_problems_total{collector="rooms",reason="broken"} 0\n',
  'netcensus_data_quality{collector="rooms",check="counted"} 1\n',
  'netcensus_data_quality{collector="rooms",check="fresh"} 0\n',
  'netcensus_series{metric="rooms"} 2\n',
  'netcensus_series_folded_total{metric="rooms"} 0\n',
];

for (const line of STATUS) {
  Deno.test(`statusFamilies() has the line ${line.trim()}`, () => {
    const text = textOf(statusFamilies(BUILD, [ROOMS.status], ROOMS.rules));
    assert(text.includes(`\n${line}`));
  });
}

Deno.test("statusFamilies() tells no quality of a collector that made no check", () => {
  const { status } = fakeCollector("silent");
  const text = textOf(statusFamilies(BUILD, [status, ROOMS.status], []));
  assert.deepEqual(text.match(/^netcensus_data_quality\{collector="\w+"/gm), [
    'netcensus_data_quality{collector="rooms"',
    'netcensus_data_quality{collector="rooms"',
  ]);
});

const PROCESS = [
  "process_cpu_seconds_total",
  "process_resident_memory_bytes",
  "process_start_time_seconds",
  "process_open_fds",
  "process_max_fds",
  "nodejs_eventloop_lag_seconds",
  "nodejs_heap_size_used_bytes",
  "netcensus_http_requests_total",
  "netcensus_http_scrapes_in_flight",
  "netcensus_http_scrape_duration_seconds_sum",
  "netcensus_http_scrape_duration_seconds_count",
];

for (const name of PROCESS) {
  Deno.test(`ProcessMetrics has a value for ${name}`, async () => {
    const [, value] = new RegExp(`^${name}(?:\\{.*\\})? (.*)$`, "m").exec(await exposition()) ?? [];
    assert(Number.isFinite(Number(value ?? "NaN")), value);
  });
}

Deno.test("ProcessMetrics counts the scrape that shows it as being answered", async () => {
  assert.match(await exposition(), /^netcensus_http_scrapes_in_flight 1$/m);
});

for (const accept of ["text/plain", CONTENT_TYPES.openmetrics]) {
  Deno.test(`ProcessMetrics tells how many scrapes were answered, and how long they took, when asked for ${accept}`, async () => {
    await using serving = new Serving({ own: new ProcessMetrics("rooms_scrape") });
    const start = performance.now();
    for (const path of ["/metrics", "/health", "/metrics"]) await serving.text(path);
    const seconds = (performance.now() - start) / 1000;
    const text = await serving.text("/metrics", { headers: { accept } });
    const [, sum, count] = /^# TYPE rooms_scrape summary\nrooms_scrape_sum (.+)\nrooms_scrape_count (.+)\n/m
      .exec(text)!;
    assert.equal(count, "2");
    assert(Number(sum) > 0 && Number(sum) < seconds, `${sum} of ${seconds}`);
  });
}

Deno.test("ProcessMetrics shows the same counters in OpenMetrics as in the text format after it was shown in either", async () => {
  await using serving = new Serving({ own: new ProcessMetrics() });
  const openmetrics = { headers: { accept: "application/openmetrics-text;version=1.0.0" } };
  await serving.text("/metrics", openmetrics);
  const names = (text: string) => new Set(text.match(/^\w+_total(?=[{ ])/gm));
  const text = names(await serving.text("/metrics"));
  assert.deepEqual(names(await serving.text("/metrics", openmetrics)), text);
  assert(text.has("process_cpu_seconds_total"));
});

interface ParsedFamily {
  readonly type: string;
  readonly unit: string | undefined;
  readonly samples: readonly string[];
}

/** The families of an OpenMetrics exposition; each must come once, with its head first. */
function familiesOf(text: string): Map<string, ParsedFamily> {
  const families = new Map<string, ParsedFamily>();
  const blocks = text.slice(0, text.lastIndexOf("# EOF\n")).split(/^(?=# HELP )/m);
  for (const block of blocks) {
    const [, name, type, unit, rest] =
      /^# HELP (\S+) .*\n# TYPE \1 (\S+)\n(?:# UNIT \1 (\S+)\n)?([^#]*)$/.exec(block) ?? [];
    assert(name !== undefined && type !== undefined && !families.has(name), block);
    families.set(name, { type, unit, samples: rest!.split("\n").filter((line) => line !== "") });
  }
  return families;
}

/** What may be put behind the name of a family: OpenMetrics 1.0, "Metric types". */
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total"],
  gauge: [""],
  unknown: [""],
  histogram: ["_bucket", "_count", "_sum"],
  gaugehistogram: ["_bucket", "_gcount", "_gsum"],
  summary: ["", "_count", "_sum"],
};

Deno.test("the exporter's own metrics are as OpenMetrics wants them", async () => {
  const text = await exposition({ accept: CONTENT_TYPES.openmetrics });
  assert.match(text, /\n# EOF\n$/);
  for (const [name, { type, unit, samples }] of familiesOf(text)) {
    const names = SUFFIXES[type]!.map((suffix) => name + suffix);
    for (const sample of samples) {
      assert(names.includes(/^\w+/.exec(sample)![0]), `${type} ${name}: ${sample}`);
    }
    if (unit !== undefined) assert(name.endsWith(`_${unit}`), `${name} ${unit}`);
    if (type === "counter") assert(!name.endsWith("_total"), name);
  }
});
