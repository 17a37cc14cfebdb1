/** What is missing may come late: for so long it does not count as lost. */
const GRACE_MS = 2000;
/** So many gaps are held open. A gap of more flows is none: the source has set its count anew. */
const MAX_GAPS = 16, MAX_GAP = 2 ** 26;
/** By so much may the uptime in a datagram be behind that of another, when they overtake each other. */
const UPTIME_SLACK_MS = 10_000;

/** An uptime counts as one that has passed 2^32 when it is nearer so than this; otherwise a smaller one is an earlier one. */
const WRAP_MS = 3_600_000;

/** Numbers that were not seen yet. */
interface Gap {
  from: number;
  size: number;
  readonly seen: number;
}

/**
 * Follows the sequence numbers of one source, which say how many flows it had sent before: what was lost on the way, and
 * whether the source began anew. All numbers are modulo 2^32.
 */
export class Sequence {
  /** How many flows were lost. */
  lost = 0;
  restarts = 0;
  #next = -1;
  #uptime = 0;
  /** That of its first datagram. */
  #begin = 0;
  readonly #gaps: Gap[] = [];

  /** Takes a datagram with `count` flows, received at `now` in milliseconds. */
  take(sequence: number, count: number, { uptime, now }: { uptime: number; now: number }): void {
    const ahead = this.#next < 0 ? 0 : (sequence - this.#next) | 0;
    const later = difference(uptime, this.#uptime), isEarlier = later < -UPTIME_SLACK_MS;
    if (ahead < 0 && count > 0 && !isEarlier && this.#fill(sequence, count)) return;
    // The first datagram of all may come twice.
    const isFirst = sequence === 0 && uptime !== this.#begin;
    if (this.#next < 0) this.#begin = uptime;
    else if (isEarlier || (later < 0 && isFirst)) this.#restart(uptime);
    else if (ahead > 0 && ahead <= MAX_GAP) this.#open({ from: this.#next, size: ahead, seen: now });
    // A datagram that was sent twice, or a source that has set its count back without a start.
    else if (ahead < 0 && later <= 0) return;
    this.#next = (sequence + count) >>> 0;
    this.#uptime = uptime;
  }

  /** Counts what will not come any more. */
  settle(now: number): void {
    while (this.#gaps.length > 0 && now - this.#gaps[0]!.seen >= GRACE_MS) this.#close();
  }

  #open(gap: Gap): void {
    this.settle(gap.seen);
    this.#gaps.push(gap);
    this.#limit();
  }

  #limit(): void {
    while (this.#gaps.length > MAX_GAPS) this.#close();
  }

  /** The oldest gap stays one. */
  #close(): void {
    this.lost += this.#gaps.shift()!.size;
  }

  #restart(uptime: number): void {
    this.restarts++;
    this.#begin = uptime;
    while (this.#gaps.length > 0) this.#close();
  }

  /** Whether a gap held these numbers, which it does no more. */
  #fill(from: number, count: number): boolean {
    for (const [i, gap] of this.#gaps.entries()) {
      const before = (from - gap.from) >>> 0, after = gap.size - before - count;
      if (before >= gap.size || after < 0) continue;
      const rest = [{ ...gap, size: before }, { ...gap, from: (from + count) >>> 0, size: after }];
      this.#gaps.splice(i, 1, ...rest.filter(({ size }) => size > 0));
      this.#limit();
      return true;
    }
    return false;
  }
}

function difference(uptime: number, before: number): number {
  const plain = uptime - before;
  if (plain < WRAP_MS - 2 ** 32) return plain + 2 ** 32;
  return plain > 2 ** 32 - WRAP_MS ? plain - 2 ** 32 : plain;
}
