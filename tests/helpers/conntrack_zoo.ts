/** One entry at least of each kind that a table of conntrack can hold. */
import { echoRequest, gre, sctp } from "./raw_packets.ts";
import { RawSocket } from "./raw_sockets.ts";

/** Rules of nftables for it, in the table of `ConntrackNamespace`; they translate, mark and set zones. */
export const ZOO_RULES = [
  "add chain inet netcensus raw { type filter hook output priority -300; }",
  "add rule inet netcensus raw meta mark 1 ct zone set 1",
  "add rule inet netcensus raw meta mark 2 ct zone set 2",
  "add rule inet netcensus raw udp dport 7103 ct original zone set 3",
  "add rule inet netcensus output udp dport 7104 ct mark set 42",
  "add rule inet netcensus output tcp dport 7004 ct mark set 0xdeadbeef",
  "add rule inet netcensus input tcp dport 7001 drop",
  "add rule inet netcensus input icmp id 4242 drop",
  "add chain inet netcensus destinations { type nat hook output priority -100; }",
  "add rule inet netcensus destinations ip daddr 10.3.0.1 tcp dport 7010 dnat ip to 10.2.0.10:7000",
  "add rule inet netcensus destinations ip6 daddr fd00:77::3 udp dport 7110 dnat ip6 to [fd00:77::2]:7111",
  "add rule inet netcensus destinations udp dport 7114 dnat ip to 10.2.0.14:7115",
  "add chain inet netcensus sources { type nat hook postrouting priority 100; }",
  "add rule inet netcensus sources udp dport 7112 snat ip to 10.4.0.1:4112",
  "add rule inet netcensus sources udp dport 7115 snat ip to 10.4.0.1:4115",
];

/** What conntrack is told, since its traffic would not keep still. */
export const ZOO_INSERTED = [
  ...["SYN_RECV", "FIN_WAIT", "LAST_ACK"].map((state, i) =>
    `-p tcp -s 10.1.0.1 -d 10.2.0.2 --sport ${4001 + i} --dport 7000 --state ${state} -u SEEN_REPLY`
  ),
  "-p udp -s 10.1.0.1 -d 10.2.0.2 --sport 4004 --dport 7100 -u SEEN_REPLY,ASSURED",
  "-p sctp -s 10.1.0.1 -d 10.2.0.2 --sport 4005 --dport 7200 --state SHUTDOWN_SENT --orig-vtag 1 --reply-vtag 2",
];

interface Family {
  readonly listener: RawSocket;
  readonly client: string;
  readonly server: string;
  readonly icmp: number;
}

// include/uapi/linux/in.h
const ICMP = 1, GRE = 47, ICMPV6 = 58, SCTP = 132, UDPLITE = 136;
/** Nobody has it (RFC 3692 leaves 253 and 254 to experiments). */
const UNKNOWN = 253;

export function openZoo(listeners: Readonly<Record<"v4" | "v6", RawSocket>>): void {
  const v4 = { listener: listeners.v4, client: "10.1.0.1", server: "10.2.0.1", icmp: ICMP };
  const v6 = { listener: listeners.v6, client: "[fd00:77::1]", server: "[fd00:77::2]", icmp: ICMPV6 };
  for (const family of [v4, v6]) {
    openTcp(family);
    openUdp(family);
    openIcmp(family);
    openRaw(family);
  }
  openZones(v4);
  openTranslated(v4);
  openMarked(v4);
}

/** A connection whose two ends have sent something. */
function connection(listener: RawSocket, client: string, server: string) {
  const ends = { client: RawSocket.connect(server, { local: client }), server: listener.accept() };
  exchange(ends.client, ends.server, 1000);
  exchange(ends.server, ends.client, 5000);
  return ends;
}

function exchange(from: RawSocket, to: RawSocket, count: number): void {
  from.send(new Uint8Array(count));
  while (count > 0) count -= to.receive(new Uint8Array(count));
}

function openTcp({ listener, client, server }: Family): void {
  connection(listener, `${client}:4000`, `${server}:7000`);

  const ended = connection(listener, `${client}:4006`, `${server}:7000`);
  ended.client.close();
  ended.server.awaitEnd();
  ended.server.close();

  const halfClosed = connection(listener, `${client}:4007`, `${server}:7000`);
  halfClosed.client.end();
  halfClosed.server.awaitEnd();

  // Nobody answers; one that stays open would try again.
  RawSocket.connectInVain(`${server}:7001`, { local: `${client}:4008` }).close();
  // The end of one that has not read everything is a reset.
  const reset = connection(listener, `${client}:4009`, `${server}:7000`);
  reset.server.send(new Uint8Array(10));
  reset.client.close();
  reset.server.close();
}

/** Two sockets that are the ends of a flow, with their addresses before translation. */
interface Ends {
  readonly client: string;
  readonly to: string;
  readonly server: string;
  readonly back: string;
}

function answeredUdp({ client, to, server, back }: Ends, protocol = 0): void {
  const serving = RawSocket.udp(server, { peer: back, protocol });
  RawSocket.udp(client, { peer: to, protocol }).send(new Uint8Array(100));
  serving.send(new Uint8Array(200));
}

function openUdp({ client, server }: Family): void {
  RawSocket.udp(`${server}:7100`);
  RawSocket.udp(`${client}:4100`, { peer: `${server}:7100` }).send(new Uint8Array(10));
  const ends = {
    client: `${client}:4101`,
    to: `${server}:7101`,
    server: `${server}:7101`,
    back: `${client}:4101`,
  };
  answeredUdp(ends);
  answeredUdp(ends, UDPLITE);
}

function openIcmp({ client, server, icmp }: Family): void {
  const version = icmp === ICMP ? 4 : 6, socket = RawSocket.raw(`${client}:0`, icmp);
  // A rule for 4242 of IPv4 takes care that nobody answers.
  for (const id of [77, 4242]) {
    socket.sendTo(`${server}:0`, echoRequest({ version, id, sequence: 1, payload: 56 }));
  }
}

function openRaw({ client, server }: Family): void {
  const both = (protocol: number) => ({
    client: RawSocket.raw(`${client}:0`, protocol),
    server: RawSocket.raw(`${server}:0`, protocol),
  });
  const unknown = both(UNKNOWN), tunnel = both(GRE), association = both(SCTP);
  unknown.client.sendTo(`${server}:0`, new Uint8Array(30));

  tunnel.client.sendTo(`${server}:0`, gre());
  tunnel.server.sendTo(`${client}:0`, gre());
  tunnel.client.sendTo(`${server}:0`, gre(1234));

  const there = { source: 4200, destination: 7200 }, back = { source: 7200, destination: 4200 };
  association.client.sendTo(`${server}:0`, sctp({ ...there, chunk: "init", tag: 0, ownTag: 1 }));
  association.server.sendTo(`${client}:0`, sctp({ ...back, chunk: "initAck", tag: 1, ownTag: 2 }));
  association.client.sendTo(`${server}:0`, sctp({ ...there, chunk: "cookieEcho", tag: 2 }));
  association.server.sendTo(`${client}:0`, sctp({ ...back, chunk: "cookieAck", tag: 1 }));

  const alone = { source: 4201, destination: 7200 };
  association.client.sendTo(`${server}:0`, sctp({ ...alone, chunk: "init", tag: 0, ownTag: 3 }));
}

/** The same addresses and ports in two zones, and a zone for one direction. */
function openZones({ client, server }: Family): void {
  for (const mark of [1, 2]) {
    const socket = RawSocket.udp(`${client}:4102`, { peer: `${server}:7100`, mark });
    for (let i = 0; i < mark; i++) socket.send(new Uint8Array(10));
    socket.close();
  }
  const ends = { client: `${client}:4103`, to: `${server}:7103` };
  answeredUdp({ ...ends, server: ends.to, back: ends.client });
}

function openMarked({ client, server }: Family): void {
  const ends = { client: `${client}:4104`, to: `${server}:7104` };
  answeredUdp({ ...ends, server: ends.to, back: ends.client });
  connection(RawSocket.listen(`${server}:7004`), `${client}:4010`, `${server}:7004`);
}

function openTranslated({ listener }: Family): void {
  connection(listener, "10.1.0.1:4011", "10.3.0.1:7010");
  answeredUdp({
    client: "[fd00:77::1]:4110",
    to: "[fd00:77::3]:7110",
    server: "[fd00:77::2]:7111",
    back: "[fd00:77::1]:4110",
  });
  answeredUdp({
    client: "10.1.0.1:4112",
    to: "10.2.0.12:7112",
    server: "10.2.0.12:7112",
    back: "10.4.0.1:4112",
  });
  answeredUdp({
    client: "10.1.0.1:4114",
    to: "10.3.0.14:7114",
    server: "10.2.0.14:7115",
    back: "10.4.0.1:4115",
  });
}
