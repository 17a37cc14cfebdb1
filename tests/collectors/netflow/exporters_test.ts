import assert from "node:assert/strict";
import { type Exporter, Exporters } from "../../../collectors/netflow/exporters.ts";
import { trieOf } from "../../../collectors/netflow/sampling.ts";
import { Ip } from "../../../core/ip.ts";
import { Vocabulary } from "../../../core/vocabulary.ts";

const HOUR_MS = 3_600_000;
const MAX_EXPORTERS = 1024, MAX_ENGINES = 64;

/** Exporters by their addresses, over a vocabulary that is full when it has so many words. */
class ByAddress {
  readonly vocabulary: Vocabulary;
  readonly exporters: Exporters;

  constructor({ rates = {}, limit = 131_072 }: { rates?: Record<string, number>; limit?: number } = {}) {
    this.vocabulary = new Vocabulary(limit);
    this.exporters = new Exporters(this.vocabulary, trieOf(new Map(Object.entries(rates))));
  }

  of(address: string): Exporter {
    return this.exporters.of(this.vocabulary.ip(Ip.parse(address)!));
  }

  /** A datagram of the exporter comes at the time. */
  hear(address: string, now = 0): Exporter {
    const exporter = this.of(address);
    exporter.datagrams++;
    exporter.lastSeen = now;
    return exporter;
  }

  /** The addresses of all, and that each has its number. */
  settle(now = 0, between: () => void = () => {}): (string | undefined)[] {
    const addresses: (string | undefined)[] = [];
    for (const { ip, number } of this.exporters.settle(now)) {
      const numbered = ip === undefined ? NaN : this.vocabulary.ip(ip);
      assert.equal(number, numbered, `The number of ${ip}`);
      addresses.push(ip?.toString());
      between();
    }
    return addresses;
  }

  /** As when datagrams of many others have come; those of so many after that. */
  forget(others = 10): void {
    const { generation, limit } = this.vocabulary;
    for (let i = 0; i <= limit; i++) this.vocabulary.text(`${generation} ${i}`);
    this.vocabulary.forgetIfFull();
    assert.equal(this.vocabulary.generation, generation + 1);
    for (let i = 0; i < others; i++) this.vocabulary.ip(Ip.parse(`2001:db8:ffff::${generation}:${i}`)!);
  }
}

function lostOf({ sequences }: Exporter): number {
  return sequences.values().reduce((sum, { lost }) => sum + lost, 0);
}

Deno.test("of() gives the same exporter for the same address, IPv4 or IPv6", () => {
  const by = new ByAddress(), addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"];
  const exporters = addresses.map((address) => by.hear(address));
  assert.equal(new Set(exporters).size, 4);
  assert.deepEqual(addresses.map((address) => by.of(address)), exporters);
  assert.deepEqual(exporters.map(({ ip }) => String(ip)), addresses);
  assert.equal(by.of("::ffff:192.0.2.1"), exporters[0]);
  assert.deepEqual(by.settle(), addresses);
});

Deno.test("of() does not tell apart those beyond the 1024th, nor those without an address", () => {
  const by = new ByAddress();
  const known = Array.from({ length: MAX_EXPORTERS }, (_, i) => by.hear(`10.0.${i >> 8}.${i & 255}`));
  assert.equal(new Set(known).size, MAX_EXPORTERS);
  const others = by.hear("10.9.0.1");
  assert.deepEqual([others.number, others.ip, others.fixedRate], [NaN, undefined, undefined]);
  assert.equal(by.hear("2001:db8::1"), others);
  assert.equal(by.exporters.of(NaN), others);
  assert.equal(by.of("10.0.0.0"), known[0]);
  assert.equal(by.settle().length, MAX_EXPORTERS + 1);
  assert.equal(others.datagrams, 2);
});

Deno.test("of() gives an exporter without an address when there are few, too", () => {
  const by = new ByAddress(), unknown = by.exporters.of(NaN);
  assert.equal(unknown.ip, undefined);
  assert.deepEqual(by.settle(), []);
  unknown.datagrams++;
  assert.deepEqual(by.settle(), [undefined]);
});

Deno.test("settle() forgets no exporter as long as there is room", () => {
  const by = new ByAddress();
  by.hear("10.0.0.1", 0);
  assert.deepEqual(by.settle(1000 * HOUR_MS), ["10.0.0.1"]);
});

Deno.test("of() knows the sampling rate of an exporter that is not told apart", () => {
  const by = new ByAddress({ rates: { "10.9.0.0/16": 1000 } });
  for (let i = 0; i < MAX_EXPORTERS; i++) by.hear(`10.0.${i >> 8}.${i & 255}`);
  const [rated, plain] = [by.hear("10.9.0.1"), by.hear("10.8.0.1")];
  assert.deepEqual([rated.fixedRate, rated.ip, plain.fixedRate], [1000, undefined, undefined]);
});

Deno.test("settle() forgets an exporter that has been silent for more than an hour when there is no room", () => {
  const by = new ByAddress();
  for (let i = 0; i < MAX_EXPORTERS; i++) by.hear(`10.0.${i >> 8}.${i & 255}`, i === 7 ? 1000 : 2000);
  const seventh = by.of("10.0.0.7");
  assert.equal(by.settle(HOUR_MS + 1000).length, MAX_EXPORTERS);
  assert.equal(by.settle(HOUR_MS + 1001).length, MAX_EXPORTERS - 1);
  assert.equal(by.hear("10.9.0.1", HOUR_MS).ip?.toString(), "10.9.0.1");
  assert.equal(by.hear("10.0.0.7", HOUR_MS).ip, undefined);
  assert.deepEqual(by.settle(HOUR_MS + 2001), ["10.9.0.1", undefined]);
  const again = by.hear("10.0.0.7", HOUR_MS + 2001);
  assert.notEqual(again, seventh);
  assert.equal(again.datagrams, 1);
});

Deno.test("of() gives the same exporters when the vocabulary has forgotten their numbers", () => {
  const by = new ByAddress({ limit: 100 });
  const addresses = ["2001:db8::1", "192.0.2.1", "2001:db8::2", "2001:db8::3"];
  const exporters = addresses.map((address) => by.hear(address));
  const numbers = exporters.map(({ number }) => number);
  for (let round = 0; round < 3; round++) {
    by.forget();
    assert.deepEqual(addresses.toReversed().map((address) => by.of(address)), exporters.toReversed());
    assert.deepEqual(by.settle(), addresses);
    by.forget();
    assert.deepEqual(by.settle(), addresses);
  }
  assert.notDeepEqual(exporters.map(({ number }) => number), numbers);
});

Deno.test("of() does not take the number of one exporter for that of another after the vocabulary forgot", () => {
  const by = new ByAddress({ limit: 100 });
  const first = by.hear("2001:db8::1"), second = by.hear("2001:db8::2"), { number } = first;
  by.forget(0);
  // Now the second has the number that the first had.
  assert.equal(by.vocabulary.ip(Ip.parse("2001:db8::2")!), number);
  assert.equal(by.of("2001:db8::2"), second);
  assert.equal(by.of("2001:db8::1"), first);
});

Deno.test("settle() gives each exporter its number when the vocabulary forgets between two of them", () => {
  const by = new ByAddress({ limit: 100 }), addresses = ["2001:db8::1", "2001:db8::2", "2001:db8::3"];
  for (const address of addresses) by.hear(address);
  let rounds = 0;
  const addressesThen = by.settle(0, () => ++rounds === 1 && by.forget());
  assert.deepEqual(addressesThen.sort(), addresses);
});

Deno.test("settle() gives each exporter once when datagrams come in between and the vocabulary has forgotten", () => {
  const by = new ByAddress({ limit: 100 }), addresses = ["2001:db8::1", "2001:db8::2", "2001:db8::3"];
  for (const address of addresses) by.hear(address);
  let rounds = 0;
  const found = by.settle(0, () => {
    if (++rounds > 1) return;
    by.forget();
    by.of("2001:db8::2");
  });
  assert.deepEqual(found.sort(), addresses);
});

Deno.test("sequenceOf() tells 64 engines of an exporter apart, and no more", () => {
  const by = new ByAddress(), exporter = by.hear("192.0.2.1"), engines = [...Array(MAX_ENGINES).keys()];
  const sequences = engines.map((engine) => exporter.sequenceOf(1000 + engine));
  assert.equal(new Set(sequences).size, MAX_ENGINES);
  assert(!sequences.includes(undefined));
  assert.equal(exporter.sequenceOf(5), undefined);
  assert.deepEqual(engines.map((engine) => exporter.sequenceOf(1000 + engine)), sequences);
  assert.notEqual(by.hear("192.0.2.2").sequenceOf(5), undefined);
});

Deno.test("sequenceOf() gives none for those who are not told apart", () => {
  assert.equal(new ByAddress().exporters.of(NaN).sequenceOf(0), undefined);
});

Deno.test("settle() counts what was lost, and an exporter adds up its engines", () => {
  const by = new ByAddress(), exporter = by.hear("192.0.2.1");
  for (const [engine, gap] of [[0, 3], [1, 0], [256, 40]] as const) {
    const sequence = exporter.sequenceOf(engine)!;
    sequence.take(0, 10, { uptime: 100_000, now: 0 });
    sequence.take(10 + gap, 10, { uptime: 101_000, now: 1000 });
  }
  exporter.sequenceOf(256)!.take(0, 10, { uptime: 5000, now: 2000 });
  assert.deepEqual([lostOf(exporter), exporter.restarts], [40, 1]);
  by.settle(3000);
  assert.deepEqual([lostOf(exporter), exporter.restarts], [43, 1]);
});

Deno.test("of() finds the sampling rate of the smallest network that holds the exporter", () => {
  const by = new ByAddress({
    rates: { "10.0.0.0/8": 100, "10.1.0.0/16": 1000, "10.1.0.7": 7, "2001:db8::/32": 512, "::/0": 2 },
  });
  const expected: Record<string, number | undefined> = {
    "10.2.0.1": 100,
    "10.1.0.1": 1000,
    "10.1.0.7": 7,
    "11.0.0.1": undefined,
    "2001:db8::9": 512,
    "fd00::1": 2,
  };
  for (const [address, rate] of Object.entries(expected)) {
    assert.equal(by.of(address).fixedRate, rate, address);
  }
});
