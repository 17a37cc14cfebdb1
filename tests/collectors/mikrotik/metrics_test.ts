import assert from "node:assert/strict";
import { nodeOf, Problems } from "../../../core/node.ts";
import { ENRICHERS } from "../../../enrich/mod.ts";
import { openEnrichers } from "../../../enrich/open.ts";
import { metricOf } from "../../helpers/collecting.ts";
import { quiet } from "../../helpers/enrichers.ts";
import { Float, mmdb } from "../../helpers/mmdb.ts";
import { RouterSimulator, type Row } from "../../helpers/routeros/simulator.ts";
import { smallRouter } from "../../helpers/routeros/tables.ts";
import { Polling, type PollingOptions } from "./polling.ts";

const IPV4 = "/ip/firewall/connection", IPV6 = "/ipv6/firewall/connection";
const CONNECTION_ROWS: readonly (readonly [family: string, row: Row])[] = [
  ...rowsOf(IPV4).map((row) => ["ipv4", row] as const),
  ...rowsOf(IPV6).map((row) => ["ipv6", row] as const),
];

function rowsOf(menu: string, tables = smallRouter()): readonly Row[] {
  return tables[menu] as readonly Row[];
}

/** The series of a router with these tables in place of those of a small one; undefined is absent. */
async function seriesOf(
  tables: Readonly<Record<string, readonly Row[] | undefined>> = {},
  options: PollingOptions = {},
): Promise<Map<string, number>> {
  const all = Object.entries({ ...smallRouter(), ...tables }).filter(([, table]) => table !== undefined);
  await using simulator = await RouterSimulator.start({
    tables: Object.fromEntries(all) as Record<string, readonly Row[]>,
  });
  await using polling = new Polling(simulator, options);
  const series = await polling.pass();
  assert.equal(series.get("mikrotik_up"), 1, polling.runner.lastError);
  return series;
}

/** How many there are, by their labels. */
function count(all: Iterable<Readonly<Record<string, string>>>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const labels of all) {
    const key = labelsOf(labels);
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

function labelsOf(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) =>
    `${name}="${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`
  );
  return `{${pairs.join(",")}}`;
}

/** Without the port, which IPv4 has after a colon. */
function addressOf(family: string, text: string): string {
  return family === "ipv4" ? text.split(":")[0]! : text;
}

const NOWHERE = { country: "-", city: "-", latitude: "-", longitude: "-" };

Deno.test("The connections of both tables are counted together", async () => {
  const series = await seriesOf();
  assert.equal(series.get("mikrotik_total_connections"), rowsOf(IPV4).length + rowsOf(IPV6).length);
  assert.equal(series.get("mikrotik_snapshot_rows"), CONNECTION_ROWS.length);
});

Deno.test("A connection is active when it is established, or answered if it is not TCP", async () => {
  const active = CONNECTION_ROWS.filter(([, row]) =>
    row["protocol"] === "tcp" ? row["tcp-state"] === "established" : row["seen-reply"] === "true"
  );
  assert.equal((await seriesOf()).get("active_connections"), active.length);
});

Deno.test("Connections have the labels of the replaced exporter, and - for what is not known", async () => {
  const expected = CONNECTION_ROWS.map(([family, row]) => ({
    protocol: row["protocol"]!,
    src_address: addressOf(family, row["src-address"]!),
    ...NOWHERE,
    dst_address: addressOf(family, row["dst-address"]!),
  }));
  assert.deepEqual(metricOf(await seriesOf(), "mikrotik_connection"), count(expected));
});

Deno.test("Connections between the same addresses are one series", async () => {
  const rows = rowsOf(IPV4).slice(0, 1);
  const twins = [1, 2, 3].map((port) => ({ ...rows[0]!, "src-address": `192.168.88.10:${port}` }));
  const found = Object.values(metricOf(await seriesOf({ [IPV4]: twins, [IPV6]: [] }), "mikrotik_connection"));
  assert.deepEqual(found, [3]);
});

Deno.test("Connections are counted by family, protocol, state, fast track and translation", async () => {
  const expected = CONNECTION_ROWS.map(([family, row]) => ({
    family,
    protocol: row["protocol"]!,
    tcp_state: row["tcp-state"] ?? "",
    fasttrack: row["fasttrack"]!,
    srcnat: row["srcnat"]!,
    dstnat: row["dstnat"]!,
  }));
  assert.deepEqual(metricOf(await seriesOf(), "mikrotik_connections"), count(expected));
});

/** In bits a second; those of the tables have units or not. */
function rateOf(text: string): number {
  const [, number, unit = ""] = /^([\d.]+)(kbps|Mbps)?$/.exec(text)!;
  return Math.round(Number(number) * ({ kbps: 1e3, Mbps: 1e6 }[unit] ?? 1));
}

Deno.test("Every field of a connection can be shown", async () => {
  const numbers: Record<string, (row: Row, family: string) => number> = {
    src_port: (row, family) => portOf(row, "src", family),
    dst_port: (row, family) => portOf(row, "dst", family),
    reply_src_port: (row, family) => portOf(row, "reply-src", family),
    reply_dst_port: (row, family) => portOf(row, "reply-dst", family),
    orig_packets: (row) => Number(row["orig-packets"]),
    repl_bytes: (row) => Number(row["repl-bytes"]),
    orig_fasttrack_bytes: (row) => Number(row["orig-fasttrack-bytes"]),
    repl_fasttrack_packets: (row) => Number(row["repl-fasttrack-packets"]),
    orig_rate: (row) => rateOf(row["orig-rate"]!),
    repl_rate: (row) => rateOf(row["repl-rate"]!),
    icmp_type: (row) => Number(row["icmp-type"] ?? NaN),
    icmp_code: (row) => Number(row["icmp-code"] ?? NaN),
    icmp_id: (row) => Number(row["icmp-id"] ?? NaN),
    gre_key: (row) => Number(row["gre-key"] ?? NaN),
  };
  const texts: Record<string, (row: Row, family: string) => string> = {
    reply_src_address: (row, family) => addressOf(family, row["reply-src-address"]!),
    reply_dst_address: (row, family) => addressOf(family, row["reply-dst-address"]!),
    connection_mark: (row) => row["connection-mark"] ?? "",
    connection_type: (row) => row["connection-type"] ?? "",
    seen_reply: (row) => row["seen-reply"]!,
    assured: (row) => row["assured"]!,
    confirmed: (row) => row["confirmed"]!,
    expected: (row) => row["expected"]!,
    dying: (row) => row["dying"]!,
  };
  const series = await seriesOf({}, {
    rules: [
      ...Object.keys(numbers).map((value) => ({ name: `sum_${value}`, source: "mikrotik", value })),
      ...Object.keys(texts).map((label) => ({ name: `by_${label}`, source: "mikrotik", labels: [label] })),
    ],
  });
  for (const [name, read] of Object.entries(numbers)) {
    const all = CONNECTION_ROWS.map(([family, row]) => read(row, family)).filter((n) => !Number.isNaN(n));
    assert.equal(series.get(`sum_${name}`), all.reduce((sum, n) => sum + n, 0), name);
  }
  for (const [name, read] of Object.entries(texts)) {
    const all = CONNECTION_ROWS.map(([family, row]) => ({ [name]: read(row, family) }));
    assert.deepEqual(metricOf(series, `by_${name}`), count(all));
  }
});

/** NaN when there is none. */
function portOf(row: Row, end: string, family: string): number {
  const text = family === "ipv6" ? row[`${end}-port`] : row[`${end}-address`]!.split(":")[1];
  return Number(text ?? NaN);
}

Deno.test("The timeout of a connection is told in seconds", async () => {
  const texts: Record<string, number> = {
    "23h59m59s": 86_399,
    "1d": 86_400,
    "1w2d3h4m5s": 788_645,
    "7s": 7,
    "5s500ms": 5.5,
    "00:10:00": 600,
  };
  for (const [timeout, seconds] of Object.entries(texts)) {
    const series = await seriesOf({ [IPV4]: [{ ...rowsOf(IPV4)[0]!, timeout }], [IPV6]: [] }, {
      rules: [{ name: "left", source: "mikrotik", value: "timeout_seconds" }],
    });
    assert.equal(series.get("left"), seconds, timeout);
  }
});

Deno.test("A port is told by an address or by an attribute of its own", async () => {
  const row = (source: Row) => ({ "protocol": "udp", "dst-address": "192.0.2.1:53", ...source });
  const rules = [{ name: "by_source", source: "mikrotik", labels: ["src_address", "src_port"] }];
  const series = await seriesOf({
    [IPV4]: [
      row({ "src-address": "10.0.0.1:4001" }),
      row({ "src-address": "10.0.0.2", "src-port": "4002" }),
      row({ "src-port": "4003", "src-address": "10.0.0.3" }),
      row({ "src-address": "10.0.0.4" }),
    ],
    [IPV6]: [
      row({ "src-address": "[2001:db8::5]:4005" }),
      row({ "src-address": "2001:db8::6", "src-port": "4006" }),
      row({ "src-address": "fe80::7%ether1", "src-port": "4007" }),
      row({ "src-address": "2001:db8::8/128" }),
    ],
  }, { rules });
  const expected = [["10.0.0.1", "4001"], ["10.0.0.2", "4002"], ["10.0.0.3", "4003"], ["10.0.0.4", ""]]
    .concat([["2001:db8::5", "4005"], ["2001:db8::6", "4006"], ["fe80::7", "4007"], ["2001:db8::8", ""]])
    .map(([src_address, src_port]) => ({ src_address: src_address!, src_port: src_port! }));
  assert.deepEqual(metricOf(series, "by_source"), count(expected));
});

Deno.test("A router without IPv6 has the connections of IPv4 alone", async () => {
  const series = await seriesOf({ [IPV6]: undefined, "/ipv6/address": undefined });
  assert.equal(series.get("mikrotik_total_connections"), rowsOf(IPV4).length);
  assert.equal(series.get("mikrotik_up"), 1);
});

Deno.test("A router without connections has none", async () => {
  const series = await seriesOf({ [IPV4]: [], [IPV6]: [] });
  const names = ["mikrotik_up", "mikrotik_snapshot_rows", "mikrotik_total_connections", "active_connections"];
  assert.deepEqual(names.map((name) => series.get(name)), [1, 0, 0, 0]);
  assert.deepEqual(metricOf(series, "mikrotik_connection"), {});
});

Deno.test("A snapshot is told with its time, its length and what it has read", async () => {
  await using simulator = await RouterSimulator.start();
  await using polling = new Polling(simulator);
  const before = Date.now() / 1000, first = await polling.pass();
  const at = first.get("mikrotik_snapshot_timestamp_seconds")!;
  assert(at >= before - 1 && at <= Date.now() / 1000 + 1);
  assert(first.get("mikrotik_snapshot_duration_seconds")! > 0);
  const [firstBytes, bytes] = [first, await polling.pass()].map((series) =>
    series.get("mikrotik_snapshot_bytes")!
  );
  // The addresses are not asked for again.
  assert(bytes! > 1000 && firstBytes! > bytes!, `${firstBytes}, then ${bytes}`);
  simulator.options.fault = { kind: "rst", on: IPV4 };
  const failed = await polling.pass();
  assert(failed.get("mikrotik_snapshot_timestamp_seconds")! >= at);
  assert.deepEqual([failed.get("mikrotik_up"), failed.has("mikrotik_snapshot_rows")], [0, false]);
});

Deno.test("Before a router has answered once there is no time of its last snapshot", async () => {
  await using polling = new Polling({ address: "no..host" });
  assert.equal((await polling.pass()).has("mikrotik_snapshot_timestamp_seconds"), false);
});

Deno.test("Connections on the fast track that nobody counts are told", async () => {
  const fast = (bytes: string): Row => ({
    ...rowsOf(IPV4)[0]!,
    "orig-fasttrack-packets": "0",
    "orig-fasttrack-bytes": "0",
    "repl-fasttrack-packets": "0",
    "repl-fasttrack-bytes": bytes,
  });
  const CASES: readonly (readonly [rows: readonly Row[], uncounted: number, isGood: boolean])[] = [
    [[], 0, true],
    [[fast("1")], 0, true],
    [[fast("1"), fast("0")], 1, true],
    [[fast("0"), fast("0"), rowsOf(IPV4)[1]!], 2, false],
    [[{ "protocol": "tcp", "fasttrack": "yes", "src-address": "10.0.0.1:1" }], 1, false],
  ];
  for (const [rows, uncounted, isGood] of CASES) {
    await using simulator = await RouterSimulator.start({
      tables: { ...smallRouter(), [IPV4]: rows, [IPV6]: [] },
    });
    // Nobody looks at what connections move: what is on the fast track is told all the same.
    for (
      const rules of [[], [{ name: "mikrotik_bytes_total", enabled: false }, {
        name: "mikrotik_packets_total",
        enabled: false,
      }]]
    ) {
      await using polling = new Polling(simulator, { rules });
      const series = await polling.pass();
      assert.equal(series.get("mikrotik_fasttrack_uncounted_connections"), uncounted);
      assert.equal(polling.runner.qualities.get("fasttrack"), isGood);
    }
  }
});

const GEO = {
  "142.250.0.0/16": {
    country: { iso_code: "US", names: { en: "United States" } },
    city: { names: { en: "Los Angeles" } },
    location: { latitude: 34.053, longitude: -118.2642 },
  },
  "185.199.108.0/24": {
    country: { iso_code: "DE", names: { en: "Germany" } },
    city: { names: { en: "München" } },
    location: { latitude: new Float(48.1371), longitude: 11 },
  },
  "45.33.0.0/16": { country: { iso_code: "FR", names: { en: "France" } } },
};

Deno.test("A source has its country, city and coordinates", async () => {
  const file = await Deno.makeTempFile({ suffix: ".mmdb" });
  try {
    await Deno.writeFile(file, mmdb(GEO));
    const problems = new Problems(), settings = nodeOf({ maxmind_country: { file }, maxmind_city: { file } });
    const { lookups } = openEnrichers(ENRICHERS, settings, { problems, ...quiet() });
    assert.deepEqual(problems.lines(), []);
    for (const name of ["maxmind_country", "maxmind_city"]) await lookups.get(name)!.load!();
    const row = (source: string) => ({
      "protocol": "tcp",
      "src-address": `${source}:1`,
      "dst-address": "192.0.2.1:2",
    });
    const sources = ["142.250.1.1", "185.199.108.153", "45.33.32.156", "9.9.9.9", "192.168.88.10"];
    const series = await seriesOf({ [IPV4]: sources.map(row), [IPV6]: [] }, { lookups });
    const places = [
      { country: "United States", city: "Los Angeles", latitude: "34.053", longitude: "-118.2642" },
      { country: "Germany", city: "München", latitude: "48.1371", longitude: "11" },
      { ...NOWHERE, country: "France" },
      NOWHERE,
      NOWHERE,
    ];
    const expected = sources.map((src_address, i) => ({
      protocol: "tcp",
      src_address,
      ...places[i]!,
      dst_address: "192.0.2.1",
    }));
    assert.deepEqual(metricOf(series, "mikrotik_connection"), count(expected));
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("The name of the router and the texts are right though the vocabulary forgets in the midst", async () => {
  const rows = Array.from({ length: 5000 }, (_, i): Row => ({
    "protocol": i % 2 ? "tcp" : "udp",
    "src-address": `10.0.${i >> 8}.${i & 255}:1`,
    "dst-address": "192.0.2.1:2",
    "connection-mark": `mark ${i % 1000}`,
  }));
  const rows6 = Array.from({ length: 2000 }, (_, i): Row => ({
    "protocol": "tcp",
    "src-address": `2001:db8::${(i + 1).toString(16)}`,
    "dst-address": "2001:db8:1::1",
  }));
  const labels = ["router", "protocol"];
  const rules = [
    { name: "by_router", source: "mikrotik", labels },
    { name: "by_mark", source: "mikrotik", labels: ["connection_mark"], max_series: 2000 },
    { name: "by_source", source: "mikrotik", labels: ["router", "src_address"], max_series: 10_000 },
    { name: "info", source: "mikrotik_resources", labels: ["router", "identity"] },
  ];
  await using simulator = await RouterSimulator.start({
    tables: { ...smallRouter(), [IPV4]: rows, [IPV6]: rows6 },
  });
  await using polling = new Polling(simulator, { rules, vocabulary: 20, router: { name: "café" } });
  const series = await polling.pass();
  assert(polling.pipeline.vocabulary.generation > 10);
  assert.deepEqual(metricOf(series, "by_router"), {
    '{router="café",protocol="tcp"}': 4500,
    '{router="café",protocol="udp"}': 2500,
  });
  const marks = metricOf(series, "by_mark");
  assert.equal(marks['{connection_mark=""}'], 2000);
  for (let i = 0; i < 1000; i++) assert.equal(marks[`{connection_mark="mark ${i}"}`], 5);
  const sources = Object.keys(metricOf(series, "by_source"));
  assert.equal(sources.length, 7000);
  assert(sources.every((source) => source.startsWith('{router="café",src_address="')));
  assert.deepEqual(metricOf(series, "info"), { '{router="café",identity="Роутер 1"}': 1 });
});
