import { enricher, type Value } from "../core/enricher.ts";
import { own } from "../core/own.ts";
import { SERVICES } from "../core/service_table.ts";

/** IANA protocol numbers of the transports that have ports. */
const TRANSPORTS: Readonly<Record<string, string>> = { 6: "tcp", 17: "udp", 33: "dccp", 132: "sctp" };

export default enricher({
  name: "service",
  help: "The usual service of a port: of a port alone, or of a protocol (name or number) and a port together",
  needsSettings: false,
  settings: {},
  outputs: { name: "Name of the service, such as https" },
  open: () => ({ lookup: serviceOf }),
});

function serviceOf(value: Value): string | undefined {
  if (!(value instanceof Array)) return SERVICES.get(`tcp/${value}`) ?? SERVICES.get(`udp/${value}`);
  const [protocol, port] = value;
  const transport = own(TRANSPORTS, String(protocol)) ?? String(protocol).toLowerCase();
  return SERVICES.get(`${transport}/${port}`);
}
