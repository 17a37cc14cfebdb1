import assert from "node:assert/strict";
import { metricOf } from "../../helpers/collecting.ts";
import { manyConnections, smallRouter } from "../../helpers/routeros/tables.ts";
import { prepared } from "../../helpers/routeros/rows.ts";
import { type Fault, RouterSimulator, type Row } from "../../helpers/routeros/simulator.ts";
import { Polling } from "./polling.ts";

const IPV4 = "/ip/firewall/connection", IPV6 = "/ipv6/firewall/connection";

/** Packets and bytes from the source, packets and bytes of replies; and the same on the fast track. */
type Counters = readonly [
  packets: number,
  bytes: number,
  replyPackets: number,
  replyBytes: number,
  ...fast: number[],
];
const COUNTERS = ["orig", "repl", "orig-fasttrack", "repl-fasttrack"]
  .flatMap((way) => [`${way}-packets`, `${way}-bytes`]);

/** A connection of a host with that number; counters that are not given are not told. */
function connection(host: number, counters: readonly number[], own: Row = {}): Row {
  return {
    "protocol": "tcp",
    "src-address": `10.0.0.${host}:4000`,
    "dst-address": "192.0.2.1:443",
    "tcp-state": "established",
    ...Object.fromEntries(counters.map((value, i) => [COUNTERS[i]!, String(value)])),
    ...own,
  };
}

/** A router whose connections the test replaces, as the collector counts what they move. */
class Moving implements AsyncDisposable {
  private constructor(readonly simulator: RouterSimulator, readonly polling: Polling) {}

  static async start(): Promise<Moving> {
    const simulator = await RouterSimulator.start({ tables: smallRouter() });
    return new Moving(simulator, new Polling(simulator));
  }

  /** A pass with these connections; gives what was counted so far. */
  async pass(rows: readonly Row[], rows6: readonly Row[] = []): Promise<Record<string, number>> {
    const { tables } = this.simulator.options;
    tables[IPV4] = rows;
    tables[IPV6] = rows6;
    const series = await this.polling.pass();
    assert.equal(series.get("mikrotik_up"), 1, this.polling.runner.lastError);
    return moved(series);
  }

  /** A pass with a fault, which fails. */
  async fail(fault: Fault, rows?: readonly Row[]): Promise<Record<string, number>> {
    const { options } = this.simulator;
    if (rows !== undefined) options.tables[IPV4] = rows;
    options.fault = fault;
    const series = await this.polling.pass();
    assert.equal(series.get("mikrotik_up"), 0);
    options.fault = undefined;
    return moved(series);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.polling[Symbol.asyncDispose]();
    await this.simulator[Symbol.asyncDispose]();
  }
}

/** Packets and bytes by "direction path protocol". */
function moved(series: ReadonlyMap<string, number>): Record<string, number> {
  const found: Record<string, number> = {};
  for (const what of ["packets", "bytes"]) {
    for (const [labels, value] of Object.entries(metricOf(series, `mikrotik_${what}_total`))) {
      const [, direction, path, protocol] = /^\{direction="(.*)",path="(.*)",protocol="(.*)"\}$/.exec(
        labels.replace(/^\{(protocol=".*?"),(.*)\}$/, "{$2,$1}"),
      )!;
      found[`${direction} ${path} ${protocol} ${what}`] = value;
    }
  }
  return found;
}

/** What TCP has moved, past the firewall unless it is said. */
function tcp(counters: Counters): Record<string, number> {
  const ways = ["original firewall", "reply firewall", "original fasttrack", "reply fasttrack"];
  const names = ways.flatMap((way) => [`${way} tcp packets`, `${way} tcp bytes`]);
  return Object.fromEntries(counters.map((value, i) => [names[i]!, value]));
}

Deno.test("What connections have moved is counted from the first snapshot on", async () => {
  await using moving = await Moving.start();
  assert.deepEqual(await moving.pass([connection(1, [10, 1000, 20, 2000])]), {});
  assert.deepEqual(await moving.pass([connection(1, [11, 1100, 23, 2300])]), tcp([1, 100, 3, 300]));
  assert.deepEqual(await moving.pass([connection(1, [11, 1100, 23, 2300])]), tcp([1, 100, 3, 300]));
  assert.deepEqual(await moving.pass([connection(1, [12, 1150, 23, 2300])]), tcp([2, 150, 3, 300]));
});

Deno.test("What passes the firewall and what passes it by are counted each by itself", async () => {
  await using moving = await Moving.start();
  await moving.pass([connection(1, [1, 10, 2, 20, 3, 30, 4, 40])]);
  assert.deepEqual(
    await moving.pass([connection(1, [2, 110, 4, 220, 6, 330, 8, 440])]),
    tcp([1, 100, 2, 200, 3, 300, 4, 400]),
  );
});

Deno.test("What moves in one direction alone has one series", async () => {
  await using moving = await Moving.start();
  await moving.pass([connection(1, [1, 10, 2, 20])]);
  assert.deepEqual(await moving.pass([connection(1, [1, 10, 5, 80])]), {
    "reply firewall tcp packets": 3,
    "reply firewall tcp bytes": 60,
  });
});

Deno.test("All that a connection has moved counts when it has come since the first snapshot", async () => {
  await using moving = await Moving.start();
  const old = connection(1, [1, 10, 2, 20]);
  await moving.pass([old]);
  const come = connection(2, [5, 50, 6, 60]);
  assert.deepEqual(await moving.pass([come, old]), tcp([5, 50, 6, 60]));
  assert.deepEqual(await moving.pass([old, come]), tcp([5, 50, 6, 60]));
});

Deno.test("All that a connection has moved counts when it has come to an empty router", async () => {
  await using moving = await Moving.start();
  assert.deepEqual(await moving.pass([]), {});
  assert.deepEqual(await moving.pass([connection(2, [5, 50, 6, 60])]), tcp([5, 50, 6, 60]));
});

Deno.test("A connection that has vanished takes nothing away", async () => {
  await using moving = await Moving.start();
  const [a, b] = [connection(1, [1, 10, 2, 20]), connection(2, [1, 10, 2, 20])];
  await moving.pass([a, b]);
  await moving.pass([connection(1, [2, 20, 4, 40]), b]);
  for (let i = 0; i < 3; i++) assert.deepEqual(await moving.pass([b]), tcp([1, 10, 2, 20]));
});

Deno.test("A connection that is missed by one snapshot is the same when it is there again", async () => {
  await using moving = await Moving.start();
  await moving.pass([connection(1, [10, 100, 20, 200])]);
  assert.deepEqual(await moving.pass([]), {});
  assert.deepEqual(await moving.pass([connection(1, [11, 110, 22, 220])]), tcp([1, 10, 2, 20]));
});

Deno.test("A connection whose counters are less is another one with the same addresses", async () => {
  await using moving = await Moving.start();
  await moving.pass([connection(1, [100, 10_000, 200, 20_000])]);
  assert.deepEqual(await moving.pass([connection(1, [3, 300, 4, 400])]), tcp([3, 300, 4, 400]));
  assert.deepEqual(await moving.pass([connection(1, [4, 400, 4, 400])]), tcp([4, 400, 4, 400]));
});

Deno.test("A connection that is told twice counts once", async () => {
  await using moving = await Moving.start();
  await moving.pass([connection(1, [1, 10, 2, 20])]);
  const row = connection(1, [2, 20, 4, 40]);
  assert.deepEqual(await moving.pass([row, connection(2, [1, 1, 1, 1]), row]), tcp([2, 11, 3, 21]));
});

Deno.test("Connections differ by protocol, addresses, ports and identifiers", async () => {
  await using moving = await Moving.start();
  const row = (own: Row) => connection(1, [1, 100, 1, 100], own);
  const different = [
    row({}),
    row({ "protocol": "udp" }),
    row({ "src-address": "10.0.0.1:4001" }),
    row({ "src-address": "10.0.0.2:4000" }),
    row({ "dst-address": "192.0.2.1:444" }),
    row({ "dst-address": "192.0.2.2:443" }),
    // The other way round.
    row({ "src-address": "192.0.2.1:443", "dst-address": "10.0.0.1:4000" }),
    row({ "src-address": "10.0.0.1:443", "dst-address": "192.0.2.1:4000" }),
    ...["1", "2"].map((id) =>
      row({ "protocol": "icmp", "src-address": "10.0.0.1", "dst-address": "192.0.2.1", "icmp-id": id })
    ),
    ...["1", "2"].map((key) =>
      row({ "protocol": "gre", "src-address": "10.0.0.1", "dst-address": "192.0.2.1", "gre-key": key })
    ),
  ];
  const different6 = ["51300", "51301"].map((port) =>
    row({ "src-address": "2001:db8::1", "src-port": port, "dst-address": "2001:db8::2", "dst-port": "443" })
  );
  await moving.pass([]);
  const sum = sumOf(await moving.pass(different, different6), "bytes");
  assert.equal(sum, 200 * (different.length + different6.length));
});

function sumOf(found: Readonly<Record<string, number>>, what: string): number {
  return Object.entries(found).filter(([key]) => key.endsWith(what)).reduce(
    (sum, [, value]) => sum + value,
    0,
  );
}

const OUTAGES: readonly Fault[] = [
  { kind: "fin", on: "/system/resource" },
  { kind: "rst", on: IPV4 },
  { kind: "fin", on: IPV4, after: 1, cut: 30 },
  { kind: "trap", on: IPV4, after: 2 },
  { kind: "fatal", on: IPV6 },
];
for (const fault of OUTAGES) {
  const { kind, ...place } = fault;
  Deno.test(`Nothing is lost and nothing counts twice by an outage: ${kind} ${JSON.stringify(place)}`, async () => {
    await using moving = await Moving.start();
    const rows = (times: number) =>
      [1, 2, 3].map((host) => connection(host, [times, 10 * times, 2 * times, 20 * times]));
    await moving.pass(rows(1));
    await moving.pass(rows(2));
    const before = tcp([3, 30, 6, 60]);
    assert.deepEqual(await moving.pass(rows(2)), before);
    for (const times of [3, 4, 5]) {
      const { "reply firewall tcp bytes": bytes = 0 } = await moving.fail(fault, rows(times));
      assert(bytes >= 60 && bytes <= 60 * (times - 1), `${bytes} bytes`);
    }
    assert.deepEqual(await moving.pass(rows(7)), tcp([18, 180, 36, 360]));
  });
}

Deno.test("An outage before the first snapshot has ended counts nothing that was there before", async () => {
  await using moving = await Moving.start();
  const rows = [1, 2, 3].map((host) => connection(host, [1, 10, 2, 20]));
  assert.deepEqual(await moving.fail({ kind: "fin", on: IPV4, after: 2 }, rows), {});
  assert.deepEqual(await moving.pass(rows), {});
  const [first, ...others] = rows;
  assert.deepEqual(await moving.pass([connection(1, [2, 20, 4, 40]), ...others]), tcp([1, 10, 2, 20]));
  assert.equal(first!["orig-packets"], "1");
});

Deno.test("A router that does not count has no counters", async () => {
  await using moving = await Moving.start();
  for (let i = 0; i < 3; i++) assert.deepEqual(await moving.pass([connection(1, []), connection(i, [])]), {});
});

Deno.test("Counters beyond 32 bits are counted", async () => {
  await using moving = await Moving.start();
  await moving.pass([connection(1, [2 ** 32 - 5, 2 ** 40, 2 ** 33, 2 ** 50])]);
  assert.deepEqual(
    await moving.pass([connection(1, [2 ** 32 + 5, 2 ** 40 + 7, 2 ** 33 + 1, 2 ** 50 + 2 ** 35])]),
    tcp([10, 7, 1, 2 ** 35]),
  );
});

Deno.test("What thousands of connections move is counted exactly", async () => {
  const { count, row } = prepared(manyConnections(20_000)),
    all = Array.from({ length: count }, (_, i) => row(i));
  const sums = (rows: readonly Row[]) =>
    rows.reduce((sum, row) => COUNTERS.reduce((sum, name) => sum + Number(row[name] ?? 0), sum), 0);
  const grown = all.map((row, i): Row =>
    i % 3 > 0 ? row : { ...row, "repl-bytes": String(Number(row["repl-bytes"]) + i) }
  );
  await using moving = await Moving.start();
  assert.deepEqual(await moving.pass(all.slice(0, 15_000)), {});
  const total = (found: Record<string, number>) => sumOf(found, "packets") + sumOf(found, "bytes");
  const come = sums(all.slice(15_000));
  assert.equal(total(await moving.pass(all)), come);
  assert.equal(total(await moving.pass(grown)), come + sums(grown) - sums(all));
  assert.equal(moving.polling.runner.qualities.get("followed"), true);
});
