import { crc16 } from "./crc16.ts";
import { ANSWER_TABLE, type Checksum, MEANINGS, MESSAGE_TYPE_TABLE } from "./wialon_types_table.ts";

export const MESSAGE_TYPES = Object.keys(MESSAGE_TYPE_TABLE) as readonly (keyof typeof MESSAGE_TYPE_TABLE)[];

const LOGIN = MESSAGE_TYPES.indexOf("L"), BATCH = MESSAGE_TYPES.indexOf("B");
const ANSWER_TO_BATCH = MESSAGE_TYPES.indexOf("AB");
export const COMMAND = MESSAGE_TYPES.indexOf("command"), OTHER = MESSAGE_TYPES.indexOf("other");

const ACCEPTED = MEANINGS.indexOf("accepted"), UNKNOWN_MEANING = MEANINGS.indexOf("unknown");
const NONE = -1;

/** What is the same for all messages of a type, by its index. */
const TYPES = Object.entries(MESSAGE_TYPE_TABLE).map(
  ([name, type]: [string, { lengthField?: number; checksum?: Checksum; answers?: readonly string[] }]) => ({
    ...{ lengthField: NONE, checksum: "none" as Checksum },
    ...type,
    isAnswer: type.answers !== undefined,
    meanings: new Map(
      Object.entries(ANSWER_TABLE[name] ?? {}).map(([code, meaning]) => [
        codeOf(code),
        MEANINGS.indexOf(meaning),
      ]),
    ),
  }),
);

/** By the index of a type, whether it is answered by the type of the other index. */
const ANSWERS = MESSAGE_TYPES.map((asked) =>
  Object.values(MESSAGE_TYPE_TABLE).map((type) =>
    "answers" in type && (type.answers as readonly string[]).includes(asked)
  )
);
/** By the index of a type, whether there is an answer to it. */
export const IS_ANSWERED: readonly boolean[] = ANSWERS.map((by) => by.includes(true));
export const IS_ANSWER: readonly boolean[] = TYPES.map(({ isAnswer }) => isAnswer);

export function isAnswerTo(answer: number, asked: number): boolean {
  return ANSWERS[asked]![answer]!;
}

/** Of the protocol; `unknown` as long as nothing has told it. */
export const VERSIONS = ["unknown", "1.1", "2.0", "2.1"] as const;
export const UNKNOWN_VERSION = 0;
const V1 = 1, V2 = 2, V2_1 = 3;
const VERSION_CODES = new Map([[codeOf("1.1"), V1], [codeOf("2.0"), V2], [codeOf("2.1"), V2_1]]);

export const VERDICTS = ["good", "bad"] as const;
export const GOOD = 0, BAD = 1;

/** What can be wrong with a line. `length` is a number of bytes to follow that cannot be. */
export type MessageFault = "type" | "text" | "length";

const HASH = 0x23, SEMICOLON = 0x3b, BAR = 0x7c, DOT = 0x2e, NINE = 0x39, ZERO = 0x30;
const TAB = 0x09, NEVER_IN_UTF_8 = 0xff;
const MAX_TYPE = 4, MAX_CODE = 3, MAX_COMMAND = 4096;
/** "2.0" */
const VERSION_LENGTH = 3;
/** More bytes than files have that are sent to devices. */
const MAX_BINARY = 64 << 20, MAX_DIGITS = 9;
/** In place of a checksum that is missing: no bytes have it. */
const NEVER_RIGHT = 0x10000;

/** Types by their letters, as `codeOf()` has them. */
const TYPE_CODES = new Map(
  MESSAGE_TYPES.slice(0, COMMAND).map((name, index) => [codeOf(name), index]),
);

/** Up to three characters, or four letters, as a number. */
function codeOf(text: string): number {
  let code = 1;
  for (let i = 0; i < text.length; i++) code = (code << 8) | text.charCodeAt(i);
  return code;
}

/** One message of Wialon IPS, or the head of one that is followed by bytes: `read()` reads a line of it. */
export class WialonMessage {
  /** Index of its type. */
  type = OTHER;
  /** Index of what an answer means; NaN for others. */
  meaning = NaN;
  /** Whether its checksum is good; NaN when it has none, or none that could be checked. */
  verdict = NaN;
  /** The version of the protocol that its sender speaks, given that before the message. */
  version = UNKNOWN_VERSION;
  /** Of a batch how many messages it holds, otherwise 1. */
  records = 1;
  /** How many bytes follow it, and what their checksum is to be; -1 when it cannot be checked. */
  binary = 0;
  binaryChecksum = NONE;
  /** Where it names the device; nowhere when it does not. */
  deviceFrom = 0;
  deviceTo = 0;

  /**
   * Reads the line from `from` to `to`, without its end, of somebody who speaks `version`; gives what is wrong with it.
   */
  read(bytes: Uint8Array, from: number, to: number, version: number): MessageFault | undefined {
    this.#begin(OTHER, version);
    return bytes[from] === HASH ? this.#readMessage(bytes, from, to) : this.#readCommand(bytes, from, to);
  }

  /** Reads the line of a datagram, in which a device names itself before its message: `imei#…` or `2.0;imei#…`. */
  readDatagram(bytes: Uint8Array, from: number, to: number, version: number): MessageFault | undefined {
    this.#begin(OTHER, version);
    let hash = from;
    while (hash < to && bytes[hash] !== HASH) hash++;
    if (hash === to) return this.#readCommand(bytes, from, to);
    if (hash > from) this.#readIdentity(bytes, from, hash);
    return this.#readMessage(bytes, hash, to);
  }

  /** What followed a message is there, with the right checksum or another, or without any. */
  endBinary(type: number, version: number, isGood: boolean | undefined): void {
    this.#begin(type, version);
    if (isGood !== undefined) this.#judge(isGood);
  }

  #begin(type: number, version: number): void {
    this.type = type;
    this.meaning = this.verdict = NaN;
    this.version = version;
    this.records = 1;
    this.binary = this.deviceFrom = this.deviceTo = 0;
    this.binaryChecksum = NONE;
  }

  #readMessage(bytes: Uint8Array, from: number, to: number): MessageFault | undefined {
    const body = bodyOf(bytes, from, to);
    if (body === 0) return "type";
    this.type = TYPE_CODES.get(codeAt(bytes, from + 1, body - 1)) ?? OTHER;
    const { lengthField, checksum, isAnswer } = TYPES[this.type]!;
    if (isAnswer) this.#readAnswer(bytes, body, to);
    else if (this.type === LOGIN) this.#readIdentity(bytes, body, to);
    if (checksum === "text" && this.version !== V1) this.#check(bytes, body, to);
    if (this.type === BATCH) this.#countRecords(bytes, body, to);
    if (lengthField === NONE) return undefined;
    const field = lengthField === 0 ? body : Math.min(endOfField(bytes, body, to) + 1, to);
    return this.#readLength(bytes, field, to);
  }

  #readCommand(bytes: Uint8Array, from: number, to: number): MessageFault | undefined {
    this.type = COMMAND;
    if (to - from > MAX_COMMAND) return "text";
    for (let at = from; at < to; at++) {
      const byte = bytes[at]!;
      if ((byte < 0x20 && byte !== TAB) || byte === NEVER_IN_UTF_8) return "text";
    }
    return undefined;
  }

  /** `imei;…`, or `2.0;imei;…`. */
  #readIdentity(bytes: Uint8Array, from: number, to: number): void {
    const isVersion = isVersionAt(bytes, from, to), end = from + VERSION_LENGTH;
    this.version = isVersion ? VERSION_CODES.get(codeAt(bytes, from, end)) ?? UNKNOWN_VERSION : V1;
    this.deviceFrom = isVersion ? end + 1 : from;
    this.deviceTo = endOfField(bytes, this.deviceFrom, to);
  }

  #readAnswer(bytes: Uint8Array, body: number, to: number): void {
    const from = startOfLastField(bytes, body, to), { meanings } = TYPES[this.type]!;
    const isCount = this.type === ANSWER_TO_BATCH && isNumber(bytes, from, to);
    const known = to - from <= MAX_CODE ? meanings.get(codeAt(bytes, from, to)) : undefined;
    this.meaning = known ?? (isCount ? ACCEPTED : UNKNOWN_MEANING);
  }

  #check(bytes: Uint8Array, body: number, to: number): void {
    const from = startOfLastField(bytes, body, to), expected = hexadecimal(bytes, from, to);
    // A checksum follows a separator: the only field has none.
    this.#judge(from > body && expected >= 0 && crc16(0, bytes, body, from) === expected);
  }

  /** Of somebody whose version is not known, a checksum that is right tells it. */
  #judge(isGood: boolean): void {
    if (this.version === UNKNOWN_VERSION && !isGood) return;
    if (this.version === UNKNOWN_VERSION) this.version = V2;
    this.verdict = isGood ? GOOD : BAD;
  }

  /** Between the bars are records, which have fields; after the last one may be a checksum. */
  #countRecords(bytes: Uint8Array, body: number, to: number): void {
    let records = 0, isRecord = 0;
    for (let at = body; at < to; at++) {
      const byte = bytes[at];
      if (byte === SEMICOLON) isRecord = 1;
      else if (byte === BAR) {
        records += isRecord;
        isRecord = 0;
      }
    }
    this.records = records + isRecord;
  }

  /** Reads the field that says how many bytes follow, and the checksum of those. */
  #readLength(bytes: Uint8Array, from: number, to: number): MessageFault | undefined {
    const end = endOfField(bytes, from, to);
    if (end === from || end - from > MAX_DIGITS || !isNumber(bytes, from, end)) return "length";
    let length = 0;
    for (let at = from; at < end; at++) length = 10 * length + bytes[at]! - ZERO;
    if (length > MAX_BINARY) return "length";
    this.binary = length;
    if (this.version === V1) return undefined;
    const checksum = hexadecimal(bytes, startOfLastField(bytes, end, to), to);
    this.binaryChecksum = checksum === NONE && this.version !== UNKNOWN_VERSION ? NEVER_RIGHT : checksum;
    // What is right for no bytes tells nothing of the version.
    if (length === 0 && this.version !== UNKNOWN_VERSION) this.#judge(checksum === 0);
    return undefined;
  }
}

/** Where the body of a message begins whose type stands between two `#`; 0 when that is no type. */
export function bodyOf(bytes: Uint8Array, from: number, to: number): number {
  const end = Math.min(to, from + MAX_TYPE + 2);
  for (let at = from + 1; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === HASH) return at > from + 1 ? at + 1 : 0;
    if (byte < 0x41 || byte > 0x5a) return 0;
  }
  return 0;
}

function codeAt(bytes: Uint8Array, from: number, to: number): number {
  let code = 1;
  for (let at = from; at < to; at++) code = (code << 8) | bytes[at]!;
  return code;
}

/** The end of the field that begins at `from`. */
function endOfField(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at] !== SEMICOLON) at++;
  return at;
}

/** What follows the last separator. */
function startOfLastField(bytes: Uint8Array, from: number, to: number): number {
  let at = to;
  while (at > from && bytes[at - 1] !== SEMICOLON && bytes[at - 1] !== BAR) at--;
  return at;
}

/** Whether it begins with `2.0;`, or another version. */
function isVersionAt(bytes: Uint8Array, from: number, to: number): boolean {
  return to - from > VERSION_LENGTH && bytes[from + VERSION_LENGTH] === SEMICOLON &&
    bytes[from + 1] === DOT &&
    isNumber(bytes, from, from + 1) && isNumber(bytes, from + 2, from + VERSION_LENGTH);
}

function isNumber(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at]! < ZERO || bytes[at]! > NINE) return false;
  return true;
}

/** Up to four hexadecimal digits, maybe behind `0x`; -1 if they are none. */
function hexadecimal(bytes: Uint8Array, from: number, to: number): number {
  const isPrefixed = bytes[from] === ZERO && (bytes[from + 1]! | 0x20) === 0x78 && to - from > 2;
  const start = isPrefixed ? from + 2 : from;
  if (start === to || to - start > 4) return -1;
  let value = 0;
  for (let at = start; at < to; at++) {
    const byte = bytes[at]!, letter = byte | 0x20;
    const digit = byte >= ZERO && byte <= NINE
      ? byte - ZERO
      : letter >= 0x61 && letter <= 0x66
      ? letter - 0x57
      : -1;
    if (digit < 0) return -1;
    value = (value << 4) | digit;
  }
  return value;
}
