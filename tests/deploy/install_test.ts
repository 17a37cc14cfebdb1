import assert from "node:assert/strict";
import { binariesAndHosts, BINARY, BINARY_BEFORE, versionOf } from "../helpers/binaries.ts";
import { Namespace } from "../helpers/namespace.ts";
import { testWith } from "../helpers/skip.ts";
import type { Output } from "../helpers/exporter.ts";
import { SystemdHost } from "../helpers/systemd_host.ts";

const INSTALL = "/opt/kit/install.sh";
const ROOT = new URL("../../", import.meta.url).pathname;

const CONFIGURATION = "/etc/netcensus/netcensus.yml", ENVIRONMENT = "/etc/default/netcensus";
const INSTALLED = "/usr/local/bin/netcensus", DROP_INS = "/etc/systemd/system/netcensus.service.d";

/** A host with what a release has, in /opt/kit, and two programs beside it. */
class Kit {
  private constructor(readonly host: SystemdHost) {}

  static async on(host: SystemdHost): Promise<Kit> {
    await host.must("mkdir", "-p", "/opt/kit");
    for (const from of ["deploy/install.sh", "deploy/service.sh", "systemd"]) {
      await copy(ROOT + from, host.path("/opt/kit/"));
    }
    await copy(BINARY, host.path("/root/new"));
    await copy(BINARY_BEFORE, host.path("/root/old"));
    return new Kit(host);
  }

  install(...args: readonly string[]): Promise<Output> {
    return this.host.run(INSTALL, ...args);
  }

  write(path: string, text: string): Promise<void> {
    return Deno.writeTextFile(this.host.path(path), text);
  }

  read(path: string): Promise<string> {
    return Deno.readTextFile(this.host.path(path));
  }

  /** What belongs to netcensus: its files, and the process that runs. */
  async state(): Promise<string> {
    const files = await this.host.run(
      "bash",
      "-c",
      `stat -c "%s %y" ${INSTALLED}; sha256sum /etc/systemd/system/netcensus.service ${DROP_INS}/* ${ENVIRONMENT} ${CONFIGURATION}; ls -A /usr/local/lib`,
    );
    return files.stdout + await this.pid();
  }

  async pid(): Promise<string> {
    return (await this.host.run("systemctl", "show", "--property=MainPID", "netcensus")).stdout;
  }
}

async function copy(from: string, to: string): Promise<void> {
  const { success } = await new Deno.Command("cp", { args: ["-r", from, to] }).output();
  assert.ok(success, `Cannot copy ${from}`);
}

function lastLine({ stdout }: Output): string {
  return stdout.trimEnd().split("\n").at(-1)!;
}

testWith({
  name: "install.sh looks after netcensus on a host",
  needs: binariesAndHosts,
  async fn(context) {
    await using namespace = await Namespace.create();
    await namespace.ip("link set lo up");
    await using host = await SystemdHost.start(namespace);
    const kit = await Kit.on(host), old = await versionOf(BINARY_BEFORE), now = await versionOf(BINARY);
    const step = (name: string, fn: () => Promise<void>) => context.step(name, fn);

    await step("refuses what is not right, and leaves nothing behind", async () => {
      const before = await kit.state();
      await host.must("bash", "-c", "head -c 1000000 /root/new >/root/cut; cp /root/cut /root/arm");
      await host.must(
        "bash",
        "-c",
        "printf '\\xb7\\0' | dd of=/root/arm bs=1 seek=18 conv=notrunc status=none",
      );
      await host.must("bash", "-c", "mkdir /root/damaged && ln /root/new /root/damaged/new");
      await kit.write("/root/damaged/SHA256SUMS", `${"0".repeat(64)}  new\n`);
      await kit.write("/root/bad.yml", "web:\n  max_requests: many\n");
      const table: [string[], number, RegExp][] = [
        [
          ["--binary=/root/damaged/new"],
          1,
          /^refused: \/root\/damaged\/new is not what \/root\/damaged\/SHA256SUMS tells: it is damaged/,
        ],
        [["--binary=/root/arm"], 1, /^refused: \/root\/arm is no program for x86_64$/],
        [["--binary=/root/cut"], 1, /^refused: \/root\/cut does not start here, but ends with 139$/],
        [["--binary=/etc/passwd"], 1, /^refused: \/etc\/passwd is no program for x86_64$/],
        [["--binary=/root/none"], 1, /^refused: cannot read \/root\/none$/],
        [[], 1, /^refused: there is no netcensus-\*-linux-x86_64 beside /],
        [
          ["--binary=/root/old", "--config=/root/bad.yml"],
          1,
          /^refused: .* cannot run with this: \/root\/bad.yml:2:17: /,
        ],
        [["config", "/root/bad.yml"], 1, /^refused: netcensus is not installed$/],
        [["rollback"], 1, /^refused: there is no version before$/],
        [["test"], 5, /^not well: netcensus is not installed$/],
      ];
      for (const [args, code, message] of table) {
        const result = await kit.install(...args);
        assert.match(lastLine(result), message);
        assert.equal(result.code, code);
      }
      const nobody = await host.run("setpriv", "--reuid=nobody", "--clear-groups", INSTALL, "test");
      assert.equal(lastLine(nobody), "refused: this needs root");
      assert.equal(nobody.code, 1);
      assert.equal(await kit.state(), before);
    });

    await step("tells what is wrong with its arguments", async () => {
      const table: [string[], string][] = [
        [["--what"], "wrong usage: install does not know --what; --help shows all\n"],
        [["test", "--purge"], "wrong usage: test does not know --purge; --help shows all\n"],
        [
          ["--collectors=sockets,socks"],
          "wrong usage: unknown collector socks; known are sockets processes conntrack mikrotik netflow wialon\n",
        ],
        [
          ["--listen=19100"],
          "wrong usage: expected an address such as :19100 or 192.0.2.10:19100, not 19100\n",
        ],
        [["config"], "wrong usage: config needs a file\n"],
      ];
      for (const [args, message] of table) {
        const { code, stderr } = await kit.install(...args);
        assert.equal(stderr, message);
        assert.equal(code, 2);
      }
    });

    await step("does nothing when it shall only tell what it would do", async () => {
      const before = await kit.state(), result = await kit.install("--binary=/root/old", "--dry-run");
      assert.match(result.stdout, /would be new: \/usr\/local\/bin\/netcensus\n/);
      assert.equal(lastLine(result), `would be installed: netcensus ${old}`);
      assert.equal(await kit.state(), before);
    });

    await step("installs", async () => {
      const result = await kit.install("--binary=/root/old");
      assert.equal(lastLine(result), `installed: netcensus ${old} answers at http://127.0.0.1:19100/metrics`);
      assert.equal(result.code, 0);
      assert.equal((await host.run("systemctl", "is-enabled", "netcensus")).stdout, "enabled\n");
      assert.equal(
        await host.must("stat", "-c", "%a %U", ENVIRONMENT, "/etc/netcensus/secrets"),
        "600 root\n700 root\n",
      );
    });

    await step("changes nothing when all is as it should be", async () => {
      const before = await kit.state(), result = await kit.install("--binary=/root/old");
      assert.equal(result.stdout, `unchanged: netcensus ${old} answers at http://127.0.0.1:19100/metrics\n`);
      assert.equal(result.code, 0);
      assert.equal(await kit.state(), before);
    });

    await step("upgrades, and keeps the settings", async () => {
      await kit.write(CONFIGURATION, "# mine\nlog: { level: warn }\n");
      await kit.write(ENVIRONMENT, `${await kit.read(ENVIRONMENT)}# mine\nMINE=1\n`);
      const environment = await kit.read(ENVIRONMENT), result = await kit.install("--binary=/root/new");
      assert.equal(
        lastLine(result),
        `upgraded: netcensus ${now} answers at http://127.0.0.1:19100/metrics (before: ${old})`,
      );
      assert.equal(await kit.read(CONFIGURATION), "# mine\nlog: { level: warn }\n");
      assert.equal(await kit.read(ENVIRONMENT), environment);
    });

    await step("gives collectors what they need", async () => {
      await host.must("bash", "-c", "echo secret >/etc/netcensus/secrets/router");
      const result = await kit.install(
        "--binary=/root/new",
        "--collectors=processes,conntrack",
        "--listen=127.0.0.1:19101",
      );
      assert.equal(
        lastLine(result),
        `changed: netcensus ${now} answers at http://127.0.0.1:19101/metrics`,
      );
      assert.equal(await host.must("ls", DROP_INS), "conntrack.conf\nprocesses.conf\nsecrets.conf\n");
      assert.match(
        await kit.read(ENVIRONMENT),
        /^NETCENSUS_COLLECTORS="--collector.disable-defaults --collector.sockets.process --collector.conntrack"$/m,
      );
      assert.match(await kit.read(ENVIRONMENT), /^NETCENSUS_FLAGS="--web.listen-address=127.0.0.1:19101"$/m);
      assert.match(await host.must("ls", "/run/credentials/netcensus.service"), /^secrets_router$/m);
    });

    await step("hands over another secret", async () => {
      await host.must("bash", "-c", "echo secret >/etc/netcensus/secrets/other");
      assert.match(lastLine(await kit.install("--binary=/root/new")), /^restarted: netcensus /);
      assert.match(await host.must("ls", "/run/credentials/netcensus.service"), /^secrets_other$/m);
      assert.match(lastLine(await kit.install("--binary=/root/new")), /^unchanged: netcensus /);
      await host.must("rm", "/etc/netcensus/secrets/other");
    });

    await step("lets one after the other change the host", async () => {
      const collectors = "--collectors=processes,conntrack,netflow";
      const both = await Promise.all(
        [[], [collectors], []].map((more) => kit.install("--binary=/root/new", ...more)),
      );
      assert.deepEqual(both.map(({ code }) => code), [0, 0, 0]);
      assert.match(await kit.read(ENVIRONMENT), /--collector.conntrack --collector.netflow"$/m);
    });

    await step("names secrets one by one to a systemd that takes no folder of them", async () => {
      const file = `${DROP_INS}/secrets.conf`, whole = await kit.read(file);
      await host.must("mkdir", "/root/older");
      await kit.write(
        "/root/older/systemctl",
        '#!/bin/sh\n[ "$1" = --version ] && echo "systemd 249 (249.11)" || exec /usr/bin/systemctl "$@"\n',
      );
      await host.must("chmod", "+x", "/root/older/systemctl");
      await host.must("sh", "-c", `PATH=/root/older:$PATH ${INSTALL} --binary=/root/new`);
      assert.match(
        await kit.read(file),
        /\n\[Service\]\nLoadCredential=secrets_router:\/etc\/netcensus\/secrets\/router\n$/,
      );
      assert.match(await host.must("ls", "/run/credentials/netcensus.service"), /^secrets_router$/m);
      assert.equal((await kit.install("--binary=/root/new")).code, 0);
      assert.equal(await kit.read(file), whole);
    });

    await step("loads another configuration without a restart", async () => {
      const pid = await kit.pid();
      await kit.write("/root/good.yml", "log: { level: warn }\ncollectors: { interval: 30 }\n");
      const result = await kit.install("config", "/root/good.yml");
      assert.match(result.stdout, /^reloaded netcensus.service$/m);
      assert.match(lastLine(result), /^changed: netcensus /);
      assert.equal(await kit.read(CONFIGURATION), "log: { level: warn }\ncollectors: { interval: 30 }\n");
      assert.equal(await kit.read(`${CONFIGURATION}.before`), "# mine\nlog: { level: warn }\n");
      assert.equal(await kit.pid(), pid);
      assert.match(lastLine(await kit.install("config", "/root/good.yml")), /^unchanged: netcensus /);
    });

    await step("restarts for a configuration that says where to listen", async () => {
      await kit.write("/root/web.yml", "web: { telemetry_path: /count }\n");
      const result = await kit.install("config", "/root/web.yml");
      assert.match(result.stdout, /^restarted netcensus.service$/m);
      assert.equal(lastLine(result), `changed: netcensus ${now} answers at http://127.0.0.1:19101/count`);
    });

    await step("is content with one whose metrics are for certain users only", async () => {
      const users =
        "basic_auth_users: { prometheus: $2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi }\n";
      await kit.write("/etc/netcensus/users.yml", users);
      await kit.write("/root/users.yml", "web: { config_file: /etc/netcensus/users.yml }\n");
      const result = await kit.install("config", "/root/users.yml");
      assert.equal(
        lastLine(result),
        `changed: netcensus ${now} answers at 127.0.0.1:19101; its metrics are not read here: TLS or users`,
      );
      assert.equal(result.code, 0);
      assert.match(lastLine(await kit.install("config", "/root/web.yml")), /^changed: .* at http:/);
    });

    await step("refuses a wrong configuration", async () => {
      const before = await kit.state(), result = await kit.install("config", "/root/bad.yml");
      assert.match(lastLine(result), /^refused: netcensus \S+ cannot run with this: \/root\/bad.yml:2:17: /);
      assert.equal(result.code, 1);
      assert.equal(await kit.state(), before);
    });

    await step("is again as it was when the service does not start", async () => {
      await host.must("systemd-run", "--quiet", "/root/old", "--web.listen-address=127.0.0.1:19102");
      const before = await kit.state(),
        result = await kit.install("--binary=/root/new", "--listen=127.0.0.1:19102");
      assert.match(
        lastLine(result),
        /^rolled back: netcensus \S+ answers at \S+; netcensus \S+ did not start: .*19102/,
      );
      assert.equal(result.code, 3);
      assert.equal((await kit.state()).replace(/MainPID.*/, ""), before.replace(/MainPID.*/, ""));
    });

    await step("goes back to the version before, and forth", async () => {
      const result = await kit.install("rollback");
      assert.equal(
        lastLine(result),
        `rolled back: netcensus ${old} answers at http://127.0.0.1:19101/count (before: ${now})`,
      );
      assert.equal(result.code, 0);
      assert.match(lastLine(await kit.install("test")), new RegExp(`^well: netcensus ${old} answers`));
      assert.match(
        lastLine(await kit.install("rollback")),
        new RegExp(`^rolled back: netcensus ${now} answers`),
      );
    });

    await step("ends what a signal interrupts with what was there before", async () => {
      const before = await kit.state();
      const result = await host.run(
        "bash",
        "-c",
        `${INSTALL} --binary=/root/old >/root/said & while kill -0 $! && ! grep -q replaced /root/said; do sleep 0.01; done
        kill -TERM $!; wait $!; code=$?; cat /root/said; exit $code`,
      );
      assert.match(
        lastLine(result),
        /^rolled back: netcensus \S+ answers at \S+; it was interrupted, or failed$/,
      );
      assert.equal(result.code, 3);
      assert.equal((await kit.state()).replace(/MainPID.*/, ""), before.replace(/MainPID.*/, ""));
    });

    await step("tells which collector fails, and of a service that does not run", async () => {
      await host.must("rm", `${DROP_INS}/conntrack.conf`);
      await host.must("bash", "-c", "systemctl daemon-reload && systemctl restart netcensus");
      const failing = await kit.install("test");
      assert.match(lastLine(failing), /^not well: netcensus \S+ answers at \S+; conntrack fails: /);
      assert.equal(failing.code, 5);
      await host.must("systemctl", "stop", "netcensus");
      const stopped = await kit.install("test");
      assert.match(lastLine(stopped), /^not well: netcensus \S+ did not start/);
      assert.equal(stopped.code, 5);
    });

    await step("starts what was stopped", async () => {
      const missing = await kit.install("--binary=/root/new");
      assert.match(missing.stdout, /^new: \S+\/conntrack.conf$/m);
      assert.match(lastLine(missing), /^changed: netcensus/);
      await host.must("systemctl", "disable", "--now", "netcensus");
      const result = await kit.install("--binary=/root/new");
      assert.equal(lastLine(result), `restarted: netcensus ${now} answers at http://127.0.0.1:19101/count`);
      assert.equal(result.code, 0);
    });

    await step("takes all away but the settings, and then these", async () => {
      const result = await kit.install("uninstall");
      assert.match(lastLine(result), /^removed: netcensus, but for its settings/);
      assert.equal(result.code, 0);
      assert.equal(
        await host.must("bash", "-c", `ls -d ${INSTALLED} ${DROP_INS} ${CONFIGURATION} 2>/dev/null || true`),
        `${CONFIGURATION}\n`,
      );
      assert.equal((await host.run("systemctl", "is-active", "netcensus")).stdout, "inactive\n");
      assert.equal(lastLine(await kit.install("uninstall", "--purge")), "removed: netcensus");
      assert.equal(
        await host.must("bash", "-c", `ls -d /etc/netcensus ${ENVIRONMENT} 2>/dev/null || true`),
        "",
      );
    });
  },
});
