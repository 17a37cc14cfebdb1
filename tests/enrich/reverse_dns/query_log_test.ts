import assert from "node:assert/strict";
import { type NamedAddress, QueryLog } from "../../../enrich/reverse_dns/query_log.ts";
import { property } from "../../helpers/random.ts";
import { testWith } from "../../helpers/skip.ts";
import { hasDnsmasq, startDnsmasq } from "./dnsmasq.ts";

function read(log: QueryLog, lines: readonly string[]): string[] {
  const named = lines.map((line) => log.read(line)).filter((named) => named !== undefined);
  return named.map(({ ip, name }: NamedAddress) => `${ip} ${name}`);
}

/** Of dnsmasq 2.90 with log-queries=extra, the names changed. */
const EXTRA = `Apr 21 10:00:00 dnsmasq[123]: started, version 2.90 cachesize 150
Apr 21 10:00:00 dnsmasq[123]: read /etc/hosts - 2 names
Apr 21 10:00:01 dnsmasq[123]: 1 192.168.1.2/12957 query[A] www.example.com from 192.168.1.2
Apr 21 10:00:01 dnsmasq[123]: 1 192.168.1.2/12957 forwarded www.example.com to 127.0.0.1#5391
Apr 21 10:00:01 dnsmasq[123]: 2 192.168.1.3/43502 query[AAAA] WWW.example.org from 192.168.1.3
Apr 21 10:00:01 dnsmasq[123]: 1 192.168.1.2/12957 reply www.example.com is <CNAME>
Apr 21 10:00:01 dnsmasq[123]: 1 192.168.1.2/12957 reply cdn.example.net is <CNAME>
Apr 21 10:00:01 dnsmasq[123]: 1 192.168.1.2/12957 reply lb.example.net is 203.0.113.5
Apr 21 10:00:01 dnsmasq[123]: 1 192.168.1.2/12957 reply lb.example.net is 203.0.113.6
Apr 21 10:00:01 dnsmasq[123]: 2 192.168.1.3/43502 reply www.example.org is <CNAME>
Apr 21 10:00:01 dnsmasq[123]: 2 192.168.1.3/43502 reply six.example.net is 2001:db8::5
Apr 21 10:00:02 dnsmasq[123]: 3 192.168.1.2/56993 query[A] printer.lan from 192.168.1.2
Apr 21 10:00:02 dnsmasq[123]: 3 192.168.1.2/56993 /etc/hosts printer.lan is 192.168.1.9
Apr 21 10:00:02 dnsmasq[123]: 4 192.168.1.2/56994 query[PTR] 5.113.0.203.in-addr.arpa from 192.168.1.2
Apr 21 10:00:02 dnsmasq[123]: 4 192.168.1.2/56994 reply 203.0.113.5 is ptr.example.net
Apr 21 10:00:03 dnsmasq[123]: 5 192.168.1.2/60388 query[A] nope.invalid from 192.168.1.2
Apr 21 10:00:03 dnsmasq[123]: 5 192.168.1.2/60388 reply nope.invalid is NXDOMAIN
Apr 21 10:00:03 dnsmasq[123]: 6 192.168.1.2/60389 query[A] cached.example from 192.168.1.2
Apr 21 10:00:03 dnsmasq[123]: 6 192.168.1.2/60389 cached cached.example is <CNAME>
Apr 21 10:00:03 dnsmasq[123]: 6 192.168.1.2/60389 cached-stale target.example is 203.0.113.7`.split("\n");

const EXTRA_NAMES = [
  "203.0.113.5 www.example.com",
  "203.0.113.6 www.example.com",
  "2001:db8::5 www.example.org",
  "192.168.1.9 printer.lan",
  "203.0.113.7 cached.example",
];

Deno.test("QueryLog gives the names that were asked for when queries have serial numbers", () => {
  assert.deepEqual(read(new QueryLog(), EXTRA), EXTRA_NAMES);
});

Deno.test("QueryLog gives the names that were asked for when answers come in between each other", () => {
  const lines = `x: 1 192.168.1.2/1 query[A] a.example from 192.168.1.2
x: 2 192.168.1.2/2 query[A] b.example from 192.168.1.2
x: 1 192.168.1.2/1 reply a.example is <CNAME>
x: 2 192.168.1.2/2 reply b.example is <CNAME>
x: 1 192.168.1.2/1 reply lb.example is 203.0.113.1
x: 2 192.168.1.2/2 reply lb.example is 203.0.113.2`.split("\n");
  assert.deepEqual(read(new QueryLog(), lines), ["203.0.113.1 a.example", "203.0.113.2 b.example"]);
});

Deno.test("QueryLog gives the first alias of an answer when the query is not known", () => {
  assert.deepEqual(read(new QueryLog(), EXTRA.filter((line) => !line.includes("query["))), EXTRA_NAMES);
});

Deno.test("QueryLog gives the first alias of an answer when queries have no serial numbers", () => {
  const lines = EXTRA.map((line) => line.replace(/\d+ [\d.]+\/\d+ /, ""));
  assert.deepEqual(read(new QueryLog(), lines), EXTRA_NAMES);
});

Deno.test("QueryLog gives no alias of another answer when answers without serial number follow each other", () => {
  const lines = `x: reply a.example is <CNAME>
x: reply lb.example is 203.0.113.1
x: reply plain.example is 203.0.113.2
x: reply b.example is <CNAME>
x: reply lb.example is 203.0.113.1
x: reply c.example is <CNAME>
x: reply lb.example is NODATA-IPv6
x: reply lb.example is 203.0.113.3
x: reply d.example is <CNAME>
x: query[A] e.example from 192.168.1.2
x: cached e.example is 203.0.113.4`.split("\n");
  assert.deepEqual(read(new QueryLog(), lines), [
    "203.0.113.1 a.example",
    "203.0.113.2 plain.example",
    "203.0.113.1 b.example",
    "203.0.113.3 lb.example",
    "203.0.113.4 e.example",
  ]);
});

Deno.test("QueryLog reads what pihole -t shows: no date, no program, colours", () => {
  const lines = EXTRA.map((line) =>
    `\u001b[90m${line.replace("Apr 21 ", "").replace(" dnsmasq[123]", "")}\u001b[0m`
  );
  assert.deepEqual(read(new QueryLog(), lines), EXTRA_NAMES);
});

const HEADS: readonly { what: string; head: string }[] = [
  { what: "of another day", head: "Apr  1 10:00:00 dnsmasq[9]: " },
  { what: "with milliseconds", head: "Apr 21 10:00:00.123 dnsmasq[9]: " },
  { what: "of syslog", head: "2026-04-21T10:00:00.123456+02:00 host dnsmasq[9]: " },
  { what: "without a date", head: "dnsmasq: " },
];

for (const { what, head } of HEADS) {
  Deno.test(`QueryLog reads lines with a head ${what}`, () => {
    assert.deepEqual(read(new QueryLog(), [`${head}reply a.example is 203.0.113.1\r`]), [
      "203.0.113.1 a.example",
    ]);
  });
}

const IGNORED: readonly { what: string; line: string }[] = [
  { what: "a name that Pi-hole blocked", line: "x: gravity blocked ads.example is 203.0.113.1" },
  { what: "a name that Pi-hole denied", line: "x: exactly denied ads.example is 203.0.113.1" },
  { what: "a name that has the address 0.0.0.0", line: "x: config ads.example is 0.0.0.0" },
  { what: "a name that has the address ::", line: "x: config ads.example is ::" },
  { what: "a name with control characters", line: "x: reply a\u0007.example is 203.0.113.1" },
  { what: "a name with a backslash", line: "x: reply a\\010.example is 203.0.113.1" },
  { what: "a name that is too long", line: `x: reply ${"a".repeat(254)} is 203.0.113.1` },
  { what: "a line that is too long", line: `${"x".repeat(1024)}: reply a.example is 203.0.113.1` },
  { what: "an address with a port", line: "x: reply a.example is 203.0.113.1#53" },
  { what: "a line without a head", line: "reply a.example is 203.0.113.1" },
  { what: "an empty line", line: "" },
];

for (const { what, line } of IGNORED) {
  Deno.test(`QueryLog ignores ${what}`, () => {
    assert.equal(new QueryLog().read(line), undefined);
  });
}

Deno.test("QueryLog forgets the oldest of many queries", () => {
  const log = new QueryLog();
  for (let i = 0; i < 5000; i++) log.read(`x: ${i} 192.168.1.2/1 query[A] q${i}.example from 192.168.1.2`);
  const answers = [0, 4999].map((i) => `x: ${i} 192.168.1.2/1 reply lb.example is 203.0.113.1`);
  assert.deepEqual(read(log, answers), ["203.0.113.1 lb.example", "203.0.113.1 q4999.example"]);
});

Deno.test("QueryLog reads every beginning of every line", () => {
  const log = new QueryLog(), names = new Set(EXTRA_NAMES.map((line) => line.split(" ")[1]!));
  for (const line of EXTRA) {
    for (let length = 0; length < line.length; length++) {
      const named = log.read(line.slice(0, length));
      // An address that is cut short may be another one.
      if (named !== undefined) assert(names.has(named.name), line.slice(0, length));
    }
  }
});

property("QueryLog gives nothing but good names of lines that are mixed up", (random) => {
  const log = new QueryLog();
  const words = [
    ...new Set(EXTRA.flatMap((line) => line.split(" "))),
    "is",
    "from",
    ":",
    "\u001b[0m",
    "\0",
    "",
  ];
  for (let i = 0; i < 20_000; i++) {
    const count = random.int(9);
    const line = `x: ${Array.from({ length: count }, () => random.pick(words)).join(" ")}`;
    const named = log.read(line);
    if (named !== undefined) assert.match(named.name, /^[!-~]+$/);
  }
});

testWith({
  name: "QueryLog gives the names that dnsmasq was asked for, from its own log",
  needs: hasDnsmasq,
  async fn() {
    await using upstream = await startDnsmasq(
      "--host-record=lb.example.net,203.0.113.5,2001:db8::5",
      "--cname=www.example.com,lb.example.net",
    );
    for (const extra of ["", "=extra"]) {
      const file = await Deno.makeTempFile();
      try {
        await Deno.chmod(file, 0o666);
        {
          await using dnsmasq = await startDnsmasq(
            `--server=127.0.0.1#${upstream.port}`,
            `--log-queries${extra}`,
            `--log-facility=${file}`,
          );
          const nameServer = { ipAddr: "127.0.0.1", port: dnsmasq.port };
          assert.deepEqual(await Deno.resolveDns("www.example.com.", "A", { nameServer }), ["203.0.113.5"]);
          assert.deepEqual(await Deno.resolveDns("www.example.com.", "AAAA", { nameServer }), [
            "2001:db8::5",
          ]);
        }
        const lines = (await Deno.readTextFile(file)).split("\n");
        assert.deepEqual(read(new QueryLog(), lines), [
          "203.0.113.5 www.example.com",
          "2001:db8::5 www.example.com",
        ]);
      } finally {
        await Deno.remove(file);
      }
    }
  },
});
