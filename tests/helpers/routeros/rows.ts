import { encodeWord, SentenceWriter } from "./words.ts";

/** The attributes of one thing of a menu, in the order in which they are told. */
export type Row = Readonly<Record<string, string>>;

/** A table that is made row by row, because it is large. */
export interface Prepared {
  readonly count: number;
  row(index: number): Row;
}

export type Table = readonly Row[] | Prepared;

/** Where `.tag` stands in a reply. */
export type TagPlace = "last" | "second";

export interface Tag {
  readonly text: string;
  readonly place: TagPlace;
}

/** Whole sentences. */
interface Block {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The number of its first row. */
  readonly first: number;
  /** Where each row ends. */
  readonly ends: readonly number[];
}

const BLOCK_LENGTH = 1 << 16;

/** `!re` with its length. */
const REPLY_LENGTH = 4;

export function prepared(table: Table): Prepared {
  if (!isList(table)) return table;
  return { count: table.length, row: (index) => table[index]! };
}

/** The rows of a table that have all these values. */
export function matching(table: Table, values: ReadonlyMap<string, string>): Table {
  if (values.size === 0) return table;
  const all = prepared(table);
  return Array.from({ length: all.count }, (_, i) => all.row(i)).filter((row) =>
    [...values].every(([name, value]) => row[name] === value)
  );
}

/** The rows of a table as replies. */
export class EncodedRows {
  readonly count: number;
  readonly #blocks: Block[] = [];

  constructor(readonly table: Table, readonly names: readonly string[] | undefined) {
    const rows = prepared(table), { count } = rows;
    const writer = new SentenceWriter();
    let ends: number[] = [];
    const flush = (next: number) => {
      if (ends.length > 0) this.#blocks.push({ bytes: writer.take(), first: next - ends.length, ends });
      ends = [];
    };
    for (let i = 0; i < count; i++) {
      writer.word("!re");
      for (const word of wordsOf(rows.row(i), names)) writer.word(word);
      writer.end();
      ends.push(writer.length);
      if (writer.length >= BLOCK_LENGTH) flush(i + 1);
    }
    flush(count);
    this.count = count;
  }

  /** The words of one row, without `!re`. */
  words(index: number): string[] {
    return index < this.count ? wordsOf(prepared(this.table).row(index), this.names) : [];
  }

  /** The bytes of rows, in pieces that hold whole ones. */
  *pieces(from: number, to: number, tag: Tag | undefined): Generator<Uint8Array<ArrayBuffer>> {
    const word = tag && encodeWord(`.tag=${tag.text}`);
    for (const block of this.#blocks) {
      const first = Math.max(from - block.first, 0), last = Math.min(to - block.first, block.ends.length);
      if (first >= last) continue;
      if (word !== undefined) yield tagged(block, { first, last, word, place: tag!.place });
      else yield block.bytes.subarray(startOf(block, first), startOf(block, last));
    }
  }
}

/** What was encoded before; of a table that is replaced, nothing is kept. */
export class EncodedTables {
  readonly #rows = new WeakMap<Table, Map<string, EncodedRows>>();

  rowsOf(table: Table, names: readonly string[] | undefined): EncodedRows {
    const key = names?.join(",") ?? "*";
    const byNames = this.#rows.getOrInsertComputed(table, () => new Map<string, EncodedRows>());
    return byNames.getOrInsertComputed(key, () => new EncodedRows(table, names));
  }
}

interface Tagged {
  readonly first: number;
  readonly last: number;
  readonly word: Uint8Array;
  readonly place: TagPlace;
}

/** Rows of a block, each with one more word. */
function tagged(block: Block, { first, last, word, place }: Tagged): Uint8Array<ArrayBuffer> {
  const start = startOf(block, first), end = startOf(block, last);
  const bytes = new Uint8Array(end - start + (last - first) * word.length);
  let at = 0;
  for (let i = first, from = start; i < last; i++) {
    const to = block.ends[i]!;
    const split = place === "second" ? from + REPLY_LENGTH : to - 1;
    bytes.set(block.bytes.subarray(from, split), at);
    bytes.set(word, at += split - from);
    bytes.set(block.bytes.subarray(split, to), at += word.length);
    at += to - split;
    from = to;
  }
  return bytes;
}

function startOf(block: Block, index: number): number {
  return index === 0 ? 0 : block.ends[index - 1]!;
}

function wordsOf(row: Row, names: readonly string[] | undefined): string[] {
  const words: string[] = [];
  for (const name in row) {
    if (names === undefined || names.includes(name)) words.push(`=${name}=${row[name]}`);
  }
  return words;
}

function isList(table: Table): table is readonly Row[] {
  return Array.isArray(table);
}
