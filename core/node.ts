/**
 * A value that somebody wrote, with the place where: the common form of what YAML, flags and the rules in our own
 * code say. Whoever understands a part of it reads that part and reports what is wrong with it, with its place.
 */
export type Node = ScalarNode | ListNode | MapNode;

export interface ScalarNode {
  readonly kind: "scalar";
  /** `file:line:column`, `--flag`, or empty for what is written in our own code. */
  readonly place: string;
  readonly value: string | number | boolean | null;
  /** As it was written: 0700 stays 0700. */
  readonly text: string;
}

export interface ListNode {
  readonly kind: "list";
  readonly place: string;
  readonly items: readonly Node[];
}

export interface MapNode {
  readonly kind: "map";
  readonly place: string;
  readonly entries: readonly Entry[];
}

export interface Entry {
  readonly key: string;
  readonly place: string;
  readonly value: Node;
}

export type Literal = string | number | boolean | readonly Literal[] | { readonly [key: string]: Literal };

/** A node for a value that is written in code, or on the command line. */
export function nodeOf(value: Literal, place = ""): Node {
  if (value instanceof Array) return { kind: "list", place, items: value.map((item) => nodeOf(item, place)) };
  if (typeof value === "object") {
    const entries = Object.entries(value as { readonly [key: string]: Literal });
    return {
      kind: "map",
      place,
      entries: entries.map(([key, value]) => ({ key, place, value: nodeOf(value, place) })),
    };
  }
  return { kind: "scalar", place, value, text: String(value) };
}

/** Of a longer text only the beginning is shown. */
const MAX_SHOWN = 80;

/** How a node is named in a message: `"tcp"`, `a list`, `a map`, `nothing`; `user:password@host` without the first two. */
export function describe(node: Node): string {
  if (node.kind !== "scalar") return `a ${node.kind}`;
  if (node.value === null) return "nothing";
  const text = node.text.replace(/\S+:\S*@/, "…@");
  return JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);
}

/** What a node says, as JavaScript has it; a number keeps its zeros as a text. */
export function plainOf(node: Node): unknown {
  switch (node.kind) {
    case "scalar":
      return typeof node.value === "number" && String(node.value) !== node.text ? node.text : node.value;
    case "list":
      return node.items.map(plainOf);
    case "map":
      return Object.fromEntries(node.entries.map(({ key, value }) => [key, plainOf(value)]));
  }
}

export function entryOf(node: Node | undefined, key: string): Entry | undefined {
  return node?.kind === "map" ? node.entries.find((entry) => entry.key === key) : undefined;
}

/** What is wrong with what somebody wrote. */
export class Problems {
  readonly list: { readonly place: string; readonly message: string }[] = [];

  add(where: { readonly place: string } | string, message: string): void {
    this.list.push({ place: typeof where === "string" ? where : where.place, message });
  }

  get any(): boolean {
    return this.list.length > 0;
  }

  /** Those of a file in the order of its lines, all others as they were found. */
  lines(): string[] {
    return this.list.toSorted((a, b) => offsetIn(a.place) - offsetIn(b.place)).map(({ place, message }) =>
      place === "" ? message : `${place}: ${message}`
    );
  }
}

/** A number that ascends with line and column. */
function offsetIn(place: string): number {
  const [, line = 0, column = 0] = /:(\d+):(\d+)$/.exec(place) ?? [];
  return 1e6 * Number(line) + Number(column);
}
