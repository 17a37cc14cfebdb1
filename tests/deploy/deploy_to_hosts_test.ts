import assert from "node:assert/strict";
import { COLLECTORS } from "../../collectors/mod.ts";
import { binariesAndHosts, BINARY, BINARY_BEFORE, versionOf } from "../helpers/binaries.ts";
import { program, testWith } from "../helpers/skip.ts";
import { SshHosts } from "../helpers/ssh_hosts.ts";
import type { Output } from "../helpers/exporter.ts";
import { MISTAKES } from "./hosts_file_mistakes_table.ts";
import { until } from "../helpers/waiting.ts";

const DEPLOY = new URL("../../deploy/", import.meta.url).pathname;
const SCRIPT = `${DEPLOY}deploy-to-hosts.sh`;

/** Some program for this machine; it is never sent. */
const ANY_BINARY = `--binary=${Deno.execPath()}`;

class Folder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async create(): Promise<Folder> {
    return new Folder(await Deno.makeTempDir());
  }

  async write(name: string, text: string): Promise<string> {
    await Deno.writeTextFile(`${this.path}/${name}`, text);
    return `${this.path}/${name}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** The lines of a summary by the names of the hosts, without the seconds; and its last line. */
function summaryOf({ stdout }: Output) {
  const lines = stdout.trimEnd().split("\n"), total = lines.pop()!;
  const hosts = lines.map((line): [string, string] => {
    const [, name = "", result = "", version = "", more = ""] =
      /^(\S+) +(\S+(?: \S+)?) +(\S+) +\d+ s *(.*)$/.exec(line) ?? [];
    return [name, [result, version, more].join(" ").trim()];
  });
  return {
    hosts: Object.fromEntries(hosts),
    total: total.replace(/ in \d+ s/, "").replace(/; what they said.*/, ""),
  };
}

async function script(...args: readonly string[]): Promise<Output> {
  const { code, stdout, stderr } = await new Deno.Command(SCRIPT, { args: [...args], stdin: "null" })
    .output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("deploy-to-hosts.sh tells every mistake in the hosts file with its place, and does nothing", async () => {
  await using folder = await Folder.create();
  const lines = MISTAKES.map(([line], i) => line.replace(/^b b?/, (name) => name.replaceAll("b", `b${i}`)));
  const file = await folder.write("hosts", ["a 192.0.2.1 - - -", ...lines].join("\n"));
  const { code, stdout, stderr } = await script("test", `--hosts=${file}`);
  const expected = MISTAKES.map(([, message], i) => `${file}:${i + 2}: ${message.replace("FILE", file)}\n`);
  assert.equal(stderr, expected.join(""));
  assert.equal(stdout, "");
  assert.equal(code, 2);
});

const MISUSES: readonly (readonly [args: string[], message: RegExp])[] = [
  [[], /^Expected deploy, test, config, rollback or remove; --help tells more\n$/],
  [["test", "--what"], /^Unknown argument --what; --help shows all\n$/],
  [["test", "--hosts=/nowhere"], /^Cannot read \/nowhere: --hosts=FILE names the hosts\n$/],
  [["test", "--only=x"], /^No host in \S+ has the name or the label x\n$/],
  [["test", "--only=site=x"], /^No host in \S+ has the name or the label site=x\n$/],
  [["test", "--parallel=0"], /^Expected a number after --parallel, not 0\n$/],
  [["test", "--purge"], /^--purge is for remove\n$/],
  [["config"], /^config needs --config=PATH\n$/],
  [["config", "--config=/nowhere"], /^Cannot read \/nowhere\n$/],
  [["config", `--config=${DEPLOY}`], /^Cannot read \S+\/a\.yml; --only leaves hosts out\n$/],
  [["deploy", "--binary=/etc/passwd"], /^\/etc\/passwd is no program for x86_64 or aarch64\n$/],
  [["deploy", ANY_BINARY, ANY_BINARY], /^There are two programs for \w+: /],
];

Deno.test("deploy-to-hosts.sh tells what is wrong with its arguments", async () => {
  await using folder = await Folder.create();
  const file = await folder.write("hosts", "a 192.0.2.1 - - -");
  for (const [[verb = "", ...args], message] of MISUSES) {
    const { code, stderr } = await script(...verb ? [verb] : [], `--hosts=${file}`, ...args);
    assert.match(stderr, message);
    assert.equal(code, 2);
  }
});

Deno.test("deploy-to-hosts.sh knows the collectors that there are", async () => {
  for (const name of ["install.sh", "hosts_file.sh"]) {
    const [, known = ""] = /collectors_known='(.*?)'/.exec(await Deno.readTextFile(DEPLOY + name)) ?? [];
    const names = known.split(" ").filter((word) => word !== "processes");
    assert.deepEqual(names, COLLECTORS.map(({ name }) => name));
  }
});

/** No way to any host: nobody answers. */
const NOWHERE = "--ssh-option=ProxyCommand=sh -c 'cat >/dev/null; :'";

Deno.test("deploy-to-hosts.sh writes the targets of Prometheus, whether hosts answer or not", async () => {
  await using folder = await Folder.create();
  const hosts = `${await Deno.readTextFile(
    `${DEPLOY}hosts.example`,
  )}z 192.0.2.77 - say="a\\b",Ort=Köln - # the last\r\n`;
  const file = await folder.write("hosts", hosts), targets = `${folder.path}/targets.json`;
  const args = ["test", `--hosts=${file}`, `--targets=${targets}`, `--logs=${folder.path}/logs`, "--only=z"];
  const { code } = await script(...args, "--ssh-option=ProxyCommand=false");
  assert.equal(code, 1);
  assert.deepEqual(JSON.parse(await Deno.readTextFile(targets)), [
    {
      targets: ["198.51.100.7:19100"],
      labels: { instance: "flows", site: "oslo" },
    },
    { targets: ["[2001:db8::1]:19100"], labels: { instance: "gateway", site: "berlin", role: "gw" } },
    { targets: ["203.0.113.5:19100"], labels: { instance: "tracking" } },
    { targets: ["192.0.2.10:19100"], labels: { instance: "web-1", site: "berlin", role: "web" } },
    { targets: ["web-2.example:19100"], labels: { instance: "web-2", site: "berlin", role: "web" } },
    { targets: ["192.0.2.77:19100"], labels: { instance: "z", say: '"a\\b"', Ort: "Köln" } },
  ]);
  const { mtime } = await Deno.stat(targets);
  await script(...args, "--ssh-option=ProxyCommand=false");
  assert.deepEqual((await Deno.stat(targets)).mtime, mtime);
});

testWith({
  name: "deploy-to-hosts.sh writes targets that Prometheus can read",
  needs: program("promtool"),
  async fn() {
    await using folder = await Folder.create();
    const targets = `${folder.path}/targets.json`;
    await script(
      "test",
      `--hosts=${DEPLOY}hosts.example`,
      `--targets=${targets}`,
      "--ssh-option=ProxyCommand=false",
    );
    const file = await folder.write(
      "prometheus.yml",
      `scrape_configs: [{ job_name: netcensus, file_sd_configs: [{ files: ["${targets}"] }] }]\n`,
    );
    for (
      const args of [["check", "config", file], [
        "check",
        "service-discovery",
        "--timeout=2s",
        file,
        "netcensus",
      ]]
    ) {
      const { success, stdout } = await new Deno.Command("promtool", { args }).output();
      assert.ok(success);
      if (args[1] === "config") continue;
      const found: { labels: Record<string, string> }[] = JSON.parse(new TextDecoder().decode(stdout));
      assert.deepEqual(found.map(({ labels }) => labels["instance"]).sort(), [
        "flows",
        "gateway",
        "tracking",
        "web-1",
        "web-2",
      ]);
    }
  },
});

Deno.test("deploy-to-hosts.sh gives up a host that does not answer, and begins with the next", async () => {
  await using folder = await Folder.create();
  const file = await folder.write("hosts", "a a - - -\nb b - - -\nc c - - -\n");
  const result = await script(
    "test",
    `--hosts=${file}`,
    `--logs=${folder.path}/logs`,
    "--timeout=1",
    "--parallel=2",
    NOWHERE,
  );
  const { hosts, total } = summaryOf(result);
  for (const name of ["a", "b", "c"]) {
    assert.match(hosts[name]!, /^failed - (it took longer than 1 s|Connection timed out)/);
  }
  assert.equal(total, "3 hosts: 3 failed");
  assert.equal(result.code, 1);
});

Deno.test("deploy-to-hosts.sh ends all that it has begun when it is interrupted", async () => {
  await using folder = await Folder.create();
  const file = await folder.write("hosts", "a a - - -\nb b - - -\n"), logs = `${folder.path}/logs`;
  const child = new Deno.Command(SCRIPT, {
    args: ["test", `--hosts=${file}`, `--logs=${logs}`, `${NOWHERE} ${folder.path}`],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  await until(async () => await running(`^ssh .*${folder.path}`) === 2);
  child.kill("SIGINT");
  const { code, stderr } = await child.output();
  assert.equal(new TextDecoder().decode(stderr), `interrupted; what the hosts said is in ${logs}\n`);
  assert.equal(code, 130);
  await until(async () => await running(folder.path) === 0);
});

/** How many processes have a command line that matches. */
async function running(pattern: string): Promise<number> {
  const { stdout } = await new Deno.Command("pgrep", { args: ["--count", "--full", pattern] }).output();
  return Number(new TextDecoder().decode(stdout));
}

const FLEET = [
  { name: "fresh", users: { admin: "sudo", guest: "no sudo" } },
  { name: "older" },
  { name: "failing" },
  { name: "stranger", hasOtherKey: true },
] as const;

const HOSTS = `
fresh     192.0.2.10            admin  site=berlin,rack=a1  sockets,conntrack
older     [2001:db8::11]:22     root   site=berlin          -
failing   192.0.2.12            root   -                    -                  listen=:19101
stranger  192.0.2.13            root   -                    -
down      ${SshHosts.UNUSED}    root   -                    -
`;

testWith({
  name: "deploy-to-hosts.sh looks after five hosts",
  needs: async () => await program("sshd")() ?? await program("sudo")() ?? await binariesAndHosts(),
  async fn(context) {
    await using fleet = await SshHosts.start(FLEET);
    await using folder = await Folder.create();
    const old = await versionOf(BINARY_BEFORE), now = await versionOf(BINARY);
    const logs = `${folder.path}/logs`, targets = `${folder.path}/targets.json`;
    const hosts = await folder.write("hosts", HOSTS);
    const [fresh, older, failing] = fleet.hosts.map(({ host }) => host);
    const deploy = async (verb: string, ...args: readonly string[]) => {
      const all = [verb, `--hosts=${hosts}`, `--logs=${logs}`, ...fleet.sshFlags, ...args];
      const { code, ...said } = await fleet.run(SCRIPT, all);
      return { code, ...summaryOf({ code, ...said }), stderr: said.stderr };
    };
    const deployNow = `--binary=${BINARY}`, deployOld = `--binary=${BINARY_BEFORE}`;
    /** What is installed, and the process that runs. */
    const states = () => {
      const commands = [
        "stat -c '%s %y' /usr/local/bin/netcensus",
        "sha256sum /etc/netcensus/netcensus.yml /etc/default/netcensus",
        "systemctl show --property=MainPID netcensus",
        "ls -d /var/tmp/netcensus.*",
      ];
      return Promise.all([fresh!, older!, failing!].map(async (host) => {
        return (await host.run("bash", "-c", commands.join(";"))).stdout;
      }));
    };
    const bytesSent = async () => {
      return Number(/sending (\d+) bytes/.exec(await Deno.readTextFile(`${logs}/fresh.log`))?.[1]);
    };
    const step = (name: string, fn: () => Promise<void>) => context.step(name, fn);

    await step("installs", async () => {
      const elsewhere = await folder.write("elsewhere", HOSTS.replace("listen=:19101", ""));
      const result = await deploy("deploy", deployOld, "--only=older,failing", `--hosts=${elsewhere}`);
      assert.deepEqual(result.hosts, { older: `installed ${old}`, failing: `installed ${old}` });
      assert.equal(result.total, "2 hosts: 2 installed");
      assert.equal(result.code, 0);
    });

    await step("does nothing when it shall only tell what it would do", async () => {
      const before = await states(),
        result = await deploy("deploy", deployNow, "--only=site=berlin", "--dry-run");
      assert.deepEqual(result.hosts, {
        fresh: `would deploy - would be sent ${BINARY.split("/").at(-1)}`,
        older: `would deploy ${old} would be sent ${BINARY.split("/").at(-1)}`,
      });
      assert.equal(result.code, 0);
      assert.deepEqual(await states(), before);
    });

    await step(
      "installs, upgrades and rolls back at the same time, and tells of hosts that it cannot reach",
      async () => {
        const taken = ["/usr/local/bin/netcensus", "--web.listen-address=:19101"];
        await failing!.must("systemd-run", "--quiet", ...taken);
        const result = await deploy("deploy", deployNow, `--targets=${targets}`);
        assert.ok(await bytesSent() > 10_000_000);
        const { failing: rolledBack = "", down = "", stranger = "", ...others } = result.hosts;
        assert.deepEqual(others, { fresh: `installed ${now}`, older: `upgraded ${now} (before: ${old})` });
        assert.match(
          rolledBack,
          new RegExp(`^rolled back ${old} netcensus ${now} did not start: .*Cannot listen.*19101`),
        );
        assert.match(
          down,
          /^failed - ssh: connect to host 192.0.2.99 port 22: (No route to host|Connection timed out)$/,
        );
        assert.match(stranger, /^failed - root@192.0.2.13: Permission denied \(publickey.*\)\.$/);
        assert.equal(result.total, "5 hosts: 2 failed, 1 installed, 1 rolled back, 1 upgraded");
        assert.equal(result.code, 1);
        const listed: { labels: unknown }[] = JSON.parse(await Deno.readTextFile(targets));
        assert.deepEqual(listed.map(({ labels }) => labels), [
          { instance: "down" },
          { instance: "failing" },
          { instance: "fresh", site: "berlin", rack: "a1" },
          { instance: "older", site: "berlin" },
          { instance: "stranger" },
        ]);
      },
    );

    await step("neither sends a program again nor restarts one that is as it should be", async () => {
      const before = await states(), result = await deploy("deploy", deployNow, "--only=fresh,older");
      assert.deepEqual(result.hosts, { fresh: `unchanged ${now}`, older: `unchanged ${now}` });
      assert.equal(result.code, 0);
      assert.deepEqual(await states(), before);
      assert.ok(await bytesSent() < 100_000);
    });

    await step("tells how hosts do", async () => {
      await older!.must("systemctl", "stop", "netcensus");
      const result = await deploy("test", "--only=fresh,older,failing");
      const { older: stopped = "", ...others } = result.hosts;
      assert.match(stopped, new RegExp(`^not well - netcensus ${now} did not start`));
      assert.deepEqual(others, { fresh: `well ${now}`, failing: `well ${old}` });
      assert.equal(result.code, 1);
      await older!.must("systemctl", "start", "netcensus");
    });

    await step("sends a configuration to hosts that find it good", async () => {
      const before = await states();
      await folder.write("fresh.yml", "collectors: { interval: 30 }\n");
      await folder.write("older.yml", "collectors: { interval: often }\n");
      const result = await deploy("config", `--config=${folder.path}`, "--only=site=berlin");
      const { fresh: good, older: bad = "" } = result.hosts;
      assert.equal(good, `changed ${now}`);
      assert.match(bad, /^refused - netcensus \S+ cannot run with this: \.\/netcensus\.yml:1:25: /);
      assert.equal(result.code, 1);
      assert.equal(
        await Deno.readTextFile(fresh!.path("/etc/netcensus/netcensus.yml")),
        "collectors: { interval: 30 }\n",
      );
      assert.equal((await states())[1], before[1]);
    });

    await step("goes back to the version before", async () => {
      const result = await deploy("rollback", "--only=fresh,older");
      assert.deepEqual(result.hosts, {
        fresh: "refused - there is no version before",
        older: `rolled back ${old} (before: ${now})`,
      });
      assert.equal(result.code, 1);
    });

    await step("needs sudo without a password, and a host that is known", async () => {
      const guest = await folder.write("guest", "fresh 192.0.2.10 guest - -");
      const refused = await deploy("test", `--hosts=${guest}`);
      assert.deepEqual(refused.hosts, { fresh: "failed - no root: sudo: a password is required" });
      const known = `${fleet.folder}/known_hosts`, keys = await Deno.readTextFile(known);
      await Deno.writeTextFile(known, "");
      const strict = await deploy("test", "--only=fresh");
      assert.deepEqual(strict.hosts, { fresh: "failed - Host key verification failed." });
      const trusting = await deploy("test", "--only=fresh", "--accept-new-keys");
      assert.deepEqual(trusting.hosts, { fresh: `well ${now}` });
      await Deno.writeTextFile(known, keys);
    });

    await step("takes away", async () => {
      const result = await deploy("remove", "--purge", "--only=older", `--targets=${targets}`);
      assert.deepEqual(result.hosts, { older: "removed - netcensus" });
      assert.equal(result.code, 0);
      assert.equal((await states())[1], "MainPID=0\n");
      const listed: { labels: { instance: string } }[] = JSON.parse(await Deno.readTextFile(targets));
      assert.deepEqual(listed.map(({ labels }) => labels.instance), ["down", "failing", "fresh", "stranger"]);
    });
  },
});
