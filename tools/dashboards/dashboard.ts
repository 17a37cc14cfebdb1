import { place, type Section } from "./grid.ts";
import type { Dashboard } from "./model.ts";
import { type VariableOptions, variables } from "./variables.ts";

/** By this tag the dashboards find each other. */
const TAG = "netcensus";

interface DashboardOptions {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly VariableOptions[];
  readonly sections: readonly Section[];
}

/** A dashboard as Grafana 10 and later import it. */
export function dashboard(options: DashboardOptions): Dashboard {
  const { uid, title, description, sections } = options;
  return {
    uid,
    title,
    description,
    tags: [TAG],
    schemaVersion: 39,
    version: 1,
    editable: true,
    timezone: "browser",
    time: { from: "now-6h", to: "now" },
    refresh: "1m",
    fiscalYearStartMonth: 0,
    weekStart: "",
    liveNow: false,
    graphTooltip: 1,
    timepicker: {},
    links: [{
      title: "netcensus",
      type: "dashboards",
      icon: "external link",
      tooltip: "The other dashboards of netcensus",
      tags: [TAG],
      asDropdown: true,
      targetBlank: false,
      includeVars: true,
      keepTime: true,
    }],
    annotations: { list: [] },
    templating: { list: variables(options.variables) },
    panels: place(sections),
  };
}
