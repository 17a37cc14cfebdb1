import type { Capability, Collector } from "../core/collector.ts";
import { isEnabled } from "./load.ts";
import type { Values } from "./settings.ts";

/** What `check` says of a good configuration. */
export function summary(
  what: string,
  running: readonly { readonly collector: Collector; readonly rules: readonly unknown[] }[],
): string {
  const lines = running.map(({ collector, rules }) => `  ${collector.name}: ${rules.length} metrics\n`);
  return `${what} is good.\nCollectors that run:\n${lines.join("") || "  none\n"}`;
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
