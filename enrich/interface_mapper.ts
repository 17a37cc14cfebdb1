import { enricher, type Value } from "../core/enricher.ts";
import { Ip, Prefix } from "../core/ip.ts";
import { describe } from "../core/node.ts";
import { PrefixTrie } from "../core/prefix_trie.ts";
import { optional, type Shape, text } from "../core/shape.ts";

/** Names by the index of the interface. */
type Names = ReadonlyMap<number, string>;

/** ingressInterface and egressInterface are unsigned32: https://www.iana.org/assignments/ipfix */
const MAX_INDEX = 2 ** 32 - 1;

/** `1: wan`. */
const NAMES: Shape<Names> = {
  expects: "a map from the indexes of interfaces to names",
  read(node, problems) {
    if (node.kind !== "map") {
      problems.add(node, `Expected ${NAMES.expects}, not ${describe(node)}`);
      return undefined;
    }
    const names = new Map<number, string>();
    for (const { key, place, value } of node.entries) {
      const name = text.read(value, problems);
      const index = /^(?:0|[1-9]\d*)$/.test(key) ? Number(key) : NaN;
      if (!(index <= MAX_INDEX)) {
        problems.add(place, `Expected the index of an interface from 0 to ${MAX_INDEX}, not "${key}"`);
      } else if (name !== undefined) names.set(index, name);
    }
    return names;
  },
};

/** `192.0.2.1: {1: wan}`, or a network in the place of the address. */
const EXPORTERS: Shape<PrefixTrie<Names>> = {
  expects: "a map from exporters to the names of their interfaces",
  read(node, problems) {
    if (node.kind !== "map") {
      problems.add(node, `Expected ${EXPORTERS.expects}, not ${describe(node)}`);
      return undefined;
    }
    const exporters = new PrefixTrie<Names>();
    for (const { key, place, value } of node.entries) {
      const names = NAMES.read(value, problems);
      const prefix = Prefix.parse(key);
      if (prefix === undefined) {
        problems.add(place, `Expected the address of an exporter, or a network, not "${key}"`);
      } else if (names !== undefined && !exporters.add(prefix, names)) {
        problems.add(place, `The exporter ${prefix} is there twice`);
      }
    }
    return exporters;
  },
};

export default enricher({
  name: "interface_mapper",
  help: "The name of an interface: of its index alone, or of an exporter's address and the index together; " +
    "routers that the collector mikrotik reads tell theirs",
  needsSettings: false,
  settings: {
    names: optional(NAMES, { help: "Map from indexes to names, for every exporter" }),
    exporters: optional(EXPORTERS, {
      help: "Map from addresses or networks of exporters to maps as names is; these come first",
    }),
  },
  outputs: { name: "Name of the interface" },
  open({ names, exporters }, { interfaceNames }) {
    return {
      lookup(value: Value) {
        const [exporter, index] = value instanceof Array ? value : [undefined, value];
        if (typeof index !== "number") return undefined;
        if (!(exporter instanceof Ip)) return names?.get(index);
        return exporters?.find(exporter)?.get(index) ?? interfaceNames.find(exporter, index) ??
          names?.get(index);
      },
      onChange: (listener) => interfaceNames.onChange(listener),
    };
  },
});
