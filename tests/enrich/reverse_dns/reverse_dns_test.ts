import assert from "node:assert/strict";
import type { Value } from "../../../core/enricher.ts";
import { Ip } from "../../../core/ip.ts";
import { ReverseDns, type ReverseDnsOptions } from "../../../enrich/reverse_dns/reverse_dns.ts";
import { quiet } from "../../helpers/enrichers.ts";
import { testWith } from "../../helpers/skip.ts";
import { hasDnsmasq, startDnsmasq } from "./dnsmasq.ts";
import { FakeDns, NXDOMAIN, type Reply } from "./fake_dns.ts";
import { until } from "./until.ts";

const HOUR_MS = 3_600_000, MINUTE_MS = 60_000;

/** The enricher as it is used: a caller that remembers what it was told until it is told that it has changed. */
class Running implements AsyncDisposable {
  readonly context = quiet();
  readonly dns: ReverseDns;
  /** The values of which it was told that they have changed. */
  readonly told: string[] = [];
  /** What time goes by besides that of the clock. */
  skippedMs = 0;
  readonly #stopping = new AbortController();
  #done: Promise<void> | undefined;

  constructor(options: Partial<ReverseDnsOptions>) {
    this.dns = new ReverseDns({
      lookupLocal: true,
      lookupRemote: true,
      ipAsUnknown: false,
      cacheMs: HOUR_MS,
      negativeCacheMs: 5 * MINUTE_MS,
      timeoutMs: 10_000,
      queue: 10_000,
      rate: 10_000,
      nameServers: [],
      tailPihole: false,
      piholeLog: undefined,
      log: this.context.log,
      etc: "/nonexistent",
      now: () => performance.now() + this.skippedMs,
      ...options,
    });
    this.dns.onChange((value) => this.told.push(value === undefined ? "all" : String(value)));
  }

  static async start(options: Partial<ReverseDnsOptions>): Promise<Running> {
    const running = new Running(options);
    await running.dns.load();
    running.#done = running.dns.run(running.#stopping.signal);
    return running;
  }

  lookup(address: string): Value | undefined {
    return this.dns.lookup(Ip.parse(address)!);
  }

  figure(name: string): number {
    return this.dns.figures().find((figure) => figure.name === name)!.value;
  }

  /** Waits until it has told of so many changes; returns them. */
  async changes(count: number): Promise<string[]> {
    await until(() => this.told.length >= count);
    return this.told.splice(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#done;
  }
}

/** A server, and an enricher that asks it. */
async function withServer(
  { reply, ...options }: Partial<ReverseDnsOptions> & { reply: (question: string) => Reply },
  body: (running: Running, server: FakeDns) => Promise<void>,
): Promise<void> {
  await using server = await FakeDns.start(reply);
  await using running = await Running.start({ nameServers: [server.address], ...options });
  await body(running, server);
}

const named = () => ["name.example"];

testWith({
  name: "ReverseDns.lookup() gives the name that dnsmasq knows after it has told of it",
  needs: hasDnsmasq,
  async fn() {
    await using dnsmasq = await startDnsmasq(
      "--ptr-record=5.113.0.203.in-addr.arpa,ptr.example.net",
      "--host-record=six.example.org,2001:db8::5",
      "--local=/in-addr.arpa/",
    );
    await using running = await Running.start({ nameServers: [{ ipAddr: "127.0.0.1", port: dnsmasq.port }] });
    const addresses = ["203.0.113.5", "2001:db8::5", "203.0.113.6"];
    assert.deepEqual(addresses.map((address) => running.lookup(address)), new Array(3).fill(undefined));
    assert.deepEqual((await running.changes(2)).toSorted(), ["2001:db8::5", "203.0.113.5"]);
    await until(() => running.figure("dns_addresses") === 3);
    assert.deepEqual(addresses.map((address) => running.lookup(address)), [
      "ptr.example.net",
      "six.example.org",
      undefined,
    ]);
    assert.equal(running.figure("dns_questions_total"), 3);
  },
});

for (const value of ["203.0.113.5", 443, [Ip.v4(1)]]) {
  Deno.test(`ReverseDns.lookup() gives nothing for ${JSON.stringify(value)}, which is no address`, () => {
    assert.equal(new Running({ ipAsUnknown: true }).dns.lookup(value), undefined);
  });
}

Deno.test("ReverseDns.lookup() gives the address where there is no name, when it is to", async () => {
  await withServer({ reply: () => NXDOMAIN, ipAsUnknown: true }, async (running) => {
    const ip = Ip.parse("203.0.113.5")!;
    assert.equal(running.dns.lookup(ip), ip);
    await until(() => running.figure("dns_addresses") === 1);
    assert.equal(running.dns.lookup(ip), ip);
    assert.deepEqual(running.told, []);
  });
});

const WANTED: readonly { lookupLocal: boolean; lookupRemote: boolean; asked: readonly string[] }[] = [
  { lookupLocal: false, lookupRemote: true, asked: ["8.8.8.8", "2606:4700::1"] },
  { lookupLocal: true, lookupRemote: false, asked: ["192.168.1.1", "fd00::1"] },
  { lookupLocal: false, lookupRemote: false, asked: [] },
];

for (const { asked, ...options } of WANTED) {
  const what = asked.length > 0 ? asked.join(" and ") : "none";
  Deno.test(`ReverseDns asks for ${what} with ${JSON.stringify(options)}`, async () => {
    await withServer({ reply: named, ...options }, async (running) => {
      const addresses = ["8.8.8.8", "192.168.1.1", "2606:4700::1", "fd00::1"];
      for (const address of addresses) running.lookup(address);
      await until(() => running.figure("dns_addresses") === asked.length);
      const found = addresses.filter((address) => running.lookup(address) !== undefined);
      assert.deepEqual(found.toSorted(), asked.toSorted());
    });
  });
}

Deno.test("ReverseDns asks for an address once, however often it is looked up", async () => {
  await withServer({ reply: named }, async (running, server) => {
    for (let i = 0; i < 5; i++) running.lookup("203.0.113.5");
    await running.changes(1);
    for (let i = 0; i < 5; i++) running.lookup("203.0.113.5");
    await running.dns.load();
    assert.equal(server.questions.length, 1);
  });
});

Deno.test("ReverseDns takes names of the system's hosts first, and its name servers", async () => {
  const etc = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${etc}/hosts`, "203.0.113.5 host.example\n");
    await Deno.writeTextFile(`${etc}/resolv.conf`, "nameserver 127.0.0.53\n");
    await using running = await Running.start({ etc });
    assert.equal(running.lookup("203.0.113.5"), "host.example");
    assert.equal(running.figure("dns_questions_total"), 0);
  } finally {
    await Deno.remove(etc, { recursive: true });
  }
});

Deno.test("ReverseDns tells of a name that is old, keeps it, and asks again when it is looked up", async () => {
  let name = "old.example";
  await withServer({ reply: () => [name] }, async (running, server) => {
    running.lookup("203.0.113.5");
    await running.changes(1);
    running.lookup("203.0.113.5");
    name = "new.example";
    running.skippedMs += HOUR_MS;
    assert.deepEqual(await running.changes(1), ["203.0.113.5"]);
    assert.equal(server.questions.length, 1);
    assert.equal(running.lookup("203.0.113.5"), "old.example");
    assert.deepEqual(await running.changes(1), ["203.0.113.5"]);
    assert.equal(running.lookup("203.0.113.5"), "new.example");
  });
});

Deno.test("ReverseDns does not tell of a name that is the same as before", async () => {
  await withServer({ reply: named }, async (running) => {
    running.lookup("203.0.113.5");
    await running.changes(1);
    running.skippedMs += HOUR_MS;
    await running.changes(1);
    running.lookup("203.0.113.5");
    for (const later of ["203.0.113.6", "203.0.113.7"]) {
      running.lookup(later);
      assert.deepEqual(await running.changes(1), [later]);
    }
    assert.equal(running.figure("dns_questions_total"), 4);
  });
});

Deno.test("ReverseDns forgets a name that is old and not looked up any more", async () => {
  await withServer({ reply: named }, async (running, server) => {
    running.lookup("203.0.113.5");
    await running.changes(1);
    running.skippedMs += HOUR_MS;
    await running.changes(1);
    running.skippedMs += 5 * MINUTE_MS;
    await until(() => running.figure("dns_addresses") === 0);
    assert.deepEqual([running.told, server.questions.length], [[], 1]);
  });
});

Deno.test("ReverseDns asks again for an address without a name after its own time", async () => {
  let reply: Reply = NXDOMAIN;
  await withServer({ reply: () => reply }, async (running) => {
    running.lookup("203.0.113.5");
    await until(() => running.figure("dns_addresses") === 1);
    reply = ["late.example"];
    running.skippedMs += 5 * MINUTE_MS;
    await running.changes(1);
    running.lookup("203.0.113.5");
    await running.changes(1);
    assert.equal(running.lookup("203.0.113.5"), "late.example");
  });
});

Deno.test("ReverseDns asks again soon when no server answers, and keeps the name until then", async () => {
  let reply: Reply = ["kept.example"];
  await withServer({ reply: () => reply, timeoutMs: 1000 }, async (running) => {
    running.lookup("203.0.113.5");
    await running.changes(1);
    reply = "silence";
    running.skippedMs += HOUR_MS;
    await running.changes(1);
    running.lookup("203.0.113.5");
    await until(() => running.figure("dns_failures_total") === 1);
    assert.equal(running.lookup("203.0.113.5"), "kept.example");
    reply = ["new.example"];
    running.skippedMs += 30_000;
    await running.changes(1);
    running.lookup("203.0.113.5");
    await running.changes(1);
    assert.equal(running.lookup("203.0.113.5"), "new.example");
  });
});

Deno.test("ReverseDns says so when the servers answer none of many questions", async () => {
  await withServer({ reply: () => "silence", timeoutMs: 100 }, async (running) => {
    for (let i = 0; i < 25; i++) running.lookup(`203.0.113.${i}`);
    await until(() => running.figure("dns_failures_total") === 25);
    assert.equal(running.context.lines.length, 1);
    assert.match(
      running.context.lines[0]!,
      /level=warn msg="The name servers do not answer" reason="The name server does not answer"/,
    );
  });
});

Deno.test("ReverseDns asks no faster than its rate", async () => {
  await withServer({ reply: named, rate: 10 }, async (running, server) => {
    const start = performance.now();
    for (let i = 0; i < 15; i++) running.lookup(`203.0.113.${i}`);
    await running.changes(15);
    assert(performance.now() - start >= 400);
    assert.equal(server.questions.length, 15);
  });
});

Deno.test("ReverseDns has only so many addresses wait, and gives the others a second chance", async () => {
  await withServer({ reply: named, queue: 5 }, async (running) => {
    const addresses = Array.from({ length: 8 }, (_, i) => `203.0.113.${i}`);
    for (const address of addresses) running.lookup(address);
    assert.equal(running.figure("dns_dropped_total"), 3);
    assert.deepEqual((await running.changes(6)).includes("all"), true);
    for (const address of addresses) running.lookup(address);
    await running.changes(3);
    assert.deepEqual(addresses.map((address) => running.lookup(address)), new Array(8).fill("name.example"));
    assert.equal(running.figure("dns_dropped_total"), 3);
  });
});

Deno.test("ReverseDns gives a second chance at most once a minute", async () => {
  await withServer({ reply: named, queue: 1 }, async (running) => {
    for (let i = 0; i < 3; i++) running.lookup(`203.0.113.${i}`);
    await until(() => running.told.includes("all") && running.told.length === 2);
    running.told.splice(0);
    for (let i = 0; i < 3; i++) running.lookup(`203.0.113.${i}`);
    await until(() => running.figure("dns_addresses") === 2);
    assert.equal(running.told.includes("all"), false);
    running.skippedMs += MINUTE_MS;
    await until(() => running.told.includes("all"));
  });
});

Deno.test("ReverseDns.lookup() of 100,000 addresses costs little", () => {
  const { dns } = new Running({});
  const addresses = Array.from({ length: 100_000 }, (_, i) => Ip.v4(0x08000000 + i));
  const start = performance.now();
  for (const address of addresses) dns.lookup(address);
  assert(performance.now() - start < 1000);
});

Deno.test("ReverseDns.run() ends when the signal is aborted, with questions under way and others waiting", async () => {
  await withServer({ reply: () => "silence", timeoutMs: 600_000 }, async (running, server) => {
    for (let i = 0; i < 250; i++) running.lookup(`203.0.113.${i}`);
    await until(() => server.questions.length > 0);
  });
});

Deno.test("ReverseDns takes the name that Pi-hole was asked for before that of DNS", async () => {
  const piholeLog = await Deno.makeTempFile();
  try {
    await withServer({ reply: named, piholeLog, lookupLocal: true }, async (running, server) => {
      running.lookup("203.0.113.5");
      await running.changes(1);
      assert.equal(running.lookup("203.0.113.5"), "name.example");
      const log = `Apr 21 10:00:00 dnsmasq[1]: 1 192.168.1.2/1 query[A] www.example.com from 192.168.1.2
Apr 21 10:00:00 dnsmasq[1]: 1 192.168.1.2/1 reply www.example.com is <CNAME>
Apr 21 10:00:00 dnsmasq[1]: 1 192.168.1.2/1 reply lb.example.net is 203.0.113.5
Apr 21 10:00:00 dnsmasq[1]: 1 192.168.1.2/1 reply lb.example.net is 203.0.113.6
`;
      await Deno.writeTextFile(piholeLog, log, { append: true });
      assert.deepEqual(await running.changes(2), ["203.0.113.5", "203.0.113.6"]);
      assert.deepEqual(["203.0.113.5", "203.0.113.6"].map((address) => running.lookup(address)), [
        "www.example.com",
        "www.example.com",
      ]);
      assert.equal(server.questions.length, 1);
    });
  } finally {
    await Deno.remove(piholeLog);
  }
});

Deno.test("ReverseDns takes no name from Pi-hole for an address that gets none", async () => {
  const piholeLog = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(piholeLog, "x: reply a.example is 192.168.1.9\nx: reply b.example is 8.8.8.8\n");
    await withServer({ reply: named, piholeLog, lookupLocal: false }, async (running) => {
      assert.deepEqual(await running.changes(1), ["8.8.8.8"]);
      assert.equal(running.lookup("192.168.1.9"), undefined);
    });
  } finally {
    await Deno.remove(piholeLog);
  }
});
