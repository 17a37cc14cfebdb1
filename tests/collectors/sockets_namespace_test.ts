import assert from "node:assert/strict";
import { metricOf } from "../helpers/collecting.ts";
import type { Conversation } from "../helpers/namespace.ts";
import { canMakeNamespaces } from "../helpers/namespace.ts";
import { testWith } from "../helpers/skip.ts";
import type { ShownSocket } from "../helpers/ss.ts";
import { type Collected, SocketsNamespace } from "./sockets_namespace.ts";

const METRICS = ["network_connections_info", "network_connections", "network_listen_queue"] as const;
type Metrics = Readonly<Record<(typeof METRICS)[number], Readonly<Record<string, number>>>>;

function testInNamespace(name: string, body: (sockets: SocketsNamespace) => Promise<void>): void {
  testWith({
    name,
    needs: canMakeNamespaces,
    async fn() {
      await using sockets = await SocketsNamespace.create();
      await body(sockets);
    },
  });
}

function metricsOf({ series }: Collected): Metrics {
  return Object.fromEntries(METRICS.map((name) => [name, metricOf(series, name)])) as Metrics;
}

/** What the metrics have to be for the sockets that `ss` shows. */
function expectedOf(sockets: readonly ShownSocket[], interfaces: ReadonlyMap<string, string>): Metrics {
  const listening = new Set(
    sockets.filter(isListener).map(({ protocol, sourcePort }) => `${protocol} ${sourcePort}`),
  );
  const info = new Map<string, number>(),
    counts = new Map<string, number>(),
    queues = new Map<string, number>();
  for (const socket of sockets) {
    const { protocol, state, source, sourcePort, destination, destinationPort } = socket;
    const own = isLoopback(source) ? "lo" : interfaces.get(source)!;
    const direction = isListener(socket)
      ? "listen"
      : listening.has(`${protocol} ${sourcePort}`)
      ? "incoming"
      : "outgoing";
    const local = { source_address: source, source_port: sourcePort };
    const peer = { destination_address: destination, destination_port: destinationPort };
    add(info, { ...local, ...peer, state, interface: own, protocol, direction, process_name: "" }, 1);
    add(counts, { protocol, state, interface: own, direction }, 1);
    if (state === "LISTEN") add(queues, local, socket.receiveQueue);
  }
  return {
    network_connections_info: sorted(info),
    network_connections: sorted(counts),
    network_listen_queue: sorted(queues),
  };
}

function isListener({ state }: ShownSocket): boolean {
  return state === "LISTEN" || state === "UNCONN";
}

function isLoopback(address: string): boolean {
  return address === "0.0.0.0" || address === "::" || address === "::1" || address.startsWith("127.");
}

function add(
  to: Map<string, number>,
  labels: Readonly<Record<string, string | number>>,
  value: number,
): void {
  const key = `{${Object.entries(labels).map(([name, text]) => `${name}="${text}"`).join(",")}}`;
  to.set(key, (to.get(key) ?? 0) + value);
}

function sorted(values: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...values].sort());
}

/** What netlink, procfs and `ss` say at a moment: when no socket has changed meanwhile. */
async function compare(sockets: SocketsNamespace) {
  for (let attempt = 0; attempt < 10; attempt++) {
    const before = await sockets.ss();
    const netlink = await sockets.collect("netlink"), procfs = await sockets.collect("procfs");
    const after = await sockets.ss();
    if (JSON.stringify(before) === JSON.stringify(after)) return { netlink, procfs, shown: after };
  }
  throw new Error("Expected sockets that stay as they are");
}

testInNamespace("netlink and procfs give the same sockets as ss", async (sockets) => {
  await sockets.open();
  const { netlink, procfs, shown } = await compare(sockets);
  const expected = expectedOf(shown, await sockets.interfaces());
  assert.deepEqual(metricsOf(netlink), expected);
  assert.deepEqual(metricsOf(procfs), expected);
  assert.deepEqual([netlink.problems, procfs.problems], [{}, {}]);
  assert.deepEqual([...new Set(shown.map(({ protocol, state }) => `${protocol} ${state}`))].sort(), [
    "tcp CLOSE_WAIT",
    "tcp CLOSING",
    "tcp ESTABLISHED",
    "tcp FIN_WAIT1",
    "tcp FIN_WAIT2",
    "tcp LAST_ACK",
    "tcp LISTEN",
    "tcp SYN_RECV",
    "tcp SYN_SENT",
    "tcp TIME_WAIT",
    "udp ESTABLISHED",
    "udp UNCONN",
  ]);
});

testInNamespace("A listener's queue and its limit are those that the kernel has", async (sockets) => {
  await sockets.open();
  const { series } = await sockets.collect("netlink");
  const postgres = '{source_address="127.0.0.1",source_port="5432"}';
  assert.equal(metricOf(series, "network_listen_queue")[postgres], 2);
  assert.equal(metricOf(series, "network_listen_queue_limit")[postgres], 4);
});

testInNamespace("Every established connection has a round-trip time by netlink", async (sockets) => {
  await sockets.open();
  const { series } = await sockets.collect("netlink");
  const established = Object.entries(metricOf(series, "network_connections"))
    .filter(([labels]) => labels.includes('protocol="tcp",state="ESTABLISHED"'));
  const times = Object.values(metricOf(series, "network_tcp_rtt_seconds_gcount"));
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  assert.equal(sum(times), sum(established.map(([, value]) => value)));
});

testInNamespace(
  "Unacknowledged segments are those of connections whose peer does not read",
  async (sockets) => {
    await sockets.open();
    const { series } = await sockets.collect("netlink");
    const unacked = metricOf(series, "network_tcp_unacked_segments");
    assert.equal(unacked['{interface="eth0.7",direction="outgoing"}'], 0);
    // SYN_SENT of either family.
    assert(unacked['{interface="eth0",direction="outgoing"}']! >= 2);
  },
);

testInNamespace("A socket has the name of its process when that is asked for", async (sockets) => {
  await sockets.host.ask("listen 10.77.0.1:80");
  const { series } = await sockets.collect("netlink", true);
  const names = Object.keys(metricOf(series, "network_connections_info"));
  assert.deepEqual(names.map((labels) => /process_name="(.*)"/.exec(labels)?.[1]), ["deno"]);
});

async function interfacesOfListeners(
  sockets: SocketsNamespace,
  source: string,
): Promise<Record<string, string>> {
  const { series } = await sockets.collect(source);
  const labels = Object.keys(metricOf(series, "network_connections_info"));
  return Object.fromEntries(labels.map((text) => [
    /source_address="(.*?)"/.exec(text)![1]!,
    /interface="(.*?)"/.exec(text)![1]!,
  ]));
}

for (const source of ["netlink", "procfs"]) {
  testInNamespace(
    `An address that is added between two passes has its interface, by ${source}`,
    async (sockets) => {
      await sockets.host.ask("listen 10.77.0.1:80");
      assert.deepEqual(await interfacesOfListeners(sockets, source), { "10.77.0.1": "eth0" });
      await sockets.namespace.ip("addr add 10.77.3.1/32 dev eth0.7");
      await sockets.namespace.ip("addr add fd00:77:3::1/128 dev eth0.7 nodad");
      await sockets.host.ask("listen 10.77.3.1:80");
      await sockets.host.ask("listen [fd00:77:3::1]:80");
      assert.deepEqual(await interfacesOfListeners(sockets, source), {
        "10.77.0.1": "eth0",
        "10.77.3.1": "eth0.7",
        "fd00:77:3::1": "eth0.7",
      });
    },
  );

  testInNamespace(
    `An address that moves between two passes has its new interface, by ${source}`,
    async (sockets) => {
      await sockets.host.ask("listen 10.77.0.2:80");
      await interfacesOfListeners(sockets, source);
      await sockets.namespace.ip("addr del 10.77.0.2/24 dev eth0");
      await sockets.namespace.ip("addr add 10.77.0.2/32 dev eth0.7");
      assert.deepEqual(await interfacesOfListeners(sockets, source), { "10.77.0.2": "eth0.7" });
    },
  );
}

testInNamespace("An interface that is renamed between two passes has its new name", async (sockets) => {
  await sockets.host.ask("listen 10.77.0.1:80");
  await interfacesOfListeners(sockets, "netlink");
  await sockets.namespace.ip("link set eth0 down");
  await sockets.namespace.ip("link set eth0 name wan0");
  await sockets.namespace.ip("link set wan0 up");
  assert.deepEqual(await interfacesOfListeners(sockets, "netlink"), { "10.77.0.1": "wan0" });
});

for (const [family, address] of [["IPv4", "10.77.8.1"], ["IPv6", "fd00:77:8::1"]] as const) {
  testInNamespace(`A point-to-point address of ${family} has its interface`, async (sockets) => {
    await sockets.host.ask(`listen ${family === "IPv4" ? address : `[${address}]`}:80`);
    assert.deepEqual(await interfacesOfListeners(sockets, "netlink"), { [address]: "eth0.7" });
  });
}

/** The number of listeners that a pass shows. */
async function listeners(host: Conversation, source: string): Promise<number | undefined> {
  const { series } = JSON.parse(await host.ask(`collect ${source}`));
  return metricOf(new Map(Object.entries(series)), "network_connections")[
    '{protocol="tcp",state="LISTEN",interface="lo",direction="listen"}'
  ];
}

for (const source of ["netlink", "procfs", "auto"]) {
  testInNamespace(`A pass shows all sockets after one was given up, by ${source}`, async ({ host }) => {
    // More than one answer of the kernel holds.
    await host.ask("flood 1000");
    await host.ask(`abort ${source}`);
    assert.equal(await listeners(host, source), 1000);
  });
}

testInNamespace("Sockets are still read by netlink after a pass was given up", async (sockets) => {
  await sockets.host.ask("flood 1000");
  await sockets.host.ask("abort auto");
  const { series } = await sockets.collect("auto");
  assert.equal(Object.keys(metricOf(series, "network_listen_queue_limit")).length, 1000);
});

testInNamespace("Passes hold no descriptor open when the source is closed", async ({ host }) => {
  await host.ask("flood 1000");
  for (const source of ["netlink", "procfs"]) {
    for (let pass = 0; pass < 3; pass++) await host.ask(`collect ${source} true`);
  }
  assert(JSON.parse(await host.ask("descriptors")).length <= 1);
  for (const source of ["netlink", "procfs"]) await host.ask(`abort ${source} true`);
  await host.ask("close");
  assert.deepEqual(JSON.parse(await host.ask("descriptors")), []);
});
