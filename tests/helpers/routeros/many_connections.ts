import type { Prepared, Row } from "./rows.ts";

/** The first half of addresses of networks in many countries. */
const NETWORKS = [
  ...["8.8", "13.107", "104.16", "142.250", "52.94", "24.48", "187.188", "200.147", "181.30", "190.98"],
  ...["5.9", "51.15", "62.210", "80.58", "93.62", "145.97", "194.47", "193.166", "213.180", "77.88"],
  ...["91.198", "176.31", "195.113", "89.133", "78.46", "88.198", "85.105", "212.58", "81.2", "130.59"],
  ...["1.1", "27.131", "58.27", "61.135", "114.114", "133.1", "164.100", "202.12", "211.231", "203.2"],
  ...["41.32", "102.130", "154.70", "196.25", "197.210", "49.36", "110.50", "125.160", "139.130", "210.55"],
];

const PORTS = [443, 443, 443, 443, 80, 80, 53, 123, 993, 22, 5222, 8443, 3478, 51820];

const TCP_STATES = [
  ...["established", "established", "established", "established", "established", "established"],
  ...["time-wait", "time-wait", "close", "fin-wait", "close-wait", "last-ack", "syn-sent", "syn-received"],
];

/** Of one host, so many ports are used before they come again. */
const SOURCE_PORTS = 64_512;

export interface ManyOptions {
  /** How many addresses they come from; 200 by default. */
  readonly sources?: number;
  /** How many addresses they go to; 5,000 by default. */
  readonly destinations?: number;
}

/**
 * Connections of hosts in 10.0.0.0/8 with others all over the internet, the same each time; no two have the same source
 * address and port, unless there are more than 64,512 for each source.
 */
export function manyConnections(count: number, options: ManyOptions = {}): Prepared {
  const { sources = 200, destinations = 5000 } = options;
  return { count, row: (index) => connection(index, { sources, destinations }) };
}

function connection(index: number, { sources, destinations }: Required<ManyOptions>): Row {
  const chance = mix(index), kind = chance % 100;
  const protocol = kind < 68 ? "tcp" : kind < 95 ? "udp" : kind < 99 ? "icmp" : "gre";
  const hasPorts = protocol === "tcp" || protocol === "udp";
  const sourcePort = 1024 + Math.floor(index / sources) % SOURCE_PORTS,
    port = PORTS[mix(chance) % PORTS.length]!;
  const source = privateAddress(index % sources), destination = publicAddress(mix(chance + 1) % destinations);
  const state = TCP_STATES[mix(chance + 2) % TCP_STATES.length]!;
  const isAnswered = protocol === "tcp" ? state !== "syn-sent" : mix(chance + 3) % 8 > 0;
  const isFast = isAnswered && hasPorts && mix(chance + 4) % 3 > 0;
  const there = `${destination}${hasPorts ? `:${port}` : ""}`, ownPort = hasPorts ? `:${sourcePort}` : "";
  const up = 1 + mix(chance + 5) % 5000, down = isAnswered ? 1 + mix(chance + 6) % 20_000 : 0;
  const upBytes = up * (60 + mix(chance + 7) % 400), downBytes = down * (60 + mix(chance + 8) % 1400);
  return {
    ".id": `*${(0x1000 + index).toString(16).toUpperCase()}`,
    "protocol": protocol,
    "src-address": source + ownPort,
    "dst-address": there,
    "reply-src-address": there,
    "reply-dst-address": `203.0.113.2${ownPort}`,
    ...ofProtocol(protocol, { state, chance }),
    "timeout": timeoutOf(
      protocol === "tcp" && state === "established" ? 86_400 - chance % 3600 : chance % 180,
    ),
    ...chance % 5 === 0 ? { "connection-mark": chance % 2 === 0 ? "voip" : "гости" } : {},
    "orig-packets": String(up),
    "orig-bytes": String(upBytes),
    "orig-fasttrack-packets": String(isFast ? up >> 1 : 0),
    "orig-fasttrack-bytes": String(isFast ? Math.floor(upBytes / 2) : 0),
    "repl-packets": String(down),
    "repl-bytes": String(downBytes),
    "repl-fasttrack-packets": String(isFast ? down >> 1 : 0),
    "repl-fasttrack-bytes": String(isFast ? Math.floor(downBytes / 2) : 0),
    "orig-rate": rateOf(chance % 100_000),
    "repl-rate": rateOf(isAnswered ? chance % 9_000_000 : 0),
    "expected": "false",
    "seen-reply": String(isAnswered),
    "assured": String(isAnswered && protocol !== "icmp"),
    "confirmed": "true",
    "dying": "false",
    "fasttrack": String(isFast),
    "hw-offload": "false",
    "srcnat": "true",
    "dstnat": String(mix(chance + 9) % 20 === 0),
  };
}

function ofProtocol(protocol: string, { state, chance }: { state: string; chance: number }): Row {
  if (protocol === "tcp") return { "tcp-state": state };
  if (protocol === "icmp") return { "icmp-type": "8", "icmp-code": "0", "icmp-id": String(chance % 65_536) };
  if (protocol === "gre") return { "gre-key": "0", "gre-protocol": "2048", "gre-version": "0" };
  return {};
}

/** The last step of MurmurHash3: from a number one that looks like chance. */
function mix(n: number): number {
  n = Math.imul(n ^ n >>> 16, 0x85eb_ca6b);
  n = Math.imul(n ^ n >>> 13, 0xc2b2_ae35);
  return (n ^ n >>> 16) >>> 0;
}

function privateAddress(index: number): string {
  const host = index + 2;
  return `10.${host >> 16 & 0xff}.${host >> 8 & 0xff}.${host & 0xff}`;
}

function publicAddress(index: number): string {
  const host = Math.floor(index / NETWORKS.length), third = host & 0xff;
  return `${NETWORKS[index % NETWORKS.length]}.${third}.${1 + ((host >> 8) + 7 * third) % 254}`;
}

function timeoutOf(seconds: number): string {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return [h && `${h}h`, m && `${m}m`, s && `${s}s`].filter(Boolean).join("") || "0s";
}

/** Small ones as they are, others with their unit. */
function rateOf(rate: number): string {
  if (rate < 1000) return String(rate);
  return rate < 1_000_000 ? `${(rate / 1000).toFixed(1)}kbps` : `${(rate / 1_000_000).toFixed(1)}Mbps`;
}
