import { NetlinkMessages } from "../parsers/netlink.ts";
import { EAGAIN, lastErrno, lastError, libc, MSG_DONTWAIT, SystemError } from "./libc.ts";
import { AF_NETLINK, ENOBUFS, openNetlink } from "./netlink.ts";
import { setReceiveBuffer } from "./receive_buffer.ts";

/** struct sockaddr_nl */
const ADDRESS = 12;
/** More than one event needs. */
const BUFFER = 8192;
const CLOSED = -1;

/** A netlink socket that hears what the kernel tells a multicast group. */
export class NetlinkEvents {
  readonly messages = new NetlinkMessages(new Uint8Array(BUFFER));
  /** How often the kernel had to throw events away, since they were not taken in time. */
  losses = 0;
  #fd: number;

  /** The kernel keeps so many bytes of events that were not yet taken. */
  constructor(family: number, group: number, room: number) {
    this.#fd = openNetlink(family);
    setReceiveBuffer(this.#fd, room);
    const address = new Uint8Array(ADDRESS), view = new DataView(address.buffer);
    view.setUint16(0, AF_NETLINK, true);
    view.setUint32(8, 1 << (group - 1), true);
    if (libc().bind(this.#fd, address, address.length) < 0) {
      const error = lastError("hear netlink events");
      this.close();
      throw error;
    }
  }

  /** Takes what is there, without waiting, and yields whenever `messages` holds a new one. */
  *receive(): Iterable<void> {
    const { messages } = this, { bytes } = messages, size = BigInt(bytes.length);
    while (this.#fd !== CLOSED) {
      const received = Number(libc().recv(this.#fd, bytes, size, MSG_DONTWAIT));
      if (received < 0) {
        const errno = lastErrno();
        if (errno === EAGAIN) return;
        if (errno !== ENOBUFS) throw new SystemError("take netlink events", errno);
        this.losses++;
        continue;
      }
      messages.begin(received, 0);
      yield;
    }
  }

  close(): void {
    if (this.#fd !== CLOSED) libc().close(this.#fd);
    this.#fd = CLOSED;
  }
}
