import assert from "node:assert/strict";
import type { Value } from "../../core/enricher.ts";
import { Ip } from "../../core/ip.ts";
import { type Literal, Problems } from "../../core/node.ts";
import { record } from "../../core/shape.ts";
import direction from "../../enrich/direction.ts";
import { quiet } from "../helpers/enrichers.ts";
import { placed } from "../helpers/nodes.ts";
import { property, type Random } from "../helpers/random.ts";

function read(settings: Literal) {
  const problems = new Problems();
  const values = record(direction.settings).read(placed(settings), problems);
  return { values, lines: problems.lines() };
}

function open(settings: Literal) {
  const { values, lines } = read(settings);
  assert.deepEqual(lines, []);
  const { lookup, part } = direction.open(values!, quiet());
  return { directionOf: (value: Value) => lookup(value, "direction"), sideOf: part! };
}

function ip(text: string): Ip {
  return Ip.parse(text)!;
}

const { directionOf, sideOf } = open({});
const INSIDE = ip("10.0.0.1"), OUTSIDE = ip("8.8.8.8");

const FOUND: readonly { value: Value; found: string | undefined; what: string }[] = [
  { value: [OUTSIDE, INSIDE], found: "in", what: "from outside to inside" },
  { value: [INSIDE, OUTSIDE], found: "out", what: "from inside to outside" },
  { value: [INSIDE, INSIDE], found: "internal", what: "from inside to inside" },
  { value: [OUTSIDE, OUTSIDE], found: "transit", what: "from outside to outside" },
  { value: [ip("2001:db8::1"), ip("fd00::1")], found: "in", what: "IPv6 from outside to inside" },
  { value: [INSIDE, ip("2001:db8::1")], found: "out", what: "IPv4 to IPv6" },
  { value: [INSIDE, ip("224.0.0.251")], found: "internal", what: "multicast from inside" },
  { value: [OUTSIDE, ip("239.1.2.3")], found: "in", what: "multicast from outside" },
  { value: [ip("fe80::1"), ip("ff02::fb")], found: "internal", what: "multicast of IPv6" },
  {
    value: [ip("0.0.0.0"), ip("255.255.255.255")],
    found: "internal",
    what: "a host that has no address yet",
  },
  { value: ["outside", "inside"], found: "in", what: "the parts of from outside to inside" },
  { value: ["inside", "outside"], found: "out", what: "the parts of from inside to outside" },
  { value: ["inside", "inside"], found: "internal", what: "the parts of from inside to inside" },
  { value: ["outside", "outside"], found: "transit", what: "the parts of from outside to outside" },
  { value: [undefined, INSIDE], found: undefined, what: "an absent source" },
  { value: [INSIDE, undefined], found: undefined, what: "an absent destination" },
  { value: [undefined, "inside"], found: undefined, what: "the absent part of a source" },
  { value: ["inside", undefined], found: undefined, what: "the absent part of a destination" },
  { value: [undefined, undefined], found: undefined, what: "two absent addresses" },
  { value: [INSIDE], found: undefined, what: "a list of one address" },
  { value: [INSIDE, OUTSIDE, INSIDE], found: undefined, what: "three addresses" },
  { value: [], found: undefined, what: "an empty list" },
  { value: [INSIDE, 443], found: undefined, what: "an address and a port" },
  { value: ["10.0.0.1", "8.8.8.8"], found: undefined, what: "texts" },
  { value: INSIDE, found: undefined, what: "one address" },
  { value: "inside", found: undefined, what: "one part" },
];

for (const { value, found, what } of FOUND) {
  Deno.test(`direction gives ${found ?? "nothing"} for ${what}`, () => {
    assert.equal(directionOf(value), found);
  });
}

const SIDES: readonly { what: string; side: string; first: string; last: string }[] = [
  { what: "0.0.0.0/32", side: "inside", first: "0.0.0.0", last: "0.0.0.0" },
  { what: "10.0.0.0/8", side: "inside", first: "10.0.0.0", last: "10.255.255.255" },
  { what: "between", side: "outside", first: "11.0.0.0", last: "100.63.255.255" },
  { what: "100.64.0.0/10", side: "inside", first: "100.64.0.0", last: "100.127.255.255" },
  { what: "between", side: "outside", first: "100.128.0.0", last: "126.255.255.255" },
  { what: "127.0.0.0/8", side: "inside", first: "127.0.0.0", last: "127.255.255.255" },
  { what: "between", side: "outside", first: "128.0.0.0", last: "169.253.255.255" },
  { what: "169.254.0.0/16", side: "inside", first: "169.254.0.0", last: "169.254.255.255" },
  { what: "between", side: "outside", first: "169.255.0.0", last: "172.15.255.255" },
  { what: "172.16.0.0/12", side: "inside", first: "172.16.0.0", last: "172.31.255.255" },
  { what: "between", side: "outside", first: "172.32.0.0", last: "192.167.255.255" },
  { what: "192.168.0.0/16", side: "inside", first: "192.168.0.0", last: "192.168.255.255" },
  { what: "between", side: "outside", first: "192.169.0.0", last: "223.255.255.255" },
  { what: "224.0.0.0/4", side: "inside", first: "224.0.0.0", last: "239.255.255.255" },
  { what: "before the broadcast address", side: "outside", first: "240.0.0.0", last: "255.255.255.254" },
  { what: "255.255.255.255/32", side: "inside", first: "255.255.255.255", last: "255.255.255.255" },
  { what: "::/128 and ::1/128", side: "inside", first: "::", last: "::1" },
  { what: "between", side: "outside", first: "::2", last: "fbff:ffff::" },
  { what: "fc00::/7", side: "inside", first: "fc00::", last: "fdff:ffff::" },
  { what: "between", side: "outside", first: "fe00::", last: "fe7f:ffff::" },
  { what: "fe80::/10", side: "inside", first: "fe80::", last: "febf:ffff::" },
  { what: "between", side: "outside", first: "fec0::", last: "feff:ffff::" },
  { what: "ff00::/8", side: "inside", first: "ff00::", last: "ffff:ffff::" },
];

for (const { what, side, first, last } of SIDES) {
  Deno.test(`part() of direction is ${side} for ${first} to ${last} (${what})`, () => {
    assert.deepEqual([sideOf(ip(first)), sideOf(ip(last))], [side, side]);
  });
}

Deno.test("part() of direction is nothing when the value is no address", () => {
  for (const value of [1, "10.0.0.1", "", [INSIDE, OUTSIDE]]) assert.equal(sideOf(value), undefined);
});

Deno.test("part() of direction is what it is already when the value is a part", () => {
  assert.deepEqual([sideOf("inside"), sideOf("outside")], ["inside", "outside"]);
});

const MINE = open({ networks: ["203.0.113.0/24", "::ffff:198.51.100.0/120", "2001:db8::/32", "192.0.2.1"] });

const MINE_SIDES: readonly { address: string; side: string; what: string }[] = [
  { address: "203.0.113.9", side: "inside", what: "an address of a network" },
  { address: "198.51.100.9", side: "inside", what: "an address of an IPv4-mapped network" },
  { address: "2001:db8::9", side: "inside", what: "an IPv6 address of a network" },
  { address: "192.0.2.1", side: "inside", what: "an address that is there itself" },
  { address: "192.0.2.2", side: "outside", what: "its neighbour" },
  { address: "10.0.0.1", side: "outside", what: "an address of a network that is there by default" },
  { address: "fd00::1", side: "outside", what: "an IPv6 address of a network that is there by default" },
  { address: "127.0.0.1", side: "inside", what: "a loopback address" },
  { address: "169.254.1.1", side: "inside", what: "a link-local address" },
  { address: "fe80::1", side: "inside", what: "an IPv6 link-local address" },
  { address: "224.0.0.1", side: "inside", what: "a multicast address" },
  { address: "255.255.255.255", side: "inside", what: "the broadcast address" },
];

for (const { address, side, what } of MINE_SIDES) {
  Deno.test(`direction has ${what} ${side} when the networks are configured`, () => {
    assert.equal(MINE.sideOf(ip(address)), side);
  });
}

Deno.test("direction takes one network without a list", () => {
  assert.equal(open({ networks: "203.0.113.0/24" }).directionOf([ip("203.0.113.1"), OUTSIDE]), "out");
});

Deno.test("direction has networks that overlap or are there twice inside", () => {
  const { sideOf } = open({ networks: ["203.0.113.0/24", "203.0.113.0/24", "203.0.0.0/16"] });
  assert.deepEqual([sideOf(ip("203.0.113.1")), sideOf(ip("203.0.1.1"))], ["inside", "inside"]);
});

Deno.test("direction has private addresses outside when the list of networks is empty", () => {
  assert.equal(open({ networks: [] }).sideOf(INSIDE), "outside");
});

const WRONG: readonly { what: string; settings: Literal; lines: readonly string[] }[] = [
  {
    what: "each item that is no network",
    settings: { networks: ["10.0.0.0/8", "office", "10.0.0.0/33", ["10.0.0.0/8"]] },
    lines: [
      'networks[1]: Expected a network such as 10.0.0.0/8, not "office"',
      'networks[2]: Expected a network such as 10.0.0.0/8, not "10.0.0.0/33"',
      "networks[3]: Expected a network such as 10.0.0.0/8, not a list",
    ],
  },
  {
    what: "a map",
    settings: { networks: { "10.0.0.0/8": "office" } },
    lines: ["networks: Expected a network such as 10.0.0.0/8, not a map"],
  },
];

for (const { what, settings, lines } of WRONG) {
  Deno.test(`direction reports ${what}`, () => {
    assert.deepEqual(read(settings).lines, lines);
  });
}

function anyIp(random: Random): Ip {
  const bytes = random.bytes(random.pick([4, 16]));
  if (random.int(2) === 0) bytes[0] = random.pick([10, 127, 192, 0xfd, 0xfe, 0xff]);
  return bytes.length === 4 ? ip(bytes.join(".")) : Ip.v6(bytes);
}

property("direction of two parts is that of the two addresses", (random) => {
  for (let i = 0; i < 2000; i++) {
    const source = anyIp(random), destination = anyIp(random);
    const parts = [sideOf(source), sideOf(destination)] as (string | undefined)[];
    assert.equal(directionOf(parts), directionOf([source, destination]));
  }
});
