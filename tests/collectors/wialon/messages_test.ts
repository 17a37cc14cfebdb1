/** How long answers take, and which devices have sent something. */
import assert from "node:assert/strict";
import {
  answer,
  container,
  data,
  datagram,
  driverMessage,
  login,
  ping,
  shortData,
  snapshot,
  type Version,
} from "../../helpers/wialon/messages.ts";
import { Conversation, datagramPacket, type Side, Watching } from "./watching.ts";

const IMEI = "868204000000001";
const I = snapshot({ index: 0, last: 0, bytes: new Uint8Array(500) });

/** What may be sent, and by whom. */
const SENT: Readonly<Record<string, readonly [from: Side, bytes: Uint8Array]>> = {
  L: ["device", login({ imei: IMEI })],
  D: ["device", data()],
  SD: ["device", shortData()],
  P: ["device", ping()],
  "I's head": ["device", I.subarray(0, 50)],
  "I's rest": ["device", I.subarray(50)],
  AM: ["device", answer("AM", "1")],
  "AP of a device": ["device", answer("AP")],
  M: ["server", driverMessage("text")],
  AL: ["server", answer("AL", "1")],
  AD: ["server", answer("AD", "1")],
  ASD: ["server", answer("ASD", "1")],
  AP: ["server", answer("AP")],
  AI: ["server", answer("AI", "1")],
};

interface Case {
  readonly what: string;
  /** At which second what is sent, captured or "lost". */
  readonly steps: readonly (readonly [time: number, sent: string, fate?: "lost"])[];
  /** Of the answers, in their order. */
  readonly latencies: readonly string[];
}

const LATENCIES: readonly Case[] = [
  {
    what: "The latency of an answer is the time since its message",
    steps: [[0, "L"], [0.25, "AL"], [10, "D"], [10.5, "AD"]],
    latencies: ["AL 0.25", "AD 0.5"],
  },
  {
    what: "SD may be answered by AD or ASD",
    steps: [[0, "SD"], [2, "AD"], [3, "SD"], [3, "ASD"]],
    latencies: ["AD 2", "ASD 0"],
  },
  {
    what: "The latency begins with the last byte that follows a message",
    steps: [[0, "I's head"], [7, "I's rest"], [8, "AI"]],
    latencies: ["AI 1"],
  },
  {
    what: "The latency of the first one is known when several messages do not wait for answers",
    steps: [[0, "D"], [1, "D"], [2, "P"], [3, "AD"], [4, "AD"], [5, "AP"], [10, "P"], [11, "AP"]],
    latencies: ["AD 3", "AD NaN", "AP NaN", "AP 1"],
  },
  {
    what: "The latency of an answer to what was not seen is not known",
    steps: [[0, "AD"], [1, "P"], [2, "AD"], [3, "AP"]],
    latencies: ["AD NaN", "AD NaN", "AP 2"],
  },
  {
    what: "What the same side sends is no answer",
    steps: [[0, "P"], [1, "AP of a device"], [3, "AP"]],
    latencies: ["AP NaN", "AP 3"],
  },
  {
    what: "Both sides may wait for answers at once",
    steps: [[0, "D"], [1, "M"], [2, "AM"], [3, "AD"]],
    latencies: ["AM 1", "AD 3"],
  },
  {
    what: "A message is passed over when one behind it is answered",
    steps: [[0, "D"], [1, "P"], [2, "AP"], [3, "D"], [4, "AD"]],
    latencies: ["AP NaN", "AD 1"],
  },
  {
    what: "A latency is below 60 seconds",
    steps: [[0, "D"], [59.5, "AD"], [60, "D"], [120, "AD"], [121, "D"], [122, "AD"]],
    latencies: ["AD 59.5", "AD NaN", "AD 1"],
  },
  {
    what: "A message is passed over that was not answered for 60 seconds",
    steps: [[0, "D"], [30, "D"], [60, "D"], [61, "AD"]],
    latencies: ["AD 1"],
  },
  {
    what: "The latency is not that of an answer to a message whose answer was lost",
    steps: [[0, "D"], [1, "AD", "lost"], [20, "D"], [21, "AD"], [30, "D"], [32, "AD"]],
    latencies: ["AD NaN", "AD 2"],
  },
  {
    what: "The latency of an answer is not known when its message was lost",
    steps: [[0, "D", "lost"], [1, "AD"], [20, "D"], [21, "AD"]],
    latencies: ["AD NaN", "AD 1"],
  },
  {
    what: "The latency of an answer is not known that tells of a gap before its message",
    steps: [[0, "L"], [1, "AL"], [5, "D", "lost"], [30, "P"], [31, "AP"], [40, "P"], [42, "AP"]],
    latencies: ["AL 1", "AP NaN", "AP 2"],
  },
  {
    what: "A latency is not below 0",
    steps: [[10, "D"], [9, "AD"]],
    latencies: ["AD 0"],
  },
  {
    what: "A latency is not known when the clock was set back",
    steps: [[5000, "D"], [4800, "AD"], [4801, "D"], [4802, "AD"]],
    latencies: ["AD NaN", "AD 1"],
  },
];

for (const { what, steps, latencies } of LATENCIES) {
  Deno.test(what, () => {
    const watching = new Watching(), conversation = new Conversation(watching).open();
    for (const [time, sent, fate] of steps) {
      const [from, bytes] = SENT[sent]!;
      watching.time = time;
      if (fate === "lost") conversation.lose(from, bytes);
      else conversation.send(from, bytes);
    }
    assert.deepEqual(watching.latencies(), latencies);
  });
}

Deno.test("Latencies of UDP are known as well", () => {
  const watching = new Watching();
  watching.take(datagramPacket(datagram(data(), { imei: IMEI })));
  watching.time = 0.5;
  watching.take(datagramPacket(answer("AD", "1"), { from: "server" }));
  assert.deepEqual(watching.latencies(), ["AD 0.5"]);
});

Deno.test("Latencies of connections do not mix", () => {
  const watching = new Watching(), ports = [1000, 1001, 1002];
  const talks = ports.map((port) => new Conversation(watching, { device: `192.0.2.1:${port}` }).open());
  for (const [i, talk] of talks.entries()) {
    watching.time = i;
    talk.send("device", data());
  }
  watching.time = 10;
  for (const talk of talks) talk.send("server", answer("AD", "1"));
  assert.deepEqual(watching.latencies(), ["AD 10", "AD 9", "AD 8"]);
});

/** Somebody logs in from a port. */
function logIn(
  watching: Watching,
  imei: string,
  { port = 1000, version = "1.1" as Version } = {},
): Conversation {
  const talk = new Conversation(watching, { device: `192.0.2.1:${port}` }).open();
  talk.send("device", login({ imei, password: "secret" }, { version }));
  return talk;
}

Deno.test("A device is known by its login, and seen when it sends something in that connection", () => {
  const watching = new Watching(), talk = logIn(watching, IMEI, { version: "2.0" });
  watching.time = 100;
  talk.send("server", answer("AL", "1"));
  assert.deepEqual(watching.devices(), ["2.0 100"]);
  talk.send("device", ping());
  watching.time = 101;
  talk.send("device", "no message\r\n");
  assert.deepEqual(watching.devices(), ["2.0 1"]);
});

Deno.test("A device is one in several connections, and when its login is repeated", () => {
  const watching = new Watching(), talk = logIn(watching, IMEI);
  talk.send("device", login({ imei: IMEI, password: "another" }));
  logIn(watching, IMEI, { port: 1001, version: "2.0" });
  assert.deepEqual(watching.devices(), ["2.0 0"]);
});

Deno.test("Devices are told apart by their names, and are what their connections have named last", () => {
  const watching = new Watching(), talk = logIn(watching, "1");
  logIn(watching, "2", { port: 1001 });
  watching.time = 10;
  talk.send("device", login({ imei: "3" }));
  watching.time = 20;
  talk.send("device", data());
  assert.deepEqual(watching.devices(), ["1.1 0", "1.1 20", "1.1 20"]);
});

Deno.test("A device is known by its datagrams, compressed ones too, and is the same as by TCP", () => {
  const watching = new Watching(), sender = { imei: IMEI, version: "2.0" } as const;
  watching.take(datagramPacket(datagram(ping(), sender)));
  watching.take(datagramPacket(container(datagram(ping(), sender)), { device: "192.0.2.7:5" }));
  logIn(watching, IMEI, { version: "2.0" });
  watching.take(datagramPacket(datagram(ping(), { imei: "5" })));
  assert.deepEqual(watching.devices(), ["1.1 0", "2.0 0"]);
});

Deno.test("A device that has not logged in is none", () => {
  const watching = new Watching();
  new Conversation(watching).send("device", data());
  watching.take(datagramPacket(data()));
  new Conversation(watching, { device: "192.0.2.1:5" }).open().send("device", login({ imei: "" }));
  assert.deepEqual(watching.devices(), []);
});

Deno.test("A device is forgotten after a time without messages, and is there again with the next one", () => {
  const watching = new Watching(), talk = logIn(watching, IMEI);
  for (let i = 0; i < 20; i++) logIn(watching, `${i}`, { port: 2000 + i });
  for (watching.time = 200; watching.time < 1000; watching.time += 200) talk.send("device", ping());
  watching.time = 1000;
  assert.deepEqual(watching.devices(), ["1.1 200"]);
  talk.send("device", ping());
  assert.deepEqual(watching.devices(), ["1.1 0"]);
  watching.time = 1600;
  assert.deepEqual(watching.devices(), []);
});

Deno.test("No more devices are told apart than there may be connections", () => {
  const watching = new Watching({ maxConnections: 10 });
  for (let i = 0; i < 30; i++) watching.take(datagramPacket(datagram(ping(), { imei: `${i}` })));
  assert.equal(watching.devices().length, 10);
  watching.time = 700;
  assert.equal(watching.devices().length, 0);
  for (let i = 0; i < 7; i++) watching.take(datagramPacket(datagram(ping(), { imei: `${i}` })));
  assert.equal(watching.devices().length, 7);
});

Deno.test("The pieces in which devices are told are small", () => {
  const watching = new Watching({ maxConnections: 5000 });
  for (let i = 0; i < 1000; i++) watching.take(datagramPacket(datagram(ping(), { imei: `${i}` })));
  assert.equal([...watching.traffic.devices(watching.traffic.time)].length, 3);
});
