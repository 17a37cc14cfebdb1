import assert from "node:assert/strict";
import { SystemError } from "../../native/libc.ts";
import { NetlinkEvents } from "../../native/netlink_events.ts";
import { canTrack, ConntrackNamespace } from "../helpers/conntrack_namespace.ts";
import type { Conversation } from "../helpers/namespace.ts";
import { testWith } from "../helpers/skip.ts";

const HOST = new URL("netlink_events_host.ts", import.meta.url);

interface Received {
  readonly destroyed: number;
  readonly others: number;
  readonly losses: number;
  readonly truncated: number;
}

/** A namespace in which a socket with so much room hears of connections that end. */
class Hearing implements AsyncDisposable {
  private constructor(readonly conntrack: ConntrackNamespace, readonly host: Conversation) {}

  static async create(room: number): Promise<Hearing> {
    const conntrack = await ConntrackNamespace.create();
    const hearing = new Hearing(conntrack, conntrack.namespace.start(HOST));
    await hearing.ask(`open ${room}`);
    return hearing;
  }

  async ask(line: string): Promise<unknown> {
    return JSON.parse(await this.host.ask(line));
  }

  async receive(limit = Infinity): Promise<Received> {
    return await this.ask(`receive ${limit}`) as Received;
  }

  /** So many connections begin. */
  async begin(count: number): Promise<void> {
    await this.conntrack.flows.sendUdp({ count });
    assert.equal(await this.conntrack.count(), count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host[Symbol.asyncDispose]();
    await this.conntrack[Symbol.asyncDispose]();
  }
}

const NOTHING: Received = { destroyed: 0, others: 0, losses: 0, truncated: 0 };
const LARGE = 8 << 20, SMALL = 8192;

function testHearing(name: string, room: number, body: (hearing: Hearing) => Promise<void>): void {
  testWith({
    name,
    needs: canTrack,
    fn: async () => {
      await using hearing = await Hearing.create(room);
      await body(hearing);
    },
  });
}

testHearing(
  "receive() gives each event once, of the group alone, and does not wait",
  LARGE,
  async (hearing) => {
    assert.deepEqual(await hearing.receive(), NOTHING);
    await hearing.begin(1000);
    assert.deepEqual(await hearing.receive(), NOTHING);
    await hearing.conntrack.conntrack("-F");
    assert.deepEqual(await hearing.receive(), { ...NOTHING, destroyed: 1000 });
    assert.deepEqual(await hearing.receive(), NOTHING);
  },
);

testHearing("receive() that is given up leaves the rest for the next time", LARGE, async (hearing) => {
  await hearing.begin(50);
  await hearing.conntrack.conntrack("-F");
  const first = await hearing.receive(3);
  assert(first.destroyed > 0 && first.destroyed < 50, `${first.destroyed}`);
  assert.deepEqual(await hearing.receive(), { ...NOTHING, destroyed: 50 - first.destroyed });
});

testHearing(
  "receive() counts that events were lost, gives those there was room for, and goes on",
  SMALL,
  async (hearing) => {
    await hearing.begin(1000);
    await hearing.conntrack.conntrack("-F");
    const { losses, destroyed, ...rest } = await hearing.receive();
    assert.deepEqual(rest, { others: 0, truncated: 0 });
    assert(losses > 0, `${losses}`);
    assert(destroyed > 0 && destroyed < 1000, `${destroyed}`);
    await hearing.begin(3);
    await hearing.conntrack.conntrack("-F");
    assert.deepEqual(await hearing.receive(), { ...NOTHING, destroyed: 3, losses });
  },
);

testHearing(
  "The kernel gives as much room as was asked for, beyond what it gives anybody",
  LARGE,
  async (hearing) => {
    await hearing.begin(5000);
    await hearing.conntrack.conntrack("-F");
    assert.deepEqual(await hearing.receive(), { ...NOTHING, destroyed: 5000 });
  },
);

testHearing("close() closes the socket, and then nothing is received", LARGE, async (hearing) => {
  await hearing.begin(10);
  assert.equal(await hearing.ask("sockets"), 1);
  await hearing.ask("close");
  assert.equal(await hearing.ask("sockets"), 0);
  await hearing.conntrack.conntrack("-F");
  assert.deepEqual(await hearing.receive(), NOTHING);
  await hearing.ask("close");
});

// include/uapi/linux/netlink.h
const NETLINK_ROUTE = 0, RTNLGRP_LINK = 1;

Deno.test("NetlinkEvents throws when the kernel knows no such family", () => {
  assert.throws(
    () => new NetlinkEvents(999, 1, LARGE),
    (error) => error instanceof SystemError && error.code === 93,
  );
});

Deno.test("receive() does not wait where nothing has happened, and close() may be called again", () => {
  const events = new NetlinkEvents(NETLINK_ROUTE, RTNLGRP_LINK, SMALL);
  try {
    for (const _ of events.receive());
    assert.equal(events.losses, 0);
  } finally {
    events.close();
    events.close();
  }
  for (const _ of events.receive()) assert.fail("Nothing is received");
});
