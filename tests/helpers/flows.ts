import type { Conversation, Namespace } from "./namespace.ts";

const HOST = new URL("flows_host.ts", import.meta.url);

type Family = "ipv4" | "ipv6";

/** The addresses from which traffic comes. */
export type Sources = Readonly<Record<Family, string>>;

export interface UdpFlows {
  /** How many. */
  readonly count: number;
  /** The number of the first; they are counted from 0. */
  readonly first?: number;
  /** How many have the same destination address; their source ports differ. */
  readonly per?: number;
  /** Of each packet, in bytes. */
  readonly payload?: number;
  readonly family?: Family;
}

export interface TcpFlows {
  readonly count: number;
  /** What either side sends. */
  readonly bytes?: number;
  /** So many destination addresses, in turn. A connection that was closed holds its port of a destination for 60 s. */
  readonly destinations?: number;
  readonly family?: Family;
}

export interface Transfer {
  /** The number of connections. */
  readonly count?: number;
  readonly up: number;
  readonly down: number;
  readonly family?: Family;
}

export interface Pings {
  readonly to: string;
  readonly id: number;
  readonly count?: number;
  readonly payload?: number;
}

/**
 * A process in a namespace that makes traffic there. It receives UDP at port 9999 and TCP at port 7000 of each address.
 * Every method waits until its packets are sent, and tells how many milliseconds that took.
 */
export class Flows implements AsyncDisposable {
  private constructor(readonly sources: Sources, readonly host: Conversation) {}

  static async start(namespace: Namespace, sources: Sources): Promise<Flows> {
    const flows = new Flows(sources, namespace.start(HOST));
    try {
      await flows.#ask("open");
      return flows;
    } catch (error) {
      await flows[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** One packet of each flow: from port 20000 and those after it, to 10.0.1.0 or fd00:77::1:0 and those after it. */
  sendUdp(flows: UdpFlows): Promise<number> {
    return this.#udp("sendUdp", flows);
  }

  /** One packet of each flow in the direction of the reply. */
  answerUdp(flows: UdpFlows): Promise<number> {
    return this.#udp("answerUdp", flows);
  }

  #udp(command: string, { count, first = 0, per = 1, payload = 100, family = "ipv4" }: UdpFlows) {
    return this.#ask(command, this.sources[family], per, payload, first, count);
  }

  /** Whole connections of which both ends are here; the client closes first. */
  exchangeTcp({ count, bytes = 0, destinations = 1, family = "ipv4" }: TcpFlows): Promise<number> {
    return this.#ask("exchangeTcp", this.sources[family], count, bytes, destinations);
  }

  /** Connections to another process, which has to serve as many. */
  fetchTcp(peer: string, { count = 1, up, down, family = "ipv4" }: Transfer): Promise<number> {
    return this.#ask("fetchTcp", this.sources[family], peer, count, up, down);
  }

  serveTcp({ count = 1, up, down, family = "ipv4" }: Transfer): Promise<number> {
    return this.#ask("serveTcp", this.sources[family], count, up, down);
  }

  /** Requests of ICMP or ICMPv6, each of which is answered. */
  ping({ to, id, count = 1, payload = 56 }: Pings): Promise<number> {
    return this.#ask("ping", this.sources[to.includes(":") ? "ipv6" : "ipv4"], to, id, count, payload);
  }

  zoo(): Promise<number> {
    return this.#ask("zoo");
  }

  async #ask(...words: readonly (string | number)[]): Promise<number> {
    return Number(await this.host.ask(words.join(" ")));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.host[Symbol.asyncDispose]();
  }
}
