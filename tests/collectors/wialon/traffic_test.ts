/** What is found in packets. */
import assert from "node:assert/strict";
import { FAULTS, MESSAGES } from "../../../collectors/wialon/records.ts";
import type { Plain } from "../../helpers/pipelines.ts";
import {
  answer,
  blackBox,
  type Bytes,
  container,
  data,
  datagram,
  driverMessage,
  firmware,
  login,
  ping,
  pointText,
  shortData,
  snapshot,
  textCommand,
  trickyBytes,
} from "../../helpers/wialon/messages.ts";
import { Conversation, datagramPacket, DEVICE, type Side, Watching } from "./watching.ts";

const IMEI = "868204000000001", V2 = { version: "2.0" } as const;
const IPV6 = { device: "[2001:db8::9]:1000", server: "[2001:db8::1]:20332" };

interface Said {
  readonly from: Side;
  readonly bytes: Bytes;
  /** What is told of it beside its ends; nothing of a fault. */
  readonly told: Plain;
}

const SAID: readonly Said[] = [
  {
    from: "device",
    bytes: login({ imei: IMEI, password: "secret" }, V2),
    told: { type: "L", checksum: "good" },
  },
  { from: "server", bytes: answer("AL", "1"), told: { type: "AL", meaning: "accepted", latency_seconds: 1 } },
  {
    from: "device",
    bytes: shortData({}, { ...V2, crc: { isWrong: true } }),
    told: { type: "SD", checksum: "bad" },
  },
  {
    from: "server",
    bytes: answer("ASD", "13"),
    told: { type: "ASD", meaning: "wrong_checksum", latency_seconds: 1 },
  },
  {
    from: "device",
    bytes: blackBox([pointText(), pointText(), pointText()], V2),
    told: { type: "B", checksum: "good", records: 3 },
  },
  { from: "server", bytes: answer("AB", "3"), told: { type: "AB", meaning: "accepted", latency_seconds: 1 } },
  {
    from: "device",
    bytes: container(data({}, V2)),
    told: { type: "D", checksum: "good", compressed: "yes" },
  },
  { from: "server", bytes: answer("AD", "1"), told: { type: "AD", meaning: "accepted", latency_seconds: 1 } },
  {
    from: "device",
    bytes: snapshot({ index: 0, last: 1, bytes: trickyBytes(5000) }, V2),
    told: { type: "I", checksum: "good" },
  },
  {
    from: "server",
    bytes: answer("AI", "0;1"),
    told: { type: "AI", meaning: "accepted", latency_seconds: 1 },
  },
  { from: "server", bytes: textCommand("VER?"), told: { type: "command" } },
  { from: "server", bytes: firmware(trickyBytes(300), V2), told: { type: "US", checksum: "good" } },
  { from: "server", bytes: driverMessage("text", V2), told: { type: "M", checksum: "good" } },
  { from: "device", bytes: answer("AM", "1"), told: { type: "AM", meaning: "accepted", latency_seconds: 1 } },
  { from: "device", bytes: ping(), told: { type: "P" } },
];

/** The records of what was said, between these ends, by TCP. */
function recordsOf(said: readonly Said[], { device = "192.0.2.1", server = "198.51.100.1" } = {}): Plain[] {
  return said.map(({ from, bytes, told }) => {
    const isFromDevice = from === "device";
    return {
      sender: from,
      source_address: isFromDevice ? device : server,
      destination_address: isFromDevice ? server : device,
      source_port: isFromDevice ? 1000 : 20332,
      destination_port: isFromDevice ? 20332 : 1000,
      transport: "tcp",
      version: "2.0",
      compressed: "no",
      bytes: bytes.length,
      records: 1,
      ...told,
    };
  });
}

function say(conversation: Conversation, said: readonly Said[]): void {
  for (const { from, bytes } of said) {
    conversation.watching.time++;
    conversation.send(from, bytes);
  }
}

Deno.test("Messages are told with all that is known of them", () => {
  const watching = new Watching();
  say(new Conversation(watching).open(), SAID);
  assert.deepEqual(watching.taken(MESSAGES), recordsOf(SAID));
  assert.deepEqual(watching.faults(), []);
});

Deno.test("Messages over IPv6 are told in the same way", () => {
  const watching = new Watching();
  say(new Conversation(watching, IPV6).open(), SAID);
  const ends = { device: "2001:db8::9", server: "2001:db8::1" };
  assert.deepEqual(watching.taken(MESSAGES), recordsOf(SAID, ends));
});

Deno.test("Messages count once when each packet is captured at two interfaces", () => {
  const watching = new Watching(), conversation = new Conversation(watching).open();
  for (const { from, bytes } of SAID) {
    watching.time++;
    watching.take(conversation.send(from, bytes));
  }
  assert.deepEqual(watching.taken(MESSAGES), recordsOf(SAID));
  const { segments, gaps } = watching.traffic.reassembly;
  assert.deepEqual([segments[0], segments[2], gaps], [SAID.length, SAID.length, 0]);
});

Deno.test("Messages count once when one interface gives many packets before the other does", () => {
  const watching = new Watching(), conversation = new Conversation(watching).open();
  say(conversation, SAID);
  conversation.finish("device").finish("server").acknowledge("device");
  const { packets } = conversation, again = new Watching();
  for (let from = 0; from < packets.length; from += 7) {
    for (let copy = 0; copy < 2; copy++) {
      for (const packet of packets.slice(from, from + 7)) again.take(packet);
    }
  }
  assert.equal(again.messages().length, SAID.length);
  assert.deepEqual(again.ended(), ["device 0 end", "server 0 end"]);
  assert.equal(again.traffic.reassembly.gaps, 0);
});

Deno.test("Messages of many connections do not mix when their segments do", () => {
  const watching = new Watching(),
    message = data(),
    conversations = Array.from(
      { length: 50 },
      (_, i) => new Conversation(watching, { device: `192.0.2.1:${1000 + i}` }).open(),
    );
  for (const byte of message) for (const talk of conversations) talk.send("device", Uint8Array.of(byte));
  const ports = watching.taken(MESSAGES).map(({ type, source_port }) => `${type} ${source_port}`);
  assert.deepEqual(ports, conversations.map((_, i) => `D ${1000 + i}`));
});

Deno.test("A message is told when its last byte has come, and follows those before it", () => {
  const watching = new Watching(), conversation = new Conversation(watching).open(), message = data();
  conversation.send("device", message.subarray(0, 40));
  const middle = conversation.segment("device", message.subarray(40, 60));
  conversation.lose("device", message.subarray(40, 60));
  conversation.send("device", message.subarray(60));
  conversation.send("device", ping());
  assert.deepEqual(watching.messages(), []);
  watching.take(middle);
  assert.deepEqual(watching.messages(), ["D device", "P device"]);
});

Deno.test("The version that a device has told holds for what the server sends", () => {
  const watching = new Watching(), conversation = new Conversation(watching).open();
  const versions = () => watching.taken(MESSAGES).map(({ version }) => version);
  conversation.send("server", driverMessage("text"));
  assert.deepEqual(versions(), ["unknown"]);
  conversation.send("device", login({ imei: IMEI }));
  conversation.send("server", driverMessage("text"));
  assert.deepEqual(versions(), ["1.1", "1.1"]);
  conversation.send("device", login({ imei: IMEI }, V2));
  conversation.send("server", driverMessage("text", V2));
  assert.deepEqual(versions(), ["2.0", "2.0"]);
});

const FAULTY: readonly {
  what: string;
  from: Side;
  sent: readonly (string | Uint8Array)[];
  reason: string;
}[] = [
  { what: "a line that has no type", from: "device", sent: ["#?#\r\n"], reason: "type" },
  { what: "a text of a device", from: "device", sent: ["reboot\r\n"], reason: "text" },
  { what: "a number of bytes that cannot be", from: "server", sent: ["#US#x\r\n"], reason: "length" },
  {
    what: "a container that cannot be unpacked",
    from: "device",
    sent: [Uint8Array.of(255, 1, 0, 9)],
    reason: "container",
  },
];

for (const { what, from, sent, reason } of FAULTY) {
  Deno.test(`A fault is told with its ends when there is ${what}`, () => {
    const watching = new Watching(), conversation = new Conversation(watching).open();
    for (const bytes of sent) conversation.send(from, bytes);
    const isFromDevice = from === "device", ips = ["192.0.2.1", "198.51.100.1"], ports = [1000, 20332];
    if (!isFromDevice) { for (const ends of [ips, ports]) ends.reverse(); }
    assert.deepEqual(watching.taken(FAULTS), [{
      source_address: ips[0],
      destination_address: ips[1],
      source_port: ports[0],
      destination_port: ports[1],
      transport: "tcp",
      reason,
    }]);
  });
}

Deno.test("A message that is cut off by a gap is a fault of who has sent it", () => {
  const watching = new Watching(), conversation = new Conversation(watching).open();
  conversation.send("device", "#D#27");
  conversation.lose("device", ping());
  conversation.send("device", ping());
  assert.deepEqual(watching.faults(), []);
  conversation.send("server", answer("AP"));
  assert.deepEqual(watching.faults(), ["device unfinished"]);
  assert.deepEqual(watching.messages(), ["P device", "AP server"]);
});

const DATAGRAMS: readonly { what: string; payload: Uint8Array; told: Plain }[] = [
  { what: "a message", payload: ping(), told: { type: "P", version: "unknown", compressed: "no" } },
  {
    what: "a message of a device that names itself",
    payload: datagram(data(), { imei: IMEI }),
    told: { type: "D", version: "1.1", compressed: "no" },
  },
  {
    what: "a message of a device that tells its version",
    payload: datagram(data({}, V2), { imei: IMEI, version: "2.0" }),
    told: { type: "D", version: "2.0", compressed: "no", checksum: "good" },
  },
  {
    what: "a container",
    payload: container(datagram(data({}, V2), { imei: IMEI, version: "2.0" }), { isCut: true }),
    told: { type: "D", version: "2.0", compressed: "yes", checksum: "good" },
  },
];

for (const { what, payload, told } of DATAGRAMS) {
  Deno.test(`A datagram is read that has ${what}`, () => {
    for (const ends of [{}, IPV6]) {
      const watching = new Watching();
      watching.take(datagramPacket(payload, ends));
      const [message, ...others] = watching.taken(MESSAGES);
      assert.deepEqual([others, watching.faults()], [[], []]);
      const { type, version, compressed, transport, sender, bytes, checksum } = message!;
      const found = { type, version, compressed, ...checksum === undefined ? {} : { checksum } };
      assert.deepEqual([found, transport, sender, bytes], [told, "udp", "device", payload.length]);
    }
  });
}

Deno.test("Datagrams do not follow each other, and none is repeated", () => {
  const watching = new Watching();
  for (const payload of ["#D#27", "#P#\r\n", "#P#\r\n"]) {
    watching.take(datagramPacket(new TextEncoder().encode(payload)));
  }
  assert.deepEqual(watching.messages(), ["D device", "P device", "P device"]);
});

Deno.test("A datagram that is not captured as a whole is a fault", () => {
  const watching = new Watching(), packet = datagramPacket(data());
  watching.take(packet, packet.length - 10);
  assert.deepEqual([watching.messages(), watching.faults()], [[], ["device unfinished"]]);
  assert.equal(watching.streams().length, 1);
});

Deno.test("Packets without data are no connection, neither of TCP nor of UDP", () => {
  const watching = new Watching(), conversation = new Conversation(watching);
  conversation.acknowledge("device").acknowledge("server").finish("device").reset("server");
  watching.take(datagramPacket(new Uint8Array()));
  assert.deepEqual([watching.streams(), watching.ended()], [[], []]);
  assert(watching.traffic.reassembly.segments.every((count) => count === 0));
});

Deno.test("TCP and UDP between the same ends are two connections", () => {
  const watching = new Watching();
  new Conversation(watching).send("device", ping());
  watching.take(datagramPacket(ping()));
  assert.deepEqual(watching.streams(), [`${DEVICE} 0 0`, `${DEVICE} 0 0`]);
});

Deno.test("A connection of an end with itself is read", () => {
  const end = "127.0.0.1:20332", watching = new Watching();
  new Conversation(watching, { device: end, server: end }).send("device", ping());
  assert.equal(watching.messages().length, 1);
});
