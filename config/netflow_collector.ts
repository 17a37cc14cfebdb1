import { METRIC_NAME } from "../core/metric_name.ts";
import { didYouMean } from "../core/nearest.ts";
import {
  entryOf,
  type ListNode,
  type Literal,
  type MapNode,
  type Node,
  nodeOf,
  type Problems,
} from "../core/node.ts";
import { own } from "../core/own.ts";
import type { RecordShape, Settings, ValuesOf } from "../core/shape.ts";
import { SPECIAL_NETWORKS } from "../core/special_networks.ts";
import { LABEL, MATCH, METRIC, ROOT } from "./netflow_collector_shapes.ts";
import { type Attribute, ATTRIBUTES } from "./netflow_collector_table.ts";
import { rootShape } from "./settings.ts";

const DEFAULT_FLUSH_SECONDS = 180;
/** There it has no bound. */
const MAX_SERIES = 100_000;

/** Shipped rules whose metrics would stand beside those of the configuration. */
const SHIPPED: readonly string[] = [
  "netflow_bytes_total",
  "netflow_packets_total",
  "netflow_flows_total",
  "netflow_service_bytes_total",
  "netflow_service_flows_total",
];

/** The first of them that is there counts. */
const PREDICATES = ["cidr", "is", "isUint32"] as const;
/** Which of them can be asked of an attribute. */
const FITTING: Readonly<Record<Attribute["converter"], readonly string[]>> = {
  ipv4: ["cidr", "is"],
  uint32: ["isUint32"],
  uint64: [],
  str: [],
};

/** Filters come before enrichers. */
const OF_FLOWS = Object.keys(ATTRIBUTES).filter((name) => ATTRIBUTES[name]!.enricher === undefined);

/** Steps that make nothing of any value: the attribute of an enricher that is not asked. */
const ABSENT: readonly Literal[] = [{ regex: { match: "(?!)" } }];

/** A configuration of netflow-collector as one of ours; any other stays as it is. */
export function fromNetflowCollector(node: Node, problems: Problems): Node {
  if (node.kind !== "map") return node;
  const theirs = node.entries.find(({ key }) => own(ROOT.settings, key));
  if (theirs === undefined) return node;
  const sections = rootShape([]).settings;
  const ours = node.entries.find(({ key }) => Object.hasOwn(sections, key));
  if (ours === undefined) return new Translation(node, problems).whole();
  const both = `"${ours.key}" is of netcensus, "${theirs.key}" of netflow-collector`;
  problems.add(ours, `Expected a configuration of one program, not of two: ${both}`);
  return nodeOf({}, node.place);
}

class Translation {
  readonly #node: MapNode;
  readonly #problems: Problems;
  readonly #read: ValuesOf<typeof ROOT.settings>;
  /** What stands before the names of all metrics. */
  readonly #prefix: string;
  readonly #enrichers: ReadonlySet<string>;

  constructor(node: MapNode, problems: Problems) {
    this.#node = node;
    this.#problems = problems;
    this.#read = ROOT.read(node, problems) ?? ROOT.defaults();
    this.#prefix = this.#readPrefix();
    this.#enrichers = new Set(this.#read.pipeline.enrich);
  }

  whole(): Node {
    const { netflow_endpoint, telemetry_endpoint, pipeline } = this.#read, { place } = this.#node;
    const netflow = mapAt(place, { enabled: nodeOf(true, place), listen_address: netflow_endpoint });
    const scrapeMetric = nodeOf(`${this.#prefix}server_scrape`, place);
    const shipped = SHIPPED.map((name) => nodeOf({ name, enabled: false }, place));
    const metrics = (pipeline.metrics.items ?? []).map((node) => this.#metric(node));
    return mapAt(place, {
      collectors: mapAt(place, { disable_defaults: nodeOf(true, place), netflow }),
      web: mapAt(place, { listen_address: telemetry_endpoint, scrape_metric: scrapeMetric }),
      filters: this.#filters(),
      enrich: this.#enrich(),
      rules: listAt(place, [...shipped, ...this.#ownMetrics(), ...metrics]),
    });
  }

  /** A place within the file, or that of the file where nothing is at the path. */
  #placeOf(...path: readonly string[]): string {
    const node = path.reduce<Node | undefined>((node, key) => entryOf(node, key)?.value, this.#node);
    return (node ?? this.#node).place;
  }

  #readPrefix(): string {
    const { prefix } = this.#read.pipeline.metrics;
    if (prefix === undefined) return "";
    if (METRIC_NAME.test(prefix)) return `${prefix}_`;
    const place = this.#placeOf("pipeline", "metrics", "prefix");
    this.#problems.add(place, `"${prefix}" cannot begin a name: letters, digits, _ and :, not a digit first`);
    return "";
  }

  /** Reads a node, unless something is wrong with it. */
  #good<S extends Settings>(shape: RecordShape<S>, node: Node): ValuesOf<S> | undefined {
    const before = this.#problems.list.length;
    const values = shape.read(node, this.#problems);
    return this.#problems.list.length > before ? undefined : values;
  }

  /** The enrichers that are asked, with their settings. */
  #enrich(): Node {
    const place = this.#placeOf("pipeline", "enrich");
    const settings = [...this.#enrichers].map((name) => [name, this.#settingsOf(name, place)]);
    return mapAt(place, Object.fromEntries(settings));
  }

  #settingsOf(enricher: string, place: string): Node {
    const settings = this.#read.extensions[enricher];
    if (settings === undefined) return nodeOf({}, place);
    if (enricher === "interface_mapper") return mapAt(settings.place, { names: settings });
    // With us it is another kind of enricher.
    const type = entryOf(settings, "type");
    if (type) this.#problems.add(type, 'Unknown key "type"');
    return settings;
  }

  /** A flow counts unless something matches it. */
  #filters(): Node | undefined {
    const { filter = [] } = this.#read.pipeline, place = this.#placeOf("pipeline", "filter");
    const any = listAt(place, filter.map((node) => this.#match(node)));
    if (any.items.length === 0) return undefined;
    return mapAt(place, { netflow: mapAt(place, { not: mapAt(place, { any }) }) });
  }

  #match(node: Node): Node | undefined {
    const values = this.#good(MATCH, node);
    if (values === undefined) return undefined;
    const { place } = node, { match, "local-to-local": isLocal } = values;
    if (isLocal) {
      const all = ["source_address", "destination_address"].map((match) => ({
        match,
        cidr: SPECIAL_NETWORKS,
      }));
      return nodeOf({ all }, place);
    }
    const predicate = PREDICATES.find((name) => values[name] !== undefined);
    if (match === undefined && predicate === undefined && isLocal === false) return undefined;
    if (match === undefined || predicate === undefined) {
      const missing = match === undefined ? 'the key "match"' : "one of the keys cidr, is and isUint32";
      this.#problems.add(node, `A filter needs ${missing}`);
      return undefined;
    }
    const matchNode = entryOf(node, "match")!.value, predicateEntry = entryOf(node, predicate)!;
    const attribute = this.#attribute(matchNode, OF_FLOWS);
    if (attribute === undefined) return undefined;
    const fitting = FITTING[attribute.converter];
    if (!fitting.includes(predicate)) {
      const expected = fitting.join(" or ") || "no predicate";
      this.#problems.add(predicateEntry, `Expected ${expected} for ${match}, not ${predicate}`);
      return undefined;
    }
    const condition = predicate === "cidr" ? "cidr" : "is";
    const field = nodeOf(attribute.field, matchNode.place);
    return mapAt(place, { match: field, [condition]: predicateEntry.value });
  }

  #attribute(node: Node, known: readonly string[]): Attribute | undefined {
    const name = node.kind === "scalar" ? node.text : "", attribute = own(ATTRIBUTES, name);
    if (attribute !== undefined && known.includes(name)) return attribute;
    const message = attribute === undefined
      ? `Unknown attribute "${name}"${didYouMean(name, known) || `; known are ${known.join(", ")}`}`
      : `Filters come before enrichers: they do not know "${name}"`;
    this.#problems.add(node, message);
    return undefined;
  }

  /** The counts of flows by exporter. */
  #ownMetrics(): Node[] {
    const rule = (name: string, help: string, value: string) =>
      nodeOf({
        name: `${this.#prefix}server_${name}`,
        help,
        type: "counter",
        source: "netflow_exporters",
        labels: [{ name: "sampler", field: "exporter" }],
        value,
      }, this.#placeOf("pipeline", "metrics", "prefix"));
    return [
      rule("total_flows", "Flows that were received, those that are filtered out too.", "flows"),
      rule("dropped_flows", "Flows that were filtered out.", "filtered"),
    ];
  }

  #metric(node: Node): Node | undefined {
    const values = this.#good(METRIC, node);
    if (values === undefined) return undefined;
    const { name, description, labels = [] } = values, { place } = node;
    if (name === undefined) {
      this.#problems.add(node, 'A metric needs the key "name"');
      return undefined;
    }
    const { flush_interval: ttl = DEFAULT_FLUSH_SECONDS } = this.#read;
    return mapAt(place, {
      name: nodeOf(`${this.#prefix}flow_${name}`, entryOf(node, "name")!.value.place),
      help: description === undefined ? undefined : nodeOf(description, place),
      type: nodeOf("counter", place),
      source: nodeOf("netflow", place),
      labels: listAt(place, labels.map((label) => this.#label(label))),
      value: nodeOf("bytes", place),
      ttl: nodeOf(ttl, place),
      max_series: nodeOf(MAX_SERIES, place),
    });
  }

  #label(node: Node): Node | undefined {
    const values = this.#good(LABEL, node);
    if (values === undefined) return undefined;
    const { value, converter, on_missing: onMissing = "empty_str" } = values;
    const missing = (["name", "value", "converter"] as const).find((key) => values[key] === undefined);
    if (missing !== undefined || value === undefined || converter === undefined) {
      this.#problems.add(node, `A label needs the key "${missing}"`);
      return undefined;
    }
    const { place } = node, name = entryOf(node, "name")!.value, valueNode = entryOf(node, "value")!.value;
    if (converter === "static") {
      return mapAt(place, { name, steps: listAt(place, [mapAt(place, { static: valueNode })]) });
    }
    const attribute = this.#attribute(valueNode, Object.keys(ATTRIBUTES));
    if (attribute === undefined) return undefined;
    const { field, steps, enricher } = attribute, expected = attribute.converter;
    if (converter !== expected) {
      this.#problems.add(
        entryOf(node, "converter")!.value,
        `Expected ${expected} for ${value}, not ${converter}`,
      );
      return undefined;
    }
    const isAsked = enricher === undefined || this.#enrichers.has(enricher);
    const fallback = onMissing === "empty_str" ? [] : [{ on_missing: onMissing }];
    const all = [...isAsked ? steps : ABSENT, ...fallback];
    return mapAt(place, { name, field: nodeOf(field, valueNode.place), steps: nodeOf(all, valueNode.place) });
  }
}

function mapAt(place: string, values: Readonly<Record<string, Node | undefined>>): MapNode {
  const entries = Object.entries(values).flatMap(([key, value]) => value ? [{ key, place, value }] : []);
  return { kind: "map", place, entries };
}

/** A list of what is not missing. */
function listAt(place: string, items: readonly (Node | undefined)[]): ListNode {
  return { kind: "list", place, items: items.filter((item) => item !== undefined) };
}
