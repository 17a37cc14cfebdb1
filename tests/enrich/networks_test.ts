import assert from "node:assert/strict";
import type { Value } from "../../core/enricher.ts";
import { Ip, Prefix } from "../../core/ip.ts";
import { type Literal, nodeOf, Problems } from "../../core/node.ts";
import { record } from "../../core/shape.ts";
import networks from "../../enrich/networks.ts";
import { quiet } from "../helpers/enrichers.ts";
import { placed } from "../helpers/nodes.ts";
import { property, type Random } from "../helpers/random.ts";

function open(map: Literal) {
  const problems = new Problems();
  const values = record(networks.settings).read(nodeOf({ networks: map }), problems);
  assert.deepEqual(problems.lines(), []);
  return networks.open(values!, quiet());
}

function problemsOf(settings: Literal): string[] {
  const problems = new Problems();
  record(networks.settings).read(placed(settings), problems);
  return problems.lines();
}

const OFFICES: Literal = {
  "10.0.0.0/8": "office",
  "10.1.0.0/16": { name: "lab", site: "Berlin" },
  "10.1.2.3": { name: "printer", site: "Berlin", floor: 3 },
  "10.1.3.0/24": { site: "Hamburg" },
  "2001:db8::/32": "office",
  "2001:db8:1::/48": { name: "lab" },
  "::ffff:192.0.2.0/120": "mapped",
};

const FOUND: readonly { value: Value; output: string; found: string | undefined; what: string }[] = [
  { value: ip("10.9.9.9"), output: "name", found: "office", what: "an address of a network" },
  { value: ip("10.1.9.9"), output: "name", found: "lab", what: "an address of a network in another" },
  { value: ip("10.1.2.3"), output: "name", found: "printer", what: "an address that is there itself" },
  { value: ip("10.1.2.2"), output: "name", found: "lab", what: "the neighbour of an address that is there" },
  { value: ip("11.0.0.1"), output: "name", found: undefined, what: "an address of no network" },
  { value: ip("2001:db8::1"), output: "name", found: "office", what: "an IPv6 address of a network" },
  {
    value: ip("2001:db8:1::1"),
    output: "name",
    found: "lab",
    what: "an IPv6 address of a network in another",
  },
  { value: ip("2001:db9::1"), output: "name", found: undefined, what: "an IPv6 address of no network" },
  {
    value: ip("192.0.2.1"),
    output: "name",
    found: "mapped",
    what: "an IPv4 address of an IPv4-mapped network",
  },
  { value: ip("::ffff:10.9.9.9"), output: "name", found: "office", what: "an IPv4-mapped address" },
  { value: ip("10.1.9.9"), output: "site", found: "Berlin", what: "a further output" },
  { value: ip("10.1.2.3"), output: "floor", found: "3", what: "an output that is a number" },
  { value: ip("10.1.9.9"), output: "floor", found: undefined, what: "an output of another network" },
  { value: ip("10.9.9.9"), output: "site", found: undefined, what: "an output of the network within" },
  { value: ip("10.1.3.1"), output: "name", found: undefined, what: "the name of a network that has none" },
  { value: "10.9.9.9", output: "name", found: undefined, what: "a text" },
  { value: 0x0a000001, output: "name", found: undefined, what: "a number" },
  { value: [ip("10.9.9.9")], output: "name", found: undefined, what: "a list" },
];

function ip(text: string): Ip {
  return Ip.parse(text)!;
}

for (const { value, output, found, what } of FOUND) {
  Deno.test(`networks gives ${found ?? "nothing"} for ${output} of ${what}`, () => {
    assert.equal(open(OFFICES).lookup(value, output), found);
  });
}

Deno.test("networks gives the name of the network of all addresses where there is no other", () => {
  const { lookup } = open({ "0.0.0.0/0": "internet", "::/0": "internet6", "10.0.0.0/8": "office" });
  assert.deepEqual(["8.8.8.8", "2001::1", "10.0.0.1"].map((text) => lookup(ip(text), "name")), [
    "internet",
    "internet6",
    "office",
  ]);
});

Deno.test("networks has the outputs that any of its networks has, the name first", () => {
  assert.deepEqual(open(OFFICES).outputs, ["name", "site", "floor"]);
});

Deno.test("networks has the output name when no network has a name", () => {
  assert.deepEqual(open({ "10.0.0.0/8": { site: "Berlin" } }).outputs, ["name", "site"]);
});

Deno.test("networks knows nothing when it has no networks", () => {
  assert.equal(open({}).lookup(ip("10.0.0.1"), "name"), undefined);
});

const WRONG: readonly { what: string; settings: Literal; lines: readonly string[] }[] = [
  {
    what: "a key that is no network",
    settings: { networks: { office: "10.0.0.0/8" } },
    lines: ['key networks.office: Expected a network such as 10.0.0.0/8, not "office"'],
  },
  {
    what: "a prefix that is too long",
    settings: { networks: { "10.0.0.0/33": "x" } },
    lines: ['key networks.10.0.0.0/33: Expected a network such as 10.0.0.0/8, not "10.0.0.0/33"'],
  },
  {
    what: "a mask",
    settings: { networks: { "10.0.0.0/255.0.0.0": "x" } },
    lines: [
      'key networks.10.0.0.0/255.0.0.0: Expected a network such as 10.0.0.0/8, not "10.0.0.0/255.0.0.0"',
    ],
  },
  {
    what: "a network that is there twice",
    settings: { networks: { "10.0.0.0/8": "a", "10.1.1.1/8": "b" } },
    lines: ["key networks.10.1.1.1/8: The network 10.0.0.0/8 is there twice"],
  },
  {
    what: "a name that is empty",
    settings: { networks: { "10.0.0.0/8": "" } },
    lines: ['networks.10.0.0.0/8: Expected a text, not ""'],
  },
  {
    what: "a list of networks",
    settings: { networks: ["10.0.0.0/8"] },
    lines: ["networks: Expected a map from networks to names, not a list"],
  },
  {
    what: "a map in the place of a text",
    settings: { networks: { "10.0.0.0/8": { site: { city: "Berlin" } } } },
    lines: ["networks.10.0.0.0/8.site: Expected a text, not a map"],
  },
  {
    what: "an unknown key",
    settings: { netwoks: {} },
    lines: ['key netwoks: Unknown key "netwoks" (did you mean "networks"?)'],
  },
];

for (const { what, settings, lines } of WRONG) {
  Deno.test(`networks reports ${what}`, () => {
    assert.deepEqual(problemsOf(settings), lines);
  });
}

/** An address near one of few others, so that prefixes of all lengths hold it. */
function nearby(random: Random): Ip {
  const bytes = new Uint8Array(random.int(2) === 0 ? 4 : 16);
  for (const i of bytes.keys()) bytes[i] = random.int(3) === 0 ? random.int(256) : random.pick([0, 10, 255]);
  return bytes.length === 4 ? ip(bytes.join(".")) : Ip.v6(bytes);
}

property("networks gives the name of the longest of 10,000 prefixes that holds an address", (random) => {
  const prefixes = new Map<string, Prefix>();
  while (prefixes.size < 10_000) {
    const address = nearby(random);
    const prefix = Prefix.parse(`${address}/${random.int(8 * address.bytes.length + 1)}`)!;
    prefixes.set(String(prefix), prefix);
  }
  const { lookup } = open(Object.fromEntries([...prefixes.keys()].map((text) => [text, `net ${text}`])));
  const byLength = [...prefixes.values()].toSorted((a, b) => b.length - a.length);
  for (let i = 0; i < 500; i++) {
    const address = nearby(random);
    const holder = byLength.find((prefix) => prefix.contains(address));
    assert.equal(lookup(address, "name"), holder && `net ${holder}`);
  }
});
