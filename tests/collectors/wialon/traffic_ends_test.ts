/** How connections end, and what is left of them. */
import assert from "node:assert/strict";
import { ACK, FIN, RST } from "../../../parsers/packet.ts";
import { answer, data, login, ping } from "../../helpers/wialon/messages.ts";
import { Conversation, datagramPacket, Watching } from "./watching.ts";

const D = data(), AD = answer("AD", "1"), L = login({ imei: "868204000000001" }), AL = answer("AL", "1");

/** A conversation that is open, and in which the device has said something from second 1 to 7, the server in second 2. */
function talk(watching: Watching): Conversation {
  const talk = new Conversation(watching).open();
  watching.time = 1;
  talk.send("device", L);
  watching.time = 2;
  talk.send("server", AL);
  watching.time = 7;
  talk.send("device", D);
  assert.deepEqual(watching.messages(), ["L device", "AL server", "D device"]);
  return talk;
}

interface Case {
  readonly what: string;
  readonly act: (talk: Conversation) => void;
  readonly ended: readonly string[];
  /** Who still sends, if anybody. */
  readonly live?: readonly string[];
}

const SERVER_IS_LIVE = ["198.51.100.1:20332 28 28"];

const ENDS: readonly Case[] = [
  {
    what: "by FIN of both ends",
    act: (talk) => void talk.finish("device").finish("server").acknowledge("device"),
    ended: ["device 6 end", "server 0 end"],
  },
  {
    what: "in one direction by FIN of one end",
    act: (talk) => void talk.finish("device").acknowledge("server"),
    ended: ["device 6 end"],
    live: SERVER_IS_LIVE,
  },
  {
    what: "in one direction by FIN with data",
    act: (talk) => void talk.send("device", D, { flags: FIN | ACK }),
    ended: ["device 19 end"],
    live: SERVER_IS_LIVE,
  },
  {
    what: "by RST of the device",
    act: (talk) => void talk.reset("device"),
    ended: ["device 6 reset", "server 0 reset"],
  },
  {
    what: "by RST of the server that acknowledges nothing",
    act: (talk) => void talk.send("server", "", { flags: RST }),
    ended: ["device 6 reset", "server 0 reset"],
  },
  {
    what: "by RST behind data that were lost",
    act: (talk) => {
      talk.lose("device", D);
      talk.reset("device");
    },
    ended: ["device 6 reset", "server 0 reset"],
  },
  {
    what: "by FIN that comes before data, when these have come",
    act: (talk) => {
      const late = talk.segment("device", D);
      talk.lose("device", D);
      talk.finish("device");
      assert.deepEqual(talk.watching.ended(), []);
      talk.packets.push(late);
      talk.watching.take(late);
    },
    ended: ["device 19 end"],
    live: SERVER_IS_LIVE,
  },
  {
    what: "by FIN that comes behind data that were lost, when it is acknowledged",
    act: (talk) => {
      talk.lose("device", D);
      talk.finish("device");
      assert.deepEqual(talk.watching.ended(), []);
      talk.acknowledge("server");
    },
    ended: ["device 6 end"],
    live: SERVER_IS_LIVE,
  },
];

for (const { what, act, ended, live = [] } of ENDS) {
  Deno.test(`A connection ends ${what}, having lived from its first to its last data`, () => {
    const watching = new Watching(), conversation = talk(watching);
    watching.time = 20;
    act(conversation);
    watching.time = 30;
    assert.deepEqual(watching.ended(), ended);
    assert.deepEqual(watching.streams(), live);
    watching.time = 1000;
    watching.forgetIdle();
    assert.deepEqual(watching.ended(), live.length > 0 ? ["server 0 idle"] : []);
    assert.deepEqual(watching.streams(), []);
  });

  Deno.test(`A connection that has ended ${what} counts once when all is captured twice`, () => {
    const watching = new Watching(), conversation = talk(watching);
    act(conversation);
    const streams = watching.streams(), { gaps } = watching.traffic.reassembly;
    assert(tell(watching).ended.length > 0);
    conversation.repeat();
    assert.deepEqual(tell(watching), NOTHING);
    assert.deepEqual(watching.streams().map(senderOf), streams.map(senderOf));
    assert.equal(watching.traffic.reassembly.gaps, gaps);
  });
}

const NOTHING = { messages: [], ended: [], faults: [] };

function tell(watching: Watching) {
  return { messages: watching.messages(), ended: watching.ended(), faults: watching.faults() };
}

function senderOf(stream: string): string {
  return stream.split(" ")[0]!;
}

Deno.test("A connection ends when it is idle for longer than the timeout, whatever is acknowledged", () => {
  const watching = new Watching(), conversation = talk(watching);
  watching.time = 200;
  conversation.acknowledge("server").acknowledge("device");
  watching.time = 307.5;
  watching.forgetIdle();
  assert.deepEqual(watching.ended(), []);
  assert.deepEqual(watching.streams(), ["192.0.2.1:1000 306.5 300.5", "198.51.100.1:20332 305.5 305.5"]);
  watching.time = 308;
  watching.forgetIdle();
  assert.deepEqual(watching.ended(), ["device 6 idle", "server 0 idle"]);
  assert.deepEqual(watching.streams(), []);
});

Deno.test("A connection that goes on after the timeout is another one, though nobody has looked meanwhile", () => {
  const watching = new Watching(), conversation = talk(watching);
  watching.time = 1000;
  conversation.acknowledge("server");
  assert.deepEqual(watching.ended(), ["device 6 idle", "server 0 idle"]);
  conversation.send("device", D);
  watching.time = 1010;
  conversation.send("device", D);
  conversation.reset("device");
  assert.deepEqual([watching.messages(), watching.ended()], [["D device", "D device"], ["device 10 reset"]]);
});

Deno.test("A connection does not stay for long when the clock is set back", () => {
  const watching = new Watching();
  watching.time = 100_000;
  new Conversation(watching).open().send("device", L);
  watching.time = 99_800;
  watching.forgetIdle();
  assert.deepEqual(watching.ended(), []);
  watching.time = 10;
  watching.forgetIdle();
  assert.deepEqual(watching.ended(), ["device 0 idle"]);
});

Deno.test("A connection in which nothing was sent ends without a word", () => {
  const watching = new Watching();
  new Conversation(watching).open().finish("device").finish("server");
  new Conversation(watching, { device: "192.0.2.9:5" }).open().reset("server");
  new Conversation(watching, { device: "192.0.2.9:6" }).open();
  assert.deepEqual(watching.streams(), []);
  watching.time = 62;
  watching.forgetIdle();
  assert.deepEqual(watching.ended(), []);
});

Deno.test("What the server says counts after the device has closed its direction", () => {
  const watching = new Watching(), conversation = talk(watching).finish("device").acknowledge("server");
  assert.deepEqual(watching.ended(), ["device 6 end"]);
  watching.time = 40;
  conversation.send("server", AD);
  conversation.finish("server").acknowledge("device");
  assert.deepEqual([watching.messages(), watching.ended()], [["AD server"], ["server 38 end"]]);
});

Deno.test("What is sent once more after the end does not count again, until the connection is forgotten", () => {
  const watching = new Watching(), conversation = talk(watching), [, , , first] = conversation.packets;
  conversation.finish("device").finish("server").acknowledge("device");
  watching.ended();
  watching.time = 60;
  watching.forgetIdle();
  watching.take(first!);
  conversation.send("device", "", { flags: FIN | ACK, sequence: conversation.next.device - 1 });
  assert.deepEqual(tell(watching), NOTHING);
  watching.time = 69;
  watching.take(first!);
  assert.deepEqual(watching.messages(), ["L device"]);
});

Deno.test("Data that are under way when the server resets count, as a stream of their own", () => {
  const watching = new Watching(), conversation = talk(watching).reset("server");
  watching.ended();
  watching.time = 8;
  conversation.send("device", D);
  assert.deepEqual([watching.messages(), watching.streams()], [["D device"], ["192.0.2.1:1000 0 0"]]);
  conversation.reset("server");
  assert.deepEqual([watching.ended(), watching.streams()], [["device 0 reset"], []]);
});

const STRAYS = [
  { what: "RST with a number that is far away", flags: RST, sequence: 2_000_000_000 },
  {
    what: "RST that acknowledges what is far away",
    flags: RST | ACK,
    acknowledgment: 1_000_000_000,
  },
  { what: "FIN with a number that is far away", flags: FIN | ACK, sequence: 3_000_000_000 },
  { what: "an acknowledgment of what is far away", flags: ACK, acknowledgment: 1_000_000_000 },
];

for (const { what, ...options } of STRAYS) {
  Deno.test(`${what} does not touch a connection`, () => {
    const watching = new Watching(), conversation = talk(watching);
    const { device } = conversation.next;
    conversation.send("device", "", options);
    conversation.next.device = device;
    assert.deepEqual(watching.ended(), []);
    conversation.send("device", D);
    conversation.send("server", AD);
    assert.deepEqual([watching.messages(), watching.faults()], [["D device", "AD server"], []]);
    assert.equal(watching.traffic.reassembly.gaps, 0);
  });
}

Deno.test("Segments with numbers that are far away do not keep a connection", () => {
  const watching = new Watching(), conversation = talk(watching);
  watching.time = 200;
  conversation.send("device", D, { sequence: 3_000_000_000 });
  watching.time = 308;
  watching.forgetIdle();
  assert.deepEqual(watching.ended(), ["device 6 idle", "server 0 idle"]);
});

Deno.test("A connection of UDP ends when it is idle", () => {
  const watching = new Watching();
  watching.take(datagramPacket(ping()));
  watching.time = 12;
  watching.take(datagramPacket(ping()));
  watching.take(datagramPacket(answer("AP"), { from: "server" }));
  assert.deepEqual(watching.streams(), ["192.0.2.1:1000 12 0", "198.51.100.1:20332 0 0"]);
  watching.time = 320;
  watching.forgetIdle();
  assert.deepEqual(watching.ended(), ["device 12 idle", "server 0 idle"]);
});
