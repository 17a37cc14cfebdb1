import type { Literal } from "../core/node.ts";

export const ENRICHERS = [
  "host_alias",
  "interface_mapper",
  "maxmind_asn",
  "maxmind_country",
  "protocol_name",
  "reverse_dns",
] as const;

type EnricherName = (typeof ENRICHERS)[number];

export const CONVERTERS = ["ipv4", "str", "uint32", "uint64", "static"] as const;

/** What netflow-collector knows of a flow. */
export interface Attribute {
  /** The only one that can make a text of it. */
  readonly converter: Exclude<(typeof CONVERTERS)[number], "static">;
  readonly field: string;
  /** Which enricher gives it; without one it comes with the flow. */
  readonly enricher?: EnricherName;
  /** From the field to the attribute. */
  readonly steps: readonly Literal[];
}

/** As Go has them: https://github.com/rkosegi/netflow-collector/blob/main/pkg/collector/server.go */
const OF_FLOWS: Readonly<Record<string, Attribute>> = {
  source_ip: plain("ipv4", "source_address"),
  destination_ip: plain("ipv4", "destination_address"),
  next_hop: plain("ipv4", "next_hop"),
  sampler: plain("ipv4", "exporter"),
  source_as: plain("uint32", "source_as"),
  destination_as: plain("uint32", "destination_as"),
  proto: plain("uint32", "protocol"),
  source_port: plain("uint32", "source_port"),
  destination_port: plain("uint32", "destination_port"),
  input_interface: plain("uint32", "input_interface"),
  output_interface: plain("uint32", "output_interface"),
  bytes: plain("uint64", "bytes"),
  packets: plain("uint64", "packets"),
};

export const ATTRIBUTES: Readonly<Record<string, Attribute>> = {
  ...OF_FLOWS,
  ...ofSide("source"),
  ...ofSide("destination"),
  input_interface_name: enriched("interface_mapper", "input_interface", ["interface_mapper"]),
  output_interface_name: enriched("interface_mapper", "output_interface", ["interface_mapper"]),
  proto_name: enriched("protocol_name", "protocol", [{ protocol_name: "basic" }]),
};

function plain(converter: Attribute["converter"], field: string): Attribute {
  return { converter, field, steps: [] };
}

function enriched(enricher: EnricherName, field: string, steps: readonly Literal[]): Attribute {
  return { converter: "str", field, enricher, steps };
}

function ofSide(side: "source" | "destination"): Readonly<Record<string, Attribute>> {
  const field = `${side}_address`;
  return {
    [`${side}_country`]: enriched("maxmind_country", field, ["maxmind_country", { on_missing: "Unknown" }]),
    [`${side}_asn_org`]: enriched("maxmind_asn", field, [{ maxmind_asn: "org" }]),
    [`${side}_asn_num`]: {
      ...enriched("maxmind_asn", field, [{ maxmind_asn: "number" }]),
      converter: "uint32",
    },
    [`${side}_host_alias`]: enriched("host_alias", field, ["host_alias", { on_missing: "unknown" }]),
    [`${side}_dns`]: enriched("reverse_dns", field, ["reverse_dns", { on_missing: "unknown" }]),
  };
}
