import type { Sized } from "./grid.ts";
import type { Link, Override, Transformation, ValueMapping } from "./model.ts";
import {
  fieldConfig,
  type PanelOptions,
  query,
  refIdOf,
  sized,
  targets,
  type Thresholds,
  thresholdsOf,
} from "./panel.ts";

/** A column of values: an expression whose series have the labels of the table, and no others. */
export interface Column {
  readonly title: string;
  readonly expr: string;
  readonly unit: string;
  readonly decimals?: number;
  readonly thresholds?: Thresholds;
  readonly base?: "green" | "red";
  readonly mappings?: readonly ValueMapping[];
}

interface Table extends Omit<PanelOptions, "unit" | "thresholds" | "mappings" | "links"> {
  /** The labels that tell the rows apart, with the titles of their columns. */
  readonly labels: Readonly<Record<string, string>>;
  /** Where a click on such a label leads. */
  readonly links?: Readonly<Record<string, Link>>;
  /** Rows are in the order of the first of these. */
  readonly columns: readonly [Column, ...Column[]];
  /** Whether the smallest is first, rather than the largest. */
  readonly isSmallestFirst?: boolean;
}

/** What is now, in rows. */
export function table(options: Table): Sized {
  const { labels, columns, links = {}, isSmallestFirst = false, ...rest } = options;
  const own: PanelOptions = { ...rest, unit: columns[0].unit, base: "text" };
  const overrides = [
    ...columns.map(columnOverride),
    ...Object.entries(links).map(([label, link]): Override => ({
      matcher: { id: "byName", options: labels[label] ?? label },
      properties: [{ id: "links", value: [link] }],
    })),
  ];
  return sized(own, { width: 12, height: 9 }, {
    type: "table",
    targets: targets(columns.map(({ expr }) => query(expr, "")), { format: "table", isInstant: true }),
    fieldConfig: fieldConfig(own, {
      color: "thresholds",
      custom: { align: "auto", cellOptions: { type: "auto" }, filterable: true, inspect: false },
      overrides,
    }),
    options: {
      frameIndex: 0,
      cellHeight: "sm",
      showHeader: true,
      sortBy: [{ displayName: columns[0].title, desc: !isSmallestFirst }],
    },
    transformations: transformations(Object.entries(labels), columns),
  });
}

function columnOverride({ title, unit, decimals, thresholds, base = "green", mappings }: Column): Override {
  const judged = [
    { id: "thresholds", value: thresholdsOf(base, thresholds ?? []) },
    { id: "custom.cellOptions", value: { type: "color-text" } },
  ];
  return {
    matcher: { id: "byName", options: title },
    properties: [
      { id: "unit", value: unit },
      ...(decimals === undefined ? [] : [{ id: "decimals", value: decimals }]),
      ...(mappings === undefined ? [] : [{ id: "mappings", value: mappings }]),
      ...(thresholds === undefined && mappings === undefined ? [] : judged),
    ],
  };
}

/** Puts the answers of all queries into one table, and names its columns. */
function transformations(
  labels: readonly (readonly [label: string, title: string])[],
  columns: readonly Column[],
): Transformation[] {
  // Grafana calls the values of the only query Value, and those of several Value #A, Value #B, …
  const values = columns.length === 1
    ? [["Value", columns[0]!.title] as const]
    : columns.map(({ title }, i) => [`Value #${refIdOf(i)}`, title] as const);
  const all = [...labels, ...values];
  return [
    ...(columns.length === 1 ? [] : [{ id: "merge", options: {} }]),
    {
      id: "organize",
      options: {
        excludeByName: { Time: true },
        indexByName: Object.fromEntries(all.map(([name], i) => [name, i])),
        renameByName: Object.fromEntries(all),
      },
    },
  ];
}
