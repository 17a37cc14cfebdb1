import type { Log } from "../../core/log.ts";
import { type LiveOptions, Pcap, type PcapStatistics } from "../../native/pcap.ts";
import { Readiness } from "../../native/readiness.ts";
import { type Arrivals, drain } from "../draining.ts";

/** So many bytes of packets of an interface are taken, about, before it is the turn of the next one and of the clock. */
const AT_ONCE = 65_536;
/** The kernel keeps packets back for longer than that anyway. */
const PAUSE_MS = 20;
/** So long it waits at most, so that what else is to be done is done. */
const WAIT_MS = 1000;
/** An interface that cannot be captured is tried again after so long. */
const RETRY_MS = 2000;

export interface CaptureOptions extends LiveOptions {
  readonly log: Log;
  /** Takes the packet that the capture now holds. */
  readonly take: (capture: Capture, pcap: Pcap) => void;
}

export interface CapturesOptions {
  readonly captures: readonly Capture[];
  readonly log: Log;
  /** Does what else is to be done from time to time; gives whether there is more of it. */
  readonly settle: () => boolean;
}

const NOTHING = { dropped: 0, interfaceDropped: 0 };

/** The packets of one interface, whenever it is there. */
export class Capture {
  pcap: Pcap | undefined;
  /** Why there are none, if there are none. */
  failure: Error | undefined;
  isEmpty = true;
  opened = 0;
  packets = 0;
  /** Those with data. */
  rawPackets = 0;
  readonly #options: CaptureOptions;
  #retryAt = -Infinity;
  /** What was lost until now, and what of that the present capture has told. */
  #lost: PcapStatistics = NOTHING;
  #told: PcapStatistics = NOTHING;

  constructor(readonly name: string, options: CaptureOptions) {
    this.#options = options;
  }

  /** Whether packets can be taken. */
  get isUp(): boolean {
    return this.pcap !== undefined && this.failure === undefined;
  }

  /** Opens it, again if need be, when it is time for that; gives whether it has failed in another way than before. */
  async open(): Promise<boolean> {
    if (this.isUp || performance.now() < this.#retryAt) return false;
    const { failure } = this, isBroken = this.pcap !== undefined;
    await this.close();
    try {
      this.pcap = await Pcap.live(this.name, this.#options);
      this.failure = undefined;
      this.opened++;
      this.#options.log.info("Capturing packets", { collector: "wialon", interface: this.name });
      return false;
    } catch (error) {
      this.failure = error as Error;
      this.#retryAt = performance.now() + RETRY_MS;
      return isBroken || this.failure.message !== failure?.message;
    }
  }

  /** Takes some of the packets that are there; gives how many, and notes in `isEmpty` whether these were all. */
  takeSome(): number {
    const { pcap } = this, { take } = this.#options;
    let count = 0, bytes = 0;
    this.isEmpty = true;
    if (pcap === undefined || !this.isUp) return count;
    while (this.isEmpty && this.#next(pcap)) {
      take(this, pcap);
      count++;
      bytes += pcap.end;
      this.isEmpty = bytes < AT_ONCE;
    }
    return count;
  }

  /** What was lost until now. */
  lost(): PcapStatistics {
    if (this.isUp) {
      const told = this.pcap!.statistics();
      // They wrap.
      this.#lost = {
        dropped: this.#lost.dropped + ((told.dropped - this.#told.dropped) >>> 0),
        interfaceDropped: this.#lost.interfaceDropped +
          ((told.interfaceDropped - this.#told.interfaceDropped) >>> 0),
      };
      this.#told = told;
    }
    return this.#lost;
  }

  #next(pcap: Pcap): boolean {
    try {
      return pcap.next();
    } catch (error) {
      this.failure = error as Error;
      return false;
    }
  }

  async close(): Promise<void> {
    const { pcap } = this;
    try {
      this.lost();
    } finally {
      this.#told = NOTHING;
      this.pcap = undefined;
      await pcap?.close();
    }
  }
}

/** Captures packets at several interfaces, and opens those again that go and come. */
export class Captures implements Arrivals {
  readonly pauseMs = PAUSE_MS;
  isEmpty = true;
  isClosed = false;
  readonly #options: CapturesOptions;
  readonly #readiness = new Readiness();
  #opening: Promise<unknown> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: CapturesOptions) {
    this.#options = options;
  }

  /** Opens all that can be had. Fails when that is none. */
  async open(): Promise<void> {
    const { captures, log } = this.#options;
    const haveFailed = await (this.#opening = Promise.all(captures.map((capture) => capture.open())));
    if (this.isClosed) return;
    if (!captures.some(({ isUp }) => isUp)) throw captures[0]!.failure!;
    for (const [i, { name, failure }] of captures.entries()) {
      const details = { collector: "wialon", interface: name, error: failure };
      if (haveFailed[i]) log.error("An interface cannot be captured; the others are", details);
    }
  }

  /** Captures until it is closed, and yields when the event loop should have its turn. */
  run(): AsyncGenerator<void> {
    return drain(this);
  }

  takeSome(): number {
    let taken = 0;
    this.isEmpty = true;
    for (const capture of this.#options.captures) {
      taken += capture.takeSome();
      if (!capture.isEmpty) this.isEmpty = false;
    }
    return taken;
  }

  async settle(): Promise<void> {
    if (this.#options.captures.some(({ isUp }) => !isUp)) await this.open();
    if (this.#options.settle()) this.isEmpty = false;
  }

  async wait(): Promise<number> {
    const descriptors = this.#options.captures.flatMap(({ isUp, pcap }) => isUp ? [pcap!.descriptor] : []);
    await this.#readiness.wait(descriptors, WAIT_MS);
    return 0;
  }

  close(): Promise<void> {
    this.isClosed = true;
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    await Promise.all([this.#opening, this.#readiness.close()]);
    await Promise.all(this.#options.captures.map((capture) => capture.close()));
  }
}
