import assert from "node:assert/strict";
import mikrotik from "../../../collectors/mikrotik/mod.ts";
import { Ip } from "../../../core/ip.ts";
import { metricOf } from "../../helpers/collecting.ts";
import { NOT_PERMITTED } from "../../helpers/routeros/faults.ts";
import { RouterSimulator, type Row, type SimulatorOptions } from "../../helpers/routeros/simulator.ts";
import { smallRouter } from "../../helpers/routeros/tables.ts";
import { Polling, type PollingOptions } from "./polling.ts";

const INTERFACES = smallRouter()["/interface"] as readonly Row[];
const [RESOURCE] = smallRouter()["/system/resource"] as readonly [Row];
const [TRACKING] = smallRouter()["/ip/firewall/connection/tracking"] as readonly [Row];

/** A router whose tables are those of a small one but for some, of which undefined is absent. */
async function withTables(
  tables: Readonly<Record<string, readonly Row[] | undefined>>,
  body: (polling: Polling, simulator: RouterSimulator) => Promise<void>,
  options: PollingOptions & { readonly simulator?: Partial<SimulatorOptions> } = {},
): Promise<void> {
  const all = Object.entries({ ...smallRouter(), ...tables }).filter(([, table]) => table !== undefined);
  await using simulator = await RouterSimulator.start({
    tables: Object.fromEntries(all) as Record<string, readonly Row[]>,
    ...options.simulator,
  });
  await using polling = new Polling(simulator, options);
  await body(polling, simulator);
}

const OF_ROUTER: Readonly<Record<string, number>> = {
  mikrotik_tracking_entries: Number(TRACKING["total-entries"]),
  mikrotik_tracking_limit: Number(TRACKING["max-entries"]),
  mikrotik_cpus: Number(RESOURCE["cpu-count"]),
  mikrotik_cpu_load_ratio: Number(RESOURCE["cpu-load"]) / 100,
  mikrotik_memory_free_bytes: Number(RESOURCE["free-memory"]),
  mikrotik_memory_bytes: Number(RESOURCE["total-memory"]),
  mikrotik_storage_free_bytes: Number(RESOURCE["free-hdd-space"]),
  mikrotik_storage_bytes: Number(RESOURCE["total-hdd-space"]),
  // 1w2d3h4m5s
  mikrotik_uptime_seconds: ((9 * 24 + 3) * 60 + 4) * 60 + 5,
  'mikrotik_info{identity="Роутер 1",version="7.18.2 (stable)",board_name="RB5009UG+S+",architecture="arm64"}':
    1,
};

const OF_INTERFACE: Readonly<Record<string, string>> = {
  receive_bytes_total: "rx-byte",
  transmit_bytes_total: "tx-byte",
  receive_packets_total: "rx-packet",
  transmit_packets_total: "tx-packet",
  receive_drops_total: "rx-drop",
  transmit_drops_total: "tx-drop",
  receive_errors_total: "rx-error",
  transmit_errors_total: "tx-error",
};

Deno.test("A router tells what it is and how busy", () =>
  withTables({}, async (polling) => {
    const series = await polling.pass();
    for (const [name, value] of Object.entries(OF_ROUTER)) assert.equal(series.get(name), value, name);
  }));

for (const [metric, attribute] of Object.entries(OF_INTERFACE)) {
  Deno.test(`mikrotik_interface_${metric} is told of each interface`, () =>
    withTables({}, async (polling) => {
      const expected = INTERFACES.map((row) => [nameLabel(row), Number(row[attribute])]);
      const found = metricOf(await polling.pass(), `mikrotik_interface_${metric}`);
      assert.deepEqual(found, Object.fromEntries(expected));
    }));
}

function nameLabel(row: Row): string {
  return `{interface="${row["name"]!.replaceAll('"', '\\"')}"}`;
}

Deno.test("An interface is up when it works", () =>
  withTables({}, async (polling) => {
    const expected = INTERFACES.map((row) => [nameLabel(row), row["running"] === "true" ? 1 : 0]);
    assert.deepEqual(metricOf(await polling.pass(), "mikrotik_interface_up"), Object.fromEntries(expected));
  }));

Deno.test("What an interface does not tell is left out", () =>
  withTables({
    "/interface": [{ ".id": "*1", "name": "a", "rx-byte": "5", "running": "yes" }, {
      ".id": "*2",
      "name": "b",
      "rx-byte": "",
    }],
  }, async (polling) => {
    const series = await polling.pass();
    assert.deepEqual(metricOf(series, "mikrotik_interface_receive_bytes_total"), { '{interface="a"}': 5 });
    assert.deepEqual(metricOf(series, "mikrotik_interface_transmit_bytes_total"), {});
    assert.deepEqual(metricOf(series, "mikrotik_interface_up"), {
      '{interface="a"}': 1,
      '{interface="b"}': 0,
    });
  }));

Deno.test("What a router does not tell of itself is left out", () =>
  withTables({
    "/system/resource": [{ "version": "6.49.18 (long-term)", "cpu-load": "100", "uptime": "odd" }],
    "/ip/firewall/connection/tracking": [{ "max-entries": "1000" }],
  }, async (polling) => {
    const series = await polling.pass();
    const found = [...series.keys()].filter((name) =>
      name in OF_ROUTER || /^mikrotik_(?:info|cpu|mem|sto|upt|tra)/.test(name)
    );
    assert.deepEqual(found.sort(), [
      "mikrotik_cpu_load_ratio",
      'mikrotik_info{identity="Роутер 1",version="6.49.18 (long-term)",board_name="",architecture=""}',
      "mikrotik_tracking_limit",
    ]);
    assert.equal(series.get("mikrotik_cpu_load_ratio"), 1);
  }));

/** By table, the metrics that are then missing. */
const TABLES: Readonly<Record<string, RegExp | undefined>> = {
  "/system/resource": /^mikrotik_(?:cpus|cpu_load_ratio|memory_|storage_|uptime_seconds|info)/,
  "/system/identity": undefined,
  "/ip/firewall/connection/tracking": /^mikrotik_tracking_/,
  "/interface": /^mikrotik_interface_/,
  "/ip/address": undefined,
  "/ipv6/address": undefined,
};

for (const [menu, missing] of Object.entries(TABLES)) {
  Deno.test(`A router that refuses ${menu} tells the rest`, () =>
    withTables({}, async (polling, simulator) => {
      const whole = [...(await polling.pass()).keys()];
      simulator.options.fault = { ...NOT_PERMITTED, on: menu as "/" };
      const { length } = simulator.commands;
      const left = [...(await polling.pass()).keys()];
      const asked = simulator.commands.slice(length).some(([name]) => name === `${menu}/print`);
      const expected = whole.filter((name) => !missing?.test(name));
      if (menu !== "/system/identity") assert.deepEqual(left, expected);
      else {
        assert.equal(left.find((name) => name.startsWith("mikrotik_info{"))?.includes('identity=""'), true);
      }
      assert.deepEqual(polling.errors, {});
      assert.deepEqual(polling.problems, asked ? { refused: 1 } : {});
      assert.equal(simulator.logins, 1);
    }));

  Deno.test(`A router without ${menu} tells the rest, and that is no problem`, () =>
    withTables({ [menu]: undefined }, async (polling) => {
      const series = await polling.pass(), names = [...series.keys()];
      assert.equal(series.get("mikrotik_total_connections"), 14);
      assert.deepEqual(names.filter((name) => missing?.test(name)), []);
      assert.deepEqual([polling.errors, polling.problems], [{}, {}]);
    }));
}

Deno.test("A table that is refused is logged with the command and the reason", () =>
  withTables({}, async (polling) => {
    await polling.pass();
    const [line] = polling.logged.filter((line) => line.includes("level=warn"));
    assert.match(
      line!,
      / reason=refused count=1 command=\/interface\/print error="The router refuses: \\"not enough/,
    );
  }, { simulator: { fault: { ...NOT_PERMITTED, on: "/interface" } } }));

Deno.test("The names of interfaces are told for all addresses of the router but those of loopback", () =>
  withTables({
    "/interface": [{ ".id": "*F00012", "name": "veth" }, { ".id": "*A", "name": "ten" }, {
      ".id": "12",
      "name": "odd",
    }],
  }, async (polling) => {
    await polling.pass();
    const { all } = polling.interfaceNames;
    assert.deepEqual([...all.keys()].sort(), [
      "10.77.0.1",
      "127.0.0.1",
      "192.168.88.1",
      "2001:db8:88::1",
      "2001:db8:ffff::2",
      "203.0.113.2",
      "fe80::4aa9:8aff:fe00:2",
    ]);
    for (const names of all.values()) assert.deepEqual([...names], [[15_728_658, "veth"], [10, "ten"]]);
    assert.equal(polling.interfaceNames.find(Ip.parse("192.168.88.1")!, 0xf00012), "veth");
  }));

Deno.test("The names of interfaces are told anew when they change, the addresses are asked for once a session", () =>
  withTables({}, async (polling, simulator) => {
    let changes = 0;
    polling.interfaceNames.onChange(() => changes++);
    await polling.pass();
    await polling.pass();
    assert.equal(changes, 1);
    simulator.options.tables["/interface"] = [{ ".id": "*1", "name": "uplink" }];
    simulator.options.tables["/ip/address"] = [{ "address": "198.51.100.1/24" }];
    await polling.pass();
    assert.equal(polling.interfaceNames.find(Ip.parse("192.168.88.1")!, 1), "uplink");
    assert.equal(polling.interfaceNames.all.has("198.51.100.1"), false);
    simulator.options.fault = { kind: "rst", on: "/interface" };
    await polling.pass();
    simulator.options.fault = undefined;
    await polling.pass();
    assert.equal(polling.interfaceNames.find(Ip.parse("198.51.100.1")!, 1), "uplink");
    assert.equal(simulator.commands.filter(([name]) => name === "/ip/address/print").length, 2);
  }));

Deno.test("A router whose addresses are not known is known by the one that it is reached at", () =>
  withTables({ "/ip/address": undefined, "/ipv6/address": [{ "address": "odd" }, {}] }, async (polling) => {
    await polling.pass();
    assert.deepEqual([...polling.interfaceNames.all.keys()], ["127.0.0.1"]);
  }));

/** What is asked for of each table of connections, with the shipped rules and these. */
async function askedFor(rules: PollingOptions["rules"]): Promise<string[]> {
  const asked: string[] = [];
  await withTables({}, async (polling, { commands }) => {
    await polling.pass();
    const prints = commands.filter(([name]) => name!.endsWith("/firewall/connection/print"));
    assert.equal(prints.length, 2);
    assert.deepEqual(prints[0]!.slice(1, 2), prints[1]!.slice(1, 2));
    asked.push(...prints[0]![1]!.replace("=.proplist=", "").split(","));
  }, rules === undefined ? {} : { rules });
  return asked.sort();
}

const ADDRESSES = ["dst-address", "dst-port", "src-address", "src-port"];
const IDENTITY = [...ADDRESSES, "gre-key", "icmp-id", "protocol"];
const FAST = ["orig", "repl"].flatMap((way) => [`${way}-fasttrack-bytes`, `${way}-fasttrack-packets`]);
const MOVED = [...FAST, ...["orig", "repl"].flatMap((way) => [`${way}-bytes`, `${way}-packets`])];

/** All rules of connections and their traffic, switched off but for some. */
function without(...kept: readonly string[]) {
  const sources = new Set(["mikrotik", "mikrotik_traffic"]);
  return mikrotik.rules.filter(({ source, name }) =>
    sources.has(String(source)) && !kept.includes(String(name))
  )
    .map(({ name }) => ({ name: String(name), enabled: false }));
}

Deno.test("A router is asked for what the rules look at", async () => {
  const shipped = [...IDENTITY, ...MOVED, "dstnat", "fasttrack", "seen-reply", "srcnat", "tcp-state"];
  assert.deepEqual(await askedFor([]), shipped.sort());
});

Deno.test("A router is asked for more when a rule of a user looks at more", async () => {
  const rule = { name: "marks", source: "mikrotik", labels: ["connection_mark"], value: "orig_rate" };
  const asked = await askedFor([rule]);
  assert.deepEqual(["connection-mark", "orig-rate"].filter((name) => asked.includes(name)), [
    "connection-mark",
    "orig-rate",
  ]);
});

const FEWER: readonly (readonly [kept: string, asked: readonly string[]])[] = [
  ["mikrotik_total_connections", []],
  ["active_connections", ["protocol", "seen-reply", "tcp-state"]],
  ["mikrotik_connection", ["dst-address", "protocol", "src-address"]],
  ["mikrotik_connections", ["dstnat", "protocol", "srcnat", "tcp-state"]],
  ["mikrotik_bytes_total", [...IDENTITY, ...MOVED]],
];
for (const [kept, asked] of FEWER) {
  Deno.test(`A router is asked for less when of the rules ${kept} is left`, async () => {
    const expected = [...new Set([...asked, ...FAST, "fasttrack"])].sort();
    assert.deepEqual(await askedFor(without(kept)), expected);
  });
}
