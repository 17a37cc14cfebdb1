import { enricher, type Value } from "../core/enricher.ts";
import { Ip } from "../core/ip.ts";
import { describe } from "../core/node.ts";
import { optional, type Shape, text } from "../core/shape.ts";

/** Names by the canonical text of the address. */
const ALIASES: Shape<ReadonlyMap<string, string>> = {
  expects: "a map from addresses to names",
  read(node, problems) {
    if (node.kind !== "map") {
      problems.add(node, `Expected ${ALIASES.expects}, not ${describe(node)}`);
      return undefined;
    }
    const aliases = new Map<string, string>();
    for (const { key, place, value } of node.entries) {
      const name = text.read(value, problems);
      const ip = Ip.parse(key);
      if (ip === undefined) problems.add(place, `Expected an address such as 192.0.2.1, not "${key}"`);
      else if (aliases.has(String(ip))) problems.add(place, `The address ${ip} is there twice`);
      else if (name !== undefined) aliases.set(String(ip), name);
    }
    return aliases;
  },
};

export default enricher({
  name: "host_alias",
  help: "The name that you give to an address",
  needsSettings: true,
  takes: "ip",
  settings: { alias_map: optional(ALIASES, { help: "Map from addresses to names" }) },
  outputs: { name: "Name of the address" },
  open({ alias_map: aliases }) {
    return { lookup: (value: Value) => value instanceof Ip ? aliases?.get(String(value)) : undefined };
  },
});
