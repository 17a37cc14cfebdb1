import { Ip, Prefix } from "../core/ip.ts";

/**
 * The addresses in /proc/net/if_inet6 (if6_seq_show in net/ipv6/addrconf.c):
 *
 *     fe800000000000000042acfffe110002 02 40 20 80     eth0
 */
export function parseIfInet6(text: string): { ip: Ip; name: string }[] {
  const addresses: { ip: Ip; name: string }[] = [];
  for (const [, digits = "", name = ""] of text.matchAll(/^([0-9a-f]{32})(?: +[0-9a-f]+){4} +(\S+)$/gm)) {
    addresses.push({
      ip: Ip.v6(Uint8Array.from(digits.match(/../g) ?? [], (byte) => parseInt(byte, 16))),
      name,
    });
  }
  return addresses;
}

/**
 * The networks that are reached without a gateway, in /proc/net/route (fib_route_seq_show in net/ipv4/fib_trie.c):
 *
 *     Iface  Destination  Gateway   Flags  RefCnt  Use  Metric  Mask      …
 *     eth0   000011AC     00000000  0001   0       0    0       0000FFFF  …
 */
export function parseRoutes(text: string): { prefix: Prefix; name: string }[] {
  const routes: { prefix: Prefix; name: string }[] = [];
  const line = /^(\S+)\t([0-9A-F]{8})\t00000000\t[0-9A-F]+\t\d+\t\d+\t\d+\t([0-9A-F]{8})/gm;
  for (const [, name = "", destination = "", mask = ""] of text.matchAll(line)) {
    const prefix = Prefix.parse(`${hostEndian(destination)}/${bits(hostEndian(mask))}`);
    // A default route says nothing of which addresses are the host's own, and one that leads nowhere is named *.
    if (prefix !== undefined && prefix.length > 0 && name !== "*") routes.push({ prefix, name });
  }
  return routes;
}

function hostEndian(digits: string): Ip {
  return Ip.v4(parseInt(digits.replace(/(..)(..)(..)(..)/, "$4$3$2$1"), 16));
}

function bits(mask: Ip): number {
  return 32 - Math.log2(2 ** 32 - mask.toNumber());
}
