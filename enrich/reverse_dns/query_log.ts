import { Ip } from "../../core/ip.ts";
import { dnsName } from "./dns_name.ts";

export interface NamedAddress {
  readonly ip: Ip;
  readonly name: string;
}

/** Longer than any line that says of what use it is. */
const MAX_LINE = 1024;
/** Questions whose answers may still come. */
const MAX_QUERIES = 4096;
const COLOURS = /\p{Cc}\[[\d;]*m/gu;
/** Whoever blocks a name answers with none of these. */
const SOURCE = /^(?:reply|cached|cached-stale|config|DHCP|\/\S+)$/;
const BLOCKED: readonly string[] = ["0.0.0.0", "::"];

/**
 * Reads the log of dnsmasq, or of Pi-hole, whose DNS server is one: `log_query()` in dnsmasq's src/cache.c, with
 * `log-queries` or `log-queries=extra`. The latter puts a serial number and the client before what it says of a query.
 */
export class QueryLog {
  /** What was asked, by serial number and client. */
  readonly #queries = new Map<string, string>();
  /** The aliases that one answer leads through: whose they are, the first, and the name that has the addresses. */
  #chain: { readonly query: string; readonly alias: string; target?: string } | undefined;

  /** The address that a line gives as an answer, with the name that was asked for. */
  read(line: string): NamedAddress | undefined {
    if (line.length > MAX_LINE) return undefined;
    const text = line.replace(COLOURS, "").trimEnd();
    // Before it are the date and the program, of which `pihole -t` leaves the time.
    const start = text.indexOf(": ");
    if (start < 0) return undefined;
    const words = text.slice(start + 2).split(" ");
    const hasSerial = /^\d+$/.test(words[0]!) && words[1]?.includes("/") === true;
    const query = hasSerial ? words.splice(0, 2).join(" ") : "";
    const [source = "", name = "", verb, answer = ""] = words;
    if (verb === "is" && words.length === 4 && SOURCE.test(source)) {
      return this.#answer({ query, name, answer });
    }
    this.#chain = undefined;
    if (verb === "from" && source.startsWith("query[") && hasSerial) this.#remember(query, name);
    return undefined;
  }

  #remember(query: string, name: string): void {
    this.#queries.delete(query);
    this.#queries.set(query, name);
    if (this.#queries.size > MAX_QUERIES) this.#queries.delete(this.#queries.keys().next().value!);
  }

  #answer(
    { query, name, answer }: { query: string; name: string; answer: string },
  ): NamedAddress | undefined {
    let chain = this.#chain;
    if (chain?.query !== query || (chain.target !== undefined && chain.target !== name)) chain = undefined;
    if (answer === "<CNAME>") {
      this.#chain = chain ?? { query, alias: name };
      return undefined;
    }
    const ip = Ip.parse(answer);
    if (ip === undefined) {
      this.#chain = undefined;
      return undefined;
    }
    if (chain !== undefined) chain.target = name;
    this.#chain = chain;
    const asked = dnsName(this.#queries.get(query) ?? chain?.alias ?? name);
    return asked === undefined || BLOCKED.includes(answer) ? undefined : { ip, name: asked };
  }
}
