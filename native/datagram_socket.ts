import { Ip } from "../core/ip.ts";
import { formatListenAddress, type ListenAddress } from "../core/listen_address.ts";
import type { Vocabulary } from "../core/vocabulary.ts";
import {
  addressOf,
  EAGAIN,
  lastErrno,
  lastError,
  libc,
  MSG_DONTWAIT,
  SOL_SOCKET,
  SystemError,
} from "./libc.ts";
import { setReceiveBuffer } from "./receive_buffer.ts";

// include/uapi/asm-generic/socket.h, include/linux/socket.h
const SOCK_DGRAM = 2;
const SO_TYPE = 3, SO_REUSEPORT = 15, SO_MEMINFO = 55;
const AF_INET = 2, AF_INET6 = 10;
const MSG_TRUNC = 0x20;
/** include/uapi/linux/sock_diag.h: what SO_MEMINFO gives, each in 32 bits */
const MEMINFO_QUEUED = 0, MEMINFO_BUFFER = 1, MEMINFO_DROPS = 8, MEMINFO = 36;

/** So many datagrams are taken at once. */
export const DATAGRAMS = 64;
/** The index of the one that was waited for, which Deno writes when it likes: no other is ever there. */
export const WOKEN = DATAGRAMS;
/** What is kept of a datagram; more than the largest frames of Ethernet hold, and no power of two, for the caches. */
const ROOM = 9344;
/** struct sockaddr_in6, which has room for sockaddr_in; struct iovec; struct mmsghdr with msghdr inside */
const ADDRESS = 28, ADDRESS_ROOM = 32, IOVEC = 16, HEADER = 64;
const NAME = 0, NAME_LENGTH = 8, VECTORS = 16, VECTOR_COUNT = 24, FLAGS = 48, LENGTH = 56;
/** The highest descriptor that is looked at for that of a new socket. */
const MAX_DESCRIPTOR = 65_536;

export interface DatagramSocketOptions {
  readonly address: ListenAddress;
  /** Bytes that the kernel shall keep of what was not yet taken. */
  readonly buffer: number;
  /** Other sockets of this program listen at the same address, and the kernel deals the senders out among them. */
  readonly isShared: boolean;
}

/**
 * A UDP socket of Deno, which says when there is something; the datagrams are then taken from it many at a time, which
 * Deno cannot do.
 */
export class DatagramSocket {
  readonly address: ListenAddress;
  /** Holds the datagrams that were taken last, each where `startOf()` says. */
  readonly view = new DataView(new ArrayBuffer((DATAGRAMS + 1) * ROOM));
  readonly #listener: Deno.DatagramConn;
  readonly #fd: number;
  // The kernel writes to these: fields hold them as long as the socket lives.
  readonly #addresses = new Uint8Array((DATAGRAMS + 1) * ADDRESS_ROOM);
  readonly #vectors = new Uint8Array(DATAGRAMS * IOVEC);
  readonly #headers = new Uint8Array((DATAGRAMS + 1) * HEADER);
  readonly #addressView = new DataView(this.#addresses.buffer);
  readonly #headerView = new DataView(this.#headers.buffer);
  readonly #bytes = new Uint8Array(this.view.buffer);
  readonly #woken = this.#bytes.subarray(WOKEN * ROOM);
  readonly #memory = new Uint32Array(MEMINFO / 4);

  constructor({ address, buffer, isShared }: DatagramSocketOptions) {
    try {
      // At a port that nobody else has, so that its descriptor is found by that; then it moves.
      this.#listener = listen(address.hostname);
    } catch (error) {
      throw cannotListen(address, error);
    }
    try {
      const { hostname, port } = this.#listener.addr as Deno.NetAddr;
      this.address = { hostname, port: address.port || port };
      this.#fd = descriptorOf({ hostname, port });
      setReceiveBuffer(this.#fd, buffer);
      this.#move(this.address.port, isShared);
    } catch (error) {
      this.#listener.close();
      throw cannotListen(address, error);
    }
    this.#prepare();
  }

  /** Waits for a datagram, which is then at `WOKEN`; gives how many it took: none when the socket was closed meanwhile. */
  async wait(): Promise<number> {
    try {
      const [{ length }, sender] = await this.#listener.receive(this.#woken);
      this.#writeSender(Ip.parse((sender as Deno.NetAddr).hostname));
      this.#headerView.setUint32(WOKEN * HEADER + LENGTH, length, true);
      // Deno does not say whether there was more.
      this.#headerView.setInt32(WOKEN * HEADER + FLAGS, length === ROOM ? MSG_TRUNC : 0, true);
      return 1;
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return 0;
      throw error;
    }
  }

  /** Takes what is there, without waiting; gives how many datagrams. If they are `DATAGRAMS` there may be more. */
  take(): number {
    const count = libc().recvmmsg(this.#fd, this.#headers, DATAGRAMS, MSG_DONTWAIT, null);
    if (count >= 0) return count;
    const errno = lastErrno();
    if (errno === EAGAIN) return 0;
    throw new SystemError("receive datagrams", errno);
  }

  startOf(index: number): number {
    return index * ROOM;
  }

  lengthOf(index: number): number {
    return this.#headerView.getUint32(index * HEADER + LENGTH, true);
  }

  /** Whether the datagram was longer than there was room for. */
  isCut(index: number): boolean {
    return (this.#headerView.getInt32(index * HEADER + FLAGS, true) & MSG_TRUNC) !== 0;
  }

  /** The number of the sender's address; NaN if it is unknown. */
  senderOf(index: number, vocabulary: Vocabulary): number {
    const at = index * ADDRESS_ROOM, view = this.#addressView;
    switch (view.getUint16(at, true)) {
      case AF_INET:
        return view.getUint32(at + 4);
      case AF_INET6:
        return vocabulary.ipv6(this.#addresses, at + 8);
      default:
        return NaN;
    }
  }

  /** What the kernel keeps of this socket: its buffer and what is in it, in bytes, and how often it had no room. */
  statistics(): { readonly buffer: number; readonly queued: number; readonly drops: number } {
    const length = new Uint8Array(Uint32Array.of(MEMINFO).buffer), memory = this.#memory;
    const bytes = new Uint8Array(memory.buffer);
    if (libc().getsockopt(this.#fd, SOL_SOCKET, SO_MEMINFO, bytes, length) < 0) {
      throw lastError("read the state of a socket");
    }
    return {
      // The kernel doubles what it is asked for, for its own overhead.
      buffer: memory[MEMINFO_BUFFER]! / 2,
      queued: memory[MEMINFO_QUEUED]!,
      drops: memory[MEMINFO_DROPS]!,
    };
  }

  close(): void {
    this.#listener.close();
  }

  /**
   * A port that the kernel chose is given up by connect(2) to AF_UNSPEC, and then bind(2) takes another. So the socket
   * can be made ready before it has the port, and stays the one that Deno waits for.
   */
  #move(port: number, isShared: boolean): void {
    const address = new Uint8Array(ADDRESS);
    const length = ownAddress(this.#fd, address);
    if (libc().connect(this.#fd, new Uint8Array(ADDRESS), ADDRESS) < 0) throw lastError("give up a port");
    const yes = new Uint8Array(Int32Array.of(1).buffer);
    if (isShared && libc().setsockopt(this.#fd, SOL_SOCKET, SO_REUSEPORT, yes, yes.length) < 0) {
      throw lastError("share a port");
    }
    new DataView(address.buffer).setUint16(2, port);
    if (libc().bind(this.#fd, address, length) < 0) throw lastError("take the port");
  }

  #prepare(): void {
    const addresses = addressOf(this.#addresses), vectors = addressOf(this.#vectors);
    const bytes = addressOf(this.#bytes), vectorView = new DataView(this.#vectors.buffer);
    for (let i = 0; i < DATAGRAMS; i++) {
      vectorView.setBigUint64(i * IOVEC, bytes + BigInt(i * ROOM), true);
      vectorView.setBigUint64(i * IOVEC + 8, BigInt(ROOM), true);
      const at = i * HEADER, view = this.#headerView;
      view.setBigUint64(at + NAME, addresses + BigInt(i * ADDRESS_ROOM), true);
      view.setUint32(at + NAME_LENGTH, ADDRESS, true);
      view.setBigUint64(at + VECTORS, vectors + BigInt(i * IOVEC), true);
      view.setBigUint64(at + VECTOR_COUNT, 1n, true);
    }
  }

  #writeSender(ip: Ip | undefined): void {
    const at = WOKEN * ADDRESS_ROOM;
    this.#addressView.setUint16(at, ip === undefined ? 0 : ip.version === 4 ? AF_INET : AF_INET6, true);
    if (ip !== undefined) this.#addresses.set(ip.bytes, at + (ip.version === 4 ? 4 : 8));
  }
}

function cannotListen(address: ListenAddress, error: unknown): Error {
  const reason = error instanceof Error ? error.message : String(error);
  return new Error(`Cannot listen at ${formatListenAddress(address)}: ${reason}`, { cause: error });
}

/** Without a host name: :: takes IPv4 as well, unless the host has no IPv6. */
function listen(hostname: string | undefined): Deno.DatagramConn {
  const options = { transport: "udp", port: 0 } as const;
  if (hostname !== undefined) return Deno.listenDatagram({ ...options, hostname });
  try {
    return Deno.listenDatagram({ ...options, hostname: "::" });
  } catch {
    return Deno.listenDatagram({ ...options, hostname: "0.0.0.0" });
  }
}

/** The descriptor of the socket of this process that has the address. */
function descriptorOf({ hostname, port }: { readonly hostname: string; readonly port: number }): number {
  const { version, bytes } = Ip.parse(hostname)!, [family, at] = version === 4 ? [AF_INET, 4] : [AF_INET6, 8];
  const address = new Uint8Array(ADDRESS), view = new DataView(address.buffer);
  for (let fd = 0; fd < MAX_DESCRIPTOR; fd++) {
    if (ownAddress(fd, address) === 0 || view.getUint16(0, true) !== family || view.getUint16(2) !== port) {
      continue;
    }
    if (bytes.every((byte, i) => address[at + i] === byte) && isDatagram(fd)) return fd;
  }
  throw new Error("Cannot find the descriptor of the socket");
}

/** Writes the address of a socket and gives its length; 0 when it is no socket. */
function ownAddress(fd: number, address: Uint8Array<ArrayBuffer>): number {
  const length = Uint32Array.of(address.length);
  return libc().getsockname(fd, address, new Uint8Array(length.buffer)) < 0 ? 0 : length[0]!;
}

function isDatagram(fd: number): boolean {
  const type = Int32Array.of(0), length = Uint32Array.of(type.byteLength);
  const bytes = new Uint8Array(type.buffer);
  libc().getsockopt(fd, SOL_SOCKET, SO_TYPE, bytes, new Uint8Array(length.buffer));
  return type[0] === SOCK_DGRAM;
}
