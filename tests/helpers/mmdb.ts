import { Prefix } from "../../core/ip.ts";

/** A value of a record. Whole numbers become uint32, others double, as databases have them. */
export type Data = string | number | bigint | boolean | Float | Raw | readonly Data[] | {
  [key: string]: Data;
};

/** A number of 32 bits, as ip-location-db has coordinates. */
export class Float {
  constructor(readonly value: number) {}
}

/** Bytes that stand in the data as they are, whatever they mean. */
export class Raw {
  constructor(readonly bytes: readonly number[]) {}
}

export interface MmdbOptions {
  readonly recordSize?: 24 | 28 | 32;
  readonly ipVersion?: 4 | 6;
  readonly metadata?: Readonly<Record<string, Data>>;
}

export const BUILT = 1_700_000_000;

/** A file in the format of MaxMind; of networks in each other the smaller counts. */
export function mmdb(
  networks: Readonly<Record<string, Data>>,
  { recordSize = 24, ipVersion = 6, metadata = {} }: MmdbOptions = {},
): Uint8Array<ArrayBuffer> {
  const data = new DataWriter(), tree = new Tree();
  const prefixes = Object.entries(networks).map(([text, record]) => ({
    prefix: Prefix.parse(text)!,
    record,
  }));
  for (const { prefix, record } of prefixes.toSorted((a, b) => a.prefix.length - b.prefix.length)) {
    tree.add(bitsOf(prefix, ipVersion), data.add(record));
  }
  const description = new DataWriter();
  description.add({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: BigInt(BUILT),
    database_type: "Test",
    description: { en: "Test" },
    ip_version: ipVersion,
    languages: ["en"],
    node_count: tree.size,
    record_size: recordSize,
    ...metadata,
  });
  const marker = [0xab, 0xcd, 0xef, ...new TextEncoder().encode("MaxMind.com")];
  return Uint8Array.from([
    ...tree.encode(recordSize),
    ...new Array<number>(16).fill(0),
    ...data.bytes,
    ...marker,
    ...description.bytes,
  ]);
}

function bitsOf({ ip, length }: Prefix, ipVersion: 4 | 6): number[] {
  const bits = [...ip.bytes].flatMap((byte) => [...byte.toString(2).padStart(8, "0")].map(Number));
  const isPadded = ip.version === 4 && ipVersion === 6;
  return [...isPadded ? new Array<number>(96).fill(0) : [], ...bits.slice(0, length)];
}

/** The number of a node, what there is of data, or nothing. */
type Branch = { readonly node: number } | { readonly data: number } | undefined;

class Tree {
  readonly #nodes: [Branch, Branch][] = [[undefined, undefined]];

  get size(): number {
    return this.#nodes.length;
  }

  add(bits: readonly number[], data: number): void {
    let node = 0;
    for (const bit of bits.slice(0, -1)) {
      const branch = this.#nodes[node]![bit];
      if (branch && "node" in branch) node = branch.node;
      else {
        this.#nodes[node]![bit] = { node: this.#nodes.length };
        node = this.#nodes.push([branch, branch]) - 1;
      }
    }
    this.#nodes[node]![bits.at(-1)!] = { data };
  }

  encode(recordSize: 24 | 28 | 32): number[] {
    return this.#nodes.flatMap((branches) => {
      const [left, right] = branches.map((branch) => this.#record(branch)) as [number, number];
      if (recordSize !== 28) return [...bigEndian(left, recordSize / 8), ...bigEndian(right, recordSize / 8)];
      const middle = ((left >>> 24) << 4) | (right >>> 24);
      return [...bigEndian(left & 0xffffff, 3), middle, ...bigEndian(right & 0xffffff, 3)];
    });
  }

  #record(branch: Branch): number {
    if (branch === undefined) return this.size;
    return "node" in branch ? branch.node : this.size + 16 + branch.data;
  }
}

/** Writes values one behind the other; of a text that comes again, a pointer to the first. */
class DataWriter {
  readonly bytes: number[] = [];
  readonly #texts = new Map<string, number>();

  /** Gives where the value is. */
  add(value: Data): number {
    const at = this.bytes.length;
    this.#write(value);
    return at;
  }

  #write(value: Data): void {
    if (value instanceof Raw) this.bytes.push(...value.bytes);
    else if (typeof value === "string") this.#text(value);
    else if (typeof value === "boolean") this.#control(14, value ? 1 : 0);
    else if (typeof value === "bigint") this.#put(9, bigEndian(Number(value), 8));
    else if (value instanceof Float) this.#put(15, floating(4, (view) => view.setFloat32(0, value.value)));
    else if (typeof value === "number") {
      if (Number.isInteger(value) && value >= 0) this.#put(6, bigEndian(value, 4));
      else this.#put(3, floating(8, (view) => view.setFloat64(0, value)));
    } else if (value instanceof Array) {
      this.#control(11, value.length);
      for (const item of value) this.#write(item);
    } else {
      this.#control(7, Object.keys(value).length);
      for (const [key, item] of Object.entries(value)) {
        this.#text(key);
        this.#write(item);
      }
    }
  }

  #text(text: string): void {
    const known = this.#texts.get(text);
    if (known !== undefined) this.bytes.push(...pointer(known));
    else {
      this.#texts.set(text, this.bytes.length);
      this.#put(2, [...new TextEncoder().encode(text)]);
    }
  }

  #put(type: number, bytes: readonly number[]): void {
    this.#control(type, bytes.length);
    this.bytes.push(...bytes);
  }

  #control(type: number, size: number): void {
    const [short, rest] = size < 29
      ? [size, []]
      : size < 285
      ? [29, [size - 29]]
      : [30, bigEndian(size - 285, 2)];
    if (type > 7) this.bytes.push(short, type - 7, ...rest);
    else this.bytes.push((type << 5) | short, ...rest);
  }
}

/** A pointer to an offset in the data, as short as it can be. */
export function pointer(offset: number): number[] {
  if (offset < 2048) return [0x20 | (offset >> 8), offset & 255];
  if (offset < 526_336) return [0x28 | ((offset - 2048) >> 16), ...bigEndian((offset - 2048) & 0xffff, 2)];
  return [0x38, ...bigEndian(offset, 4)];
}

function bigEndian(value: number, length: number): number[] {
  return Array.from({ length }, (_, i) => Math.floor(value / 256 ** (length - 1 - i)) % 256);
}

function floating(length: number, write: (view: DataView) => void): number[] {
  const bytes = new Uint8Array(length);
  write(new DataView(bytes.buffer));
  return [...bytes];
}
