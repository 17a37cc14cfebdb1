import { collector } from "../../core/collector.ts";
import { CONNECTIONS, FAILURES, INTERFACES, RESOURCES, ROUTERS, TRACKING, TRAFFIC } from "./records.ts";
import { probe } from "./probe.ts";
import { RouterSource } from "./router_source.ts";
import { RULES } from "./rules.ts";
import { SETTINGS } from "./settings.ts";

export default collector({
  name: "mikrotik",
  help: "The connections of RouterOS routers",
  enabled: false,
  schedule: "interval",
  privileges: [],
  records: [CONNECTIONS, TRAFFIC, ROUTERS, FAILURES, TRACKING, RESOURCES, INTERFACES],
  rules: RULES,
  settings: SETTINGS,
  reasons: ["malformed", "unknown_reply", "refused"],
  checks: ["fasttrack", "followed"],
  check: ({ routers, probe }) =>
    routers.length === 0 && probe === undefined
      ? 'Neither "routers" nor "probe" says whom to ask'
      : undefined,
  targets: {
    field: "router",
    of: (settings) =>
      settings.routers.map((router) => ({
        name: router.name,
        interval: router.interval,
        settings: { ...settings, routers: [router] },
      })),
    probe,
  },
  open: ({ routers: [router] }, context) => new RouterSource(router!, context),
});
