import { Random } from "../random.ts";
import { encodeLength, encodeSentence, encodeWord, type Word } from "./words.ts";
import type { Exchange } from "./exchange.ts";

/** Where a fault strikes. */
export interface FaultPlace {
  /** At "login", or at prints of a menu such as "/ip/firewall/connection"; without it, at every print. */
  readonly on?: "login" | `/${string}`;
  /** After so many rows; 0 without it. If there are fewer, it strikes between the last of them and what ends the reply. */
  readonly after?: number;
}

/** Of a fault after which nothing comes: so many bytes of the next sentence are still sent. */
interface Cut {
  readonly cut?: number;
}

/** What can go wrong, by its kind. All can be said in JSON. */
export interface Faults {
  /** Nothing more comes. With `keepalive`, other commands of the connection are still answered. */
  readonly "stall": Cut & { readonly keepalive?: boolean };
  /** The connection ends with FIN. */
  readonly "fin": Cut;
  /** The connection ends with RST. */
  readonly "rst": Cut;
  /** `!fatal`, then FIN. */
  readonly "fatal": { readonly reason?: string };
  /** Bytes by chance, then nothing more. */
  readonly "random": Cut & { readonly seed?: number; readonly length?: number };
  /** An answer of HTTP, then FIN. */
  readonly "http": unknown;
  /** `!re` and a word whose length is 2 GiB, of which only the first bytes come. */
  readonly "huge-word": { readonly length?: number };
  /** A byte that is reserved, in the place of a length; then nothing more. */
  readonly "control": { readonly byte?: number };
  /** `!empty`, then all that comes otherwise. */
  readonly "empty": unknown;
  /** A reply word that nobody knows, with words after it or bare; then all that comes otherwise. */
  readonly "unknown": { readonly word?: string; readonly words?: readonly string[] };
  /** One more reply after `!done`. */
  readonly "after-done": { readonly words?: readonly string[] };
  /** From here on, all replies have a tag that no command has. */
  readonly "other-tag": { readonly tag?: string };
  /** From here on, no reply has a tag. */
  readonly "no-tag": unknown;
  /** `!trap` and `!done`, in the place of the rows that are left. */
  readonly "trap": {
    readonly message?: string;
    readonly category?: number;
    /** How many. */
    readonly count?: number;
  };
  /** One more row, of which an attribute makes a word of so many bytes. */
  readonly "long-word": { readonly length?: number };
  /** One more row, of so many words. */
  readonly "many-words": { readonly count?: number };
  /** One row in which an attribute has these bytes, whatever it is in the table. */
  readonly "bytes": { readonly name?: string; readonly bytes?: readonly number[] };
  /** What comes is right, but the last 0 of `!done` and of each block of rows has a segment of its own. */
  readonly "lone-zero": unknown;
  /** What comes is right, but so many milliseconds late. */
  readonly "late": { readonly delay: number };
  /** What comes is right, but byte by byte, with so many milliseconds between. */
  readonly "drip": { readonly delay: number };
}

export type FaultKind = keyof Faults;

export type Fault = { readonly [K in FaultKind]: FaultPlace & { readonly kind: K } & Faults[K] }[FaultKind];

/** What RouterOS says to a user whose group may not read a menu. */
export const NOT_PERMITTED = { kind: "trap", message: "not enough permissions (9)" } as const satisfies Fault;

const HTTP_ANSWER = [
  "HTTP/1.1 400 Bad Request",
  "Content-Type: text/html",
  "Content-Length: 39",
  "Connection: close",
  "",
  "<html><body>Bad Request</body></html>\r\n",
].join("\r\n");

/** UTF-8, what Windows-1252 has no characters for, a mark of byte order, an overlong form, and half a character. */
const ODD_BYTES = [
  ...new TextEncoder().encode("Роутер 🛰"),
  ...[0x81, 0x8d, 0x8f, 0x90, 0x9d, 0xff, 0xfe, 0xef, 0xbb, 0xbf, 0xc0, 0xaf, 0xd0],
];

/** Does what a fault says, after the rows that come before it. */
export async function strike(fault: Fault, exchange: Exchange): Promise<void> {
  const { wire } = exchange;
  if ("cut" in fault && fault.cut !== undefined) await exchange.raw(exchange.next().subarray(0, fault.cut));
  switch (fault.kind) {
    case "stall":
      // Others of the connection go on, if this one alone waits.
      return await (fault.keepalive ? wire.closed : wire.stall());
    case "fin":
      return await wire.end();
    case "rst":
      return await wire.reset();
    case "fatal":
      await exchange.raw(encodeSentence(["!fatal", fault.reason ?? "out of memory"]));
      return await wire.end();
    case "random":
      await exchange.raw(new Random(fault.seed ?? 1).bytes(fault.length ?? 4096));
      return await wire.stall();
    case "http":
      await exchange.raw(new TextEncoder().encode(HTTP_ANSWER));
      return await wire.end();
    case "huge-word":
      await exchange.raw(hugeWord(fault.length ?? 2 ** 31));
      return await wire.stall();
    case "control":
      await exchange.raw(new Uint8Array([fault.byte ?? 0xf8]));
      return await wire.stall();
    case "trap":
      for (let i = 0; i < (fault.count ?? 1); i++) await exchange.send(trap(fault));
      return await exchange.send(["!done"]);
    case "after-done":
      await exchange.finish();
      return await exchange.send(fault.words ?? ["!re", "=.id=*1"]);
    default:
      await change(fault, exchange);
      return await exchange.finish();
  }
}

/** Faults after which the reply goes on. */
type Change =
  | "empty"
  | "unknown"
  | "other-tag"
  | "no-tag"
  | "long-word"
  | "many-words"
  | "bytes"
  | "lone-zero"
  | "late"
  | "drip";

async function change(fault: Extract<Fault, { kind: Change }>, exchange: Exchange): Promise<void> {
  switch (fault.kind) {
    case "empty":
      return await exchange.send(["!empty"]);
    case "unknown":
      return await exchange.send([fault.word ?? "!maybe", ...fault.words ?? []]);
    case "other-tag":
      exchange.tag = fault.tag ?? "nobody";
      return;
    case "no-tag":
      exchange.tag = undefined;
      return;
    case "long-word": {
      const head = "=comment=";
      return await exchange.send(["!re", head + "a".repeat((fault.length ?? 3_000_000) - head.length)]);
    }
    case "many-words":
      return await exchange.send([
        "!re",
        ...Array.from({ length: fault.count ?? 100_000 }, (_, i) => `=${i}=`),
      ]);
    case "bytes":
      return await exchange.send(withBytes(exchange.takeRow(), fault));
    case "lone-zero":
      exchange.pace = { ...exchange.pace, loneZero: true };
      return;
    case "late":
      return await exchange.wire.pause(fault.delay);
    case "drip":
      exchange.pace = { chunk: 1, delay: fault.delay };
      return;
  }
}

function hugeWord(length: number): Uint8Array<ArrayBuffer> {
  const head = encodeWord("!re"), size = encodeLength(length);
  return new Uint8Array([...head, ...size, ...encodeWord("=comment=").subarray(1)]);
}

function trap({ message = "failure: try again", category }: Faults["trap"]): string[] {
  return ["!trap", ...category === undefined ? [] : [`=category=${category}`], `=message=${message}`];
}

function withBytes(
  words: readonly string[],
  { name = "comment", bytes = ODD_BYTES }: Faults["bytes"],
): Word[] {
  const head = `=${name}=`;
  const word = new Uint8Array([...new TextEncoder().encode(head), ...bytes]);
  return ["!re", ...words.filter((other) => !other.startsWith(head)), word];
}
