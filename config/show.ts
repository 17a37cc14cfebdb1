import type { Node } from "../core/node.ts";
import { formatListenAddress } from "./listen_address.ts";
import type { Values } from "./settings.ts";

/** The configuration that is in force, as YAML: what was written, the defaults, and all rules. */
export async function showConfiguration(values: Values, rules: readonly Node[]): Promise<string> {
  const { stringify } = await import("yaml");
  const { web, enrich, ...rest } = values;
  const shown = {
    ...rest,
    web: { ...web, listen_address: web.listen_address.map(formatListenAddress) },
    enrich: enrich === undefined ? {} : plainOf(enrich),
    rules: rules.map(plainOf),
  };
  return stringify(shown, { lineWidth: 0, aliasDuplicateObjects: false });
}

function plainOf(node: Node): unknown {
  switch (node.kind) {
    case "scalar":
      return node.value;
    case "list":
      return node.items.map(plainOf);
    case "map":
      return Object.fromEntries(node.entries.map(({ key, value }) => [key, plainOf(value)]));
  }
}
