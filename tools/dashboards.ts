/** Writes the dashboards of Grafana: `deno task dashboards`. What they show is in tools/dashboards/. */
import { CONNTRACK_DASHBOARD } from "./dashboards/conntrack.ts";
import { FLOWS_DASHBOARD } from "./dashboards/flows.ts";
import { HEALTH_DASHBOARD } from "./dashboards/health.ts";
import { HOST_DASHBOARD } from "./dashboards/host.ts";
import { HOSTS_DASHBOARD } from "./dashboards/hosts.ts";
import type { Dashboard } from "./dashboards/model.ts";
import { ROUTERS_DASHBOARD } from "./dashboards/routers.ts";
import { WIALON_DASHBOARD } from "./dashboards/wialon.ts";

export const DASHBOARDS: readonly Dashboard[] = [
  HOSTS_DASHBOARD,
  HOST_DASHBOARD,
  CONNTRACK_DASHBOARD,
  ROUTERS_DASHBOARD,
  FLOWS_DASHBOARD,
  WIALON_DASHBOARD,
  HEALTH_DASHBOARD,
];

export const FOLDER = new URL("../deploy/grafana/", import.meta.url);

export function fileNameOf({ uid }: Dashboard): string {
  return `${uid}.json`;
}

export function textOf(dashboard: Dashboard): string {
  return `${JSON.stringify(dashboard, undefined, 2)}\n`;
}

if (import.meta.main) {
  for (const dashboard of DASHBOARDS) {
    await Deno.writeTextFile(new URL(fileNameOf(dashboard), FOLDER), textOf(dashboard));
  }
}
