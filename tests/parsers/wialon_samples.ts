/** A message of each type, with what is to be read of it. */
import {
  blackBox,
  type Bytes,
  configuration,
  crcText,
  data,
  dataText,
  driverMessage,
  fileBlock,
  fileInfo,
  fileQuery,
  firmware,
  type Form,
  login,
  ping,
  pointText,
  shortData,
  snapshot,
  snapshotQuery,
} from "../helpers/wialon/messages.ts";
import { encode, type Read, type VersionName } from "./wialon_reader.ts";

export const IMEI = "123456789012345";
const BLOCK = encode("#D#\r\n\xff and more");
export const CRC_OF_BLOCK = parseInt(crcText(BLOCK), 16);
export const POINT = pointText(), DATA = dataText();

export interface Sample {
  readonly type: string;
  readonly make: (form: Form) => Bytes;
  /** Beside the type and the version. */
  readonly expected?: Partial<Read>;
  /** What it has for a checksum in version 2.0. */
  readonly checksum?: "text" | "binary";
}

export const SAMPLES: readonly Sample[] = [
  {
    type: "L",
    make: (form) => login({ imei: IMEI, password: "secret" }, form),
    expected: { device: IMEI },
    checksum: "text",
  },
  { type: "SD", make: (form) => shortData({}, form), checksum: "text" },
  { type: "D", make: (form) => data({}, form), checksum: "text" },
  {
    type: "B",
    make: (form) => blackBox([POINT, DATA, POINT], form),
    expected: { records: 3 },
    checksum: "text",
  },
  { type: "P", make: () => ping() },
  { type: "M", make: (form) => driverMessage("Hello #1; привет|!", form), checksum: "text" },
  {
    type: "I",
    make: (form) => snapshot({ index: 0, last: 3, bytes: BLOCK }, form),
    expected: { binary: BLOCK.length },
    checksum: "binary",
  },
  { type: "QI", make: () => snapshotQuery() },
  { type: "QT", make: () => fileQuery("DRIVER1") },
  {
    type: "US",
    make: (form) => firmware(BLOCK, form),
    expected: { binary: BLOCK.length },
    checksum: "binary",
  },
  {
    type: "UC",
    make: (form) => configuration(BLOCK, form),
    expected: { binary: BLOCK.length },
    checksum: "binary",
  },
];

/** Files of tachographs are of 2.0 only. */
export const FILES: readonly Sample[] = [
  { type: "IT", make: ({ crc }) => fileInfo({ code: "7", last: 3 }, crc), checksum: "text" },
  {
    type: "T",
    make: ({ crc }) => fileBlock({ code: "4242", index: 12, bytes: BLOCK }, crc),
    expected: { binary: BLOCK.length },
    checksum: "binary",
  },
];

export const WITH_CHECKSUM = [...SAMPLES, ...FILES].filter(({ checksum }) => checksum !== undefined);

export function expectedOf({ type, expected, checksum }: Sample, version: VersionName): Read {
  const verdict = checksum === "text" ? { verdict: "good" } : {};
  const binaryChecksum = checksum === "binary" ? { binaryChecksum: CRC_OF_BLOCK } : {};
  return { type, version, ...version === "1.1" ? {} : { ...verdict, ...binaryChecksum }, ...expected };
}
