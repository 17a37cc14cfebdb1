import assert from "node:assert/strict";
import { InterfaceNames } from "../../core/interface_names.ts";
import { Ip } from "../../core/ip.ts";

const MAX_ADDRESSES = 4096;

function ips(...texts: string[]): Ip[] {
  return texts.map((text) => Ip.parse(text)!);
}

const [FIRST, SECOND, OTHER] = ips("192.0.2.1", "2001:db8::1", "192.0.2.9") as [Ip, Ip, Ip];

/** Interfaces by index, of which the first is 1. */
function names(...all: string[]): Map<number, string> {
  return new Map(all.map((name, i) => [i + 1, name]));
}

/** Names, and how often somebody was told of changes. */
function counted(): { known: InterfaceNames; changes: () => number } {
  const known = new InterfaceNames();
  let changes = 0;
  known.onChange(() => changes++);
  return { known, changes: () => changes };
}

Deno.test("find() gives the name of the index at an address", () => {
  const known = new InterfaceNames();
  known.tell("router", [FIRST], names("ether1", "ether2"));
  assert.deepEqual([known.find(FIRST, 1), known.find(FIRST, 2)], ["ether1", "ether2"]);
});

Deno.test("find() gives nothing for an index that the address does not have", () => {
  const known = new InterfaceNames();
  known.tell("router", [FIRST], names("ether1"));
  assert.equal(known.find(FIRST, 2), undefined);
});

Deno.test("find() gives nothing for an address that nobody told of", () => {
  const known = new InterfaceNames();
  known.tell("router", [FIRST], names("ether1"));
  assert.equal(known.find(OTHER, 1), undefined);
});

Deno.test("find() gives the same for each of several addresses of a router", () => {
  const known = new InterfaceNames();
  known.tell("router", [FIRST, SECOND], names("ether1"));
  assert.deepEqual([FIRST, SECOND, OTHER].map((ip) => known.find(ip, 1)), ["ether1", "ether1", undefined]);
});

Deno.test("find() takes an IPv4-mapped address for the IPv4 address", () => {
  const known = new InterfaceNames();
  known.tell("router", ips("::ffff:192.0.2.1"), names("ether1"));
  assert.equal(known.find(FIRST, 1), "ether1");
});

Deno.test("tell() replaces all that was said of an address before", () => {
  const known = new InterfaceNames();
  known.tell("router", [FIRST, SECOND], names("ether1", "ether2"));
  known.tell("router", [FIRST], names("wan"));
  assert.deepEqual([known.find(FIRST, 1), known.find(FIRST, 2)], ["wan", undefined]);
  assert.deepEqual([known.find(SECOND, 1), known.find(SECOND, 2)], ["ether1", "ether2"]);
});

const AGAIN: readonly {
  readonly what: string;
  readonly addresses: readonly Ip[];
  readonly names: ReadonlyMap<number, string>;
  readonly changes: number;
}[] = [
  { what: "the same", addresses: [FIRST], names: names("ether1", "ether2"), changes: 1 },
  { what: "no address", addresses: [], names: names("wan"), changes: 1 },
  { what: "another name", addresses: [FIRST], names: names("ether1", "wan"), changes: 2 },
  { what: "a name more", addresses: [FIRST], names: names("ether1", "ether2", "wan"), changes: 2 },
  { what: "a name less", addresses: [FIRST], names: names("ether1"), changes: 2 },
  { what: "an address more", addresses: [FIRST, SECOND], names: names("ether1", "ether2"), changes: 2 },
  {
    what: "another index of the same name",
    addresses: [FIRST],
    names: new Map([[1, "ether1"], [3, "ether2"]]),
    changes: 2,
  },
  {
    what: "other names of several addresses at once",
    addresses: [FIRST, SECOND, OTHER],
    names: names("wan"),
    changes: 2,
  },
];

for (const { what, addresses, names: told, changes: expected } of AGAIN) {
  Deno.test(`onChange() has told of ${expected} changes when somebody says ${what} again`, () => {
    const { known, changes } = counted();
    known.tell("router", [FIRST], names("ether1", "ether2"));
    known.tell("router", addresses, told);
    assert.equal(changes(), expected);
  });
}

Deno.test("onChange() tells each listener, when the names can be found already", () => {
  const known = new InterfaceNames(), found: (string | undefined)[] = [];
  for (let i = 0; i < 2; i++) known.onChange(() => found.push(known.find(FIRST, 1)));
  known.tell("router", [FIRST], names("ether1"));
  assert.deepEqual(found, ["ether1", "ether1"]);
});

/** As many addresses as there is a place for. */
function manyIps(): Ip[] {
  return Array.from({ length: MAX_ADDRESSES }, (_, i) => Ip.v4(0x0a000000 + i));
}

/** Each told by a router of its own. */
function tellMany(known: InterfaceNames): Ip[] {
  const all = manyIps();
  for (const [i, ip] of all.entries()) known.tell(`router ${i}`, [ip], names("ether1"));
  return all;
}

Deno.test("tell() has no place for more than 4096 addresses, and tells of no change", () => {
  const { known, changes } = counted();
  tellMany(known);
  known.tell("router", [FIRST], names("wan"));
  assert.deepEqual([known.all.size, known.find(FIRST, 1), changes()], [
    MAX_ADDRESSES,
    undefined,
    MAX_ADDRESSES,
  ]);
});

Deno.test("tell() replaces what was said of an address though there is no place for others", () => {
  const { known } = counted(), all = tellMany(known);
  known.tell("router 0", [all[0]!, FIRST], names("wan"));
  assert.deepEqual([known.find(all[0]!, 1), known.find(all[1]!, 1)], ["wan", "ether1"]);
});

Deno.test("tell() takes 64 addresses of a router", () => {
  const { known } = counted();
  known.tell("router", manyIps(), names("ether1"));
  assert.equal(known.all.size, 64);
});

Deno.test("tell() leaves an address to the router that told it first, and changes nothing again and again", () => {
  const { known, changes } = counted();
  for (let i = 0; i < 3; i++) {
    known.tell("a", [FIRST, OTHER], names("of a"));
    known.tell("b", [SECOND, OTHER], names("of b"));
  }
  assert.deepEqual([FIRST, SECOND, OTHER].map((ip) => known.find(ip, 1)), ["of a", "of b", "of a"]);
  assert.equal(changes(), 2);
});

Deno.test("tell() gives an address to the router that is reached at it", () => {
  const { known } = counted();
  known.tell("a", [FIRST, OTHER], names("of a"));
  known.tell("b", [OTHER], names("of b"));
  known.tell("a", [FIRST, OTHER], names("of a"));
  assert.equal(known.find(OTHER, 1), "of b");
});

Deno.test("tellAll() says elsewhere all that is known", () => {
  const known = new InterfaceNames(), { known: elsewhere, changes } = counted();
  known.tell("router", [FIRST, SECOND], names("ether1"));
  known.tell("router", [OTHER], names("wan"));
  elsewhere.tellAll(structuredClone(known.all));
  assert.deepEqual([FIRST, SECOND, OTHER].map((ip) => elsewhere.find(ip, 1)), ["ether1", "ether1", "wan"]);
  assert(changes() > 0);
});

Deno.test("tellAll() tells of no change when all was known before", () => {
  const known = new InterfaceNames(), { known: elsewhere, changes } = counted();
  known.tell("router", [FIRST, SECOND], names("ether1"));
  elsewhere.tellAll(structuredClone(known.all));
  const before = changes();
  elsewhere.tellAll(structuredClone(known.all));
  assert.equal(changes(), before);
});
