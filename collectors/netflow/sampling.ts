import { Prefix } from "../../core/ip.ts";
import { describe } from "../../core/node.ts";
import { PrefixTrie } from "../../core/prefix_trie.ts";
import { number, type Shape } from "../../core/shape.ts";

const RATE = number({ min: 1, max: 1_000_000, integer: true });

/** `10.0.0.0/8: 1000`: the sampling rate of the exporters in a network, or of one. */
export const samplingRates: Shape<ReadonlyMap<string, number>> = {
  expects: "a map from networks to sampling rates",
  read(node, problems) {
    if (node.kind !== "map") {
      problems.add(node, `Expected ${this.expects}, not ${describe(node)}`);
      return undefined;
    }
    const rates = new Map<string, number>();
    for (const { key, place, value } of node.entries) {
      const prefix = Prefix.parse(key), rate = RATE.read(value, problems);
      if (prefix === undefined) problems.add(place, `Expected a network such as 10.0.0.0/8, not "${key}"`);
      else if (rates.has(String(prefix))) problems.add(place, `The network ${prefix} is there twice`);
      else if (rate !== undefined) rates.set(String(prefix), rate);
    }
    return rates;
  },
};

export function trieOf(rates: ReadonlyMap<string, number>): PrefixTrie<number> {
  const trie = new PrefixTrie<number>();
  for (const [network, rate] of rates) trie.add(Prefix.parse(network)!, rate);
  return trie;
}
