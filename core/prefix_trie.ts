import type { Ip, Prefix } from "./ip.ts";

/** Finds the longest prefix that holds an address, in one step for each of its bits. */
export class PrefixTrie<T> {
  /** Two children a node; node 0 is none, 1 the root of IPv4, 2 that of IPv6. */
  readonly #children: number[] = [0, 0, 0, 0, 0, 0];
  readonly #values = new Map<number, T>();

  get size(): number {
    return this.#values.size;
  }

  /** Gives whether the prefix is new. */
  add(prefix: Prefix, value: T): boolean {
    let node = rootOf(prefix.ip);
    for (let bit = 0; bit < prefix.length; bit++) {
      const at = 2 * node + bitOf(prefix.ip, bit);
      if (this.#children[at] === 0) {
        this.#children[at] = this.#children.length / 2;
        this.#children.push(0, 0);
      }
      node = this.#children[at]!;
    }
    const isNew = !this.#values.has(node);
    this.#values.set(node, value);
    return isNew;
  }

  find(ip: Ip): T | undefined {
    let found: T | undefined;
    let node = rootOf(ip);
    const bits = ip.bytes.length * 8;
    for (let bit = 0; node !== 0; bit++) {
      found = this.#values.get(node) ?? found;
      node = bit === bits ? 0 : this.#children[2 * node + bitOf(ip, bit)]!;
    }
    return found;
  }
}

function rootOf(ip: Ip): number {
  return ip.version === 4 ? 1 : 2;
}

function bitOf(ip: Ip, bit: number): number {
  return (ip.bytes[bit >> 3]! >> (7 - (bit & 7))) & 1;
}
