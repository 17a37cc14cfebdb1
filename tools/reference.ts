import { configurationReference } from "./reference/configuration.ts";
import { formatted } from "./reference/markdown.ts";
import { metricsReference } from "./reference/metrics.ts";

/** The pages that are made from the code, by their files. */
export const PAGES: Readonly<Record<string, () => Promise<string>>> = {
  "docs/configuration-reference.md": configurationReference,
  "docs/metrics.md": metricsReference,
};

if (import.meta.main) {
  const root = new URL("../", import.meta.url);
  for (const [file, make] of Object.entries(PAGES)) {
    await Deno.writeTextFile(new URL(file, root), await formatted(await make()));
  }
}
