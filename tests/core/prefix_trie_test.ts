import assert from "node:assert/strict";
import { Ip, Prefix } from "../../core/ip.ts";
import { PrefixTrie } from "../../core/prefix_trie.ts";
import { property, type Random } from "../helpers/random.ts";

function trieOf(...texts: readonly string[]): PrefixTrie<string> {
  const trie = new PrefixTrie<string>();
  for (const text of texts) trie.add(Prefix.parse(text)!, text);
  return trie;
}

const FOUND: readonly { prefixes: readonly string[]; ip: string; found: string | undefined }[] = [
  { prefixes: [], ip: "10.0.0.1", found: undefined },
  { prefixes: [], ip: "::1", found: undefined },
  { prefixes: ["10.0.0.0/8"], ip: "10.255.255.255", found: "10.0.0.0/8" },
  { prefixes: ["10.0.0.0/8"], ip: "11.0.0.0", found: undefined },
  { prefixes: ["10.0.0.0/8", "10.1.0.0/16"], ip: "10.1.2.3", found: "10.1.0.0/16" },
  { prefixes: ["10.1.0.0/16", "10.0.0.0/8"], ip: "10.1.2.3", found: "10.1.0.0/16" },
  { prefixes: ["10.0.0.0/8", "10.1.0.0/16"], ip: "10.2.2.3", found: "10.0.0.0/8" },
  { prefixes: ["10.0.0.0/8", "10.1.2.3/32"], ip: "10.1.2.3", found: "10.1.2.3/32" },
  { prefixes: ["10.0.0.0/8", "10.1.2.3/32"], ip: "10.1.2.2", found: "10.0.0.0/8" },
  { prefixes: ["10.0.0.0/31"], ip: "10.0.0.1", found: "10.0.0.0/31" },
  { prefixes: ["10.0.0.0/31"], ip: "10.0.0.2", found: undefined },
  { prefixes: ["0.0.0.0/0"], ip: "255.255.255.255", found: "0.0.0.0/0" },
  { prefixes: ["0.0.0.0/0"], ip: "::", found: undefined },
  { prefixes: ["::/0"], ip: "0.0.0.0", found: undefined },
  { prefixes: ["::/0"], ip: "ffff::", found: "::/0" },
  { prefixes: ["0.0.0.0/0", "128.0.0.0/1"], ip: "128.0.0.0", found: "128.0.0.0/1" },
  { prefixes: ["0.0.0.0/0", "128.0.0.0/1"], ip: "127.255.255.255", found: "0.0.0.0/0" },
  { prefixes: ["255.255.255.255"], ip: "255.255.255.255", found: "255.255.255.255" },
  { prefixes: ["0.0.0.0"], ip: "0.0.0.0", found: "0.0.0.0" },
  { prefixes: ["2001:db8::/32", "2001:db8:1::/48"], ip: "2001:db8:1::1", found: "2001:db8:1::/48" },
  { prefixes: ["2001:db8::/32", "2001:db8:1::/48"], ip: "2001:db8:2::1", found: "2001:db8::/32" },
  { prefixes: ["::1"], ip: "::1", found: "::1" },
  { prefixes: ["::1"], ip: "::2", found: undefined },
  { prefixes: ["::/127", "::1"], ip: "::", found: "::/127" },
];

for (const { prefixes, ip, found } of FOUND) {
  Deno.test(`PrefixTrie.find() gives ${found ?? "nothing"} for ${ip} among ${prefixes.join(" and ") || "none"}`, () => {
    assert.equal(trieOf(...prefixes).find(Ip.parse(ip)!), found);
  });
}

Deno.test("PrefixTrie.add() is true for a prefix that is new", () => {
  assert.equal(trieOf("10.0.0.0/8", "10.0.0.0/24").add(Prefix.parse("10.0.0.0/16")!, ""), true);
});

Deno.test("PrefixTrie.add() is false for a prefix that is there, however it is written", () => {
  assert.equal(trieOf("10.0.0.0/8").add(Prefix.parse("10.9.9.9/8")!, ""), false);
});

Deno.test("PrefixTrie.add() does not take a prefix of IPv6 for that of IPv4 with the same bits", () => {
  assert.equal(trieOf("32.1.13.184/32").add(Prefix.parse("2001:db8::/32")!, ""), true);
});

Deno.test("PrefixTrie.add() replaces the value of a prefix that is there", () => {
  const trie = trieOf("10.0.0.0/8");
  trie.add(Prefix.parse("10.0.0.0/8")!, "new");
  assert.deepEqual([trie.find(Ip.parse("10.0.0.1")!), trie.size], ["new", 1]);
});

Deno.test("PrefixTrie.size counts the prefixes", () => {
  assert.equal(trieOf("10.0.0.0/8", "10.0.0.0/24", "::/0", "0.0.0.0/0").size, 4);
});

/** An address near one of few others, so that prefixes of all lengths hold it. */
function nearby(random: Random): Ip {
  const bytes = new Uint8Array(random.int(2) === 0 ? 4 : 16);
  for (const i of bytes.keys()) bytes[i] = random.int(3) === 0 ? random.int(256) : random.pick([0, 10, 255]);
  return bytes.length === 4 ? Ip.parse(bytes.join("."))! : Ip.v6(bytes);
}

property("PrefixTrie.find() agrees with a look at each of 10,000 prefixes", (random) => {
  const trie = new PrefixTrie<Prefix>(), prefixes = new Map<string, Prefix>();
  for (let i = 0; i < 10_000; i++) {
    const ip = nearby(random);
    const prefix = Prefix.parse(`${ip}/${random.int(8 * ip.bytes.length + 1)}`)!;
    assert.equal(trie.add(prefix, prefix), !prefixes.has(String(prefix)));
    prefixes.set(String(prefix), prefix);
  }
  const byLength = [...prefixes.values()].toSorted((a, b) => b.length - a.length);
  for (let i = 0; i < 500; i++) {
    const ip = nearby(random);
    assert.equal(String(trie.find(ip)), String(byLength.find((prefix) => prefix.contains(ip))));
  }
});
