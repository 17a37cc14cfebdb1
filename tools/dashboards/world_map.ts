import type { Sized } from "./grid.ts";
import type { Override } from "./model.ts";
import { fieldConfig, type PanelOptions, query, refIdOf, sized, targets } from "./panel.ts";

interface WorldMap extends PanelOptions {
  /** What the values are. */
  readonly value: string;
  /** Series with `latitude` and `longitude`. */
  readonly places?: string;
  /** Series with `place`: a country's code, or its name as Grafana has it. */
  readonly countries: string;
}

/** The places and names of countries that come with Grafana. */
const GAZETTEER = "public/gazetteer/countries.json";

/** Circles on a map of the world, the larger the more. */
export function worldMap(options: WorldMap): Sized {
  const { value, places, countries } = options;
  const layers = [
    {
      name: "Countries",
      expr: countries,
      color: "orange",
      location: { mode: "lookup", lookup: "place", gazetteer: GAZETTEER },
    },
    ...(places === undefined ? [] : [{
      name: "Places",
      expr: places,
      color: "blue",
      location: { mode: "coords", latitude: "latitude", longitude: "longitude" },
    }]),
  ];
  const degrees = ["latitude", "longitude"].map((name): Override => ({
    matcher: { id: "byName", options: name },
    properties: [{ id: "unit", value: "degree" }],
  }));
  return sized(options, { width: 16, height: 13 }, {
    type: "geomap",
    targets: targets(layers.map(({ expr }) => query(expr, "")), { format: "table", isInstant: true }),
    fieldConfig: fieldConfig(options, {
      color: "thresholds",
      custom: { hideFrom: { legend: false, tooltip: false, viz: false } },
      overrides: places === undefined ? [] : degrees,
    }),
    options: {
      view: { id: "zero", lat: 0, lon: 0, zoom: 1, allLayers: true },
      controls: {
        showZoom: true,
        mouseWheelZoom: false,
        showAttribution: true,
        showScale: false,
        showMeasure: false,
        showDebug: false,
      },
      basemap: { type: "default", name: "Base map", config: {} },
      layers: layers.map(({ name, color, location }, i) => ({
        type: "markers",
        name,
        location,
        filterData: { id: "byRefId", options: refIdOf(i) },
        tooltip: true,
        config: { showLegend: false, style: circles(value, color) },
      })),
      tooltip: { mode: "details" },
    },
    transformations: [
      // Labels are texts.
      ...(places === undefined ? [] : [{
        id: "convertFieldType",
        options: {
          fields: {},
          conversions: ["latitude", "longitude"].map((targetField) => ({
            targetField,
            destinationType: "number",
          })),
        },
      }]),
      {
        id: "organize",
        options: {
          excludeByName: { Time: true },
          indexByName: {},
          renameByName: Object.fromEntries(
            ["Value", ...layers.map((_, i) => `Value #${refIdOf(i)}`)].map((name) => [name, value]),
          ),
        },
      },
    ],
  });
}

/** Circles whose size tells the value of the field. */
function circles(field: string, color: string) {
  return {
    size: { field, fixed: 6, min: 4, max: 24 },
    color: { fixed: color },
    opacity: 0.6,
    symbol: { mode: "fixed", fixed: "img/icons/marker/circle.svg" },
    symbolAlign: { horizontal: "center", vertical: "center" },
    rotation: { mode: "mod", fixed: 0, min: -360, max: 360 },
    textConfig: { fontSize: 12, offsetX: 0, offsetY: 0, textAlign: "center", textBaseline: "middle" },
  };
}
