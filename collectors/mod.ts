import type { Collector } from "../core/collector.ts";
import conntrack from "./conntrack/mod.ts";
import mikrotik from "./mikrotik/mod.ts";
import netflow from "./netflow/mod.ts";
import sockets from "./sockets/mod.ts";
import wialon from "./wialon/mod.ts";

/** All collectors, in the order in which they are shown. */
export const COLLECTORS: readonly Collector[] = [sockets, conntrack, mikrotik, netflow, wialon];
