import type { ShippedRule } from "../core/collector.ts";
import { describe, entryOf, type MapNode, type Node, nodeOf, type Problems } from "../core/node.ts";

/** Shipped rules, changed and joined by the user's. */
export function mergeRules(
  shipped: readonly ShippedRule[],
  user: Node | undefined,
  problems: Problems,
): readonly MapNode[] {
  const rules = new Map(shipped.map((rule) => [String(rule["name"]), nodeOf(rule) as MapNode]));
  if (user === undefined || (user.kind === "scalar" && user.value === null)) return [...rules.values()];
  if (user.kind !== "list") {
    problems.add(user, `Expected a list of rules, not ${describe(user)}`);
    return [];
  }
  const places = new Map<string, string>();
  for (const node of user.items) {
    const name = entryOf(node, "name")?.value;
    if (node.kind !== "map" || name?.kind !== "scalar" || name.text === "") {
      problems.add(
        node,
        node.kind === "map" ? 'A rule needs the key "name"' : `Expected a rule, not ${describe(node)}`,
      );
      continue;
    }
    const earlier = places.get(name.text);
    if (earlier !== undefined) {
      problems.add(name, `The rule "${name.text}" is already defined at ${earlier}`);
      continue;
    }
    places.set(name.text, name.place);
    rules.set(name.text, changed(rules.get(name.text), node));
  }
  return [...rules.values()];
}

/** What rules of one type have and others have not. */
const OF_TYPES = ["buckets", "quantiles"];

function changed(below: MapNode | undefined, above: MapNode): MapNode {
  const isOther = entryOf(above, "type") !== undefined && typeOf(above) !== typeOf(below);
  const kept =
    below?.entries.filter(({ key }) => !entryOf(above, key) && !(isOther && OF_TYPES.includes(key))) ?? [];
  return { ...above, entries: [...kept, ...above.entries] };
}

function typeOf(rule: MapNode | undefined): string | undefined {
  const type = entryOf(rule, "type")?.value;
  return type?.kind === "scalar" ? type.text : undefined;
}
