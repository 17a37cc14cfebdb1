// include/uapi/linux/netlink.h
export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLMSG_OVERRUN = 4;
const NLM_F_REQUEST = 0x1;
const NLM_F_DUMP = 0x300;
const NLM_F_DUMP_INTR = 0x10;
const HEADER = 16;
const ATTRIBUTE_HEADER = 4;
/** The upper two bits of an attribute's type are flags (NLA_F_NESTED, NLA_F_NET_BYTEORDER). */
const TYPE_MASK = 0x3fff;

/** Netlink speaks the host's byte order; Linux on the machines that Deno runs on is little-endian. */
const LITTLE = true;

export function align4(length: number): number {
  return (length + 3) & ~3;
}

/**
 * Walks the messages in a buffer: `next()` goes to the next one, and says where its payload is. What is cut off or
 * claims an impossible length ends the walk and counts as a problem.
 */
export class NetlinkMessages {
  readonly view: DataView<ArrayBuffer>;
  type = 0;
  /** The payload of the present message. */
  start = 0;
  stop = 0;
  /** NLMSG_DONE, NLMSG_ERROR or NLMSG_OVERRUN when one has ended the answer, otherwise 0. */
  end = 0;
  /** What the end says of an error; 0 is none. */
  errno = 0;
  interrupted = false;
  /** Messages that were cut off. */
  truncated = 0;
  #at = 0;
  #length = 0;
  #sequence = 0;

  constructor(readonly bytes: Uint8Array<ArrayBuffer>) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Before a walk over the first `length` bytes. Messages of other sequence numbers are passed over. */
  begin(length: number, sequence: number): void {
    this.#at = 0;
    this.#length = Math.min(length, this.bytes.length);
    this.#sequence = sequence;
    this.end = 0;
    this.errno = 0;
    this.truncated = 0;
    this.interrupted = false;
  }

  next(): boolean {
    const { view } = this;
    while (this.end === 0 && this.#at < this.#length) {
      const at = this.#at, left = this.#length - at;
      const length = left < HEADER ? 0 : view.getUint32(at, LITTLE);
      if (length < HEADER || length > left) {
        this.truncated++;
        this.#at = this.#length;
        return false;
      }
      this.#at = at + align4(length);
      if (view.getUint32(at + 8, LITTLE) !== this.#sequence) continue;
      this.type = view.getUint16(at + 4, LITTLE);
      if (view.getUint16(at + 6, LITTLE) & NLM_F_DUMP_INTR) this.interrupted = true;
      this.start = at + HEADER;
      this.stop = at + length;
      if (this.type === NLMSG_NOOP) continue;
      if (this.type > NLMSG_OVERRUN) return true;
      this.end = this.type;
      // A dump that fails on its way ends with NLMSG_DONE, which carries the error as NLMSG_ERROR does.
      if (length >= HEADER + 4) this.errno = Math.abs(view.getInt32(this.start, LITTLE));
    }
    return false;
  }
}

/** Walks attributes: type, and where the value is. */
export class NetlinkAttributes {
  type = 0;
  start = 0;
  stop = 0;
  #at = 0;
  #end = 0;

  constructor(readonly view: DataView<ArrayBuffer>) {}

  begin(start: number, end: number): void {
    this.#at = start;
    this.#end = Math.min(end, this.view.byteLength);
  }

  /** Goes to the next attribute. One that claims an impossible length is the end. */
  next(): boolean {
    const at = this.#at;
    if (at + ATTRIBUTE_HEADER > this.#end) return false;
    const length = this.view.getUint16(at, LITTLE);
    if (length < ATTRIBUTE_HEADER || at + length > this.#end) return false;
    this.type = this.view.getUint16(at + 2, LITTLE) & TYPE_MASK;
    this.start = at + ATTRIBUTE_HEADER;
    this.stop = at + length;
    this.#at = at + align4(length);
    return true;
  }
}

/** A dump request with room for the payload, which begins at byte 16. */
export function dumpRequest(
  type: number,
  payload: number,
): { bytes: Uint8Array<ArrayBuffer>; view: DataView } {
  const bytes = new Uint8Array(HEADER + payload);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, LITTLE);
  view.setUint16(4, type, LITTLE);
  view.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, LITTLE);
  return { bytes, view };
}
