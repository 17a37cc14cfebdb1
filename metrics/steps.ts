import type { Value } from "../core/enricher.ts";
import { Ip } from "../core/ip.ts";
import { describe, entryOf, type Node, type Problems } from "../core/node.ts";
import type { Field } from "../core/record.ts";
import { number, optional, record, setting, type Shape, table, text } from "../core/shape.ts";

/** One step on the way from the value of a field to the text of a label; `undefined` is absent. */
export interface Step {
  (value: Value | undefined): Value | undefined;
  /** Calls the listener when what the step makes of a value changes, or of any. */
  readonly onChange?: (listener: (value?: Value) => void) => void;
  /** All that the step needs to know of either of two values. */
  readonly part?: Part;
}

export type Part = (value: Value) => Value | undefined;

/** Something that remembers what steps made of the values of a column. */
interface Memory {
  forget(): void;
  reopen(value: Value): void;
}

/** What the steps make of a value. */
export function run(steps: readonly Step[], value: Value | undefined): Value | undefined {
  for (const step of steps) value = step(value);
  return value;
}

/** Opens the holes of a memory again when its steps would give another answer. */
export function watch(steps: readonly Step[], memory: Memory): void {
  for (const [i, step] of steps.entries()) {
    // The value that changed is that of the column only before the first step.
    step.onChange?.((value) => value === undefined || i > 0 ? memory.forget() : memory.reopen(value));
  }
}

/** A kind of step: `compile` makes one of its argument in the configuration. */
export interface StepKind {
  readonly help: string;
  /** The only kind of field of which it makes anything. */
  readonly takes?: Field["type"];
  /** What its argument is, where it takes one. */
  readonly argument?: Shape<unknown>;
  compile(argument: Node | undefined, problems: Problems): Step | undefined;
}

export function textOf(value: Value): string {
  if (!(value instanceof Array)) return String(value);
  return value.map((part) => part === undefined ? "" : String(part)).join(":");
}

export function numberOf(value: Value): number {
  return typeof value === "number" ? value : typeof value === "string" && value !== "" ? Number(value) : NaN;
}

/** A step that takes no argument. What is absent stays so. */
function plain(help: string, step: (value: Value) => Value | undefined): StepKind {
  return {
    help,
    compile(argument, problems) {
      if (argument !== undefined) problems.add(argument, `Expected no argument, not ${describe(argument)}`);
      return (value) => value === undefined ? undefined : step(value);
    },
  };
}

/** A step with an argument. What is absent stays so. */
function withArgument<T>(
  help: string,
  shape: Shape<T>,
  make: (argument: T, node: Node, problems: Problems) => ((value: Value) => Value | undefined) | undefined,
): StepKind {
  return {
    help,
    argument: shape,
    compile(node, problems) {
      const argument = node && shape.read(node, problems);
      const step = node && argument !== undefined ? make(argument, node, problems) : undefined;
      return step && ((value) => value === undefined ? undefined : step(value));
    },
  };
}

/** A step that gives a text where a value is absent, or always. */
function constant(help: string, step: (text: string) => Step): StepKind {
  return {
    help,
    argument: text,
    compile(node, problems) {
      const constant = node && text.read(node, problems);
      return constant === undefined ? undefined : step(constant);
    },
  };
}

const REPLACEMENT = record({
  match: optional(text, { help: "Regular expression; the first match in the text counts" }),
  replace: setting(text, "$1", { help: "What becomes the value: $1 is the first group, $0 the whole match" }),
});

const LENGTHS = record({
  v4: setting(number({ min: 0, max: 32, integer: true }), 32, { help: "Prefix length for IPv4" }),
  v6: setting(number({ min: 0, max: 128, integer: true }), 128, { help: "Prefix length for IPv6" }),
});

/** The steps that a label's `steps:` may name, beside the enrichers. */
export const STEPS: Readonly<Record<string, StepKind>> = {
  lower: plain("lower case", (value) => textOf(value).toLowerCase()),
  upper: plain("upper case", (value) => textOf(value).toUpperCase()),
  prefix: withArgument("a text put in front", text, (prefix) => (value) => prefix + textOf(value)),
  suffix: withArgument("a text put behind", text, (suffix) => (value) => textOf(value) + suffix),
  truncate: withArgument(
    "at most so many characters",
    number({ min: 1, integer: true }),
    (length) => (value) => [...textOf(value)].slice(0, length).join(""),
  ),
  map: withArgument(
    "other texts for some values; `*` is for all the rest, without it they stay as they are",
    table(text),
    (texts) => (value) => texts.get(textOf(value)) ?? texts.get("*") ?? value,
  ),
  regex: withArgument("a part of the text, or nothing where it does not match", REPLACEMENT, compileRegex),
  cidr: {
    takes: "ip",
    ...withArgument("the network of an address", LENGTHS, ({ v4, v6 }) => (value) => {
      if (!(value instanceof Ip)) return undefined;
      const length = value.version === 4 ? v4 : v6;
      return `${value.masked(length)}/${length}`;
    }),
  },
  port_class: {
    takes: "number",
    ...plain("well_known (to 1023), registered (to 49151) or dynamic", (value) => {
      const port = numberOf(value);
      if (Number.isNaN(port)) return undefined;
      return port < 1024 ? "well_known" : port < 49152 ? "registered" : "dynamic";
    }),
  },
  static: constant("always this text", (text) => () => text),
  on_missing: constant(
    "this text where the value is absent",
    (text) => (value) => value === undefined || value === "" ? text : value,
  ),
};

function compileRegex(
  argument: { match: string | undefined; replace: string },
  node: Node,
  problems: Problems,
) {
  if (argument.match === undefined) {
    problems.add(node, 'The step "regex" needs the key "match"');
    return undefined;
  }
  const regex = compileRegExp(argument.match, entryOf(node, "match")!.value, problems);
  if (regex === undefined) return undefined;
  const { replace } = argument;
  return (value: Value) => {
    const match = regex.exec(textOf(value));
    if (match === null) return undefined;
    return replace.replace(/\$(\d)/g, (_, group: string) => match[Number(group)] ?? "");
  };
}

/** The pattern is made of what was written, which must be right by itself. */
export function compileRegExp(source: string, node: Node, problems: Problems, pattern = source) {
  try {
    new RegExp(source, "u");
    return new RegExp(pattern, "u");
  } catch (error) {
    const reason = (error as Error).message.replace(/^.*: /s, "");
    problems.add(node, `Cannot compile the regular expression ${JSON.stringify(source)}: ${reason}`);
    return undefined;
  }
}
