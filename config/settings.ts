import type { Collector } from "../core/collector.ts";
import { LOG_FORMATS, LOG_LEVELS } from "../core/log.ts";
import { METRIC_NAME, SCRAPE_METRIC } from "../core/metric_name.ts";
import { describe, entryOf, type Node, type Problems } from "../core/node.ts";
import {
  anything,
  boolean,
  choice,
  file,
  folder,
  list,
  number,
  optional,
  record,
  type RecordShape,
  type Setting,
  setting,
  type Settings,
  type Shape,
  text,
  type ValuesOf,
} from "../core/shape.ts";
import { type ListenAddress, listenAddress } from "../core/listen_address.ts";

const DEFAULT_PORT = 19100;

const WEB = {
  listen_address: setting(
    list(listenAddress),
    [{ hostname: undefined, port: DEFAULT_PORT }] as ListenAddress[],
    {
      help: "Where to listen: :9095, 127.0.0.1:9095 or [::1]:9095",
      alias: "metrics-listen-address",
    },
  ),
  telemetry_path: setting(urlPath(), "/metrics", { help: "Where the metrics are" }),
  max_requests: setting(number({ min: 0, max: 100_000, integer: true }), 40, {
    help: "Scrapes at a time; the next is answered 503. 0 is without limit",
  }),
  disable_exporter_metrics: setting(boolean, false, {
    help: "Leave out the metrics of the exporter itself: process_*, nodejs_* and HTTP",
  }),
  config_file: optional(file, {
    help: "File with TLS and users for HTTP, in the format of Prometheus' exporter-toolkit",
    flag: "web.config.file",
  }),
  scrape_metric: setting(metricName(), SCRAPE_METRIC, {
    help: "Name of the summary of how long scrapes take",
    flag: null,
  }),
};

const LOG = {
  level: setting(choice(LOG_LEVELS), "info", { help: "Least severity to log" }),
  format: setting(choice(LOG_FORMATS), "logfmt", { help: "Format of the log, on standard error" }),
};

const PATH = {
  procfs: setting(folder, "/proc", { help: "Where procfs is mounted" }),
  sysfs: setting(folder, "/sys", { help: "Where sysfs is mounted" }),
};

const COLLECTORS = {
  interval: setting(number({ min: 1, max: 86_400, what: "a number of seconds" }), 60, {
    help: "Seconds between the snapshots of collectors that do not follow the scrapes",
  }),
  disable_defaults: setting(boolean, false, { help: "Run only the collectors that are switched on by name" }),
};

/** The key that every collector has. */
interface Switch extends Settings {
  readonly enabled: Setting<boolean | undefined>;
}

function switchOf({ help, enabled }: Collector): Switch {
  return { enabled: optional(boolean, { help: `Run: ${help}`, shown: enabled ? "on" : "off" }) };
}

/** The sections that have flags, with titles for `--help`. */
export const SECTIONS = { collectors: "Collectors", web: "HTTP", log: "Log", path: "Paths" };

/** What was said of one collector. */
export type CollectorValues = { readonly enabled: boolean | undefined } & Readonly<Record<string, unknown>>;

/** All that can be configured, as it was read. */
export interface Values {
  readonly web: ValuesOf<typeof WEB>;
  readonly log: ValuesOf<typeof LOG>;
  readonly path: ValuesOf<typeof PATH>;
  readonly collectors: ValuesOf<typeof COLLECTORS> & Readonly<Record<string, unknown>>;
  readonly filters: Node | undefined;
  readonly enrich: Node | undefined;
  readonly rules: Node | undefined;
}

/** The shape of the whole configuration, with a part for each collector. */
export function rootShape(collectors: readonly Collector[]) {
  const parts = Object.fromEntries(collectors.map((collector) => {
    const shape = orSwitch(record({ ...switchOf(collector), ...collector.settings }));
    return [collector.name, setting<unknown>(shape, shape.defaults(), { help: collector.help })];
  }));
  return record({
    collectors: section({ ...COLLECTORS, ...parts }, "What is collected"),
    rules: optional(anything, { help: "Metrics: what the records of the collectors become", flag: null }),
    filters: optional(anything, {
      help: "By source, which of its records count at all; each rule may have a filter besides",
      flag: null,
    }),
    enrich: optional(anything, { help: "What is known of addresses and ports", flag: null }),
    web: section(WEB, "HTTP"),
    log: section(LOG, "The log"),
    path: section(PATH, "Where the kernel's files are"),
  });
}

/** What a configuration says of HTTP, whether the rest of it is good or not. */
export function webOf(configured: Node, problems: Problems): Values["web"] {
  const { shape, default: value } = rootShape([]).settings.web;
  const written = entryOf(configured, "web")?.value;
  return (written && shape.read(written, problems)) ?? value;
}

function section<S extends Settings>(settings: S, help: string) {
  const shape = record(settings);
  return setting<ValuesOf<S>>(shape, shape.defaults(), { help });
}

/** A collector may be switched with `NAME: true`; to write its settings switches it on. */
function orSwitch<S extends Switch>(shape: RecordShape<S>): RecordShape<S> {
  return {
    ...shape,
    read(node, problems) {
      if (node.kind === "scalar" && (node.text === "true" || node.text === "false")) {
        return { ...shape.defaults(), enabled: node.text === "true" };
      }
      if (node.kind === "list" || (node.kind === "scalar" && node.value !== null)) {
        problems.add(node, `Expected true, false or a map of settings, not ${describe(node)}`);
        return undefined;
      }
      const values = shape.read(node, problems);
      return values && { ...values, enabled: values.enabled ?? true };
    },
  };
}

function metricName(): Shape<string> {
  return {
    expects: "a name for a metric, none of the exporter itself",
    read(node, problems) {
      const name = node.kind === "scalar" ? node.text : "";
      const isOwn = /^(netcensus|process|nodejs)_/.test(name) && name !== SCRAPE_METRIC;
      if (METRIC_NAME.test(name) && !isOwn) return name;
      problems.add(node, `Expected ${this.expects}, not ${describe(node)}`);
      return undefined;
    },
  };
}

/** What is served beside the metrics. */
const OTHER_PAGES = /^\/(-\/.*|health|config|probe)?$/;

function urlPath(): Shape<string> {
  return {
    expects: "a path such as /metrics",
    read(node, problems) {
      const path = text.read(node, problems);
      if (path === undefined) return undefined;
      const isPath = path.startsWith("/") && new URL(path, "http://localhost").pathname === path;
      if (isPath && !OTHER_PAGES.test(path)) return path;
      problems.add(
        node,
        `Expected ${this.expects}, not ${describe(node)}${isPath ? ", which is another page" : ""}`,
      );
      return undefined;
    },
  };
}
