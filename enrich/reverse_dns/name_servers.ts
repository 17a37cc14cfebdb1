import { Ip } from "../../core/ip.ts";
import { describe } from "../../core/node.ts";
import type { Shape } from "../../core/shape.ts";
import { dnsName, reverseName } from "./dns_name.ts";

export interface NameServer {
  readonly ipAddr: string;
  readonly port: number;
}

const DNS_PORT = 53;

/** `127.0.0.1`, `127.0.0.1:5353`, `::1` or `[::1]:5353`. */
export const nameServer: Shape<NameServer> = {
  expects: "an address such as 127.0.0.1, 127.0.0.1:5353 or [::1]:5353",
  read(node, problems) {
    const server = node.kind === "scalar" ? parseNameServer(node.text) : undefined;
    if (server === undefined) problems.add(node, `Expected ${this.expects}, not ${describe(node)}`);
    return server;
  },
  show: ({ ipAddr, port }) => ipAddr.includes(":") ? `[${ipAddr}]:${port}` : `${ipAddr}:${port}`,
};

function parseNameServer(text: string): NameServer | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*:[^\]]*)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? [];
  const ip = Ip.parse(bracketed ?? plain ?? text), port = digits === undefined ? DNS_PORT : Number(digits);
  return ip === undefined || port < 1 || port > 65535 ? undefined : { ipAddr: String(ip), port };
}

/** The servers in the text of /etc/resolv.conf, and what is asked without one: resolv.conf(5). */
export function systemServers(text: string): NameServer[] {
  const addresses = [...text.matchAll(/^nameserver[ \t]+(\S+)/gm)].map(([, address = ""]) =>
    Ip.parse(address)
  );
  const servers = addresses.filter((ip) => ip !== undefined).map((ip) => ({
    ipAddr: String(ip),
    port: DNS_PORT,
  }));
  return servers.length > 0 ? servers : [{ ipAddr: "127.0.0.1", port: DNS_PORT }];
}

export interface NameServersOptions {
  /** Without any: those of the system, from this file. */
  readonly servers: readonly NameServer[];
  readonly resolvConf: string;
  /** The longest that one server is waited for. */
  readonly timeoutMs: number;
}

/** Asks one server after the other for the name of an address, first the one that answered last. */
export class NameServers {
  readonly #options: NameServersOptions;
  #servers: readonly NameServer[];
  #first = 0;

  constructor(options: NameServersOptions) {
    this.#options = options;
    this.#servers = options.servers;
  }

  async load(): Promise<void> {
    const { servers, resolvConf } = this.#options;
    if (servers.length > 0) return;
    // What cannot be read says nothing, as to the system's own resolver.
    this.#servers = systemServers(await Deno.readTextFile(resolvConf).catch(() => ""));
  }

  /** Nothing when the address has no name. Throws when no server answers, or the signal is aborted. */
  async nameOf(ip: Ip, signal: AbortSignal): Promise<string | undefined> {
    const question = reverseName(ip), servers = this.#servers, first = this.#first;
    let reason: unknown;
    for (let i = 0; i < servers.length; i++) {
      const at = (first + i) % servers.length;
      try {
        const name = await this.#ask(servers[at]!, question, signal);
        this.#first = at;
        return name;
      } catch (error) {
        signal.throwIfAborted();
        reason = error;
      }
    }
    // The network may be another one by now.
    await this.load();
    throw reason;
  }

  async #ask(nameServer: NameServer, question: string, stop: AbortSignal): Promise<string | undefined> {
    using deadline = new Deadline(this.#options.timeoutMs, stop);
    try {
      const names = await Deno.resolveDns(question, "PTR", { nameServer, signal: deadline.signal });
      // They come in any order: without one, the name would change from answer to answer.
      return names.map(dnsName).filter((name) => name !== undefined).toSorted()[0];
    } catch (error) {
      // Deno says this of SERVFAIL and REFUSED as well as of NXDOMAIN.
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }
}

/** Aborts after that time, or with another signal; leaves nothing behind at the other one. */
class Deadline {
  readonly #controller = new AbortController();
  readonly #stop: AbortSignal;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #onStop = () => this.#controller.abort(this.#stop.reason);

  constructor(milliseconds: number, stop: AbortSignal) {
    this.#stop = stop;
    const late = () => this.#controller.abort(new Deno.errors.TimedOut("The name server does not answer"));
    this.#timer = setTimeout(late, milliseconds);
    if (stop.aborted) this.#onStop();
    else stop.addEventListener("abort", this.#onStop);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#stop.removeEventListener("abort", this.#onStop);
  }
}
