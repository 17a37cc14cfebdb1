import assert from "node:assert/strict";
import { Ip } from "../../../core/ip.ts";
import { dnsName, hostNames, reverseName } from "../../../enrich/reverse_dns/dns_name.ts";

const LONG = "a.".repeat(126) + "b";

const NAMES: readonly { what: string; text: string; name: string | undefined }[] = [
  { what: "a name", text: "www.example.com", name: "www.example.com" },
  { what: "a name with a dot at its end", text: "www.example.com.", name: "www.example.com" },
  { what: "a name with capitals", text: "WWW.Example.com", name: "www.example.com" },
  { what: "a name with other characters", text: "_sip._tcp.a-1/2.example", name: "_sip._tcp.a-1/2.example" },
  { what: "a name of 253 characters", text: LONG, name: LONG },
  { what: "a name of 254 characters", text: `${LONG}c`, name: undefined },
  { what: "an empty text", text: "", name: undefined },
  { what: "the root", text: ".", name: undefined },
  { what: "a control character", text: "a\u001b[31m.example", name: undefined },
  { what: "an escaped control character", text: "a\\027.example", name: undefined },
  { what: "a newline at the end", text: "a.example\n", name: undefined },
  { what: "a space", text: "a b.example", name: undefined },
  { what: "a quote", text: 'a".example', name: undefined },
  { what: "a letter that is not of ASCII", text: "ä.example", name: undefined },
];

for (const { what, text, name } of NAMES) {
  Deno.test(`dnsName() ${name === undefined ? "refuses" : "takes"} ${what}`, () => {
    assert.equal(dnsName(text), name);
  });
}

Deno.test("reverseName() turns the bytes of an IPv4 address round", () => {
  assert.equal(reverseName(Ip.parse("203.0.113.5")!), "5.113.0.203.in-addr.arpa.");
});

Deno.test("reverseName() turns the nibbles of an IPv6 address round", () => {
  const zeros = "0.".repeat(23);
  assert.equal(reverseName(Ip.parse("2001:db8::a5")!), `5.a.${zeros.slice(2)}8.b.d.0.1.0.0.2.ip6.arpa.`);
});

Deno.test("hostNames() gives the first name of each address", () => {
  const text = `127.0.0.1 localhost
# 192.0.2.1 commented
192.0.2.2\tprinter.lan printer # upstairs
  2001:db8:0::1   Six.lan
192.0.2.2 second.lan
192.0.2.3
not.an.address name
192.0.2.4 b\\d
::ffff:192.0.2.5 mapped.lan
`;
  assert.deepEqual(Object.fromEntries(hostNames(text)), {
    "127.0.0.1": "localhost",
    "192.0.2.2": "printer.lan",
    "2001:db8::1": "six.lan",
    "192.0.2.5": "mapped.lan",
  });
});
