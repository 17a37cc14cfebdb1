import { collector, type ShippedRule } from "../core/collector.ts";
import { Problems } from "../core/node.ts";
import { type RecordType, recordType } from "../core/record.ts";
import { compileRules } from "../metrics/compile.ts";
import { mergeRules } from "../metrics/merge_rules.ts";
import { Pipeline } from "../metrics/pipeline.ts";

export const FLOWS = recordType({
  name: "flows",
  help: "Flows.",
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

/** A pipeline for records of one type, with these rules. */
export function pipelineOf(type: RecordType, rules: readonly ShippedRule[]): Pipeline {
  const pipeline = new Pipeline(
    collector({
      name: type.name,
      help: type.help,
      enabled: true,
      schedule: "scrape",
      privileges: [],
      records: [type],
      rules,
      settings: {},
      reasons: [],
      open: () => ({}),
    }),
  );
  const problems = new Problems();
  compileRules(
    mergeRules(rules, undefined, problems),
    { ruleSets: pipeline.ruleSets, lookups: new Map() },
    problems,
  );
  if (problems.any) throw new Error(problems.lines().join("\n"));
  return pipeline;
}
