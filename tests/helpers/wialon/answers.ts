/** What a server says to packets of a device. */
import { crc16 } from "./crc16.ts";
import { answer, type Bytes, type Version } from "./messages.ts";
import { type Packet, textOf } from "./packets.ts";

export interface Rules {
  /** That of all devices; without it any is right. */
  readonly password?: string;
  /** The devices that may not log in. */
  readonly refused?: readonly string[];
  /** SD is answered with AD, as traccar does. */
  readonly shortAsData?: boolean;
}

const NUMBER = /^-?\d+(?:\.\d+)?$/, COUNT = /^\d+$/;

/** The fields of SD with the code of what is wrong with them; one pattern for each field. */
const POINT: readonly (readonly [code: string, ...patterns: RegExp[]])[] = [
  ["0", /^\d{6}$/, /^\d{6}(?:\.\d+)?$/],
  ["10", /^\d{4}(?:\.\d+)?$/, /^[NS]$/, /^\d{5}(?:\.\d+)?$/, /^[EW]$/],
  ["11", NUMBER, NUMBER, NUMBER],
];
const SHORT: typeof POINT = [...POINT, ["12", COUNT]];
const FULL: typeof POINT = [
  ...POINT,
  ["12", COUNT, NUMBER],
  ["13", COUNT, COUNT],
  ["14", /^(?:-?\d+(?:\.\d+)?(?:,|$))*$/],
  ["15", /^[^;]*$/, /^(?:[^:,]+:[123]:[^,]*(?:,|$))*$/],
];

function check(text: string, layout: typeof POINT): string {
  const fields = text.split(";");
  const patterns = layout.flatMap(([code, ...patterns]) =>
    patterns.map((pattern) => [code, pattern] as const)
  );
  if (fields.length !== patterns.length) return "-1";
  const wrong = patterns.find(([, pattern], i) => fields[i] !== "NA" && !pattern.test(fields[i]!));
  return wrong?.[0] ?? "1";
}

/** Whether a checksum that a packet has is that of its bytes. */
function isRight(crc: string, bytes: Uint8Array): boolean {
  return /^(?:0x)?[0-9a-f]{1,4}$/i.test(crc) && parseInt(crc, 16) === crc16(bytes);
}

/** A connection as its server sees it; by UDP, one packet. */
export class Session {
  imei: string | undefined;
  version: Version;
  readonly #rules: Rules;
  /** The numbers of the last blocks of files, by code. */
  readonly #files = new Map<string, number>();

  constructor(rules: Rules, version: Version = "1.1") {
    this.#rules = rules;
    this.version = version;
  }

  /** The answer, if the type has one. */
  answer(packet: Packet): Bytes | undefined {
    switch (packet.type) {
      case "L":
        return answer("AL", this.#login(packet.body));
      case "SD":
        return answer(this.#rules.shortAsData ? "AD" : "ASD", this.#point(packet.body, SHORT, "13"));
      case "D":
        return answer("AD", this.#point(packet.body, FULL, "16"));
      case "B":
        return answer("AB", this.#blackBox(packet.body));
      case "P":
        return answer("AP");
      case "M":
        return answer("AM", this.#message(packet.body));
      case "I":
        return answer("AI", this.#block(packet, { index: 1, fields: 6 }));
      case "IT":
        return answer("AIT", this.#fileInfo(packet.body));
      case "T":
        return answer("AT", this.#block(packet, { index: 2, fields: 3 }));
      default:
        return undefined;
    }
  }

  #login(body: Uint8Array): string {
    const { password, refused = [] } = this.#rules, fields = textOf(body).split(";");
    const isNew = fields.length === 4 && fields[0] === "2.0";
    if (isNew) this.version = "2.0";
    else if (fields.length !== 2) return "0";
    if (this.#unsealed(body) === undefined) return "10";
    const [imei = "", given] = isNew ? fields.slice(1) : fields;
    if (imei === "" || refused.includes(imei)) return "0";
    if (password !== undefined && given !== password) return "01";
    this.imei = imei;
    return "1";
  }

  /** The text without its checksum, unless that is wrong. */
  #unsealed(body: Uint8Array, separator = ";"): string | undefined {
    if (this.version === "1.1") return textOf(body);
    const end = body.lastIndexOf(separator.charCodeAt(0));
    if (!isRight(textOf(body.subarray(end + 1)), body.subarray(0, end + 1))) return undefined;
    return textOf(body.subarray(0, Math.max(end, 0)));
  }

  #point(body: Uint8Array, layout: typeof POINT, wrongCrc: string): string {
    const text = this.#unsealed(body);
    return text === undefined ? wrongCrc : check(text, layout);
  }

  #blackBox(body: Uint8Array): string {
    const records = this.#unsealed(body, "|")?.split("|");
    if (records === undefined) return "";
    return String(records.filter((text) => check(text, SHORT) === "1" || check(text, FULL) === "1").length);
  }

  #message(body: Uint8Array): string {
    const text = this.#unsealed(body);
    if (text === undefined) return "01";
    return text === "" ? "0" : "1";
  }

  #fileInfo(body: Uint8Array): string {
    const text = this.#unsealed(body);
    if (text === undefined) return "01";
    const [, , , code, last, ...more] = text.split(";");
    if (code === undefined || !COUNT.test(last ?? "") || more.length > 0) return "0";
    this.#files.set(code, Number(last));
    return "1";
  }

  /** The last of them is answered with that all is there. */
  #block({ body, binary }: Packet, { index, fields }: { index: number; fields: number }): string {
    const all = textOf(body).split(";"), number = all[index] ?? "", isNew = this.version === "2.0";
    if (binary === undefined || all.length !== fields + (isNew ? 1 : 0) || !COUNT.test(number)) return "NA;0";
    if (isNew && !isRight(all.at(-1)!, binary)) return `${number};01`;
    const last = fields === 3 ? this.#files.get(all[0]!) : Number(all[2]);
    return Number(number) === last ? "1" : `${number};1`;
  }
}
