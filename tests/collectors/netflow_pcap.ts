import { Ip } from "../../core/ip.ts";

/** A packet of IPv4, as a file of pcap has it. */
export interface Packet {
  /** When it was seen, since 1970. */
  readonly seconds: number;
  readonly protocol: number;
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Of the whole packet, at least 40 bytes. */
  readonly bytes: number;
}

const FILE_HEADER = 24, PACKET_HEADER = 16, ETHERNET = 14;
/** So much of each packet is in the file. */
const CAPTURED = ETHERNET + 40;

/** The bytes of a file: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html */
export function pcap(packets: readonly Packet[]): Uint8Array {
  const each = PACKET_HEADER + CAPTURED;
  const bytes = new Uint8Array(FILE_HEADER + each * packets.length), view = new DataView(bytes.buffer);
  view.setUint32(0, 0xa1b2c3d4);
  view.setUint16(4, 2);
  view.setUint16(6, 4);
  view.setUint32(16, 65_535);
  // LINKTYPE_ETHERNET
  view.setUint32(20, 1);
  for (const [i, packet] of packets.entries()) {
    write(packet, new DataView(bytes.buffer, FILE_HEADER + each * i, each));
  }
  return bytes;
}

function write(packet: Packet, view: DataView): void {
  view.setUint32(0, packet.seconds);
  view.setUint32(8, CAPTURED);
  view.setUint32(12, ETHERNET + packet.bytes);
  // ETH_P_IP: include/uapi/linux/if_ether.h
  view.setUint16(PACKET_HEADER + 12, 0x0800);
  // RFC 791, section 3.1, and RFC 9293, section 3.1; UDP and ICMP begin with 16 bits twice as well.
  const ip = PACKET_HEADER + ETHERNET, transport = ip + 20;
  view.setUint8(ip, 0x45);
  view.setUint16(ip + 2, packet.bytes);
  view.setUint8(ip + 8, 64);
  view.setUint8(ip + 9, packet.protocol);
  view.setUint32(ip + 12, Ip.parse(packet.source)!.toNumber());
  view.setUint32(ip + 16, Ip.parse(packet.destination)!.toNumber());
  view.setUint16(transport, packet.sourcePort);
  view.setUint16(transport + 2, packet.destinationPort);
  view.setUint8(transport + 12, 5 << 4);
}
