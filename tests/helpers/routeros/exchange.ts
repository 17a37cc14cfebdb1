import { type Fault, strike } from "./faults.ts";
import type { EncodedRows, TagPlace } from "./rows.ts";
import type { Pace, Wire } from "./wire.ts";
import { encodeSentence, type Word } from "./words.ts";

/** What a command is answered. */
export interface Reply {
  readonly rows?: EncodedRows;
  readonly end: readonly (readonly Word[])[];
  /** The connection ends with it, and it has no tag. */
  readonly isLast?: boolean;
}

export interface ExchangeOptions {
  readonly wire: Wire;
  readonly tag: string | undefined;
  readonly tagPlace: TagPlace;
  readonly pace: Pace;
}

/** The answer to one command, as it is sent. */
export class Exchange {
  readonly wire: Wire;
  tag: string | undefined;
  pace: Pace;
  readonly #tagPlace: TagPlace;
  readonly #reply: Reply;
  /** The row that comes next. */
  #at = 0;

  constructor(reply: Reply, { wire, tag, tagPlace, pace }: ExchangeOptions) {
    this.#reply = reply;
    this.wire = wire;
    this.tag = reply.isLast ? undefined : tag;
    this.pace = pace;
    this.#tagPlace = tagPlace;
  }

  async run(fault: Fault | undefined): Promise<void> {
    if (fault !== undefined) {
      await this.#sendRows(fault.after ?? 0);
      return await strike(fault, this);
    }
    await this.finish();
    if (this.#reply.isLast) await this.wire.end();
  }

  /** Sends the rows that are left, and what ends the reply. */
  async finish(): Promise<void> {
    await this.#sendRows(Infinity);
    for (const words of this.#reply.end) await this.send(words);
  }

  /** The words of the next row, which is not sent then. */
  takeRow(): string[] {
    return this.#reply.rows?.words(this.#at++) ?? [];
  }

  /** The bytes of the next sentence. */
  next(): Uint8Array<ArrayBuffer> {
    const { rows, end } = this.#reply;
    const isRow = rows !== undefined && this.#at < rows.count;
    return this.#encode(isRow ? ["!re", ...rows.words(this.#at)] : end[0] ?? []);
  }

  send(words: readonly Word[]): Promise<void> {
    return this.raw(this.#encode(words));
  }

  raw(bytes: Uint8Array): Promise<void> {
    return this.wire.send(bytes, this.pace);
  }

  async #sendRows(to: number): Promise<void> {
    const { rows } = this.#reply;
    if (rows === undefined) return;
    const tag = this.tag === undefined ? undefined : { text: this.tag, place: this.#tagPlace };
    for (const piece of rows.pieces(this.#at, to, tag)) await this.raw(piece);
    this.#at = Math.max(this.#at, Math.min(to, rows.count));
  }

  #encode([first = "", ...others]: readonly Word[]): Uint8Array<ArrayBuffer> {
    if (this.tag === undefined) return encodeSentence([first, ...others]);
    const tag = `.tag=${this.tag}`;
    return encodeSentence(this.#tagPlace === "second" ? [first, tag, ...others] : [first, ...others, tag]);
  }
}
