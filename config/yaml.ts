import type { Entry, Node, Problems } from "../core/node.ts";
import { Alias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Scalar } from "yaml";

/** A document that grows to more than this by its aliases is refused. */
const MAX_NODES = 200_000;

/** Reads a YAML document; what is wrong with it is reported with its place. */
export function parseYaml(text: string, file: string, problems: Problems): Node | undefined {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    logLevel: "silent",
  });
  const placeOf = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  for (const error of document.errors) problems.add(placeOf(error.pos[0]), firstLine(error.message));
  if (document.errors.length > 0) return undefined;
  let nodes = 0;

  function convert(node: unknown, parent: string): Node {
    if (++nodes > MAX_NODES) {
      throw new RangeError(`Cannot read ${file}: it has more than ${MAX_NODES} values`);
    }
    if (node instanceof Alias) return convert(node.resolve(document), parent);
    const place = isMap(node) || isSeq(node) || isScalar(node) ? placeOf(node.range?.[0] ?? 0) : parent;
    if (isSeq(node)) return { kind: "list", place, items: node.items.map((item) => convert(item, place)) };
    if (isMap(node)) {
      return {
        kind: "map",
        place,
        entries: node.items.flatMap((pair) => entriesOf(pair, place)),
      };
    }
    return scalarOf(isScalar(node) ? node : undefined, place);
  }

  function entriesOf({ key, value }: { key: unknown; value: unknown }, parent: string): readonly Entry[] {
    const keyNode = convert(key, parent);
    const text = keyNode.kind === "scalar" ? keyNode.text : "";
    const node = convert(value, keyNode.place);
    // `<<` brings in the keys of another map.
    if (text === "<<" && node.kind === "map") return node.entries;
    return [{ key: text, place: keyNode.place, value: node }];
  }

  try {
    return convert(document.contents, placeOf(0));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    problems.add(file, error.message);
    return undefined;
  }
}

function scalarOf(scalar: Scalar | undefined, place: string): Node {
  const value = scalar?.value;
  if (value === undefined || value === null) return { kind: "scalar", place, value: null, text: "" };
  if (typeof value === "boolean") return { kind: "scalar", place, value, text: String(value) };
  const text = typeof value === "string" ? value : scalar?.source ?? String(value);
  return { kind: "scalar", place, value: typeof value === "number" ? value : text, text };
}

function firstLine(message: string): string {
  return message.split("\n")[0]!;
}
