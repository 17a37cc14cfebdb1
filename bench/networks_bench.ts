/** What does it cost to find the network of an address among 10,000 prefixes? An iteration is 10,000 addresses. */
import { Ip, Prefix } from "../core/ip.ts";
import { PrefixTrie } from "../core/prefix_trie.ts";

const PREFIXES = 10_000;
let seed = 1;

function random(): number {
  return seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
}

const trie = new PrefixTrie<number>(), list: Prefix[] = [];
for (let i = 0; i < PREFIXES; i++) {
  const prefix = Prefix.parse(`${Ip.v4(random())}/${8 + random() % 21}`)!;
  trie.add(prefix, i);
  list.push(prefix);
}
const addresses = Array.from({ length: 10_000 }, () => Ip.v4(random()));

Deno.bench("longest prefix of the trie", { group: "networks" }, () => {
  for (const address of addresses) trie.find(address);
});
Deno.bench("first that matches of a list (100 addresses)", { group: "networks", baseline: true }, () => {
  for (const address of addresses.slice(0, 100)) list.find((prefix) => prefix.contains(address));
});
