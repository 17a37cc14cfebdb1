import assert from "node:assert/strict";
import { samplingRates, trieOf } from "../../../collectors/netflow/sampling.ts";
import { Ip } from "../../../core/ip.ts";
import { type Literal, nodeOf, Problems } from "../../../core/node.ts";

function read(value: Literal): { rates: Record<string, number> | undefined; problems: string[] } {
  const problems = new Problems(), rates = samplingRates.read(nodeOf(value), problems);
  return { rates: rates && Object.fromEntries(rates), problems: problems.lines() };
}

Deno.test("samplingRates reads networks and addresses with their rates, in their canonical form", () => {
  assert.deepEqual(read({}), { rates: {}, problems: [] });
  const written = {
    "10.1.2.3/8": 1000,
    "192.0.2.7": 1,
    "2001:DB8:0::/32": 1_000_000,
    "::ffff:10.9.0.0/112": 5,
    "0.0.0.0/0": 2,
  };
  assert.deepEqual(read(written), {
    rates: {
      "10.0.0.0/8": 1000,
      "192.0.2.7/32": 1,
      "2001:db8::/32": 1_000_000,
      "10.9.0.0/16": 5,
      "0.0.0.0/0": 2,
    },
    problems: [],
  });
});

Deno.test("samplingRates reports what is no network, and what is no rate", () => {
  const cases: readonly (readonly [Literal, string])[] = [
    [{ "10.0.0.0/33": 5 }, 'Expected a network such as 10.0.0.0/8, not "10.0.0.0/33"'],
    [{ router: 5 }, 'Expected a network such as 10.0.0.0/8, not "router"'],
    [{ "": 5 }, 'Expected a network such as 10.0.0.0/8, not ""'],
    [{ "10.0.0.0/8": 0 }, 'Expected a whole number from 1 to 1000000, not "0"'],
    [{ "10.0.0.0/8": 1.5 }, 'Expected a whole number from 1 to 1000000, not "1.5"'],
    [{ "10.0.0.0/8": 1_000_001 }, 'Expected a whole number from 1 to 1000000, not "1000001"'],
    [{ "10.0.0.0/8": "often" }, 'Expected a whole number from 1 to 1000000, not "often"'],
    [{ "10.0.0.0/8": {} }, "Expected a whole number from 1 to 1000000, not a map"],
    [["10.0.0.0/8"], "Expected a map from networks to sampling rates, not a list"],
    [1000, 'Expected a map from networks to sampling rates, not "1000"'],
  ];
  for (const [written, message] of cases) assert.deepEqual(read(written).problems, [message]);
});

Deno.test("samplingRates reports every mistake", () => {
  assert.deepEqual(read({ router: 0, "10.0.0.0/8": 5, "10.0.0.0/99": 7 }).problems, [
    'Expected a whole number from 1 to 1000000, not "0"',
    'Expected a network such as 10.0.0.0/8, not "router"',
    'Expected a network such as 10.0.0.0/8, not "10.0.0.0/99"',
  ]);
});

Deno.test("trieOf() finds the rate of the smallest network", () => {
  const trie = trieOf(new Map([["10.0.0.0/8", 8], ["10.0.0.1/32", 32], ["2001:db8::/32", 6]]));
  const found = ["10.0.0.1", "10.0.0.2", "11.0.0.1", "2001:db8::1", "::1"].map((text) =>
    trie.find(Ip.parse(text)!)
  );
  assert.deepEqual(found, [32, 8, undefined, 6, undefined]);
});
