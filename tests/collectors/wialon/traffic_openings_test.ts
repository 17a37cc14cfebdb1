/** How connections are opened, where others were too. */
import assert from "node:assert/strict";
import { MESSAGES } from "../../../collectors/wialon/records.ts";
import { ACK, PSH, RST, SYN } from "../../../parsers/packet.ts";
import {
  answer,
  container,
  data,
  driverMessage,
  login,
  ping,
  textCommand,
} from "../../helpers/wialon/messages.ts";
import { Conversation, datagramPacket, Watching } from "./watching.ts";

const D = data(), L = login({ imei: "868204000000001" }), AL = answer("AL", "1");
/** Cut within its type, so that only who knows where a stream begins can read it. */
const BEGINNING = L.subarray(0, 2), REST = L.subarray(2);

function talk(watching: Watching): Conversation {
  const talk = new Conversation(watching).open();
  talk.send("device", L);
  talk.send("server", AL);
  assert.deepEqual(watching.messages(), ["L device", "AL server"]);
  return talk;
}

/** A conversation between the same ends, with other numbers. */
function another(before: Conversation): Conversation {
  const next = new Conversation(before.watching);
  next.next.device = (before.next.device + 1_500_000_000) >>> 0;
  next.next.server = (before.next.server + 2_000_000_000) >>> 0;
  return next;
}

/** What both ends say from the first byte on is found. */
function assertTalks(talk: Conversation): void {
  const { watching } = talk, { reassembly } = watching.traffic, { gaps } = reassembly;
  watching.messages();
  watching.faults();
  talk.send("device", BEGINNING);
  talk.send("device", REST);
  talk.send("server", AL);
  assert.deepEqual([watching.messages(), watching.faults()], [["L device", "AL server"], []]);
  assert.equal(reassembly.gaps, gaps);
  assert.deepEqual(watching.streams().length, 2);
}

/** The one that was there goes on. */
function assertGoesOn(talk: Conversation): void {
  const { watching } = talk;
  talk.send("device", D);
  talk.send("server", AL);
  assert.deepEqual(watching.messages(), ["D device", "AL server"]);
  assert.deepEqual([watching.ended(), watching.faults()], [[], []]);
  assert.equal(watching.traffic.reassembly.gaps, 0);
}

interface Before {
  readonly what: string;
  readonly act: (old: Conversation) => void;
  /** What has ended when the new connection is open. */
  readonly ended: readonly string[];
}

const BEFORE: readonly Before[] = [
  {
    what: "after both ends have closed the one before",
    act: (old) => void old.finish("device").finish("server").acknowledge("device"),
    ended: ["device 0 end", "server 0 end"],
  },
  {
    what: "after the one before was reset",
    act: (old) => void old.reset("server"),
    ended: ["device 0 reset", "server 0 reset"],
  },
  {
    what: "after one end of the one before was seen",
    act: (old) => void old.finish("device").acknowledge("server"),
    ended: ["device 0 end", "server 0 reset"],
  },
  {
    what: "though the end of the one before was not seen",
    act: () => {},
    ended: ["device 0 reset", "server 0 reset"],
  },
  {
    what: "while something early of the one before waits, and the beginning of a message",
    act: (old) => {
      old.send("server", "#A");
      old.lose("device", D);
      old.send("device", D);
    },
    ended: ["device 0 reset", "server 0 reset"],
  },
];

for (const { what, act, ended } of BEFORE) {
  Deno.test(`A connection is opened ${what}`, () => {
    const watching = new Watching(), old = talk(watching);
    act(old);
    const next = another(old).open();
    assert.deepEqual(watching.ended(), ended);
    assertTalks(next);
  });

  Deno.test(`A connection is opened ${what}, by a device that always begins with the same number`, () => {
    const watching = new Watching(), old = talk(watching), next = another(old);
    act(old);
    next.next.device = 1000;
    next.open();
    assert.deepEqual(watching.ended(), ended);
    assertTalks(next);
  });
}

Deno.test("A connection is opened when its SYN is answered at the second time", () => {
  const watching = new Watching(), conversation = new Conversation(watching);
  const syn = conversation.send("device", "", { flags: SYN });
  watching.take(syn);
  conversation.send("server", "", { flags: SYN | ACK });
  watching.take(syn);
  assertTalks(conversation);
});

Deno.test("A connection is opened after it was refused, with the same number", () => {
  const watching = new Watching(), conversation = new Conversation(watching);
  const syn = conversation.send("device", "", { flags: SYN });
  conversation.send("server", "", { flags: RST | ACK, sequence: 0 });
  watching.take(syn);
  conversation.send("server", "", { flags: SYN | ACK });
  assertTalks(conversation);
  assert.deepEqual(watching.ended(), []);
});

Deno.test("A connection is opened with another number than that of a SYN that nobody has answered", () => {
  const watching = new Watching(), first = new Conversation(watching);
  first.send("device", "", { flags: SYN });
  assertTalks(another(first).open());
});

Deno.test("A connection is opened by the answer to a SYN that was not captured", () => {
  for (const isNew of [true, false]) {
    const watching = new Watching(),
      next = isNew ? new Conversation(watching) : another(talk(watching).reset("device"));
    next.next.device++;
    next.send("server", "", { flags: SYN | ACK });
    assertTalks(next);
  }
});

Deno.test("A connection is opened when the server has not noticed the end of the one before", () => {
  const watching = new Watching(), old = talk(watching), next = another(old);
  const syn = next.send("device", "", { flags: SYN });
  old.acknowledge("server");
  assert.deepEqual(watching.ended(), []);
  // RFC 9293 §3.5.1: what the server has said is not acceptable to the device.
  old.send("device", "", { flags: RST });
  assert.deepEqual(watching.ended(), ["device 0 reset", "server 0 reset"]);
  watching.take(syn);
  next.send("server", "", { flags: SYN | ACK });
  assertTalks(next);
});

Deno.test("A connection that opens with data has them once", () => {
  const watching = new Watching(), conversation = new Conversation(watching);
  conversation.send("device", L, { flags: SYN });
  conversation.send("server", AL, { flags: SYN | ACK });
  conversation.send("device", D);
  conversation.repeat();
  assert.deepEqual(watching.messages(), ["L device", "AL server", "D device"]);
  assert.deepEqual(watching.faults(), []);
});

Deno.test("SYN and its answer count once in the midst of a connection", () => {
  const watching = new Watching(), conversation = talk(watching);
  conversation.repeat();
  assertGoesOn(conversation);
  conversation.repeat();
  assert.deepEqual(watching.messages(), []);
  assertGoesOn(conversation);
});

const INTRUDERS: readonly { what: string; act: (next: Conversation) => void }[] = [
  { what: "SYN", act: (next) => void next.send("device", "", { flags: SYN }) },
  { what: "SYN with data", act: (next) => void next.send("device", D, { flags: SYN }) },
  { what: "an answer to SYN", act: (next) => void next.send("server", "", { flags: SYN | ACK }) },
  {
    what: "an answer to another SYN",
    act: (next) => {
      next.send("device", "", { flags: SYN });
      next.send("server", "", { flags: SYN | ACK, acknowledgment: next.next.device + 1 });
    },
  },
  { what: "one segment", act: (next) => void next.send("device", D) },
  {
    what: "segments in both directions",
    act: (next) => {
      next.send("device", D);
      next.send("server", AL);
    },
  },
  {
    what: "several segments that do not follow each other",
    act: (next) => {
      for (const sequence of [100, 900, 500]) {
        next.send("device", D, { sequence: next.next.device + sequence });
      }
    },
  },
];

for (const { what, act } of INTRUDERS) {
  Deno.test(`A connection goes on when there is ${what} with numbers that are far away`, () => {
    const watching = new Watching(), old = talk(watching);
    act(another(old));
    assert.deepEqual(watching.messages(), []);
    assertGoesOn(old);
  });
}

Deno.test("Segments that follow each other with numbers that are far away are another connection's", () => {
  const watching = new Watching(), old = talk(watching), next = another(old);
  old.send("device", "#D#27");
  next.send("device", L);
  assert.deepEqual([watching.messages(), watching.ended()], [[], []]);
  next.send("device", D);
  assert.deepEqual(watching.messages(), ["D device"]);
  assert.deepEqual(watching.ended(), ["device 0 reset", "server 0 reset"]);
  assert.deepEqual(watching.faults(), ["device unfinished"]);
  next.send("server", AL);
  next.send("server", textCommand("VER?"));
  next.send("device", D);
  assert.deepEqual(watching.messages(), ["AL server", "command server", "D device"]);
  assert.equal(watching.traffic.reassembly.gaps, 0);
});

Deno.test("A connection is opened in the place of another when only what the device sends is captured", () => {
  const watching = new Watching(), old = new Conversation(watching), next = another(old);
  for (const { send } of [old, next].map((talk) => ({ send: talk.send.bind(talk, "device") }))) {
    send("", { flags: SYN });
    send(L);
    send(D);
  }
  assert.deepEqual(watching.messages(), ["L device", "D device", "L device", "D device"]);
  assert.deepEqual(watching.ended(), ["device 0 reset"]);
});

Deno.test("A connection knows nothing of the one that was there before", () => {
  const watching = new Watching(), old = new Conversation(watching).open();
  old.send("device", login({ imei: "868204000000001" }, { version: "2.0" }));
  old.send("device", ping());
  const next = another(old).open();
  watching.time = 5;
  watching.taken(MESSAGES);
  next.send("device", D);
  next.send("server", answer("AP"));
  const told = watching.taken(MESSAGES).map(({ type, version, latency_seconds }) =>
    [type, version, latency_seconds].join()
  );
  assert.deepEqual(told, ["D,unknown,", "AP,unknown,"]);
  assert.deepEqual(watching.devices(), ["2.0 5"]);
});

const MIDDLES: readonly { what: string; payload: Uint8Array; found: readonly string[] }[] = [
  { what: "with a whole message", payload: D, found: ["D device", "M device"] },
  { what: "within a message", payload: D.subarray(9), found: ["M device"] },
  {
    what: "within a message, with another one behind it",
    payload: new Uint8Array([...D.subarray(9), ...L]),
    found: ["L device", "M device"],
  },
  { what: "with a container", payload: container(D), found: ["D device", "M device"] },
  {
    what: "with a byte that asks whether the other side is there",
    payload: new Uint8Array(1),
    found: ["M device"],
  },
];

for (const { what, payload, found } of MIDDLES) {
  Deno.test(`A connection is read whose capture begins in its midst ${what}`, () => {
    const watching = new Watching(), conversation = new Conversation(watching);
    conversation.acknowledge("device").acknowledge("server");
    conversation.send("device", payload);
    conversation.acknowledge("server");
    conversation.send("device", driverMessage("text"));
    conversation.send("device", D);
    assert.deepEqual(watching.messages(), [...found, "D device"]);
    assert.deepEqual(watching.faults(), []);
  });
}

const SERVERS = [
  { what: "the end that is asked to open it", packets: [["A", SYN]], ports: [20332, 9], server: "B" },
  { what: "the end that answers SYN", packets: [["B", SYN | ACK]], ports: [20332, 9], server: "B" },
  { what: "the end with the port of the filter", packets: [["A", PSH]], ports: [9, 20332], server: "B" },
  { what: "the sender with the port of the filter", packets: [["A", PSH]], ports: [20332, 9], server: "A" },
  { what: "the end with the lower port", packets: [["A", PSH]], ports: [5000, 4000], server: "B" },
  { what: "the sender with the lower port", packets: [["A", PSH]], ports: [4000, 5000], server: "A" },
  {
    what: "the end with the lower of two ports of the filter",
    packets: [["A", PSH]],
    ports: [20333, 20332],
    server: "B",
  },
  {
    what: "whom SYN tells, when data came before",
    packets: [["A", PSH], ["A", RST], ["A", SYN]],
    ports: [4000, 5000],
    server: "B",
  },
] as const;

for (const { what, packets, ports, server } of SERVERS) {
  Deno.test(`The server of a connection is ${what}`, () => {
    const watching = new Watching({ serverPorts: [20332, 20333] });
    // The one that is called device is A.
    const ends = { device: `10.0.0.1:${ports[0]}`, server: `10.0.0.2:${ports[1]}` };
    const conversation = new Conversation(watching, ends);
    for (const [from, flags] of packets) {
      conversation.send(from === "A" ? "device" : "server", flags === PSH ? D : "", { flags });
    }
    watching.taken(MESSAGES);
    conversation.send("device", D);
    const [message] = watching.taken(MESSAGES);
    assert.equal(message!["sender"], server === "B" ? "device" : "server");
    watching.take(datagramPacket(ping(), ends));
    assert.equal(watching.taken(MESSAGES).length, 1);
  });
}
