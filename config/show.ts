import type { Collector } from "../core/collector.ts";
import { type Node, plainOf } from "../core/node.ts";
import { shownValue } from "../core/shape.ts";
import { isEnabled } from "./load.ts";
import { rootShape, type Values } from "./settings.ts";

export interface InForce {
  readonly collectors: readonly Collector[];
  readonly values: Values;
  /** All rules, shipped and written. */
  readonly rules: readonly Node[];
}

/** The configuration that is in force, as YAML that loads again as the same. */
export async function showConfiguration({ collectors, values, rules }: InForce): Promise<string> {
  const { stringify } = await import("yaml");
  const own = collectors.map((collector) => {
    const settings = values.collectors[collector.name] as Record<string, unknown>;
    return [collector.name, { ...settings, enabled: isEnabled(collector, values) }];
  });
  const resolved = { ...values, collectors: { ...values.collectors, ...Object.fromEntries(own) } };
  const shown = { ...shownValue(rootShape(collectors), resolved) as object, rules: rules.map(plainOf) };
  return stringify(shown, { lineWidth: 0, aliasDuplicateObjects: false });
}
