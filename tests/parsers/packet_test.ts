import assert from "node:assert/strict";
import { Ip } from "../../core/ip.ts";
import { ACK, FIN, Packet, type PacketFault, PSH, SYN } from "../../parsers/packet.ts";
import {
  type Extension,
  type PacketOptions,
  tcpPacket,
  type TcpPacketOptions,
  udpPacket,
} from "../helpers/packets.ts";
import { property, type Random } from "../helpers/random.ts";

interface ReadOptions {
  readonly linkType?: number | undefined;
  /** How much of the frame was captured. */
  readonly captured?: number;
  readonly wire?: number;
  /** Bytes before and behind what was captured, and what they are. */
  readonly around?: number;
  readonly fill?: number;
  readonly packet?: Packet;
}

/** Reads a frame that stands among other bytes. */
function read(frame: Uint8Array, options: ReadOptions = {}): object | PacketFault {
  const { linkType = 1, captured = frame.length, wire = frame.length, around = 0, fill = 0xa5 } = options;
  const { packet = new Packet() } = options, to = around + captured;
  packet.linkType = linkType;
  const bytes = new Uint8Array(to + around).fill(fill);
  bytes.set(frame.subarray(0, captured), around);
  const isRead = packet.read(bytes, around, to, wire);
  assert.equal(isRead, packet.fault === undefined);
  if (packet.fault !== undefined) {
    assert.deepEqual([packet.start, packet.end, packet.length], [0, 0, 0]);
    return packet.fault;
  }
  const { start, end, length, protocol, sequence, acknowledgment, flags } = packet;
  assert(start >= around && start <= end && end <= to && end - start <= length, `${start} to ${end}`);
  return {
    source: endpoint(packet.words.subarray(0, 4), packet.sourcePort),
    destination: endpoint(packet.words.subarray(4), packet.destinationPort),
    protocol,
    sequence,
    acknowledgment,
    flags,
    payload: new TextDecoder().decode(bytes.subarray(start, end)),
    length,
  };
}

function endpoint(words: Int32Array, port: number): string {
  const bytes = new Uint8Array(16), view = new DataView(bytes.buffer);
  for (const [i, word] of words.entries()) view.setInt32(4 * i, word);
  const ip = Ip.v6(bytes);
  return ip.version === 4 ? `${ip}:${port}` : `[${ip}]:${port}`;
}

const ENDS = {
  4: { source: "192.0.2.131:60001", destination: "203.0.113.254:20332" },
  6: {
    source: "[2001:db8:8001:8203:8405:8607:8809:8a0b]:60001",
    destination: "[2001:db8:ffff::fe]:20332",
  },
} as const;
const V4 = ENDS[4], V6 = ENDS[6];

const PAYLOAD = "#D#280926;074500;5355.09260;N\r\n";
const OF_TCP = { sequence: -559038737, acknowledgment: -2, flags: FIN | PSH | ACK };
const TCP_READ = { protocol: 6, ...OF_TCP, payload: PAYLOAD, length: PAYLOAD.length };
const UDP_READ = {
  ...{ protocol: 17, sequence: 0, acknowledgment: 0, flags: 0 },
  ...{ payload: PAYLOAD, length: PAYLOAD.length },
};

function tcp(options: TcpPacketOptions): Uint8Array<ArrayBuffer> {
  return tcpPacket({ ...OF_TCP, payload: PAYLOAD, ...options });
}

function udp(options: PacketOptions): Uint8Array<ArrayBuffer> {
  return udpPacket({ payload: PAYLOAD, ...options });
}

/** Each link layer, with what it can have between itself and IP. */
const LINKS: readonly (PacketOptions & { readonly name: string; readonly only?: 4 | 6 })[] = [
  { name: "Ethernet", linkType: 1 },
  { name: "Ethernet with padding", linkType: 1, padding: 9 },
  { name: "VLAN", linkType: 1, vlans: [{ id: 0xeabc }] },
  { name: "QinQ", linkType: 1, vlans: [{ id: 100, type: 0x88a8 }, { id: 4094 }] },
  { name: "tags of old", linkType: 1, vlans: [{ id: 1, type: 0x9100 }, { id: 2, type: 0x9100 }, { id: 3 }] },
  { name: "four tags", linkType: 1, vlans: [{ id: 1 }, { id: 2 }, { id: 3 }, { id: 4 }] },
  { name: "PPPoE", linkType: 1, pppoe: 0xabcd },
  { name: "PPPoE in a VLAN", linkType: 1, pppoe: 1, vlans: [{ id: 7 }], padding: 2 },
  { name: "SLL", linkType: 113 },
  { name: "VLAN in SLL", linkType: 113, vlans: [{ id: 5 }] },
  { name: "SLL2", linkType: 276 },
  { name: "QinQ in SLL2", linkType: 276, vlans: [{ id: 5, type: 0x88a8 }, { id: 6 }] },
  { name: "PPPoE in SLL2", linkType: 276, pppoe: 2 },
  { name: "NULL of IPv4", linkType: 0, family: [2, 0, 0, 0], only: 4 },
  { name: "NULL of IPv4, big-endian", linkType: 0, family: [0, 0, 0, 2], only: 4 },
  ...[10, 24, 28, 30].flatMap((family) => [
    { name: `NULL of family ${family}`, linkType: 0, family: [family, 0, 0, 0], only: 6 } as const,
    {
      name: `NULL of family ${family}, big-endian`,
      linkType: 0,
      family: [0, 0, 0, family],
      only: 6,
    } as const,
  ]),
  { name: "LOOP", linkType: 108 },
  { name: "RAW", linkType: 12 },
  { name: "RAW of OpenBSD", linkType: 14 },
  { name: "RAW of files", linkType: 101 },
  { name: "IPv4", linkType: 228, only: 4 },
  { name: "IPv6", linkType: 229, only: 6 },
];

const NETWORKS: readonly (TcpPacketOptions & { readonly name: string; readonly version: 4 | 6 })[] = [
  { name: "IPv4", version: 4 },
  {
    name: "IPv4 with options",
    version: 4,
    ipOptions: new Array(40).fill(1),
    tcpOptions: new Array(40).fill(1),
  },
  { name: "IPv4 that is offloaded", version: 4, isOffloaded: true },
  { name: "IPv6", version: 6 },
  {
    name: "IPv6 with an extension",
    version: 6,
    extensions: [{ type: 60, length: 24 }],
    tcpOptions: [1, 1, 1, 0],
  },
  { name: "IPv6 that is offloaded", version: 6, isOffloaded: true },
];

function casesOf(link: (typeof LINKS)[number], network: (typeof NETWORKS)[number]) {
  const { version } = network;
  if (version !== (link.only ?? version)) return [];
  // What is behind an offloaded packet cannot be told from it.
  const padding = network.isOffloaded ? 0 : link.padding ?? 0, linkType = link.linkType!;
  const options = { ...link, ...network, ...ENDS[version], padding };
  const name = `${network.name} in ${link.name}`;
  return [
    { name: `TCP/${name}`, linkType, frame: tcp(options), expected: { ...ENDS[version], ...TCP_READ } },
    { name: `UDP/${name}`, linkType, frame: udp(options), expected: { ...ENDS[version], ...UDP_READ } },
  ];
}

const CASES = LINKS.flatMap((link) => NETWORKS.flatMap((network) => casesOf(link, network)));

Deno.test("read() reads TCP and UDP of both families out of every link layer", () => {
  const packet = new Packet();
  for (const { name, linkType, frame, expected } of CASES) {
    for (const around of [0, 1, 1000]) {
      assert.deepEqual(read(frame, { linkType, around, packet }), expected, name);
    }
  }
});

Deno.test("read() tells nothing of the packet before", () => {
  const packet = new Packet();
  for (const { linkType, frame, expected } of CASES.toReversed()) {
    read(tcp({ ...V6, payload: "" }), { captured: 60, packet });
    assert.deepEqual(read(frame, { linkType, packet }), expected);
  }
});

Deno.test("read() tells of a packet that is cut what was captured, or that it is short", () => {
  for (const { name, linkType, frame, expected } of CASES) {
    const payloadAt = new TextDecoder("latin1").decode(frame).indexOf(PAYLOAD);
    for (let captured = 0; captured < frame.length; captured++) {
      const payload = PAYLOAD.slice(0, Math.max(0, captured - payloadAt));
      const wanted = captured < payloadAt ? "short" : { ...expected, payload };
      for (const fill of [0x00, 0x45, 0xff]) {
        const found = read(frame, { linkType, captured, fill, around: 64 });
        assert.deepEqual(found, wanted, `${name}, ${captured} bytes`);
      }
    }
  }
});

Deno.test("read() reads nothing beyond a frame that the wire cut as well", () => {
  for (const { name, linkType, frame } of CASES) {
    for (let captured = 0; captured < frame.length; captured++) {
      const options = { linkType, captured, wire: captured, around: 64 };
      assert.deepEqual(read(frame, { ...options, fill: 0 }), read(frame, { ...options, fill: 0xff }), name);
    }
  }
});

Deno.test("read() reads a payload of no bytes, and of 64 KiB and more", () => {
  for (const ends of [V4, V6]) {
    for (const length of [0, 1, 65_160, 200_000]) {
      const payload = "x".repeat(length);
      assert.deepEqual(read(tcp({ ...ends, payload })), { ...ends, ...TCP_READ, payload, length });
      assert.deepEqual(read(udp({ ...ends, payload })), { ...ends, ...UDP_READ, payload, length });
    }
  }
});

Deno.test("read() takes the length of an offloaded packet from the wire, and of others from the packet", () => {
  const offloaded = tcp({ ...V4, isOffloaded: true }), other = tcp(V4), payload = PAYLOAD.slice(0, 6);
  // The wire, and the lengths of a packet that was captured whole and of one that was cut. No wire has less than that.
  for (
    const [wire, length, lengthOfCut] of [[0, 31, 6], [85, 31, 31], [100, 46, 46], [1000, 946, 946]] as const
  ) {
    assert.deepEqual(read(offloaded, { wire }), { ...V4, ...TCP_READ, length });
    assert.deepEqual(read(offloaded, { wire, captured: 60 }), {
      ...V4,
      ...TCP_READ,
      payload,
      length: lengthOfCut,
    });
    assert.deepEqual(read(other, { wire }), { ...V4, ...TCP_READ });
    assert.deepEqual(read(other, { wire, captured: 60 }), { ...V4, ...TCP_READ, payload });
  }
});

Deno.test("read() reads past the extension headers of IPv6", () => {
  const all = [{ type: 0 }, { type: 60 }, { type: 43 }, { type: 44 }, { type: 51 }, { type: 60 }, {
    type: 135,
  }];
  const lists: readonly (readonly Extension[])[] = [
    ...all.map((extension) => [extension]),
    all,
    [{ type: 0, length: 256 }, { type: 51, length: 128 }],
    [{ type: 60, length: 2048 }],
    new Array(8).fill({ type: 60 }),
  ];
  for (const extensions of lists) {
    assert.deepEqual(read(tcp({ ...V6, extensions })), { ...V6, ...TCP_READ });
    assert.deepEqual(read(udp({ ...V6, extensions })), { ...V6, ...UDP_READ });
  }
});

// Where headers are in a frame of Ethernet.
const TYPE = 12, IP = 14, TCP_IN_IPV4 = IP + 20, TCP_IN_IPV6 = IP + 40;

/** The frame with other bytes at a place. */
function changed(frame: Uint8Array, at: number, ...bytes: readonly number[]): Uint8Array {
  const copy = frame.slice();
  copy.set(bytes, at);
  return copy;
}

Deno.test("read() tells that a packet is a fragment, the first as well", () => {
  const payload = "x".repeat(40_000);
  for (const ends of [V4, V6]) {
    for (const fragment of [{ from: 0, to: 24 }, { from: 24, to: 48 }, { from: 4096 }, { from: 32_768 }]) {
      assert.equal(read(tcp({ ...ends, fragment, payload })), "fragment");
      assert.equal(read(udp({ ...ends, fragment, payload })), "fragment");
    }
  }
  assert.equal(read(tcp({ ...V6, extensions: [{ type: 0 }], fragment: { from: 0, to: 24 } })), "fragment");
});

Deno.test("read() reads a packet that must not become fragments, or is all there are of it", () => {
  // The bit of RFC 3514, and DF
  assert.deepEqual(read(changed(tcp(V4), IP + 6, 0xc0)), { ...V4, ...TCP_READ });
  const atomic = tcp({ ...V6, extensions: [{ type: 44 }] });
  assert.deepEqual(read(changed(atomic, TCP_IN_IPV6 + 3, 6)), { ...V6, ...TCP_READ });
});

Deno.test("read() tells that the link layer is not known", () => {
  for (const linkType of [-1, 2, 9, 105, 127, 227, 230, 277, 65_536]) {
    assert.equal(read(tcp(V4), { linkType }), "link_type");
    assert.equal(read(new Uint8Array(0), { linkType }), "link_type");
  }
});

Deno.test("read() tells that a packet is not of IP", () => {
  const v4 = tcp(V4), tags = [1, 2, 3, 4, 5].map((id) => ({ id }));
  // ARP, a length of IEEE 802.3, discovery of PPPoE, LLDP
  for (const type of [0x0806, 0x0000, 0x0026, 0x8863, 0x88cc]) {
    assert.equal(read(changed(v4, TYPE, type >> 8, type & 0xff), { captured: IP }), "network");
  }
  assert.equal(read(tcp({ ...V4, vlans: tags })), "network");
  const arp = changed(tcp({ ...V4, vlans: [{ id: 1 }] }), TYPE + 4, 0x08, 0x06);
  assert.equal(read(arp, { captured: IP + 4 }), "network");
  // LCP
  const lcp = changed(tcp({ ...V4, pppoe: 1 }), TYPE + 8, 0xc0, 0x21);
  assert.equal(read(lcp, { captured: IP + 8 }), "network");
  for (const linkType of [12, 14, 101]) {
    for (const version of [0, 5, 7, 15]) {
      assert.equal(read(changed(tcp({ ...V4, linkType }), 0, version << 4 | 5), { linkType }), "network");
    }
  }
  const families = [[0, 0, 0, 0], [7, 0, 0, 0], [2, 0, 0, 2], [0, 2, 0, 0], [0xff, 0xff, 0xff, 0xff]];
  for (const linkType of [0, 108]) {
    for (const family of families) {
      assert.equal(read(tcp({ ...V4, linkType, family }), { linkType }), "network");
    }
  }
  assert.equal(read(tcp({ ...V4, linkType: 108, family: [2, 0, 0, 0] }), { linkType: 108 }), "network");
});

Deno.test("read() tells that a packet is neither of TCP nor of UDP, whatever is behind the header", () => {
  const v4 = changed(tcp(V4), IP + 2, 0, 20), v6 = changed(tcp(V6), IP + 4, 0, 8);
  const extended = changed(v6, IP + 6, 60);
  for (const protocol of [1, 4, 41, 47, 50, 58, 59, 132, 136, 139, 255]) {
    assert.equal(read(changed(v4, IP + 9, protocol), { captured: TCP_IN_IPV4 }), "transport");
    assert.equal(read(changed(v6, IP + 6, protocol), { captured: TCP_IN_IPV6 }), "transport");
    assert.equal(
      read(changed(extended, TCP_IN_IPV6, protocol, 0), { captured: TCP_IN_IPV6 + 8 }),
      "transport",
    );
  }
  for (const protocol of [0, 43, 44, 51, 60]) {
    assert.equal(read(changed(v4, IP + 9, protocol)), "transport");
  }
  assert.equal(read(tcp({ ...V6, extensions: new Array(9).fill({ type: 60 }) })), "transport");
});

Deno.test("read() tells that a header contradicts itself, or the one before", () => {
  const v4 = tcp(V4), v6 = tcp(V6), datagram = udp(V4), extended = tcp({ ...V6, extensions: [{ type: 0 }] });
  const whole = datagram.length - TCP_IN_IPV4;
  const cases: Readonly<Record<string, Uint8Array>> = {
    "version 6 in IPv4": changed(v4, IP, 0x65),
    "version 4 in IPv6": changed(v6, IP, 0x40),
    "IHL of 4": changed(v4, IP, 0x44),
    "IHL of 0": changed(v4, IP, 0x40),
    "length of less than the header of IPv4": changed(v4, IP + 2, 0, 19),
    "length of less than the options of IPv4": changed(
      tcp({ ...V4, ipOptions: [1, 1, 1, 1] }),
      IP + 2,
      0,
      23,
    ),
    "no room for TCP in IPv4": changed(v4, IP + 2, 0, 39),
    "no room for TCP in IPv6": changed(v6, IP + 4, 0, 19),
    "no room for UDP": changed(datagram, IP + 2, 0, 27),
    "data offset of 4": changed(v4, TCP_IN_IPV4 + 12, 0x40),
    "data offset beyond the packet": changed(tcp({ ...V4, payload: "1234567" }), TCP_IN_IPV4 + 12, 0x70),
    "length of 7 in UDP": changed(datagram, TCP_IN_IPV4 + 4, 0, 7),
    "length beyond the packet in UDP": changed(datagram, TCP_IN_IPV4 + 4, 0, whole + 1),
    "no room for an extension": changed(changed(extended, IP + 4, 0, 7), TCP_IN_IPV6, 59),
    "extension beyond the packet": changed(extended, TCP_IN_IPV6 + 1, 255),
  };
  for (const [name, frame] of Object.entries(cases)) assert.equal(read(frame), "malformed", name);
  for (const name of ["no room for TCP in IPv4", "no room for UDP"]) {
    assert.equal(read(cases[name]!, { captured: TCP_IN_IPV4 }), "malformed", `${name}, nor was it captured`);
  }
  assert.equal(read(tcp({ ...V6, linkType: 12 }), { linkType: 228 }), "malformed");
  assert.equal(read(tcp({ ...V4, linkType: 12 }), { linkType: 229 }), "malformed");
});

Deno.test("read() cuts a datagram at its own length, and takes the rest of the packet when that is 0", () => {
  const datagram = udp(V4);
  const cut = changed(datagram, TCP_IN_IPV4 + 4, 0, 8 + 3);
  assert.deepEqual(read(cut), { ...V4, ...UDP_READ, payload: PAYLOAD.slice(0, 3), length: 3 });
  assert.deepEqual(read(changed(datagram, TCP_IN_IPV4 + 4, 0, 0)), { ...V4, ...UDP_READ });
});

Deno.test("read() leaves out the padding of a frame of 60 bytes", () => {
  const frame = tcp({ ...V4, payload: "", flags: SYN, padding: 6 });
  assert.equal(frame.length, 60);
  assert.deepEqual(read(frame), { ...V4, ...TCP_READ, flags: SYN, payload: "", length: 0 });
});

/** Changes some bytes of the headers, of which few are without meaning. */
function mutate(random: Random, bytes: Uint8Array, from: number, length: number): void {
  for (let left = 1 + random.int(3); left > 0; left--) {
    const at = from + random.int(Math.min(length, 100)), kind = random.int(4);
    if (kind === 0) bytes[at]! ^= 1 << random.int(8);
    else bytes[at] = kind === 1 ? 0 : kind === 2 ? 0xff : random.int(256);
  }
}

property("read() throws for no bytes, and gives no payload outside of what was captured", (random) => {
  const packet = new Packet(), twin = new Packet(), faults = new Map<string, number>();
  // Of the same bytes captured, among others that differ.
  const bytes = new Uint8Array(1024).fill(0x00), others = new Uint8Array(1024).fill(0xff);
  for (let round = 0; round < 1_000_000; round++) {
    const { frame, linkType } = CASES[round % CASES.length]!, { length } = frame;
    const from = 1 + random.int(16), to = from + (random.int(4) === 0 ? random.int(length) : length);
    const wire = random.int(8) === 0 ? random.int(2000) : length;
    bytes.set(frame, from);
    mutate(random, bytes, from, length);
    others.set(bytes.subarray(from, to), from);
    bytes.fill(0x00, to, from + length);
    packet.linkType = twin.linkType = linkType;
    const isRead = packet.read(bytes, from, to, wire);
    const { start, end, fault = "none" } = packet;
    faults.set(fault, (faults.get(fault) ?? 0) + 1);
    if (isRead !== twin.read(others, from, to, wire) || isRead !== (fault === "none")) assert.fail(fault);
    if (fault !== (twin.fault ?? "none")) assert.fail(`${fault} or ${twin.fault}`);
    if (start !== twin.start || end !== twin.end || packet.length !== twin.length) assert.fail(fault);
    if (end - start > packet.length) assert.fail(`${packet.length} bytes, of them ${end - start} captured`);
    if (isRead ? start < from || start > end || end > to : end !== 0) assert.fail(`From ${start} to ${end}`);
    others.fill(0xff, from, to);
  }
  const kinds = ["none", "network", "fragment", "transport", "short", "malformed"];
  for (const kind of kinds) assert((faults.get(kind) ?? 0) > 1000, kind);
});
