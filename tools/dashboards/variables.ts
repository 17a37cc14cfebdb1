import { DATA_SOURCE, type Variable } from "./model.ts";

/** AlphabeticalAsc and OnTimeRangeChanged: the names that Grafana has for these numbers. */
const ALPHABETICAL = 1, ON_TIME_RANGE_CHANGED = 2, LABEL_VALUES = 1;

const SOURCE: Variable = {
  name: "datasource",
  label: "Data source",
  type: "datasource",
  query: "prometheus",
  hide: 0,
  includeAll: false,
  multi: false,
  options: [],
  refresh: 1,
  regex: "",
  skipUrlSync: false,
};

export interface VariableOptions {
  readonly name: string;
  readonly label: string;
  /** The metric whose label it is. What was chosen in the variables before it narrows the choice. */
  readonly metric: string;
  /** Whether exactly one value is chosen, rather than several or all. */
  readonly isOne?: boolean;
  /** Whether all are those of the list, rather than whatever there is. */
  readonly isAllListed?: boolean;
  /** The label, where it has another name than the variable. */
  readonly of?: string;
}

/** The jobs with a metric, so that all of them are no jobs of other programs. */
export function jobsWith(metric: string): VariableOptions {
  return { name: "job", label: "Job", metric, isAllListed: true };
}

/** The variables of a dashboard: the data source, then each narrowed by those before it. */
export function variables(options: readonly VariableOptions[]): Variable[] {
  return [SOURCE, ...options.map((each, i) => variable(each, options.slice(0, i)))];
}

function variable(options: VariableOptions, before: readonly VariableOptions[]): Variable {
  const { name, label, metric, isOne = false, isAllListed = false, of = name } = options;
  const selector = before.length === 0 ? "" : `{${selectorOf(before)}}`;
  const definition = `label_values(${metric}${selector}, ${of})`;
  return {
    name,
    label,
    type: "query",
    datasource: DATA_SOURCE,
    definition,
    query: { query: definition, qryType: LABEL_VALUES, refId: "PrometheusVariableQueryEditor-VariableQuery" },
    ...(isOne ? {} : { current: { selected: true, text: ["All"], value: ["$__all"] } }),
    hide: 0,
    multi: !isOne,
    includeAll: !isOne,
    // Also what has no such label at all, as the router where there is only one.
    ...(isOne || isAllListed ? {} : { allValue: ".*" }),
    options: [],
    refresh: ON_TIME_RANGE_CHANGED,
    regex: "",
    skipUrlSync: false,
    sort: ALPHABETICAL,
  };
}

/** What chooses the series that have the chosen values, without braces. */
export function selectorOf(options: readonly VariableOptions[]): string {
  return options.map(({ name, isOne, of = name }) => `${of}${isOne ? "=" : "=~"}"$${name}"`).join(",");
}
