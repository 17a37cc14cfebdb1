import { enricher, type Value } from "../core/enricher.ts";
import { PROTOCOL_NAMES } from "../core/protocol_table.ts";

/** The only protocols that netflow-collector has a name for. */
const BASIC: ReadonlySet<number> = new Set([1, 2, 6, 17]);

export default enricher({
  name: "protocol_name",
  help: "The name of the number of an IP protocol",
  needsSettings: false,
  takes: "number",
  settings: {},
  outputs: {
    name: "IANA's keyword in lower case, such as tcp, or the number where there is none",
    basic: "icmp, igmp, tcp, udp, or other (N) with the number",
  },
  open: () => ({ lookup: nameOf }),
});

function nameOf(value: Value, output: string): string | undefined {
  if (typeof value !== "number") return undefined;
  const name = PROTOCOL_NAMES.get(value);
  if (output === "basic") return BASIC.has(value) ? name : `other (${value})`;
  return name ?? String(value);
}
