/** What we use of Grafana's model of a dashboard: https://grafana.com/docs/grafana/latest/visualizations/dashboards/ */
export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly panels: readonly (Placed<Panel> | Placed<Row>)[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly [key: string]: unknown;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** A panel or row that has its place. */
export type Placed<T> = T & { readonly id: number; readonly gridPos: Box };

export interface Row {
  readonly type: "row";
  readonly title: string;
  readonly collapsed: false;
  readonly panels: readonly never[];
}

export interface Panel {
  readonly type: string;
  readonly title: string;
  readonly description: string;
  readonly datasource: DataSource;
  readonly targets: readonly Target[];
  readonly fieldConfig: FieldConfig;
  readonly options: unknown;
  readonly transformations?: readonly Transformation[];
}

export interface DataSource {
  readonly type: "prometheus";
  readonly uid: string;
}

export interface Target {
  readonly refId: string;
  readonly datasource: DataSource;
  readonly expr: string;
  readonly editorMode: "code";
  readonly format: "time_series" | "table" | "heatmap";
  readonly instant: boolean;
  readonly range: boolean;
  readonly interval: string;
  readonly legendFormat: string;
}

export interface FieldConfig {
  readonly defaults: {
    readonly unit: string;
    readonly decimals?: number;
    readonly min?: number;
    readonly max?: number;
    readonly color: { readonly mode: string; readonly fixedColor?: string };
    readonly thresholds: {
      readonly mode: "absolute";
      readonly steps: readonly { readonly color: string; readonly value: number | null }[];
    };
    readonly mappings: readonly ValueMapping[];
    readonly links?: readonly Link[];
    readonly custom?: unknown;
  };
  readonly overrides: readonly Override[];
}

interface Shown {
  readonly text: string;
  readonly color?: string;
  readonly index: number;
}

/** What is shown in place of a value. */
export type ValueMapping =
  | { readonly type: "value"; readonly options: Readonly<Record<string, Shown>> }
  | { readonly type: "special"; readonly options: { readonly match: "nan"; readonly result: Shown } };

export interface Override {
  readonly matcher: { readonly id: "byName" | "byFrameRefID"; readonly options: string };
  readonly properties: readonly { readonly id: string; readonly value: unknown }[];
}

/** Where a click on a value leads. */
export interface Link {
  readonly title: string;
  readonly url: string;
}

export interface Transformation {
  readonly id: string;
  readonly options: unknown;
}

export interface Variable {
  readonly name: string;
  readonly type: "datasource" | "query";
  readonly definition?: string;
  readonly multi: boolean;
  readonly includeAll: boolean;
  readonly [key: string]: unknown;
}

/** The data source that the user chooses. */
export const DATA_SOURCE: DataSource = { type: "prometheus", uid: "${datasource}" };
