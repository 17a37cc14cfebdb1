import assert from "node:assert/strict";
import { SERVICE_NAMES, serviceOf } from "../../../collectors/conntrack/services.ts";
import { DCCP, SCTP, TCP, UDP, UDPLITE } from "../../../parsers/conntrack_entry.ts";

const ICMP = 1, GRE = 47, ICMPV6 = 58;

function nameOf(protocol: number, port: number): string | undefined {
  return SERVICE_NAMES[serviceOf(protocol, port)];
}

/** What conntrack-exporter says. */
const NAMES: readonly (readonly [number, string])[] = [
  [20, "ftp"],
  [21, "ftp"],
  [22, "ssh"],
  [23, "telnet"],
  [25, "smtp"],
  [53, "dns"],
  [80, "http"],
  [110, "pop3"],
  [143, "imap"],
  [389, "ldap"],
  [443, "https"],
  [465, "smtp"],
  [587, "smtp"],
  [631, "ipp"],
  [993, "imaps"],
  [995, "pop3s"],
  [3306, "mysql"],
  [5432, "postgres"],
  [6379, "redis"],
  [9200, "elasticsearch"],
];

for (const [port, name] of NAMES) {
  Deno.test(`Port ${port} is ${name}, whatever the transport`, () => {
    for (const protocol of [TCP, UDP, SCTP, DCCP, UDPLITE]) assert.equal(nameOf(protocol, port), name);
  });
}

Deno.test("Other services have the names that the enricher gives them, by transport", () => {
  assert.equal(nameOf(UDP, 123), "ntp");
  assert.equal(nameOf(TCP, 179), "bgp");
  assert.equal(nameOf(UDP, 179), "unknown");
  assert.equal(nameOf(UDP, 51_820), "wireguard");
});

for (const port of [0, 1, 40_000, 65_535]) {
  Deno.test(`Port ${port} is unknown`, () => {
    for (const protocol of [TCP, UDP]) assert.equal(nameOf(protocol, port), "unknown");
  });
}

for (const protocol of [0, ICMP, 2, GRE, 50, ICMPV6, 89, 253, 255]) {
  Deno.test(`Protocol ${protocol} has no ports, so its service is na`, () => {
    assert.equal(nameOf(protocol, NaN), "na");
    assert.equal(nameOf(protocol, 80), "na");
  });
}

Deno.test("The service is na where a protocol has ports and the port is not known", () => {
  for (const protocol of [TCP, UDP]) assert.equal(nameOf(protocol, NaN), "na");
});

Deno.test("Each name is there once", () => {
  assert.equal(new Set(SERVICE_NAMES).size, SERVICE_NAMES.length);
});
