import assert from "node:assert/strict";
import type { Enricher, Lookup } from "../../../core/enricher.ts";
import { Ip } from "../../../core/ip.ts";
import { type Literal, nodeOf, Problems } from "../../../core/node.ts";
import { record } from "../../../core/shape.ts";
import { maxmindAsn, maxmindCity, maxmindCountry } from "../../../enrich/maxmind/mod.ts";
import { openEnrichers } from "../../../enrich/open.ts";
import { quiet } from "../../helpers/enrichers.ts";
import { BUILT, type Data, Float, mmdb } from "../../helpers/mmdb.ts";
import { placed } from "../../helpers/nodes.ts";

const ADDRESS = ip("8.8.8.8");

function ip(text: string): Ip {
  return Ip.parse(text)!;
}

/** Opens an enricher with settings that are written so. */
function open(kind: Enricher, settings: Literal): { lookup: Lookup; lines: readonly string[] } {
  const problems = new Problems(), context = quiet();
  const values = record(kind.settings).read(nodeOf(settings), problems);
  assert.deepEqual(problems.lines(), []);
  return { lookup: kind.open(values!, context), lines: context.lines };
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** All that a kind says of ADDRESS when the database has this record. */
async function answers(kind: Enricher, data: Data, settings: Record<string, Literal> = {}) {
  const result: Record<string, unknown> = {};
  await inFolder(async (folder) => {
    const file = `${folder}/test.mmdb`;
    await Deno.writeFile(file, mmdb({ "8.0.0.0/8": data }));
    const { lookup } = open(kind, { ...settings, file });
    await lookup.load!();
    for (const output of Object.keys(kind.outputs)) result[output] = lookup.lookup(ADDRESS, output);
  });
  return result;
}

const names = (en: string, de: string) => ({ names: { en, de } });
const MAXMIND_CITY: Data = {
  city: { geoname_id: 2950159, ...names("Munich", "München") },
  continent: { code: "EU", geoname_id: 6255148, ...names("Europe", "Europa") },
  country: {
    geoname_id: 2921044,
    is_in_european_union: true,
    iso_code: "DE",
    ...names("Germany", "Deutschland"),
  },
  location: { accuracy_radius: 20, latitude: 48.1371, longitude: -11.57540001, time_zone: "Europe/Berlin" },
  postal: { code: "80331" },
  registered_country: { iso_code: "FR", ...names("France", "Frankreich") },
  subdivisions: [{ iso_code: "BY", ...names("Bavaria", "Bayern") }, {
    iso_code: "X",
    ...names("Other", "Andere"),
  }],
};
const IPINFO_LITE: Data = {
  as_domain: "google.com",
  as_name: "Google LLC",
  asn: "AS15169",
  continent: "North America",
  continent_code: "NA",
  country: "United States",
  country_code: "US",
};

const SHAPES: readonly {
  what: string;
  kind: Enricher;
  data: Data;
  settings?: Record<string, Literal>;
  says: Record<string, unknown>;
}[] = [
  {
    what: "a country as MaxMind and DB-IP have it",
    kind: maxmindCountry,
    data: MAXMIND_CITY,
    says: { code: "DE", name: "Germany", continent: "EU" },
  },
  {
    what: "a country as MaxMind has it, in German",
    kind: maxmindCountry,
    data: MAXMIND_CITY,
    settings: { language: "de" },
    says: { code: "DE", name: "Deutschland", continent: "EU" },
  },
  {
    what: "a country as MaxMind has it, in a language that it does not have",
    kind: maxmindCountry,
    data: MAXMIND_CITY,
    settings: { language: "cy" },
    says: { code: "DE", name: "Germany", continent: "EU" },
  },
  {
    what: "the country of registration where there is no other",
    kind: maxmindCountry,
    data: { registered_country: { iso_code: "FR", ...names("France", "Frankreich") } },
    says: { code: "FR", name: "France", continent: undefined },
  },
  {
    what: "a country as ip-location-db has it",
    kind: maxmindCountry,
    data: { country_code: "NL" },
    says: { code: "NL", name: "Netherlands", continent: undefined },
  },
  {
    what: "a country as ip-location-db has it, in German",
    kind: maxmindCountry,
    data: { country_code: "NL" },
    settings: { language: "de" },
    says: { code: "NL", name: "Niederlande", continent: undefined },
  },
  {
    what: "a country as IPinfo has it",
    kind: maxmindCountry,
    data: IPINFO_LITE,
    says: { code: "US", name: "United States", continent: "NA" },
  },
  {
    what: "a country as IPinfo had it",
    kind: maxmindCountry,
    data: { country: "US", country_name: "United States", continent: "NA", continent_name: "North America" },
    says: { code: "US", name: "United States", continent: "NA" },
  },
  {
    what: "a country that is unknown to IP2Location",
    kind: maxmindCountry,
    data: { country: { iso_code: "-", names: { en: "-" } }, continent: { code: "" } },
    says: { code: undefined, name: undefined, continent: undefined },
  },
  {
    what: "a code that is of no country",
    kind: maxmindCountry,
    data: { country_code: "XX" },
    says: { code: "XX", name: undefined, continent: undefined },
  },
  {
    what: "a system as MaxMind, DB-IP and ip-location-db have it",
    kind: maxmindAsn,
    data: { autonomous_system_number: 15169, autonomous_system_organization: "GOOGLE" },
    says: { org: "GOOGLE", number: 15169 },
  },
  {
    what: "a system as DB-IP sells it",
    kind: maxmindAsn,
    data: { traits: { autonomous_system_number: 15169, autonomous_system_organization: "GOOGLE" } },
    says: { org: "GOOGLE", number: 15169 },
  },
  {
    what: "a system as IPinfo has it",
    kind: maxmindAsn,
    data: IPINFO_LITE,
    says: { org: "Google LLC", number: 15169 },
  },
  {
    what: "a system as IPinfo sells it",
    kind: maxmindAsn,
    data: { asn: "AS15169", domain: "google.com", name: "Google LLC", route: "8.8.8.0/24", type: "hosting" },
    says: { org: "Google LLC", number: 15169 },
  },
  {
    what: "a system that is none",
    kind: maxmindAsn,
    data: { autonomous_system_number: 0, autonomous_system_organization: "" },
    says: { org: undefined, number: undefined },
  },
  {
    what: "a city as MaxMind and DB-IP have it",
    kind: maxmindCity,
    data: MAXMIND_CITY,
    says: { city: "Munich", region: "Bavaria", country: "DE", latitude: 48.1371, longitude: -11.5754 },
  },
  {
    what: "a city as MaxMind has it, in German",
    kind: maxmindCity,
    data: MAXMIND_CITY,
    settings: { language: "de" },
    says: { city: "München", region: "Bayern", country: "DE", latitude: 48.1371, longitude: -11.5754 },
  },
  {
    what: "a city as ip-location-db has it",
    kind: maxmindCity,
    data: {
      city: "Ashburn",
      country_code: "US",
      latitude: new Float(39.0438),
      longitude: new Float(-77.4874),
      postcode: "",
      state1: "Virginia",
      state2: "",
      timezone: "",
    },
    says: { city: "Ashburn", region: "Virginia", country: "US", latitude: 39.0438, longitude: -77.4874 },
  },
  {
    what: "a city as IPinfo has it",
    kind: maxmindCity,
    data: { city: "Mountain View", country: "US", lat: "37.40599", lng: "-122.078514", region: "California" },
    says: {
      city: "Mountain View",
      region: "California",
      country: "US",
      latitude: 37.406,
      longitude: -122.0785,
    },
  },
  {
    what: "a country in the place of a city",
    kind: maxmindCity,
    data: { country: { iso_code: "DE" }, location: { latitude: 0 } },
    says: { city: undefined, region: undefined, country: "DE", latitude: 0, longitude: undefined },
  },
  ...[maxmindCountry, maxmindAsn, maxmindCity].flatMap((kind) =>
    ([
      ["a text", "DE"],
      ["a list", ["DE", { iso_code: "DE" }]],
      ["values of other types", {
        asn: { toString: 1 },
        as_name: 5,
        autonomous_system_number: true,
        city: [1],
        continent: 5,
        country: { iso_code: ["DE"], names: "Germany" },
        country_code: { toString: "x" },
        latitude: "north",
        location: { latitude: true, longitude: "" },
        name: false,
        subdivisions: "Bavaria",
      }],
    ] as [string, Data][]).map(([what, data]) => ({
      what: `${what} in the place of a record of ${kind.name}`,
      kind,
      data,
      says: Object.fromEntries(Object.keys(kind.outputs).map((output) => [output, undefined])),
    }))
  ),
];

for (const { what, kind, data, settings, says } of SHAPES) {
  Deno.test(`${kind.name} reads ${what}`, async () => {
    assert.deepEqual(await answers(kind, data, settings), says);
  });
}

const BUNDLED: readonly (readonly [address: string, code: string])[] = [
  ["8.8.8.8", "US"],
  ["193.0.6.139", "NL"],
  ["200.160.2.3", "BR"],
  ["133.11.0.1", "JP"],
  ["2001:4860:4860::8888", "US"],
  ["2001:67c:2e8:22::c100:68b", "NL"],
];

Deno.test("maxmind_country knows countries without settings", async () => {
  const { lookup } = open(maxmindCountry, {});
  assert.equal(lookup.lookup(ADDRESS, "code"), undefined);
  await lookup.load!();
  assert.deepEqual(BUNDLED.map(([address]) => [address, lookup.lookup(ip(address), "code")]), BUNDLED);
  assert.equal(lookup.lookup(ip("193.0.6.139"), "name"), "Netherlands");
  assert(lookup.figures!()[0]!.value > 1.7e9);
  await lookup.run!(new AbortController().signal);
});

const LOCAL = ["10.1.2.3", "127.0.0.1", "192.0.2.1", "224.0.0.1", "fe80::1", "ff02::1", "fd00::1", "::1"];

Deno.test("maxmind_country says local of special addresses, with a database and without", () => {
  const { lookup } = open(maxmindCountry, { file: "/nowhere/test.mmdb" });
  for (const address of LOCAL) {
    for (const output of ["code", "name", "continent"]) {
      assert.equal(lookup.lookup(ip(address), output), "local");
    }
  }
});

Deno.test("maxmind_country says of special addresses what it is told to", () => {
  assert.equal(open(maxmindCountry, { local: "LAN" }).lookup.lookup(ip("10.1.2.3"), "code"), "LAN");
});

Deno.test("maxmind_asn and maxmind_city say nothing of special addresses", () => {
  const { lookup: asn } = open(maxmindAsn, {}), { lookup: city } = open(maxmindCity, {});
  for (const address of LOCAL) {
    assert.deepEqual([asn.lookup(ip(address), "org"), city.lookup(ip(address), "city")], [
      undefined,
      undefined,
    ]);
  }
});

for (const kind of [maxmindCountry, maxmindAsn, maxmindCity]) {
  Deno.test(`${kind.name} knows nothing of what is no address, and no other outputs`, () => {
    const { lookup } = open(kind, {});
    const [output = ""] = Object.keys(kind.outputs);
    for (const value of ["8.8.8.8", 0x08080808, [ADDRESS]]) {
      assert.equal(lookup.lookup(value, output), undefined);
    }
    assert.equal(lookup.lookup(ADDRESS, "toString"), undefined);
  });

  Deno.test(`${kind.name} needs no settings and is opened with all outputs`, () => {
    const { lookups } = openEnrichers([kind], undefined, { ...quiet(), problems: new Problems() });
    assert.deepEqual(lookups.get(kind.name)!.outputs, Object.keys(kind.outputs));
  });
}

const FIRST_OUTPUTS = [maxmindCountry, maxmindAsn, maxmindCity].map(({ outputs }) => Object.keys(outputs)[0]);

Deno.test("The first outputs are the code of the country, the organization and the city", () => {
  assert.deepEqual(FIRST_OUTPUTS, ["code", "org", "city"]);
});

const FOLDER: readonly { kind: Enricher; names: readonly string[]; data: Data; answer: string }[] = [
  {
    kind: maxmindCountry,
    names: ["GeoLite2-Country.mmdb", "GeoIP2-Country.mmdb", "dbip-country-lite.mmdb", "ipinfo_lite.mmdb"],
    data: { country_code: "DE" },
    answer: "DE",
  },
  {
    kind: maxmindAsn,
    names: ["GeoLite2-ASN.mmdb", "GeoIP2-ISP.mmdb", "dbip-asn-lite.mmdb", "ipinfo_lite.mmdb"],
    data: { as_name: "Google" },
    answer: "Google",
  },
  {
    kind: maxmindCity,
    names: ["GeoLite2-City.mmdb", "GeoIP2-City.mmdb", "dbip-city-lite.mmdb"],
    data: { city: "Munich" },
    answer: "Munich",
  },
];

for (const { kind, names, data, answer } of FOLDER) {
  for (const name of names) {
    Deno.test(`${kind.name} finds ${name} in its folder`, () =>
      inFolder(async (folder) => {
        await Deno.writeFile(`${folder}/${name}`, mmdb({ "8.0.0.0/8": data }));
        const { lookup } = open(kind, { mmdb_dir: folder });
        await lookup.load!();
        assert.equal(lookup.lookup(ADDRESS, Object.keys(kind.outputs)[0]!), answer);
      }));
  }
}

Deno.test("maxmind_country takes its file rather than one of its folder", () =>
  inFolder(async (folder) => {
    await Deno.writeFile(`${folder}/GeoLite2-Country.mmdb`, mmdb({ "8.0.0.0/8": { country_code: "DE" } }));
    await Deno.writeFile(`${folder}/mine.mmdb`, mmdb({ "8.0.0.0/8": { country_code: "FR" } }));
    const { lookup } = open(maxmindCountry, { mmdb_dir: folder, file: `${folder}/mine.mmdb` });
    await lookup.load!();
    assert.equal(lookup.lookup(ADDRESS, "code"), "FR");
  }));

Deno.test("The figure is when the database was built, and 0 before there is one", () =>
  inFolder(async (folder) => {
    const { lookup } = open(maxmindCountry, { file: `${folder}/test.mmdb` });
    const value = () => lookup.figures!().map(({ name, value }) => [name, value]);
    assert.deepEqual(value(), [["geoip_database_build_timestamp_seconds", 0]]);
    await Deno.writeFile(`${folder}/test.mmdb`, mmdb({ "8.0.0.0/8": {} }));
    await lookup.load!();
    assert.deepEqual(value(), [["geoip_database_build_timestamp_seconds", BUILT]]);
  }));

const WRONG: readonly { settings: Literal; line: string }[] = [
  { settings: { file: "" }, line: 'file: Expected the path of a file, not ""' },
  { settings: { language: "e" }, line: 'language: Expected a language such as en or pt-BR, not "e"' },
  { settings: { language: ["en"] }, line: "language: Expected a language such as en or pt-BR, not a list" },
  { settings: { language: "zh_CN" }, line: 'language: Expected a language such as en or pt-BR, not "zh_CN"' },
  {
    settings: { check_interval: "often" },
    line: 'check_interval: Expected a duration such as 30s, 5m or 2h, not "often"',
  },
];

for (const { settings, line } of WRONG) {
  Deno.test(`maxmind_country reports ${JSON.stringify(settings)}`, () => {
    const problems = new Problems();
    record(maxmindCountry.settings).read(placed(settings), problems);
    assert.deepEqual(problems.lines(), [line]);
  });
}
