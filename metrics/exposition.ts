import { ChunkWriter, formatNumber } from "./chunk_writer.ts";
import { BUCKETS, COUNT, QUANTILES, SUM } from "./group.ts";
import { escapeLabel } from "./label.ts";
import type { MetricType, RuleOptions, Shown, View } from "./rule.ts";

/** `text`: Prometheus text 0.0.4. `openmetrics`: OpenMetrics 1.0. Both show the same series under the same names. */
export type Format = "text" | "openmetrics";

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** A metric with all of its series. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType | "gaugehistogram" | "unknown";
  /** Writes the samples, yielding from time to time. */
  write(out: ChunkWriter): Iterable<void>;
}

/** The whole exposition, in chunks. Of families with the same name the first is shown. */
export function* render(families: Iterable<Family>, format: Format): Generator<Uint8Array<ArrayBuffer>> {
  const out = new ChunkWriter();
  const seen = new Set<string>();
  for (const family of families) {
    const name = format === "openmetrics" ? openMetricsName(family.name, family.type) : family.name;
    if (seen.has(name)) continue;
    seen.add(name);
    writeHead(out, family, format);
    for (const _ of family.write(out)) if (out.isFull) yield out.take();
    if (out.isFull) yield out.take();
  }
  if (format === "openmetrics") out.text("# EOF\n");
  yield out.take();
}

const ENCODER = new TextEncoder();
const UNIT = /_(seconds|bytes|ratio|celsius|meters|volts|amperes|joules|grams)$/;

function writeHead(
  out: ChunkWriter,
  { name, help, type }: Pick<Family, "name" | "help" | "type">,
  format: Format,
) {
  if (format === "text") {
    out.text(`# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type === "unknown" ? "untyped" : type}\n`);
    return;
  }
  const family = openMetricsName(name, type);
  const unit = UNIT.exec(family)?.[1];
  // A counter's samples must end in _total; one that may not be renamed is of no known type.
  const known = type === "counter" && family === name ? "unknown" : type;
  out.text(`# HELP ${family} ${escapeLabel(help)}\n# TYPE ${family} ${known}\n`);
  if (unit !== undefined) out.text(`# UNIT ${family} ${unit}\n`);
}

/** The name of a family in OpenMetrics: that of a counter goes without the _total of its samples. */
export function openMetricsName(name: string, type: Family["type"]): string {
  return type === "counter" && name.endsWith("_total") ? name.slice(0, -"_total".length) : name;
}

function escapeHelp(help: string): string {
  return help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

/** A family of a few samples that come as text. */
export function familyOf(head: Pick<Family, "name" | "help" | "type">, samples: readonly Sample[]): Family {
  return {
    ...head,
    *write(out) {
      for (const { name, labels, value } of samples) {
        const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(String(text))}"`);
        out.text(pairs.length === 0 ? `${name} ` : `${name}{${pairs.join(",")}} `);
        out.numberLine(value);
        yield;
      }
    },
  };
}

/** The families of a rule, as its table was at the last settling. Without rows it has none. */
export function familiesOf(rule: Shown, format: Format): Family[] {
  const { name, help, type, source } = rule.options;
  const { view } = rule;
  if (view.rows === 0) return [];
  const part = (suffix: string, index: number): Family["write"] => (out) =>
    writeValues(out, view, { name: name + suffix, index });
  if (type === "gauge" || type === "counter") return [{ name, help, type, write: part("", 0) }];
  const spread: Family["write"] = (out) => writeSpread(out, view, spreadOf(rule.options));
  if (type === "summary") {
    return [{ name, help, type, write: inTurn(spread, part("_sum", SUM), part("_count", COUNT)) }];
  }
  const suffixes = source.kind === "stream"
    ? { count: "_count", sum: "_sum" }
    : { count: "_gcount", sum: "_gsum" };
  const count = part(suffixes.count, COUNT),
    sum = part(suffixes.sum, SUM),
    whole = inTurn(spread, count, sum);
  if (source.kind === "stream") return [{ name, help, type, write: whole }];
  // The histogram of a present state goes up and down. Only OpenMetrics has a type for that; in the text format the
  // same series are a histogram and two gauges.
  if (format === "openmetrics") return [{ name, help, type: "gaugehistogram", write: whole }];
  return [
    { name, help, type, write: spread },
    { name: name + suffixes.count, help: `Number of values. ${help}`, type: "gauge", write: count },
    { name: name + suffixes.sum, help: `Sum of the values. ${help}`, type: "gauge", write: sum },
  ];
}

function inTurn(...writers: readonly Family["write"][]): Family["write"] {
  return function* (out) {
    for (const write of writers) yield* write(out);
  };
}

/** Numbers of a row that are told apart by one more label. */
interface Spread {
  readonly name: string;
  readonly label: string;
  readonly texts: readonly string[];
  /** Where in a row the first of them is. */
  readonly first: number;
  /** Whether each is shown with those before it. */
  readonly isCumulative: boolean;
}

function spreadOf({ name, type, buckets, quantiles }: RuleOptions): Spread {
  if (type === "summary") {
    const texts = quantiles.map(formatNumber);
    return { name, label: "quantile", texts, first: QUANTILES, isCumulative: false };
  }
  const texts = [...buckets.map(formatNumber), "+Inf"];
  return { name: `${name}_bucket`, label: "le", texts, first: BUCKETS, isCumulative: true };
}

function* writeSpread(
  out: ChunkWriter,
  view: View,
  { name, label, texts, first, isCumulative }: Spread,
): Iterable<void> {
  const { bytes, starts, ends, values, rows } = view, stride = strideOf(view);
  const isBare = isWithoutLabels(starts, ends), head = ENCODER.encode(`${name}{`);
  const tails = texts.map((text) => ENCODER.encode(`${isBare ? "" : ","}${label}="${text}"} `));
  for (let row = 0; row < rows; row++) {
    let before = 0;
    for (const [i, tail] of tails.entries()) {
      const value = before + values[row * stride + first + i]!;
      if (isCumulative) before = value;
      out.word(head);
      // Without the braces that are there already.
      if (!isBare) out.bytes(bytes, starts[row]! + 1, ends[row]! - 2);
      out.word(tail);
      out.numberLine(value);
      if (out.isFull) yield;
    }
  }
}

function isWithoutLabels(starts: Uint32Array, ends: Uint32Array): boolean {
  return ends[0]! - starts[0]! === 1;
}

/** A line for each row, with one of its numbers. */
function* writeValues(
  out: ChunkWriter,
  view: View,
  { name, index }: { name: string; index: number },
): Iterable<void> {
  const { bytes, starts, ends, values, rows } = view, stride = strideOf(view), head = ENCODER.encode(name);
  for (let row = 0; row < rows; row++) {
    out.word(head);
    out.bytes(bytes, starts[row]!, ends[row]!);
    out.numberLine(values[row * stride + index]!);
    if (out.isFull) yield;
  }
}

function strideOf({ values, rows }: View): number {
  return values.length / rows;
}
