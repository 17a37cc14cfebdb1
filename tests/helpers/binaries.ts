import { canBootHosts } from "./systemd_host.ts";

/** A binary, and one of an older version, that the environment names. */
export const BINARY = Deno.env.get("NETCENSUS_BINARY") ?? "";
export const BINARY_BEFORE = Deno.env.get("NETCENSUS_BINARY_BEFORE") ?? "";

/** Needs both binaries, and hosts that install them. */
export async function binariesAndHosts(): Promise<string | undefined> {
  if (BINARY === "") return "NETCENSUS_BINARY names no binary: deno task compile";
  if (BINARY_BEFORE === "") {
    return "NETCENSUS_BINARY_BEFORE names no binary: tools/compile.ts --version=0.0.9 --output=dist/netcensus-before";
  }
  return await canBootHosts();
}

/** The version that a binary tells. */
export async function versionOf(binary: string): Promise<string> {
  const { stdout } = await new Deno.Command(binary, { args: ["--version"] }).output();
  return new TextDecoder().decode(stdout).split(" ")[1]!;
}
