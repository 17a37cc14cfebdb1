import assert from "node:assert/strict";
import { send } from "../collectors/netflow_receivers.ts";
import { Exporter, seriesOf } from "../helpers/exporter.ts";
import { freeUdpPort } from "../helpers/free_port.ts";
import { netflowV5 } from "../helpers/netflow_v5.ts";
import { program, testWith } from "../helpers/skip.ts";
import { DIST, RELEASE, release } from "../helpers/release.ts";
import { TempFile } from "../helpers/temp_file.ts";

/** Where Debian's libc6-arm64-cross and libgcc-s1-arm64-cross have their files. */
const ROOT = "/usr/aarch64-linux-gnu";
/** An old processor: to emulate the signed pointers of newer ones takes most of the time. */
const EMULATOR = ["qemu-aarch64-static", "-cpu", "cortex-a57", "-L", ROOT];

const DEADLINE_MS = 20_000;

const CONFIGURATION = {
  collectors: { conntrack: false, sockets: true, netflow: { workers: 2 } },
  rules: [{
    name: "sockets_by_country",
    source: "sockets",
    labels: [{
      name: "country",
      field: "destination_address",
      steps: ["maxmind_country", { on_missing: "unknown" }],
    }],
  }],
};

/** Scrapes until a metric has series. */
async function scrape(exporter: Exporter, metric: string): Promise<string> {
  const deadline = Date.now() + DEADLINE_MS;
  while (Date.now() < deadline) {
    const text = await exporter.get("/metrics");
    if (text.includes(`\n${metric}{`)) return text;
  }
  throw new Error(`Cannot find ${metric}`);
}

async function needs(): Promise<string | undefined> {
  const missing = await release() ?? await program(EMULATOR[0]!)();
  if (missing !== undefined) return missing;
  const isThere = await Deno.stat(`${ROOT}/lib/libgcc_s.so.1`).then(() => true, () => false);
  return isThere ? undefined : `${ROOT} has no libc and libgcc`;
}

testWith({
  name: "the binary for aarch64 serves sockets with their countries, and receives flows by two workers",
  needs,
  fn: async () => {
    const port = freeUdpPort();
    await using file = await TempFile.create(JSON.stringify(CONFIGURATION));
    await using exporter = await Exporter.start([
      `--config.file=${file.path}`,
      `--collector.netflow.listen-address=127.0.0.1:${port}`,
    ], { command: [...EMULATOR, `${DIST}${RELEASE}-linux-aarch64`] });
    await send([netflowV5([{ bytes: 1000 }])], port);
    const text = await scrape(exporter, "netflow_bytes_total"), series = seriesOf(text);
    assert.match(
      text,
      /^netcensus_build_info\{version="[\d.]+",revision="\w{12}(-dirty)?",.*arch="aarch64"\} 1$/m,
    );
    for (const collector of ["sockets", "netflow"]) {
      assert.equal(series.get(`netcensus_collector_success{collector="${collector}"}`), 1, collector);
    }
    const bytes = [...series].filter(([name]) => name.startsWith("netflow_bytes_total{"));
    assert.deepEqual(bytes.map(([, value]) => value), [1000]);
    const listens = `source_port="${new URL(exporter.url).port}"`;
    assert.equal(
      [...series.keys()].filter((name) => name.includes(listens) && name.includes("LISTEN")).length,
      1,
    );
    assert.ok(series.get('sockets_by_country{country="local"}')! > 0);
    assert.equal((await exporter.stop()).code, 0);
  },
});
