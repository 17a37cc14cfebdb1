import assert from "node:assert/strict";
import { prepared, type Row, type Table } from "./rows.ts";
import { manyConnections, smallRouter } from "./tables.ts";

function rowsOf(table: Table): Row[] {
  const rows = prepared(table);
  return Array.from({ length: rows.count }, (_, i) => rows.row(i));
}

Deno.test("smallRouter() has rows of its own identifiers in each menu", () => {
  for (const [menu, table] of Object.entries(smallRouter())) {
    const ids = rowsOf(table).map((row) => row[".id"] ?? "");
    assert.ok(ids.length > 0, menu);
    assert.equal(new Set(ids).size, ids.length, menu);
  }
});

Deno.test("smallRouter() counts its connections as they are", () => {
  const tables = smallRouter(), count = (menu: string) => rowsOf(tables[menu]!).length;
  const [tracking] = rowsOf(tables["/ip/firewall/connection/tracking"]!);
  const counts = [count("/ip/firewall/connection"), count("/ipv6/firewall/connection")] as const;
  assert.deepEqual(
    ["total-ip4-entries", "total-ip6-entries", "total-entries"].map((name) => Number(tracking![name])),
    [...counts, counts[0] + counts[1]],
  );
});

Deno.test("manyConnections() makes the same rows each time", () => {
  const all = manyConnections(1000, { sources: 30, destinations: 100 });
  assert.deepEqual(rowsOf(all), rowsOf(manyConnections(1000, { sources: 30, destinations: 100 })));
  assert.deepEqual(all.row(999), rowsOf(all)[999]);
});

Deno.test("manyConnections() makes as many sources and destinations as it is told to, and no connection twice", () => {
  const rows = rowsOf(manyConnections(20_000, { sources: 30, destinations: 100 }));
  const withPorts = rows.filter((row) => row["protocol"] === "tcp" || row["protocol"] === "udp");
  const countOf = (values: readonly (string | undefined)[]) => new Set(values).size;
  assert.equal(countOf(rows.map((row) => row["src-address"]!.split(":")[0])), 30);
  assert.equal(countOf(rows.map((row) => row["dst-address"]!.split(":")[0])), 100);
  assert.equal(countOf(rows.map((row) => row[".id"])), 20_000);
  assert.equal(countOf(withPorts.map((row) => row["src-address"])), withPorts.length);
});

Deno.test("manyConnections() makes connections of each protocol and state, with attributes in the formats of the others", () => {
  const rows = rowsOf(manyConnections(5000));
  const valuesOf = (name: string) =>
    new Set(rows.map((row) => row[name]).filter((value) => value !== undefined));
  assert.deepEqual(valuesOf("protocol"), new Set(["tcp", "udp", "icmp", "gre"]));
  assert.equal(valuesOf("tcp-state").size, 8);
  for (const name of ["fasttrack", "seen-reply", "assured", "dstnat"]) {
    assert.deepEqual(valuesOf(name), new Set(["true", "false"]), name);
  }
  const has = (name: string, pattern: RegExp) => {
    for (const value of valuesOf(name)) assert.match(value, pattern);
  };
  has("dst-address", /^(?:(?:[1-9]?\d|1\d\d|2[0-4]\d|25[0-5])(?:[.:](?=\d)|$)){4}(?:\d+)?$/);
  has("timeout", /^(?!$)(?:\d+h)?(?:\d+m)?(?:\d+s)?$/);
  has("orig-rate", /^\d+(?:\.\d[kM]bps)?$/);
  has("orig-bytes", /^\d+$/);
});
