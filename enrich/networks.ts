import { enricher, type Value } from "../core/enricher.ts";
import { Ip, Prefix } from "../core/ip.ts";
import { describe, type Entry, type Node, type Problems } from "../core/node.ts";
import { PrefixTrie } from "../core/prefix_trie.ts";
import { optional, type Shape, table, text } from "../core/shape.ts";

/** What is known of a network, by output. */
type Labels = ReadonlyMap<string, string>;

const LABELS = table(text);

/** `10.0.0.0/8: office`, or `10.0.0.0/8: {name: office, site: Berlin}`. */
const NETWORKS: Shape<{ trie: PrefixTrie<Labels>; outputs: readonly string[] }> = {
  expects: "a map from networks to names, or to maps with a name and more",
  read(node, problems) {
    if (node.kind !== "map") {
      problems.add(node, `Expected a map from networks to names, not ${describe(node)}`);
      return undefined;
    }
    const trie = new PrefixTrie<Labels>();
    const outputs = new Set(["name"]);
    for (const entry of node.entries) {
      const labels = readLabels(entry.value, problems);
      const prefix = readPrefix(entry, problems);
      if (labels === undefined || prefix === undefined) continue;
      if (!trie.add(prefix, labels)) problems.add(entry.place, `The network ${prefix} is there twice`);
      for (const output of labels.keys()) outputs.add(output);
    }
    return { trie, outputs: [...outputs] };
  },
};

function readLabels(node: Node, problems: Problems): Labels | undefined {
  if (node.kind === "map") return LABELS.read(node, problems);
  const name = text.read(node, problems);
  return name === undefined ? undefined : new Map([["name", name]]);
}

function readPrefix({ key, place }: Entry, problems: Problems): Prefix | undefined {
  const prefix = Prefix.parse(key);
  if (prefix === undefined) problems.add(place, `Expected a network such as 10.0.0.0/8, not "${key}"`);
  return prefix;
}

export default enricher({
  name: "networks",
  help: "The name, and whatever else you say of it, of the smallest of your networks that holds an address",
  needsSettings: true,
  takes: "ip",
  settings: {
    networks: optional(NETWORKS, { help: "Map from networks to names, or to maps with a name and more" }),
  },
  outputs: { name: "Name of the network" },
  open({ networks }) {
    return {
      outputs: networks?.outputs ?? [],
      lookup(value: Value, output: string) {
        return value instanceof Ip ? networks?.trie.find(value)?.get(output) : undefined;
      },
    };
  },
});
