import assert from "node:assert/strict";
import { FLOWS } from "../../collectors/netflow/records.ts";
import { SERVICES } from "../../core/service_table.ts";
import { FLOW, FLOW_COLUMNS, servicePort } from "../../parsers/flow.ts";

const ICMP = 1, TCP = 6, UDP = 17, DCCP = 33, GRE = 47, SCTP = 132, UDPLITE = 136;

Deno.test("FLOW tells where each field of the records of flows is", () => {
  assert.deepEqual(FLOW, FLOWS.at);
  assert.deepEqual(Object.keys(FLOWS.fields), [...FLOW_COLUMNS]);
});

Deno.test("servicePort() gives the port of a usual service, of two or none the lower", () => {
  const cases: readonly (readonly [protocol: number, one: number, other: number, expected: number])[] = [
    [TCP, 50_001, 443, 443],
    [TCP, 1024, 8080, 8080],
    [TCP, 1024, 60_000, 1024],
    [TCP, 80, 443, 80],
    [TCP, 22, 50_000, 22],
    [TCP, 65_535, 65_534, 65_534],
    [TCP, 0, 0, 0],
    [TCP, 0, 443, 443],
    [TCP, 443, 443, 443],
    [UDP, 1024, 41_641, 41_641],
    [UDP, 40_000, 53, 53],
    // RIP is of UDP alone, and BGP of TCP.
    [UDP, 179, 520, 520],
    [TCP, 179, 520, 179],
  ];
  for (const [protocol, one, other, expected] of cases) {
    assert.equal(servicePort(protocol, one, other), expected, `${protocol}: ${one}, ${other}`);
    assert.equal(servicePort(protocol, other, one), expected, `${protocol}: ${other}, ${one}`);
  }
});

Deno.test("servicePort() gives a port of each protocol that has ports, and of no other", () => {
  const withPorts = [TCP, UDP, DCCP, SCTP, UDPLITE];
  for (let protocol = 0; protocol < 256; protocol++) {
    const expected = withPorts.includes(protocol) ? 53 : NaN;
    assert.equal(servicePort(protocol, 50_001, 53), expected, `${protocol}`);
  }
  assert.equal(servicePort(ICMP, 0, 0x0800), NaN);
  assert.equal(servicePort(GRE, 0, 0), NaN);
});

Deno.test("servicePort() knows every service of the table", () => {
  for (const key of SERVICES.keys()) {
    const [transport, text] = key.split("/"), port = Number(text);
    // Above it and below it there are ports of no service.
    const protocol = transport === "tcp" ? TCP : UDP;
    assert.equal(servicePort(protocol, port, 65_535), port, key);
    assert.equal(servicePort(protocol, 1, port), port, key);
  }
});
