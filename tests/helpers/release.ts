import project from "../../deno.json" with { type: "json" };

/** The folder of a release that NETCENSUS_DIST names, with a slash at its end. */
export const DIST = `${Deno.env.get("NETCENSUS_DIST")}/`;

export const RELEASE = `netcensus-${project.version}`;

/** Needs a release. */
export function release(): Promise<string | undefined> {
  const isThere = Deno.env.has("NETCENSUS_DIST");
  return Promise.resolve(isThere ? undefined : "NETCENSUS_DIST names no release: deno task release");
}
