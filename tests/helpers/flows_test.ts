import assert from "node:assert/strict";
import type { ListedFlow } from "./conntrack_list.ts";
import { canTrack, ConntrackNamespace } from "./conntrack_namespace.ts";
import { ConntrackPair } from "./conntrack_pair.ts";
import { testWith } from "./skip.ts";

function testTracking(name: string, fn: () => Promise<void>): void {
  testWith({ name, needs: canTrack, fn });
}

const translated = ({ original, reply }: ListedFlow) => [
  ...original.source === reply.destination ? [] : ["SNAT"],
  ...original.destination === reply.source ? [] : ["DNAT"],
];

const PROTOCOLS: Readonly<Record<number, string>> = {
  1: "icmp",
  6: "tcp",
  17: "udp",
  47: "gre",
  58: "icmpv6",
  132: "sctp",
  136: "udplite",
};

/** The kind of an entry, as a line of words. */
function kindOf(flow: ListedFlow): string {
  const { family, protocol, state, status, mark, original, reply } = flow;
  const zone = original.zone === reply.zone ? `zone ${original.zone}` : `zone ${original.zone}/${reply.zone}`;
  return [
    family,
    PROTOCOLS[protocol] ?? String(protocol),
    ...state === undefined ? [] : [state],
    ...status,
    ...mark === 0 ? [] : [`mark ${mark}`],
    ...zone === "zone 0" ? [] : [zone],
    ...translated(flow),
  ].join(" ");
}

testTracking("The zoo has an entry of each kind", async () => {
  await using conntrack = await ConntrackNamespace.create();
  await conntrack.fillZoo();
  const flows = await conntrack.list();
  assert.equal(await conntrack.count(), flows.length);
  const both = ["ipv4", "ipv6"].flatMap((family) => [
    `${family} 253 UNREPLIED`,
    `${family} gre`,
    `${family} gre UNREPLIED`,
    `${family} sctp CLOSED UNREPLIED`,
    `${family} sctp ESTABLISHED ASSURED`,
    `${family} tcp CLOSE ASSURED`,
    `${family} tcp CLOSE_WAIT ASSURED`,
    `${family} tcp ESTABLISHED ASSURED`,
    `${family} tcp SYN_SENT UNREPLIED`,
    `${family} tcp TIME_WAIT ASSURED`,
    `${family} udp`,
    `${family} udp UNREPLIED`,
    `${family} udplite`,
  ]);
  const kinds = [...new Set(flows.map(kindOf))].sort();
  assert.deepEqual(
    kinds,
    [
      ...both,
      "ipv4 icmp",
      "ipv4 icmp UNREPLIED",
      "ipv4 sctp SHUTDOWN_SENT UNREPLIED",
      "ipv4 tcp ESTABLISHED ASSURED DNAT",
      "ipv4 tcp ESTABLISHED ASSURED mark 3735928559",
      "ipv4 tcp FIN_WAIT",
      "ipv4 tcp LAST_ACK",
      "ipv4 tcp SYN_RECV",
      "ipv4 udp ASSURED",
      "ipv4 udp SNAT",
      "ipv4 udp SNAT DNAT",
      "ipv4 udp UNREPLIED zone 1",
      "ipv4 udp UNREPLIED zone 2",
      "ipv4 udp mark 42",
      "ipv4 udp zone 3/0",
      "ipv6 icmpv6",
      "ipv6 udp DNAT",
    ].sort(),
  );
});

testTracking("UDP flows have the destinations, ports and packets that were asked for", async () => {
  await using conntrack = await ConntrackNamespace.create();
  const { flows } = conntrack;
  await flows.sendUdp({ count: 100, per: 5, payload: 72 });
  await flows.sendUdp({ first: 10, count: 20, per: 5, payload: 72 });
  await flows.answerUdp({ first: 12, count: 10, per: 5, payload: 172 });
  const list = await conntrack.list();
  assert.equal(list.length, 100);
  for (const { original, reply } of list) {
    const number = 5 * Number(original.destination.slice("10.0.1.".length)) + original.sourcePort! - 20_000;
    const packets = number >= 10 && number < 30 ? 2 : 1, answers = number >= 12 && number < 22 ? 1 : 0;
    assert.deepEqual(
      [original.packets, original.bytes, reply.packets, reply.bytes],
      [packets, packets * 100, answers, answers * 200],
    );
  }
});

testTracking("Without accounting entries have no packets", async () => {
  await using conntrack = await ConntrackNamespace.create({ accounting: false });
  await conntrack.flows.sendUdp({ count: 1, family: "ipv6" });
  assert.deepEqual((await conntrack.list()).map(({ original }) => original.packets), [undefined]);
});

testTracking("What conntrack counts is what the interface counts without 14 a packet", async () => {
  await using pair = await ConntrackPair.create();
  const { server, client } = pair;
  for (const family of ["ipv4", "ipv6"] as const) {
    await client.flows.sendUdp({ count: 100, per: 10, family });
    await server.flows.exchangeTcp({ count: 1, family });
    await pair.transfer({ count: 3, up: 100_000, down: 1_000_000, family });
  }
  await client.flows.ping({ to: "10.2.0.1", id: 1, count: 3 });
  await client.flows.ping({ to: "fd00:77::1", id: 1, count: 3 });
  await server.settle();
  const { rx, tx } = await pair.interface();
  const isRemote = ({ original: { source } }: ListedFlow) => /^(?:192\.168\.77|fd00:78:)/.test(source);
  const sums = { rx: { packets: 0, bytes: 0 }, tx: { packets: 0, bytes: 0 } };
  for (const { original, reply } of (await server.list()).filter(isRemote)) {
    for (const [sum, way] of [[sums.rx, original], [sums.tx, reply]] as const) {
      sum.packets += way.packets!;
      sum.bytes += way.bytes!;
    }
  }
  assert.deepEqual(sums, {
    rx: { packets: rx.packets, bytes: rx.bytes - 14 * rx.packets },
    tx: { packets: tx.packets, bytes: tx.bytes - 14 * tx.packets },
  });
});
