import assert from "node:assert/strict";
import { Ip, Prefix } from "../../core/ip.ts";
import { isSpecial, SPECIAL_NETWORKS } from "../../core/special_networks.ts";

/** The first and the last address of networks, and what is next to them where that is not special too. */
const ADDRESSES: readonly { special: readonly string[]; global: readonly string[] }[] = [
  { special: ["0.0.0.0", "0.255.255.255"], global: ["1.0.0.0"] },
  { special: ["10.0.0.0", "10.255.255.255"], global: ["9.255.255.255", "11.0.0.0"] },
  { special: ["100.64.0.0", "100.127.255.255"], global: ["100.63.255.255", "100.128.0.0"] },
  { special: ["127.0.0.1", "127.255.255.255"], global: ["126.255.255.255", "128.0.0.0"] },
  { special: ["169.254.0.0", "169.254.255.255"], global: ["169.253.255.255", "169.255.0.0"] },
  { special: ["172.16.0.0", "172.31.255.255"], global: ["172.15.255.255", "172.32.0.0"] },
  { special: ["192.0.0.0", "192.0.0.255", "192.0.2.0", "192.0.2.255"], global: ["192.0.1.0", "192.0.3.0"] },
  { special: ["192.88.99.0", "192.88.99.255"], global: ["192.88.98.255", "192.88.100.0"] },
  { special: ["192.168.0.0", "192.168.255.255"], global: ["192.167.255.255", "192.169.0.0"] },
  { special: ["198.18.0.0", "198.19.255.255"], global: ["198.17.255.255", "198.20.0.0"] },
  { special: ["198.51.100.0", "198.51.100.255"], global: ["198.51.99.255", "198.51.101.0"] },
  { special: ["203.0.113.0", "203.0.113.255"], global: ["203.0.112.255", "203.0.114.0"] },
  { special: ["224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.255"], global: ["223.255.255.255"] },
  { special: ["::", "::1"], global: ["::2"] },
  { special: ["::ffff:10.0.0.1"], global: ["::ffff:8.8.8.8"] },
  {
    special: ["64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"],
    global: ["64:ff9b::808:808", "64:ff9b:2::"],
  },
  { special: ["100::", "100::ffff:ffff:ffff:ffff", "100:0:0:1::1"], global: ["100:0:0:2::"] },
  { special: ["2001:2::1"], global: ["2001:1::1", "2001:2:1::"] },
  { special: ["2001:db8::", "2001:db8:ffff::"], global: ["2001:db7:ffff::", "2001:db9::"] },
  { special: ["3fff::", "3fff:fff:ffff::"], global: ["3ffe::", "3fff:1000::"] },
  { special: ["5f00::", "5f00:ffff::"], global: ["5eff::", "5f01::"] },
  { special: ["fc00::", "fdff:ffff::"], global: ["fbff::", "fe00::"] },
  { special: ["fe80::1", "febf:ffff::"], global: ["fe7f::", "fec0::"] },
  { special: ["ff00::", "ff02::1"], global: ["feff::", "2001:4860:4860::8888"] },
];

for (const { special, global } of ADDRESSES) {
  Deno.test(`isSpecial() holds for ${special.join(", ")}, not for ${global.join(", ")}`, () => {
    const is = (texts: readonly string[]) => texts.map((text) => isSpecial(Ip.parse(text)!));
    assert.deepEqual(is(special), special.map(() => true));
    assert.deepEqual(is(global), global.map(() => false));
  });
}

Deno.test("SPECIAL_NETWORKS are networks as they are written shortest, each once", () => {
  assert.deepEqual(SPECIAL_NETWORKS.map((text) => String(Prefix.parse(text))), SPECIAL_NETWORKS);
  assert.equal(new Set(SPECIAL_NETWORKS).size, SPECIAL_NETWORKS.length);
});
