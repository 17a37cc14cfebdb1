import assert from "node:assert/strict";
import { canTrack } from "../helpers/conntrack_namespace.ts";
import { ConntrackPair } from "../helpers/conntrack_pair.ts";
import { seriesOf } from "../helpers/exporter.ts";
import { netflowV5, type V5Record } from "../helpers/netflow_v5.ts";
import { Random } from "../helpers/random.ts";
import { program, testWith } from "../helpers/skip.ts";
import type { Packet } from "./netflow_pcap.ts";
import { pause, until } from "../helpers/waiting.ts";
import {
  countsOf,
  flowsIn,
  lostOf,
  type Plan,
  portOf,
  Receivers,
  runToEnd,
  send,
  startExporter,
  sumOf,
  totalOf,
} from "./netflow_receivers.ts";
import { sendFlowsOf } from "./netflow_softflowd.ts";

const HOST = new URL("netflow_senders_host.ts", import.meta.url);
/** What is missing counts as lost after 2 s. */
const GRACE_MS = 2100;
const NOTHING_LOST = { kernel: 0, decode: 0, filter: 0, sequence: 0 };

/** All of these have to be on the PATH. */
function programs(...names: readonly string[]): () => Promise<string | undefined> {
  return async () => (await Promise.all(names.map((name) => program(name)()))).find(Boolean);
}

async function canWatch(): Promise<string | undefined> {
  return await programs("softflowd", "nfcapd")() ?? await canTrack();
}

testWith({
  name: "The traffic that softflowd has seen is counted as nfdump and the interface count it",
  needs: canWatch,
  fn: async () => {
    await using pair = await ConntrackPair.create();
    const { client, server } = pair;
    await using host = server.namespace.start(HOST, ["eth0"]);
    await host.hear();
    const before = await pair.interface();
    await client.flows.sendUdp({ count: 300, per: 10, payload: 300 });
    await client.flows.ping({ to: "192.168.77.2", id: 7, count: 20, payload: 200 });
    await pair.transfer({ count: 50, up: 700, down: 30_000 });
    await server.settle();
    const { rx, tx } = await pair.interface();
    const packets = rx.packets + tx.packets - before.rx.packets - before.tx.packets;
    // libpcap holds packets back until a block is full. v5 has no flows of IPv6, whose packets fill it.
    await until(async () => {
      await client.flows.sendUdp({ count: 1000, per: 10, family: "ipv6" });
      return Number(await host.ask("packets")) >= packets;
    });
    const { shown, counted, lost } = JSON.parse(await host.ask("count"));
    assert.deepEqual(shown, counted);
    assert.deepEqual(Object.keys(shown.protocols).toSorted(), ["icmp", "tcp", "udp"]);
    // Without the headers of Ethernet.
    const bytes = rx.bytes + tx.bytes - before.rx.bytes - before.tx.bytes - 14 * packets;
    assert.deepEqual([totalOf(shown).packets, totalOf(shown).bytes], [packets, bytes]);
    assert.deepEqual(shown.protocols.udp, { flows: 300, packets: 300, bytes: 300 * 328 });
    assert.deepEqual(shown.protocols.icmp, { flows: 2, packets: 40, bytes: 40 * 228 });
    assert.equal(shown.protocols.tcp.flows, 100);
    assert.deepEqual(lost, NOTHING_LOST);
    await host.ask("stop");
  },
});

const TCP = 6, UDP = 17, ICMP = 1, GRE = 47;
const SERVICES = [[TCP, 443], [TCP, 22], [TCP, 60_000], [UDP, 443], [UDP, 53], [ICMP, 0], [GRE, 0]] as const;

/** Packets of both directions of many connections within so many seconds. */
function traffic(random: Random, seconds: number): Packet[] {
  const packets: Packet[] = [];
  for (let i = 0; i < 2000; i++) {
    const [protocol, port] = random.pick(SERVICES), host = random.int(20);
    const there: Packet = {
      seconds: 1_700_000_000 + Math.floor(seconds * i / 2000),
      protocol,
      source: `10.0.0.${host}`,
      destination: `192.0.2.${host % 7}`,
      sourcePort: port === 0 ? 0 : 61_000 + host,
      destinationPort: port,
      bytes: 40 + random.int(1400),
    };
    const { source, destination, sourcePort, destinationPort } = there;
    const back = {
      source: destination,
      destination: source,
      sourcePort: destinationPort,
      destinationPort: sourcePort,
    };
    packets.push(random.int(2) === 0 ? there : { ...there, ...back });
  }
  return packets;
}

testWith({
  name: "softflowd that is started again counts as a restart and not as a loss, and all its flows count",
  needs: programs("softflowd", "nfcapd"),
  fn: async () => {
    await using receivers = await Receivers.start();
    const random = new Random(1), packets = [traffic(random, 3600), traffic(random, 60)];
    let flows = 0;
    for (const each of packets) flows += await sendFlowsOf(each, receivers.tee.port);
    await receivers.series(flows);
    await pause(GRACE_MS);
    const series = await receivers.series(flows), shown = countsOf(series);
    assert.deepEqual(shown, await receivers.counted());
    assert.deepEqual(Object.keys(shown.services).toSorted(), [
      "gre other",
      "icmp other",
      "tcp https",
      "tcp other",
      "tcp ssh",
      "udp domain",
      "udp quic",
    ]);
    const sent = packets.flat(), { packets: count, bytes } = totalOf(shown);
    assert.deepEqual([count, bytes], [sent.length, sent.reduce((sum, { bytes }) => sum + bytes, 0)]);
    assert.equal(sumOf(series, "netcensus_flow_exporter_restarts_total"), 1);
    assert.deepEqual(lostOf(series), NOTHING_LOST);
  },
});

function randomRecords(random: Random, count: number): Partial<V5Record>[] {
  return Array.from({ length: count }, () => {
    const [protocol, destinationPort] = random.pick(SERVICES);
    return {
      protocol,
      sourcePort: 61_000,
      destinationPort,
      packets: 1 + random.int(1e6),
      bytes: 64 + random.int(2 ** 31),
    };
  });
}

testWith({
  name: "What nfreplay sends of a file of nfcapd is counted as nfdump counts it, and so is what came before",
  needs: programs("nfcapd", "nfreplay"),
  fn: async () => {
    const random = new Random(2), datagrams: Uint8Array[] = [];
    for (let sequence = 0; sequence < 1000;) {
      const records = randomRecords(random, 1 + random.int(30));
      datagrams.push(netflowV5(records, { sequence }));
      sequence += records.length;
    }
    const flows = datagrams.reduce((sum, datagram) => sum + flowsIn(datagram), 0);
    await using first = await Receivers.start(), second = await Receivers.start();
    await send(datagrams, first.tee.port);
    const shown = countsOf(await first.series(flows)), counted = await first.counted();
    assert.deepEqual(shown, counted);
    await replay(first.folder, second.tee.port);
    const replayed = await second.series(flows);
    assert.deepEqual(countsOf(replayed), counted);
    assert.deepEqual(await second.counted(), counted);
    assert.equal(sumOf(replayed, "netcensus_parse_problems_total"), 0);
  },
});

/** Lets nfreplay send what nfcapd has written to a port of loopback. */
async function replay(folder: string, port: number): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    const file = `${folder}/${name}`;
    await runToEnd("nfreplay", ["-v", "5", "-H", "127.0.0.1", "-p", `${port}`, "-d", "100", "-r", file]);
  }
}

testWith({
  name: "Datagrams that vanish on the way are counted by their flows, and those that others overtake are not",
  needs: programs("nfcapd", "nfreplay"),
  fn: async () => {
    const flows = 1200, random = new Random(3);
    let dropped = 0, held: Uint8Array<ArrayBuffer>;
    const plan: Plan = (datagram, number) => {
      switch (number % 10) {
        case 3:
          held = datagram;
          return [];
        case 5:
          return [datagram, held];
        case 8:
          dropped += flowsIn(datagram);
          return [];
        default:
          return [datagram];
      }
    };
    await using sender = await Receivers.start(), receivers = await Receivers.start({ plan });
    const records = randomRecords(random, flows);
    const datagrams = Array.from(
      { length: flows / 20 },
      (_, i) => netflowV5(records.slice(20 * i, 20 * (i + 1)), { sequence: 20 * i }),
    );
    await send(datagrams, sender.tee.port);
    await sender.series(flows);
    await sender.counted();
    await replay(sender.folder, receivers.tee.port);
    let series: ReadonlyMap<string, number> = new Map();
    await until(async () => {
      series = await receivers.series(flows);
      return lostOf(series)["sequence"]! >= dropped;
    });
    assert(dropped > 0);
    assert.deepEqual(lostOf(series), { ...NOTHING_LOST, sequence: dropped });
    const shown = countsOf(series);
    assert.equal(totalOf(shown).flows, flows - dropped);
    assert.deepEqual(shown, await receivers.counted());
  },
});

Deno.test("Datagrams that the kernel drops while the program stands still are counted, and their flows too", async () => {
  const each = 10, sent = 300;
  await using exporter = await startExporter(["--collector.netflow.receive-buffer=8192"]);
  const port = await portOf(exporter), random = new Random(4);
  const datagram = (i: number) => netflowV5(randomRecords(random, each), { sequence: each * i });
  const series = async () => seriesOf(await exporter.get("/metrics"));
  const comeIn = (shown: ReadonlyMap<string, number>) => sumOf(shown, "netcensus_flow_datagrams_total");
  const come = (least: number) =>
    until(async () => {
      const shown = await series();
      return comeIn(shown) >= least && sumOf(shown, "netcensus_flow_queued_bytes") === 0;
    });
  await send([datagram(0)], port);
  await come(1);
  Deno.kill(exporter.pid, "SIGSTOP");
  await send(Array.from({ length: sent - 2 }, (_, i) => datagram(i + 1)), port);
  Deno.kill(exporter.pid, "SIGCONT");
  await come(2);
  // The next one shows what is missing.
  await send([datagram(sent - 1)], port);
  let shown: ReadonlyMap<string, number> = new Map();
  await until(async () => {
    shown = await series();
    return lostOf(shown)["sequence"]! > 0;
  });
  const lost = sent - comeIn(shown);
  assert(lost > 0 && lost < sent - 2, `${lost} of ${sent}`);
  assert.deepEqual(lostOf(shown), { ...NOTHING_LOST, kernel: lost, sequence: each * lost });
  assert.equal(totalOf(countsOf(shown)).flows, each * (sent - lost));
});
