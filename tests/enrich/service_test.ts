import assert from "node:assert/strict";
import type { Value } from "../../core/enricher.ts";
import { Ip } from "../../core/ip.ts";
import service from "../../enrich/service.ts";
import { quiet } from "../helpers/enrichers.ts";
import { SERVICES } from "../../core/service_table.ts";

const { lookup } = service.open({}, quiet());

const FOUND: readonly { value: Value; found: string | undefined; what: string }[] = [
  { value: 443, found: "https", what: "a port that TCP and UDP use for different services" },
  { value: 22, found: "ssh", what: "a port of TCP" },
  { value: 67, found: "bootps", what: "a port of UDP" },
  { value: "443", found: "https", what: "a port as text" },
  { value: 65_000, found: undefined, what: "a port without service" },
  { value: 0, found: undefined, what: "port 0" },
  { value: -1, found: undefined, what: "no port" },
  { value: "https", found: undefined, what: "the name of a service" },
  { value: "", found: undefined, what: "an empty text" },
  { value: Ip.v4(443), found: undefined, what: "an address" },
  { value: ["tcp", 443], found: "https", what: "TCP and a port" },
  { value: ["udp", 443], found: "quic", what: "UDP and a port" },
  { value: ["TCP", 443], found: "https", what: "a protocol in capitals" },
  { value: [6, 443], found: "https", what: "the number of TCP and a port" },
  { value: [17, 443], found: "quic", what: "the number of UDP and a port" },
  { value: ["6", "443"], found: "https", what: "numbers as texts" },
  { value: ["udp", 22], found: undefined, what: "a port that only the other protocol uses" },
  { value: [1, 0], found: undefined, what: "a protocol without ports" },
  { value: ["icmp", 8], found: undefined, what: "ICMP" },
  { value: ["tcp", undefined], found: undefined, what: "an absent port" },
  { value: [undefined, 443], found: undefined, what: "an absent protocol" },
  { value: [], found: undefined, what: "an empty list" },
  { value: ["constructor", 443], found: undefined, what: "a protocol of which every object has a member" },
];

for (const { value, found, what } of FOUND) {
  Deno.test(`service gives ${found ?? "nothing"} for ${what}`, () => {
    assert.equal(lookup(value, "name"), found);
  });
}

Deno.test("SERVICES is by transport and port", () => {
  for (const key of SERVICES.keys()) {
    const [, port] = /^(?:tcp|udp)\/([1-9]\d*)$/.exec(key) ?? [];
    assert(Number(port) <= 65535, key);
  }
});

Deno.test("SERVICES has names as those of IANA's registry", () => {
  // RFC 6335 §5.1, without its limit of 15 characters.
  for (const name of SERVICES.values()) assert.match(name, /^[a-z0-9]+(-[a-z0-9]+)*$/);
});
