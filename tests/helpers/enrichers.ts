import type { EnricherContext } from "../../core/enricher.ts";
import { InterfaceNames } from "../../core/interface_names.ts";
import { Log } from "../../core/log.ts";

/** What an enricher is opened with, and what it then logs. */
export function quiet(): EnricherContext & { readonly lines: readonly string[] } {
  const lines: string[] = [];
  const log = new Log({ level: "debug", format: "logfmt", write: (line) => lines.push(line) });
  return { lines, log, interfaceNames: new InterfaceNames() };
}
