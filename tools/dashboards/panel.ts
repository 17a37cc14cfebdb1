import type { Sized } from "./grid.ts";
import {
  DATA_SOURCE,
  type FieldConfig,
  type Link,
  type Panel,
  type Target,
  type ValueMapping,
} from "./model.ts";

/**
 * The least step of all queries. $__rate_interval is then at least four minutes: enough for a scrape interval of a
 * minute, and for snapshots that are taken every minute.
 */
const MIN_STEP = "1m";

export interface Query {
  readonly expr: string;
  readonly legend: string;
}

export function query(expr: string, legend: string): Query {
  return { expr, legend };
}

/** From which value on it has which colour; below the first it is green. */
export type Thresholds = readonly (readonly [value: number, color: "orange" | "red" | "green"])[];

/** What every panel says of itself. */
export interface PanelOptions {
  readonly title: string;
  /** What it tells, and when to worry. */
  readonly description: string;
  readonly unit: string;
  readonly decimals?: number;
  readonly min?: number;
  readonly max?: number;
  readonly thresholds?: Thresholds;
  /** The colour below the first threshold. */
  readonly base?: "green" | "red" | "text";
  readonly mappings?: readonly ValueMapping[];
  readonly links?: readonly Link[];
  readonly width?: number;
  readonly height?: number;
}

export function refIdOf(index: number): string {
  return String.fromCharCode("A".charCodeAt(0) + index);
}

interface TargetOptions {
  readonly format?: Target["format"];
  readonly isInstant?: boolean;
}

export function targets(queries: readonly Query[], options: TargetOptions = {}): Target[] {
  const { format = "time_series", isInstant = false } = options;
  return queries.map(({ expr, legend }, i) => ({
    refId: refIdOf(i),
    datasource: DATA_SOURCE,
    expr: expr.replaceAll(/\s+/g, " ").trim(),
    editorMode: "code",
    format,
    instant: isInstant,
    range: !isInstant,
    interval: MIN_STEP,
    legendFormat: legend,
  }));
}

export function thresholdsOf(
  base: string,
  thresholds: Thresholds,
): FieldConfig["defaults"]["thresholds"] {
  const steps = thresholds.map(([value, color]) => ({ color, value }));
  return { mode: "absolute", steps: [{ color: base, value: null }, ...steps] };
}

/** The settings of fields that all kinds of panels have. */
export function fieldConfig(
  options: PanelOptions,
  own: { color: string; custom?: unknown; overrides?: FieldConfig["overrides"] },
): FieldConfig {
  const { unit, decimals, min, max, thresholds = [], base = "green", mappings = [], links } = options;
  const { color, custom, overrides = [] } = own;
  return {
    defaults: {
      unit,
      ...(decimals === undefined ? {} : { decimals }),
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
      color: { mode: color },
      thresholds: thresholdsOf(base, thresholds),
      mappings,
      ...(links === undefined ? {} : { links }),
      ...(custom === undefined ? {} : { custom }),
    },
    overrides,
  };
}

type Body = Pick<Panel, "type" | "targets" | "fieldConfig" | "options" | "transformations">;

/** The panel of the body, in the size that is asked for or else the usual one of its kind. */
export function sized(options: PanelOptions, size: { width: number; height: number }, body: Body): Sized {
  const { title, description, width = size.width, height = size.height } = options;
  const { type, ...rest } = body;
  return { panel: { type, title, description, datasource: DATA_SOURCE, ...rest }, width, height };
}

/** A mapping of 1 and 0 to words. */
export function words(one: string, zero: string): ValueMapping[] {
  return [{
    type: "value",
    options: { 1: { text: one, color: "green", index: 0 }, 0: { text: zero, color: "red", index: 1 } },
  }];
}
