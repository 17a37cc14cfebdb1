import assert from "node:assert/strict";
import { canTrack, ConntrackNamespace } from "../helpers/conntrack_namespace.ts";
import { testWith } from "../helpers/skip.ts";
import { eventually, type ProgramHost, type Scrape, sumOf } from "../helpers/program_host.ts";
import { LISTEN, startProgram } from "./conntrack_hosts.ts";

const CONNTRACK = { collector: "conntrack" };
const COMMAND = 'command="sysctl -w net.netfilter.nf_conntrack_acct=1"';
const EVERY_SECOND = "--collector.interval=1";
const EVENTS_LOST = { ...CONNTRACK, reason: "events_lost" };

let tracking: Promise<string | undefined> | undefined;

function testTracking(name: string, fn: () => Promise<void>): void {
  testWith({ name, needs: () => tracking ??= canTrack(), fn });
}

type Series = Scrape["series"];

function isGood(series: Series, check: string): number | undefined {
  return series.get(`netcensus_data_quality{collector="conntrack",check="${check}"}`);
}

function success(series: Series, collector: string): number | undefined {
  return series.get(`netcensus_collector_success{collector="${collector}"}`);
}

/** Waits until the collector has begun and ended that many passes more. */
async function passes(program: ProgramHost, count: number): Promise<Series> {
  let { series } = await program.scrape();
  for (; count > 0; count--) {
    const before = sumOf(series, "netcensus_collector_duration_seconds", CONNTRACK);
    ({ series } = await eventually(
      () => program.scrape(),
      ({ series }) => sumOf(series, "netcensus_collector_duration_seconds", CONNTRACK) !== before,
    ));
  }
  return series;
}

/** Lines of the log with one of these words. */
async function logged(program: ProgramHost, words: RegExp): Promise<string[]> {
  return (await program.log()).filter((line) => words.test(line));
}

testTracking("The program shows connections as nobody with CAP_NET_ADMIN", async () => {
  await using conntrack = await ConntrackNamespace.create();
  await conntrack.flows.sendUdp({ count: 100, per: 10 });
  await using program = await startProgram(conntrack, [LISTEN], "nobody with CAP_NET_ADMIN");
  const { series } = await program.scrape();
  assert.equal(success(series, "conntrack"), 1);
  assert.deepEqual([isGood(series, "events"), isGood(series, "accounting")], [1, 1]);
  assert.equal(sumOf(series, "conntrack_total_connections"), 100);
  assert.equal(sumOf(series, "conntrack_sent_bytes"), 100 * 128);
  assert.equal(sumOf(series, "conntrack_entries", { l4protocol: "udp", status: "unreplied" }), 100);
  assert.deepEqual(await logged(program, /level=(error|warn)/), []);
  assert.equal(await program.stop(), 0);
});

testTracking("Without CAP_NET_ADMIN the program says that it needs it, once, and goes on", async () => {
  await using conntrack = await ConntrackNamespace.create();
  await conntrack.flows.sendUdp({ count: 1 });
  await using program = await startProgram(conntrack, [LISTEN, EVERY_SECOND], "nobody");
  const series = await passes(program, 2);
  assert.deepEqual([success(series, "conntrack"), success(series, "sockets")], [0, 1]);
  assert.equal(isGood(series, "events"), 0);
  assert.equal(series.has("conntrack_total_connections"), false);
  assert(sumOf(series, "network_connections", { state: "LISTEN" }) > 0);
  const [line, ...more] = await logged(program, /level=(error|warn)/);
  assert.match(line!, /level=error .*collector=conntrack .*CAP_NET_ADMIN/);
  assert.deepEqual(more, []);
  assert.equal(await program.stop(), 0);
});

testTracking("--configure.nf_conntrack_acct makes the kernel count bytes", async () => {
  await using conntrack = await ConntrackNamespace.create({ accounting: false });
  const args = [LISTEN, EVERY_SECOND, "--configure.nf_conntrack_acct"];
  await using program = await startProgram(conntrack, args, "nobody with CAP_NET_ADMIN");
  await program.scrape();
  assert.equal((await logged(program, /level=info msg="The kernel counts the bytes/)).length, 1);
  assert.deepEqual(await logged(program, /level=(error|warn)/), []);
  const value = await conntrack.namespace.run("sysctl", ["-n", "net.netfilter.nf_conntrack_acct"]);
  assert.equal(value.trim(), "1");
  await conntrack.flows.sendUdp({ count: 10, payload: 72 });
  const series = await passes(program, 2);
  assert.equal(isGood(series, "accounting"), 1);
  assert.equal(sumOf(series, "conntrack_bytes_total"), 1000);
  assert.equal(await program.stop(), 0);
});

testTracking("When the kernel does not count bytes the program says how to change that", async () => {
  await using conntrack = await ConntrackNamespace.create({ accounting: false });
  await conntrack.flows.sendUdp({ count: 10 });
  await using program = await startProgram(conntrack, [LISTEN, EVERY_SECOND]);
  let series = await passes(program, 1);
  assert.deepEqual([success(series, "conntrack"), isGood(series, "accounting")], [1, 0]);
  assert.equal(sumOf(series, "conntrack_total_connections"), 10);
  assert.equal(sumOf(series, "conntrack_opened_total"), 0);
  const lines = await logged(program, /level=(error|warn)/);
  assert.equal(lines.length, 1);
  assert(lines[0]!.includes("level=warn") && lines[0]!.includes(COMMAND), lines[0]);

  await conntrack.set({ "net.netfilter.nf_conntrack_acct": 1 });
  series = await passes(program, 2);
  assert.equal(isGood(series, "accounting"), 1);
  assert.equal(await program.stop(), 0);
});

testTracking("--configure.nf_conntrack_acct without the right to is no reason to stop", async () => {
  await using conntrack = await ConntrackNamespace.create({ accounting: false });
  const args = [LISTEN, "--configure.nf_conntrack_acct"];
  await using program = await startProgram(conntrack, args, "nobody");
  const { series } = await program.scrape();
  assert.deepEqual([success(series, "sockets"), isGood(series, "accounting")], [1, 0]);
  assert.equal((await logged(program, /level=warn .*cannot be switched on.*/)).length, 1);
  assert.equal(await program.stop(), 0);
});

testTracking("The program takes all flags of conntrack-exporter as they are", async () => {
  await using conntrack = await ConntrackNamespace.create({ accounting: false });
  await conntrack.flows.sendUdp({ count: 10 });
  await using program = await startProgram(conntrack, [
    "--collector.interval=60",
    "--web.listen-address=:9095",
    "--web.telemetry-path=/metrics",
    "--log.level=info",
    "--log.format=logfmt",
    "--configure.nf_conntrack_acct",
    "--path.procfs=/proc",
    "--web.disable-exporter-metrics",
    "--web.max-requests=40",
  ]);
  const { series } = await program.scrape();
  assert.equal(success(series, "conntrack"), 1);
  assert.equal(sumOf(series, "conntrack_total_connections"), 10);
  assert.equal(isGood(series, "accounting"), 1);
  assert.deepEqual([...series.keys()].filter((name) => /^(process|nodejs)_/.test(name)), []);
  assert.deepEqual(await logged(program, /level=(error|warn)/), []);
  assert.equal(await program.stop(), 0);
});

testTracking("With 50,000 connections scrapes are answered while a pass is under way", async () => {
  await using conntrack = await ConntrackNamespace.create();
  await using program = await startProgram(conntrack, [LISTEN, EVERY_SECOND]);
  await program.scrape();
  await conntrack.flows.sendUdp({ count: 50_000, per: 1000 });
  await passes(program, 2);

  const scrapes: Scrape[] = [], passesSeen = new Map<number, number>();
  const isUnderWay = ({ start, end }: Scrape) =>
    [...passesSeen].some(([passEnd, duration]) => start > passEnd - duration && end < passEnd);
  await eventually(
    async () => {
      const scrape = await program.scrape(), { series } = scrape;
      scrapes.push(scrape);
      passesSeen.set(
        sumOf(series, "netcensus_collector_last_success_timestamp_seconds", CONNTRACK),
        sumOf(series, "netcensus_collector_duration_seconds", CONNTRACK),
      );
    },
    () => passesSeen.size > 3 && scrapes.some(isUnderWay),
    0,
  );
  for (const { series } of scrapes) {
    assert.equal(success(series, "conntrack"), 1);
    for (const name of ["conntrack_total_connections", "conntrack_entries", "conntrack_table_entries"]) {
      assert.equal(sumOf(series, name), 50_000, name);
    }
    assert.equal(sumOf(series, "conntrack_opened_total"), 50_000);
    assert.deepEqual(
      ["conntrack_sent_bytes", "conntrack_bytes_total"].map((name) => sumOf(series, name)),
      [50_000 * 128, 50_000 * 128],
    );
  }

  // While it stands still, the kernel has no room for all that it would tell of their ends.
  await program.signal("SIGSTOP");
  await conntrack.conntrack("-F");
  await program.signal("SIGCONT");
  await conntrack.flows.sendUdp({ count: 100 });
  const { series } = await eventually(
    () => program.scrape(),
    ({ series }) => sumOf(series, "conntrack_opened_total") - sumOf(series, "conntrack_closed_total") === 100,
  );
  assert.equal(sumOf(series, "conntrack_opened_total"), 50_100);
  assert(sumOf(series, "netcensus_parse_problems_total", EVENTS_LOST) > 0);
  assert.equal(await program.stop(), 0);
});
