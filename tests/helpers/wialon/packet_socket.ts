/** Whole frames of an interface, by a socket of AF_PACKET (packet(7)). */
import { lastErrno, lastError, libc, MSG_DONTWAIT } from "../../../native/libc.ts";
import type { Bytes } from "./messages.ts";

// include/linux/socket.h, include/uapi/linux/if_ether.h
const AF_PACKET = 17, SOCK_RAW = 3, SOL_PACKET = 263, ETH_P_ALL = 3;
// include/uapi/linux/if_packet.h
const PACKET_VNET_HDR = 15, PACKET_QDISC_BYPASS = 20, PACKET_IGNORE_OUTGOING = 23;
// include/uapi/asm-generic/socket.h, errno-base.h and errno.h
const SOL_SOCKET = 1, SO_SNDBUFFORCE = 32, SO_RCVBUFFORCE = 33, EAGAIN = 11, ENOBUFS = 105;
const BUFFER = 32 << 20;
/** struct sockaddr_ll */
const ADDRESS_LENGTH = 20;

const { symbols } = Deno.dlopen("libc.so.6", {
  // unsigned int if_nametoindex(const char *name)
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
});

export interface PacketSocketOptions {
  /** Frames are only sent. */
  readonly isDeaf?: boolean;
  /** Before each frame is a struct virtio_net_hdr, which says what of it the kernel is to make. */
  readonly hasHeaders?: boolean;
}

export class PacketSocket {
  private constructor(readonly fd: number) {}

  static open(name: string, { isDeaf = false, hasHeaders = false }: PacketSocketOptions = {}): PacketSocket {
    const index = symbols.if_nametoindex(new TextEncoder().encode(`${name}\0`));
    if (index === 0) throw lastError(`find the interface ${name}`);
    // Without a protocol it receives nothing, before it is bound with one.
    const socket = new PacketSocket(check("open a packet socket", libc().socket(AF_PACKET, SOCK_RAW, 0)));
    // Only what takes the long way is cut into segments.
    socket.#set(SOL_PACKET, hasHeaders ? PACKET_VNET_HDR : PACKET_QDISC_BYPASS, 1);
    socket.#set(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    socket.#set(SOL_SOCKET, SO_SNDBUFFORCE, BUFFER);
    socket.#set(SOL_SOCKET, SO_RCVBUFFORCE, BUFFER);
    const address = new Uint8Array(ADDRESS_LENGTH), view = new DataView(address.buffer);
    view.setUint16(0, AF_PACKET, true);
    view.setUint16(2, isDeaf ? 0 : ETH_P_ALL);
    view.setInt32(4, index, true);
    check(`bind ${name}`, libc().bind(socket.fd, address, address.length));
    return socket;
  }

  /** The length of the next frame, if one is there. */
  receive(into: Bytes): number | undefined {
    const length = Number(libc().recv(this.fd, into, BigInt(into.length), MSG_DONTWAIT));
    if (length < 0 && lastErrno() !== EAGAIN) throw lastError("receive frames");
    return length < 0 ? undefined : length;
  }

  /** What there is no room for is lost, as anywhere. */
  send(frame: Bytes): void {
    const sent = libc().send(this.fd, frame, BigInt(frame.length), 0);
    if (Number(sent) < 0 && lastErrno() !== ENOBUFS) throw lastError("send a frame");
  }

  close(): void {
    libc().close(this.fd);
  }

  #set(level: number, option: number, value: number): void {
    const bytes = new Uint8Array(Int32Array.of(value).buffer);
    check("set an option", libc().setsockopt(this.fd, level, option, bytes, bytes.length));
  }
}

function check(call: string, result: number): number {
  if (result < 0) throw lastError(call);
  return result;
}
