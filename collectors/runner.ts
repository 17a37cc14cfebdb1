import type { Collector, Context, Paths, Source } from "../core/collector.ts";
import type { InterfaceNames } from "../core/interface_names.ts";
import type { Log } from "../core/log.ts";
import type { Ledger } from "../core/record.ts";
import type { CollectorStatus } from "../core/status.ts";
import { drive, nextTurn, sleep, unlessAborted } from "../core/work.ts";
import { Outcome } from "./outcome.ts";

/** A snapshot that is younger is not taken anew for a scrape. */
const MIN_AGE_MS = 1000;
/** A pass that follows no scrape may take so long, or as long as the interval. */
const MAX_PASS_MS = 120_000;
/** How long the work of a pass that was given up may take to end before the next one fails. */
const GRACE_MS = 100;
/** How long a stream that failed waits before it begins again: at first, and at most. */
const MIN_RETRY_MS = 1000, MAX_RETRY_MS = 10_000;

export interface RunnerOptions {
  readonly collector: Collector;
  readonly settings: Record<string, unknown>;
  readonly ledger: Ledger;
  readonly paths: Paths;
  readonly log: Log;
  readonly interfaceNames: InterfaceNames;
  /** Seconds between the snapshots of a collector that does not follow the scrapes. */
  readonly interval: number;
  /** When a snapshot is taken, where that is not as the collector says. */
  readonly schedule?: Collector["schedule"];
}

/**
 * Runs one collector: times it, catches what it throws, counts its problems, gives the event loop its turns. The series
 * of its snapshots are those of its last pass, if that succeeded wholly, or there are none; those of its streams stay.
 */
export class Runner implements CollectorStatus {
  readonly name: string;
  durationSeconds = 0;
  readonly problems: Map<string, number>;
  readonly qualities = new Map<string, boolean>();
  readonly #options: RunnerOptions;
  readonly #source: Source;
  readonly #stopping = new AbortController();
  readonly #snapshots = new Outcome();
  readonly #streams = new Outcome();
  /** The pass that is under way, and the work in it, which may outlive a pass that was given up. */
  #pass: Promise<void> | undefined;
  #work: Promise<void> | undefined;
  #passEnd = -Infinity;
  /** Whether the last pass ended because a scrape did not wait longer. */
  #isCut = false;
  #settling: Promise<void> | undefined;
  #stream: Promise<void> | undefined;
  readonly #timers: ReturnType<typeof setInterval>[] = [];

  constructor(options: RunnerOptions) {
    const { collector, settings, ledger, log, paths, interfaceNames } = options;
    this.#options = options;
    this.name = collector.name;
    this.problems = new Map(collector.reasons.map((reason) => [reason, 0]));
    const context: Context = {
      vocabulary: ledger.vocabulary,
      sink: (type) => ledger.sink(type),
      log,
      paths,
      interfaceNames,
      problem: (reason, details) => this.#problem(reason, details),
      quality: (check, isGood) => this.#quality(check, isGood),
    };
    this.#source = collector.open(settings, context);
  }

  get success(): boolean | undefined {
    const known = this.#outcomes.map(({ success }) => success);
    return known.length === 0 ? undefined : !known.includes(false);
  }

  get lastError(): string {
    return this.#outcomes.find(({ success }) => success === false)?.error ?? "";
  }

  get lastSuccessSeconds(): number {
    const times = this.#outcomes.map(({ lastSuccessSeconds }) => lastSuccessSeconds);
    return times.length === 0 ? 0 : Math.min(...times);
  }

  start(): void {
    const { interval } = this.#options;
    if (this.#source.stream) this.#stream = this.#runStream();
    if (this.#hasStreams) {
      this.#tick();
      this.#timers.push(setInterval(() => this.#tick(), 1000));
    }
    if (this.#source.snapshot && !this.#followsScrapes) {
      this.#timers.push(
        setInterval(() => this.#pass ? this.#tellDelay() : this.#takeSnapshot(), 1000 * interval),
      );
      this.#takeSnapshot();
    }
  }

  /** Brings the series up to date for a scrape that waits no longer than the signal says. */
  async collect(signal: AbortSignal): Promise<void> {
    const followsScrapes = this.#followsScrapes;
    if (this.#pass && (followsScrapes || this.#snapshots.success === undefined)) {
      await endOf(this.#pass, signal);
    }
    if (!this.#pass && this.#source.snapshot && followsScrapes) {
      const isOld = this.#isCut || performance.now() - this.#passEnd >= MIN_AGE_MS;
      // It ends when the signal says, and then shows nothing.
      if (isOld && !signal.aborted) await this.#takeSnapshot(signal);
    }
    if (this.#hasStreams) await this.#settleStreams();
  }

  /**
   * Takes what a file of captured packets gives, in place of what comes by itself. Gives why the rest of it cannot be read,
   * if so; fails when nothing of it can.
   */
  async replay(path: string): Promise<unknown> {
    const { ledger } = this.#options;
    let isOpen = false, failure: unknown;
    const between = () => {
      ledger.vocabulary.forgetIfFull();
      isOpen = true;
    };
    this.#tick();
    try {
      await drive(this.#source.replay!(path), { between });
    } catch (error) {
      if (!isOpen) throw error;
      failure = error;
    }
    await this.#runPass(this.#stopping.signal);
    // With the clock as it was before: nothing of the file is old.
    await drive(ledger.settle("stream"));
    return failure ?? this.#snapshots.failure;
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#stopping.abort(new Error("The exporter stops"));
    await Promise.allSettled([this.#pass, this.#stream]);
    this.#source.close?.();
    // The runtime lets go of ports a little later.
    await nextTurn();
  }

  get #followsScrapes(): boolean {
    const { collector, schedule = collector.schedule } = this.#options;
    return schedule === "scrape";
  }

  /** Of the kinds of work that have been done. */
  get #outcomes(): Outcome[] {
    return [this.#snapshots, this.#streams].filter(({ success }) => success !== undefined);
  }

  /** A pass may bring records of a stream as well: what has changed since the pass before. */
  get #hasStreams(): boolean {
    return this.#options.collector.records.some(({ kind }) => kind === "stream");
  }

  #takeSnapshot(signal?: AbortSignal): Promise<void> {
    const { interval } = this.#options;
    const deadline = signal ?? AbortSignal.timeout(Math.max(MAX_PASS_MS, 1000 * interval));
    this.#pass = this.#runPass(AbortSignal.any([deadline, this.#stopping.signal])).finally(() => {
      this.#pass = undefined;
      this.#passEnd = performance.now();
      this.#isCut = deadline.aborted;
    });
    return this.#pass;
  }

  async #runPass(signal: AbortSignal): Promise<void> {
    const start = performance.now();
    try {
      if (this.#work) {
        await endOf(this.#work, AbortSignal.any([signal, AbortSignal.timeout(GRACE_MS)]));
      }
      if (this.#work) throw new Error("The pass before has not ended yet");
      this.#work = this.#snapshot(signal).finally(() => this.#work = undefined);
      await unlessAborted(this.#work, signal);
      this.#succeeded(this.#snapshots);
    } catch (error) {
      this.#options.ledger.abandon();
      if (!this.#stopping.signal.aborted) {
        this.#failed(this.#snapshots, error);
        await this.#showFailure(error);
      }
    }
    this.durationSeconds = (performance.now() - start) / 1000;
  }

  async #snapshot(signal: AbortSignal): Promise<void> {
    const { ledger } = this.#options;
    ledger.begin();
    await drive(this.#source.snapshot!(signal), { signal, between: () => ledger.vocabulary.forgetIfFull() });
    await drive(ledger.settle("snapshot"), { signal });
  }

  async #showFailure(error: unknown): Promise<void> {
    const { ledger, log } = this.#options;
    if (this.#source.failed === undefined) return;
    // What was given up may still write.
    if (this.#work) await endOf(this.#work, AbortSignal.timeout(GRACE_MS));
    if (this.#work) return;
    try {
      ledger.begin();
      await drive(this.#source.failed(error));
      await drive(ledger.settle("status"));
    } catch (error) {
      ledger.abandon();
      log.error("The failure cannot be shown", { collector: this.name, error });
    }
  }

  async #runStream(): Promise<void> {
    const { ledger } = this.#options, { signal } = this.#stopping;
    const between = () => {
      ledger.vocabulary.forgetIfFull();
      if (this.#streams.success !== true) this.#succeeded(this.#streams);
    };
    for (let retry = MIN_RETRY_MS; !signal.aborted; retry = Math.min(2 * retry, MAX_RETRY_MS)) {
      try {
        await drive(this.#source.stream!(signal), { signal, between });
        if (signal.aborted) return;
        throw new Error("The stream ended");
      } catch (error) {
        if (signal.aborted) return;
        if (this.#streams.success === true) retry = MIN_RETRY_MS;
        this.#failed(this.#streams, error);
      }
      await sleep(retry, signal);
    }
  }

  /** Each second, so that records are marked with their time, and a stream that is open counts as well. */
  #tick(): void {
    this.#options.ledger.tick(Math.floor(performance.now() / 1000));
    if (this.#streams.success === true) this.#streams.succeeded();
  }

  async #settleStreams(): Promise<void> {
    this.#tick();
    this.#settling ??= drive(this.#options.ledger.settle("stream")).finally(() => this.#settling = undefined);
    await this.#settling;
  }

  #tellDelay(): void {
    const { log, interval } = this.#options;
    log.warn("A pass takes longer than the interval between passes", { collector: this.name, interval });
  }

  #succeeded(work: Outcome): void {
    if (work.succeeded()) this.#options.log.info("The collector works again", { collector: this.name });
  }

  #failed(work: Outcome, error: unknown): void {
    const { log } = this.#options;
    const details = { collector: this.name, error };
    if (work.failed(error)) log.error("The collector failed", details);
    else log.debug("The collector failed again", details);
  }

  #quality(check: string, isGood: boolean): void {
    if (!this.#options.collector.checks?.includes(check)) {
      throw new TypeError(`Cannot tell a quality: ${this.name} has no check "${check}"`);
    }
    this.qualities.set(check, isGood);
  }

  #problem(
    reason: string,
    { count = 1, ...details }: { count?: number } & Record<string, unknown> = {},
  ): void {
    const before = this.problems.get(reason);
    if (before === undefined) {
      throw new TypeError(`Cannot count a problem: ${this.name} has no reason "${reason}"`);
    }
    this.problems.set(reason, before + count);
    this.#options.log.warn("Data are missing", {
      collector: this.name,
      reason,
      count,
      ...details,
    });
  }
}

/** Waits for the promise to end, however it does, but not longer than the signal says. */
async function endOf(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  await unlessAborted(promise, signal).catch(() => {});
}
