import { SERVICES } from "../../core/service_table.ts";
import { hasPorts, TCP } from "../../parsers/conntrack_entry.ts";

/** The names that conntrack-exporter gave, whatever the protocol. */
const BY_PORT: Readonly<Record<number, string>> = {
  20: "ftp",
  21: "ftp",
  22: "ssh",
  23: "telnet",
  25: "smtp",
  53: "dns",
  80: "http",
  110: "pop3",
  143: "imap",
  389: "ldap",
  443: "https",
  465: "smtp",
  587: "smtp",
  631: "ipp",
  993: "imaps",
  995: "pop3s",
  3306: "mysql",
  5432: "postgres",
  6379: "redis",
  9200: "elasticsearch",
};

/** All that `serviceOf()` can say: first what it says of most ports. */
export const SERVICE_NAMES: readonly string[] = [
  ...new Set(["unknown", "na", ...Object.values(BY_PORT), ...SERVICES.values()]),
];
const NONE = SERVICE_NAMES.indexOf("na");

/** By port, the index in `SERVICE_NAMES`. */
function table(transport: string): Uint16Array {
  const names = new Uint16Array(65_536);
  for (const [key, name] of SERVICES) {
    const [protocol, port] = key.split("/");
    if (protocol === transport) names[Number(port)] = SERVICE_NAMES.indexOf(name);
  }
  for (const [port, name] of Object.entries(BY_PORT)) names[Number(port)] = SERVICE_NAMES.indexOf(name);
  return names;
}

const ofTcp = table("tcp"), ofOthers = table("udp");

/** The index in `SERVICE_NAMES` of the usual service of a port. */
export function serviceOf(protocol: number, port: number): number {
  if (!hasPorts(protocol) || port !== port) return NONE;
  return (protocol === TCP ? ofTcp : ofOthers)[port]!;
}
