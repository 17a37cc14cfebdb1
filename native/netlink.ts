import { NetlinkMessages, NLMSG_DONE, NLMSG_ERROR, NLMSG_OVERRUN } from "../parsers/netlink.ts";
import { lastError, libc, SystemError } from "./libc.ts";

// include/linux/socket.h, include/uapi/asm-generic/socket.h
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;

/** One receive takes what the kernel puts into a message buffer, at most 32 KiB (netlink_recvmsg in af_netlink.c). */
const BUFFER = 65_536;
/** A dump that gives nothing for so long will give nothing more. */
const TIMEOUT_SECONDS = 2n;

/** A netlink socket for dumps: a request, and many messages in answer. */
export class NetlinkSocket {
  readonly messages = new NetlinkMessages(new Uint8Array(BUFFER));
  readonly #fd: number;
  #sequence = 0;

  constructor(family: number) {
    this.#fd = libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family);
    if (this.#fd < 0) throw lastError("open a netlink socket");
    const timeout = new BigInt64Array([TIMEOUT_SECONDS, 0n]);
    libc().setsockopt(this.#fd, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(timeout.buffer), timeout.byteLength);
  }

  /**
   * Sends the request, whose sequence number is set here, and yields whenever `messages` holds new messages.
   * Gives whether the kernel says that the table changed while it was read (NLM_F_DUMP_INTR).
   */
  *dump(request: Uint8Array<ArrayBuffer>): Generator<void, boolean> {
    const sequence = this.#sequence = (this.#sequence + 1) >>> 0;
    new DataView(request.buffer).setUint32(8, sequence, true);
    if (libc().send(this.#fd, request, BigInt(request.length), 0) < 0) {
      throw lastError("send a netlink request");
    }
    const { messages } = this;
    let interrupted = false;
    for (;;) {
      const received = Number(libc().recv(this.#fd, messages.bytes, BigInt(messages.bytes.length), 0));
      if (received <= 0) throw lastError("read a netlink answer");
      messages.begin(received, sequence);
      yield;
      interrupted ||= messages.interrupted;
      if (messages.end === NLMSG_ERROR && messages.errno !== 0) {
        throw new SystemError("dump by netlink", messages.errno);
      }
      if (messages.end === NLMSG_OVERRUN) throw new SystemError("dump by netlink", 105);
      if (messages.end === NLMSG_DONE || messages.end === NLMSG_ERROR) return interrupted;
    }
  }

  close(): void {
    libc().close(this.#fd);
  }
}
