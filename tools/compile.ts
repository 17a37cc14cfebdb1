import { Buffer } from "node:buffer";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import project from "../deno.json" with { type: "json" };
import { BUILD_FILE } from "../program/build.ts";
import type { Build } from "../server/own_metrics.ts";
import { readCommit } from "./commit.ts";
import { readPackages } from "./packages.ts";

/**
 * Young objects are few, since records are none: a small space for them saves 10 MB under load and shortens pauses. The
 * compiler in the middle takes 4 MB and makes nothing here faster.
 */
const V8_FLAGS = "--v8-flags=--max-semi-space-size=1,--no-maglev";

const ROOT = new URL("../", import.meta.url);

export interface CompileOptions {
  readonly output: string;
  /** x86_64 or aarch64 */
  readonly arch: string;
  /** What the binary says that it is. */
  readonly build: Build;
}

/** Makes a binary, one file with the program and its runtime inside, or ends with what is wrong. */
export async function compile({ output, arch, build }: CompileOptions): Promise<void> {
  const unused = await unusedFiles();
  await Deno.mkdir(new URL("./", BUILD_FILE), { recursive: true });
  await Deno.writeTextFile(BUILD_FILE, JSON.stringify(build));
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    // Types are checked by `deno task ok`.
    args: [
      ...["compile", "--quiet", "--allow-all", "--no-check", "--frozen", V8_FLAGS],
      ...["--target", `${arch}-unknown-linux-gnu`, "--output", resolve(output)],
      // The code of threads is named by nothing but an address.
      ...["--include", "program/shard.ts", "--include", "server/password_worker.ts"],
      ...["--include", fileURLToPath(BUILD_FILE)],
      ...unused.flatMap((url) => ["--exclude", fileURLToPath(url)]),
      "main.ts",
    ],
    cwd: ROOT,
    env: environment(arch),
    clearEnv: true,
    stderr: "piped",
  }).output().finally(() => Deno.remove(BUILD_FILE));
  Deno.stderr.writeSync(stderr);
  if (!success) {
    console.error(`\nCannot make ${output}${hint(arch, new TextDecoder().decode(stderr))}`);
    Deno.exit(1);
  }
  await forgetTimes(output);
  const { size } = await Deno.stat(output);
  console.log(`${output}: ${build.version}, revision ${build.revision}, ${(size / 2 ** 20).toFixed(0)} MiB`);
}

/** Of each embedded file `deno compile` keeps when it was written: as JSON, in milliseconds. */
const TIME_BEGIN = '"t":', TIME_REGEXP = /^\d{13}(?=\}\})/, ANY_TIME = "1000000000000";

/** Lets the binary not depend on when its sources were checked out. */
async function forgetTimes(binary: string): Promise<void> {
  const bytes = Buffer.from(await Deno.readFile(binary));
  for (let at = bytes.indexOf(TIME_BEGIN); at >= 0; at = bytes.indexOf(TIME_BEGIN, at)) {
    at += TIME_BEGIN.length;
    const end = at + ANY_TIME.length;
    if (TIME_REGEXP.test(bytes.toString("latin1", at, end + 2))) bytes.write(ANY_TIME, at);
  }
  await Deno.writeFile(binary, bytes);
}

/** What is embedded is also held in memory. */
async function unusedFiles(): Promise<string[]> {
  const { inside, outside } = await readPackages();
  const folder = (name: string) => inside.find((one) => one.name === name)!.folder.href;
  return [
    // Halves of the database of countries, which is there as a whole.
    ...["ipv4", "ipv6"].map((half) =>
      import.meta.resolve(`@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country-${half}.mmdb`)
    ),
    ...outside.map(({ folder }) => folder.href),
    `${folder("bintrees")}test`,
    `${folder("yaml")}browser`,
  ];
}

/** A runtime is for one architecture: DENORT_BIN_X86_64 and DENORT_BIN_AARCH64 name both, DENORT_BIN that of this machine. */
function environment(arch: string): Record<string, string> {
  const { DENORT_BIN, ...rest } = Deno.env.toObject();
  const runtime = rest[nameOfRuntime(arch)] ?? (arch === Deno.build.arch ? DENORT_BIN : undefined);
  // Deno's resolver of npm packages needs a large stack.
  return { ...rest, RUST_MIN_STACK: "67108864", ...(runtime === undefined ? {} : { DENORT_BIN: runtime }) };
}

function nameOfRuntime(arch: string): string {
  return `DENORT_BIN_${arch.toUpperCase()}`;
}

function hint(arch: string, said: string): string {
  if (!/denort|dl\.deno\.land/.test(said)) return "";
  return `: the runtime that goes into it could not be had.
Either let this machine reach dl.deno.land, or bring the file denort of Deno ${Deno.version.deno} for ${arch} from the
release page of Deno and name it by ${nameOfRuntime(arch)}=/path/to/denort`;
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      output: { type: "string", default: "dist/netcensus" },
      arch: { type: "string", default: Deno.build.arch },
      version: { type: "string", default: project.version },
    },
  });
  const { revision } = await readCommit(), { output, arch, version } = values;
  await compile({ output, arch, build: { version, revision } });
}
