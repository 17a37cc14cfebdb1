import assert from "node:assert/strict";
import { type Literal, Problems } from "../../../core/node.ts";
import { record, shownValue } from "../../../core/shape.ts";
import { openEnrichers } from "../../../enrich/open.ts";
import reverseDns from "../../../enrich/reverse_dns/mod.ts";
import { quiet } from "../../helpers/enrichers.ts";
import { placed } from "../../helpers/nodes.ts";

function read(settings: Literal) {
  const shape = record(reverseDns.settings), problems = new Problems();
  const values = shape.read(placed(settings), problems);
  return { shown: values && shownValue(shape, values), lines: problems.lines() };
}

Deno.test("reverse_dns has a default for every setting", () => {
  assert.deepEqual(read({}), {
    lines: [],
    shown: {
      cache_duration: 3600,
      negative_cache_duration: 300,
      lookup_local: false,
      lookup_remote: true,
      ip_as_unknown: false,
      tail_pihole: false,
      nameservers: [],
      timeout: 2,
      rate: 50,
      queue: 10_000,
    },
  });
});

Deno.test("reverse_dns takes all settings", () => {
  const settings = {
    cache_duration: 7200,
    negative_cache_duration: 60,
    lookup_local: true,
    lookup_remote: false,
    ip_as_unknown: true,
    tail_pihole: true,
    pihole_log: "/var/log/pihole/pihole.log",
    nameservers: ["127.0.0.1:5353", "[::1]:53"],
    timeout: 0.5,
    rate: 10,
    queue: 100,
  };
  assert.deepEqual(read(settings), { lines: [], shown: settings });
});

const WRONG: readonly { what: string; settings: Literal; lines: readonly string[] }[] = [
  {
    what: "a server that is a name",
    settings: { nameservers: ["localhost"] },
    lines: [
      'nameservers[0]: Expected an address such as 127.0.0.1, 127.0.0.1:5353 or [::1]:5353, not "localhost"',
    ],
  },
  {
    what: "a rate of 0",
    settings: { rate: 0 },
    lines: ['rate: Expected a whole number from 1 to 10000, not "0"'],
  },
  {
    what: "an unknown key",
    settings: { cache_time: "1h" },
    lines: [
      'key cache_time: Unknown key "cache_time"; known are ' + Object.keys(reverseDns.settings).join(", "),
    ],
  },
];

for (const { what, settings, lines } of WRONG) {
  Deno.test(`reverse_dns reports ${what}`, () => {
    assert.deepEqual(read(settings).lines, lines);
  });
}

Deno.test("reverse_dns is there when it is named only, and does nothing before it runs", () => {
  const open = (written: Literal) =>
    openEnrichers([reverseDns], placed(written), { ...quiet(), problems: new Problems() });
  assert.deepEqual(open({}).unconfigured, ["reverse_dns"]);
  const { outputs, takes, figures } = open({ reverse_dns: {} }).lookups.get("reverse_dns")!;
  assert.deepEqual([outputs, takes], [["name"], "ip"]);
  assert.deepEqual(figures!().map(({ name, value }) => [name, value]), [
    ["dns_questions_total", 0],
    ["dns_failures_total", 0],
    ["dns_dropped_total", 0],
    ["dns_addresses", 0],
  ]);
});
