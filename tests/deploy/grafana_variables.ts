import assert from "node:assert/strict";
import type { Fleet } from "../helpers/fleet.ts";
import type { Dashboard, Variable } from "../../tools/dashboards/model.ts";

/** What stands in an expression in place of its variables. */
type Values = ReadonlyMap<string, string>;

/** What Grafana itself gives in place of these, for a fleet that is some seconds old. */
const OF_GRAFANA = { __rate_interval: "4m", __range: "5m" };

/** An expression as Prometheus is asked it. */
export function interpolate(expr: string, values: Values): string {
  return expr.replaceAll(/\$(?:\{(\w+)\}|([a-zA-Z_]\w*))/g, (_, braced: string, plain: string) => {
    const value = values.get(braced ?? plain);
    assert.notEqual(value, undefined, `${expr}: nothing is known of ${braced ?? plain}`);
    return value!;
  });
}

/** The names of the variables in a text. */
export function variablesIn(text: string): string[] {
  return [...text.matchAll(/\$(?:\{(\w+)(?::\w+)?\}|([a-zA-Z_]\w*))/g)].map(([, braced, plain]) =>
    (braced ?? plain)!
  );
}

/** The metric with its selector, and the label, of `label_values()`. */
function labelValuesOf(definition: string): { match: string; label: string } {
  const [, match = "", label = ""] = /^label_values\((.+), (\w+)\)$/.exec(definition) ?? [];
  assert.notEqual(label, "", `Expected label_values(…), not ${definition}`);
  return { match, label };
}

/**
 * The values that a user may choose: all at once, as Grafana begins; each by its name; and of a variable that has one
 * value, each of them in turn.
 */
export async function choices(dashboard: Dashboard, fleet: Fleet): Promise<Values[]> {
  const chosen: Values[] = [];
  for (const isAll of [true, false]) {
    let sets: Values[] = [new Map(Object.entries(OF_GRAFANA))];
    for (const variable of dashboard.templating.list) {
      if (variable.type === "datasource") continue;
      const grown = [];
      for (const values of sets) grown.push(...await widen(values, variable, { fleet, isAll }));
      sets = grown;
    }
    chosen.push(...sets);
  }
  return chosen;
}

async function widen(
  values: Values,
  variable: Variable,
  { fleet, isAll }: { fleet: Fleet; isAll: boolean },
): Promise<Values[]> {
  const { match, label } = labelValuesOf(variable.definition!);
  const options = await fleet.labelValues(label, interpolate(match, values));
  assert.notEqual(options.length, 0, `There is no value of ${variable.name}: ${variable.definition}`);
  const texts = !variable.multi
    ? options.map(escapeText)
    : isAll && variable["allValue"] !== undefined
    ? [String(variable["allValue"])]
    : [several(options)];
  return texts.map((text) => new Map([...values, [variable.name, text]]));
}

/** As the data source of Grafana writes them into a matcher with =~ (prometheusSpecialCharsInLabelValues). */
function several(options: readonly string[]): string {
  const escaped = options.map((option) =>
    option.replaceAll("\\", "\\\\\\\\").replaceAll('"', '\\\\\\"').replaceAll(/[$^*{}[\]'+?.()|]/g, "\\\\$&")
  );
  return escaped.length === 1 ? escaped[0]! : `(${escaped.join("|")})`;
}

/** As it writes the one value into a matcher with =. */
function escapeText(option: string): string {
  return option.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
}
