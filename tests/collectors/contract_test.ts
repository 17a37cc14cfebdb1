/** What a collector gets for nothing, shown with two that are about thirty lines each. */
import assert from "node:assert/strict";
import { Exporter, run, seriesOf } from "../helpers/exporter.ts";

const ENTRY = { entry: "tests/helpers/tiny_main.ts" };

/** The series of the two, from a program that is started with these flags and configuration. */
async function series(args: readonly string[], yaml?: string): Promise<Map<string, number>> {
  const file = await Deno.makeTempFile({ suffix: ".yml" });
  try {
    if (yaml !== undefined) await Deno.writeTextFile(file, yaml);
    await using exporter = await Exporter.start([...args, "--config.file", file], ENTRY);
    return seriesOf(await exporter.get("/metrics"));
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("a collector gets its shipped rules", async () => {
  const found = await series([]);
  assert.equal(found.get('room_seats{taken="yes"}'), 2);
  assert.equal(found.get('room_seats{taken="no"}'), 4);
  assert.equal(found.get('bell_rings_total{door="door 0"}'), 2);
});

Deno.test("a collector gets flags for its settings", async () => {
  const found = await series(["--collector.room.seats=30", "--collector.bell.rings", "9"]);
  assert.equal(found.get('room_seats{taken="yes"}'), 10);
  assert.equal(found.get('bell_rings_total{door="door 1"}'), 4);
});

Deno.test("a collector gets its part of the configuration file", async () => {
  const found = await series([], "collectors: {room: {seats: 9}, bell: false}");
  assert.equal(found.get('room_seats{taken="yes"}'), 3);
  assert.equal(found.has('bell_rings_total{door="door 0"}'), false);
});

Deno.test("a collector gets rules, filters, steps and enrichers of the user", async () => {
  const found = await series(
    ["--collector.room.seats=40"],
    `
enrich:
  networks: {networks: {10.0.0.0/28: front, 10.0.0.0/8: {name: back, side: left}}}
rules:
  - name: seats_by_network
    source: seats
    filter: [{match: address, not: {cidr: 10.0.0.32/27}}]
    labels:
      - {name: network, field: address, steps: [networks]}
      - {name: side, field: address, steps: [{networks: side}, {on_missing: right}]}
  - name: seats_by_service
    source: seats
    labels: [{name: app, field: port, steps: [service, {on_missing: none}]}]
`,
  );
  assert.equal(found.get('seats_by_network{network="front",side="right"}'), 16);
  assert.equal(found.get('seats_by_network{network="back",side="left"}'), 16);
  assert.equal(found.get('seats_by_service{app="https"}'), 4);
  assert.equal(found.get('seats_by_service{app="none"}'), 32);
});

Deno.test("a collector gets a budget that keeps the total", async () => {
  const yaml = "rules: [{name: seats_by_address, source: seats, max_series: 4, labels: [address]}]";
  const found = await series(["--collector.room.seats=30"], yaml);
  const own = [...found].filter(([name]) => name.startsWith("seats_by_address"));
  assert.equal(own.length, 4);
  assert.equal(own.reduce((sum, [, value]) => sum + value, 0), 30);
  assert.equal(found.get('netcensus_series_folded_total{metric="seats_by_address"}'), 27);
});

Deno.test("a stream collector gets a time to live for its series", async () => {
  const yaml = "rules: [{name: bell_rings_total, ttl: 1s}]";
  const file = await Deno.makeTempFile({ suffix: ".yml" });
  await Deno.writeTextFile(file, yaml);
  try {
    await using exporter = await Exporter.start(["--config.file", file], ENTRY);
    const isThere = async () =>
      seriesOf(await exporter.get("/metrics")).has('bell_rings_total{door="door 0"}');
    assert.equal(await isThere(), true);
    for (let tries = 0; await isThere(); tries++) {
      assert.ok(tries < 100, "The series outlives its time");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("a collector gets its place in --help", async () => {
  const { stdout } = await run(["--help"], ENTRY);
  assert.match(stdout, /--collector\.room\.seats=VALUE +How many seats there are \(default: 6\)/);
  assert.match(stdout, /--collector\.bell /);
});

Deno.test("a collector gets metrics of its success", async () => {
  const found = await series([]);
  assert.equal(found.get('netcensus_collector_success{collector="room"}'), 1);
  assert.equal(found.get('netcensus_collector_success{collector="bell"}'), 1);
  assert.ok(found.get('netcensus_collector_last_success_timestamp_seconds{collector="room"}')! > 1e9);
});

Deno.test("a collector that fails loses its own series only", async () => {
  const found = await series(["--collector.room.seats=13"]);
  assert.equal(found.get('netcensus_collector_success{collector="room"}'), 0);
  assert.equal([...found.keys()].some((name) => name.startsWith("room_seats")), false);
  assert.equal(found.get('bell_rings_total{door="door 0"}'), 2);
});

Deno.test("a collector gets its problems counted by reason", async () => {
  const found = await series(["--collector.room.seats=7"]);
  assert.equal(found.get('netcensus_parse_problems_total{collector="room",reason="broken"}'), 1);
});

Deno.test("a collector can be left out of a scrape", async () => {
  await using exporter = await Exporter.start([], ENTRY);
  const found = seriesOf(await exporter.get("/metrics?exclude[]=room"));
  assert.equal(found.has('room_seats{taken="yes"}'), false);
  assert.equal(found.get('bell_rings_total{door="door 0"}'), 2);
});

Deno.test("a collector gets slices of time, so that others are answered while it works", async () => {
  await using exporter = await Exporter.start(["--collector.room.seats=5000000"], ENTRY);
  const order: string[] = [];
  const slow = exporter.get("/metrics", { "x-prometheus-scrape-timeout-seconds": "60" })
    .then((text) => (order.push("metrics"), text));
  // A request that came after the long one is answered before it.
  for (let i = 0; i < 3; i++) order.push(await exporter.get("/health"));
  assert.equal(seriesOf(await slow).get('room_seats{taken="yes"}'), 1666667);
  assert.deepEqual(order, ["OK\n", "OK\n", "OK\n", "metrics"]);
});
