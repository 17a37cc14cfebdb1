import assert from "node:assert/strict";
import type { Value } from "../../core/enricher.ts";
import { Ip } from "../../core/ip.ts";
import { PROTOCOL_NAMES } from "../../core/protocol_table.ts";
import protocolName from "../../enrich/protocol_name.ts";
import { quiet } from "../helpers/enrichers.ts";

const { lookup } = protocolName.open({}, quiet());

const FOUND: readonly { value: Value; name: string | undefined; basic: string | undefined; what: string }[] =
  [
    { value: 1, name: "icmp", basic: "icmp", what: "ICMP" },
    { value: 2, name: "igmp", basic: "igmp", what: "IGMP" },
    { value: 6, name: "tcp", basic: "tcp", what: "TCP" },
    { value: 17, name: "udp", basic: "udp", what: "UDP" },
    { value: 0, name: "hopopt", basic: "other (0)", what: "the first" },
    { value: 4, name: "ipv4", basic: "other (4)", what: "IPv4 in IP" },
    { value: 39, name: "tp++", basic: "other (39)", what: "a keyword with signs" },
    { value: 41, name: "ipv6", basic: "other (41)", what: "IPv6 in IP" },
    { value: 47, name: "gre", basic: "other (47)", what: "GRE" },
    { value: 50, name: "esp", basic: "other (50)", what: "ESP" },
    { value: 58, name: "ipv6-icmp", basic: "other (58)", what: "ICMPv6" },
    { value: 61, name: "61", basic: "other (61)", what: "an assigned number without a keyword" },
    { value: 89, name: "ospfigp", basic: "other (89)", what: "OSPF" },
    { value: 124, name: "isis over ipv4", basic: "other (124)", what: "a keyword of several words" },
    { value: 132, name: "sctp", basic: "other (132)", what: "SCTP" },
    { value: 147, name: "bit-emu", basic: "other (147)", what: "the last" },
    { value: 148, name: "148", basic: "other (148)", what: "the first that is not assigned" },
    { value: 253, name: "253", basic: "other (253)", what: "a number for experiments" },
    { value: 255, name: "reserved", basic: "other (255)", what: "the reserved number" },
    { value: 256, name: "256", basic: "other (256)", what: "a number past all protocols" },
    { value: -1, name: "-1", basic: "other (-1)", what: "a negative number" },
    { value: "tcp", name: undefined, basic: undefined, what: "a text" },
    { value: Ip.v4(6), name: undefined, basic: undefined, what: "an address" },
    { value: [6, 443], name: undefined, basic: undefined, what: "a list" },
  ];

for (const { value, name, basic, what } of FOUND) {
  Deno.test(`protocol_name gives ${name ?? "nothing"}, and basic ${basic ?? "nothing"}, for ${what}`, () => {
    assert.deepEqual([lookup(value, "name"), lookup(value, "basic")], [name, basic]);
  });
}

Deno.test("PROTOCOL_NAMES has a name for each number that IANA has given a keyword", () => {
  const without = Array.from({ length: 256 }, (_, number) => number).filter((number) =>
    !PROTOCOL_NAMES.has(number)
  );
  const unassigned = Array.from({ length: 252 - 148 + 1 }, (_, i) => 148 + i);
  assert.deepEqual(without, [61, 63, 68, 99, 114, ...unassigned, 253, 254]);
  assert.equal(PROTOCOL_NAMES.size, 256 - without.length);
});

Deno.test("PROTOCOL_NAMES has every name once, in lower case", () => {
  const names = [...PROTOCOL_NAMES.values()];
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^[a-z0-9]+(?:[-. /+][a-z0-9+]+)*$/);
});
