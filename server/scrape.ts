import type { Figures } from "../core/enricher.ts";
import type { CollectorStatus } from "../core/status.ts";
import { turnsWhenDue } from "../core/work.ts";
import { familiesOf, type Family, type Format, render } from "../metrics/exposition.ts";
import type { Shown } from "../metrics/rule.ts";
import { acceptedFormat, acceptsGzip, CONTENT_TYPES } from "./accept.ts";
import { gzip } from "./gzip.ts";
import {
  type Build,
  enricherFamilies,
  type ProcessMetrics,
  reloadFamilies,
  type ReloadStatus,
  statusFamilies,
} from "./own_metrics.ts";

/** A collector that runs, and the rules for its records. */
export interface Scraped {
  readonly status: CollectorStatus;
  readonly rules: readonly Shown[];
  /** Brings the series up to date, as far as that can be done before the signal is aborted. */
  collect(signal: AbortSignal): Promise<void>;
}

/** What is left to the way back when a scrape says how long it waits; and how long it waits when it does not say. */
const MARGIN_SECONDS = 0.5,
  DEFAULT_TIMEOUT_SECONDS = 10,
  MIN_TIMEOUT_SECONDS = 0.1,
  MAX_TIMEOUT_SECONDS = 3600;

export interface ScrapeOptions {
  readonly build: Build;
  readonly collectors: readonly Scraped[];
  readonly own: ProcessMetrics | undefined;
  /** What the enrichers tell of themselves. */
  readonly figures?: () => Figures;
  readonly reloads?: ReloadStatus;
}

/** Answers a scrape, and calls `onEnd` when the answer is sent or given up. */
export async function scrape(request: Request, options: ScrapeOptions, onEnd: () => void): Promise<Response> {
  const { searchParams } = new URL(request.url);
  const selected = select(options.collectors, searchParams);
  if (typeof selected === "string") {
    onEnd();
    return new Response(`${selected}\n`, { status: 400 });
  }
  await collect(selected, timeoutOf(request));
  const format = acceptedFormat(request.headers.get("accept"));
  const headers = new Headers({ "content-type": CONTENT_TYPES[format], vary: "accept, accept-encoding" });
  let body = stream(render(await families(selected, format, options), format), onEnd);
  if (acceptsGzip(request.headers.get("accept-encoding"))) {
    headers.set("content-encoding", "gzip");
    body = body.pipeThrough(gzip());
  }
  return new Response(body, { headers });
}

/** `collect[]` names the only collectors to ask, `exclude[]` those to leave out; gives what is wrong otherwise. */
function select(collectors: readonly Scraped[], params: URLSearchParams): readonly Scraped[] | string {
  const only = params.getAll("collect[]"), without = params.getAll("exclude[]");
  if (only.length > 0 && without.length > 0) return "Cannot combine collect[] and exclude[]";
  const names = collectors.map(({ status }) => status.name);
  const unknown = [...only, ...without].find((name) => !names.includes(name));
  if (unknown !== undefined) return `Unknown collector "${unknown}"; running are ${names.join(", ")}`;
  return collectors.filter(({ status: { name } }) =>
    only.length > 0 ? only.includes(name) : !without.includes(name)
  );
}

async function collect(collectors: readonly Scraped[], seconds: number): Promise<void> {
  const deadline = new AbortController();
  const late = new DOMException(`It took longer than the ${seconds} s that the scrape waits`, "TimeoutError");
  const timer = setTimeout(() => deadline.abort(late), 1000 * seconds);
  try {
    await Promise.all(collectors.map((collector) => collector.collect(deadline.signal)));
  } finally {
    clearTimeout(timer);
  }
}

function timeoutOf(request: Request): number {
  const wanted = Number(request.headers.get("x-prometheus-scrape-timeout-seconds"));
  const seconds = (wanted > 0 ? wanted : DEFAULT_TIMEOUT_SECONDS) - MARGIN_SECONDS;
  return Math.min(MAX_TIMEOUT_SECONDS, Math.max(MIN_TIMEOUT_SECONDS, seconds));
}

async function families(
  selected: readonly Scraped[],
  format: Format,
  options: ScrapeOptions,
): Promise<Family[]> {
  const rules = selected.flatMap(({ rules }) => rules);
  return [
    ...rules.flatMap((rule) => familiesOf(rule, format)),
    ...statusFamilies(options.build, selected.map(({ status }) => status), rules),
    ...enricherFamilies(options.figures?.() ?? new Map()),
    ...options.reloads ? reloadFamilies(options.reloads) : [],
    ...await options.own?.families() ?? [],
  ].sort((a, b) => a.name < b.name ? -1 : 1);
}

/** The exposition chunk by chunk; the event loop has its turns in between. */
function stream(chunks: Iterator<Uint8Array<ArrayBuffer>>, onEnd: () => void) {
  const turn = turnsWhenDue();
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      try {
        const { done, value } = chunks.next();
        if (done) {
          controller.close();
          return onEnd();
        }
        controller.enqueue(value);
      } catch (error) {
        onEnd();
        throw error;
      }
      await turn();
    },
    cancel: onEnd,
  });
}
