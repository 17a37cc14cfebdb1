import { enricher, type Value } from "../core/enricher.ts";
import { Ip, Prefix } from "../core/ip.ts";
import { describe } from "../core/node.ts";
import { own } from "../core/own.ts";
import { PrefixTrie } from "../core/prefix_trie.ts";
import { list, setting, type Shape } from "../core/shape.ts";

/** Addresses for private use: RFC 1918 §3, RFC 6598 §7 (behind the NAT of a provider), RFC 4193 §3.1. */
const PRIVATE = prefixes(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]);

/**
 * What never comes from far, or is heard by those who are near: unspecified, loopback and link-local addresses,
 * multicast and broadcast. RFC 6890 §2.2, RFC 1112 §4, RFC 4291 §2.7.
 */
const ALWAYS_INSIDE = prefixes([
  ...["0.0.0.0", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255"],
  ...["::", "::1", "fe80::/10", "ff00::/8"],
]);

/** By the sides of the source and the destination. */
const DIRECTIONS: Readonly<Record<string, string>> = {
  "outside inside": "in",
  "inside outside": "out",
  "inside inside": "internal",
  "outside outside": "transit",
};

const NETWORK: Shape<Prefix> = {
  expects: "a network such as 10.0.0.0/8",
  read(node, problems) {
    const prefix = node.kind === "scalar" ? Prefix.parse(node.text) : undefined;
    if (prefix === undefined) problems.add(node, `Expected ${NETWORK.expects}, not ${describe(node)}`);
    return prefix;
  },
};

function prefixes(texts: readonly string[]): Prefix[] {
  return texts.map((text) => Prefix.parse(text)!);
}

export default enricher({
  name: "direction",
  help: "Which way something goes: of the addresses of its source and its destination together",
  needsSettings: false,
  settings: {
    networks: setting(list(NETWORK), PRIVATE, { help: "The networks that are inside" }),
  },
  outputs: { direction: "in, out, internal (from inside to inside) or transit (from outside to outside)" },
  open({ networks }) {
    const inside = new PrefixTrie<true>();
    for (const network of [...ALWAYS_INSIDE, ...networks]) inside.add(network, true);
    /** Of an address; a side, which somebody remembers for an address, is itself. */
    const sideOf = (value: Value | undefined) => {
      if (value instanceof Ip) return inside.find(value) ? "inside" : "outside";
      return value === "inside" || value === "outside" ? value : undefined;
    };
    return {
      part: sideOf,
      lookup(value: Value) {
        if (!(value instanceof Array) || value.length !== 2) return undefined;
        const [source, destination] = value;
        return own(DIRECTIONS, `${sideOf(source)} ${sideOf(destination)}`);
      },
    };
  },
});
