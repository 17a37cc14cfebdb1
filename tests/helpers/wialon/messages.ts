/**
 * Packets of Wialon IPS 1.1 and 2.0, as bytes. A `Form` says of which version they are, and how the checksum is
 * written that 2.0 has.
 */
import { deflateSync } from "node:zlib";
import { Random } from "../random.ts";
import { crc16 } from "./crc16.ts";

export type Bytes = Uint8Array<ArrayBuffer>;

export type Version = "1.1" | "2.0";

/** How a checksum is written: in capital letters, without zeros before it, and right, if nothing else is said. */
export interface Crc {
  readonly isWrong?: boolean;
  readonly isLower?: boolean;
  /** With four digits at least. */
  readonly isPadded?: boolean;
  /** With `0x`. */
  readonly isPrefixed?: boolean;
}

export interface Form {
  readonly version?: Version;
  readonly crc?: Crc;
}

const encoder = new TextEncoder();

export function crcText(bytes: Uint8Array, { isWrong, isLower, isPadded, isPrefixed }: Crc = {}): string {
  const text = (crc16(bytes) ^ (isWrong ? 0x5555 : 0)).toString(16).padStart(isPadded ? 4 : 1, "0");
  return `${isPrefixed ? "0x" : ""}${isLower ? text : text.toUpperCase()}`;
}

function join(...parts: readonly (string | Uint8Array)[]): Bytes {
  const all = parts.map((part) => typeof part === "string" ? encoder.encode(part) : part);
  const bytes = new Uint8Array(all.reduce((length, { length: more }) => length + more, 0));
  let at = 0;
  for (const part of all) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Any packet: `#TYPE#body\r\n`. */
export function packet(type: string, body = ""): Bytes {
  return join(`#${type}#${body}\r\n`);
}

interface Text {
  readonly type: string;
  readonly body: string;
  /** Between it and its checksum, which is of both. */
  readonly separator?: string;
}

/** A packet whose text has the checksum at its end. */
function sealed({ type, body, separator = ";" }: Text, { version = "1.1", crc }: Form): Bytes {
  if (version === "1.1") return packet(type, body);
  const covered = body + separator;
  return packet(type, covered + crcText(encoder.encode(covered), crc));
}

interface Binary {
  readonly type: string;
  readonly head: string;
  readonly bytes: Uint8Array;
}

/** A packet of bytes, which the checksum is of. */
function binaryPacket({ type, head, bytes }: Binary, { version = "1.1", crc }: Form): Bytes {
  const line = version === "1.1" ? head : `${head};${crcText(bytes, crc)}`;
  return join(packet(type, line), bytes);
}

/** What a record of SD says; each may be `NA`, or what no server takes. */
export interface Point {
  readonly date: string;
  readonly time: string;
  /** With N or S. */
  readonly latitude: string;
  /** With E or W. */
  readonly longitude: string;
  readonly speed: string;
  readonly course: string;
  readonly height: string;
  readonly satellites: string;
}

/** And what a record of D says besides. */
export interface DataPoint extends Point {
  readonly hdop: string;
  readonly inputs: string;
  readonly outputs: string;
  readonly adc: string;
  readonly ibutton: string;
  readonly params: string;
}

export const SAMPLE: DataPoint = {
  date: "270413",
  time: "205601",
  latitude: "5544.6025;N",
  longitude: "03739.6834;E",
  speed: "1",
  course: "2",
  height: "3",
  satellites: "4",
  hdop: "0.0",
  inputs: "0",
  outputs: "0",
  adc: "14.77,0.02,3.6",
  ibutton: "NA",
  params: "count1:1:564,fuel:2:45.8,hw:3:V4.5",
};

/** The text of a record of SD. */
export function pointText(point: Partial<Point> = {}): string {
  const { date, time, latitude, longitude, speed, course, height, satellites } = { ...SAMPLE, ...point };
  return [date, time, latitude, longitude, speed, course, height, satellites].join(";");
}

/** The text of a record of D. */
export function dataText(point: Partial<DataPoint> = {}): string {
  const { hdop, inputs, outputs, adc, ibutton, params } = { ...SAMPLE, ...point };
  return [pointText(point), hdop, inputs, outputs, adc, ibutton, params].join(";");
}

export interface Login {
  readonly imei: string;
  readonly password?: string;
}

export function login({ imei, password = "NA" }: Login, form: Form = {}): Bytes {
  const { version = "1.1" } = form;
  const body = version === "1.1" ? `${imei};${password}` : `${version};${imei};${password}`;
  return sealed({ type: "L", body }, form);
}

export function shortData(point: Partial<Point> = {}, form: Form = {}): Bytes {
  return sealed({ type: "SD", body: pointText(point) }, form);
}

export function data(point: Partial<DataPoint> = {}, form: Form = {}): Bytes {
  return sealed({ type: "D", body: dataText(point) }, form);
}

/** Records are texts of SD and D. */
export function blackBox(records: readonly string[], form: Form = {}): Bytes {
  return sealed({ type: "B", body: records.join("|"), separator: "|" }, form);
}

export function ping(): Bytes {
  return packet("P");
}

/** From the driver or to the driver. */
export function driverMessage(text: string, form: Form = {}): Bytes {
  return sealed({ type: "M", body: text }, form);
}

/** A part of a picture or of a file. Numbers begin with 0. */
export interface Block {
  readonly index: number;
  readonly bytes: Uint8Array;
}

export interface SnapshotBlock extends Block {
  /** The number of the last block. */
  readonly last: number;
  readonly date?: string;
  readonly time?: string;
  readonly name?: string;
}

export function snapshot(block: SnapshotBlock, form: Form = {}): Bytes {
  const { index, last, bytes, date = SAMPLE.date, time = SAMPLE.time, name = "photo.jpg" } = block;
  return binaryPacket(
    { type: "I", head: [bytes.length, index, last, date, time, name].join(";"), bytes },
    form,
  );
}

export function snapshotQuery(): Bytes {
  return packet("QI");
}

export function fileQuery(driver: string): Bytes {
  return packet("QT", driver);
}

export interface FileInfo {
  readonly code: string;
  /** The number of the last block. */
  readonly last: number;
  readonly date?: string;
  readonly time?: string;
  readonly driver?: string;
}

/** What begins a file of a tachograph. Such files are of 2.0 only. */
export function fileInfo(info: FileInfo, crc: Crc = {}): Bytes {
  const { code, last, date = SAMPLE.date, time = SAMPLE.time, driver = "DRIVER1" } = info;
  return sealed({ type: "IT", body: [date, time, driver, code, last].join(";") }, { version: "2.0", crc });
}

export interface FileBlock extends Block {
  readonly code: string;
}

export function fileBlock({ code, index, bytes }: FileBlock, crc: Crc = {}): Bytes {
  const head = [code, bytes.length, index].join(";");
  return binaryPacket({ type: "T", head, bytes }, { version: "2.0", crc });
}

export function firmware(bytes: Uint8Array, form: Form = {}): Bytes {
  return binaryPacket({ type: "US", head: String(bytes.length), bytes }, form);
}

export function configuration(bytes: Uint8Array, form: Form = {}): Bytes {
  return binaryPacket({ type: "UC", head: String(bytes.length), bytes }, form);
}

/** The answers of servers with all codes that they may have, except for those with the number of a block or record. */
export const ANSWER_CODES = {
  AL: ["1", "0", "01", "10"],
  ASD: ["-1", "0", "1", "10", "11", "12", "13"],
  AD: ["-1", "0", "1", "10", "11", "12", "13", "14", "15", "16"],
  AB: ["", "3"],
  AP: [""],
  AM: ["1", "0", "01"],
  AI: ["0;1", "0;0", "0;01", "NA;0", "1"],
  AIT: ["1", "0", "01"],
  AT: ["0;1", "0;0", "0;01", "NA;0", "1"],
} as const;

export type AnswerType = keyof typeof ANSWER_CODES;

export function answer(type: AnswerType, code = ""): Bytes {
  return packet(type, code);
}

/** A command of a server that has no type. */
export function textCommand(text: string): Bytes {
  return join(text, "\r\n");
}

export interface ContainerOptions {
  /** Without the line end of the packet. */
  readonly isCut?: boolean;
}

/** 0xff, the length in little-endian order, and what zlib makes of a packet. */
export function container(bytes: Uint8Array, { isCut = false }: ContainerOptions = {}): Bytes {
  const deflated = deflateSync(isCut ? bytes.subarray(0, -2) : bytes);
  if (deflated.length > 0xffff) throw new Error(`Expected at most 65535 bytes, not ${deflated.length}`);
  return join(new Uint8Array([0xff, deflated.length & 0xff, deflated.length >> 8]), deflated);
}

export interface Sender {
  readonly imei: string;
  readonly version?: Version;
}

/** A packet as it is sent by UDP, where no login has said who sends it. */
export function datagram(bytes: Uint8Array, { imei, version = "1.1" }: Sender): Bytes {
  return join(version === "1.1" ? imei : `${version};${imei}`, bytes);
}

/** What a parser may take for packets, for their ends or for compressed containers. */
const TRAPS = [
  "\xff",
  "#",
  "\r\n",
  "\r\n#P#\r\n",
  "\xff\x05\x00",
  "#D#",
  "\r\n\xff\xff\xff",
  "#AL#1\r\n",
  "\r",
];

/** Bytes for the binary parts of packets: by chance, with such traps at the beginning, at the end and between. */
export function trickyBytes(length: number, seed = 1): Bytes {
  const random = new Random(seed), bytes = random.bytes(length);
  for (let at = 0; at < length; at += random.int(64)) {
    const trap = Uint8Array.from(random.pick(TRAPS), (character) => character.charCodeAt(0));
    bytes.set(trap.subarray(0, length - at), at);
    at += trap.length;
  }
  if (length > 1) bytes.set([0x0d, 0x0a], length - 2);
  return bytes;
}
