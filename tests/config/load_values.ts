import { loadNode, type Sources } from "../../config/load.ts";
import type { rootShape, Values } from "../../config/settings.ts";
import type { Problems } from "../../core/node.ts";

/** What a configuration says, as the program reads it. */
export async function loadValues(
  { shape, ...sources }: Sources & { readonly shape: ReturnType<typeof rootShape> },
  problems: Problems,
): Promise<Values | undefined> {
  return shape.read(await loadNode(sources, problems), problems) as Values | undefined;
}
