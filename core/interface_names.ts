import type { Ip } from "./ip.ts";

/** Names of interfaces by their index, as SNMP and flows have it. */
export type NamesByIndex = ReadonlyMap<number, string>;

/** More routers than this have no place. */
const MAX_ADDRESSES = 4096;

/**
 * The names that the interfaces of routers have, by the address of the router: told by whoever reads them from the
 * router itself, asked by whoever knows the index only.
 */
export class InterfaceNames {
  readonly #byAddress = new Map<string, NamesByIndex>();
  readonly #listeners: (() => void)[] = [];

  /** Says what the names of a router with these addresses are, in place of what was said before. */
  tell(addresses: Iterable<Ip>, names: NamesByIndex): void {
    this.tellAll(new Map(Iterator.from(addresses).map((address) => [String(address), names])));
  }

  /** The same of several routers, by their addresses. */
  tellAll(all: ReadonlyMap<string, NamesByIndex>): void {
    let isNew = false;
    for (const [address, names] of all) {
      const before = this.#byAddress.get(address);
      if (before === undefined ? this.#byAddress.size >= MAX_ADDRESSES : isSame(before, names)) continue;
      this.#byAddress.set(address, names);
      isNew = true;
    }
    if (isNew) { for (const listener of this.#listeners) listener(); }
  }

  find(address: Ip, index: number): string | undefined {
    return this.#byAddress.get(String(address))?.get(index);
  }

  /** Calls the listener when a name is another one. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** All that is known, to be told elsewhere. */
  get all(): ReadonlyMap<string, NamesByIndex> {
    return this.#byAddress;
  }
}

function isSame(a: NamesByIndex, b: NamesByIndex): boolean {
  return a.size === b.size && a.entries().every(([index, name]) => b.get(index) === name);
}
