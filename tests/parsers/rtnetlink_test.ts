import assert from "node:assert/strict";
import { Ip } from "../../core/ip.ts";
import { NetlinkMessages } from "../../parsers/netlink.ts";
import { addressRequest, linkRequest, readAddresses, readLinks } from "../../parsers/rtnetlink.ts";
import { fixture, fixtureText, mutated } from "../helpers/fixtures.ts";
import { attribute, concat, message, textAttribute, u16, u32, walk } from "../helpers/netlink.ts";
import { property, type Random } from "../helpers/random.ts";

const RTM_NEWLINK = 16, RTM_NEWADDR = 20;
const IFLA_ADDRESS = 1, IFLA_IFNAME = 3, IFLA_MTU = 4;
const IFA_ADDRESS = 1, IFA_LOCAL = 2, IFA_LABEL = 3, IFA_BROADCAST = 4, IFA_FLAGS = 8;
const AF_INET = 2;

/** struct ifinfomsg and attributes. */
function link(index: number, ...attributes: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return message(RTM_NEWLINK, concat(u16(0, 1), u32(index, 0x1043, 0), ...attributes));
}

/** struct ifaddrmsg and attributes. */
function address(index: number, ...attributes: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return message(RTM_NEWADDR, concat(Uint8Array.of(AF_INET, 24, 0, 0), u32(index), ...attributes));
}

function ip(type: number, text: string): Uint8Array<ArrayBuffer> {
  return attribute(type, Ip.parse(text)!.bytes);
}

function linksOf(bytes: Uint8Array<ArrayBuffer>, names = new Map<number, string>()): Record<number, string> {
  readLinks(walk(bytes), names);
  return Object.fromEntries(names);
}

function addressesOf(bytes: Uint8Array<ArrayBuffer>): string[] {
  return readAddresses(walk(bytes)).map(({ ip, index }) => `${index} ${ip}`);
}

Deno.test("linkRequest() asks for all links without their statistics", () => {
  assert.deepEqual([...linkRequest()], [
    ...[40, 0, 0, 0, 18, 0, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0],
    ...new Array<number>(16).fill(0),
    ...[8, 0, 29, 0, 8, 0, 0, 0],
  ]);
});

Deno.test("addressRequest() asks for the addresses of all families", () => {
  assert.deepEqual([...addressRequest()], [
    ...[24, 0, 0, 0, 22, 0, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0],
    ...new Array<number>(8).fill(0),
  ]);
});

const NAMES = [
  { what: "that ends in NUL", name: textAttribute(IFLA_IFNAME, "eth0\0"), expected: "eth0" },
  { what: "without NUL", name: textAttribute(IFLA_IFNAME, "eth0"), expected: "eth0" },
  {
    what: "of the greatest length",
    name: textAttribute(IFLA_IFNAME, "abcdefghijklmno\0"),
    expected: "abcdefghijklmno",
  },
  { what: "with bytes after NUL", name: textAttribute(IFLA_IFNAME, "eth0\0junk"), expected: "eth0" },
  { what: "with a dot", name: textAttribute(IFLA_IFNAME, "eth0.7\0"), expected: "eth0.7" },
  { what: "that is not ASCII", name: textAttribute(IFLA_IFNAME, "сеть0\0"), expected: "сеть0" },
  {
    what: "that is no UTF-8",
    name: attribute(IFLA_IFNAME, Uint8Array.of(0x65, 0xff, 0)),
    expected: "e\ufffd",
  },
  { what: "that is empty", name: textAttribute(IFLA_IFNAME, "\0"), expected: "" },
];

for (const { what, name, expected } of NAMES) {
  Deno.test(`readLinks() reads a name ${what}`, () => {
    assert.deepEqual(linksOf(link(7, name)), { 7: expected });
  });
}

Deno.test("readLinks() finds the name among other attributes", () => {
  const attributes = [
    attribute(IFLA_ADDRESS, new Uint8Array(6)),
    textAttribute(IFLA_IFNAME, "eth0\0"),
    attribute(IFLA_MTU, u32(1500)),
  ];
  assert.deepEqual(linksOf(link(7, ...attributes)), { 7: "eth0" });
});

Deno.test("readLinks() reads several links, and adds them to those already known", () => {
  const bytes = concat(
    link(1, textAttribute(IFLA_IFNAME, "lo\0")),
    link(2, textAttribute(IFLA_IFNAME, "eth0\0")),
  );
  assert.deepEqual(linksOf(bytes, new Map([[3, "tun0"]])), { 1: "lo", 2: "eth0", 3: "tun0" });
});

Deno.test("readLinks() gives a link that has been renamed its new name", () => {
  assert.deepEqual(linksOf(link(2, textAttribute(IFLA_IFNAME, "wan\0")), new Map([[2, "eth0"]])), {
    2: "wan",
  });
});

const NO_LINKS = [
  { what: "a link without name", bytes: link(1, attribute(IFLA_MTU, u32(1500))) },
  { what: "a link that is cut short", bytes: message(RTM_NEWLINK, new Uint8Array(15)) },
  { what: "a link without anything", bytes: message(RTM_NEWLINK) },
  { what: "a name that claims an impossible length", bytes: link(1, attribute(IFLA_IFNAME, u32(0), 99)) },
  { what: "a message of another type", bytes: address(1, textAttribute(IFLA_IFNAME, "eth0\0")) },
];

for (const { what, bytes } of NO_LINKS) {
  Deno.test(`readLinks() passes over ${what}`, () => {
    const bytesAfter = concat(bytes, link(2, textAttribute(IFLA_IFNAME, "eth0\0")));
    assert.deepEqual(linksOf(bytesAfter), { 2: "eth0" });
  });
}

const OWN = [
  { what: "an IPv4 address", attributes: [ip(IFA_ADDRESS, "192.0.2.1")], expected: "192.0.2.1" },
  { what: "an IPv6 address", attributes: [ip(IFA_ADDRESS, "2001:db8::1")], expected: "2001:db8::1" },
  {
    what: "our own address of a point-to-point link with IPv4",
    attributes: [ip(IFA_ADDRESS, "192.0.2.2"), ip(IFA_LOCAL, "192.0.2.1")],
    expected: "192.0.2.1",
  },
  {
    // inet6_fill_ifaddr() in net/ipv6/addrconf.c
    what: "our own address of a point-to-point link with IPv6, which comes first",
    attributes: [ip(IFA_LOCAL, "2001:db8::1"), ip(IFA_ADDRESS, "2001:db8::2")],
    expected: "2001:db8::1",
  },
  {
    what: "an address that is given twice",
    attributes: [ip(IFA_ADDRESS, "192.0.2.1"), ip(IFA_LOCAL, "192.0.2.1")],
    expected: "192.0.2.1",
  },
  { what: "an address that is only local", attributes: [ip(IFA_LOCAL, "192.0.2.1")], expected: "192.0.2.1" },
  {
    what: "an address among other attributes",
    attributes: [
      attribute(IFA_FLAGS, u32(0x80)),
      ip(IFA_ADDRESS, "192.0.2.1"),
      ip(IFA_LOCAL, "192.0.2.1"),
      ip(IFA_BROADCAST, "192.0.2.255"),
      textAttribute(IFA_LABEL, "eth\0"),
    ],
    expected: "192.0.2.1",
  },
  {
    what: "an address beside one of an impossible length",
    attributes: [ip(IFA_ADDRESS, "192.0.2.1"), attribute(IFA_LOCAL, new Uint8Array(5))],
    expected: "192.0.2.1",
  },
];

for (const { what, attributes, expected } of OWN) {
  Deno.test(`readAddresses() reads ${what}`, () => {
    assert.deepEqual(addressesOf(address(7, ...attributes)), [`7 ${expected}`]);
  });
}

Deno.test("readAddresses() reads several addresses", () => {
  const bytes = concat(
    address(1, ip(IFA_ADDRESS, "127.0.0.1")),
    address(0xffffffff, ip(IFA_ADDRESS, "192.0.2.1")),
    address(2, ip(IFA_ADDRESS, "fe80::1")),
  );
  assert.deepEqual(addressesOf(bytes), ["1 127.0.0.1", "4294967295 192.0.2.1", "2 fe80::1"]);
});

const NO_ADDRESSES = [
  { what: "an address that is cut short", bytes: message(RTM_NEWADDR, new Uint8Array(7)) },
  { what: "an address without attributes", bytes: address(1) },
  { what: "an address that is only a broadcast", bytes: address(1, ip(IFA_BROADCAST, "192.0.2.255")) },
  { what: "a message of another type", bytes: link(1, ip(IFA_ADDRESS, "192.0.2.1")) },
  ...[0, 1, 3, 5, 15, 17].map((length) => ({
    what: `an address of ${length} bytes`,
    bytes: address(1, attribute(IFA_ADDRESS, new Uint8Array(length))),
  })),
];

for (const { what, bytes } of NO_ADDRESSES) {
  Deno.test(`readAddresses() passes over ${what}`, () => {
    assert.deepEqual(addressesOf(concat(bytes, address(2, ip(IFA_ADDRESS, "192.0.2.1")))), ["2 192.0.2.1"]);
  });
}

Deno.test("readAddresses() gives addresses that outlive the buffer", () => {
  const bytes = address(1, ip(IFA_ADDRESS, "2001:db8::1"));
  const [own] = readAddresses(walk(bytes));
  bytes.fill(0);
  assert.equal(String(own?.ip), "2001:db8::1");
});

interface ShownLink {
  readonly ifindex: number;
  readonly ifname: string;
  readonly addr_info: readonly { readonly local: string }[];
}

const SHOWN = JSON.parse(fixtureText("netlink/ip_addr.json")) as readonly ShownLink[];

Deno.test("readLinks() reads the links that ip showed when the answer was recorded", () => {
  assert.deepEqual(
    linksOf(fixture("netlink/links.bin")),
    Object.fromEntries(SHOWN.map(({ ifindex, ifname }) => [ifindex, ifname])),
  );
});

Deno.test("readAddresses() reads the addresses that ip showed when the answer was recorded", () => {
  const expected = SHOWN.flatMap(({ ifindex, addr_info }) =>
    addr_info.map(({ local }) => `${ifindex} ${local}`)
  );
  assert.deepEqual(addressesOf(fixture("netlink/addresses.bin")).sort(), expected.sort());
});

Deno.test("readLinks() gives no more links for any beginning of an answer than for the whole", () => {
  const bytes = fixture("netlink/links.bin"), whole = Object.entries(linksOf(bytes));
  for (let length = 0; length < bytes.length; length++) {
    const links = Object.entries(linksOf(bytes.subarray(0, length)));
    assert.deepEqual(links, whole.slice(0, links.length), `${length} bytes`);
  }
});

Deno.test("readAddresses() gives no more addresses for any beginning of an answer than for the whole", () => {
  const bytes = fixture("netlink/addresses.bin"), whole = addressesOf(bytes);
  for (let length = 0; length < bytes.length; length++) {
    const addresses = addressesOf(bytes.subarray(0, length));
    assert.deepEqual(addresses, whole.slice(0, addresses.length), `${length} bytes`);
  }
});

function fuzz(bytesOf: () => Uint8Array<ArrayBuffer>): void {
  const buffer = new Uint8Array(8192), messages = new NetlinkMessages(buffer);
  const begin = (bytes: Uint8Array) => {
    buffer.set(bytes);
    messages.begin(bytes.length, 1);
  };
  for (let round = 0; round < 20_000; round++) {
    const bytes = bytesOf(), names = new Map<number, string>();
    begin(bytes);
    readLinks(messages, names);
    assert(names.size <= bytes.length / 36);
    begin(bytes);
    assert(readAddresses(messages).length <= bytes.length / 32);
  }
  const names = new Map<number, string>();
  begin(link(2, textAttribute(IFLA_IFNAME, "eth0\0")));
  readLinks(messages, names);
  assert.deepEqual([...names], [[2, "eth0"]]);
  begin(address(2, ip(IFA_ADDRESS, "192.0.2.1")));
  assert.deepEqual(readAddresses(messages).map(({ ip, index }) => `${index} ${ip}`), ["2 192.0.2.1"]);
}

function randomMessage(random: Random): Uint8Array<ArrayBuffer> {
  const attributes = Array.from({ length: random.int(4) }, () => {
    const length = random.pick([0, 3, 4, 5, 16, 17, random.int(40)]);
    const claimed = random.int(4) === 0 ? random.pick([0, 3, 0xffff, random.int(60)]) : 4 + length;
    return attribute(random.int(5) | random.pick([0, 0, 0x8000, 0x4000]), random.bytes(length), claimed);
  });
  const payload = concat(random.bytes(random.pick([0, 4, 8, 16])), ...attributes);
  return message(random.pick([RTM_NEWLINK, RTM_NEWADDR, random.int(30)]), payload);
}

property("readLinks() and readAddresses() read a good message after random bytes", (random) => {
  fuzz(() => random.bytes(random.int(120)));
});

property("readLinks() and readAddresses() read a good message after random ones", (random) => {
  fuzz(() => concat(...Array.from({ length: random.int(4) }, () => randomMessage(random))));
});

for (const name of ["links", "addresses"]) {
  property(`readLinks() and readAddresses() read a good message after a changed ${name}.bin`, (random) => {
    const bytes = fixture(`netlink/${name}.bin`);
    fuzz(() => mutated(bytes, random));
  });
}
