import assert from "node:assert/strict";
import conntrack from "../../../collectors/conntrack/mod.ts";
import { TrafficTracker } from "../../../collectors/traffic_tracker.ts";
import type { Literal } from "../../../core/node.ts";
import { drive } from "../../../core/work.ts";
import { NetlinkEvents } from "../../../native/netlink_events.ts";
import { NetlinkSocket } from "../../../native/netlink.ts";
import { SystemError } from "../../../native/libc.ts";
import { Collecting, metricOf } from "../../helpers/collecting.ts";
import { withNetlink } from "../../helpers/fake_netlink.ts";
import { fixture, fixtureText } from "../../helpers/fixtures.ts";
import { seriesOf } from "../../helpers/pipelines.ts";

interface Line {
  readonly protocol?: "tcp" | "udp" | "icmp" | "icmpv6" | "gre";
  readonly state?: string;
  readonly src?: string;
  readonly dst?: string;
  readonly sport?: number;
  readonly dport?: number;
  /** Packets and bytes that were sent, and those of the replies; null without accounting. */
  readonly counters?: readonly [number, number, number, number] | null;
  readonly status?: "[ASSURED] " | "[UNREPLIED] " | "";
  readonly zone?: number;
}

const NUMBERS = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58, gre: 47 };

/** A line of /proc/net/nf_conntrack. */
function line({
  protocol = "tcp",
  state = protocol === "tcp" ? "ESTABLISHED" : "",
  src = "10.0.0.10",
  dst = "93.184.216.34",
  sport = 40_000,
  dport = 443,
  counters = [10, 1000, 8, 8000],
  status = protocol === "tcp" ? "[ASSURED] " : "",
  zone = 0,
}: Line = {}): string {
  const family = src.includes(":") ? "ipv6     10" : "ipv4     2", number = NUMBERS[protocol];
  const counted = (at: 0 | 2) =>
    counters === null ? "" : `packets=${counters[at]} bytes=${counters[at + 1]} `;
  const ends = (from: number, to: number) =>
    protocol === "tcp" || protocol === "udp"
      ? `sport=${from} dport=${to} `
      : protocol === "gre"
      ? `srckey=0x0 dstkey=0x0 `
      : `type=8 code=0 id=${sport} `;
  const unreplied = status === "[UNREPLIED] ";
  return `${family} ${protocol.padEnd(8)} ${number} 300 ${state && `${state} `}src=${src} dst=${dst} ` +
    `${ends(sport, dport)}${counted(0)}${unreplied ? status : ""}src=${dst} dst=${src} ${
      ends(dport, sport)
    }` +
    `${counted(2)}${unreplied ? "" : status}mark=0 zone=${zone} use=2\n`;
}

const NETFILTER = "sys/net/netfilter";
const TABLE = "net/nf_conntrack",
  STAT = "net/stat/nf_conntrack",
  ACCOUNTING = `${NETFILTER}/nf_conntrack_acct`;

/** By path; a file that is null is not there. */
type Files = Readonly<Record<string, string | null>>;

const FILES: Files = {
  [TABLE]: "",
  [STAT]: fixtureText("procfs/net/stat/nf_conntrack"),
  [ACCOUNTING]: "1\n",
  [`${NETFILTER}/nf_conntrack_count`]: "3\n",
  [`${NETFILTER}/nf_conntrack_max`]: "65536\n",
};

/** The collector over a procfs of its own. */
class Procfs implements Disposable {
  readonly path = Deno.makeTempDirSync();
  readonly collecting: Collecting;
  #seconds = 0;

  constructor(files: Files = {}, settings: Literal = {}) {
    for (const folder of ["net/stat", NETFILTER]) {
      Deno.mkdirSync(`${this.path}/${folder}`, { recursive: true });
    }
    this.write(FILES);
    this.write(files);
    this.collecting = new Collecting(conntrack, { settings, paths: { procfs: this.path } });
  }

  write(files: Files): void {
    for (const [name, text] of Object.entries(files)) {
      const path = `${this.path}/${name}`;
      if (text !== null) Deno.writeTextFileSync(path, text);
      else Deno.removeSync(path, { recursive: true });
    }
  }

  /** One pass over files of which these have changed; gives the series, those of streams too. */
  async collect(files: Files = {}): Promise<Map<string, number>> {
    this.write(files);
    const { pipeline } = this.collecting;
    pipeline.tick(++this.#seconds);
    await this.collecting.collect();
    await drive(pipeline.settle("stream"));
    return seriesOf(pipeline);
  }

  text(name: string): string {
    return Deno.readTextFileSync(`${this.path}/${name}`);
  }

  /** What was logged, without what differs from run to run. */
  get logged(): string[] {
    return this.collecting.logged.map((line) => line.replace(/^ts=\S+ /, "").trimEnd());
  }

  [Symbol.dispose](): void {
    this.collecting[Symbol.dispose]();
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** The series of a single pass. */
async function seriesWith(files: Files, settings?: Literal): Promise<Map<string, number>> {
  using procfs = new Procfs(files, settings);
  return await procfs.collect();
}

function tableOf(...lines: readonly Line[]): Files {
  return { [TABLE]: lines.map(line).join("") };
}

const COUNTED = ["sent_packets", "sent_bytes", "reply_packets", "reply_bytes"];

/** The series of the four metrics of traffic: their labels, and their values. */
function trafficOf(series: ReadonlyMap<string, number>): Record<string, number[]> {
  const all: Record<string, number[]> = {};
  for (const name of COUNTED) {
    for (const [labels, value] of Object.entries(metricOf(series, `conntrack_${name}`))) {
      (all[labels] ??= []).push(value);
    }
  }
  return all;
}

function totalsOf(series: ReadonlyMap<string, number>): (number | undefined)[] {
  return ["connections", ...COUNTED].map((name) => series.get(`conntrack_total_${name}`));
}

Deno.test("A connection has the metrics and labels of conntrack-exporter, in its order", async () => {
  assert.deepEqual(trafficOf(await seriesWith(tableOf({ counters: [10, 12_345, 8, 8000] }))), {
    '{src="10.0.0.10",dst="93.184.216.34",l3protocol="ipv4",l4protocol="tcp",l7protocol="https",dport="443"}':
      [
        10,
        12_345,
        8,
        8000,
      ],
  });
});

Deno.test("Connections that differ in their source port alone are added up", async () => {
  const series = await seriesWith(tableOf(
    { sport: 40_000, counters: [1, 10, 2, 20] },
    { sport: 40_001, counters: [100, 1000, 200, 2000] },
    { sport: 40_000, dport: 80, counters: [5, 50, 6, 60] },
  ));
  const labels = '{src="10.0.0.10",dst="93.184.216.34",l3protocol="ipv4",l4protocol="tcp",';
  assert.deepEqual(trafficOf(series), {
    [`${labels}l7protocol="http",dport="80"}`]: [5, 50, 6, 60],
    [`${labels}l7protocol="https",dport="443"}`]: [101, 1010, 202, 2020],
  });
  assert.deepEqual(totalsOf(series), [3, 106, 1060, 208, 2080]);
});

const LABELS: readonly { readonly what: string; readonly connection: Line; readonly labels: string }[] = [
  {
    what: "ICMP",
    connection: { protocol: "icmp" },
    labels: 'l3protocol="ipv4",l4protocol="icmp",l7protocol="na",dport="0"',
  },
  {
    what: "ICMPv6",
    connection: { protocol: "icmpv6", src: "fe80:0000:0000:0000:0000:0000:0000:0001" },
    labels: 'l3protocol="ipv6",l4protocol="icmpv6",l7protocol="na",dport="0"',
  },
  {
    what: "GRE",
    connection: { protocol: "gre" },
    labels: 'l3protocol="ipv4",l4protocol="gre",l7protocol="na",dport="0"',
  },
  {
    what: "DNS over UDP",
    connection: { protocol: "udp", dport: 53 },
    labels: 'l3protocol="ipv4",l4protocol="udp",l7protocol="dns",dport="53"',
  },
  {
    what: "a port of no service",
    connection: { dport: 40_404 },
    labels: 'l3protocol="ipv4",l4protocol="tcp",l7protocol="unknown",dport="40404"',
  },
];

for (const { what, connection, labels } of LABELS) {
  Deno.test(`The labels of ${what} are ${labels}`, async () => {
    const dst = connection.src === undefined ? {} : { dst: "fe80:0000:0000:0000:0000:0000:0000:0002" };
    const [own, ...others] = Object.keys(trafficOf(await seriesWith(tableOf({ ...connection, ...dst }))));
    assert.deepEqual(others, []);
    assert.equal(own!.slice(own!.indexOf("l3protocol"), -1), labels);
  });
}

Deno.test("IPv6 addresses are shown in their short form", async () => {
  const src = "2001:0db8:0000:0000:0000:0000:0000:0010", dst = "2001:0db8:0000:0000:0000:0000:0000:0022";
  const [labels] = Object.keys(trafficOf(await seriesWith(tableOf({ src, dst, dport: 22 }))));
  assert.equal(
    labels,
    '{src="2001:db8::10",dst="2001:db8::22",l3protocol="ipv6",l4protocol="tcp",l7protocol="ssh",dport="22"}',
  );
});

Deno.test("A table that is empty is a success, with totals of 0", async () => {
  const series = await seriesWith({ [TABLE]: "", [`${NETFILTER}/nf_conntrack_count`]: "0\n" });
  assert.deepEqual(totalsOf(series), [0, 0, 0, 0, 0]);
  assert.deepEqual(trafficOf(series), {});
  assert.deepEqual(metricOf(series, "conntrack_entries"), {});
  assert.equal(series.get("conntrack_table_entries"), 0);
});

Deno.test("conntrack_entries counts connections by protocol, state, status and zone", async () => {
  const series = await seriesWith(tableOf(
    { sport: 1 },
    { sport: 2 },
    { sport: 3, state: "SYN_SENT", status: "[UNREPLIED] " },
    { sport: 4, zone: 7 },
    { sport: 5, protocol: "udp", dport: 53 },
    { sport: 6, protocol: "udp", dport: 53, status: "[ASSURED] " },
    { sport: 7, protocol: "icmp", status: "[UNREPLIED] " },
  ));
  const labels = (protocol: string, state: string, status: string, zone = 0) =>
    `{l3protocol="ipv4",l4protocol="${protocol}",state="${state}",status="${status}",ct_zone="${zone}"}`;
  assert.deepEqual(metricOf(series, "conntrack_entries"), {
    [labels("icmp", "", "unreplied")]: 1,
    [labels("tcp", "ESTABLISHED", "assured")]: 2,
    [labels("tcp", "ESTABLISHED", "assured", 7)]: 1,
    [labels("tcp", "SYN_SENT", "unreplied")]: 1,
    [labels("udp", "", "assured")]: 1,
    [labels("udp", "", "replied")]: 1,
  });
});

Deno.test("Statistics are summed over the CPUs, and the table's size is not", async () => {
  const series = await seriesWith({});
  const own = [...series].filter(([name]) => /^conntrack_(stat|table)_/.test(name));
  assert.deepEqual(Object.fromEntries(own), {
    conntrack_stat_drop_total: 2,
    conntrack_stat_early_drop_total: 4,
    conntrack_stat_found_total: 15,
    conntrack_stat_ignore_total: 2,
    conntrack_stat_insert_failed_total: 3,
    conntrack_stat_insert_total: 288,
    conntrack_stat_invalid_total: 17,
    conntrack_stat_search_restart_total: 6,
    conntrack_table_entries: 3,
    conntrack_table_limit: 65_536,
  });
});

for (
  const [what, stat] of [["not there", null], ["empty", ""], [
    "a head alone",
    "entries found drop\n",
  ]] as const
) {
  Deno.test(`Statistics whose file is ${what} are absent rather than zero`, async () => {
    using procfs = new Procfs();
    await procfs.collect();
    const series = await procfs.collect({ [STAT]: stat });
    assert.deepEqual([...series.keys()].filter((name) => name.startsWith("conntrack_stat_")), []);
    assert.equal(series.get("conntrack_table_entries"), 3);
    assert.equal(procfs.collecting.problems.size, 0);
    assert.equal((await procfs.collect({ [STAT]: FILES[STAT]! })).get("conntrack_stat_drop_total"), 2);
  });
}

Deno.test("A column that the kernel does not have is absent, and the others are shown", async () => {
  const series = await seriesWith({ [STAT]: "entries  drop\n00000001 000000ff\n" });
  const own = [...series].filter(([name]) => name.startsWith("conntrack_stat_"));
  assert.deepEqual(own, [["conntrack_stat_drop_total", 255]]);
});

Deno.test("A garbled row of the statistics is counted, and the rest kept", async () => {
  using procfs = new Procfs({
    [STAT]: "entries  drop\n00000001 000000ff\n00000001 xyz\n00000001 00000001\n",
  });
  assert.equal((await procfs.collect()).get("conntrack_stat_drop_total"), 256);
  assert.deepEqual([...procfs.collecting.problems], [["malformed", 1]]);
});

for (const name of ["nf_conntrack_count", "nf_conntrack_max"]) {
  Deno.test(`Without ${name} what it tells is absent`, async () => {
    const series = await seriesWith({ [`${NETFILTER}/${name}`]: null });
    const metric = name === "nf_conntrack_max" ? "conntrack_table_limit" : "conntrack_table_entries";
    assert.equal(series.has(metric), false);
    assert.equal(series.get("conntrack_total_connections"), 0);
  });
}

Deno.test("Without accounting what connections have moved is absent, and they are counted", async () => {
  const series = await seriesWith({ ...tableOf({ counters: null }), [ACCOUNTING]: "0\n" });
  assert.deepEqual(trafficOf(series), {});
  assert.deepEqual(totalsOf(series), [1, undefined, undefined, undefined, undefined]);
  assert.deepEqual(Object.values(metricOf(series, "conntrack_entries")), [1]);
});

Deno.test("Connections that were there before accounting was switched on add nothing to the totals", async () => {
  const series = await seriesWith(
    tableOf({ sport: 1, counters: null }, { sport: 2, counters: [1, 2, 3, 4] }),
  );
  assert.deepEqual(totalsOf(series), [2, 1, 2, 3, 4]);
});

const OFF = 'level=warn msg="The kernel does not count the bytes and packets of connections" ' +
  'collector=conntrack command="sysctl -w net.netfilter.nf_conntrack_acct=1"';

Deno.test("That accounting is off is told as a quality, and logged with the command, whenever it goes off", async () => {
  using procfs = new Procfs({ [ACCOUNTING]: "0\n" });
  const { qualities } = procfs.collecting;
  await procfs.collect();
  assert.equal(qualities.get("accounting"), false);
  await procfs.collect();
  assert.deepEqual(procfs.logged, [OFF]);
  await procfs.collect({ [ACCOUNTING]: "1\n" });
  assert.equal(qualities.get("accounting"), true);
  assert.equal(procfs.logged.length, 1);
  await procfs.collect({ [ACCOUNTING]: "0\n" });
  assert.equal(qualities.get("accounting"), false);
  assert.deepEqual(procfs.logged, [OFF, OFF]);
});

Deno.test("Nothing is said of accounting that is on", async () => {
  using procfs = new Procfs();
  await procfs.collect();
  assert.equal(procfs.collecting.qualities.get("accounting"), true);
  assert.deepEqual(procfs.logged, []);
});

Deno.test("Accounting is off, with no warning, where the kernel has no switch", async () => {
  using procfs = new Procfs({ [ACCOUNTING]: null });
  await procfs.collect();
  assert.equal(procfs.collecting.qualities.get("accounting"), false);
  assert.deepEqual(procfs.logged, []);
});

Deno.test("Accounting is off, with no warning, from when the kernel has no switch any more", async () => {
  using procfs = new Procfs();
  const { qualities } = procfs.collecting;
  await procfs.collect();
  assert.equal(qualities.get("accounting"), true);
  for (let i = 0; i < 2; i++) {
    await procfs.collect(i === 0 ? { [ACCOUNTING]: null } : {});
    assert.equal(qualities.get("accounting"), false);
  }
  assert.deepEqual(procfs.logged, []);
  await procfs.collect({ [ACCOUNTING]: "0\n" });
  assert.deepEqual(procfs.logged, [OFF]);
  await procfs.collect({ [ACCOUNTING]: "1\n" });
  assert.equal(qualities.get("accounting"), true);
});

Deno.test("Accounting is left alone unless it is to be configured", async () => {
  using procfs = new Procfs({ [ACCOUNTING]: "0\n" });
  await procfs.collect();
  assert.equal(procfs.text(ACCOUNTING), "0\n");
});

Deno.test("configure_accounting switches accounting on, and says so", async () => {
  using procfs = new Procfs({ [ACCOUNTING]: "0\n" }, { configure_accounting: true });
  await procfs.collect();
  assert.equal(procfs.text(ACCOUNTING), "1\n");
  assert.equal(procfs.collecting.qualities.get("accounting"), true);
  assert.deepEqual(procfs.logged, [
    'level=info msg="The kernel counts the bytes and packets of new connections from now on" collector=conntrack',
  ]);
});

Deno.test("configure_accounting leaves accounting alone that is on, or that somebody switches off later", async () => {
  using procfs = new Procfs({ [ACCOUNTING]: "1\n" }, { configure_accounting: true });
  await procfs.collect();
  assert.deepEqual(procfs.logged, []);
  await procfs.collect({ [ACCOUNTING]: "0\n" });
  await procfs.collect();
  assert.equal(procfs.text(ACCOUNTING), "0\n");
  assert.deepEqual(procfs.logged, [OFF]);
});

Deno.test("That accounting cannot be switched on is a warning with the command, and the pass goes on", async () => {
  using procfs = new Procfs({ ...tableOf({}), [ACCOUNTING]: "0\n" }, { configure_accounting: true });
  const { writeTextFileSync } = Deno;
  Deno.writeTextFileSync = () => {
    throw new Deno.errors.NotCapable("Read-only file system");
  };
  try {
    const series = await procfs.collect();
    await procfs.collect();
    assert.equal(series.get("conntrack_total_connections"), 1);
  } finally {
    Deno.writeTextFileSync = writeTextFileSync;
  }
  assert.equal(procfs.collecting.qualities.get("accounting"), false);
  assert.deepEqual(procfs.logged, [
    'level=warn msg="The accounting of connections cannot be switched on" collector=conntrack ' +
    'error="Read-only file system" command="sysctl -w net.netfilter.nf_conntrack_acct=1"',
    OFF,
  ]);
});

Deno.test("configure_accounting makes no switch where the kernel has none", async () => {
  using procfs = new Procfs({ [ACCOUNTING]: null }, { configure_accounting: true });
  await procfs.collect();
  assert.throws(() => procfs.text(ACCOUNTING), Deno.errors.NotFound);
  assert.equal(procfs.logged.length, 1);
  assert.match(procfs.logged[0]!, /^level=warn msg="The accounting of connections cannot be switched on"/);
});

for (const [where, at] of [["first", 0], ["in the midst", 1], ["last", 2]] as const) {
  Deno.test(`A garbled line that is ${where} is counted, and the others are shown`, async () => {
    const lines = [line({ sport: 1 }), line({ sport: 2 })];
    lines.splice(at, 0, "ipv4     2 tcp      6 300 ESTABLISHED src=10.0.0.1000 dst=\n");
    using procfs = new Procfs({ [TABLE]: lines.join("") });
    assert.deepEqual(totalsOf(await procfs.collect()), [2, 20, 2000, 16, 16_000]);
    assert.deepEqual([...procfs.collecting.problems], [["malformed", 1]]);
    // In each pass anew.
    await procfs.collect();
    assert.deepEqual([...procfs.collecting.problems], [["malformed", 1]]);
  });
}

for (
  const [what, text] of [["a line", "hello\n"], ["several lines", "a b c\n".repeat(3)], [
    "a page of a web server",
    "<html>\n<body>\n",
  ]] as const
) {
  Deno.test(`A table of which no line is a connection fails the pass: ${what}`, async () => {
    using procfs = new Procfs({ [TABLE]: text });
    const message = `Cannot read ${procfs.path}/${TABLE}: no line of it is a connection`;
    for (let i = 0; i < 2; i++) await assert.rejects(procfs.collect(), { message });
    assert.deepEqual([...procfs.collecting.problems], [["malformed", text.trimEnd().split("\n").length]]);
    assert.deepEqual(totalsOf(await procfs.collect(tableOf({}))), [1, 10, 1000, 8, 8000]);
  });
}

Deno.test("A table of which no line of the first blocks is a connection is read", async () => {
  const garbled = "garbled\n".repeat(50_000);
  assert.deepEqual(totalsOf(await seriesWith({ [TABLE]: garbled + line() })), [1, 10, 1000, 8, 8000]);
});

Deno.test("A pass over a table of which no line is a connection misses nothing", async () => {
  using procfs = new Procfs(tableOf({}));
  await procfs.collect();
  for (let i = 0; i < 3; i++) await assert.rejects(procfs.collect({ [TABLE]: "garbled\n" }));
  assert.deepEqual(risenOf(await procfs.collect(tableOf({}))), {});
});

Deno.test("A line that was cut before its reply direction is counted, and the others are shown", async () => {
  const [cut] = line({ sport: 2 }).split("src=93.184");
  using procfs = new Procfs({ [TABLE]: `${line({ sport: 1 })}${cut}\n` });
  assert.deepEqual(totalsOf(await procfs.collect()), [1, 10, 1000, 8, 8000]);
  assert.deepEqual([...procfs.collecting.problems], [["malformed", 1]]);
});

Deno.test("A table of many blocks is read whole", async () => {
  const lines = Array.from({ length: 5000 }, (_, i): Line => ({ sport: i, counters: [1, 10, 1, 10] }));
  assert.deepEqual(totalsOf(await seriesWith(tableOf(...lines))), [5000, 5000, 50_000, 5000, 50_000]);
});

Deno.test("A line that is there twice, as a walk may meet it, is counted once", async () => {
  assert.deepEqual(totalsOf(await seriesWith(tableOf({}, {}))), [1, 10, 1000, 8, 8000]);
});

Deno.test("A table that is not there fails the pass, and the error says what to do", async () => {
  using procfs = new Procfs({ [TABLE]: null });
  await assert.rejects(procfs.collect(), {
    message: `Cannot read the connection table by procfs: ${procfs.path}/${TABLE} is not there ` +
      "(is it a procfs?)",
  });
});

for (const kind of [Deno.errors.PermissionDenied, Deno.errors.NotCapable]) {
  Deno.test(`A table that may not be read fails the pass, and the error names who may (${kind.name})`, async () => {
    using procfs = new Procfs();
    const { openSync } = Deno;
    Deno.openSync = () => {
      throw new kind("Permission denied (os error 13)");
    };
    try {
      await assert.rejects(procfs.collect(), {
        message: `Cannot read the connection table by procfs: only root may read ${procfs.path}/${TABLE}`,
      });
    } finally {
      Deno.openSync = openSync;
    }
    assert.equal((await procfs.collect()).get("conntrack_total_connections"), 0);
  });
}

Deno.test("A table that is a folder fails the pass", async () => {
  using procfs = new Procfs({ [TABLE]: null });
  Deno.mkdirSync(`${procfs.path}/${TABLE}`);
  await assert.rejects(procfs.collect(), /no regular file/);
});

Deno.test("A table that is there again is read again", async () => {
  using procfs = new Procfs(tableOf({}));
  await procfs.collect();
  await assert.rejects(procfs.collect({ [TABLE]: null }));
  assert.equal((await procfs.collect(tableOf({}))).get("conntrack_total_connections"), 1);
});

Deno.test("The label sets of a pass vanish with what they were about", async () => {
  using procfs = new Procfs(tableOf({ dport: 443 }, { dport: 80 }));
  assert.equal(Object.keys(trafficOf(await procfs.collect())).length, 2);
  const series = await procfs.collect(tableOf({ dport: 22 }));
  assert.deepEqual(Object.keys(trafficOf(series)), [
    '{src="10.0.0.10",dst="93.184.216.34",l3protocol="ipv4",l4protocol="tcp",l7protocol="ssh",dport="22"}',
  ]);
  assert.deepEqual(totalsOf(series), [1, 10, 1000, 8, 8000]);
});

/** The series of the counters that only rise, in short: their labels without names. */
function risenOf(series: ReadonlyMap<string, number>): Record<string, number> {
  const names = ["packets", "bytes", "opened", "closed"];
  return Object.fromEntries(
    names.flatMap((name) =>
      Object.entries(metricOf(series, `conntrack_${name}_total`)).map(([labels, value]): [string, number] => [
        [name, ...[...labels.matchAll(/"(.*?)"/g)].map(([, text]) => text)].join(" "),
        value,
      ])
    ),
  );
}

Deno.test("What was there when the exporter began has moved nothing, and was not opened", async () => {
  assert.deepEqual(risenOf(await seriesWith(tableOf({}, { protocol: "icmp" }))), {});
});

Deno.test("Counters have the labels of direction and protocols", async () => {
  using procfs = new Procfs(tableOf({}));
  await procfs.collect();
  const series = await procfs.collect(tableOf({}, { protocol: "udp", dport: 53, counters: [1, 60, 2, 300] }));
  assert.deepEqual(metricOf(series, "conntrack_bytes_total"), {
    '{direction="reply",l3protocol="ipv4",l4protocol="udp",l7protocol="dns"}': 300,
    '{direction="sent",l3protocol="ipv4",l4protocol="udp",l7protocol="dns"}': 60,
  });
  assert.deepEqual(metricOf(series, "conntrack_opened_total"), {
    '{l3protocol="ipv4",l4protocol="udp",l7protocol="dns"}': 1,
  });
});

Deno.test("Counters rise by what connections move from pass to pass, and stay when these end", async () => {
  using procfs = new Procfs(tableOf({ counters: [10, 1000, 8, 8000] }));
  await procfs.collect();
  const moved = await procfs.collect(tableOf(
    { counters: [12, 1200, 9, 9500] },
    { sport: 40_001, counters: [1, 60, 0, 0] },
  ));
  const first = {
    "packets sent ipv4 tcp https": 3,
    "packets reply ipv4 tcp https": 1,
    "bytes sent ipv4 tcp https": 260,
    "bytes reply ipv4 tcp https": 1500,
    "opened ipv4 tcp https": 1,
  };
  assert.deepEqual(risenOf(moved), first);
  assert.deepEqual(risenOf(await procfs.collect()), first);
  const second = await procfs.collect(tableOf({ sport: 40_001, counters: [2, 120, 1, 40] }));
  assert.deepEqual(risenOf(second), {
    "packets sent ipv4 tcp https": 4,
    "packets reply ipv4 tcp https": 2,
    "bytes sent ipv4 tcp https": 320,
    "bytes reply ipv4 tcp https": 1540,
    "opened ipv4 tcp https": 1,
  });
});

Deno.test("A connection that two passes have missed is closed, with its protocols and service", async () => {
  using procfs = new Procfs(tableOf({}, { protocol: "icmp" }, { protocol: "udp", dport: 53 }));
  await procfs.collect();
  assert.deepEqual(risenOf(await procfs.collect(tableOf({}))), {});
  const gone = { "closed ipv4 icmp na": 1, "closed ipv4 udp dns": 1 };
  assert.deepEqual(risenOf(await procfs.collect()), gone);
  assert.deepEqual(risenOf(await procfs.collect()), gone);
});

Deno.test("A connection in the place of another counts as one that is closed and one that is opened", async () => {
  using procfs = new Procfs(tableOf({ counters: [10, 1000, 8, 8000] }));
  await procfs.collect();
  assert.deepEqual(risenOf(await procfs.collect(tableOf({ counters: [2, 100, 1, 50] }))), {
    "packets sent ipv4 tcp https": 2,
    "packets reply ipv4 tcp https": 1,
    "bytes sent ipv4 tcp https": 100,
    "bytes reply ipv4 tcp https": 50,
    "opened ipv4 tcp https": 1,
    "closed ipv4 tcp https": 1,
  });
});

Deno.test("Without accounting connections are opened and closed, and nothing is said of what they move", async () => {
  using procfs = new Procfs({ ...tableOf({ sport: 1, counters: null }), [ACCOUNTING]: "0\n" });
  await procfs.collect();
  await procfs.collect(tableOf({ sport: 2, counters: null }));
  assert.deepEqual(risenOf(await procfs.collect()), {
    "opened ipv4 tcp https": 1,
    "closed ipv4 tcp https": 1,
  });
});

Deno.test("A pass that is given up leaves nothing behind, and closes nothing", async () => {
  using procfs = new Procfs(tableOf({ sport: 1 }, { sport: 2 }));
  const whole = await procfs.collect();
  const { pipeline, source } = procfs.collecting;
  for (let i = 0; i < 3; i++) {
    procfs.write({ [TABLE]: "" });
    pipeline.begin();
    for await (const _ of source.snapshot!(AbortSignal.abort())) break;
    pipeline.abandon();
  }
  assert.deepEqual(await procfs.collect(tableOf({ sport: 1 }, { sport: 2 })), whole);
});

/** Runs the body while nobody may open a netlink socket; gives how often that was tried. */
async function withoutNetlink(body: () => Promise<void>): Promise<number> {
  let tries = 0;
  const { dump } = NetlinkSocket.prototype, { receive } = NetlinkEvents.prototype;
  NetlinkSocket.prototype.dump = NetlinkEvents.prototype.receive = () => {
    tries++;
    throw new SystemError("dump by netlink", 1);
  };
  try {
    await body();
  } finally {
    NetlinkSocket.prototype.dump = dump;
    NetlinkEvents.prototype.receive = receive;
  }
  return tries;
}

/** Lets the stream of a source open and stop. */
async function openStream({ source }: Collecting): Promise<void> {
  const stopping = new AbortController();
  for await (const _ of source.stream!(stopping.signal)) stopping.abort();
}

for (const source of ["procfs", "auto"]) {
  Deno.test(`Another host's procfs is read alone, and netlink not asked, when the source is ${source}`, async () => {
    using procfs = new Procfs(tableOf({}), { source });
    const tries = await withoutNetlink(async () => {
      assert.equal((await procfs.collect()).get("conntrack_total_connections"), 1);
      await openStream(procfs.collecting);
    });
    assert.equal(tries, 0);
    assert.equal(procfs.collecting.qualities.get("events"), false);
    assert.deepEqual(procfs.logged, []);
  });
}

Deno.test("The error names the capability when the source is netlink and that is refused", async () => {
  using procfs = new Procfs(tableOf({}), { source: "netlink" });
  const tries = await withoutNetlink(async () => {
    await assert.rejects(procfs.collect(), {
      message: "Cannot read the connection table by netlink: not permitted " +
        "(run as root or with the capability CAP_NET_ADMIN)",
    });
  });
  assert.equal(tries, 1);
});

const EVENTS = `${NETFILTER}/nf_conntrack_events`;
const UNTOLD = 'level=warn msg="The kernel does not tell of connections that end" ' +
  'collector=conntrack command="sysctl -w net.netfilter.nf_conntrack_events=2"';

Deno.test("That ends are not told of is logged with the command, whenever that begins", async () => {
  using procfs = new Procfs({ [EVENTS]: "0\n" });
  const { qualities } = procfs.collecting;
  for (let i = 0; i < 2; i++) {
    await procfs.collect();
    assert.equal(qualities.get("events"), false);
    assert.deepEqual(procfs.logged, [UNTOLD]);
  }
  await procfs.collect({ [EVENTS]: "2\n" });
  assert.equal(procfs.logged.length, 1);
  await procfs.collect({ [EVENTS]: "0\n" });
  assert.deepEqual(procfs.logged, [UNTOLD, UNTOLD]);
});

Deno.test("That ends are not told of is logged once by the stream and the passes", async () => {
  using procfs = new Procfs({ [EVENTS]: "0\n" });
  await openStream(procfs.collecting);
  assert.deepEqual(procfs.logged, [UNTOLD]);
  await procfs.collect();
  assert.equal(procfs.logged.length, 1);
});

for (const events of ["1\n", "2\n", null]) {
  const what = events === null ? "is not there" : `is ${events.trim()}`;
  Deno.test(`Nothing is logged of ends when nf_conntrack_events ${what}`, async () => {
    using procfs = new Procfs(events === null ? {} : { [EVENTS]: events });
    await procfs.collect();
    assert.equal(procfs.collecting.qualities.get("events"), false);
    assert.deepEqual(procfs.logged, []);
  });
}

Deno.test("That connections had no place is told as a quality of the pass, and is no problem", async () => {
  using procfs = new Procfs(tableOf({ sport: 1 }, { sport: 2 }));
  const { qualities, problems } = procfs.collecting, { see } = TrafficTracker.prototype;
  TrafficTracker.prototype.see = function () {
    this.untracked++;
    return true;
  };
  try {
    assert.equal((await procfs.collect()).get("conntrack_total_connections"), 2);
  } finally {
    TrafficTracker.prototype.see = see;
  }
  assert.deepEqual([qualities.get("followed"), problems.size], [false, 0]);
  await procfs.collect();
  assert.deepEqual([qualities.get("followed"), problems.size], [true, 0]);
  assert.deepEqual(procfs.logged, []);
});

Deno.test("A dump that was interrupted closes nothing, however often", async () => {
  using procfs = new Procfs({}, { source: "netlink" });
  const bytes = fixture("netlink/conntrack.bin"), interrupted = { interrupted: true };
  const answers = [{ bytes }, interrupted, interrupted, interrupted, { bytes }, {}, {}];
  const closed: number[] = [], interruptions: number[] = [];
  await withNetlink((dump) => answers[dump]!, async () => {
    for (const _ of answers) {
      const risen = Object.entries(risenOf(await procfs.collect()));
      const events = risen.filter(([name]) => name.startsWith("closed "));
      closed.push(events.reduce((sum, [, count]) => sum + count, 0));
      interruptions.push(procfs.collecting.problems.get("dump_interrupted") ?? 0);
    }
  });
  assert.deepEqual(closed, [0, 0, 0, 0, 0, 0, 25]);
  assert.deepEqual(interruptions, [0, 1, 1, 1, 0, 0, 0]);
});
