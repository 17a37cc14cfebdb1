import type { Enricher } from "../core/enricher.ts";
import direction from "./direction.ts";
import hostAlias from "./host_alias.ts";
import interfaceMapper from "./interface_mapper.ts";
import { maxmindAsn, maxmindCity, maxmindCountry } from "./maxmind/mod.ts";
import networks from "./networks.ts";
import protocolName from "./protocol_name.ts";
import reverseDns from "./reverse_dns/mod.ts";
import service from "./service.ts";

/** All kinds of enrichers. */
export const ENRICHERS: readonly Enricher[] = [
  direction,
  hostAlias,
  interfaceMapper,
  maxmindAsn,
  maxmindCity,
  maxmindCountry,
  networks,
  protocolName,
  reverseDns,
  service,
];
