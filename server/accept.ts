import type { Format } from "../metrics/exposition.ts";

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

interface Choice {
  readonly name: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** The format that the Accept header likes best; of equals the first, and without any that we have the text format. */
export function acceptedFormat(header: string | null): Format {
  let best: Format = "text", most = 0;
  for (const choice of parse(header ?? "")) {
    const format = formatOf(choice);
    if (format === undefined || choice.quality <= most) continue;
    best = format;
    most = choice.quality;
  }
  return best;
}

export function acceptsGzip(header: string | null): boolean {
  const choices = parse(header ?? "");
  const named = choices.find(({ name }) => name === "gzip") ?? choices.find(({ name }) => name === "*");
  return named !== undefined && named.quality > 0;
}

function formatOf({ name, parameters }: Choice): Format | undefined {
  const version = parameters.get("version");
  switch (name) {
    case "application/openmetrics-text":
      return version === undefined || version === "1.0.0" || version === "0.0.1" ? "openmetrics" : undefined;
    case "text/plain":
      return version === undefined || version === "0.0.4" ? "text" : undefined;
    case "text/*":
    case "*/*":
      return "text";
    default:
      return undefined;
  }
}

function parse(header: string): Choice[] {
  return header.split(",").map((part) => {
    const [name = "", ...rest] = part.split(";").map((piece) => piece.trim().toLowerCase());
    const parameters = new Map(rest.map((parameter): [string, string] => {
      const [key = "", value = ""] = parameter.split("=");
      return [key.trim(), value.trim().replace(/^"(.*)"$/, "$1")];
    }));
    const quality = Number(parameters.get("q") ?? 1);
    return { name, parameters, quality: quality >= 0 && quality <= 1 ? quality : 0 };
  });
}
