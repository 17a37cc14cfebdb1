/** What does a record cost in the core, and what each further rule? 1,000 sources × 4,096 destinations, 50,000 rows. */
import type { ShippedRule } from "../core/collector.ts";
import { collector } from "../core/collector.ts";
import { Problems } from "../core/node.ts";
import { recordType } from "../core/record.ts";
import { compileRules, mergeRules } from "../metrics/compile.ts";
import { Pipeline } from "../metrics/pipeline.ts";

const FLOWS = recordType({
  name: "flows",
  help: "Flows",
  kind: "stream",
  fields: {
    exporter: { type: "ip", help: "Exporter" },
    source: { type: "ip", help: "Source" },
    destination: { type: "ip", help: "Destination" },
    input: { type: "number", max: 65535, help: "Input interface" },
    protocol: { type: "number", max: 255, help: "Protocol" },
    port: { type: "number", max: 65535, help: "Destination port" },
    bytes: { type: "number", help: "Bytes" },
  },
});

const RECORDS = 1_000_000;

function rule(i: number): ShippedRule {
  const network = [{ cidr: { v4: 28 } }];
  const host = [{ cidr: { v4: 28 } }, { prefix: "net " }];
  return {
    name: `flow_bytes_${i}_total`,
    source: "flows",
    type: "counter",
    value: "bytes",
    max_series: 50_000,
    labels: [
      "exporter",
      "protocol",
      { name: "source_network", field: "source", steps: network },
      { name: "destination_network", field: "destination", steps: network },
      { name: "source_name", field: "source", steps: host },
      { name: "destination_name", field: "destination", steps: host },
      { name: "input", field: "input", steps: [{ prefix: "eth" }] },
      {
        name: "port",
        field: "port",
        steps: [{ map: { 443: "https", 80: "http", 53: "dns", "*": "other" } }],
      },
    ],
  };
}

function pipelineOf(rules: number): Pipeline {
  const pipeline = new Pipeline(
    collector({
      name: "flows",
      help: "",
      enabled: true,
      schedule: "scrape",
      privileges: [],
      records: [FLOWS],
      rules: [],
      settings: {},
      reasons: [],
      open: () => ({}),
    }),
  );
  const problems = new Problems();
  const shipped = Array.from({ length: rules }, (_, i) => rule(i));
  compileRules(
    mergeRules(shipped, undefined, problems),
    { ruleSets: pipeline.ruleSets, lookups: new Map() },
    problems,
  );
  if (problems.any) throw new Error(problems.lines().join("\n"));
  return pipeline;
}

function feed(pipeline: Pipeline): void {
  const sink = pipeline.sink(FLOWS), { row } = sink, { at } = FLOWS;
  let x = 1;
  for (let i = 0; i < RECORDS; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    row[at.exporter] = 0x7f000001;
    row[at.source] = 0x0a000000 + (x >>> 8) % 1000;
    row[at.destination] = 0xc0000000 + (x >>> 18) % 4096;
    row[at.input] = row[at.destination]! & 15 ? 1 : 2;
    row[at.protocol] = (x >>> 4) % 3;
    row[at.port] = (x >>> 4) % 3 + 443;
    row[at.bytes] = 1500;
    sink.emit();
  }
}

for (const rules of (Deno.args[0] ?? "1,2,3,5").split(",").map(Number)) {
  const pipeline = pipelineOf(rules);
  feed(pipeline);
  Deno.bench(
    `1,000,000 records, ${rules} rules of 8 labels`,
    { group: "records", baseline: rules === 1 },
    () => {
      feed(pipeline);
    },
  );
}
if (import.meta.main) {
  for (const rules of (Deno.args[0] ?? "1,2,3,5").split(",").map(Number)) {
    const pipeline = pipelineOf(rules);
    for (let i = 0; i < 8; i++) {
      const t = performance.now();
      feed(pipeline);
      console.log(
        rules,
        ((performance.now() - t) / RECORDS * 1e6).toFixed(1),
        "ns/record",
        pipeline.rules[0]?.table.rows,
      );
    }
  }
}
