/** What devices and servers send, with the messages that are to be found in it. */
import { ANYBODY, DEVICE, SERVER } from "../../parsers/wialon_framing.ts";
import {
  answer,
  ANSWER_CODES,
  type AnswerType,
  blackBox,
  configuration,
  container,
  data,
  dataText,
  driverMessage,
  fileBlock,
  fileInfo,
  fileQuery,
  firmware,
  login,
  packet,
  ping,
  pointText,
  shortData,
  snapshot,
  snapshotQuery,
  textCommand,
  trickyBytes,
  type Version,
} from "../helpers/wialon/messages.ts";
import { concat, type Found } from "./wialon_receiver.ts";

export const IMEI = "123456789012345";

export interface Part {
  readonly bytes: Uint8Array;
  readonly found: Found;
}

export interface Stream {
  readonly what: string;
  readonly sender: number;
  /** What is spoken before anything is said. */
  readonly version?: Version;
  readonly parts: readonly Part[];
}

interface PartOptions extends Partial<Found> {
  readonly type: string;
}

function part(bytes: Uint8Array, found: PartOptions): Part {
  return { bytes, found: { size: bytes.length, ...found } };
}

export function bytesIn({ parts }: Stream): Uint8Array {
  return concat(...parts.map(({ bytes }) => bytes));
}

export function device(version: Version): Part[] {
  const form = { version }, wrong = { version, crc: { isWrong: true } }, isNew = version === "2.0";
  const good = { version, ...isNew && { verdict: "good" } },
    bad = { version, ...isNew && { verdict: "bad" } };
  return [
    part(login({ imei: IMEI }, form), { type: "L", device: IMEI, ...good }),
    part(shortData({}, form), { type: "SD", ...good }),
    part(data({}, wrong), { type: "D", ...bad }),
    part(ping(), { type: "P", version }),
    part(blackBox([pointText(), dataText()], form), { type: "B", ...good }),
    part(driverMessage("привет", form), { type: "M", ...good }),
    ...[0, 1, 2, 3, 30, 200].flatMap((length, index) => [
      part(snapshot({ index, last: 5, bytes: trickyBytes(length, index) }, form), { type: "I", ...good }),
      part(snapshot({ index, last: 5, bytes: trickyBytes(length, index) }, wrong), { type: "I", ...bad }),
    ]),
    part(packet("VID", "5"), { type: "other", version }),
    ...isNew
      ? [
        part(fileInfo({ code: "7", last: 1 }), { type: "IT", ...good }),
        part(fileBlock({ code: "77", index: 0, bytes: trickyBytes(150, 7) }), { type: "T", ...good }),
        part(fileBlock({ code: "77", index: 1, bytes: trickyBytes(9) }, wrong.crc), { type: "T", ...bad }),
      ]
      : [],
    part(ping(), { type: "P", version }),
  ];
}

function server(version: Version): Part[] {
  const form = { version }, good = { version, ...version === "2.0" && { verdict: "good" } };
  const bytes = trickyBytes(120, 3);
  return [
    part(textCommand("VER?"), { type: "command", version }),
    ...Object.entries(ANSWER_CODES).flatMap(([type, codes]) =>
      codes.map((code) => part(answer(type as AnswerType, code), { type, version }))
    ),
    part(firmware(bytes, form), { type: "US", ...good }),
    part(textCommand("reboot"), { type: "command", version }),
    part(configuration(bytes, form), { type: "UC", ...good }),
    part(driverMessage("Come home", form), { type: "M", ...good }),
    part(snapshotQuery(), { type: "QI", version }),
    part(fileQuery("DRIVER1"), { type: "QT", version }),
  ];
}

function packed(parts: readonly Part[]): Part[] {
  return parts.map(({ bytes, found }, i) => {
    const packed = container(bytes, { isCut: i % 2 === 1 && !["I", "T"].includes(found.type) });
    return { bytes: packed, found: { ...found, size: packed.length, isCompressed: true } };
  });
}

const [OLD, NEW] = [device("1.1"), device("2.0")];
export const STREAMS: readonly Stream[] = [
  { what: "a device of version 1.1", sender: DEVICE, parts: OLD },
  { what: "a device of version 2.0", sender: DEVICE, parts: NEW },
  { what: "anybody", sender: ANYBODY, parts: [...OLD, ...NEW.slice(0, 5)] },
  { what: "a server of version 1.1", sender: SERVER, version: "1.1", parts: server("1.1") },
  { what: "a server of version 2.0", sender: SERVER, version: "2.0", parts: server("2.0") },
  { what: "a device that compresses all", sender: DEVICE, parts: packed(NEW) },
  {
    what: "a device that compresses some",
    sender: DEVICE,
    parts: NEW.map((part, i) => i % 3 === 0 ? packed([part])[0]! : part),
  },
];
