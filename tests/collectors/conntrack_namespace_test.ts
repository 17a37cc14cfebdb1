import assert from "node:assert/strict";
import { CONNECTIONS } from "../../collectors/conntrack/records.ts";
import { SERVICE_NAMES, serviceOf } from "../../collectors/conntrack/services.ts";
import { metricOf } from "../helpers/collecting.ts";
import type { ListedFlow } from "../helpers/conntrack_list.ts";
import { canTrack, ConntrackNamespace } from "../helpers/conntrack_namespace.ts";
import { ConntrackPair } from "../helpers/conntrack_pair.ts";
import { testWith } from "../helpers/skip.ts";
import { eventually, sumOf } from "../helpers/program_host.ts";
import { CollectorHost, LISTEN, startProgram } from "./conntrack_hosts.ts";

let tracking: Promise<string | undefined> | undefined;

function testTracking(name: string, fn: () => Promise<void>): void {
  testWith({ name, needs: () => tracking ??= canTrack(), fn });
}

const FIELDS = Object.keys(CONNECTIONS.fields).filter((name) => name !== "timeout_seconds");
const EVERY_FIELD = [{ name: "every_field", help: "Connections.", source: "conntrack", labels: FIELDS }];
const PROTOCOLS: Readonly<Record<number, string>> = {
  1: "icmp",
  6: "tcp",
  17: "udp",
  47: "gre",
  58: "icmpv6",
  132: "sctp",
  136: "udplite",
};

/** What `conntrack` lists, as a series of `every_field`. */
function seriesOfListed(flow: ListedFlow): string {
  const { original, reply, protocol } = flow;
  const isSource = original.source !== reply.destination || original.sourcePort !== reply.destinationPort;
  const isDestination = original.destination !== reply.source ||
    original.destinationPort !== reply.sourcePort;
  const labels: Record<string, string | number | undefined> = {
    src: original.source,
    dst: original.destination,
    sport: original.sourcePort,
    dport: original.destinationPort,
    reply_src: reply.source,
    reply_dst: reply.destination,
    reply_sport: reply.sourcePort,
    reply_dport: reply.destinationPort,
    l3protocol: flow.family,
    l4protocol: PROTOCOLS[protocol] ?? protocol,
    l7protocol: SERVICE_NAMES[serviceOf(protocol, original.destinationPort ?? NaN)],
    // A zone of one direction only is 0 in the other.
    ct_zone: original.zone || reply.zone,
    mark: flow.mark,
    state: flow.state,
    status: flow.status.includes("ASSURED")
      ? "assured"
      : flow.status.includes("UNREPLIED")
      ? "unreplied"
      : "replied",
    nat: isSource ? isDestination ? "both" : "source" : isDestination ? "destination" : "none",
    sent_packets: original.packets,
    sent_bytes: original.bytes,
    reply_packets: reply.packets,
    reply_bytes: reply.bytes,
  };
  return `{${FIELDS.map((name) => `${name}="${labels[name] ?? ""}"`).join(",")}}`;
}

function countedBySeries(flows: readonly ListedFlow[]): Record<string, number> {
  const counts = Map.groupBy(flows, seriesOfListed);
  return Object.fromEntries([...counts].map(([text, { length }]): [string, number] => [text, length]).sort());
}

for (const accounting of [true, false]) {
  testTracking(
    `netlink and procfs give the connections that conntrack lists, with${accounting ? "" : "out"} accounting`,
    async () => {
      await using conntrack = await ConntrackNamespace.create({ accounting });
      await conntrack.fillZoo();
      const expected = countedBySeries(await conntrack.list());
      assert(Object.keys(expected).length > 40);
      for (const source of ["netlink", "procfs"]) {
        await using host = await CollectorHost.start(conntrack, { settings: { source }, rules: EVERY_FIELD });
        const { series, problems, qualities } = await host.pass();
        assert.deepEqual(metricOf(series, "every_field"), expected, source);
        assert.deepEqual([problems, qualities["accounting"]], [{}, accounting]);
      }
    },
  );
}

/** Connections are forgotten soon after their last packet. */
const SHORT = {
  nf_conntrack_tcp_timeout_time_wait: 1,
  nf_conntrack_udp_timeout: 1,
  nf_conntrack_udp_timeout_stream: 1,
};

interface Way {
  packets: number;
  bytes: number;
}

/** What the true counters have counted in each direction. */
function movedIn(series: ReadonlyMap<string, number>): Record<"sent" | "reply", Way> {
  const way = (direction: string) => ({
    packets: sumOf(series, "conntrack_packets_total", { direction }),
    bytes: sumOf(series, "conntrack_bytes_total", { direction }),
  });
  return { sent: way("sent"), reply: way("reply") };
}

function eventsIn(series: ReadonlyMap<string, number>, labels: Readonly<Record<string, string>> = {}) {
  const count = (event: string) => sumOf(series, `conntrack_${event}_total`, labels);
  return { opened: count("opened"), closed: count("closed") };
}

/** The same of the entries that are there. */
function movedBy(flows: readonly ListedFlow[]): Record<"sent" | "reply", Way> {
  const sent = { packets: 0, bytes: 0 }, reply = { packets: 0, bytes: 0 };
  for (const flow of flows) {
    for (const [sum, { packets, bytes }] of [[sent, flow.original], [reply, flow.reply]] as const) {
      sum.packets += packets!;
      sum.bytes += bytes!;
    }
  }
  return { sent, reply };
}

/** What an interface has counted, without the headers of its link. */
function since(before: Way, after: Way): Way {
  const packets = after.packets - before.packets;
  return { packets, bytes: after.bytes - before.bytes - 14 * packets };
}

function assertWithin(actual: Way, expected: Way, part: number): void {
  for (const key of ["packets", "bytes"] as const) {
    const off = Math.abs(actual[key] / expected[key] - 1);
    assert(off <= part, `${key}: Expected ${expected[key]}, not ${actual[key]}`);
  }
}

testTracking(
  "Connections that come and go between two passes are counted as the interface counts them",
  async () => {
    await using pair = await ConntrackPair.create({ settings: SHORT });
    await using program = await startProgram(pair.server, [LISTEN, "--collector.interval=3600"]);
    const { series: first } = await program.scrape(), before = await pair.interface();
    assert.equal(sumOf(first, "netcensus_data_quality", { collector: "conntrack", check: "events" }), 1);
    assert.equal(sumOf(first, "netcensus_collector_success", { collector: "conntrack" }), 1);
    for (const family of ["ipv4", "ipv6"] as const) {
      await pair.client.flows.sendUdp({ count: 2000, per: 20, payload: 300, family });
      await pair.transfer({ count: 1000, up: 700, down: 3000, family });
    }
    const { series } = await eventually(async () => {
      // To list entries makes the kernel drop those whose time is over, which it else does when it finds time.
      await pair.server.list();
      return await program.scrape();
    }, ({ series }) => eventsIn(series).closed >= 6000);
    for (const [l4protocol, count] of [["udp", 4000], ["tcp", 2000]] as const) {
      assert.deepEqual(eventsIn(series, { l4protocol }), { opened: count, closed: count });
    }
    const { rx, tx } = await pair.interface(), { sent, reply } = movedIn(series);
    assertWithin(sent, since(before.rx, rx), 0.01);
    assertWithin(reply, since(before.tx, tx), 0.01);
    assert.equal(await program.stop(), 0);
  },
);

for (const source of ["netlink", "procfs"]) {
  testTracking(
    `Without events connections are counted by what they grow between passes, by ${source}`,
    async () => {
      await using conntrack = await ConntrackNamespace.create({ settings: { nf_conntrack_events: 0 } });
      await using host = await CollectorHost.start(conntrack, { settings: { source } });
      const { flows } = conntrack;
      const grow = async (count: number, payload: number) => {
        for (const family of ["ipv4", "ipv6"] as const) {
          await flows.sendUdp({ count, per: 10, payload, family });
          await flows.answerUdp({ count, per: 10, payload: 2 * payload, family });
          await flows.exchangeTcp({ count: 10, bytes: payload, family });
        }
        await conntrack.settle();
      };
      await host.hear();
      await grow(100, 50);
      const old = await conntrack.list();
      const first = await host.pass();
      assert.deepEqual(movedIn(first.series).sent, { packets: 0, bytes: 0 });
      for (const round of [1, 2, 3]) {
        await grow(100 + 10 * round, 100 * round);
        const list = await conntrack.list(), { series, problems, qualities } = await host.pass();
        const [now, then] = [movedBy(list), movedBy(old)];
        for (const way of ["sent", "reply"] as const) {
          now[way].packets -= then[way].packets;
          now[way].bytes -= then[way].bytes;
        }
        assert.deepEqual(movedIn(series), now);
        assert.deepEqual(eventsIn(series), { opened: list.length - old.length, closed: 0 });
        assert.deepEqual([problems, qualities], [{}, { accounting: true, events: false, followed: true }]);
      }
    },
  );
}

testTracking("When events are lost, two passes later the connections are counted right again", async () => {
  await using conntrack = await ConntrackNamespace.create();
  await using host = await CollectorHost.start(conntrack);
  await host.hear();
  await host.pass();
  await conntrack.flows.sendUdp({ count: 50_000, per: 50 });
  assert.deepEqual(eventsIn((await host.pass()).series), { opened: 50_000, closed: 0 });
  host.signal("SIGSTOP");
  await conntrack.conntrack("-F");
  host.signal("SIGCONT");
  await conntrack.flows.sendUdp({ count: 100, first: 40_000, per: 50, payload: 500 });
  const { problems } = await eventually(
    () => host.show(),
    ({ problems }) => problems["events_lost"] !== undefined,
  );
  assert.deepEqual(Object.keys(problems), ["events_lost"]);
  await host.pass();
  const { series } = await host.pass();
  assert.deepEqual(eventsIn(series), { opened: 50_100, closed: 50_000 });
  assert.equal(await conntrack.count(), 100);
  assert.deepEqual(movedIn(series).sent, { packets: 50_100, bytes: 50_000 * 128 + 100 * 528 });
});

testTracking("Connections that come and go while passes are under way are counted once each", async () => {
  await using pair = await ConntrackPair.create({ settings: SHORT });
  const { server, client } = pair;
  await using host = await CollectorHost.start(server);
  await host.hear();
  await host.pass();
  const before = await pair.interface();
  let isOver = false;
  const traffic = async () => {
    for (let i = 0; i < 10; i++) {
      await client.flows.sendUdp({ count: 1000, per: 20, payload: 300 });
      await pair.transfer({ count: 200, up: 700, down: 3000 });
      await server.conntrack("-D -p udp");
    }
    isOver = true;
  };
  const passes = async () => {
    while (!isOver) await host.pass();
  };
  await Promise.all([traffic(), passes()]);
  await server.conntrack("-F");
  await eventually(() => host.show(), ({ series }) => eventsIn(series).closed >= 12_000);
  await host.pass();
  const { series } = await host.pass();
  const { rx, tx } = await pair.interface(), { sent, reply } = movedIn(series);
  assert.deepEqual(eventsIn(series), { opened: 12_000, closed: 12_000 });
  assertWithin(sent, since(before.rx, rx), 0.01);
  assertWithin(reply, since(before.tx, tx), 0.01);
});

/** Makes the same connection ten times, and deletes it in between. */
async function reuse(
  conntrack: ConntrackNamespace,
  pass: () => Promise<unknown>,
  heard = async (_: number) => {},
) {
  let bytes = 0;
  for (let i = 1; i <= 10; i++) {
    if (i > 1) {
      await conntrack.conntrack("-D -p udp");
      await heard(i - 1);
    }
    await conntrack.flows.sendUdp({ count: 1, payload: 10 * i });
    bytes += 10 * i + 28;
    await pass();
  }
  return { packets: 10, bytes };
}

for (const isHeard of [true, false]) {
  testTracking(
    `A connection in the place of another, whose end is heard of ${
      isHeard ? "before" : "after"
    } it is seen, is counted fully`,
    async () => {
      await using conntrack = await ConntrackNamespace.create();
      await using host = await CollectorHost.start(conntrack);
      await host.hear();
      await host.pass();
      const heard = (count: number) =>
        eventually(() => host.show(), ({ series }) => eventsIn(series).closed === count);
      const moved = await reuse(
        conntrack,
        () => host.pass(),
        isHeard ? async (count) => void (await heard(count)) : undefined,
      );
      await heard(9);
      await host.pass();
      const { series } = await host.pass();
      assert.deepEqual(eventsIn(series), { opened: 10, closed: 9 });
      assert.deepEqual(movedIn(series).sent, moved);
    },
  );
}

testTracking(
  "A connection that has counted less than before is another one, although its end was not heard of",
  async () => {
    await using conntrack = await ConntrackNamespace.create();
    await using host = await CollectorHost.start(conntrack);
    await host.pass();
    await conntrack.flows.sendUdp({ count: 1, payload: 500 });
    await host.pass();
    await conntrack.conntrack("-D -p udp");
    await conntrack.flows.sendUdp({ count: 1, payload: 100 });
    // Where the kernel gives it another identity, the one before is gone when two passes have missed it.
    await host.pass();
    const { series } = await host.pass();
    assert.deepEqual(eventsIn(series), { opened: 2, closed: 1 });
    assert.deepEqual(movedIn(series).sent, { packets: 2, bytes: 528 + 128 });
  },
);
