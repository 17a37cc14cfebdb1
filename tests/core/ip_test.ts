import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { formatIpv4, formatIpv6, Ip, isMapped, parseIpv4, parseIpv6, Prefix } from "../../core/ip.ts";
import { property, type Random } from "../helpers/random.ts";

function bigintOf(bytes: Uint8Array): bigint {
  return bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

function randomIp(random: Random): Ip {
  return random.int(2) === 0 ? Ip.v4(random.int(2 ** 32)) : Ip.v6(random.bytes(16));
}

/** The same address with one random bit changed. */
function flipped(ip: Ip, random: Random): Ip {
  const bytes = ip.bytes.slice();
  const bit = random.int(8 * bytes.length);
  bytes[bit >> 3]! ^= 0x80 >> (bit & 7);
  return ip.version === 4 ? Ip.v4(Number(bigintOf(bytes))) : Ip.v6(bytes);
}

const IPV4 = [
  { text: "0.0.0.0", value: 0 },
  { text: "10.0.0.1", value: 0x0a000001 },
  { text: "127.0.0.1", value: 0x7f000001 },
  { text: "128.0.0.0", value: 0x80000000 },
  { text: "192.168.100.200", value: 0xc0a864c8 },
  { text: "255.255.255.255", value: 0xffffffff },
];

for (const { text, value } of IPV4) {
  Deno.test(`parseIpv4() reads ${text}`, () => {
    assert.equal(parseIpv4(text), value);
  });

  Deno.test(`formatIpv4() writes ${text}`, () => {
    assert.equal(formatIpv4(value), text);
  });
}

const BAD_IPV4 = [
  { text: "", why: "the text is empty" },
  { text: "1.2.3", why: "a part is missing" },
  { text: "1.2.3.4.5", why: "there is a part too many" },
  { text: "1.2.3.", why: "the last part is empty" },
  { text: ".1.2.3", why: "the first part is empty" },
  { text: "1..2.3", why: "a part in the middle is empty" },
  { text: "1e1.0.0.1", why: "a part has an exponent" },
  { text: "0x1.0.0.1", why: "a part is hexadecimal" },
  { text: "01.2.3.4", why: "a part has a leading zero" },
  { text: "00.2.3.4", why: "a part is a double zero" },
  { text: "256.1.1.1", why: "a part is above 255" },
  { text: "1.1.1.1000", why: "a part has four digits" },
  { text: "-1.2.3.4", why: "a part is negative" },
  { text: "+1.2.3.4", why: "a part has a sign" },
  { text: "1.2.3.4\n", why: "a line break follows" },
  { text: " 1.2.3.4", why: "a space precedes" },
  { text: "1.2.3.4 ", why: "a space follows" },
  { text: "1.2.3.4/32", why: "it is a prefix" },
  { text: "1.2.3.4:80", why: "a port follows" },
  { text: "١.2.3.4", why: "a digit is not ASCII" },
  { text: "16909060", why: "it is one number" },
];

for (const { text, why } of BAD_IPV4) {
  Deno.test(`parseIpv4() gives nothing when ${why}`, () => {
    assert.equal(parseIpv4(text), undefined);
  });

  Deno.test(`Ip.parse() gives nothing when ${why}`, () => {
    assert.equal(Ip.parse(text), undefined);
  });
}

property("parseIpv4() reads what formatIpv4() writes", (random) => {
  for (let i = 0; i < 2000; i++) {
    const value = random.int(2 ** 32);
    assert.equal(parseIpv4(formatIpv4(value)), value);
  }
});

const CANONICAL = [
  { text: "::", canonical: "::" },
  { text: "0:0:0:0:0:0:0:0", canonical: "::" },
  { text: "::1", canonical: "::1" },
  { text: "0:0:0:0:0:0:0:1", canonical: "::1" },
  { text: "1::", canonical: "1::" },
  { text: "1:0:0:0:0:0:0:0", canonical: "1::" },
  { text: "1::8", canonical: "1::8" },
  { text: "2001:0db8::0001", canonical: "2001:db8::1" },
  { text: "2001:DB8::ABCD", canonical: "2001:db8::abcd" },
  { text: "1:2:3:4:5:6:7:8", canonical: "1:2:3:4:5:6:7:8" },
  { text: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", canonical: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
  // RFC 5952 §4.2.3: of equally long runs the first.
  { text: "2001:db8:0:0:1:0:0:1", canonical: "2001:db8::1:0:0:1" },
  { text: "2001:db8::1:0:0:1", canonical: "2001:db8::1:0:0:1" },
  { text: "0:0:1:1:1:1:0:0", canonical: "::1:1:1:1:0:0" },
  // RFC 5952 §4.2.3: the longest run.
  { text: "2001:0:0:1:0:0:0:1", canonical: "2001:0:0:1::1" },
  { text: "2001:0:0:0:1:0:0:1", canonical: "2001::1:0:0:1" },
  { text: "1:0:0:2:0:0:0:0", canonical: "1:0:0:2::" },
  { text: "0:0:0:1:0:0:0:0", canonical: "0:0:0:1::" },
  // RFC 5952 §4.2.2: a single zero group is not shortened.
  { text: "2001:db8::1:1:1:1:1", canonical: "2001:db8:0:1:1:1:1:1" },
  { text: "::2:3:4:5:6:7:8", canonical: "0:2:3:4:5:6:7:8" },
  { text: "1:2:3:4:5:6:7::", canonical: "1:2:3:4:5:6:7:0" },
  { text: "1:0:2:0:3:0:4:0", canonical: "1:0:2:0:3:0:4:0" },
  { text: "64:ff9b::192.0.2.33", canonical: "64:ff9b::c000:221" },
  { text: "1:2:3:4:5:6:192.0.2.33", canonical: "1:2:3:4:5:6:c000:221" },
  { text: "::1.2.3.4", canonical: "::102:304" },
  { text: "::ffff:192.0.2.33", canonical: "192.0.2.33" },
  { text: "::ffff:c000:221", canonical: "192.0.2.33" },
  { text: "0:0:0:0:0:FFFF:192.0.2.33", canonical: "192.0.2.33" },
  { text: "192.0.2.33", canonical: "192.0.2.33" },
];

for (const { text, canonical } of CANONICAL) {
  Deno.test(`Ip.parse() reads ${text} as ${canonical}`, () => {
    assert.equal(String(Ip.parse(text)), canonical);
  });
}

const BAD_IPV6 = [
  { text: "", why: "the text is empty" },
  { text: ":", why: "it is one colon" },
  { text: ":::", why: "it is three colons" },
  { text: "::::", why: "it is four colons" },
  { text: "1:::2", why: "there are three colons in the middle" },
  { text: "1::2::3", why: "it is shortened twice" },
  { text: "12345::", why: "a group has five digits" },
  { text: "g::", why: "a group is not hexadecimal" },
  { text: "0x1::", why: "a group has a prefix" },
  { text: "-1::", why: "a group is negative" },
  { text: "::1%eth0", why: "there is a zone" },
  { text: "[::1]", why: "there are brackets" },
  { text: "::1/128", why: "it is a prefix" },
  { text: "::1\n", why: "a line break follows" },
  { text: " ::1", why: "a space precedes" },
  { text: "1:2:3:4:5:6:7", why: "a group is missing" },
  { text: "1:2:3:4:5:6:7:", why: "the last group is empty" },
  { text: ":2:3:4:5:6:7:8", why: "the first group is empty" },
  { text: "1:2:3:4:5:6:7:8:9", why: "there is a group too many" },
  { text: "1:2:3:4:5:6:7:8::", why: "there is nothing left to shorten at the end" },
  { text: "::1:2:3:4:5:6:7:8", why: "there is nothing left to shorten at the start" },
  { text: "1:2:3:4::5:6:7:8", why: "there is nothing left to shorten in the middle" },
  { text: "::1.2.3", why: "the IPv4 part is too short" },
  { text: "::01.2.3.4", why: "the IPv4 part has a leading zero" },
  { text: "::256.2.3.4", why: "the IPv4 part is out of range" },
  { text: "1.2.3.4::", why: "the IPv4 part is at the start" },
  { text: "::1.2.3.4:5", why: "the IPv4 part is not the last" },
  { text: "1:2:3:4:5:6:7:1.2.3.4", why: "the IPv4 part is a group too many" },
];

for (const { text, why } of BAD_IPV6) {
  Deno.test(`parseIpv6() gives nothing when ${why}`, () => {
    assert.equal(parseIpv6(text), undefined);
  });
}

property("parseIpv6() reads what formatIpv6() writes", (random) => {
  for (let i = 0; i < 2000; i++) {
    const bytes = random.bytes(16);
    for (let group = 0; group < 8; group++) {
      if (random.int(2) === 0) bytes.fill(0, 2 * group, 2 * group + 2);
    }
    assert.deepEqual(parseIpv6(formatIpv6(bytes, 0)), bytes);
  }
});

property("Ip.parse() reads what toString() writes", (random) => {
  for (let i = 0; i < 2000; i++) {
    const ip = randomIp(random);
    assert.deepEqual(Ip.parse(String(ip)), ip);
  }
});

Deno.test("formatIpv6() reads at the offset", () => {
  const bytes = Uint8Array.of(1, 2, 3, ...new Array<number>(15).fill(0), 9);
  assert.equal(formatIpv6(bytes, 3), "::9");
});

Deno.test("Ip.v6() reads at the offset", () => {
  const bytes = Uint8Array.of(1, 2, 3, ...new Array<number>(15).fill(0), 9, 7, 7);
  assert.equal(String(Ip.v6(bytes, 3)), "::9");
});

Deno.test("Ip.v6() keeps its own copy of the bytes", () => {
  const bytes = parseIpv6("2001:db8::1")!;
  const ip = Ip.v6(bytes);
  bytes.fill(0xff);
  assert.equal(String(ip), "2001:db8::1");
});

// The slice() of a Buffer shares its memory; datagrams that node:dgram receives are Buffers.
Deno.test("Ip.v6() keeps its own copy of the bytes of a Buffer", () => {
  const bytes = Buffer.from(parseIpv6("2001:db8::1")!);
  const ip = Ip.v6(bytes);
  bytes.fill(0xff);
  assert.equal(String(ip), "2001:db8::1");
});

Deno.test("Ip.v6() makes an IPv4-mapped address at an offset an IPv4 address", () => {
  const bytes = Uint8Array.of(9, ...parseIpv6("::ffff:1.2.3.4")!);
  assert.deepEqual(Ip.v6(bytes, 1), Ip.v4(0x01020304));
});

for (const { text, value } of IPV4) {
  Deno.test(`Ip.toNumber() gives the number of ${text}`, () => {
    assert.equal(Ip.parse(text)?.toNumber(), value);
  });
}

const MAPPED = [
  { text: "::ffff:0.0.0.0", mapped: true },
  { text: "::ffff:255.255.255.255", mapped: true },
  { text: "::1.2.3.4", mapped: false },
  { text: "::fffe:1.2.3.4", mapped: false },
  { text: "::feff:1.2.3.4", mapped: false },
  { text: "0:0:0:0:1:ffff:1.2.3.4", mapped: false },
  { text: "8000::ffff:1.2.3.4", mapped: false },
];

for (const { text, mapped } of MAPPED) {
  Deno.test(`isMapped() is ${mapped} for ${text}`, () => {
    assert.equal(isMapped(parseIpv6(text)!, 0), mapped);
  });
}

const MASKED = [
  { ip: "192.168.100.200", length: 0, masked: "0.0.0.0" },
  { ip: "192.168.100.200", length: 1, masked: "128.0.0.0" },
  { ip: "192.168.100.200", length: 8, masked: "192.0.0.0" },
  { ip: "192.168.100.200", length: 22, masked: "192.168.100.0" },
  { ip: "192.168.100.200", length: 29, masked: "192.168.100.200" },
  { ip: "192.168.100.255", length: 31, masked: "192.168.100.254" },
  { ip: "192.168.100.200", length: 32, masked: "192.168.100.200" },
  { ip: "2001:db8:ffff::1", length: 0, masked: "::" },
  { ip: "2001:db8:ffff::1", length: 33, masked: "2001:db8:8000::" },
  { ip: "2001:db8:ffff::1", length: 64, masked: "2001:db8:ffff::" },
  { ip: "2001:db8:ffff::1", length: 128, masked: "2001:db8:ffff::1" },
];

for (const { ip, length, masked } of MASKED) {
  Deno.test(`Ip.masked() gives ${masked} for the first ${length} bits of ${ip}`, () => {
    assert.equal(String(Ip.parse(ip)!.masked(length)), masked);
  });
}

Deno.test("Ip.masked() leaves the address as it was", () => {
  const ip = Ip.v4(0xffffffff);
  ip.masked(8);
  assert.equal(String(ip), "255.255.255.255");
});

property("Ip.masked() clears the bits after the length", (random) => {
  for (let i = 0; i < 2000; i++) {
    const ip = randomIp(random), bits = 8 * ip.bytes.length;
    const length = random.int(bits + 1);
    const host = BigInt(bits - length);
    assert.equal(bigintOf(ip.masked(length).bytes), (bigintOf(ip.bytes) >> host) << host);
  }
});

const PREFIXES = [
  { text: "10.0.0.0/8", canonical: "10.0.0.0/8" },
  { text: "10.1.2.3/8", canonical: "10.0.0.0/8" },
  { text: "0.0.0.0/0", canonical: "0.0.0.0/0" },
  { text: "192.0.2.1/32", canonical: "192.0.2.1/32" },
  { text: "192.0.2.1", canonical: "192.0.2.1/32" },
  { text: "2001:db8::/32", canonical: "2001:db8::/32" },
  { text: "2001:DB8:1::1/32", canonical: "2001:db8::/32" },
  { text: "::/0", canonical: "::/0" },
  { text: "::1/128", canonical: "::1/128" },
  { text: "::1", canonical: "::1/128" },
  { text: "::ffff:10.0.0.0/104", canonical: "10.0.0.0/8" },
  { text: "::ffff:0:0/96", canonical: "0.0.0.0/0" },
  { text: "::ffff:10.0.0.1", canonical: "10.0.0.1/32" },
];

for (const { text, canonical } of PREFIXES) {
  Deno.test(`Prefix.parse() reads ${text} as ${canonical}`, () => {
    assert.equal(String(Prefix.parse(text)), canonical);
  });
}

const BAD_PREFIXES = [
  { text: "", why: "the text is empty" },
  { text: "/8", why: "there is no address" },
  { text: "10.0.0.0/", why: "the length is empty" },
  { text: "10.0.0.0/33", why: "the length is too long for IPv4" },
  { text: "2001:db8::/129", why: "the length is too long for IPv6" },
  { text: "10.0.0.0/-1", why: "the length is negative" },
  { text: "10.0.0.0/8.0", why: "the length is a fraction" },
  { text: "10.0.0.0/08", why: "the length has a leading zero" },
  { text: "10.0.0.0/0x8", why: "the length is hexadecimal" },
  { text: "10.0.0.0/ 8", why: "the length has a space" },
  { text: "10.0.0.0/8\n", why: "a line break follows" },
  { text: "10.0.0.0/255.0.0.0", why: "the length is a mask" },
  { text: "10.0.0.0/8/8", why: "there are two lengths" },
  { text: "10.0.0/8", why: "the address is not one" },
  { text: "::ffff:10.0.0.0/95", why: "the length of an IPv4-mapped prefix is below 96" },
  { text: "::ffff:10.0.0.0/129", why: "the length of an IPv4-mapped prefix is too long" },
];

for (const { text, why } of BAD_PREFIXES) {
  Deno.test(`Prefix.parse() gives nothing when ${why}`, () => {
    assert.equal(Prefix.parse(text), undefined);
  });
}

const CONTAINS = [
  { prefix: "10.0.0.0/8", ip: "10.255.255.255", contains: true },
  { prefix: "10.0.0.0/8", ip: "11.0.0.0", contains: false },
  { prefix: "172.16.0.0/12", ip: "172.31.255.255", contains: true },
  { prefix: "172.16.0.0/12", ip: "172.32.0.0", contains: false },
  { prefix: "192.0.2.1", ip: "192.0.2.1", contains: true },
  { prefix: "192.0.2.1", ip: "192.0.2.0", contains: false },
  { prefix: "0.0.0.0/0", ip: "255.255.255.255", contains: true },
  { prefix: "0.0.0.0/0", ip: "::", contains: false },
  { prefix: "::/0", ip: "ffff::", contains: true },
  { prefix: "::/0", ip: "0.0.0.0", contains: false },
  { prefix: "2001:db8::/33", ip: "2001:db8:7fff::", contains: true },
  { prefix: "2001:db8::/33", ip: "2001:db8:8000::", contains: false },
];

for (const { prefix, ip, contains } of CONTAINS) {
  Deno.test(`Prefix.contains() is ${contains} for ${ip} in ${prefix}`, () => {
    assert.equal(Prefix.parse(prefix)!.contains(Ip.parse(ip)!), contains);
  });
}

property("Prefix.contains() agrees with shifted bigints", (random) => {
  for (let i = 0; i < 5000; i++) {
    const ip = randomIp(random), bits = 8 * ip.bytes.length;
    const length = random.int(bits + 1);
    const other = flipped(ip, random);
    const host = BigInt(bits - length);
    assert.equal(
      Prefix.parse(`${ip}/${length}`)!.contains(other),
      ip.version === other.version && bigintOf(ip.bytes) >> host === bigintOf(other.bytes) >> host,
      `${ip}/${length} and ${other}`,
    );
  }
});
