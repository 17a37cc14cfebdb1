import { type Setting, shownValue } from "../core/shape.ts";
import type { Flag } from "./flags.ts";

const COLUMN = 44;

/** The text of `--help`: the flags in groups, by the section of the configuration that they are in. */
export function helpText(flags: readonly Flag[], sections: Readonly<Record<string, string>>): string {
  const groups = Object.entries(sections).map(([section, title]) => {
    const own = flags.filter(({ path }) => path[0] === section);
    return own.length === 0 ? "" : `${title}:\n${own.map(line).join("\n")}\n`;
  });
  return `netcensus counts what is connected to what, for Prometheus.

Usage: netcensus [run] [flags]
       netcensus check --config.file=FILE    tells what is wrong with a configuration
       netcensus collectors                  lists the collectors, and what each may do here
       netcensus health [flags]              asks the one that runs here with these flags how it is

General:
${entry("--config.file=FILE, --config=FILE", "Configuration in YAML; flags win over it")}
${entry("--replay=FILE", "Read captured packets (pcap), print the metrics that they give, and end")}
${entry("-h, --help", "Show this")}
${entry("-v, --version", "Show the version")}

${groups.filter((group) => group !== "").join("\n")}
A flag is written --flag=VALUE or --flag VALUE; what is on or off as --flag or --no-flag.
`;
}

function line({ name, alias, setting }: Flag): string {
  const { shape, help } = setting;
  const names = alias === undefined ? `--${name}` : `--${name}, -${alias}`;
  const value = shape.boolean ? "" : "=" + (shape.repeatable ? "VALUE…" : "VALUE");
  const notes = [
    shape.boolean ? "" : choices(shape.expects),
    shape.repeatable ? "may be repeated" : "",
    defaultOf(setting),
  ];
  const note = notes.filter((note) => note !== "").join("; ");
  return entry(names + value, note === "" ? help : `${help} (${note})`);
}

function choices(expects: string): string {
  return expects.startsWith("one of ") ? expects.slice("one of ".length) : "";
}

function defaultOf({ shape, default: value, shown }: Setting<unknown>): string {
  if (shown !== undefined) return `default: ${shown}`;
  if (value === undefined || value === null) return "";
  return typeof value === "boolean"
    ? `default: ${value ? "on" : "off"}`
    : `default: ${shownValue(shape, value)}`;
}

function entry(left: string, right: string): string {
  const gap = left.length + 4 > COLUMN ? `\n${" ".repeat(COLUMN)}` : " ".repeat(COLUMN - 2 - left.length);
  return `  ${left}${gap}${right}`;
}
