import assert from "node:assert/strict";
import { listenAddress } from "../../core/listen_address.ts";
import { formatListenAddress } from "../../core/listen_address.ts";
import { nodeOf, Problems } from "../../core/node.ts";
import { nothing } from "../helpers/nodes.ts";

const GOOD = [
  { text: ":9095", hostname: undefined, port: 9095 },
  { text: ":0", hostname: undefined, port: 0 },
  { text: ":65535", hostname: undefined, port: 65535 },
  { text: "127.0.0.1:9095", hostname: "127.0.0.1", port: 9095 },
  { text: "0.0.0.0:80", hostname: "0.0.0.0", port: 80 },
  { text: "[::1]:9095", hostname: "::1", port: 9095 },
  { text: "[::]:9095", hostname: "::", port: 9095 },
  { text: "[2001:db8::1]:80", hostname: "2001:db8::1", port: 80 },
  { text: "[::ffff:10.0.0.1]:80", hostname: "::ffff:10.0.0.1", port: 80 },
  { text: "localhost:9095", hostname: "localhost", port: 9095 },
  { text: "node-1.example.org:9095", hostname: "node-1.example.org", port: 9095 },
];

for (const { text, hostname, port } of GOOD) {
  Deno.test(`listenAddress reads ${text}`, () => {
    const problems = new Problems();
    assert.deepEqual(listenAddress.read(nodeOf(text), problems), { hostname, port });
    assert.deepEqual(problems.lines(), []);
  });

  Deno.test(`formatListenAddress() writes ${text}`, () => {
    assert.equal(formatListenAddress({ hostname, port }), text);
  });
}

const BAD = [
  { text: "", why: "the text is empty" },
  { text: ":", why: "the port is missing" },
  { text: "9095", why: "there is no colon" },
  { text: "127.0.0.1", why: "there is no port" },
  { text: "127.0.0.1:", why: "the port is empty" },
  { text: ":65536", why: "the port is too large" },
  { text: ":99999", why: "the port is far too large" },
  { text: ":100000", why: "the port has six digits" },
  { text: ":-1", why: "the port is negative" },
  { text: ":+80", why: "the port has a sign" },
  { text: ":8e3", why: "the port has an exponent" },
  { text: ":0x50", why: "the port is hexadecimal" },
  { text: ":80.5", why: "the port is a fraction" },
  { text: ":http", why: "the port is a word" },
  { text: "::1:9095", why: "an IPv6 address has no brackets" },
  { text: "[::1]", why: "an IPv6 address has no port" },
  { text: "[::1]9095", why: "the colon after the bracket is missing" },
  { text: "[::1:9095", why: "the bracket is not closed" },
  { text: "::1]:9095", why: "the bracket is not opened" },
  { text: "[]:9095", why: "the brackets are empty" },
  { text: "[localhost]:9095", why: "a name is in brackets" },
  { text: " :9095", why: "a space precedes" },
  { text: ":9095 ", why: "a space follows" },
  { text: ":9095\n", why: "a line break follows" },
  { text: "a b:9095", why: "the name has a space" },
  { text: "http://localhost:9095", why: "it is a URL" },
  { text: "localhost:9095/metrics", why: "a path follows" },
  { text: "[gg::1]:9095", why: "the address in brackets has letters that are no digits" },
  { text: "[1:2]:9095", why: "the address in brackets is too short" },
  { text: "999.0.0.1:9095", why: "the address is all digits and none" },
];

for (const { text, why } of BAD) {
  Deno.test(`listenAddress reports ${JSON.stringify(text)} when ${why}`, () => {
    const problems = new Problems();
    assert.equal(listenAddress.read(nodeOf(text, "c.yml:1:2"), problems), undefined);
    assert.deepEqual(problems.lines(), [
      "c.yml:1:2: Expected an address such as :9095, 127.0.0.1:9095 or [::1]:9095, not " +
      JSON.stringify(text),
    ]);
  });
}

const OTHERS = [
  { what: "nothing", node: nothing() },
  { what: "a list", node: nodeOf([":9095"]) },
  { what: "a map", node: nodeOf({ port: 9095 }) },
];

for (const { what, node } of OTHERS) {
  Deno.test(`listenAddress reports ${what}`, () => {
    const problems = new Problems();
    assert.equal(listenAddress.read(node, problems), undefined);
    assert.deepEqual(problems.lines(), [
      `Expected an address such as :9095, 127.0.0.1:9095 or [::1]:9095, not ${what}`,
    ]);
  });
}
