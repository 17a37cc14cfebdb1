import { fileURLToPath } from "node:url";

/** Makes dist/netcensus: one file with the program and its runtime inside. */
const OUTPUT = "dist/netcensus";
/**
 * Young objects are few, since records are none: a small space for them saves 10 MB under load and shortens pauses. The
 * compiler in the middle takes 4 MB and makes nothing here faster.
 */
const V8_FLAGS = "--v8-flags=--max-semi-space-size=1,--no-maglev";

/** The folder that has a folder for each package. */
const PACKAGES = new URL("../../", import.meta.resolve("prom-client")).href;
/** What is embedded is also held in memory. */
const UNUSED = [
  // Halves of the database of countries, which is there as a whole.
  ...["ipv4", "ipv6"].map((half) =>
    import.meta.resolve(`@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country-${half}.mmdb`)
  ),
  // What only the tests import.
  ...["debug", "iconv-lite", "ms", "safer-buffer"].map((name) => PACKAGES + name),
  `${PACKAGES}node-routeros/1.6.9`,
  `${PACKAGES}bintrees/1.0.2/test`,
  `${PACKAGES}yaml/2.9.1/browser`,
];

const result = await new Deno.Command(Deno.execPath(), {
  // Types are checked by `deno task ok`.
  args: [
    ...["compile", "--allow-all", "--no-check", "--frozen", V8_FLAGS, "--output", OUTPUT],
    // A thread's code is named by nothing but an address.
    ...["--include", "program/shard.ts"],
    ...UNUSED.flatMap((url) => ["--exclude", fileURLToPath(url)]),
    ...Deno.args,
    "main.ts",
  ],
  // Its resolver of npm packages needs a large stack.
  env: { RUST_MIN_STACK: "67108864" },
  stderr: "piped",
}).output();

Deno.stderr.writeSync(result.stderr);
if (result.code === 0) {
  const { size } = await Deno.stat(OUTPUT);
  console.log(`${OUTPUT}: ${(size / 2 ** 20).toFixed(0)} MiB`);
} else if (/denort|dl\.deno\.land/.test(new TextDecoder().decode(result.stderr))) {
  console.error(`
The runtime that goes into the binary could not be had. Either let this machine reach dl.deno.land, or bring the file
denort of Deno ${Deno.version.deno} for ${Deno.build.arch} from the release page of Deno and name it:

    DENORT_BIN=/path/to/denort deno task compile
`);
}
Deno.exit(result.code);
