import {
  Alias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  type ParsedNode,
  parseDocument,
  type Scalar,
  type YAMLMap,
  type YAMLParseError,
} from "yaml";
import type { Entry, MapNode, Node, Problems, ScalarNode } from "../core/node.ts";

/** A document that grows to more than this by its aliases is refused. */
const MAX_NODES = 200_000;

/** Reads a YAML document; what is wrong with it is reported with its place. */
export function parseYaml(text: string, file: string, problems: Problems): Node | undefined {
  return new YamlReader(text.replace(/^\ufeff/, ""), file, problems).read();
}

class YamlReader {
  readonly #file: string;
  readonly #problems: Problems;
  readonly #lines = new LineCounter();
  readonly #document: ReturnType<typeof parseDocument<ParsedNode>>;
  /** What is being read, from the document inwards: an alias to one of these has no end. */
  readonly #open = new Set<unknown>();
  #nodes = 0;

  constructor(text: string, file: string, problems: Problems) {
    this.#file = file;
    this.#problems = problems;
    // Its own search for keys that are there twice takes a time with the square of their number.
    const options = { prettyErrors: false, merge: true, uniqueKeys: false };
    this.#document = parseDocument(text, { lineCounter: this.#lines, ...options });
  }

  read(): Node | undefined {
    const before = this.#problems.list.length;
    const { errors, contents } = this.#document;
    const [error] = errors;
    if (error !== undefined) {
      // Further ones follow from it.
      this.#problems.add(this.#placeOf(error.pos[0]), messageOf(error));
      return undefined;
    }
    try {
      const node = this.#convert(contents, this.#placeOf(0));
      return this.#problems.list.length > before ? undefined : node;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#problems.add(this.#file, error.message);
      return undefined;
    }
  }

  #placeOf(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.#file}:${line}:${col}`;
  }

  #convert(node: unknown, parent: string): Node {
    if (++this.#nodes > MAX_NODES) {
      throw new RangeError(`Cannot read it: it has more than ${MAX_NODES} values`);
    }
    if (node instanceof Alias) return this.#resolve(node);
    if (isScalar(node)) return scalarOf(node, this.#placeOf(node.range?.[0] ?? 0));
    if (!isSeq(node) && !isMap(node)) return nothing(parent);
    const place = this.#placeOf(node.range?.[0] ?? 0);
    this.#open.add(node);
    const converted: Node = isMap(node)
      ? this.#mapOf(node, place)
      : { kind: "list", place, items: node.items.map((item) => this.#convert(item, place)) };
    this.#open.delete(node);
    return converted;
  }

  #resolve(alias: Alias): Node {
    const { source } = alias, place = this.#placeOf(alias.range?.[0] ?? 0);
    const target = alias.resolve(this.#document);
    if (target !== undefined && !this.#open.has(target)) return this.#convert(target, place);
    const isUnknown = target === undefined;
    this.#problems.add(
      place,
      isUnknown ? `Unknown alias "${source}"` : `The alias "${source}" is within what it stands for`,
    );
    return nothing(place);
  }

  /** What a map says itself wins over what it merges by `<<`, and of that the first. */
  #mapOf(map: YAMLMap, place: string): MapNode {
    const own = map.items.filter(({ key }) => !isMerge(key)).map((pair) => this.#entryOf(pair, place));
    const merged = map.items.filter(({ key }) => isMerge(key)).flatMap(({ value }) =>
      this.#merged(value, place)
    );
    const entries = new Map<string, Entry>();
    for (const entry of own) {
      if (entries.has(entry.key)) this.#problems.add(entry.place, `The key "${entry.key}" is there twice`);
      entries.set(entry.key, entry);
    }
    for (const entry of merged) if (!entries.has(entry.key)) entries.set(entry.key, entry);
    return { kind: "map", place, entries: [...entries.values()] };
  }

  #entryOf({ key, value }: Pair, parent: string): Entry {
    const keyNode = this.#convert(key, parent);
    const { place } = keyNode;
    return { key: keyNode.kind === "scalar" ? keyNode.text : "", place, value: this.#convert(value, place) };
  }

  #merged(value: unknown, place: string): readonly Entry[] {
    const node = this.#convert(value, place);
    const maps = node.kind === "list" ? node.items : [node];
    return maps.flatMap((map) => map.kind === "map" ? map.entries : []);
  }
}

function nothing(place: string): ScalarNode {
  return { kind: "scalar", place, value: null, text: "" };
}

function scalarOf({ value, source }: Scalar, place: string): ScalarNode {
  if (value === undefined || value === null) return nothing(place);
  if (typeof value === "boolean") return { kind: "scalar", place, value, text: String(value) };
  const text = typeof value === "string" ? value : source ?? String(value);
  return { kind: "scalar", place, value: typeof value === "number" ? value : text, text };
}

function isMerge(key: unknown): boolean {
  return isScalar(key) && typeof key.value === "symbol";
}

function messageOf({ code, message }: YAMLParseError): string {
  return code === "MULTIPLE_DOCS" ? "Expected one document, not several" : message.split("\n")[0]!;
}
