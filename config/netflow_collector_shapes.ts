import type { Node, Problems } from "../core/node.ts";
import {
  anything,
  boolean,
  choice,
  list,
  number,
  optional,
  record,
  type Setting,
  setting,
  type Shape,
  text,
} from "../core/shape.ts";
import { CONVERTERS, ENRICHERS } from "./netflow_collector_table.ts";

/** For Go what is empty is not there. */
function key<T>(shape: Shape<T>, help: string): Setting<T | undefined> {
  const read = (node: Node, problems: Problems) =>
    node.kind === "scalar" && node.text === "" ? undefined : shape.read(node, problems);
  return optional({ ...shape, read }, { help });
}

const METRICS = record({
  prefix: key(text, "What the names of all metrics begin with"),
  items: key(list(anything), "The metrics"),
});

const PIPELINE = record({
  filter: key(list(anything), "Which flows do not count"),
  enrich: key(list(choice(ENRICHERS)), "Which enrichers are asked"),
  metrics: setting(METRICS, METRICS.defaults(), { help: "What becomes of flows" }),
});

const EXTENSIONS = record(
  Object.fromEntries(ENRICHERS.map((name) => [name, key(anything, "Settings of the enricher")])),
);

/** The whole: https://github.com/rkosegi/netflow-collector/blob/main/schemas/config.json */
export const ROOT = record({
  netflow_endpoint: key(anything, "Where flows are received"),
  telemetry_endpoint: key(anything, "Where metrics are served"),
  flush_interval: key(
    number({ min: 1, max: 1_000_000_000, integer: true, what: "a whole number of seconds" }),
    "How long a series is there after its last flow",
  ),
  pipeline: setting(PIPELINE, PIPELINE.defaults(), { help: "From flows to metrics" }),
  extensions: setting(EXTENSIONS, EXTENSIONS.defaults(), { help: "Settings of the enrichers" }),
});

/** An item of `pipeline.filter`. */
export const MATCH = record({
  match: key(text, "An attribute"),
  cidr: key(anything, "The network that it is in"),
  is: key(anything, "The address that it is"),
  isUint32: key(number({ min: 0, max: 2 ** 32 - 1, integer: true }), "The number that it is"),
  "local-to-local": key(boolean, "Whether both addresses are private"),
});

/** An item of `pipeline.metrics.items`. */
export const METRIC = record({
  name: key(text, "Its name, behind the prefix"),
  description: key(text, "Its help text"),
  labels: key(list(anything), "Its labels"),
});

/** An item of the `labels` of a metric. */
export const LABEL = record({
  name: key(text, "Its name"),
  value: key(text, "An attribute; of a static label its text"),
  converter: key(choice(CONVERTERS), "What makes a text of the attribute"),
  on_missing: key(text, "The text where there is no value"),
});
