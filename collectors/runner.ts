import type { Collector, Context, Paths, Source } from "../core/collector.ts";
import type { Log } from "../core/log.ts";
import type { Ledger } from "../core/record.ts";
import type { CollectorStatus } from "../core/status.ts";
import { drive } from "../core/work.ts";

/** A snapshot that is younger is not taken anew for a scrape. */
const MIN_AGE_MS = 1000;
/** How long a stream that failed waits before it begins again: at first, and at most. */
const MIN_RETRY_MS = 1000, MAX_RETRY_MS = 60_000;

export interface RunnerOptions {
  readonly collector: Collector;
  readonly settings: Record<string, unknown>;
  readonly ledger: Ledger;
  readonly paths: Paths;
  readonly log: Log;
  /** Seconds between the snapshots of a collector that does not follow the scrapes. */
  readonly interval: number;
}

/**
 * Runs one collector: times it, catches what it throws, counts its problems, gives the event loop its turns. Whatever
 * a collector does, its series are those of its last pass that succeeded wholly, or there are none.
 */
export class Runner implements CollectorStatus {
  readonly name: string;
  success: boolean | undefined;
  durationSeconds = 0;
  lastSuccessSeconds = 0;
  lastError = "";
  readonly problems: Map<string, number>;
  readonly #options: RunnerOptions;
  readonly #source: Source;
  readonly #stopping = new AbortController();
  /** The pass that is under way, and the work in it, which may outlive a pass that was given up. */
  #pass: Promise<void> | undefined;
  #work: Promise<void> | undefined;
  #passEnd = -Infinity;
  #settling: Promise<void> | undefined;
  #stream: Promise<void> | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(options: RunnerOptions) {
    const { collector, settings, ledger, log, paths } = options;
    this.#options = options;
    this.name = collector.name;
    this.problems = new Map(collector.reasons.map((reason) => [reason, 0]));
    const context: Context = {
      vocabulary: ledger.vocabulary,
      sink: (type) => ledger.sink(type),
      log,
      paths,
      problem: (reason, details) => this.#problem(reason, details),
    };
    this.#source = collector.open(settings, context);
  }

  start(): void {
    const { collector, interval } = this.#options;
    if (this.#source.stream) this.#stream = this.#runStream();
    if (this.#source.snapshot && collector.schedule === "interval") {
      this.#timer = setInterval(() => this.#pass ?? this.#takeSnapshot(), 1000 * interval);
      this.#takeSnapshot();
    }
  }

  /** Brings the series up to date for a scrape that waits no longer than the signal says. */
  async collect(signal: AbortSignal): Promise<void> {
    const followsScrapes = this.#options.collector.schedule === "scrape";
    const isFirst = this.success === undefined;
    if (this.#pass) {
      if (followsScrapes || isFirst) await unlessAborted(this.#pass, signal);
    } else if (this.#source.snapshot && followsScrapes && performance.now() - this.#passEnd >= MIN_AGE_MS) {
      // It ends when the signal says, and then shows nothing.
      await this.#takeSnapshot(signal);
    }
    if (this.#hasStreams) await this.#settleStreams();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort(new Error("The exporter stops"));
    await Promise.allSettled([this.#pass, this.#stream]);
    this.#source.close?.();
  }

  #takeSnapshot(signal?: AbortSignal): Promise<void> {
    const { interval } = this.#options;
    const deadline = signal ?? AbortSignal.timeout(1000 * interval);
    this.#pass = this.#runPass(AbortSignal.any([deadline, this.#stopping.signal])).finally(() => {
      this.#pass = undefined;
      this.#passEnd = performance.now();
    });
    return this.#pass;
  }

  async #runPass(signal: AbortSignal): Promise<void> {
    const { ledger } = this.#options;
    const start = performance.now();
    try {
      if (this.#work) throw new Error("The pass before has not ended yet");
      this.#work = this.#snapshot(signal).finally(() => this.#work = undefined);
      await unlessAborted(this.#work, signal, "throw");
      this.#succeeded();
    } catch (error) {
      ledger.abandon();
      this.#failed(error);
    }
    this.durationSeconds = (performance.now() - start) / 1000;
  }

  async #snapshot(signal: AbortSignal): Promise<void> {
    const { ledger } = this.#options;
    ledger.begin();
    this.#tick();
    await drive(this.#source.snapshot!(signal), { signal, between: () => this.#tick() });
    await drive(ledger.settle("snapshot"), { signal });
  }

  async #runStream(): Promise<void> {
    const { signal } = this.#stopping;
    const between = () => {
      this.#tick();
      if (this.success !== true) this.#succeeded();
    };
    for (let retry = MIN_RETRY_MS; !signal.aborted; retry = Math.min(2 * retry, MAX_RETRY_MS)) {
      try {
        await drive(this.#source.stream!(signal), { signal, between });
        if (signal.aborted) return;
        throw new Error("The stream ended");
      } catch (error) {
        if (signal.aborted) return;
        if (this.success === true) retry = MIN_RETRY_MS;
        this.#failed(error);
      }
      await unlessAborted(new Promise((resolve) => Deno.unrefTimer(setTimeout(resolve, retry))), signal);
    }
  }

  /** A pass may bring records of a stream as well: what has changed since the pass before. */
  get #hasStreams(): boolean {
    return this.#options.collector.records.some(({ kind }) => kind === "stream");
  }

  #tick(): void {
    const { ledger } = this.#options;
    ledger.vocabulary.forgetIfFull();
    ledger.tick(Math.floor(performance.now() / 1000));
  }

  async #settleStreams(): Promise<void> {
    this.#tick();
    this.#settling ??= drive(this.#options.ledger.settle("stream")).finally(() => this.#settling = undefined);
    await this.#settling;
  }

  #succeeded(): void {
    if (this.success === false) this.#options.log.info("The collector works again", { collector: this.name });
    this.success = true;
    this.lastError = "";
    this.lastSuccessSeconds = Date.now() / 1000;
  }

  #failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const { log } = this.#options;
    const details = { collector: this.name, error: message };
    if (message !== this.lastError) log.error("The collector failed", details);
    else log.debug("The collector failed again", details);
    this.success = false;
    this.lastError = message;
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
    this.#options.log.warn("Something could not be read", {
      collector: this.name,
      reason,
      count,
      ...details,
    });
  }
}

/** Waits for the promise, but not longer than the signal says; then gives up, or throws the signal's reason. */
async function unlessAborted(
  promise: Promise<unknown>,
  signal: AbortSignal,
  then: "return" | "throw" = "return",
) {
  const aborted = Promise.withResolvers<void>();
  const abort = () => then === "throw" ? aborted.reject(signal.reason) : aborted.resolve();
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
    promise.catch(() => {});
  }
}
