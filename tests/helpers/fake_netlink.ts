import { SystemError } from "../../native/libc.ts";
import { NetlinkSocket } from "../../native/netlink.ts";

/** What the kernel answers to a dump: messages of the sequence number 1, or the number of an error. */
export interface Answer {
  readonly bytes?: Uint8Array;
  readonly interrupted?: boolean;
  readonly errno?: number;
}

/** Runs the body while every dump by netlink is answered in this way; gives how many there were. */
export async function withNetlink(
  answer: (dump: number) => Answer,
  body: () => void | Promise<void>,
): Promise<number> {
  let dumps = 0;
  const { dump } = NetlinkSocket.prototype;
  NetlinkSocket.prototype.dump = function* () {
    const { bytes = new Uint8Array(), interrupted = false, errno } = answer(dumps++);
    this.interrupted = false;
    if (errno !== undefined) throw new SystemError("dump by netlink", errno);
    this.messages.bytes.set(bytes);
    this.messages.begin(bytes.length, 1);
    yield;
    this.interrupted = interrupted;
  };
  try {
    await body();
  } finally {
    NetlinkSocket.prototype.dump = dump;
  }
  return dumps;
}
