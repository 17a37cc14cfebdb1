import { NetlinkMessages, NLMSG_OVERRUN } from "../parsers/netlink.ts";
import { lastError, libc, SOL_SOCKET, SystemError } from "./libc.ts";

// include/linux/socket.h, include/uapi/asm-generic/socket.h
export const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SO_RCVTIMEO = 20;
export const ENOBUFS = 105;
const CLOSED = -1;

/** One receive takes what the kernel puts into a message buffer, at most 32 KiB (netlink_recvmsg in af_netlink.c). */
const BUFFER = 65_536;
/** A dump that gives nothing for so long will give nothing more. */
const TIMEOUT_SECONDS = 2n;

export function openNetlink(family: number): number {
  const fd = libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family);
  if (fd < 0) throw lastError("open a netlink socket");
  return fd;
}

/** A netlink socket for dumps: a request, and many messages in answer. When closed, it opens again for the next one. */
export class NetlinkSocket {
  readonly messages = new NetlinkMessages(new Uint8Array(BUFFER));
  /** Whether the kernel says of the last dump that the table changed while it was read (NLM_F_DUMP_INTR). */
  interrupted = false;
  readonly #family: number;
  #fd: number;
  #sequence = 0;

  constructor(family: number) {
    this.#family = family;
    this.#fd = this.#open();
  }

  /**
   * Sends the request, whose sequence number is set here, and yields whenever `messages` holds new messages.
   */
  *dump(request: Uint8Array<ArrayBuffer>): Iterable<void> {
    if (this.#fd === CLOSED) this.#fd = this.#open();
    const sequence = this.#sequence = (this.#sequence + 1) >>> 0;
    new DataView(request.buffer).setUint32(8, sequence, true);
    if (libc().send(this.#fd, request, BigInt(request.length), 0) < 0) {
      throw lastError("send a netlink request");
    }
    const { messages } = this;
    let isEnded = false;
    this.interrupted = false;
    try {
      while (!isEnded) {
        const received = Number(libc().recv(this.#fd, messages.bytes, BigInt(messages.bytes.length), 0));
        if (received <= 0) throw lastError("read a netlink answer");
        messages.begin(received, sequence);
        yield;
        this.interrupted ||= messages.interrupted;
        isEnded = messages.end !== 0;
        if (messages.errno !== 0) throw new SystemError("dump by netlink", messages.errno);
        if (messages.end === NLMSG_OVERRUN) throw new SystemError("dump by netlink", ENOBUFS);
      }
    } finally {
      // The kernel would go on with a dump that is given up, and refuse the next one.
      if (!isEnded) this.close();
    }
  }

  close(): void {
    if (this.#fd !== CLOSED) libc().close(this.#fd);
    this.#fd = CLOSED;
  }

  #open(): number {
    const fd = openNetlink(this.#family);
    const timeout = new BigInt64Array([TIMEOUT_SECONDS, 0n]);
    libc().setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(timeout.buffer), timeout.byteLength);
    return fd;
  }
}
