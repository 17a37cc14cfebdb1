import type { Collector, Paths, Source } from "../../core/collector.ts";
import { InterfaceNames } from "../../core/interface_names.ts";
import { Log } from "../../core/log.ts";
import { type Literal, nodeOf, Problems } from "../../core/node.ts";
import * as shape from "../../core/shape.ts";
import { drive } from "../../core/work.ts";
import { compileRules, compileSourceFilters } from "../../metrics/compile.ts";
import type { NamedLookup } from "../../metrics/expressions.ts";
import { mergeRules } from "../../metrics/merge_rules.ts";
import { Pipeline } from "../../metrics/pipeline.ts";
import { seriesOf } from "./pipelines.ts";

export interface CollectingOptions {
  readonly settings?: Literal;
  readonly paths?: Partial<Paths>;
  /** Those of a user. */
  readonly rules?: readonly Literal[];
  /** By source, as a user writes them. */
  readonly filters?: Literal;
  readonly lookups?: ReadonlyMap<string, NamedLookup>;
}

/** A collector with its own rules and those of a user, run by hand. */
export class Collecting implements Disposable {
  readonly pipeline: Pipeline;
  readonly source: Source;
  /** How often there was a problem, by reason; of the last pass. */
  readonly problems = new Map<string, number>();
  readonly qualities = new Map<string, boolean>();
  readonly logged: string[] = [];
  readonly interfaceNames = new InterfaceNames();

  constructor(collector: Collector, options: CollectingOptions = {}) {
    const { settings = {}, paths = {}, rules = [], filters, lookups = new Map() } = options;
    const problems = new Problems();
    this.pipeline = new Pipeline(collector);
    const shipped = new Set(collector.rules.map(({ name }) => String(name)));
    const surroundings = { ruleSets: this.pipeline.ruleSets, lookups, shipped };
    compileRules(mergeRules(collector.rules, nodeOf(rules), problems), surroundings, problems);
    if (filters !== undefined) compileSourceFilters(nodeOf(filters), surroundings, problems);
    const values = shape.record(collector.settings).read(nodeOf(settings), problems);
    if (values === undefined || problems.any) throw new Error(problems.lines().join("\n"));
    this.source = collector.open(values, {
      vocabulary: this.pipeline.vocabulary,
      sink: (type) => this.pipeline.sink(type),
      log: new Log({ level: "debug", format: "logfmt", write: (line) => this.logged.push(line) }),
      paths: { procfs: "/proc", sysfs: "/sys", ...paths },
      interfaceNames: this.interfaceNames,
      problem: (reason, details) =>
        this.problems.set(reason, (this.problems.get(reason) ?? 0) + (details?.count ?? 1)),
      quality: (check, isGood) => this.qualities.set(check, isGood),
    });
  }

  /** One pass; gives the series. */
  async collect(signal = new AbortController().signal): Promise<Map<string, number>> {
    this.problems.clear();
    this.pipeline.begin();
    await drive(this.source.snapshot!(signal), { signal });
    await drive(this.pipeline.settle("snapshot"));
    return seriesOf(this.pipeline);
  }

  [Symbol.dispose](): void {
    this.source.close?.();
  }
}

/** The series of one metric, with its name left out. */
export function metricOf(series: ReadonlyMap<string, number>, name: string): Record<string, number> {
  const own = [...series].filter(([text]) => text.replace(/\{.*$/, "") === name);
  return Object.fromEntries(
    own.map(([text, value]): [string, number] => [text.slice(name.length), value]).sort(),
  );
}
