import { type ByteChunks, type Bytes, QUEUE_WORDS } from "./byte_chunks.ts";
import { crc16 } from "./crc16.ts";
import { bodyOf, COMMAND, type MessageFault, WialonMessage } from "./wialon_ips.ts";

/**
 * What can be wrong with a stream: beside messages that of a container which cannot be unpacked, a message that is cut
 * off, and one for which there was no room.
 */
export const FRAMING_FAULTS = ["type", "text", "length", "container", "unfinished", "memory"] as const;
export type FramingFault = MessageFault | (typeof FRAMING_FAULTS)[number];

/** A message, and what it came in. */
export interface Frame {
  readonly message: WialonMessage;
  /** In which the message tells where it names its device. */
  readonly line: Uint8Array;
  /** Bytes of it as they came, with its end and the bytes that follow it. */
  readonly size: number;
  readonly isCompressed: boolean;
}

export interface FramingOptions {
  /** Takes each message. The frame is used again. */
  readonly onMessage: (frame: Frame) => void;
  /** Takes what is wrong; of lines one after the other that are no text it is told once. */
  readonly onFault: (fault: FramingFault) => void;
  /** Unpacks zlib; gives nothing when it cannot, or when there is more than the limit. */
  readonly inflate: (bytes: Uint8Array, limit: number) => Uint8Array | undefined;
  /** Where the beginnings of messages are kept until the rest comes. */
  readonly chunks: ByteChunks;
}

/** Who sends in a stream. */
export const ANYBODY = 0, DEVICE = 1, SERVER = 2;

/** Where in the words of a stream: what it waits for, who sends, which version, and the beginning of a message. */
const MODE = 0, SENDER = 1, VERSION = 2, HELD = 3, HELD_LENGTH = HELD + 2;
/** Of a container how long it is, head included. */
const WHOLE = HELD + QUEUE_WORDS;
/** Of the bytes that follow a message: how many are to come, their checksum until now and as it shall be. */
const LEFT = WHOLE + 1, CHECKSUM = LEFT + 1, EXPECTED = CHECKSUM + 1;
/** And of the message: its type, and bytes with those that follow. */
const TYPE = EXPECTED + 1, SIZE = TYPE + 1;

/** So many words belong to a stream; of one that begins anywhere they are all 0. */
export const FRAMING_WORDS = SIZE + 1;

/**
 * What a stream waits for: the end of a line whose beginning was not seen; a line that counts only if it is a message; a
 * line or a container; the rest of a container; the bytes that follow a message.
 */
const SEARCH = 0, DOUBTFUL_LINE = 1, LINE = 2, PACKED = 3, BINARY = 4;

const LF = 0x0a, CR = 0x0d, HASH = 0x23, CONTAINER = 0xff;
const FOUR_LF = 0x0a0a0a0a, FOUR_ONES = 0x01010101, FOUR_HIGH_BITS = 0x80808080;
/** Its first byte, and the length of what is packed. */
const CONTAINER_HEAD = 3;
/** So many bytes tell whether what begins with `#` goes on with a type. */
const MAX_START = 6;
/** A batch of 5,000 messages has about half of it. */
const MAX_LINE = 1 << 20;
/** What is longer takes no more than such a share of the room that is left, so that there is some for others. */
const SMALL = 4096, SHARE = 1 / 8;

/** Tells who sends in the stream whose words stand at `at`. */
export function setSender(words: Int32Array, at: number, sender: number): void {
  words[at + SENDER] = sender;
}

/** Tells which version of the protocol is spoken in a stream. */
export function setVersion(words: Int32Array, at: number, version: number): void {
  words[at + VERSION] = version;
}

/** Finds the messages in streams of bytes: `select()` one, then `take()` its bytes in their order. */
export class WialonFraming {
  readonly #options: FramingOptions;
  readonly #message = new WialonMessage();
  readonly #frame: { -readonly [K in keyof Frame]: Frame[K] };
  #words: Int32Array = new Int32Array(FRAMING_WORDS);
  #at = 0;
  /** What is in a datagram, and what is in a container, are streams of their own. */
  readonly #inDatagram = new Int32Array(FRAMING_WORDS);
  readonly #inContainer = new Int32Array(FRAMING_WORDS);
  /** Whether a message may begin with the name of its device. */
  #isDatagram = false;
  /** Whether what is taken ends with a message, even if its line end is left out. */
  #isWhole = false;
  /** A message that has come in pieces. */
  #gathered = new Uint8Array(4096);
  /** The bytes that were looked at last, four at a time. */
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor(options: FramingOptions) {
    this.#options = options;
    this.#frame = { message: this.#message, line: this.#bytes, size: 0, isCompressed: false };
  }

  /** Chooses the stream whose words stand at `at`. */
  select(words: Int32Array, at: number): void {
    this.#words = words;
    this.#at = at;
  }

  /** The next bytes will be the first that were sent. */
  begin(): void {
    this.cut();
    this.#words[this.#at + MODE] = LINE;
  }

  /** Some bytes are missing, or no more will come: what has come of a message is cut off. */
  cut(): void {
    const words = this.#words, at = this.#at, mode = words[at + MODE]!;
    const isCutOff = mode === LINE ? words[at + HELD_LENGTH]! > 0 : mode > LINE;
    if (isCutOff) this.#options.onFault("unfinished");
    this.#options.chunks.clear(words, at + HELD);
    words[at + MODE] = SEARCH;
  }

  take(bytes: Uint8Array, from: number, to: number): void {
    const words = this.#words, at = this.#at;
    if (words[at + MODE] === SEARCH && isStart(bytes, from, to)) words[at + MODE] = LINE;
    while (from < to) {
      switch (words[at + MODE]) {
        case SEARCH:
          from = this.#endOfLine(bytes, from, to) + 1;
          if (from <= to) words[at + MODE] = DOUBTFUL_LINE;
          break;
        case BINARY:
          from = this.#takeBinary(bytes, from, to);
          break;
        case PACKED:
          from = this.#takePacked(bytes, from, to);
          break;
        default:
          from = this.#takeLine(bytes, from, to);
      }
    }
  }

  /** A datagram holds whole messages. */
  takeDatagram(bytes: Uint8Array, from: number, to: number): void {
    this.#isDatagram = true;
    this.#takeWhole(this.#inDatagram, { bytes, from, to });
    this.#isDatagram = false;
  }

  #takeLine(bytes: Uint8Array, from: number, to: number): number {
    const words = this.#words, at = this.#at, isHeld = words[at + HELD_LENGTH]! > 0;
    if (!isHeld) {
      const first = bytes[from]!;
      if (first === LF || first === CR) return from + 1;
      if (words[at + MODE] === DOUBTFUL_LINE && !this.#believe(bytes, from, to)) return from;
      if (first === CONTAINER && words[at + MODE] === LINE && words[at + SENDER] !== SERVER) {
        return this.#takeContainer(bytes, from, to);
      }
    }
    const lineEnd = this.#endOfLine(bytes, from, to), isEnded = lineEnd < to || this.#isWhole;
    const end = Math.min(lineEnd + 1, to);
    if (isEnded && !isHeld) this.#readLine(bytes, from, end);
    else if (isEnded) this.#readHeld(bytes, from, end);
    else if (!this.#hold(bytes, from, end)) words[at + MODE] = SEARCH;
    return end;
  }

  /** Looks at the start of a doubtful line; gives whether that may be a message. */
  #believe(bytes: Uint8Array, from: number, to: number): boolean {
    const words = this.#words, at = this.#at;
    if (isStart(bytes, from, to)) words[at + MODE] = LINE;
    else if (bytes[from] !== HASH || to - from >= MAX_START) words[at + MODE] = SEARCH;
    return words[at + MODE] !== SEARCH;
  }

  /** Keeps the bytes until the rest of their message comes; gives whether there is room. */
  #hold(bytes: Uint8Array, from: number, to: number): boolean {
    const words = this.#words, at = this.#at, { chunks, onFault } = this.#options;
    const length = words[at + HELD_LENGTH]! + to - from, isLong = length > MAX_LINE;
    const isRoom = length <= SMALL || length <= SHARE * chunks.room;
    if (!isLong && isRoom && chunks.append(words, at + HELD, { bytes, from, to })) return true;
    chunks.clear(words, at + HELD);
    onFault(isLong ? "length" : "memory");
    return false;
  }

  /** Reads the line whose rest has come. */
  #readHeld(bytes: Uint8Array, from: number, to: number): void {
    const length = this.#gather(to - from);
    if (length > MAX_LINE) {
      this.#words[this.#at + MODE] = DOUBTFUL_LINE;
      return this.#options.onFault("length");
    }
    this.#gathered.set(bytes.subarray(from, to), length - (to - from));
    this.#readLine(this.#gathered, 0, length);
  }

  /** Puts together what is held, with room for so many bytes that follow it; gives how many bytes all are. */
  #gather(more = 0): number {
    const words = this.#words, held = this.#at + HELD, { chunks } = this.#options;
    const length = words[this.#at + HELD_LENGTH]! + more;
    if (length > this.#gathered.length) this.#gathered = new Uint8Array(Math.max(length, MAX_LINE));
    chunks.copy(words, held, this.#gathered);
    chunks.clear(words, held);
    return length;
  }

  /** Reads a line, which ends before `to`. */
  #readLine(bytes: Uint8Array, from: number, to: number): void {
    const words = this.#words, at = this.#at, message = this.#message, size = to - from;
    if (bytes[to - 1] === LF) to--;
    if (bytes[to - 1] === CR) to--;
    if (words[at + MODE] === DOUBTFUL_LINE && bodyOf(bytes, from, to) === 0) return;
    words[at + MODE] = LINE;
    const version = words[at + VERSION]!;
    const fault = this.#isDatagram
      ? message.readDatagram(bytes, from, to, version)
      : message.read(bytes, from, to, version);
    if (fault !== undefined) return this.#reject(fault);
    if (message.type === COMMAND && words[at + SENDER] !== SERVER) return this.#reject("text");
    words[at + VERSION] = message.version;
    if (message.binary === 0) return this.#emit(bytes, size);
    words[at + MODE] = BINARY;
    words[at + LEFT] = message.binary;
    words[at + CHECKSUM] = 0;
    words[at + EXPECTED] = message.binaryChecksum;
    words[at + TYPE] = message.type;
    words[at + SIZE] = size + message.binary;
  }

  /** What follows may be in the middle of what cannot be read: it counts from the next message on. */
  #reject(fault: FramingFault): void {
    if (fault !== "type") this.#words[this.#at + MODE] = DOUBTFUL_LINE;
    this.#options.onFault(fault);
  }

  #takeBinary(bytes: Uint8Array, from: number, to: number): number {
    const words = this.#words, at = this.#at, message = this.#message, left = words[at + LEFT]!;
    const end = Math.min(to, from + left), expected = words[at + EXPECTED]!;
    const checksum = expected < 0 ? 0 : crc16(words[at + CHECKSUM]!, bytes, from, end);
    words[at + CHECKSUM] = checksum;
    words[at + LEFT] = left - (end - from);
    if (words[at + LEFT]! > 0) return end;
    words[at + MODE] = LINE;
    message.endBinary(
      words[at + TYPE]!,
      words[at + VERSION]!,
      expected < 0 ? undefined : checksum === expected,
    );
    words[at + VERSION] = message.version;
    this.#emit(bytes, words[at + SIZE]!);
    return end;
  }

  #takeContainer(bytes: Uint8Array, from: number, to: number): number {
    const end = from + CONTAINER_HEAD <= to ? from + lengthOfContainer(bytes, from) : to + 1;
    if (end <= to) {
      this.#unpack(bytes, from, end);
      return end;
    }
    this.#words[this.#at + MODE] = PACKED;
    return this.#takePacked(bytes, from, to);
  }

  #takePacked(bytes: Uint8Array, from: number, to: number): number {
    const words = this.#words, at = this.#at, held = words[at + HELD_LENGTH]!;
    const whole = held < CONTAINER_HEAD ? CONTAINER_HEAD : words[at + WHOLE]!;
    const end = Math.min(to, from + whole - held);
    if (!this.#hold(bytes, from, end)) words[at + MODE] = SEARCH;
    if (words[at + HELD_LENGTH]! < whole) return end;
    if (whole === CONTAINER_HEAD) {
      this.#options.chunks.copy(words, at + HELD, this.#gathered);
      words[at + WHOLE] = lengthOfContainer(this.#gathered, 0);
      if (words[at + WHOLE]! > CONTAINER_HEAD) return end;
    }
    words[at + MODE] = LINE;
    const length = this.#gather();
    this.#unpack(this.#gathered, 0, length);
    return end;
  }

  #unpack(bytes: Uint8Array, from: number, to: number): void {
    const { inflate, onFault } = this.#options, frame = this.#frame;
    const packed = bytes.subarray(from + CONTAINER_HEAD, to);
    const unpacked = frame.isCompressed ? undefined : inflate(packed, MAX_LINE);
    if (unpacked === undefined || unpacked.length === 0) return onFault("container");
    frame.isCompressed = true;
    frame.size = to - from;
    this.#takeWhole(this.#inContainer, { bytes: unpacked, from: 0, to: unpacked.length });
    frame.isCompressed = false;
  }

  /** Takes bytes that are no part of more, in the name of the selected stream. */
  #takeWhole(inner: Int32Array, { bytes, from, to }: Bytes): void {
    const words = this.#words, at = this.#at;
    inner.fill(0);
    inner[MODE] = LINE;
    inner[SENDER] = words[at + SENDER]!;
    inner[VERSION] = words[at + VERSION]!;
    const isWhole = this.#isWhole;
    this.#isWhole = true;
    this.select(inner, 0);
    this.take(bytes, from, to);
    this.cut();
    this.select(words, at);
    this.#isWhole = isWhole;
    words[at + VERSION] = inner[VERSION]!;
  }

  /** Where the line ends that goes on at `from`; `to` when it does not. Four bytes at a time. */
  #endOfLine(bytes: Uint8Array, from: number, to: number): number {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    const view = this.#view;
    let at = from;
    for (; at + 4 <= to; at += 4) {
      // A byte that is 0 now borrows, and then has the bit that it had not.
      const word = view.getInt32(at) ^ FOUR_LF;
      if (((word - FOUR_ONES) & ~word & FOUR_HIGH_BITS) !== 0) break;
    }
    while (at < to && bytes[at] !== LF) at++;
    return at;
  }

  #emit(line: Uint8Array, size: number): void {
    const frame = this.#frame;
    frame.line = line;
    // Of a container with several messages the first has its bytes.
    if (!frame.isCompressed) frame.size = size;
    this.#options.onMessage(frame);
    frame.size = 0;
  }
}

/** Of one whose head is there. */
function lengthOfContainer(bytes: Uint8Array, from: number): number {
  return CONTAINER_HEAD + (bytes[from + 1]! | (bytes[from + 2]! << 8));
}

/** Whether a message or a container begins there. */
function isStart(bytes: Uint8Array, from: number, to: number): boolean {
  if (bytes[from] === HASH) return bodyOf(bytes, from, to) !== 0;
  if (bytes[from] !== CONTAINER || from + CONTAINER_HEAD + 2 > to) return false;
  // RFC 1950, section 2.2: the method, and a checksum of both bytes.
  const method = bytes[from + CONTAINER_HEAD]!, flags = bytes[from + CONTAINER_HEAD + 1]!;
  return (method & 0x0f) === 8 && ((method << 8) | flags) % 31 === 0;
}
