/**
 * What the sender of Wialon IPS sends: frames of many connections of devices to a server, with as many bytes each as a
 * message has. The second time the same frames are sent, only their sequence numbers are others.
 */
import { Random } from "../tests/helpers/random.ts";
import {
  type Bytes,
  data,
  type DataPoint,
  type Form,
  login,
  type Version,
} from "../tests/helpers/wialon/messages.ts";

/** Where the headers of IPv4 and TCP begin, and the payload. */
const IP_AT = 14, TCP_AT = 34, PAYLOAD_AT = 54;
/** The length of what comes before the payload. */
export const HEADERS = PAYLOAD_AT;
/** struct virtio_net_hdr (include/uapi/linux/virtio_net.h): what the kernel is to make of a frame that is too long. */
const VIRTIO_HEADER = 10, NEEDS_CHECKSUM = 1, GSO_TCPV4 = 1, CHECKSUM_OFFSET = 16;
// RFC 9293, section 3.1
const SYN = 0x02, PSH_ACK = 0x18;
/** Of no interface: what is at the other end of the link captures, and does not answer. */
const DESTINATION_MAC = [0x02, 0, 0, 0, 0x77, 2], SOURCE_MAC = [0x02, 0, 0, 0, 0x77, 1];
const SERVER = [192, 0, 2, 1], DEVICES = [10, 77], FIRST_PORT = 10_000, FIRST_IMEI = 350_000_000_000_000;
/** A call sends many frames, each with a sequence number of its own. */
const LEAST_FRAMES = 1024;
/** Messages that differ. */
const VARIANTS = 256;

export interface TrafficOptions {
  readonly connections: number;
  /** So many addresses the devices share. */
  readonly addresses: number;
  readonly port: number;
  /** The length of a message. */
  readonly payload: number;
  readonly version: Version;
  /** So many bytes of each message are in the segment before; if it is 0, each segment is one message. */
  readonly split: number;
  /** So many segments of a connection come one after the other; the kernel cuts them from one frame. */
  readonly run: number;
  /** The share of pairs of segments of a connection that are exchanged. */
  readonly reorder: number;
  /** The share of segments that are sent twice. */
  readonly repeat: number;
}

interface Segment {
  readonly connection: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: readonly Uint8Array[];
}

interface FramesOptions {
  /** Of payload. */
  readonly room: number;
  /** The payload of the segments that the kernel is to cut from each frame. */
  readonly cut?: number;
}

/** Frames one after the other, each with the same room. */
export class Frames {
  readonly bytes: Bytes;
  readonly lengths: Uint32Array;
  readonly room: number;
  readonly #view: DataView;
  readonly #cut: number | undefined;
  /** Where the frame itself begins. */
  readonly #start: number;

  constructor(readonly count: number, { room, cut }: FramesOptions) {
    this.#start = cut === undefined ? 0 : VIRTIO_HEADER;
    this.room = this.#start + PAYLOAD_AT + room;
    this.bytes = new Uint8Array(count * this.room);
    this.lengths = new Uint32Array(count);
    this.#view = new DataView(this.bytes.buffer);
    this.#cut = cut;
  }

  setSequence(frame: number, sequence: number): void {
    this.#view.setUint32(frame * this.room + this.#start + TCP_AT + 4, sequence);
  }

  write(frame: number, { connection, flags, sequence, payload }: Segment, options: TrafficOptions): void {
    const { addresses, port } = options,
      address = connection % addresses,
      at = frame * this.room + this.#start;
    const length = PAYLOAD_AT + payload.reduce((sum, part) => sum + part.length, 0);
    if (this.#cut !== undefined) this.#writeCut(frame * this.room, this.#cut);
    this.bytes.set([...DESTINATION_MAC, ...SOURCE_MAC, 0x08, 0x00], at);
    // RFC 791, section 3.1: not to be fragmented, 64 hops, TCP
    this.bytes.set([0x45, 0, length - IP_AT >> 8, length - IP_AT & 0xff, 0, 0, 0x40, 0, 64, 6], at + IP_AT);
    this.bytes.set([...DEVICES, address >> 8, address & 0xff, ...SERVER], at + IP_AT + 12);
    this.#view.setUint16(at + IP_AT + 10, checksum(this.bytes.subarray(at + IP_AT, at + TCP_AT)));
    this.#view.setUint16(at + TCP_AT, FIRST_PORT + Math.floor(connection / addresses));
    this.#view.setUint16(at + TCP_AT + 2, port);
    this.#view.setUint32(at + TCP_AT + 4, sequence);
    this.#view.setUint32(at + TCP_AT + 8, flags === SYN ? 0 : 1);
    this.bytes.set([(PAYLOAD_AT - TCP_AT) / 4 << 4, flags, 0xff, 0xff], at + TCP_AT + 12);
    let end = at + PAYLOAD_AT;
    for (const part of payload) {
      this.bytes.set(part, end);
      end += part.length;
    }
    this.lengths[frame] = this.#start + length;
  }

  #writeCut(at: number, cut: number): void {
    this.#view.setUint8(at, NEEDS_CHECKSUM);
    this.#view.setUint8(at + 1, GSO_TCPV4);
    for (const [i, value] of [PAYLOAD_AT, cut, TCP_AT, CHECKSUM_OFFSET].entries()) {
      this.#view.setUint16(at + 2 + 2 * i, value, true);
    }
  }
}

/** RFC 1071, of a header without a checksum. */
function checksum(header: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < header.length; i += 2) sum += header[i]! << 8 | header[i + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

export interface Traffic {
  /** The beginning and the login of each connection. */
  readonly setup: Frames;
  /** Each of `run` segments. */
  readonly data: Frames;
  /** The sequence numbers of the data at first, and what they grow by each time that all are sent. */
  readonly sequences: Uint32Array;
  readonly growth: number;
  /** Of the frames before each, and at the end of all: how many repeat one, and how many were overtaken. */
  readonly repeated: Uint32Array;
  readonly overtaken: Uint32Array;
}

/** A frame of data. */
interface Slot {
  readonly connection: number;
  /** The number of its first segment in the connection. */
  readonly turn: number;
  readonly isRepeat: boolean;
  readonly isOvertaken: boolean;
}

export function prepareTraffic(options: TrafficOptions): Traffic {
  const { connections, payload, split, run, reorder } = options, step = run * (reorder > 0 ? 2 : 1);
  const turns = step * Math.ceil(LEAST_FRAMES * run / connections / step),
    messages = prepareMessages(options);
  const message = (connection: number, turn: number) => messages[(7 * connection + turn % turns) % VARIANTS]!;
  const heads = Array.from({ length: connections }, (_, i) => message(i, 0).subarray(0, split));
  const { setup, starts } = prepareSetup(heads, options);
  const slots = orderOf({ ...options, turns, step });
  const data = new Frames(slots.length, { room: run * payload, ...run > 1 ? { cut: payload } : {} });
  const sequences = Uint32Array.from(slots, ({ connection, turn }) => starts[connection]! + turn * payload);
  for (const [i, { connection, turn }] of slots.entries()) {
    const parts = Array.from({ length: run }, (_, k) => [
      message(connection, turn + k).subarray(split),
      message(connection, turn + k + 1).subarray(0, split),
    ]).flat();
    data.write(i, { connection, flags: PSH_ACK, sequence: sequences[i]!, payload: parts }, options);
  }
  return {
    setup,
    data,
    sequences,
    growth: turns * payload,
    repeated: countsOf(slots.map(({ isRepeat }) => isRepeat)),
    overtaken: countsOf(slots.map(({ isOvertaken }) => isOvertaken)),
  };
}

interface Setup {
  readonly setup: Frames;
  /** The sequence numbers of what follows. */
  readonly starts: Uint32Array;
}

/** The heads are of the first message of each connection: what of it comes with the login. */
function prepareSetup(heads: readonly Uint8Array[], options: TrafficOptions): Setup {
  const setup = new Frames(2 * heads.length, { room: 64 + options.split }), { version } = options;
  const starts = new Uint32Array(heads.length);
  for (const [connection, head] of heads.entries()) {
    const first = Math.imul(connection + 1, 0x9e3779b1) >>> 0;
    const payload = [login({ imei: String(FIRST_IMEI + connection) }, { version }), head];
    setup.write(2 * connection, { connection, flags: SYN, sequence: first, payload: [] }, options);
    setup.write(2 * connection + 1, { connection, flags: PSH_ACK, sequence: first + 1, payload }, options);
    starts[connection] = first + 1 + payload[0]!.length + head.length;
  }
  return { setup, starts };
}

/** Messages of D of the same length, which differ in where the device is. */
function prepareMessages({ payload, version }: TrafficOptions): Bytes[] {
  const random = new Random(1), form: Form = { version, crc: { isPadded: true } };
  const digits = (count: number) => String(random.int(10 ** count)).padStart(count, "0");
  return Array.from({ length: VARIANTS }, () => {
    const point = { latitude: `55${digits(2)}.${digits(4)};N`, speed: digits(2), params: "pad:3:" };
    const missing = payload - data(point, form).length;
    if (missing < 0) throw new Error(`Expected a length of at least ${payload - missing}, not ${payload}`);
    return data(padded(point, missing), form);
  });
}

function padded(point: Partial<DataPoint>, length: number): Partial<DataPoint> {
  return { ...point, params: `${point.params}${"x".repeat(length)}` };
}

/** All connections in turn, with one frame or a pair of them each. */
function orderOf(options: TrafficOptions & { readonly turns: number; readonly step: number }): Slot[] {
  const { connections, turns, step, run, reorder, repeat } = options,
    random = new Random(2),
    slots: Slot[] = [];
  const happens = (share: number) => random.int(1_000_000) < share * 1_000_000;
  for (let first = 0; first < turns; first += step) {
    for (let connection = 0; connection < connections; connection++) {
      const isExchanged = happens(reorder), pair = step > run ? [first, first + run] : [first];
      for (const turn of isExchanged ? pair.toReversed() : pair) {
        slots.push({ connection, turn, isRepeat: false, isOvertaken: isExchanged && turn === first });
        if (happens(repeat)) slots.push({ connection, turn, isRepeat: true, isOvertaken: false });
      }
    }
  }
  return slots;
}

function countsOf(flags: readonly boolean[]): Uint32Array {
  const counts = new Uint32Array(flags.length + 1);
  for (const [i, flag] of flags.entries()) counts[i + 1] = counts[i]! + (flag ? 1 : 0);
  return counts;
}
