import { canBootHosts } from "./systemd_host.ts";

/** A binary, and one of an older version, that the environment names. */
export const BINARY = Deno.env.get("NETCENSUS_BINARY") ?? "";
export const BINARY_BEFORE = Deno.env.get("NETCENSUS_BINARY_BEFORE") ?? "";

/** Needs the binary, and hosts on which it is installed. */
export async function binaryAndHosts(): Promise<string | undefined> {
  if (BINARY === "") return "NETCENSUS_BINARY names no binary: deno task compile";
  return await canBootHosts();
}

/** Needs the older binary as well. */
export async function binariesAndHosts(): Promise<string | undefined> {
  if (BINARY_BEFORE !== "") return await binaryAndHosts();
  return "NETCENSUS_BINARY_BEFORE names no binary: tools/compile.ts --version=0.0.9 --output=dist/netcensus-before";
}

/** The version that a binary tells. */
export async function versionOf(binary: string): Promise<string> {
  const { stdout } = await new Deno.Command(binary, { args: ["--version"] }).output();
  return new TextDecoder().decode(stdout).split(" ")[1]!;
}
