import type { Ip } from "./ip.ts";

/** Names of interfaces by their index, as SNMP and flows have it. */
export type NamesByIndex = ReadonlyMap<number, string>;

/** More addresses have no place, in all and of one router. */
const MAX_ADDRESSES = 4096, MAX_OF_ROUTER = 64;

/**
 * The names that the interfaces of routers have, by the address of the router: told by whoever reads them from the
 * router itself, asked by whoever knows the index only.
 */
export class InterfaceNames {
  readonly #byAddress = new Map<string, NamesByIndex>();
  /** By address, the router that has told it first: several may have the same address in networks of their own. */
  readonly #tellers = new Map<string, string>();
  readonly #listeners: (() => void)[] = [];

  /**
   * Says what the names of a router are, in place of what it has said before. Of its addresses the first is where it was
   * reached: that is its own whoever else has told it.
   */
  tell(router: string, addresses: readonly Ip[], names: NamesByIndex): void {
    const own = addresses.slice(0, MAX_OF_ROUTER).map(String).filter((address, i) =>
      i === 0 || (this.#tellers.get(address) ?? router) === router
    );
    for (const address of own) this.#tellers.set(address, router);
    this.tellAll(new Map(own.map((address) => [address, names])));
  }

  /** The names of several routers, by their addresses. */
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
