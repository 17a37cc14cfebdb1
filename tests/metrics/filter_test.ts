import assert from "node:assert/strict";
import { type Literal, nodeOf } from "../../core/node.ts";
import { recordType } from "../../core/record.ts";
import { mapOf, nothing, placed } from "../helpers/nodes.ts";
import { pass, pipelineOf, type Plain, problemsOfRule, seriesOf } from "../helpers/pipelines.ts";

const SOCKETS = recordType({
  name: "sockets",
  help: "Sockets",
  kind: "snapshot",
  fields: {
    host: { type: "ip", help: "Address" },
    port: { type: "number", max: 65535, help: "Port" },
    delay: { type: "number", help: "Delay" },
    name: { type: "text", help: "Name" },
    state: { type: "choice", choices: ["LISTEN", "ESTABLISHED"], help: "State" },
  },
});

function passes(filter: Literal, record: Plain): boolean {
  const pipeline = pipelineOf({
    types: [SOCKETS],
    rules: [{ name: "metric", source: "sockets", filter }],
  });
  // The second time the answer comes from memory.
  pass(pipeline, [record, record]);
  return seriesOf(pipeline).get("metric") === 2;
}

const V4 = { host: "10.1.2.3" }, V6 = { host: "2001:db8::1" }, NOTHING = {};

/** A filter, and the records that pass it and those that do not. */
const CASES: readonly { filter: Literal; yes: readonly Plain[]; no: readonly Plain[] }[] = [
  { filter: { match: "host", is: "10.1.2.3" }, yes: [V4], no: [V6, NOTHING, { host: "10.1.2.4" }] },
  { filter: { match: "host", is: "2001:DB8:0::0001" }, yes: [V6], no: [V4, NOTHING] },
  { filter: { match: "host", is: "::ffff:10.1.2.3" }, yes: [V4], no: [V6] },
  {
    filter: { match: "host", in: ["10.1.2.3", "2001:db8::1"] },
    yes: [V4, V6],
    no: [{ host: "::1" }, NOTHING],
  },
  { filter: { match: "port", is: 443 }, yes: [{ port: 443 }], no: [{ port: 44 }, NOTHING] },
  { filter: { match: "port", is: "0443" }, yes: [{ port: 443 }], no: [{ port: 0 }] },
  { filter: { match: "port", is: 0 }, yes: [{ port: 0 }], no: [{ port: 1 }, NOTHING] },
  {
    filter: { match: "port", in: [53, 443] },
    yes: [{ port: 53 }, { port: 443 }],
    no: [{ port: 54 }, NOTHING],
  },
  { filter: { match: "delay", is: 0.5 }, yes: [{ delay: 0.5 }], no: [{ delay: 5 }, NOTHING] },
  { filter: { match: "delay", is: -1 }, yes: [{ delay: -1 }], no: [{ delay: 1 }] },
  {
    filter: { match: "name", is: "nginx" },
    yes: [{ name: "nginx" }],
    no: [{ name: "Nginx" }, { name: "" }, NOTHING],
  },
  { filter: { match: "name", is: "1" }, yes: [{ name: "1" }], no: [{ name: "1.0" }] },
  {
    filter: { match: "state", is: "LISTEN" },
    yes: [{ state: "LISTEN" }],
    no: [{ state: "ESTABLISHED" }, NOTHING],
  },
  {
    filter: { match: "state", in: ["LISTEN", "ESTABLISHED"] },
    yes: [{ state: "ESTABLISHED" }],
    no: [NOTHING],
  },
  { filter: { match: "host", cidr: "10.0.0.0/8" }, yes: [V4], no: [V6, NOTHING, { host: "11.0.0.0" }] },
  {
    filter: { match: "host", cidr: ["2001:db8::/32", "10.1.2.3"] },
    yes: [V4, V6],
    no: [{ host: "10.1.2.4" }],
  },
  { filter: { match: "host", cidr: "0.0.0.0/0" }, yes: [V4], no: [V6, NOTHING] },
  { filter: { match: "host", cidr: "::ffff:10.0.0.0/104" }, yes: [V4], no: [{ host: "11.0.0.0" }] },
  {
    filter: { match: "port", range: "1024-49151" },
    yes: [{ port: 1024 }, { port: 49151 }],
    no: [{ port: 1023 }, { port: 49152 }, NOTHING],
  },
  { filter: { match: "port", range: "49152-" }, yes: [{ port: 65535 }], no: [{ port: 49151 }, NOTHING] },
  { filter: { match: "port", range: "0-0" }, yes: [{ port: 0 }], no: [{ port: 1 }, NOTHING] },
  {
    filter: { match: "delay", range: [-0.5, 10] },
    yes: [{ delay: -0.5 }, { delay: 0 }, { delay: 10 }],
    no: [{ delay: -0.6 }, { delay: 10.1 }, NOTHING],
  },
  { filter: { match: "name", regex: "ng.*" }, yes: [{ name: "nginx" }], no: [{ name: "a nginx" }, NOTHING] },
  { filter: { match: "name", regex: "a|b" }, yes: [{ name: "a" }, { name: "b" }], no: [{ name: "ab" }] },
  { filter: { match: "name", regex: ".*" }, yes: [{ name: "" }], no: [NOTHING] },
  { filter: { match: "host", regex: "10\\..*" }, yes: [V4], no: [V6] },
  { filter: { match: "port", regex: "4.." }, yes: [{ port: 443 }], no: [{ port: 4430 }] },
  { filter: { match: "name", present: true }, yes: [{ name: "a" }], no: [{ name: "" }, NOTHING] },
  { filter: { match: "name", present: false }, yes: [{ name: "" }, NOTHING], no: [{ name: "a" }] },
  { filter: { match: "port", present: true }, yes: [{ port: 0 }], no: [NOTHING] },
  { filter: { match: "port", present: false }, yes: [NOTHING], no: [{ port: 0 }] },
  { filter: { match: "port", not: { is: 443 } }, yes: [{ port: 80 }, NOTHING], no: [{ port: 443 }] },
  {
    filter: { match: "port", not: { range: "0-1023", is: 443 } },
    yes: [{ port: 80 }, { port: 1024 }],
    no: [{ port: 443 }],
  },
  { filter: { match: "port", not: { not: { is: 443 } } }, yes: [{ port: 443 }], no: [{ port: 80 }, NOTHING] },
  {
    filter: { match: "port", range: "0-1023", not: { in: [22, 80] } },
    yes: [{ port: 443 }],
    no: [{ port: 22 }, { port: 1024 }, NOTHING],
  },
  { filter: { match: "name", steps: ["upper"], is: "NGINX" }, yes: [{ name: "nginx" }], no: [{ name: "a" }] },
  { filter: { match: "name", steps: { prefix: "a" }, is: "ab" }, yes: [{ name: "b" }], no: [{ name: "ab" }] },
  {
    filter: { match: "name", steps: [{ on_missing: "none" }], is: "none" },
    yes: [NOTHING, { name: "" }, { name: "none" }],
    no: [{ name: "a" }],
  },
  {
    filter: { match: "name", steps: [{ regex: { match: "(\\d+)" } }], range: "5-10" },
    yes: [{ name: "eth5" }],
    no: [{ name: "eth4" }, { name: "lo" }, NOTHING],
  },
  {
    filter: { match: ["host", "port"], is: "10.1.2.3:53" },
    yes: [{ ...V4, port: 53 }],
    no: [V4, { port: 53 }],
  },
  { filter: { match: ["host", "port"], present: false }, yes: [NOTHING], no: [V4, { port: 53 }] },
  { filter: [], yes: [NOTHING, V4], no: [] },
  { filter: { all: [] }, yes: [NOTHING, V4], no: [] },
  { filter: { any: [] }, yes: [], no: [NOTHING, V4] },
  {
    filter: [{ match: "port", is: 443 }, { match: "host", is: "10.1.2.3" }],
    yes: [{ ...V4, port: 443 }],
    no: [{ port: 443 }, V4, NOTHING],
  },
  {
    filter: { all: [{ match: "port", is: 443 }, { match: "name", present: true }] },
    yes: [{ port: 443, name: "a" }],
    no: [{ port: 443 }, { name: "a" }],
  },
  {
    filter: { any: [{ match: "port", is: 443 }, { match: "name", present: true }] },
    yes: [{ port: 443 }, { name: "a" }],
    no: [{ port: 444 }, NOTHING],
  },
  { filter: { not: { match: "port", is: 443 } }, yes: [{ port: 1 }, NOTHING], no: [{ port: 443 }] },
  {
    filter: { not: [{ match: "port", is: 443 }, { match: "name", is: "a" }] },
    yes: [{ port: 443 }, { name: "a" }, NOTHING],
    no: [{ port: 443, name: "a" }],
  },
  {
    filter: {
      any: [{ all: [{ match: "port", is: 1 }, { not: { match: "name", is: "a" } }] }, [{
        match: "port",
        is: 2,
      }]],
    },
    yes: [{ port: 1 }, { port: 1, name: "b" }, { port: 2, name: "a" }],
    no: [{ port: 1, name: "a" }, { port: 3 }],
  },
];

for (const { filter, yes, no } of CASES) {
  for (const record of yes) {
    Deno.test(`the filter ${JSON.stringify(filter)} passes ${JSON.stringify(record)}`, () => {
      assert(passes(filter, record));
    });
  }
  for (const record of no) {
    Deno.test(`the filter ${JSON.stringify(filter)} does not pass ${JSON.stringify(record)}`, () => {
      assert(!passes(filter, record));
    });
  }
}

const NEEDS_CONDITION = "A filter needs a condition: one of is, in, cidr, range, regex, present, not";
const NEEDS_KEY = 'A filter has either the key "match" or one of "all", "any" and "not"';
const NEEDS_RANGE = 'Expected a range such as "1024-49151", "1024-" or [0.5, 10]';
const KNOWN_FIELDS = "known are host, port, delay, name, state";

/** A filter and what is wrong with it, with the path in the filter. */
const PROBLEMS: readonly { filter: Literal; problem: string }[] = [
  { filter: "x", problem: 'filter: Expected a filter such as {match: FIELD, is: VALUE}, not "x"' },
  { filter: ["x"], problem: 'filter[0]: Expected a filter such as {match: FIELD, is: VALUE}, not "x"' },
  { filter: {}, problem: `filter: ${NEEDS_KEY}` },
  { filter: { field: "port" }, problem: `key filter.field: ${NEEDS_KEY}` },
  { filter: { mach: "port" }, problem: `key filter.mach: ${NEEDS_KEY} (did you mean "match"?)` },
  { filter: { all: [], any: [] }, problem: `key filter.all: ${NEEDS_KEY} (did you mean "all"?)` },
  { filter: { all: { match: "port" } }, problem: "filter.all: Expected a list of filters, not a map" },
  { filter: { any: "x" }, problem: 'filter.any: Expected a list of filters, not "x"' },
  { filter: { not: { any: [{}] } }, problem: `filter.not.any[0]: ${NEEDS_KEY}` },
  { filter: { match: "port" }, problem: `filter: ${NEEDS_CONDITION}` },
  { filter: { match: "port", steps: [] }, problem: `filter: ${NEEDS_CONDITION}` },
  { filter: { match: "port", not: {} }, problem: `filter.not: ${NEEDS_CONDITION}` },
  { filter: { match: "port", not: 443 }, problem: `filter.not: ${NEEDS_CONDITION}` },
  {
    filter: { match: "prot", is: 443 },
    problem: `filter.match: Unknown field "prot" of sockets (did you mean "port"?); ${KNOWN_FIELDS}`,
  },
  {
    filter: { match: ["host", "port", "name"], is: 443 },
    problem: "filter.match: A value is made of one field or of two",
  },
  {
    filter: { match: "port", rnage: "1-" },
    problem: 'key filter.rnage: Unknown condition "rnage" (did you mean "range"?)',
  },
  {
    filter: { match: "port", all: [] },
    problem: 'key filter.all: Unknown condition "all"; known are is, in, cidr, range, regex, present and not',
  },
  {
    filter: { match: "port", constructor: 1 },
    problem:
      'key filter.constructor: Unknown condition "constructor"; known are is, in, cidr, range, regex, present and not',
  },
  { filter: { match: "host", is: "x" }, problem: 'filter.is: Expected an IP address, not "x"' },
  {
    filter: { match: "host", in: ["10.0.0.0/8"] },
    problem: 'filter.in[0]: Expected an IP address, not "10.0.0.0/8"',
  },
  { filter: { match: "port", is: "http" }, problem: 'filter.is: Expected a number, not "http"' },
  { filter: { match: "port", in: [1, "x"] }, problem: 'filter.in[1]: Expected a number, not "x"' },
  { filter: { match: "name", is: {} }, problem: "filter.is: Expected a text, not a map" },
  {
    filter: { match: "state", is: "LISTENING" },
    problem: 'filter.is: Expected one of LISTEN, ESTABLISHED, not "LISTENING" (did you mean "LISTEN"?)',
  },
  {
    filter: { match: "state", in: ["LISTEN", "x"] },
    problem: 'filter.in[1]: Expected one of LISTEN, ESTABLISHED, not "x"',
  },
  {
    filter: { match: "name", cidr: "10.0.0.0/8" },
    problem: "filter.cidr: The condition cidr is for addresses only",
  },
  {
    filter: { match: "host", cidr: ["10.0.0.0/8", "10.0.0.0/33"] },
    problem: 'filter.cidr: Expected a network such as 10.0.0.0/8, not "10.0.0.0/33"',
  },
  {
    filter: { match: "name", range: "1-2" },
    problem: "filter.range: The condition range is for numbers only",
  },
  {
    filter: { match: "host", range: [1, 2] },
    problem: "filter.range: The condition range is for numbers only",
  },
  { filter: { match: "port", range: "1" }, problem: `filter.range: ${NEEDS_RANGE}` },
  { filter: { match: "port", range: "-2" }, problem: `filter.range: ${NEEDS_RANGE}` },
  { filter: { match: "port", range: "2-1" }, problem: `filter.range: ${NEEDS_RANGE}` },
  { filter: { match: "port", range: [2, 1] }, problem: `filter.range: ${NEEDS_RANGE}` },
  { filter: { match: "port", range: [1] }, problem: `filter.range: ${NEEDS_RANGE}` },
  { filter: { match: "port", range: [1, 2, 3] }, problem: `filter.range: ${NEEDS_RANGE}` },
  {
    filter: { match: "name", regex: "(" },
    problem: 'filter.regex: Cannot compile the regular expression "(": Unterminated group',
  },
  { filter: { match: "name", regex: [] }, problem: "filter.regex: Expected a text, not a list" },
  { filter: { match: "name", present: "yes" }, problem: 'filter.present: Expected true or false, not "yes"' },
];

for (const { filter, problem } of PROBLEMS) {
  Deno.test(`the filter ${JSON.stringify(filter)} has a problem`, () => {
    const rule = placed({ name: "metric", source: "sockets", filter });
    assert.deepEqual(problemsOfRule({ types: [SOCKETS] }, rule), [problem]);
  });
}

Deno.test("a filter reports each thing that is wrong with it", () => {
  const filter = [{ match: "prot", is: 1 }, { any: [{ match: "port", is: "x" }, "y"] }];
  const places = problemsOfRule({ types: [SOCKETS] }, placed({ name: "metric", source: "sockets", filter }))
    .map((line) => line.split(":")[0]);
  assert.deepEqual(places, ["filter[0].match", "filter[1].any[0].is", "filter[1].any[1]"]);
});

Deno.test("a filter without a value is reported", () => {
  const rule = mapOf([
    { key: "name", place: "", value: nodeOf("metric") },
    { key: "source", place: "", value: nodeOf("sockets") },
    { key: "filter", place: "key filter", value: nothing("filter") },
  ]);
  assert.deepEqual(problemsOfRule({ types: [SOCKETS] }, rule), [
    "filter: Expected a filter such as {match: FIELD, is: VALUE}, not nothing",
  ]);
});
