import type { Ip, Prefix } from "../../core/ip.ts";
import { IPV6_BASE, type Vocabulary } from "../../core/vocabulary.ts";
import { readTextIfThere } from "../files.ts";
import { NetlinkSocket } from "../../native/netlink.ts";
import { parseIfInet6, parseRoutes } from "../../parsers/proc_net_addresses.ts";
import { addressRequest, linkRequest, readAddresses, readLinks } from "../../parsers/rtnetlink.ts";

// include/uapi/linux/netlink.h
const NETLINK_ROUTE = 0;
const LOOPBACK = "lo";

/** Which interface owns which of the host's addresses. */
export class Interfaces {
  readonly #vocabulary: Vocabulary;
  #addresses: readonly { ip: Ip; name: string }[] = [];
  /** Where only routes are known: an address belongs to the interface of the longest that holds it. */
  #routes: readonly { prefix: Prefix; name: string }[] = [];
  readonly #names = new Map<number, number>();
  #generation = -1;
  #unspecified = 0;
  #loopback = 0;
  #lo = 0;

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  /** Asks the kernel by netlink. */
  *refreshByNetlink(): Iterable<void> {
    const socket = new NetlinkSocket(NETLINK_ROUTE);
    try {
      const names = new Map<number, string>();
      for (const _ of socket.dump(linkRequest())) {
        readLinks(socket.messages, names);
        yield;
      }
      const addresses: { ip: Ip; name: string }[] = [];
      for (const _ of socket.dump(addressRequest())) {
        for (const { ip, index } of readAddresses(socket.messages)) {
          const name = names.get(index);
          if (name !== undefined) addresses.push({ ip, name });
        }
        yield;
      }
      this.#become(addresses, []);
    } finally {
      socket.close();
    }
  }

  /** Reads what procfs tells: the IPv6 addresses, and for IPv4 the routes to the networks of the interfaces. */
  refreshByProcfs(procfs: string): void {
    const routes = parseRoutes(readTextIfThere(`${procfs}/net/route`));
    this.#become(
      parseIfInet6(readTextIfThere(`${procfs}/net/if_inet6`)),
      routes.sort((a, b) => b.prefix.length - a.prefix.length),
    );
  }

  /** The vocabulary's number for the name of the interface that owns the address, or NaN. */
  of(address: number): number {
    if (this.#generation !== this.#vocabulary.generation) this.#learn();
    if (address < IPV6_BASE ? address === 0 || address >>> 24 === 127 : this.#isLocal6(address)) {
      return this.#lo;
    }
    return this.#names.get(address) ?? this.#search(address);
  }

  #become(
    addresses: readonly { ip: Ip; name: string }[],
    routes: readonly { prefix: Prefix; name: string }[],
  ): void {
    this.#addresses = addresses;
    this.#routes = routes;
    this.#generation = -1;
  }

  #isLocal6(address: number): boolean {
    return address === this.#unspecified || address === this.#loopback;
  }

  #learn(): void {
    const vocabulary = this.#vocabulary;
    this.#names.clear();
    this.#unspecified = vocabulary.ipv6Words(0, 0, 0, 0);
    this.#loopback = vocabulary.ipv6Words(0, 0, 0, 1);
    this.#lo = vocabulary.text(LOOPBACK);
    // A VLAN often has the link-local address of the interface below it, which comes first.
    for (const { ip, name } of this.#addresses.toReversed()) {
      this.#names.set(vocabulary.ip(ip), vocabulary.text(name));
    }
    this.#generation = vocabulary.generation;
  }

  #search(address: number): number {
    if (this.#routes.length === 0) return NaN;
    const ip = this.#vocabulary.ipOf(address);
    const route = this.#routes.find(({ prefix }) => prefix.contains(ip));
    const name = route === undefined ? NaN : this.#vocabulary.text(route.name);
    this.#names.set(address, name);
    return name;
  }
}
