import assert from "node:assert/strict";
import {
  align4,
  dumpRequest,
  NetlinkAttributes,
  NetlinkMessages,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_NOOP,
  NLMSG_OVERRUN,
} from "../../parsers/netlink.ts";
import { fixture, mutated } from "../helpers/fixtures.ts";
import { attribute, concat, message, u16, u32, walk } from "../helpers/netlink.ts";
import { property, type Random } from "../helpers/random.ts";

const DUMP_INTR = 0x10;
const GOOD = message(20, Uint8Array.of(1, 2, 3, 4));

function payloadsOf(messages: NetlinkMessages): { type: number; payload: number[] }[] {
  const payloads = [];
  while (messages.next()) {
    const { type, bytes, start, stop } = messages;
    payloads.push({ type, payload: [...bytes.subarray(start, stop)] });
  }
  return payloads;
}

function typesOf(messages: NetlinkMessages): number[] {
  return payloadsOf(messages).map(({ type }) => type);
}

for (
  const [length, aligned] of [[0, 0], [1, 4], [3, 4], [4, 4], [5, 8], [16, 16], [65_533, 65_536]] as const
) {
  Deno.test(`align4() makes ${aligned} of ${length}`, () => {
    assert.equal(align4(length), aligned);
  });
}

Deno.test("next() gives type and payload of each message", () => {
  const messages = walk(
    concat(message(20, Uint8Array.of(1, 2, 3, 4)), message(21, Uint8Array.of(5, 6, 7, 8))),
  );
  assert.deepEqual(payloadsOf(messages), [
    { type: 20, payload: [1, 2, 3, 4] },
    { type: 21, payload: [5, 6, 7, 8] },
  ]);
});

for (const length of [0, 1, 2, 3, 5]) {
  Deno.test(`next() finds the message after one with a payload of ${length} bytes`, () => {
    const first = new Uint8Array(length).fill(7);
    assert.deepEqual(payloadsOf(walk(concat(message(20, first), GOOD))), [
      { type: 20, payload: [...first] },
      { type: 20, payload: [1, 2, 3, 4] },
    ]);
  });
}

Deno.test("next() reads a last message whose padding is missing", () => {
  const bytes = message(20, Uint8Array.of(1, 2, 3, 4, 5)).subarray(0, 21);
  assert.deepEqual(payloadsOf(walk(bytes)), [{ type: 20, payload: [1, 2, 3, 4, 5] }]);
});

Deno.test("next() gives false for no bytes", () => {
  const messages = walk(new Uint8Array());
  assert.equal(messages.next(), false);
  assert.equal(messages.truncated, 0);
});

Deno.test("next() gives false again after the end", () => {
  const messages = walk(GOOD);
  assert.deepEqual([messages.next(), messages.next(), messages.next()], [true, false, false]);
});

const PASSED_OVER = [
  { what: "a message with another sequence number", bytes: message(21, GOOD, { sequence: 2 }) },
  { what: "the end of the answer to another request", bytes: message(NLMSG_DONE, u32(0), { sequence: 2 }) },
  { what: "an error in answer to another request", bytes: message(NLMSG_ERROR, u32(-16), { sequence: 0 }) },
  { what: "NLMSG_NOOP", bytes: message(NLMSG_NOOP) },
  { what: "type 0", bytes: message(0) },
];

for (const { what, bytes } of PASSED_OVER) {
  Deno.test(`next() passes over ${what}`, () => {
    const messages = walk(concat(bytes, GOOD));
    assert.deepEqual(typesOf(messages), [20]);
    assert.deepEqual([messages.end, messages.errno, messages.truncated], [0, 0, 0]);
  });
}

Deno.test("next() compares the whole sequence number", () => {
  const bytes = concat(
    message(20, GOOD, { sequence: 0xffffffff }),
    message(21, GOOD, { sequence: 0xfffffffe }),
  );
  assert.deepEqual(typesOf(walk(bytes, 0xffffffff)), [20]);
});

const ENDS = [
  { name: "NLMSG_DONE", type: NLMSG_DONE, payload: u32(0), errno: 0 },
  { name: "NLMSG_DONE without payload", type: NLMSG_DONE, payload: u32(), errno: 0 },
  // netlink_dump_done() in net/netlink/af_netlink.c: so ends a dump that fails, also one of an unknown protocol.
  { name: "NLMSG_DONE with an error", type: NLMSG_DONE, payload: u32(-2), errno: 2 },
  { name: "NLMSG_ERROR", type: NLMSG_ERROR, payload: u32(-16), errno: 16 },
  { name: "NLMSG_ERROR as acknowledgement", type: NLMSG_ERROR, payload: u32(0), errno: 0 },
  { name: "NLMSG_ERROR without payload", type: NLMSG_ERROR, payload: u32(), errno: 0 },
  { name: "NLMSG_ERROR with half an error", type: NLMSG_ERROR, payload: u16(0xfffe), errno: 0 },
  { name: "NLMSG_OVERRUN", type: NLMSG_OVERRUN, payload: u32(), errno: 0 },
];

for (const { name, type, payload, errno } of ENDS) {
  Deno.test(`next() ends at ${name}`, () => {
    const messages = walk(concat(GOOD, message(type, payload), GOOD));
    assert.deepEqual(typesOf(messages), [20]);
    assert.equal(messages.end, type);
  });

  Deno.test(`errno is ${errno} after ${name}`, () => {
    const messages = walk(message(type, payload));
    messages.next();
    assert(messages.errno === errno, `${messages.errno}`);
  });
}

const INTERRUPTED = [
  { what: "a message says so", bytes: message(20, GOOD, { flags: DUMP_INTR }), interrupted: true },
  {
    what: "the last message says so",
    bytes: message(NLMSG_DONE, u32(0), { flags: DUMP_INTR }),
    interrupted: true,
  },
  {
    what: "one of several messages says so",
    bytes: concat(message(20, GOOD, { flags: DUMP_INTR | 2 }), message(20, GOOD, { flags: 2 })),
    interrupted: true,
  },
  { what: "other flags are set", bytes: message(20, GOOD, { flags: 0xffef }), interrupted: false },
  {
    what: "a message of another answer says so",
    bytes: message(20, GOOD, { flags: DUMP_INTR, sequence: 2 }),
    interrupted: false,
  },
];

for (const { what, bytes, interrupted } of INTERRUPTED) {
  Deno.test(`interrupted is ${interrupted} when ${what}`, () => {
    const messages = walk(bytes);
    payloadsOf(messages);
    assert.equal(messages.interrupted, interrupted);
  });
}

for (const length of [0, 1, 15, 21, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]) {
  Deno.test(`next() ends at a message that claims ${length} bytes`, () => {
    const messages = walk(concat(GOOD, message(21, Uint8Array.of(1, 2, 3, 4), { length })));
    assert.deepEqual(typesOf(messages), [20]);
    assert.deepEqual([messages.truncated, messages.end], [1, 0]);
  });
}

for (const length of [1, 4, 15]) {
  Deno.test(`next() counts ${length} bytes after the last message as cut off`, () => {
    const messages = walk(concat(GOOD, GOOD.subarray(0, length)));
    assert.deepEqual(typesOf(messages), [20]);
    assert.equal(messages.truncated, 1);
  });
}

Deno.test("next() reads on where an odd length is rounded up to", () => {
  const bytes = concat(message(21, new Uint8Array(4), { length: 17 }), GOOD);
  assert.deepEqual(payloadsOf(walk(bytes)), [
    { type: 21, payload: [0] },
    { type: 20, payload: [1, 2, 3, 4] },
  ]);
});

Deno.test("begin() limits the walk to the first bytes", () => {
  const messages = new NetlinkMessages(concat(GOOD, GOOD));
  messages.begin(GOOD.length, 1);
  assert.deepEqual(typesOf(messages), [20]);
  assert.equal(messages.truncated, 0);
});

Deno.test("begin() takes no more bytes than there are", () => {
  const messages = new NetlinkMessages(GOOD);
  messages.begin(65_536, 1);
  assert.deepEqual(typesOf(messages), [20]);
});

Deno.test("begin() forgets what was said of the walk before", () => {
  const messages = new NetlinkMessages(
    concat(message(NLMSG_ERROR, u32(-16), { flags: DUMP_INTR }), new Uint8Array(15)),
  );
  messages.begin(messages.bytes.length, 1);
  payloadsOf(messages);
  messages.begin(0, 1);
  const { end, errno, truncated, interrupted } = messages;
  assert.deepEqual({ end, errno, truncated, interrupted }, {
    end: 0,
    errno: 0,
    truncated: 0,
    interrupted: false,
  });
});

Deno.test("next() reads bytes that are a part of a larger buffer", () => {
  const bytes = concat(new Uint8Array(3), GOOD).subarray(3);
  assert.deepEqual(payloadsOf(walk(bytes)), [{ type: 20, payload: [1, 2, 3, 4] }]);
});

function attributesOf(bytes: Uint8Array<ArrayBuffer>, start = 0, end = bytes.length) {
  const attributes = new NetlinkAttributes(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  attributes.begin(start, end);
  const found = [];
  while (attributes.next()) {
    found.push({ type: attributes.type, value: [...bytes.subarray(attributes.start, attributes.stop)] });
  }
  return found;
}

Deno.test("NetlinkAttributes gives type and value of each attribute", () => {
  const bytes = concat(
    attribute(1, Uint8Array.of(1, 2, 3, 4)),
    attribute(2, Uint8Array.of(5)),
    attribute(3, u32(6)),
  );
  assert.deepEqual(attributesOf(bytes), [
    { type: 1, value: [1, 2, 3, 4] },
    { type: 2, value: [5] },
    { type: 3, value: [6, 0, 0, 0] },
  ]);
});

Deno.test("NetlinkAttributes gives an attribute without value", () => {
  assert.deepEqual(attributesOf(concat(attribute(1, u32()), attribute(2, u32()))), [
    { type: 1, value: [] },
    { type: 2, value: [] },
  ]);
});

for (
  const [flag, name] of [[0x8000, "NLA_F_NESTED"], [0x4000, "NLA_F_NET_BYTEORDER"], [
    0xc000,
    "both flags",
  ]] as const
) {
  Deno.test(`NetlinkAttributes gives the type without ${name}`, () => {
    assert.deepEqual(attributesOf(attribute(flag | 0x3fff, u32())), [{ type: 0x3fff, value: [] }]);
  });
}

for (const length of [0, 1, 3, 9, 0xffff]) {
  Deno.test(`NetlinkAttributes ends at an attribute that claims ${length} bytes`, () => {
    const bytes = concat(attribute(1, u32(1)), attribute(2, u32(2), length));
    assert.deepEqual(attributesOf(bytes), [{ type: 1, value: [1, 0, 0, 0] }]);
  });
}

for (const left of [1, 2, 3]) {
  Deno.test(`NetlinkAttributes ends when ${left} bytes are left`, () => {
    const bytes = concat(attribute(1, u32(1)), attribute(2, u32()).subarray(0, left));
    assert.deepEqual(attributesOf(bytes), [{ type: 1, value: [1, 0, 0, 0] }]);
  });
}

Deno.test("NetlinkAttributes begins where it is told to, also where that is not aligned", () => {
  const bytes = concat(new Uint8Array(5), attribute(1, u32(1)), attribute(2, u32(2)));
  assert.deepEqual(attributesOf(bytes, 5), [{ type: 1, value: [1, 0, 0, 0] }, {
    type: 2,
    value: [2, 0, 0, 0],
  }]);
});

Deno.test("NetlinkAttributes reads nothing past its end", () => {
  const bytes = concat(attribute(1, u32(1)), attribute(2, u32(2)));
  assert.deepEqual(attributesOf(bytes, 0, 15), [{ type: 1, value: [1, 0, 0, 0] }]);
});

Deno.test("NetlinkAttributes reads nothing past the end of the buffer", () => {
  assert.deepEqual(attributesOf(attribute(1, u32(1)), 0, 65_536), [{ type: 1, value: [1, 0, 0, 0] }]);
});

Deno.test("NetlinkAttributes gives nothing when it begins past the end", () => {
  assert.deepEqual(attributesOf(attribute(1, u32(1)), 72, 8), []);
});

Deno.test("dumpRequest() makes a request for a dump with room for the payload", () => {
  const { bytes, view } = dumpRequest(20, 8);
  view.setUint8(16, 0xab);
  assert.deepEqual([...bytes], [24, 0, 0, 0, 20, 0, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0xab, 0, 0, 0, 0, 0, 0, 0]);
});

/** Walks everything and checks that what is given lies within the bytes, in order. */
function checkedWalk(messages: NetlinkMessages, length: number): number {
  const attributes = new NetlinkAttributes(messages.view);
  let count = 0, after = 0;
  while (messages.next()) {
    const { start, stop } = messages;
    assert(start >= after + 16 && start <= stop && stop <= length, `${start} to ${stop} of ${length}`);
    after = stop;
    count++;
    let end = start;
    attributes.begin(start, stop);
    while (attributes.next()) {
      assert(attributes.start >= end + 4 && attributes.start <= attributes.stop && attributes.stop <= stop);
      end = attributes.stop;
    }
  }
  return count;
}

Deno.test("next() gives no more for any beginning of an answer than for the whole", () => {
  const bytes = fixture("netlink/udp_ipv6.bin"), messages = new NetlinkMessages(bytes);
  messages.begin(bytes.length, 1);
  const whole = checkedWalk(messages, bytes.length);
  assert.equal(whole, 4);
  for (let length = 0; length < bytes.length; length++) {
    messages.begin(length, 1);
    assert(checkedWalk(messages, length) <= whole, `${length} bytes`);
  }
});

function fuzz(random: Random, bytesOf: () => Uint8Array<ArrayBuffer>): void {
  const buffer = new Uint8Array(16_384), messages = new NetlinkMessages(buffer);
  for (let round = 0; round < 20_000; round++) {
    const bytes = bytesOf();
    buffer.set(bytes);
    messages.begin(bytes.length, random.pick([0, 1, 1, 1, random.int(2 ** 32)]));
    checkedWalk(messages, bytes.length);
  }
  buffer.set(GOOD);
  messages.begin(GOOD.length, 1);
  assert.deepEqual(payloadsOf(messages), [{ type: 20, payload: [1, 2, 3, 4] }]);
}

property("NetlinkMessages stays within random bytes, and reads a good message after them", (random) => {
  fuzz(random, () => random.bytes(random.int(64)));
});

property("NetlinkMessages stays within random messages, and reads a good one after them", (random) => {
  fuzz(random, () => {
    const length = random.pick([0, 1, 15, 16, 17, 20, 24, 0xffffffff, random.int(64)]);
    const flags = random.int(65_536), sequence = random.int(2);
    return concat(message(random.int(8), random.bytes(random.int(32)), { length, flags, sequence }), GOOD);
  });
});

for (const name of ["links", "addresses", "tcp_ipv4", "udp_ipv6"]) {
  property(
    `NetlinkMessages stays within a changed ${name}.bin, and reads a good message after it`,
    (random) => {
      const bytes = fixture(`netlink/${name}.bin`);
      fuzz(random, () => mutated(bytes, random));
    },
  );
}
