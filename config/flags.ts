import { didYouMean } from "../core/nearest.ts";
import { own } from "../core/own.ts";
import { type Entry, type MapNode, type Node, nodeOf, type Problems } from "../core/node.ts";
import type { Setting, Settings } from "../core/shape.ts";

/** A setting that can be given on the command line. */
export interface Flag {
  readonly name: string;
  readonly alias: string | undefined;
  /** Where the setting is in the configuration. */
  readonly path: readonly string[];
  readonly setting: Setting<unknown>;
}

export const COMMANDS = ["run", "check", "collectors", "health"] as const;

export interface CommandLine {
  readonly command: (typeof COMMANDS)[number] | "help" | "version";
  readonly configFile: string | undefined;
  /** A file of captured packets to be read in place of what comes by itself. */
  readonly replayFile: string | undefined;
  /** What the flags say, as a part of the configuration. */
  readonly node: Node;
}

/** The flags of all settings of a record: their path with dots, and dashes for underscores. */
export function flagsOf(settings: Settings, path: readonly string[] = []): Flag[] {
  return Object.entries(settings).flatMap(([key, setting]) => {
    const here = [...path, key];
    if (setting.flag === null) return [];
    if (setting.shape.settings) return flagsOf(setting.shape.settings, here);
    return [{ name: setting.flag ?? flagName(here), alias: setting.alias, path: here, setting }];
  });
}

/** `collectors.NAME.enabled` is `--collector.NAME`. */
function flagName(path: readonly string[]): string {
  const name = path.join(".").replaceAll("_", "-").replace(/^collectors\./, "collector.");
  return name.replace(/^(collector\.[^.]+)\.enabled$/, "$1");
}

/** Flags that are no settings. */
const FILES: Readonly<Record<string, "config" | "replay">> = {
  "config.file": "config",
  config: "config",
  replay: "replay",
};
const SWITCHES: Readonly<Record<string, CommandLine["command"]>> = {
  help: "help",
  h: "help",
  version: "version",
  v: "version",
};

export function parseCommandLine(
  args: readonly string[],
  flags: readonly Flag[],
  problems: Problems,
): CommandLine {
  return new Parser(args, flags, problems).parse();
}

class Parser {
  readonly #args: string[];
  readonly #flags = new Map<string, Flag>();
  readonly #problems: Problems;
  readonly #given = new Map<Flag, Node[]>();
  #command: CommandLine["command"] | undefined;
  #switched: CommandLine["command"] | undefined;
  readonly #files: { config?: string | undefined; replay?: string | undefined } = {};

  constructor(args: readonly string[], flags: readonly Flag[], problems: Problems) {
    this.#args = [...args];
    for (const flag of flags) {
      this.#flags.set(flag.name, flag);
      if (flag.alias !== undefined) this.#flags.set(flag.alias, flag);
    }
    this.#problems = problems;
  }

  parse(): CommandLine {
    for (let arg = this.#args.shift(); arg !== undefined; arg = this.#args.shift()) {
      if (arg.startsWith("-")) this.#flag(arg);
      else this.#word(arg);
    }
    return {
      command: this.#switched ?? this.#command ?? "run",
      configFile: this.#files.config,
      replayFile: this.#files.replay,
      node: treeOf([...this.#given].map(([flag, nodes]) => [flag.path, valueOf(flag, nodes)])),
    };
  }

  #word(word: string): void {
    const command = COMMANDS.find((command) => command === word);
    if (command !== undefined && this.#command === undefined) this.#command = command;
    else {this.#problems.add(
        word,
        `Unknown command${didYouMean(word, COMMANDS)}; known are ${COMMANDS.join(", ")}`,
      );}
  }

  #flag(arg: string): void {
    const [, dashed = "", value] = /^--?([^=]*)(?:=(.*))?$/s.exec(arg) ?? [];
    const command = own(SWITCHES, dashed);
    if (command !== undefined && value === undefined) {
      this.#switched ??= command;
      return;
    }
    const file = own(FILES, dashed);
    if (file !== undefined) {
      this.#files[file] = this.#valueFor(dashed, value) ?? this.#files[file];
      return;
    }
    const flag = this.#flags.get(dashed);
    const negated = this.#flags.get(dashed.replace(/^no-/, ""));
    if (flag === undefined && negated?.setting.shape.boolean && value === undefined) {
      return this.#give(negated, nodeOf(false, `--${dashed}`));
    }
    if (flag === undefined) {
      const known = [...this.#flags.keys(), ...Object.keys(SWITCHES), ...Object.keys(FILES)];
      const negations = [...this.#flags].flatMap(([name, { setting }]) =>
        setting.shape.boolean ? [`no-${name}`] : []
      );
      const names = [
        ...known.filter((name) => name.length > 1),
        ...(dashed.startsWith("no-") ? negations : []),
      ];
      return this.#problems.add(arg.replace(/=.*/s, ""), `Unknown flag${didYouMean(dashed, names)}`);
    }
    if (flag.setting.shape.boolean) return this.#give(flag, nodeOf(value ?? "true", `--${dashed}`));
    const given = this.#valueFor(dashed, value);
    if (given !== undefined) this.#give(flag, nodeOf(given, `--${dashed}`));
  }

  /** What stands after the `=`, or as the next argument. */
  #valueFor(name: string, value: string | undefined): string | undefined {
    const given = value ?? this.#args.shift();
    if (given === undefined) this.#problems.add(`--${name}`, "Expected a value after the flag");
    return given;
  }

  #give(flag: Flag, node: Node): void {
    this.#given.set(flag, [...this.#given.get(flag) ?? [], node]);
  }
}

/** Of a flag that is given twice the last counts, unless it can be repeated. */
function valueOf(flag: Flag, nodes: readonly Node[]): Node {
  const last = nodes.at(-1)!;
  return flag.setting.shape.repeatable ? { kind: "list", place: last.place, items: nodes } : last;
}

/** One tree of values that are given with their paths. */
export function treeOf(values: readonly (readonly [path: readonly string[], value: Node])[]): Node {
  return values.reduce<Node>((tree, [path, value]) => overlay(tree, branch(path, value)), nodeOf({}));
}

function branch(path: readonly string[], value: Node): Node {
  const { place } = value;
  return path.reduceRight<Node>(
    (node, key) => ({ kind: "map", place, entries: [{ key, place, value: node }] }),
    value,
  );
}

/** The lower tree with what the upper says in its place; maps are joined, all else is replaced. */
export function overlay(lower: Node | undefined, upper: Node): Node {
  if (lower === undefined) return upper;
  if (lower.kind === "map" && isNothing(upper)) return lower;
  if (upper.kind !== "map" || isNothing(lower)) return upper;
  if (lower.kind !== "map") return isSwitch(lower) && upper.entries.length > 0 ? upper : lower;
  const entries = new Map<string, Entry>(lower.entries.map((entry) => [entry.key, entry]));
  for (const entry of upper.entries) {
    const below = entries.get(entry.key);
    entries.set(entry.key, below ? { ...entry, value: overlay(below.value, entry.value) } : entry);
  }
  return { ...lower, entries: [...entries.values()] } satisfies MapNode;
}

function isNothing(node: Node): boolean {
  return node.kind === "scalar" && node.value === null;
}

/** `sockets: false`, which a flag that sets one of its settings replaces. */
function isSwitch(node: Node): boolean {
  return node.kind === "scalar" && typeof node.value === "boolean";
}
