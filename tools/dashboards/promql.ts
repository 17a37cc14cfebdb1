/** The expression, and 0 where it has nothing although there is something of the base: nothing is no outage then. */
export function orZero(expr: string, base: string): string {
  return `${expr} or 0 * ${base}`;
}

/** What a counter gains in a second. */
export function rate(metric: string, selector: string): string {
  return `rate(${metric}{${selector}}[$__rate_interval])`;
}

/** A quantile of buckets, or of their rates; for each value of a label. */
export function quantile(quantile: number, buckets: string, by?: string): string {
  const labels = by === undefined ? "le" : `${by}, le`;
  return `histogram_quantile(${quantile}, sum by (${labels}) (${buckets}))`;
}
