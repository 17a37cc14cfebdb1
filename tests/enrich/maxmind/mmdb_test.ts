import assert from "node:assert/strict";
import { Ip } from "../../../core/ip.ts";
import { Mmdb } from "../../../enrich/maxmind/mmdb.ts";
import { BUILT, type Data, Float, mmdb, type MmdbOptions, pointer, Raw } from "../../helpers/mmdb.ts";
import { property, type Random } from "../../helpers/random.ts";

function ip(text: string): Ip {
  return Ip.parse(text)!;
}

const NETWORKS: Readonly<Record<string, Data>> = {
  "1.0.0.0/8": { name: "wide" },
  "1.2.0.0/16": { name: "narrow" },
  "1.2.3.4": { name: "one" },
  "128.0.0.0/1": { name: "half" },
};

const FOUND: readonly (readonly [address: string, name: string | undefined])[] = [
  ["1.0.0.0", "wide"],
  ["1.255.255.255", "wide"],
  ["1.2.3.3", "narrow"],
  ["1.2.3.4", "one"],
  ["255.255.255.255", "half"],
  ["2.0.0.0", undefined],
];

for (const recordSize of [24, 28, 32] as const) {
  for (const ipVersion of [4, 6] as const) {
    Deno.test(`Mmdb finds the smallest network in a tree of ${recordSize} bits for IPv${ipVersion}`, () => {
      const database = new Mmdb(mmdb(NETWORKS, { recordSize, ipVersion }));
      for (const [address, name] of FOUND) {
        assert.deepEqual(database.find(ip(address)), name === undefined ? null : { name }, address);
      }
    });
  }
}

Deno.test("Mmdb finds IPv6 addresses", () => {
  const database = new Mmdb(mmdb({ ...NETWORKS, "2001:db8::/32": "doc", "2001:db8::1": "one" }));
  const addresses = ["2001:db8::", "2001:db8::1", "2001:db8:ffff::", "2001:db9::", "102:304::"];
  assert.deepEqual(addresses.map((text) => database.find(ip(text))), ["doc", "one", "doc", null, null]);
});

Deno.test("Mmdb knows nothing of IPv6 addresses when it is of IPv4", () => {
  assert.equal(new Mmdb(mmdb(NETWORKS, { ipVersion: 4 })).find(ip("102:304::")), undefined);
});

Deno.test("Mmdb tells its type and when it was built", () => {
  const database = new Mmdb(mmdb(NETWORKS));
  assert.deepEqual([database.type, database.buildTimestamp], ["Test", BUILT]);
});

Deno.test("Mmdb was built at 0 when it does not say when", () => {
  assert.equal(new Mmdb(mmdb(NETWORKS, { metadata: { build_epoch: "soon" } })).buildTimestamp, 0);
});

Deno.test("Mmdb is of no type when it does not say which", () => {
  assert.equal(new Mmdb(mmdb(NETWORKS, { metadata: { database_type: { toString: 1 } } })).type, "");
});

Deno.test("Mmdb gives values of all types, and long ones", () => {
  const record: Data = {
    text: "x".repeat(28),
    long: "y".repeat(300),
    again: "text",
    double: -1.5,
    float: new Float(0.25),
    big: 2n ** 40n,
    yes: true,
    no: false,
    list: Array.from({ length: 40 }, (_, i) => i),
    map: { in: { map: {} } },
  };
  assert.deepEqual(new Mmdb(mmdb({ "1.0.0.0/8": record })).find(ip("1.1.1.1")), { ...record, float: 0.25 });
});

Deno.test("Mmdb follows pointers of all lengths", () => {
  const networks = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [`${i + 20}.0.0.0/8`, { [`${i}`.repeat(8000)]: `text ${i % 3}` }]),
  );
  const far = { text: new Raw([0x38, 0, 0, 0, 0]) };
  const database = new Mmdb(mmdb({ "1.0.0.0/16": "first", ...networks, "9.1.0.0/24": far }));
  assert.deepEqual(database.find(ip("9.1.0.1")), { text: { ["0".repeat(8000)]: "text 0" } });
  assert.deepEqual(database.find(ip("59.0.0.1")), { ["39".repeat(8000)]: "text 0" });
});

/** Lists in lists that claim 16 million items each. */
const HUGE = [0x1f, 4, 0xff, 0xff, 0xff];
/** 30 lists of two pointers, each to the list before. */
const DOUBLED = [
  0x40,
  ...Array.from({ length: 30 }, (_, i) => {
    const before = pointer(i === 0 ? 0 : 1 + 6 * (i - 1));
    return [2, 4, ...before, ...before];
  }).flat(),
];

const DAMAGED: readonly { what: string; data: readonly number[]; at?: number }[] = [
  { what: "a pointer to itself", data: pointer(0) },
  { what: "a list that holds itself", data: [1, 4, ...pointer(0)] },
  { what: "a map whose key is itself", data: [0xe1, ...pointer(0), 0x40] },
  { what: "a pointer beyond the end", data: [0x38, 0xff, 0xff, 0xff, 0xff] },
  { what: "lists that claim to be huge", data: new Array(1000).fill(HUGE).flat() },
  { what: "a map that claims to be huge", data: [0xff, 0xff, 0xff, 0xff, 0x40, 0x40] },
  { what: "a text that claims to be huge", data: [0x5f, 0xff, 0xff, 0xff, 0x40, 0x40] },
  { what: "lists that double each other", data: DOUBLED, at: 1 + 6 * 29 },
  { what: "50,000 lists in each other", data: new Array(50_000).fill([1, 4]).flat() },
  { what: "a type that there is not", data: [0, 200] },
  { what: "a type for other uses", data: [0, 5] },
  { what: "a number that is too long", data: [0xdf, 0, 0, 1] },
  {
    what: "a key that cannot be a text",
    data: [0xe1, 0xe1, 0x48, ...new TextEncoder().encode("toString"), 0x40, 0x40],
  },
];

for (const { what, data, at = 0 } of DAMAGED) {
  Deno.test(`Mmdb finds nothing where the data are ${what}`, () => {
    const bytes = mmdb({
      "9.0.0.0/8": new Raw(data),
      "10.0.0.0/8": "good",
      "11.0.0.0/8": new Raw(pointer(at)),
    });
    const database = new Mmdb(bytes), start = performance.now();
    assert.equal(database.find(ip("10.0.0.0")), "good");
    assert.equal(database.find(ip(at === 0 ? "9.0.0.0" : "11.0.0.0")), undefined);
    assert.equal(database.find(ip("10.0.0.0")), "good");
    assert(performance.now() - start < 1000);
  });
}

const GOOD = mmdb({
  "0.0.0.0/1": {
    country: { iso_code: "DE", names: { en: "Germany", de: "Deutschland" } },
    list: [1, 2.5, true],
  },
  "128.0.0.0/1": { country: { iso_code: "FR", names: { en: "France" } } },
  "2000::/3": { country: { iso_code: "NL" } },
});

const USELESS: readonly { what: string; bytes: Uint8Array<ArrayBuffer>; message: RegExp }[] = [
  { what: "nothing", bytes: new Uint8Array(), message: /^Expected a MaxMind DB/ },
  { what: "a text", bytes: new TextEncoder().encode("# not yet"), message: /^Expected a MaxMind DB/ },
  { what: "zeros", bytes: new Uint8Array(300_000), message: /^Expected a MaxMind DB/ },
  {
    what: "a database with much behind it",
    bytes: join(GOOD, new Uint8Array(131_072)),
    message: /^Expected a Max/,
  },
  { what: "the end of a database", bytes: GOOD.slice(-100), message: /./ },
  { what: "a database without its beginning", bytes: GOOD.slice(40), message: /./ },
  ...([
    ["a tree that claims to be larger", { node_count: 1e9 }, /^Expected data behind the search tree/],
    ["a tree that claims to be smaller", { node_count: 10 }, /^Expected data behind the search tree/],
    ["a size of records that there is not", { record_size: 20 }, /record size/],
    ["an unknown IP version", { ip_version: 5 }, /^Expected IP version 4 or 6, not 5/],
    ["metadata in a circle", { description: new Raw(pointer(0)) }, /./],
    ["metadata that claim to be huge", { description: new Raw(HUGE) }, /^Expected less in one record/],
  ] as const).map(([what, metadata, message]) => ({
    what,
    bytes: mmdb(NETWORKS, { metadata } as MmdbOptions),
    message,
  })),
];

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

for (const { what, bytes, message } of USELESS) {
  Deno.test(`Mmdb refuses ${what}`, () => {
    assert.throws(() => new Mmdb(bytes), { message });
  });
}

/** Opens what may be damaged, and looks up addresses if it can be opened. */
function use(bytes: Uint8Array<ArrayBuffer>): void {
  let database: Mmdb;
  try {
    database = new Mmdb(bytes);
  } catch {
    return;
  }
  for (const address of ["0.0.0.0", "8.8.8.8", "200.1.2.3", "2001:db8::1", "::"]) database.find(ip(address));
  assert.equal(typeof database.type, "string");
  assert(database.buildTimestamp >= 0 || database.buildTimestamp < 0);
}

Deno.test("Mmdb refuses or reads any part of a database", () => {
  for (let end = 0; end < GOOD.length; end++) {
    use(GOOD.slice(0, end));
    use(GOOD.slice(end));
    use(join(GOOD.subarray(0, end), GOOD.subarray(end + 1 + end % 50)));
  }
});

property("Mmdb refuses or reads a database with damaged bytes", (random: Random) => {
  const start = performance.now();
  for (let i = 0; i < 3000; i++) {
    const bytes = GOOD.slice();
    for (let n = random.int(8); n >= 0; n--) {
      bytes[random.int(bytes.length)] = random.pick([0, 0x1f, 0x20, 0xe1, 0xff, random.int(256)]);
    }
    use(bytes);
  }
  assert(performance.now() - start < 20_000);
});

property("Mmdb refuses or reads a database whose data are random", (random: Random) => {
  for (let i = 0; i < 1000; i++) {
    use(mmdb({ "0.0.0.0/1": new Raw([...random.bytes(100)]), "2000::/3": new Raw([...random.bytes(100)]) }));
  }
});
