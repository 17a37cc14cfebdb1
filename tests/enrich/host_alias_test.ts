import assert from "node:assert/strict";
import type { Value } from "../../core/enricher.ts";
import { Ip } from "../../core/ip.ts";
import { type Literal, Problems } from "../../core/node.ts";
import { record } from "../../core/shape.ts";
import hostAlias from "../../enrich/host_alias.ts";
import { quiet } from "../helpers/enrichers.ts";
import { placed } from "../helpers/nodes.ts";
import { property } from "../helpers/random.ts";

function read(settings: Literal) {
  const problems = new Problems();
  const values = record(hostAlias.settings).read(placed(settings), problems);
  return { values, lines: problems.lines() };
}

function open(settings: Literal) {
  const { values, lines } = read(settings);
  assert.deepEqual(lines, []);
  return hostAlias.open(values!, quiet());
}

function ip(text: string): Ip {
  return Ip.parse(text)!;
}

const { lookup } = open({
  alias_map: {
    "192.0.2.1": "router",
    "2001:0DB8:0:0:0:0:0:0001": "router6",
    "::ffff:192.0.2.2": "mapped",
    "0:0:0:0:0:ffff:c000:0203": "mapped in hexadecimal",
    "192.0.2.4": 4,
  },
});

const FOUND: readonly { value: Value; found: string | undefined; what: string }[] = [
  { value: ip("192.0.2.1"), found: "router", what: "an address" },
  { value: ip("::ffff:192.0.2.1"), found: "router", what: "an IPv4-mapped address" },
  { value: ip("2001:db8::1"), found: "router6", what: "an address whose key is written at length" },
  { value: ip("192.0.2.2"), found: "mapped", what: "an address whose key is IPv4-mapped" },
  {
    value: ip("192.0.2.3"),
    found: "mapped in hexadecimal",
    what: "an address whose key is IPv4-mapped without dots",
  },
  { value: ip("192.0.2.4"), found: "4", what: "an address whose name is a number" },
  { value: ip("192.0.2.5"), found: undefined, what: "an address that is not there" },
  { value: ip("2001:db8::2"), found: undefined, what: "an IPv6 address that is not there" },
  { value: "192.0.2.1", found: undefined, what: "a text" },
  { value: 0xc0000201, found: undefined, what: "a number" },
  { value: [ip("192.0.2.1")], found: undefined, what: "a list" },
];

for (const { value, found, what } of FOUND) {
  Deno.test(`host_alias gives ${found ?? "nothing"} for ${what}`, () => {
    assert.equal(lookup(value, "name"), found);
  });
}

Deno.test("host_alias knows nothing when it has no settings", () => {
  assert.equal(open({}).lookup(ip("192.0.2.1"), "name"), undefined);
});

const WRONG: readonly { what: string; settings: Literal; lines: readonly string[] }[] = [
  {
    what: "each key that is no address",
    settings: { alias_map: { router: "a", "192.0.2.0/24": "b", "192.0.2.1": "c", "192.0.2.256": "d" } },
    lines: ["router", "192.0.2.0/24", "192.0.2.256"].map((key) =>
      `key alias_map.${key}: Expected an address such as 192.0.2.1, not "${key}"`
    ),
  },
  {
    what: "an address that is there twice in two writings",
    settings: { alias_map: { "2001:db8::1": "a", "2001:0db8::0:1": "b" } },
    lines: ["key alias_map.2001:0db8::0:1: The address 2001:db8::1 is there twice"],
  },
  {
    what: "an address that is there twice, once IPv4-mapped",
    settings: { alias_map: { "::ffff:192.0.2.1": "a", "192.0.2.1": "b" } },
    lines: ["key alias_map.192.0.2.1: The address 192.0.2.1 is there twice"],
  },
  {
    what: "a name that is empty",
    settings: { alias_map: { "192.0.2.1": "" } },
    lines: ['alias_map.192.0.2.1: Expected a text, not ""'],
  },
  {
    what: "a list",
    settings: { alias_map: ["192.0.2.1"] },
    lines: ["alias_map: Expected a map from addresses to names, not a list"],
  },
];

for (const { what, settings, lines } of WRONG) {
  Deno.test(`host_alias reports ${what}`, () => {
    assert.deepEqual(read(settings).lines, lines);
  });
}

property("host_alias finds each of 1,000 addresses whose keys are written at length", (random) => {
  const addresses = Array.from({ length: 1000 }, () => Ip.v6(random.bytes(16)));
  const atLength = ({ bytes }: Ip) =>
    Array.from(
      { length: 8 },
      (_, i) => (256 * bytes[2 * i]! + bytes[2 * i + 1]!).toString(16).padStart(4, "0"),
    )
      .join(":").toUpperCase();
  const entries = addresses.map((address, i) => [atLength(address), `host${i}`]);
  const { lookup } = open({ alias_map: Object.fromEntries(entries) });
  for (const [i, address] of addresses.entries()) assert.equal(lookup(address, "name"), `host${i}`);
});
