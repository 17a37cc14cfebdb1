import assert from "node:assert/strict";
import { Exporter, seriesOf } from "../helpers/exporter.ts";
import { Image } from "../helpers/image.ts";
import { release } from "../helpers/release.ts";
import { program, testWith } from "../helpers/skip.ts";

/** The file system of Debian that the image is built on. */
const BASE = Deno.env.get("NETCENSUS_BASE") ?? "";
const CONFIGURATION = "--config.file=/etc/netcensus/netcensus.yml";

async function needs(): Promise<string | undefined> {
  if (BASE === "") return "NETCENSUS_BASE names no archive: mmdebstrap --variant=apt trixie FILE.tar";
  return await release() ?? await program("podman")() ?? await program("runc")();
}

testWith({
  name: "the image runs with nothing but the capabilities that it is given",
  needs,
  fn: async (context) => {
    await using image = await Image.build(BASE);
    const { Config, Healthcheck } = await image.configuration();

    await context.step("as nobody on a read-only file system it is healthy", async () => {
      await using exporter = await Exporter.start([CONFIGURATION, "--web.listen-address=:19100"], {
        command: image.command("--network=none", "--name=healthy"),
      });
      assert.deepEqual([Config.User, Config.Cmd], ["65534:65534", [CONFIGURATION]]);
      assert.equal(Healthcheck.Test[0], "CMD");
      await image.podman("exec", "healthy", ...Healthcheck.Test.slice(1));
      const { stdout } = await image.podman("exec", "healthy", "grep", "^Cap[EPB]", "/proc/1/status");
      assert.match(stdout, /^(Cap\w+:\s+0{16}\n){3}$/);
      assert.equal((await exporter.stop()).code, 0);
    });

    await context.step("it is not healthy where nothing answers", async () => {
      const { code } = await image.run(["--network=none"], Healthcheck.Test.slice(2));
      assert.equal(code, 1);
    });

    await context.step("as root with two capabilities it tracks and captures", async () => {
      const capabilities = ["--user=0:0", "--cap-add=NET_ADMIN", "--cap-add=NET_RAW"];
      await using exporter = await Exporter.start(
        ["--collector.wialon.interface=lo", "--web.listen-address=127.0.0.1:0"],
        { command: image.command("--network=host", ...capabilities) },
      );
      const series = seriesOf(await exporter.get("/metrics"));
      for (const collector of ["sockets", "conntrack", "wialon"]) {
        assert.equal(series.get(`netcensus_collector_success{collector="${collector}"}`), 1, collector);
      }
    });
  },
});
