import type { Enricher } from "../core/enricher.ts";
import networks from "./networks.ts";
import service from "./service.ts";

/** All kinds of enrichers. */
export const ENRICHERS: readonly Enricher[] = [networks, service];
