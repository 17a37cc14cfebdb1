/** What a device does, one step after the other; all can be said in JSON. */
import {
  blackBox,
  type Bytes,
  type Crc,
  data,
  type DataPoint,
  dataText,
  driverMessage,
  fileBlock,
  fileInfo,
  type Form,
  login,
  ping,
  pointText,
  shortData,
  snapshot,
  trickyBytes,
  type Version,
} from "./messages.ts";

/** Something is sent, and answered. */
export interface SendStep {
  /** With T, the packet IT comes first. */
  readonly send: "L" | "SD" | "D" | "B" | "P" | "M" | "I" | "T";
  /** How often; once, if nothing is said. */
  readonly times?: number;
  readonly crc?: Crc;
  /** Of L. */
  readonly password?: string;
  /** Of SD and D: what is different in it. */
  readonly point?: Partial<DataPoint>;
  /** Of B: how many, of SD and D in turn. */
  readonly records?: number;
  /** Of M. */
  readonly text?: string;
  /** Of I and T: the sizes of the blocks. */
  readonly blocks?: readonly number[];
}

export type Step =
  | SendStep
  /** Bytes of any kind, as a text of characters that are one byte each. */
  | { readonly raw: string }
  /** Waits until the server has said something of this type so many times since the device is there. */
  | { readonly await: string; readonly times?: number }
  | { readonly pause: number };

export interface StepForm {
  readonly imei: string;
  readonly version: Version;
}

const BLOCKS: readonly number[] = [700, 300];

/** The packets of a step, in their order. */
export function packetsOf(step: SendStep, { imei, version }: StepForm): Bytes[] {
  const form: Form = { version, crc: step.crc ?? {} };
  return Array.from({ length: step.times ?? 1 }, (_, i) => packetsOfOne(step, { imei, form, number: i }))
    .flat();
}

interface One {
  readonly imei: string;
  readonly form: Form;
  readonly number: number;
}

function packetsOfOne(step: SendStep, { imei, form, number }: One): Bytes[] {
  const { send, password = "NA", records = 3, text = "All is well", blocks = BLOCKS } = step;
  // What repeats itself could be taken for a repeated segment.
  const point = { speed: String(number), ...step.point };
  switch (send) {
    case "L":
      return [login({ imei, password }, form)];
    case "SD":
      return [shortData(point, form)];
    case "D":
      return [data(point, form)];
    case "B":
      return [blackBox(recordTexts(records, point), form)];
    case "P":
      return [ping()];
    case "M":
      return [driverMessage(text, form)];
    case "I":
      return blocks.map((size, index) =>
        snapshot({ index, last: blocks.length - 1, bytes: trickyBytes(size, number + index) }, form)
      );
    case "T":
      return fileOf({ number, blocks }, step.crc);
  }
}

function recordTexts(count: number, point: Partial<DataPoint>): string[] {
  return Array.from({ length: count }, (_, i) => {
    const record = { ...point, course: String(i % 360) };
    return i % 2 === 0 ? pointText(record) : dataText(record);
  });
}

function fileOf({ number, blocks }: { number: number; blocks: readonly number[] }, crc: Crc = {}): Bytes[] {
  const code = String(1000 + number);
  return [
    fileInfo({ code, last: blocks.length - 1 }, crc),
    ...blocks.map((size, index) =>
      fileBlock({ code, index, bytes: trickyBytes(size, number + index + 1) }, crc)
    ),
  ];
}

export function bytesOfRaw(text: string): Bytes {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
