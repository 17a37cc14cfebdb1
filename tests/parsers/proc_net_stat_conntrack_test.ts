import assert from "node:assert/strict";
import { parseConntrackStats } from "../../parsers/proc_net_stat_conntrack.ts";
import { fixtureText } from "../helpers/fixtures.ts";
import { property } from "../helpers/random.ts";

// Linux 3.0: net/netfilter/nf_conntrack_standalone.c
const OLD_HEAD =
  "entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop " +
  "icmp_error  expect_new expect_create expect_delete search_restart";
const HEAD = "entries  found drop";

Deno.test("parseConntrackStats() reads a row for each CPU of a recorded file", () => {
  const { cpus, malformed } = parseConntrackStats(fixtureText("procfs/conntrack/stat_nf_conntrack"));
  assert.deepEqual([cpus.length, malformed], [2, 0]);
  for (const cpu of cpus) {
    assert.equal(cpu["entries"], 25);
    assert.deepEqual(Object.keys(cpu).slice(0, 4), ["entries", "clashres", "found", "new"]);
    assert.equal(Object.keys(cpu).length, 17);
  }
});

Deno.test("parseConntrackStats() reads hexadecimal numbers by the names of an older kernel", () => {
  const row =
    "0000001f  000000ff 00000002 00000003 00000004 00000005 00000006 00000007 00000008 00000009 0000000a " +
    "0000000b 0000000c  0000000d 0000000e 0000000f ffffffff";
  const { cpus: [cpu], malformed } = parseConntrackStats(`${OLD_HEAD}\n${row}\n`);
  assert.equal(malformed, 0);
  assert.deepEqual([cpu?.["entries"], cpu?.["searched"], cpu?.["drop"]], [31, 255, 10]);
  assert.equal(cpu?.["search_restart"], 0xffffffff);
});

for (
  const { what, row } of [
    { what: "fewer numbers than names", row: "00000001  00000002" },
    { what: "more numbers than names", row: "00000001  00000002 00000003 00000004" },
    { what: "a word", row: "00000001  00000002 many" },
    { what: "a negative number", row: "00000001  00000002 -0000001" },
    { what: "a number of nine digits", row: "00000001  00000002 000000003" },
    { what: "a prefix", row: "00000001  00000002 0x000003" },
  ]
) {
  Deno.test(`parseConntrackStats() counts a row with ${what} as malformed, and reads the rows around it`, () => {
    const good = "00000001  00000002 00000003", cpu = { entries: 1, found: 2, drop: 3 };
    const stats = parseConntrackStats(`${HEAD}\n${good}\n${row}\n${good}`);
    assert.deepEqual(stats, { cpus: [cpu, cpu], malformed: 1 });
  });
}

for (const text of ["", "\n", HEAD, `${HEAD}\n`, `${HEAD}\n\n  \n`]) {
  Deno.test(`parseConntrackStats() reads no CPU of ${JSON.stringify(text)}`, () => {
    assert.deepEqual(parseConntrackStats(text), { cpus: [], malformed: 0 });
  });
}

Deno.test("parseConntrackStats() takes any name of a column", () => {
  const { cpus: [cpu] } = parseConntrackStats("__proto__ constructor\n1 2\n");
  assert.deepEqual(Object.entries(cpu ?? {}), [["__proto__", 1], ["constructor", 2]]);
});

Deno.test("parseConntrackStats() reads no more CPUs of any beginning than of the whole", () => {
  const text = fixtureText("procfs/conntrack/stat_nf_conntrack");
  for (let length = 0; length < text.length; length++) {
    const { cpus, malformed } = parseConntrackStats(text.slice(0, length));
    assert(cpus.length + malformed <= 2 && malformed <= 1, `${length} characters`);
  }
});

property("parseConntrackStats() survives random text", (random) => {
  for (let round = 0; round < 5000; round++) {
    const text = Array.from({ length: random.int(60) }, () => random.pick([..."0123456789abcdef  \n\t-x\0é"]))
      .join("");
    const { cpus, malformed } = parseConntrackStats(text);
    assert(cpus.length + malformed <= text.split("\n").length);
  }
});
