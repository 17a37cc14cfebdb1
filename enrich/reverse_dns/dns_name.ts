import { Ip } from "../../core/ip.ts";

/** RFC 1035 §2.3.4 has 255 octets, of which a text shows all but the first and the last. */
const MAX_LENGTH = 253;
/** A quote or a backslash would be an escape, as of a control character. */
const PRINTABLE = /^[!#-[\]-~]+$/;

/** A name as somebody else wrote it, if it is one that can be shown. Case means nothing in it (RFC 4343). */
export function dnsName(text: string): string | undefined {
  const name = text.endsWith(".") ? text.slice(0, -1) : text;
  return name.length <= MAX_LENGTH && PRINTABLE.test(name) ? name.toLowerCase() : undefined;
}

/** The name under which the name of an address is found: RFC 1035 §3.5, RFC 3596 §2.5. */
export function reverseName({ version, bytes }: Ip): string {
  const labels = version === 4
    ? Array.from(bytes, String)
    : Array.from(bytes, (byte) => [(byte >> 4).toString(16), (byte & 15).toString(16)]).flat();
  return `${labels.reverse().join(".")}.${version === 4 ? "in-addr" : "ip6"}.arpa.`;
}

/** The first name of each address in the text of /etc/hosts: hosts(5). */
export function hostNames(text: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [address = "", first = ""] = line.replace(/#.*/, "").trim().split(/\s+/);
    const ip = Ip.parse(address), name = dnsName(first);
    if (ip !== undefined && name !== undefined && !names.has(String(ip))) names.set(String(ip), name);
  }
  return names;
}
