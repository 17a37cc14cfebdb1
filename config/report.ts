import type { Capability, Collector } from "../core/collector.ts";
import { isEnabled } from "./load.ts";
import type { Values } from "./settings.ts";

/** A rule whose collector does not run. */
export interface IdleRule {
  readonly rule: string;
  readonly collector: string;
}

/** What `check` says of a good configuration. */
export function summary(
  what: string,
  { pipelines, idleRules }: {
    readonly pipelines: readonly { readonly collector: Collector; readonly rules: readonly unknown[] }[];
    readonly idleRules: readonly IdleRule[];
  },
): string {
  const lines = pipelines.map(({ collector, rules }) => `  ${collector.name}: ${rules.length} metrics\n`);
  const remarks = idleRules.map(({ rule, collector }) =>
    `The rule "${rule}" counts nothing: its collector ${collector} does not run\n`
  );
  return `${what} is good.\nCollectors that run:\n${lines.join("") || "  none\n"}${remarks.join("")}`;
}

/** What `collectors` says: each with its default, and what it may do here. */
export function collectorTable(
  collectors: readonly Collector[],
  values: Values,
  has: (capability: Capability) => boolean,
): string {
  return collectors.map((collector) => {
    const { name, help, enabled, privileges } = collector;
    const runs = isEnabled(collector, values) ? "runs" : "does not run";
    const needs = privileges.map(({ capability, purpose }) =>
      `  ${capability} for ${purpose}: ${has(capability) ? "this process has it" : "this process lacks it"}\n`
    );
    const byDefault = `  by default ${enabled ? "on" : "off"}; ${runs} as configured\n`;
    return `${name}: ${help}\n${byDefault}${needs.join("") || "  needs no privilege\n"}`;
  }).join("");
}
