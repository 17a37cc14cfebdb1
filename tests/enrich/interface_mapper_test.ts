import assert from "node:assert/strict";
import type { Value } from "../../core/enricher.ts";
import { Ip } from "../../core/ip.ts";
import { type Literal, Problems } from "../../core/node.ts";
import { record } from "../../core/shape.ts";
import interfaceMapper from "../../enrich/interface_mapper.ts";
import { quiet } from "../helpers/enrichers.ts";
import { placed } from "../helpers/nodes.ts";
import { emit, pipelineOf, seriesOf, settle } from "../helpers/pipelines.ts";
import { STREAM } from "../helpers/scenarios.ts";

function read(settings: Literal) {
  const problems = new Problems();
  const values = record(interfaceMapper.settings).read(placed(settings), problems);
  return { values, lines: problems.lines() };
}

function open(settings: Literal) {
  const { values, lines } = read(settings);
  assert.deepEqual(lines, []);
  return interfaceMapper.open(values!, quiet());
}

function ip(text: string): Ip {
  return Ip.parse(text)!;
}

const { lookup } = open({
  names: { 0: "local", 1: "wan", 2: "lan", 4294967295: "last" },
  exporters: {
    "192.0.2.1": { 1: "uplink" },
    "192.0.2.0/24": { 1: "trunk", 7: "vlan7" },
    "2001:db8::1": { 1: "six" },
    "::ffff:198.51.100.1": { 1: "mapped" },
  },
});

const FOUND: readonly { value: Value; found: string | undefined; what: string }[] = [
  { value: 1, found: "wan", what: "an index" },
  { value: 0, found: "local", what: "index 0" },
  { value: 2 ** 32 - 1, found: "last", what: "the largest index" },
  { value: 3, found: undefined, what: "an index that is not there" },
  { value: 7, found: undefined, what: "an index that only an exporter has" },
  { value: 1.5, found: undefined, what: "a number that is not whole" },
  { value: -1, found: undefined, what: "a negative number" },
  { value: NaN, found: undefined, what: "what is no number" },
  { value: "1", found: undefined, what: "a text" },
  { value: ip("192.0.2.1"), found: undefined, what: "an address" },
  { value: [ip("192.0.2.1"), 1], found: "uplink", what: "an exporter that is there itself" },
  { value: [ip("192.0.2.2"), 1], found: "trunk", what: "an exporter of a network" },
  { value: [ip("192.0.2.2"), 7], found: "vlan7", what: "an index that only a network has" },
  { value: [ip("192.0.2.1"), 7], found: undefined, what: "an index that only the network around has" },
  { value: [ip("192.0.2.1"), 2], found: "lan", what: "an index that the exporter lacks" },
  { value: [ip("203.0.113.1"), 1], found: "wan", what: "an exporter that is not there" },
  { value: [ip("203.0.113.1"), 7], found: undefined, what: "an index of another exporter" },
  { value: [ip("2001:db8::1"), 1], found: "six", what: "an exporter with IPv6" },
  { value: [ip("198.51.100.1"), 1], found: "mapped", what: "an exporter with an IPv4-mapped key" },
  { value: [undefined, 1], found: "wan", what: "an absent exporter" },
  { value: [ip("192.0.2.1"), undefined], found: undefined, what: "an absent index" },
  { value: [1, ip("192.0.2.1")], found: undefined, what: "an index and an exporter, in the wrong order" },
  { value: [], found: undefined, what: "an empty list" },
];

for (const { value, found, what } of FOUND) {
  Deno.test(`interface_mapper gives ${found ?? "nothing"} for ${what}`, () => {
    assert.equal(lookup(value, "name"), found);
  });
}

Deno.test("interface_mapper knows the interfaces of exporters when there are no names for all", () => {
  const { lookup } = open({ exporters: { "192.0.2.1": { 1: "wan" } } });
  assert.deepEqual([lookup([ip("192.0.2.1"), 1], "name"), lookup(1, "name")], ["wan", undefined]);
});

Deno.test("interface_mapper knows nothing when it has no settings", () => {
  const { lookup } = open({});
  assert.deepEqual([lookup(1, "name"), lookup([ip("192.0.2.1"), 1], "name")], [undefined, undefined]);
});

const INDEX = "Expected the index of an interface from 0 to 4294967295";

const WRONG: readonly { what: string; settings: Literal; lines: readonly string[] }[] = [
  {
    what: "each key that is no index",
    settings: { names: { eth0: "a", "1.5": "b", "-1": "c", "01": "d", "0x1": "e", "1e1": "f", "": "g" } },
    lines: ["eth0", "1.5", "-1", "01", "0x1", "1e1", ""].map((key) =>
      `key names.${key}: ${INDEX}, not "${key}"`
    ),
  },
  {
    what: "an index of more than 32 bits",
    settings: { names: { 4294967296: "a" } },
    lines: [`key names.4294967296: ${INDEX}, not "4294967296"`],
  },
  {
    what: "an index of very many digits",
    settings: { names: { ["9".repeat(400)]: "a" } },
    lines: [`key names.${"9".repeat(400)}: ${INDEX}, not "${"9".repeat(400)}"`],
  },
  {
    what: "a name that is a map",
    settings: { names: { 1: { name: "wan" } } },
    lines: ["names.1: Expected a text, not a map"],
  },
  {
    what: "a list of names",
    settings: { names: ["wan"] },
    lines: ["names: Expected a map from the indexes of interfaces to names, not a list"],
  },
  {
    what: "a key that is no exporter",
    settings: { exporters: { router: { 1: "wan" } } },
    lines: ['key exporters.router: Expected the address of an exporter, or a network, not "router"'],
  },
  {
    what: "an exporter that is there twice",
    settings: { exporters: { "2001:db8::1": { 1: "a" }, "2001:0DB8:0::0001": { 1: "b" } } },
    lines: ["key exporters.2001:0DB8:0::0001: The exporter 2001:db8::1/128 is there twice"],
  },
  {
    what: "both a key that is no exporter and its wrong names",
    settings: { exporters: { router: { eth0: "wan" } } },
    lines: [
      `key exporters.router.eth0: ${INDEX}, not "eth0"`,
      'key exporters.router: Expected the address of an exporter, or a network, not "router"',
    ],
  },
  {
    what: "an exporter with a name in the place of its interfaces",
    settings: { exporters: { "192.0.2.1": "router" } },
    lines: ['exporters.192.0.2.1: Expected a map from the indexes of interfaces to names, not "router"'],
  },
  {
    what: "a text in the place of exporters",
    settings: { exporters: "192.0.2.1" },
    lines: ['exporters: Expected a map from exporters to the names of their interfaces, not "192.0.2.1"'],
  },
];

for (const { what, settings, lines } of WRONG) {
  Deno.test(`interface_mapper reports ${what}`, () => {
    assert.deepEqual(read(settings).lines, lines);
  });
}

/** An enricher with these settings, and where routers tell the names of their interfaces. */
function told(settings: Literal) {
  const context = quiet(), { lookup, onChange } = interfaceMapper.open(read(settings).values!, context);
  let changes = 0;
  onChange!(() => changes++);
  return {
    nameOf: (value: Value) => lookup(value, "name"),
    tell: (address: string, names: Record<number, string>) =>
      context.interfaceNames.tell(
        "router",
        [ip(address)],
        new Map(Object.entries(names).map(([index, name]) => [Number(index), name])),
      ),
    changes: () => changes,
  };
}

const ROUTER: Value = [ip("192.0.2.1"), 1];

const SOURCES: readonly { readonly what: string; readonly settings: Literal; readonly found: string }[] = [
  { what: "the name that the router told", settings: {}, found: "ether1" },
  { what: "it before the name for all", settings: { names: { 1: "wan" } }, found: "ether1" },
  {
    what: "the name configured for the exporter before it",
    settings: { exporters: { "192.0.2.1": { 1: "uplink" } }, names: { 1: "wan" } },
    found: "uplink",
  },
  {
    what: "the name configured for the network of the exporter before it",
    settings: { exporters: { "192.0.2.0/24": { 1: "uplink" } } },
    found: "uplink",
  },
  {
    what: "it when the exporter has another index only",
    settings: { exporters: { "192.0.2.1": { 2: "lan" } } },
    found: "ether1",
  },
];

for (const { what, settings, found } of SOURCES) {
  Deno.test(`interface_mapper gives ${what}`, () => {
    const { nameOf, tell } = told(settings);
    tell("192.0.2.1", { 1: "ether1" });
    assert.equal(nameOf(ROUTER), found);
  });
}

Deno.test("interface_mapper gives the name for all when the router told of other interfaces", () => {
  const { nameOf, tell } = told({ names: { 1: "wan" } });
  tell("192.0.2.1", { 2: "ether2" });
  assert.equal(nameOf(ROUTER), "wan");
});

Deno.test("interface_mapper gives no name of a router for an index alone, nor for another router", () => {
  const { nameOf, tell } = told({});
  tell("192.0.2.1", { 1: "ether1" });
  assert.deepEqual([nameOf(1), nameOf([undefined, 1]), nameOf([ip("192.0.2.2"), 1])], [
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("interface_mapper gives the names that routers told last, and tells that they have changed", () => {
  const { nameOf, tell, changes } = told({}), seen: unknown[] = [];
  for (const name of ["ether1", "ether1", "wan"]) {
    tell("192.0.2.1", { 1: name });
    seen.push([nameOf(ROUTER), changes()]);
  }
  assert.deepEqual(seen, [["ether1", 1], ["ether1", 1], ["wan", 2]]);
});

Deno.test("a label of interface_mapper shows the new name when a router has told it", () => {
  const context = quiet(), { lookup, onChange } = interfaceMapper.open(read({}).values!, context);
  const pipeline = pipelineOf({
    types: [STREAM],
    rules: [{
      name: "metric",
      source: "flows",
      labels: [{ name: "input", field: ["host", "port"], steps: ["interface_mapper"] }],
    }],
    lookups: new Map([["interface_mapper", { lookup, onChange: onChange!, outputs: ["name"] }]]),
  });
  const shown = ["ether1", "wan"].map((name) => {
    context.interfaceNames.tell("router", [ip("192.0.2.1")], new Map([[1, name]]));
    emit(pipeline, { host: "192.0.2.1", port: 1 });
    settle(pipeline);
    return [...seriesOf(pipeline).keys()].at(-1);
  });
  assert.deepEqual(shown, ['metric{input="ether1"}', 'metric{input="wan"}']);
});
