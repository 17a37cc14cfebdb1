/** A socket as the kernel tells it, reused from one to the next. NaN is what was not told. */
export class SocketEntry {
  /** TCP_ESTABLISHED 1 to TCP_NEW_SYN_RECV 12, also for UDP (include/net/tcp_states.h). */
  state = 0;
  source = 0;
  sourcePort = 0;
  destination = 0;
  destinationPort = 0;
  uid = 0;
  inode = 0;
  /** Of a listener: connections that wait to be accepted, and how many may. */
  queue = NaN;
  queueLimit = NaN;
  /** Seconds. */
  rtt = NaN;
  retransmitted = NaN;
  unacked = NaN;
}

/** TCP_ESTABLISHED to TCP_NEW_SYN_RECV. */
export function isState(state: number): boolean {
  return state >= 1 && state <= 12;
}
