import assert from "node:assert/strict";
import { acceptedFormat, acceptsGzip, CONTENT_TYPES } from "../../server/accept.ts";

const OPENMETRICS_1 = "application/openmetrics-text;version=1.0.0";
const PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

const FORMATS: readonly { who: string; accept: string | null; format: "text" | "openmetrics" }[] = [
  { who: "no header", accept: null, format: "text" },
  { who: "an empty header", accept: "", format: "text" },
  { who: "curl", accept: "*/*", format: "text" },
  {
    who: "Firefox",
    accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    format: "text",
  },
  {
    who: "Chrome",
    accept:
      "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8," +
      "application/signed-exchange;v=b3;q=0.7",
    format: "text",
  },
  { who: "Prometheus 2.2", accept: "text/plain;version=0.0.4;q=1,*/*;q=0.1", format: "text" },
  {
    who: "Prometheus 2.5",
    accept: "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    format: "openmetrics",
  },
  {
    who: "Prometheus 2.42",
    accept: `${OPENMETRICS_1},application/openmetrics-text;version=0.0.1;q=0.75,` +
      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    format: "openmetrics",
  },
  {
    who: "Prometheus 2.55 with native histograms",
    accept: `${PROTOBUF};q=0.5,${OPENMETRICS_1};q=0.4,application/openmetrics-text;version=0.0.1;q=0.3,` +
      "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
    format: "openmetrics",
  },
  {
    who: "Prometheus 3",
    accept: "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5," +
      "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3," +
      "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
    format: "openmetrics",
  },
  {
    who: "Prometheus 3 with scrape_protocols that prefer text",
    accept: "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5," +
      "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.3",
    format: "text",
  },
  { who: "VictoriaMetrics", accept: "text/plain;version=0.0.4;q=1,*/*;q=0.1", format: "text" },
  { who: "Telegraf", accept: `${PROTOBUF};q=0.7,text/plain;version=0.0.4;q=0.3,*/*;q=0.1`, format: "text" },
  {
    who: "Telegraf for Kubernetes",
    accept: `${PROTOBUF};q=0.7,text/plain;version=0.0.4;q=0.3`,
    format: "text",
  },
  { who: "protobuf alone", accept: PROTOBUF, format: "text" },
  { who: "JSON alone", accept: "application/json", format: "text" },
  { who: "any text", accept: "text/*", format: "text" },
  { who: "plain text in another version", accept: "text/plain;version=9.9.9", format: "text" },
  { who: "OpenMetrics without version", accept: "application/openmetrics-text", format: "openmetrics" },
  { who: "OpenMetrics 1.0.0", accept: OPENMETRICS_1, format: "openmetrics" },
  {
    who: "OpenMetrics 1.0.0 in quotes",
    accept: 'application/openmetrics-text; version="1.0.0"',
    format: "openmetrics",
  },
  {
    who: "OpenMetrics with a character set",
    accept: `${OPENMETRICS_1}; charset=utf-8`,
    format: "openmetrics",
  },
  {
    who: "OpenMetrics in capitals",
    accept: "Application/OpenMetrics-Text; Version=1.0.0",
    format: "openmetrics",
  },
  { who: "OpenMetrics 2.0.0", accept: "application/openmetrics-text;version=2.0.0", format: "text" },
  { who: "OpenMetrics of quality 0", accept: `${OPENMETRICS_1};q=0`, format: "text" },
  { who: "OpenMetrics of quality 0 and anything", accept: `${OPENMETRICS_1};q=0,*/*`, format: "text" },
  { who: "OpenMetrics of low quality alone", accept: `${OPENMETRICS_1};q=0.001`, format: "openmetrics" },
  { who: "both, text first", accept: `text/plain,${OPENMETRICS_1}`, format: "text" },
  { who: "both, OpenMetrics first", accept: `${OPENMETRICS_1},text/plain`, format: "openmetrics" },
  {
    who: "both, OpenMetrics better",
    accept: `text/plain;q=0.5,${OPENMETRICS_1};q=0.6`,
    format: "openmetrics",
  },
  { who: "both, text better", accept: `${OPENMETRICS_1};q=0.5,text/plain;q=0.6`, format: "text" },
  { who: "both with spaces", accept: `${OPENMETRICS_1} ; q = 0.5 , text/plain ; q = 0.6`, format: "text" },
  { who: "a quality that is no number", accept: `${OPENMETRICS_1};q=high`, format: "text" },
  { who: "a quality above 1", accept: `${OPENMETRICS_1};q=5`, format: "text" },
  { who: "a negative quality", accept: `${OPENMETRICS_1};q=-1`, format: "text" },
  { who: "an empty quality", accept: `${OPENMETRICS_1};q=`, format: "text" },
  { who: "garbage", accept: ";;;,,,=q;q==1,\u00ff/", format: "text" },
  { who: "garbage before OpenMetrics", accept: `,;,${OPENMETRICS_1}`, format: "openmetrics" },
  { who: "a long header", accept: `${"a/b,".repeat(10_000)}${OPENMETRICS_1}`, format: "openmetrics" },
];

for (const { who, accept, format } of FORMATS) {
  Deno.test(`acceptedFormat() gives ${format} for ${who}`, () => {
    assert.equal(acceptedFormat(accept), format);
  });
}

const GZIP: readonly { accept: string | null; gzip: boolean }[] = [
  { accept: null, gzip: false },
  { accept: "", gzip: false },
  { accept: "gzip", gzip: true },
  { accept: "GZIP", gzip: true },
  { accept: "gzip, deflate, br, zstd", gzip: true },
  { accept: "deflate, gzip;q=0.5", gzip: true },
  { accept: "deflate, br", gzip: false },
  { accept: "identity", gzip: false },
  { accept: "*", gzip: true },
  { accept: "*;q=0", gzip: false },
  { accept: "gzip;q=0", gzip: false },
  { accept: "gzip;q=0, *", gzip: false },
  { accept: "*;q=0, gzip", gzip: true },
  { accept: "gzip;q=0.000", gzip: false },
  { accept: "gzip;q=x", gzip: false },
  { accept: "not-gzip", gzip: false },
];

for (const { accept, gzip } of GZIP) {
  Deno.test(`acceptsGzip() is ${gzip} for ${JSON.stringify(accept)}`, () => {
    assert.equal(acceptsGzip(accept), gzip);
  });
}

Deno.test("CONTENT_TYPES says what each format is, so that it would be accepted again", () => {
  assert.deepEqual(
    Object.entries(CONTENT_TYPES).map(([format, type]) => [format, acceptedFormat(type)]),
    [["text", "text"], ["openmetrics", "openmetrics"]],
  );
});
