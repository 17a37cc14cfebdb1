import type { CollectorStatus } from "../core/status.ts";

export interface StatusPage {
  readonly version: string;
  readonly metricsPath: string;
  readonly collectors: readonly CollectorStatus[];
}

const STYLE =
  `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
h1{font-size:1.5rem}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .8rem .3rem 0;
border-bottom:1px solid #ddd}.bad{color:#b00020}@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}
a{color:#8ab4f8}th,td{border-color:#444}.bad{color:#ff6b6b}}`;

/** The page at `/`: what runs, how it does, and where the metrics are. */
export function statusPage({ version, metricsPath, collectors }: StatusPage): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>netcensus</title><style>${STYLE}</style></head><body>
<h1>netcensus ${escapeHtml(version)}</h1>
<p><a href="${escapeHtml(metricsPath)}">Metrics</a> · <a href="/config">Configuration</a> ·
<a href="/-/healthy">Health</a> · <a href="/-/ready">Readiness</a></p>
<table><thead><tr><th>Collector</th><th>State</th><th>Last pass</th><th>Not readable</th></tr></thead>
<tbody>
${collectors.map(row).join("\n")}
</tbody></table>
<p><small>Countries, unless another database is named: <a href="https://github.com/sapics/ip-location-db">ip-location-db</a>
from data of the <a href="https://www.nro.net">Number Resource Organization</a>, CC BY 4.0.</small></p>
</body></html>
`;
}

function row({ name, success, durationSeconds, lastError, problems }: CollectorStatus): string {
  const state = success === undefined
    ? "not asked yet"
    : success
    ? "works"
    : `<span class="bad">${escapeHtml(lastError)}</span>`;
  const unread = [...problems.values()].reduce((sum, count) => sum + count, 0);
  const duration = success === undefined ? "" : `${(1000 * durationSeconds).toFixed(1)} ms`;
  return `<tr><td>${escapeHtml(name)}</td><td>${state}</td><td>${duration}</td><td>${unread}</td></tr>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
