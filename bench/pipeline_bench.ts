/**
 * What does a record cost in the core, and what each further rule of 8 labels? 1,000 sources × 4,096 destinations,
 * 48,384 rows a rule. An iteration is 100,000 records.
 */
import type { ShippedRule } from "../core/collector.ts";
import type { Sink } from "../core/record.ts";
import { FLOWS, pipelineOf } from "./fixtures.ts";

const RECORDS = 100_000;
let seed = 1;

function feed(sink: Sink): void {
  const { row } = sink, { at } = FLOWS;
  for (let i = 0; i < RECORDS; i++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    row[at.exporter] = 0x7f000001;
    row[at.source] = 0x0a000000 + (seed >>> 8) % 1000;
    row[at.destination] = 0xc0000000 + (seed >>> 18) % 4096;
    row[at.input] = 1 + ((row[at.destination]! >>> 4) & 1);
    row[at.protocol] = (seed >>> 4) % 3;
    row[at.port] = (seed >>> 4) % 3 + 443;
    row[at.bytes] = 1500;
    sink.emit();
  }
}

function rule(i: number): ShippedRule {
  const network = [{ cidr: { v4: 28 } }], name = [{ cidr: { v4: 28 } }, { prefix: "net " }];
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
      { name: "source_name", field: "source", steps: name },
      { name: "destination_name", field: "destination", steps: name },
      { name: "input", field: "input", steps: [{ prefix: "eth" }] },
      { name: "app", field: "port", steps: [{ map: { 443: "https", 80: "http", 53: "dns", "*": "other" } }] },
    ],
  };
}

for (const rules of [0, 1, 2, 3]) {
  const sink = pipelineOf(FLOWS, Array.from({ length: rules }, (_, i) => rule(i))).sink(FLOWS);
  for (let i = 0; i < 20; i++) feed(sink);
  const name = rules === 1 ? "1 rule" : `${rules} rules`;
  Deno.bench(name, { group: "records", baseline: rules === 0 }, () => feed(sink));
}
