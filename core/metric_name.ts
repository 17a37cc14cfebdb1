/** https://prometheus.io/docs/concepts/data_model/ */
export const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** The summary of how long scrapes take, where the configuration gives it no other name. */
export const SCRAPE_METRIC = "netcensus_http_scrape_duration_seconds";
