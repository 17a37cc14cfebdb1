import type { Sized } from "./grid.ts";
import type { Override, ValueMapping } from "./model.ts";
import { fieldConfig, type PanelOptions, type Query, query, refIdOf, sized, targets } from "./panel.ts";

interface Chart extends PanelOptions {
  readonly queries: readonly Query[];
}

interface TimeSeries extends Chart {
  /** Areas on top of each other, whose height is the sum. */
  readonly isStacked?: boolean;
  /** The numbers of the queries whose series are drawn below zero. */
  readonly below?: readonly number[];
  /** Lines at the thresholds. */
  readonly showThresholds?: boolean;
}

/** How something went over the time shown. */
export function timeSeries(options: TimeSeries): Sized {
  const { queries, isStacked = false, below = [], showThresholds = false } = options;
  const overrides = below.map((index): Override => ({
    matcher: { id: "byFrameRefID", options: refIdOf(index) },
    properties: [{ id: "custom.transform", value: "negative-Y" }],
  }));
  return sized(options, { width: 12, height: 8 }, {
    type: "timeseries",
    targets: targets(queries),
    fieldConfig: fieldConfig(options, {
      color: "palette-classic",
      custom: {
        drawStyle: "line",
        lineInterpolation: "linear",
        lineWidth: 1,
        fillOpacity: isStacked ? 40 : 8,
        gradientMode: "none",
        showPoints: "auto",
        pointSize: 4,
        spanNulls: false,
        stacking: { group: "A", mode: isStacked ? "normal" : "none" },
        axisPlacement: "auto",
        thresholdsStyle: { mode: showThresholds ? "dashed" : "off" },
        hideFrom: { legend: false, tooltip: false, viz: false },
      },
      overrides,
    }),
    options: {
      legend: {
        displayMode: "table",
        placement: "bottom",
        showLegend: true,
        calcs: ["lastNotNull", "mean", "max"],
        sortBy: "Last *",
        sortDesc: true,
      },
      tooltip: { mode: "multi", sort: "desc" },
    },
  });
}

/** A share of nothing, or a quantile of nothing, is no number. */
const NO_NUMBER: ValueMapping = {
  type: "special",
  options: { match: "nan", result: { text: "–", color: "text", index: 0 } },
};

/** The value at the end of the series. */
const LAST = { calcs: ["lastNotNull"], fields: "", values: false };

/** What is now, as a number that stands out. */
export function stat(options: PanelOptions & { readonly expr: string }): Sized {
  const isJudged = options.thresholds !== undefined;
  return sized(options, { width: 4, height: 4 }, {
    type: "stat",
    targets: targets([query(options.expr, "")], { isInstant: true }),
    fieldConfig: fieldConfig(
      { base: isJudged ? "green" : "text", mappings: [NO_NUMBER], ...options },
      { color: "thresholds" },
    ),
    options: {
      colorMode: isJudged ? "background" : "value",
      graphMode: "none",
      justifyMode: "auto",
      orientation: "auto",
      percentChangeColorMode: "standard",
      reduceOptions: LAST,
      showPercentChange: false,
      textMode: "auto",
      wideLayout: true,
    },
  });
}

/** What is now, as bars, the longest first. */
export function barGauge(options: Chart): Sized {
  return sized(options, { width: 12, height: 8 }, {
    type: "bargauge",
    targets: targets(options.queries, { isInstant: true }),
    fieldConfig: fieldConfig(
      { min: 0, ...options },
      { color: options.thresholds === undefined ? "palette-classic" : "thresholds" },
    ),
    options: {
      displayMode: "basic",
      valueMode: "color",
      namePlacement: "left",
      showUnfilled: true,
      sizing: "auto",
      minVizHeight: 16,
      minVizWidth: 8,
      maxVizHeight: 300,
      orientation: "horizontal",
      reduceOptions: LAST,
      legend: { displayMode: "list", placement: "bottom", showLegend: false, calcs: [] },
    },
  });
}

/** The buckets of a histogram over the time shown; the query gives them by `le`. */
export function heatmap(options: PanelOptions & { readonly expr: string }): Sized {
  const { unit, expr } = options;
  return sized(options, { width: 12, height: 8 }, {
    type: "heatmap",
    targets: targets([query(expr, "{{le}}")], { format: "heatmap" }),
    fieldConfig: fieldConfig(options, {
      color: "thresholds",
      custom: {
        hideFrom: { legend: false, tooltip: false, viz: false },
        scaleDistribution: { type: "linear" },
      },
    }),
    options: {
      calculate: false,
      cellGap: 1,
      cellValues: {},
      color: {
        mode: "scheme",
        scheme: "Oranges",
        scale: "exponential",
        exponent: 0.5,
        fill: "dark-orange",
        steps: 64,
        reverse: false,
      },
      exemplars: { color: "rgba(255,0,255,0.7)" },
      filterValues: { le: 1e-9 },
      legend: { show: true },
      rowsFrame: { layout: "auto" },
      showValue: "never",
      tooltip: { mode: "single", yHistogram: true, showColorScale: false },
      yAxis: { axisPlacement: "left", reverse: false, unit },
    },
  });
}
