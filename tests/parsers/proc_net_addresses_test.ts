import assert from "node:assert/strict";
import { parseIfInet6, parseRoutes } from "../../parsers/proc_net_addresses.ts";
import { fixtureText } from "../helpers/fixtures.ts";
import { property, type Random } from "../helpers/random.ts";

const HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT" +
  " ".repeat(55) + "\n";

interface Route {
  readonly name?: string;
  readonly destination?: string;
  readonly gateway?: string;
  readonly flags?: string;
  readonly metric?: string;
  readonly mask?: string;
}

function route(
  {
    name = "eth0",
    destination = "000200C0",
    gateway = "00000000",
    flags = "0001",
    metric = "0",
    mask = "00FFFFFF",
  }: Route,
): string {
  const line = `${name}\t${destination}\t${gateway}\t${flags}\t0\t0\t${metric}\t${mask}\t0\t0\t0`;
  return `${line.padEnd(127)}\n`;
}

function addressesOf(text: string): string[] {
  return parseIfInet6(text).map(({ ip, name }) => `${name} ${ip}`);
}

function routesOf(text: string): string[] {
  return parseRoutes(text).map(({ prefix, name }) => `${name} ${prefix}`);
}

const ETH0 = "20010db8000000000000000000000010 02 40 00 80     eth0\n";

const IF_INET6 = [
  { what: "an address", text: ETH0, expected: ["eth0 2001:db8::10"] },
  {
    what: "several addresses",
    text: "00000000000000000000000000000001 01 80 10 80       lo\n" + ETH0 +
      "fe800000000000000000000000000001 02 40 20 80     eth0\n",
    expected: ["lo ::1", "eth0 2001:db8::10", "eth0 fe80::1"],
  },
  {
    what: "a long name and a high index",
    text: "20010db8000000000000000000000010 1a2b 40 00 80 abcdefghijklmno\n",
    expected: ["abcdefghijklmno 2001:db8::10"],
  },
  { what: "a last line without its end", text: ETH0.trimEnd(), expected: ["eth0 2001:db8::10"] },
  { what: "nothing", text: "", expected: [] },
];

for (const { what, text, expected } of IF_INET6) {
  Deno.test(`parseIfInet6() reads ${what}`, () => {
    assert.deepEqual(addressesOf(text), expected);
  });
}

const NO_ADDRESSES = [
  { what: "an address that is too short", line: "20010db80000000000000000000001 02 40 00 80 eth1\n" },
  { what: "an address that is too long", line: "20010db80000000000000000000000100 02 40 00 80 eth1\n" },
  { what: "an address that is not hexadecimal", line: "20010db800000000000000000000001g 02 40 00 80 eth1\n" },
  { what: "a line without name", line: "20010db8000000000000000000000010 02 40 00 80\n" },
  { what: "a line without index", line: "20010db8000000000000000000000010 40 00 80 eth1\n" },
  { what: "a line that is cut short", line: "20010db8000000000000000000000010 02\n" },
  { what: "an empty line", line: "\n" },
  { what: "an overlong line", line: `${"0".repeat(100_000)}\n` },
];

for (const { what, line } of NO_ADDRESSES) {
  Deno.test(`parseIfInet6() passes over ${what}`, () => {
    assert.deepEqual(addressesOf(line + ETH0), ["eth0 2001:db8::10"]);
  });
}

const ROUTES = [
  { what: "the network of an interface", line: route({}), expected: ["eth0 192.0.2.0/24"] },
  {
    what: "a host",
    line: route({ destination: "0100090A", mask: "FFFFFFFF" }),
    expected: ["eth0 10.9.0.1/32"],
  },
  {
    what: "half of all addresses",
    line: route({ destination: "00000080", mask: "00000080" }),
    expected: ["eth0 128.0.0.0/1"],
  },
  {
    what: "a network of no whole byte",
    line: route({ destination: "007100CB", mask: "F0FFFFFF" }),
    expected: ["eth0 203.0.113.0/28"],
  },
  { what: "a VLAN", line: route({ name: "eth0.7" }), expected: ["eth0.7 192.0.2.0/24"] },
  { what: "the greatest metric", line: route({ metric: "4294967295" }), expected: ["eth0 192.0.2.0/24"] },
];

for (const { what, line, expected } of ROUTES) {
  Deno.test(`parseRoutes() reads ${what}`, () => {
    assert.deepEqual(routesOf(HEAD + line), expected);
  });
}

Deno.test("parseRoutes() reads routes in their order", () => {
  const text = HEAD + route({}) + route({ name: "eth1", destination: "0000000A", mask: "000000FF" });
  assert.deepEqual(routesOf(text), ["eth0 192.0.2.0/24", "eth1 10.0.0.0/8"]);
});

Deno.test("parseRoutes() reads a last line without its end", () => {
  assert.deepEqual(routesOf(HEAD + route({}).trimEnd()), ["eth0 192.0.2.0/24"]);
});

const NO_ROUTES = [
  { what: "a route through a gateway", line: route({ gateway: "010200C0", flags: "0003" }) },
  {
    what: "a default route through a gateway",
    line: route({ destination: "00000000", gateway: "010200C0", mask: "00000000" }),
  },
  { what: "a default route without gateway", line: route({ destination: "00000000", mask: "00000000" }) },
  { what: "a mask with holes", line: route({ mask: "00FF00FF" }) },
  // fib_route_seq_show() names no interface where packets go nowhere.
  { what: "a blackhole", line: route({ name: "*" }) },
  { what: "an unreachable network", line: route({ name: "*", flags: "0201" }) },
  { what: "a destination that is too short", line: route({ destination: "00200C0" }) },
  { what: "a mask that is too short", line: route({ mask: "0FFFFFF" }) },
  { what: "a destination in lower case", line: route({ destination: "000200c0" }) },
  { what: "a line that is cut short", line: "eth0\t000200C0\t00000000\n" },
  { what: "fields between spaces", line: route({}).replaceAll("\t", " ") },
  { what: "an empty line", line: "\n" },
];

for (const { what, line } of NO_ROUTES) {
  Deno.test(`parseRoutes() passes over ${what}`, () => {
    assert.deepEqual(routesOf(HEAD + line + route({ name: "eth1" })), ["eth1 192.0.2.0/24"]);
  });
}

Deno.test("parseRoutes() reads nothing of the head alone", () => {
  assert.deepEqual(routesOf(HEAD), []);
});

Deno.test("parseRoutes() reads nothing of an empty file", () => {
  assert.deepEqual(routesOf(""), []);
});

const FILES = [
  { file: "if_inet6", parse: addressesOf },
  { file: "route", parse: routesOf },
] as const;

for (const { file, parse } of FILES) {
  Deno.test(`What is read of any beginning of ${file} begins as what is read of the whole`, () => {
    const text = fixtureText(`procfs/net/${file}`), whole = parse(text);
    for (let length = 0; length < text.length; length++) {
      const part = parse(text.slice(0, length));
      assert(part.length <= whole.length);
      assert.deepEqual(part.slice(0, -1), whole.slice(0, Math.max(0, part.length - 1)));
    }
  });

  property(`What is read of a changed ${file} has no more lines than it`, (random: Random) => {
    const text = fixtureText(`procfs/net/${file}`), letters = [..."0aA*\t\n \0xé"];
    for (let round = 0; round < 20_000; round++) {
      const at = random.int(text.length), to = at + random.int(4);
      const changed = text.slice(0, at) + random.pick(letters) + text.slice(to);
      assert(parse(changed).length <= changed.split("\n").length);
    }
    assert.deepEqual(addressesOf(ETH0), ["eth0 2001:db8::10"]);
    assert.deepEqual(routesOf(route({})), ["eth0 192.0.2.0/24"]);
  });
}
