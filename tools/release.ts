import { Buffer } from "node:buffer";
import project from "../deno.json" with { type: "json" };
import { readCommit } from "./commit.ts";
import { compile } from "./compile.ts";
import { readPackages } from "./packages.ts";
import { sbom } from "./sbom.ts";

// Makes the files of a release in dist/. Two of one commit that are made in the same folder are equal, byte for byte.

const ROOT = new URL("../", import.meta.url).pathname;
const ARCHITECTURES = ["x86_64", "aarch64"];

const { version } = project, { revision, seconds } = await readCommit(), build = { version, revision };
const release = `netcensus-${version}`, files: string[] = [];

Deno.chdir(ROOT);
for (const arch of ARCHITECTURES) await compile({ output: file(`linux-${arch}`), arch, build });
await pack(file("deploy.tar.gz"));
const inside = await sbom({ build, seconds, deno: Deno.version.deno, packages: await readPackages() });
await Deno.writeTextFile(file("sbom.cdx.json"), JSON.stringify(inside, undefined, 2) + "\n");
const sums = await Promise.all(
  files.map(async (path) => `${await sha256(path)}  ${path.slice("dist/".length)}\n`),
);
await Deno.writeTextFile("dist/SHA256SUMS", sums.join(""));
console.log(sums.join("").trimEnd());
if (!/^[0-9a-f]+$/.test(revision)) {
  console.warn(`No commit is told by this release: its revision is ${revision}`);
}

/** The path of a file of the release. */
function file(what: string): string {
  const path = `dist/${release}-${what}`;
  files.push(path);
  return path;
}

/** Packs what installs the program, and what makes use of it, into one folder. */
async function pack(archive: string): Promise<void> {
  const names = [...Deno.readDirSync("deploy")].map(({ name }) => name).sort();
  const { success } = await new Deno.Command("tar", {
    args: [
      ...["--create", "--file", archive, "--use-compress-program", "gzip --best --no-name"],
      ...["--format=ustar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mode=go=u,go-w"],
      ...[`--mtime=@${seconds}`, `--transform=s,^,${release}-deploy/,`],
      ...["--directory=deploy", ...names, `--directory=${ROOT}`, "systemd"],
    ],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`Cannot make ${archive}`);
}

async function sha256(path: string): Promise<string> {
  return Buffer.from(await crypto.subtle.digest("SHA-256", await Deno.readFile(path))).toString("hex");
}
