import type { Enricher, EnricherContext, Lookup } from "../core/enricher.ts";
import { didYouMean } from "../core/nearest.ts";
import { describe, type Entry, entryOf, type Node, type Problems } from "../core/node.ts";
import { record, text } from "../core/shape.ts";

export interface OpenEnricher extends Lookup {
  readonly outputs: readonly string[];
  readonly takes: Enricher["takes"] | undefined;
}

export interface OpenEnrichers {
  /** By the name that steps call them by. */
  readonly lookups: ReadonlyMap<string, OpenEnricher>;
  /** Kinds that need settings and have none. */
  readonly unconfigured: readonly string[];
}

/**
 * Opens what `enrich:` says: a name, and under it the settings, with the kind as `type` where the name is another.
 * Kinds that need no settings are there without being named.
 */
export function openEnrichers(
  kinds: readonly Enricher[],
  node: Node | undefined,
  { problems, ...context }: EnricherContext & { readonly problems: Problems },
): OpenEnrichers {
  const lookups = new Map<string, OpenEnricher>();
  const open = (name: string, kind: Enricher, settings: Node | undefined) => {
    const shape = record(kind.settings);
    const values = settings === undefined ? shape.defaults() : shape.read(settings, problems);
    if (values === undefined) return;
    const lookup = kind.open(values, context);
    const outputs = new Set([...Object.keys(kind.outputs), ...lookup.outputs ?? []]);
    lookups.set(name, {
      lookup: (value, output) => lookup.lookup(value, output),
      outputs: [...outputs],
      takes: kind.takes,
      ...lookup.part && { part: (value) => lookup.part!(value) },
      ...lookup.load && { load: () => lookup.load!() },
      ...lookup.run && { run: (signal) => lookup.run!(signal) },
      ...lookup.onChange && { onChange: (listener) => lookup.onChange!(listener) },
      ...lookup.figures && { figures: () => lookup.figures!() },
    });
  };
  for (const kind of kinds) if (!kind.needsSettings) open(kind.name, kind, undefined);
  for (const entry of entriesOf(node, problems)) {
    const kind = kindOf(entry, kinds, problems);
    if (kind !== undefined) open(entry.key, kind, withoutType(entry.value));
  }
  const unconfigured = kinds.map(({ name }) => name).filter((name) => !lookups.has(name));
  return { lookups, unconfigured };
}

function entriesOf(node: Node | undefined, problems: Problems): readonly Entry[] {
  if (node === undefined || (node.kind === "scalar" && node.value === null)) return [];
  if (node.kind === "map") return node.entries;
  problems.add(node, `Expected a map of enrichers, not ${describe(node)}`);
  return [];
}

function kindOf(
  { key, place, value }: Entry,
  kinds: readonly Enricher[],
  problems: Problems,
): Enricher | undefined {
  const type = entryOf(value, "type")?.value;
  const name = type === undefined ? key : text.read(type, problems);
  const kind = kinds.find((kind) => kind.name === name);
  if (kind === undefined && name !== undefined) {
    const names = kinds.map(({ name }) => name);
    const hint = didYouMean(name, names) || (type === undefined ? " (is its type missing?)" : "");
    const message = `Unknown enricher "${name}"${hint}; known are ${names.join(", ")}`;
    problems.add(type ?? place, message);
  }
  return kind;
}

function withoutType(node: Node): Node {
  return node.kind === "map" ? { ...node, entries: node.entries.filter(({ key }) => key !== "type") } : node;
}
