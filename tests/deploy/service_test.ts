/** The unit on a real host: a real systemd, its whole sandbox, and the binary. */
import assert from "node:assert/strict";
import { binaryAndHosts } from "../helpers/binaries.ts";
import { canTrack } from "../helpers/conntrack_namespace.ts";
import { eventually, sumOf } from "../helpers/program_host.ts";
import { testWith } from "../helpers/skip.ts";
import { ServiceHost } from "./service_host.ts";

/** include/uapi/linux/capability.h */
const CAP_DAC_READ_SEARCH = 2n, CAP_NET_ADMIN = 12n, CAP_NET_RAW = 13n, CAP_SYS_PTRACE = 19n;

/** The default has it that two are the most. */
const MAX_EXPOSURE = 2;

async function needs(): Promise<string | undefined> {
  return await binaryAndHosts() ?? await canTrack();
}

function onHost(name: string, fn: () => Promise<void>): void {
  testWith({ name, needs, fn });
}

function flags(...collectors: readonly string[]): string {
  return `NETCENSUS_COLLECTORS="${
    ["disable-defaults", ...collectors].map((name) => `--collector.${name}`).join(" ")
  }"`;
}

/** What may be done by the process of the service, by the name of the set. */
async function capabilitiesOf(service: ServiceHost): Promise<Record<string, bigint>> {
  const pid = await service.property("MainPID");
  const status = await service.host.must("cat", `/proc/${pid}/status`);
  return Object.fromEntries(
    [...status.matchAll(/^Cap(\w+):\s*([0-9a-f]+)$/gm)].map(([, set, bits]) => [set, BigInt(`0x${bits}`)]),
  );
}

onHost("the unit is as systemd likes it, and exposes little", async () => {
  await using service = await ServiceHost.install({});
  const unit = "/etc/systemd/system/netcensus.service";
  const { code, stdout, stderr } = await service.host.run("systemd-analyze", "verify", unit);
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "" });
  const security = await service.host.must("systemd-analyze", "security", "--offline=true", unit);
  const [, exposure] = /exposure level for netcensus.service: ([\d.]+)/.exec(security)!;
  assert.ok(Number(exposure) <= MAX_EXPOSURE, security);
});

onHost("the service needs no capability for sockets, flows and routers", async () => {
  await using service = await ServiceHost.install({
    dropIns: ["secrets"],
    environment: [flags("sockets", "netflow")],
  });
  const address = await service.startRouter("hunter2");
  await Deno.writeTextFile(service.host.path("/etc/netcensus/secrets/router"), "hunter2\n", { mode: 0o600 });
  await service.configure(
    `collectors: { mikrotik: { routers: { address: "${address}", username: prometheus, interval: 1s,
      password_file: /run/credentials/netcensus.service/secrets_router } } }\n`,
  );
  await service.systemctl("start");
  await service.sendFlow();
  const series = await eventually(
    () => service.series(),
    (series) => series.get("mikrotik_up") === 1 && sumOf(series, "netflow_bytes_total") === 1000,
  );
  for (const name of ["sockets", "netflow", "mikrotik"]) {
    assert.equal(series.get(`netcensus_collector_success{collector="${name}"}`), 1);
  }
  assert.ok(sumOf(series, "network_connections", { state: "LISTEN" }) >= 1);
  assert.deepEqual(await capabilitiesOf(service), { Inh: 0n, Prm: 0n, Eff: 0n, Bnd: 0n, Amb: 0n });
  assert.equal(
    (await service.host.must("ps", "-o", "user=,group=", "-C", "netcensus")).trim(),
    "nobody   nogroup",
  );
});

onHost("the service sees the tracked connections with CAP_NET_ADMIN alone", async () => {
  await using service = await ServiceHost.start({
    dropIns: ["conntrack"],
    environment: [flags("conntrack", "interval=1")],
  });
  await service.get("/-/ready");
  const series = await eventually(
    () => service.series(),
    (series) => sumOf(series, "conntrack_opened_total") > 0,
  );
  assert.equal(series.get('netcensus_collector_success{collector="conntrack"}'), 1);
  for (const check of ["accounting", "events"]) {
    assert.equal(series.get(`netcensus_data_quality{collector="conntrack",check="${check}"}`), 1, check);
  }
  assert.ok(series.get("conntrack_table_limit")! > 0);
  assert.ok(series.has("conntrack_stat_drop_total"));
  const { Eff, Bnd } = await capabilitiesOf(service);
  assert.deepEqual({ Eff, Bnd }, { Eff: 1n << CAP_NET_ADMIN, Bnd: 1n << CAP_NET_ADMIN });
});

onHost("the service captures messages of Wialon IPS with CAP_NET_RAW alone", async () => {
  await using service = await ServiceHost.start({
    dropIns: ["wialon"],
    environment: [flags("wialon", "wialon.interface=lo")],
  });
  await eventually(
    () => service.series(),
    (series) => series.get('wialon_ips_capture_up{interface="lo"}') === 1,
  );
  await service.sendMessages();
  const series = await eventually(
    () => service.series(),
    (series) => sumOf(series, "wialon_ips_packets_total", { type: "SD" }) === 3,
  );
  assert.equal(sumOf(series, "wialon_ips_packets_total", { type: "L" }), 1);
  const { Eff, Bnd } = await capabilitiesOf(service);
  assert.deepEqual({ Eff, Bnd }, { Eff: 1n << CAP_NET_RAW, Bnd: 1n << CAP_NET_RAW });
});

onHost("the service has what all collectors need with all drop-ins", async () => {
  await using service = await ServiceHost.start({
    dropIns: ["conntrack", "wialon", "processes", "secrets"],
    environment: [flags("sockets", "conntrack", "netflow", "wialon", "sockets.process", "interval=1")],
  });
  const all = [CAP_DAC_READ_SEARCH, CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_PTRACE].reduce(
    (set, bit) => set | 1n << bit,
    0n,
  );
  const { Eff, Bnd } = await capabilitiesOf(service);
  assert.deepEqual({ Eff, Bnd }, { Eff: all, Bnd: all });
  // The first process of the host, which is root's, listens for it.
  await service.host.must("systemd-run", "--socket-property=ListenStream=127.0.0.1:7777", "cat");
  await service.sendFlow();
  await service.sendMessages();
  const series = await eventually(
    () => service.series(),
    (series) =>
      sumOf(series, "netflow_bytes_total") === 1000 && sumOf(series, "wialon_ips_packets_total") > 3 &&
      sumOf(series, "conntrack_opened_total") > 0 &&
      sumOf(series, "network_connections_info", { process_name: "systemd" }) === 1,
  );
  for (const name of ["sockets", "conntrack", "netflow", "wialon"]) {
    assert.equal(series.get(`netcensus_collector_success{collector="${name}"}`), 1);
  }
});

onHost("the service is not ready before it answers", async () => {
  await using service = await ServiceHost.start();
  assert.equal((await service.get("/-/ready")).status, 200);
  assert.equal(await service.property("StatusText"), "Runs sockets");
});

onHost("the service does not start with a wrong configuration, and its journal has the place", async () => {
  await using service = await ServiceHost.install({
    configuration: "rules:\n  - { name: mine, source: sokets }\n",
  });
  await assert.rejects(service.systemctl("start"));
  assert.match(
    await service.journal(),
    /^\/etc\/netcensus\/netcensus\.yml:2:27: Unknown source "sokets" \(did you mean "sockets"\?\)/m,
  );
});

onHost("a reload puts a good configuration in force, and keeps the process", async () => {
  await using service = await ServiceHost.start();
  const pid = await service.property("MainPID");
  await service.configure("rules:\n  - { name: all_sockets, source: sockets }\n");
  await service.systemctl("reload");
  await eventually(() => service.series(), (series) => series.has("all_sockets"));
  assert.equal(await service.property("MainPID"), pid);
  assert.equal(await service.property("ActiveState"), "active");
});

onHost("a reload fails with a wrong configuration, and the one before stays in force", async () => {
  await using service = await ServiceHost.start();
  const pid = await service.property("MainPID");
  await service.configure("rules: 1\n");
  await assert.rejects(service.systemctl("reload"));
  assert.match(await service.journal(), /netcensus\.yml:1:8: Expected a list of rules, not "1"/);
  assert.equal(await service.property("ActiveState"), "active");
  assert.equal(await service.property("MainPID"), pid);
  assert.equal((await service.get("/-/reload", "POST")).status, 400);
  await eventually(
    () => service.property("StatusText"),
    (text) => text === "The configuration is wrong, the one before is in force",
  );
});

onHost("the service is killed by its watchdog when it hangs, and started again", async () => {
  await using service = await ServiceHost.start({ override: ["WatchdogSec=1", "RestartSec=100ms"] });
  const pid = await service.property("MainPID");
  // Longer than the watchdog waits: it lives by its own signs.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  assert.equal(await service.property("MainPID"), pid);
  await service.host.must("kill", "-STOP", pid);
  await eventually(
    () => service.property("MainPID"),
    (next) => next !== pid && next !== "0",
  );
  assert.match(await service.journal(), /Watchdog timeout \(limit 1s\)!/);
  await eventually(() => service.property("ActiveState"), (state) => state === "active");
  assert.equal((await service.get("/-/healthy")).status, 200);
});

onHost("the service is started again after a crash", async () => {
  await using service = await ServiceHost.start({ override: ["RestartSec=100ms"] });
  const pid = await service.property("MainPID");
  await service.host.must("kill", "-ABRT", pid);
  await eventually(() => service.property("NRestarts"), (restarts) => restarts === "1");
  await eventually(() => service.property("ActiveState"), (state) => state === "active");
  assert.equal((await service.get("/-/healthy")).status, 200);
});

onHost("the service ends in order when it is stopped", async () => {
  await using service = await ServiceHost.start();
  await service.systemctl("stop");
  assert.equal(await service.property("Result"), "success");
  assert.match(await service.journal(), /msg=Stopping signal=SIGTERM/);
});
