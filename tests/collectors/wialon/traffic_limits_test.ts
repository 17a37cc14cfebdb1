/** What is kept when there is more than can be kept. */
import assert from "node:assert/strict";
import { ACK, SYN } from "../../../parsers/packet.ts";
import { STREAMS } from "../../../collectors/wialon/records.ts";
import { property } from "../../helpers/random.ts";
import { answer, data, driverMessage, login, ping } from "../../helpers/wialon/messages.ts";
import { Conversation, datagramPacket, Watching } from "./watching.ts";

const D = data(), L = login({ imei: "868204000000001" }), AL = answer("AL", "1"), AD = answer("AD", "1");

function device(i: number): string {
  return `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:1000`;
}

/** So many conversations that are open and have been answered, one a second. */
function talks(watching: Watching, count: number): Conversation[] {
  return Array.from({ length: count }, (_, i) => {
    watching.time = i;
    const talk = new Conversation(watching, { device: device(i) }).open();
    talk.send("device", L);
    talk.send("server", AL);
    return talk;
  });
}

/** Asserts that conversations have gone on as if nothing had happened. */
function assertAllGoOn(watching: Watching, talks: readonly Conversation[]): void {
  watching.messages();
  for (const talk of talks) {
    talk.send("device", D.subarray(0, 3));
    talk.send("device", D.subarray(3));
    talk.send("server", AD);
  }
  const expected = talks.flatMap(() => ["D device", "AD server"]);
  assert.deepEqual([watching.messages(), watching.ended(), watching.faults()], [expected, [], []]);
  assert.equal(watching.traffic.reassembly.gaps, 0);
}

const FLOODS: readonly { what: string; flood: (watching: Watching, i: number) => void }[] = [
  {
    what: "SYN",
    flood: (watching, i) => {
      new Conversation(watching, { device: device(1_000_000 + i) }).send("device", "", { flags: SYN });
    },
  },
  {
    what: "SYN that is answered",
    flood: (watching, i) => {
      const talk = new Conversation(watching, { device: device(1_000_000 + i) });
      talk.send("device", "", { flags: SYN });
      talk.send("server", "", { flags: SYN | ACK });
    },
  },
  {
    what: "messages that nobody answers",
    flood: (watching, i) => {
      new Conversation(watching, { device: device(1_000_000 + i) }).send("device", D);
    },
  },
  {
    what: "datagrams that nobody answers",
    flood: (watching, i) => watching.take(datagramPacket(ping(), { device: device(1_000_000 + i) })),
  },
  {
    what: "messages that are refused",
    flood: (watching, i) => {
      new Conversation(watching, { device: device(1_000_000 + i) }).send("device", D);
      new Conversation(watching, { device: device(1_000_000 + i) }).reset("server");
    },
  },
];

for (const { what, flood } of FLOODS) {
  Deno.test(`A flood of ${what} does not displace connections that are answered`, () => {
    const watching = new Watching({ maxConnections: 100 }), conversations = talks(watching, 80);
    for (let i = 0; i < 2000; i++) flood(watching, i);
    watching.ended();
    watching.faults();
    assertAllGoOn(watching, conversations);
  });
}

Deno.test("A flood of SYN takes an eighth of the room, though there is more", () => {
  const watching = new Watching({ maxConnections: 800 });
  const open = Array.from(
    { length: 101 },
    (_, i) => new Conversation(watching, { device: device(i) }).open(),
  );
  // Of one that was displaced it is not known that it has just begun.
  const begin = (talk: Conversation) => {
    for (const part of [L.subarray(0, 2), L.subarray(2)]) talk.send("device", part);
    return watching.messages();
  };
  assert.deepEqual(begin(open[0]!), ["L device"]);
  new Conversation(watching, { device: device(999) }).open();
  new Conversation(watching, { device: device(998) }).open();
  assert.deepEqual([begin(open[2]!), begin(open[1]!)], [["L device"], []]);
});

Deno.test("When there are too many connections, the one that is idle longest makes room", () => {
  const watching = new Watching({ maxConnections: 10 }), conversations = talks(watching, 10);
  watching.time = 20;
  conversations[0]!.send("device", "#D#");
  conversations[1]!.send("device", D);
  watching.messages();
  watching.time = 30;
  new Conversation(watching, { device: device(100) }).open().send("device", L);
  assert.deepEqual(watching.ended(), ["device 0 displaced", "server 0 displaced"]);
  conversations[2]!.send("device", D);
  assert.deepEqual(watching.ended(), ["device 0 displaced", "server 0 displaced"]);
  const sources = watching.streams().filter((text) => text.startsWith("10.")).map((text) =>
    text.split(":")[0]
  );
  const expected = [0, 1, 2, 4, 5, 6, 7, 8, 9, 100].map((i) => `10.0.0.${i}`);
  assert.deepEqual(sources.sort(), expected.sort());
  assert.deepEqual(watching.messages(), ["L device", "D device"]);
});

Deno.test("A message that is cut off since its connection is displaced is a fault of that connection", () => {
  const watching = new Watching({ maxConnections: 1 }), first = new Conversation(watching).open();
  first.send("device", "#D#27");
  new Conversation(watching, { device: device(1) }).send("device", D);
  assert.deepEqual(watching.faults(), ["device unfinished"]);
  assert.deepEqual([watching.ended(), watching.messages()], [["device 0 displaced"], ["D device"]]);
});

Deno.test("Connections that end all at once are forgotten piece by piece", () => {
  const watching = new Watching({ maxConnections: 2000 }), count = 700;
  for (let i = 0; i < count; i++) new Conversation(watching, { device: device(i) }).send("device", D);
  watching.time = 299;
  assert.equal(watching.forgetIdle(), 1);
  watching.time = 301;
  assert.equal(watching.forgetIdle(), 3);
  assert.equal(watching.ended().length, count);
  assert.equal(watching.forgetIdle(), 1);
});

Deno.test("streams() gives each live stream while connections come and go between its pieces", () => {
  const watching = new Watching({ maxConnections: 20_000 }), count = 2000;
  const conversations = Array.from(
    { length: count },
    (_, i) => new Conversation(watching, { device: device(i) }),
  );
  for (const talk of conversations) talk.send("device", D);
  for (let i = 0; i < count; i += 4) conversations[i]!.reset("device");
  watching.taken(STREAMS);
  let pieces = 0;
  for (const _ of watching.traffic.streams(0)) {
    conversations[1 + 4 * pieces]!.reset("device");
    // So many that there has to be more room for them.
    for (let i = 0; i < 500; i++) {
      new Conversation(watching, { device: device(10_000 + 500 * pieces + i) }).open();
    }
    pieces++;
  }
  assert(pieces >= 7, `${pieces} pieces`);
  const found = watching.taken(STREAMS).map((record) => record["source_address"]);
  assert.equal(found.length, count * 3 / 4);
  assert.equal(new Set(found).size, found.length);
  assert.equal(watching.streams().length, count * 3 / 4 - pieces);
});

property("Nothing is left of connections that have ended, whatever was sent in them", (random) => {
  const watching = new Watching({ maxConnections: 50 }), { reassembly } = watching.traffic;
  const payloads = [D, L, AL, driverMessage("x".repeat(3000)), D.subarray(5), random.bytes(99)];
  for (let i = 0; i < 30_000; i++) {
    watching.time += random.int(2);
    const talk = new Conversation(watching, { device: device(random.int(80)) }),
      payload = random.pick(payloads);
    const base = random.int(20) === 0 ? 2 ** 31 : 0, flags = random.int(5) === 0 ? random.int(32) : ACK;
    talk.send(random.pick(["device", "server"]), payload.subarray(0, random.int(payload.length + 1)), {
      flags,
      sequence: base + random.int(5000),
      acknowledgment: base + random.int(5000),
    });
  }
  assert(reassembly.segments.every((count) => count > 100), reassembly.segments.join());
  assert(reassembly.gaps > 100, `${reassembly.gaps} gaps`);
  watching.time += 1000;
  watching.forgetIdle();
  assert.deepEqual(watching.streams(), []);
  const conversations = talks(watching, 50);
  watching.ended();
  watching.faults();
  reassembly.gaps = 0;
  assertAllGoOn(watching, conversations);
});
