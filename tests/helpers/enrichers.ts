import type { EnricherContext } from "../../core/enricher.ts";
import { Log } from "../../core/log.ts";

/** What an enricher is opened with, and what it then logs. */
export function quiet(): EnricherContext & { readonly lines: readonly string[] } {
  const lines: string[] = [];
  return { lines, log: new Log({ level: "debug", format: "logfmt", write: (line) => lines.push(line) }) };
}
