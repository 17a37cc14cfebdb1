import assert from "node:assert/strict";
import type { ShippedRule } from "../../core/collector.ts";
import { familiesOf, type Family, familyOf, type Format, render } from "../../metrics/exposition.ts";
import { recordType } from "../../core/record.ts";
import { expositionOf, pass, pipelineOf, type Plain, samplesOf, textOf } from "../helpers/pipelines.ts";
import { property } from "../helpers/random.ts";
import { randomGrouping, randomRecord, randomRule, SNAPSHOT, STREAM } from "../helpers/scenarios.ts";
import { program, testWith } from "../helpers/skip.ts";

const FIELDS = {
  name: { type: "text", help: "Name" },
  amount: { type: "number", help: "Amount" },
} as const;
const SOCKETS = recordType({ name: "sockets", help: "Sockets", kind: "snapshot", fields: FIELDS });
const FLOWS = recordType({ name: "flows", help: "Flows", kind: "stream", fields: FIELDS });
const FORMATS: readonly Format[] = ["text", "openmetrics"];

function family(options: Partial<Pick<Family, "name" | "help" | "type">>, ...values: number[]): Family {
  const head = { name: "metric", help: "Help.", type: "gauge" as const, ...options };
  return familyOf(head, values.map((value) => ({ name: head.name, labels: {}, value })));
}

/** What a rule shows of records. */
function shown(rule: Omit<ShippedRule, "name">, records: readonly Plain[]): Record<Format, string> {
  const type = rule["source"] === "flows" ? FLOWS : SOCKETS;
  const pipeline = pipelineOf({ types: [type], rules: [{ name: "metric", help: "Help.", ...rule }] });
  pass(pipeline, records);
  return {
    text: expositionOf(pipeline.rules, "text"),
    openmetrics: expositionOf(pipeline.rules, "openmetrics"),
  };
}

interface HeadCase {
  readonly what: string;
  readonly head: Partial<Pick<Family, "name" | "help" | "type">>;
  readonly text: string;
  readonly openmetrics: string;
}

const HEADS: readonly HeadCase[] = [
  {
    what: "a gauge",
    head: {},
    text: "# HELP metric Help.\n# TYPE metric gauge\n",
    openmetrics: "# HELP metric Help.\n# TYPE metric gauge\n",
  },
  {
    what: "a metric of no known type",
    head: { type: "unknown" },
    text: "# HELP metric Help.\n# TYPE metric untyped\n",
    openmetrics: "# HELP metric Help.\n# TYPE metric unknown\n",
  },
  {
    what: "a counter that ends in _total",
    head: { name: "metric_total", type: "counter" },
    text: "# HELP metric_total Help.\n# TYPE metric_total counter\n",
    openmetrics: "# HELP metric Help.\n# TYPE metric counter\n",
  },
  {
    what: "a counter that does not end in _total",
    head: { type: "counter" },
    text: "# HELP metric Help.\n# TYPE metric counter\n",
    openmetrics: "# HELP metric Help.\n# TYPE metric unknown\n",
  },
  {
    what: "a gauge that ends in _total",
    head: { name: "metric_total" },
    text: "# HELP metric_total Help.\n# TYPE metric_total gauge\n",
    openmetrics: "# HELP metric_total Help.\n# TYPE metric_total gauge\n",
  },
  {
    what: "a gauge with a unit",
    head: { name: "metric_seconds" },
    text: "# HELP metric_seconds Help.\n# TYPE metric_seconds gauge\n",
    openmetrics: "# HELP metric_seconds Help.\n# TYPE metric_seconds gauge\n# UNIT metric_seconds seconds\n",
  },
  {
    what: "a counter with a unit",
    head: { name: "metric_bytes_total", type: "counter" },
    text: "# HELP metric_bytes_total Help.\n# TYPE metric_bytes_total counter\n",
    openmetrics: "# HELP metric_bytes Help.\n# TYPE metric_bytes counter\n# UNIT metric_bytes bytes\n",
  },
  {
    what: "a name that has a unit in its middle",
    head: { name: "metric_bytes_sent" },
    text: "# HELP metric_bytes_sent Help.\n# TYPE metric_bytes_sent gauge\n",
    openmetrics: "# HELP metric_bytes_sent Help.\n# TYPE metric_bytes_sent gauge\n",
  },
  {
    what: "a summary",
    head: { type: "summary" },
    text: "# HELP metric Help.\n# TYPE metric summary\n",
    openmetrics: "# HELP metric Help.\n# TYPE metric summary\n",
  },
  {
    what: "help with a backslash, a quote, an end of line and UTF-8",
    head: { help: '\\ " \n ä😀' },
    text: '# HELP metric \\\\ " \\n ä😀\n# TYPE metric gauge\n',
    openmetrics: '# HELP metric \\\\ \\" \\n ä😀\n# TYPE metric gauge\n',
  },
];

for (const { what, head, ...expected } of HEADS) {
  for (const format of FORMATS) {
    Deno.test(`render() writes the head of ${what} in the format ${format}`, () => {
      const eof = format === "openmetrics" ? "# EOF\n" : "";
      const sample = `${head.name ?? "metric"} 1\n`;
      assert.equal(textOf([family(head, 1)], format), expected[format] + sample + eof);
    });
  }
}

const VALUES = [
  { value: NaN, text: "NaN" },
  { value: Infinity, text: "+Inf" },
  { value: -Infinity, text: "-Inf" },
  { value: 2 ** 53, text: "9007199254740992" },
  { value: 1e21, text: "1e+21" },
  { value: 0.1, text: "0.1" },
  { value: -1, text: "-1" },
  { value: 0, text: "0" },
];

for (const { value, text } of VALUES) {
  Deno.test(`familyOf() writes the value ${value} as ${text}`, () => {
    assert(textOf([family({}, value)]).endsWith(`\nmetric ${text}\n`));
  });
}

Deno.test("familyOf() writes labels, which it escapes", () => {
  const labels = { a: 'x "\\\n ä', b: 5 };
  const text = textOf([familyOf({ name: "m", help: "", type: "gauge" }, [{ name: "m", labels, value: 1 }])]);
  assert.equal(text, '# HELP m \n# TYPE m gauge\nm{a="x \\"\\\\\\n ä",b="5"} 1\n');
});

Deno.test("familyOf() writes samples under names of their own", () => {
  const head = { name: "m", help: "Help.", type: "summary" as const };
  const samples = ["m_count", "m_sum"].map((name) => ({ name, labels: {}, value: 1 }));
  assert(textOf([familyOf(head, samples)]).endsWith("\nm_count 1\nm_sum 1\n"));
});

Deno.test("render() writes nothing for no families in the text format", () => {
  assert.equal(textOf([]), "");
});

Deno.test("render() writes the end for no families in OpenMetrics", () => {
  assert.equal(textOf([], "openmetrics"), "# EOF\n");
});

for (const format of FORMATS) {
  Deno.test(`render() writes the first of families with the same name in the format ${format}`, () => {
    const text = textOf([family({}, 1), family({ name: "other" }, 2), family({}, 3)], format);
    assert.deepEqual([...samplesOf(text)], [["metric", 1], ["other", 2]]);
    assert.equal(text.match(/# TYPE metric /g)!.length, 1);
  });
}

Deno.test("render() writes the first of families that OpenMetrics gives the same name", () => {
  const families = [family({ name: "metric_total", type: "counter" }, 1), family({}, 2)];
  assert.equal(textOf(families, "openmetrics").match(/# TYPE metric /g)!.length, 1);
});

const RECORDS = [{ name: 'a"b\\c\nd', amount: 5 }, { name: "ä😀", amount: 0.5 }, { name: "ä😀", amount: 50 }];
const LABELS = ["name"];
const ESCAPED = 'name="a\\"b\\\\c\\nd"';

const GAUGE = `# HELP metric Help.
# TYPE metric gauge
metric{${ESCAPED}} 1
metric{name="ä😀"} 2
`;

const BUCKETS = `metric_bucket{${ESCAPED},le="1"} 0
metric_bucket{${ESCAPED},le="10.5"} 1
metric_bucket{${ESCAPED},le="+Inf"} 1
metric_bucket{name="ä😀",le="1"} 1
metric_bucket{name="ä😀",le="10.5"} 1
metric_bucket{name="ä😀",le="+Inf"} 2
`;

const HISTOGRAM = { type: "histogram", value: "amount", buckets: [1, 10.5] };

const SUMMARY = { source: "flows", type: "summary", value: "amount", quantiles: [0.5, 0.99] };

const SUMMARY_OF_LABELS = `# HELP metric Help.
# TYPE metric summary
metric{${ESCAPED},quantile="0.5"} 5
metric{${ESCAPED},quantile="0.99"} 5
metric{name="ä😀",quantile="0.5"} 0.5
metric{name="ä😀",quantile="0.99"} 50
metric_sum{${ESCAPED}} 5
metric_sum{name="ä😀"} 50.5
metric_count{${ESCAPED}} 1
metric_count{name="ä😀"} 2
`;

const SUMMARY_WITHOUT_LABELS = `# HELP metric Help.
# TYPE metric summary
metric{quantile="0"} 0.5
metric{quantile="0.5"} 5
metric{quantile="1"} 50
metric_sum 55.5
metric_count 3
`;

const SUMMARY_WITHOUT_QUANTILES = `# HELP metric Help.
# TYPE metric summary
metric_sum{${ESCAPED}} 5
metric_sum{name="ä😀"} 50.5
metric_count{${ESCAPED}} 1
metric_count{name="ä😀"} 2
`;

const EXPOSITIONS = [
  {
    what: "a rule that is a gauge",
    rule: { source: "sockets", labels: LABELS },
    text: GAUGE,
    openmetrics: `${GAUGE}# EOF\n`,
  },
  {
    what: "a rule without labels",
    rule: { source: "sockets", value: "amount" },
    text: "# HELP metric Help.\n# TYPE metric gauge\nmetric 55.5\n",
    openmetrics: "# HELP metric Help.\n# TYPE metric gauge\nmetric 55.5\n# EOF\n",
  },
  {
    what: "a counter",
    rule: { name: "metric_total", source: "flows" },
    text: "# HELP metric_total Help.\n# TYPE metric_total counter\nmetric_total 3\n",
    openmetrics: "# HELP metric Help.\n# TYPE metric counter\nmetric_total 3\n# EOF\n",
  },
  {
    what: "a histogram of a stream",
    rule: { source: "flows", labels: LABELS, ...HISTOGRAM },
    text: `# HELP metric Help.
# TYPE metric histogram
${BUCKETS}metric_count{${ESCAPED}} 1
metric_count{name="ä😀"} 2
metric_sum{${ESCAPED}} 5
metric_sum{name="ä😀"} 50.5
`,
    openmetrics: `# HELP metric Help.
# TYPE metric histogram
${BUCKETS}metric_count{${ESCAPED}} 1
metric_count{name="ä😀"} 2
metric_sum{${ESCAPED}} 5
metric_sum{name="ä😀"} 50.5
# EOF
`,
  },
  {
    what: "a histogram of a snapshot",
    rule: { source: "sockets", labels: LABELS, ...HISTOGRAM },
    text: `# HELP metric Help.
# TYPE metric histogram
${BUCKETS}# HELP metric_gcount Number of values. Help.
# TYPE metric_gcount gauge
metric_gcount{${ESCAPED}} 1
metric_gcount{name="ä😀"} 2
# HELP metric_gsum Sum of the values. Help.
# TYPE metric_gsum gauge
metric_gsum{${ESCAPED}} 5
metric_gsum{name="ä😀"} 50.5
`,
    openmetrics: `# HELP metric Help.
# TYPE metric gaugehistogram
${BUCKETS}metric_gcount{${ESCAPED}} 1
metric_gcount{name="ä😀"} 2
metric_gsum{${ESCAPED}} 5
metric_gsum{name="ä😀"} 50.5
# EOF
`,
  },
  {
    what: "a histogram without labels",
    rule: { source: "flows", ...HISTOGRAM, buckets: [] },
    text:
      '# HELP metric Help.\n# TYPE metric histogram\nmetric_bucket{le="+Inf"} 3\nmetric_count 3\nmetric_sum 55.5\n',
    openmetrics:
      '# HELP metric Help.\n# TYPE metric histogram\nmetric_bucket{le="+Inf"} 3\nmetric_count 3\nmetric_sum 55.5\n# EOF\n',
  },
  {
    what: "a summary",
    rule: { ...SUMMARY, labels: LABELS },
    text: SUMMARY_OF_LABELS,
    openmetrics: `${SUMMARY_OF_LABELS}# EOF\n`,
  },
  {
    what: "a summary without labels",
    rule: { ...SUMMARY, quantiles: [0, 0.5, 1] },
    text: SUMMARY_WITHOUT_LABELS,
    openmetrics: `${SUMMARY_WITHOUT_LABELS}# EOF\n`,
  },
  {
    what: "a summary without quantiles",
    rule: { ...SUMMARY, labels: LABELS, quantiles: [] },
    text: SUMMARY_WITHOUT_QUANTILES,
    openmetrics: `${SUMMARY_WITHOUT_QUANTILES}# EOF\n`,
  },
];

for (const { what, rule, ...expected } of EXPOSITIONS) {
  for (const format of FORMATS) {
    Deno.test(`familiesOf() gives the series of ${what} in the format ${format}`, () => {
      assert.equal(shown(rule, RECORDS)[format], expected[format]);
    });
  }
}

for (const format of FORMATS) {
  Deno.test(`familiesOf() gives NaN for a summary without labels that has no values in the format ${format}`, () => {
    const lines = shown(SUMMARY, [])[format].split("\n").filter((line) => line.startsWith("metric"));
    assert.deepEqual(lines, [
      'metric{quantile="0.5"} NaN',
      'metric{quantile="0.99"} NaN',
      "metric_sum 0",
      "metric_count 0",
    ]);
  });
}

Deno.test("familiesOf() gives no family of a rule that has no series", () => {
  assert.deepEqual(shown({ source: "sockets", labels: LABELS }, []), { text: "", openmetrics: "# EOF\n" });
});

property("both formats show the same series under the same names", (random) => {
  for (let i = 0; i < 100; i++) {
    const kind = random.pick(["snapshot", "stream"] as const);
    const rule = randomRule(
      random,
      random.pick(["metric", "metric_total"]),
      randomGrouping(random, { kind }),
    );
    const pipeline = pipelineOf({ types: [kind === "snapshot" ? SNAPSHOT : STREAM], rules: [rule.literal] });
    pass(pipeline, Array.from({ length: 50 }, () => randomRecord(random)));
    const [text, openmetrics] = FORMATS.map((format) => samplesOf(expositionOf(pipeline.rules, format)));
    assert.deepEqual(openmetrics, text);
  }
});

/** A pipeline of 100,000 series of a rule. */
function manySeries(rule: Omit<ShippedRule, "name">) {
  const source = { source: "sockets", max_series: 100_000, labels: LABELS };
  const pipeline = pipelineOf({ types: [SOCKETS], rules: [{ name: "metric", ...source, ...rule }] });
  pass(
    pipeline,
    Array.from({ length: 100_000 }, (_, i) => ({ name: `a socket with the number ${i}`, amount: i })),
  );
  return pipeline;
}

const MANY = [
  { what: "gauge", rule: { value: "amount" }, lines: 100_000 },
  { what: "histogram", rule: HISTOGRAM, lines: 500_000 },
];

for (const { what, rule, lines } of MANY) {
  Deno.test(`render() writes a ${what} of 100,000 rows in chunks below 128 KiB`, () => {
    const families = manySeries(rule).rules.flatMap((rule) => familiesOf(rule, "openmetrics"));
    const sizes = [...render(families, "openmetrics")].map((chunk) => chunk.length);
    assert(Math.max(...sizes) < 131_072);
  });

  Deno.test(`render() writes every series of a ${what} of 100,000 rows`, () => {
    const samples = samplesOf(expositionOf(manySeries(rule).rules, "openmetrics"));
    assert.equal(samples.size, lines);
    const last = what === "gauge" ? "metric" : "metric_gsum";
    assert.equal(samples.get(`${last}{name="a socket with the number 99999"}`), 99_999);
  });
}

Deno.test("render() writes a row of many buckets in chunks below 128 KiB", () => {
  const buckets = Array.from({ length: 5000 }, (_, i) => i);
  const pipeline = pipelineOf({
    types: [SOCKETS],
    rules: [{ name: "metric", source: "sockets", ...HISTOGRAM, buckets }],
  });
  pass(pipeline, RECORDS);
  const families = pipeline.rules.flatMap((rule) => familiesOf(rule, "text"));
  assert(Math.max(...[...render(families, "text")].map((chunk) => chunk.length)) < 131_072);
});

testWith({
  name: "promtool accepts the text format",
  needs: program("promtool"),
  async fn() {
    const rules = [
      { name: "sockets", help: "A gauge.", source: "sockets", labels: LABELS },
      { name: "delay_seconds", help: "A histogram.", source: "sockets", labels: LABELS, ...HISTOGRAM },
      { name: "flows_total", help: 'With "quotes" and \\.', source: "flows", labels: LABELS },
      { name: "flow_size_bytes", help: "A histogram.", source: "flows", labels: LABELS, ...HISTOGRAM },
      { name: "size_bytes", help: "A histogram.", source: "flows", ...HISTOGRAM },
      { name: "packet_bytes", help: "A summary.", labels: LABELS, ...SUMMARY },
      { name: "idle_seconds", help: "A summary.", filter: { match: "name", is: "none" }, ...SUMMARY },
    ];
    const pipelines = [SOCKETS, FLOWS].map((type) =>
      pipelineOf({ types: [type], rules: rules.filter(({ source }) => source === type.name) })
    );
    for (const pipeline of pipelines) {
      pass(pipeline, [...RECORDS, { amount: 1e21 }, { name: "", amount: -1 }]);
    }
    const special = VALUES.map(({ value, text }) => ({ name: "special", labels: { text }, value }));
    const families = [
      ...pipelines.flatMap(({ rules }) => rules.flatMap((rule) => familiesOf(rule, "text"))),
      familyOf({ name: "special", help: "Special values.", type: "gauge" }, special),
      family({ name: "bare", type: "unknown" }, 1),
    ];
    const promtool = new Deno.Command("promtool", {
      args: ["check", "metrics"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = promtool.stdin.getWriter();
    await writer.write(new TextEncoder().encode(textOf(families)));
    await writer.close();
    const { code, stdout, stderr } = await promtool.output();
    const said = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assert.deepEqual({ code, said }, { code: 0, said: ["", ""] });
  },
});
