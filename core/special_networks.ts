import { type Ip, Prefix } from "./ip.ts";
import { PrefixTrie } from "./prefix_trie.ts";

/**
 * The networks whose addresses are of no place on the Internet: those of IANA's special-purpose registries that are
 * not globally reachable, and multicast. https://www.iana.org/assignments/iana-ipv4-special-registry,
 * https://www.iana.org/assignments/iana-ipv6-special-registry, of 2025-10-09
 */
export const SPECIAL_NETWORKS: readonly string[] = [
  "0.0.0.0/8", // this network
  "10.0.0.0/8", // private
  "100.64.0.0/10", // shared, behind the NAT of a provider
  "127.0.0.0/8", // loopback
  "169.254.0.0/16", // link-local
  "172.16.0.0/12", // private
  "192.0.0.0/24", // protocols of the IETF
  "192.0.2.0/24", // documentation
  "192.88.99.0/24", // relays of 6to4, given up
  "192.168.0.0/16", // private
  "198.18.0.0/15", // benchmarks
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, and broadcast
  "::/128", // unspecified
  "::1/128", // loopback
  "64:ff9b:1::/48", // translation between IPv4 and IPv6, for local use
  "100::/64", // discarded
  "100:0:0:1::/64", // a dummy
  "2001:2::/48", // benchmarks
  "2001:db8::/32", // documentation
  "3fff::/20", // documentation
  "5f00::/16", // segments of SRv6
  "fc00::/7", // unique local
  "fe80::/10", // link-local
  "ff00::/8", // multicast
];

const NETWORKS = new PrefixTrie<true>();
for (const text of SPECIAL_NETWORKS) NETWORKS.add(Prefix.parse(text)!, true);

export function isSpecial(ip: Ip): boolean {
  return NETWORKS.find(ip) === true;
}
