/** IANA numbers of the protocols that conntrack has something of its own for. */
export const TCP = 6, UDP = 17, DCCP = 33, SCTP = 132, UDPLITE = 136;

const TCP_STATES = [
  "NONE",
  "SYN_SENT",
  "SYN_RECV",
  "ESTABLISHED",
  "FIN_WAIT",
  "CLOSE_WAIT",
  "LAST_ACK",
  "TIME_WAIT",
  "CLOSE",
  "SYN_SENT2",
];
const DCCP_STATES = [
  "NONE",
  "REQUEST",
  "RESPOND",
  "PARTOPEN",
  "OPEN",
  "CLOSEREQ",
  "CLOSING",
  "TIMEWAIT",
  "IGNORE",
  "INVALID",
];
const SCTP_STATES = [
  "NONE",
  "CLOSED",
  "COOKIE_WAIT",
  "COOKIE_ECHOED",
  "ESTABLISHED",
  "SHUTDOWN_SENT",
  "SHUTDOWN_RECD",
  "SHUTDOWN_ACK_SENT",
  "HEARTBEAT_SENT",
  "HEARTBEAT_ACKED",
];

/** The states of all protocols that have states, each name once. */
export const STATES: readonly string[] = [...new Set([...TCP_STATES, ...DCCP_STATES, ...SCTP_STATES])];

/**
 * By protocol and the kernel's number, the index in `STATES` (net/netfilter/nf_conntrack_proto_tcp.c, _dccp.c, _sctp.c).
 */
export const STATE_NUMBERS: Readonly<Record<"tcp" | "dccp" | "sctp", readonly number[]>> = {
  tcp: TCP_STATES.map((name) => STATES.indexOf(name)),
  dccp: DCCP_STATES.map((name) => STATES.indexOf(name)),
  sctp: SCTP_STATES.map((name) => STATES.indexOf(name)),
};

/** How far a connection has come. */
export const STATUSES = ["unreplied", "replied", "assured", "offloaded"] as const;
export const UNREPLIED = 0, REPLIED = 1, ASSURED = 2, OFFLOADED = 3;

/** What is counted of a connection. */
export const SENT_PACKETS = 0, SENT_BYTES = 1, REPLY_PACKETS = 2, REPLY_BYTES = 3;

export function hasPorts(protocol: number): boolean {
  return protocol === TCP || protocol === UDP || protocol === SCTP || protocol === DCCP ||
    protocol === UDPLITE;
}

/** One connection of the kernel's table, filled anew for each. NaN is what the kernel does not tell. */
export class ConntrackEntry {
  /** Two signed 32-bit numbers that together tell this connection from others; the same whenever it is read by the same road. */
  id = 0;
  tuple = 0;
  /** 4 or 6 */
  family = 4;
  /** IANA number */
  protocol = 0;
  /** As the first packet had them. Addresses are those of the vocabulary; only some protocols have ports. */
  source = NaN;
  destination = NaN;
  sourcePort = NaN;
  destinationPort = NaN;
  /** As packets of the other direction have them: swapped, and other where addresses are translated. */
  replySource = NaN;
  replyDestination = NaN;
  replySourcePort = NaN;
  replyDestinationPort = NaN;
  /** Index in `STATES`, of protocols that have states. */
  state = NaN;
  /** Index in `STATUSES`. */
  status = 0;
  /** Seconds until it is forgotten. */
  timeout = NaN;
  mark = NaN;
  zone = 0;
  /** By the indices above; only with accounting. */
  readonly counters = new Float64Array(4).fill(NaN);

  /** Before it is filled anew: nothing is told yet. Kernels do not always tell of a mark or a zone of 0. */
  clear(): void {
    this.source =
      this.destination =
      this.sourcePort =
      this.destinationPort =
        NaN;
    this.replySource =
      this.replyDestination =
      this.replySourcePort =
      this.replyDestinationPort =
        NaN;
    const { counters } = this;
    counters[SENT_PACKETS] =
      counters[SENT_BYTES] =
      counters[REPLY_PACKETS] =
      counters[REPLY_BYTES] =
        NaN;
    this.state = this.timeout = NaN;
    this.mark = this.zone = this.status = 0;
  }
}
