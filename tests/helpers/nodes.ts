import type { Literal, Node } from "../../core/node.ts";

/** A key or an item that has nothing after it, as YAML gives it. */
export function nothing(place = ""): Node {
  return { kind: "scalar", place, value: null, text: "" };
}

/** A map whose keys and values each have their place. */
export function mapOf(entries: readonly { key: string; place: string; value: Node }[], place = ""): Node {
  return { kind: "map", place, entries };
}

/** A node in which the place of each value is its path, such as `labels[0].name`, and that of a key `key PATH`. */
export function placed(value: Literal, path = ""): Node {
  if (value instanceof Array) {
    return { kind: "list", place: path, items: value.map((item, i) => placed(item, `${path}[${i}]`)) };
  }
  if (typeof value !== "object") return { kind: "scalar", place: path, value, text: String(value) };
  const entries = Object.entries(value as { readonly [key: string]: Literal }).map(([key, value]) => {
    const place = path === "" ? key : `${path}.${key}`;
    return { key, place: `key ${place}`, value: placed(value, place) };
  });
  return mapOf(entries, path);
}
