/**
 * What the program `conntrack` lists. Of its forms the text: its XML calls the states of SCTP by names of TCP, and
 * leaves the identifier of ICMP out.
 */

export interface ListedFlow {
  readonly id: number;
  readonly family: "ipv4" | "ipv6";
  readonly protocol: number;
  /** Of TCP, SCTP and their like. */
  readonly state: string | undefined;
  /** Such as ASSURED and UNREPLIED. */
  readonly status: readonly string[];
  readonly timeout: number;
  readonly mark: number;
  readonly original: ListedDirection;
  readonly reply: ListedDirection;
}

/** The packets of one direction, as they are before translation; what a protocol does not have is undefined. */
export interface ListedDirection {
  readonly source: string;
  readonly sourcePort: number | undefined;
  readonly destination: string;
  readonly destinationPort: number | undefined;
  readonly icmpType: number | undefined;
  readonly icmpCode: number | undefined;
  readonly icmpId: number | undefined;
  readonly zone: number;
  /** Without accounting, undefined. */
  readonly packets: number | undefined;
  readonly bytes: number | undefined;
}

export const LIST_ARGS: readonly string[] = ["-L", "-o", "extended,id"];

type Words = Readonly<Record<string, string>>;

export function parseList(text: string): ListedFlow[] {
  return text.split("\n").filter((line) => line !== "").map(parseLine);
}

function parseLine(line: string): ListedFlow {
  const [head = "", original = "", end = ""] = line.split(" src=").map((part, i) => i ? `src=${part}` : part);
  const [family = "", , , protocol, timeout, state] = head.split(/ +/);
  // That of ICMP, which has the same name, is not at the end.
  const id = / id=(\d+)$/.exec(end)?.[1];
  if (id === undefined || !(family === "ipv4" || family === "ipv6")) {
    throw new Error(`Expected a line of conntrack, not "${line}"`);
  }
  const there = wordsOf(original), back = wordsOf(end.slice(0, -` id=${id}`.length));
  return {
    id: Number(id),
    family,
    protocol: Number(protocol),
    state,
    status: [...line.matchAll(/\[(\w+)\]/g)].map(([, word]) => word!),
    timeout: Number(timeout),
    mark: numberOf(back["mark"]) ?? 0,
    original: directionOf(there, there["zone-orig"] ?? back["zone"]),
    reply: directionOf(back, back["zone-reply"] ?? back["zone"]),
  };
}

function directionOf(words: Words, zone: string | undefined): ListedDirection {
  return {
    source: words["src"]!,
    sourcePort: numberOf(words["sport"]),
    destination: words["dst"]!,
    destinationPort: numberOf(words["dport"]),
    icmpType: numberOf(words["type"]),
    icmpCode: numberOf(words["code"]),
    icmpId: numberOf(words["id"]),
    zone: numberOf(zone) ?? 0,
    packets: numberOf(words["packets"]),
    bytes: numberOf(words["bytes"]),
  };
}

function wordsOf(text: string): Words {
  return Object.fromEntries([...text.matchAll(/(\S+?)=(\S+)/g)].map(([, name, value]) => [name, value]));
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
