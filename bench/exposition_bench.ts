/** What does a scrape of 100,000 prepared series cost, against prom-client's render of the same? */
import { Counter, Registry } from "prom-client";
import { familiesOf, render } from "../metrics/exposition.ts";
import { FLOWS, pipelineOf } from "./fixtures.ts";

const SERIES = 100_000;
const LABELS = ["source", "destination", "input", "protocol", "port"] as const;

const pipeline = pipelineOf(FLOWS, [{
  name: "flow_bytes_total",
  source: "flows",
  value: "bytes",
  max_series: 2 * SERIES,
  labels: [...LABELS],
}]);
const sink = pipeline.sink(FLOWS), { row } = sink, { at } = FLOWS;
const registry = new Registry();
const counter = new Counter({
  name: "flow_bytes_total",
  help: "Bytes.",
  labelNames: LABELS,
  registers: [registry],
});

for (let i = 0; i < SERIES; i++) {
  row[at.source] = 0x0a000000 + i;
  row[at.destination] = 0xc0000200 + (i & 255);
  row[at.input] = i & 7;
  row[at.protocol] = 6;
  row[at.port] = 443;
  row[at.bytes] = 1500 * i;
  sink.emit();
  const source = `10.${i >>> 16}.${(i >>> 8) & 255}.${i & 255}`, destination = `192.0.2.${i & 255}`;
  counter.inc({ source, destination, input: i & 7, protocol: 6, port: 443 }, 1500 * i);
}
for (const _ of pipeline.settle("stream"));

function renderAll(): number {
  let length = 0;
  for (const chunk of render(pipeline.rules.flatMap((rule) => familiesOf(rule, "text")), "text")) {
    length += chunk.length;
  }
  return length;
}

const theirs = (await registry.metrics()).length;
if (Math.abs(renderAll() / theirs - 1) > 0.01) {
  throw new Error(`Not the same: ${renderAll()} and ${theirs} bytes`);
}

Deno.bench("prom-client", { group: "100,000 series", baseline: true }, async () => {
  await registry.metrics();
});
Deno.bench("settle, view and render", { group: "100,000 series" }, () => {
  for (const _ of pipeline.settle("stream"));
  renderAll();
});
