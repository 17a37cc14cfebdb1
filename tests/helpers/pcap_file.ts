import { DLT_RAW, DLT_RAW_OPENBSD, LINKTYPE_RAW } from "../../parsers/packet.ts";

export interface CapturedPacket {
  /** Seconds since 1970, in which microseconds count. */
  readonly time: number;
  readonly bytes: Uint8Array;
  /** How many bytes were on the wire, if the capture has cut it. */
  readonly length?: number;
}

const FILE_HEADER = 24, PACKET_HEADER = 16, SNAPLEN = 262_144;

/** The bytes of a file: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html */
export function pcapFile(packets: Iterable<CapturedPacket>, linkType: number): Uint8Array<ArrayBuffer> {
  const all = [...packets];
  const bytes = new Uint8Array(
    all.reduce((length, packet) => length + PACKET_HEADER + packet.bytes.length, FILE_HEADER),
  );
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0xa1b2c3d4, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, SNAPLEN, true);
  view.setUint32(20, linkType === DLT_RAW || linkType === DLT_RAW_OPENBSD ? LINKTYPE_RAW : linkType, true);
  let at = FILE_HEADER;
  for (const packet of all) {
    const microseconds = Math.round(packet.time * 1e6);
    view.setUint32(at, Math.floor(microseconds / 1e6), true);
    view.setUint32(at + 4, microseconds % 1e6, true);
    view.setUint32(at + 8, packet.bytes.length, true);
    view.setUint32(at + 12, packet.length ?? packet.bytes.length, true);
    bytes.set(packet.bytes, at + PACKET_HEADER);
    at += PACKET_HEADER + packet.bytes.length;
  }
  return bytes;
}
