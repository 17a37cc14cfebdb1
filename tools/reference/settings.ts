import type { Flag } from "../../config/flags.ts";
import { duration, type Setting, type Settings, type Shape, shownValue } from "../../core/shape.ts";
import { anchorOf, code, heading, prose, table } from "./markdown.ts";

export interface SectionOptions {
  /** How deep its heading is. */
  readonly level: number;
  /** Flags of the settings. */
  readonly flags?: readonly Flag[];
  /** What is told elsewhere: by its settings, the heading there. */
  readonly told: Map<Settings, string>;
  readonly intro?: string;
}

/** The keys of a map in a table, and after it those of the maps within. */
export function section(path: string, settings: Settings, options: SectionOptions): string {
  const { level, flags = [], told, intro = "" } = options;
  const hasFlags = flags.some(({ path: of }) => of.slice(0, -1).join(".") === path);
  const inner: string[] = [];
  const rows = Object.entries(settings).map(([key, setting]) => {
    const within = mapWithin(setting.shape, `${path}.${key}`);
    if (within !== undefined && !told.has(within.settings)) {
      told.set(within.settings, within.path);
      inner.push(section(within.path, within.settings, { ...options, level: level + 1, intro: "" }));
    }
    const kind = within === undefined
      ? prose(setting.shape.expects)
      : `[${setting.shape.expects}](#${anchorOf(told.get(within.settings)!)})`;
    const flag = flags.find(({ setting: of }) => of === setting);
    return [
      code(key),
      kind,
      defaultOf(setting),
      ...hasFlags ? [flag === undefined ? "" : flagOf(flag)] : [],
      prose(setting.help),
    ];
  });
  const head = ["key", "value", "default", ...hasFlags ? ["flag"] : [], "meaning"];
  return [heading(level, code(path)), intro, table(head, rows), ...inner].join("\n");
}

/** The map with known keys that a setting is, or that its items are. */
function mapWithin(shape: Shape<unknown>, path: string): { settings: Settings; path: string } | undefined {
  if (shape.settings !== undefined) return { settings: shape.settings, path };
  return shape.item && mapWithin(shape.item, path + (shape.repeatable ? "[]" : ".NAME"));
}

function flagOf({ name, alias }: Flag): string {
  return [`--${name}`, ...alias === undefined ? [] : [`-${alias}`]].map(code).join(", ");
}

function defaultOf({ shape, default: value, shown }: Setting<unknown>): string {
  if (shown !== undefined) return prose(shown);
  if (value === undefined) return "";
  if (shape === duration) return code(durationText(value as number));
  const plain = shownValue(shape, value);
  if (plain instanceof Array) return code(plain.length === 0 ? "[]" : plain.join(", "));
  return code(typeof plain === "object" ? "{}" : String(plain));
}

const UNITS = [["d", 86_400], ["h", 3600], ["m", 60]] as const;

function durationText(seconds: number): string {
  const [unit, length] = UNITS.find(([, length]) => seconds % length === 0) ?? ["s", 1];
  return `${seconds / length}${unit}`;
}
