import type { Context, Source } from "../../core/collector.ts";
import { Ip } from "../../core/ip.ts";
import type { Sink } from "../../core/record.ts";
import { RouterConnectionReader } from "../../parsers/router_connection.ts";
import { abortError, ERRORS, RouterError, routerError } from "./errors.ts";
import { Backoff } from "./backoff.ts";
import { ConnectionTables } from "./connection_tables.ts";
import { FAILURES, ROUTERS } from "./records.ts";
import { Session } from "./session.ts";
import { endpointOf, passwordOf, type Router } from "./settings.ts";
import { SmallTables } from "./small_tables.ts";

/** One router: a session that is kept from one snapshot to the next. */
export class RouterSource implements Source {
  readonly #router: Router;
  readonly #context: Context;
  readonly #connections: ConnectionTables;
  readonly #smallTables: SmallTables;
  readonly #backoff = new Backoff();
  #session: Session | undefined;
  /** Why the last attempt failed, until one succeeds. */
  #failure: RouterError | undefined;
  /** Whether the last pass was no attempt. */
  #isWaiting = false;
  /** Unix time, NaN for never. */
  #succeededAt = NaN;

  constructor(router: Router, context: Context) {
    const seed = crypto.getRandomValues(new Int32Array(1))[0]!;
    this.#router = router;
    this.#context = context;
    const reader = new RouterConnectionReader(context.vocabulary, seed);
    this.#connections = new ConnectionTables(router.name, context, reader);
    this.#smallTables = new SmallTables(router.name, context);
  }

  async *snapshot(signal: AbortSignal): AsyncIterable<void> {
    const start = performance.now();
    this.#isWaiting = this.#failure !== undefined && this.#backoff.isWaiting(start);
    if (this.#isWaiting) throw this.#failure;
    const late = new AbortController(), { timeout } = this.#router;
    const timer = setTimeout(
      () => late.abort(new RouterError("timeout", `The snapshot took longer than ${timeout} s`)),
      1000 * timeout,
    );
    const either = AbortSignal.any([signal, late.signal]);
    try {
      const before = yield* this.#begin(either);
      yield* this.#connections.read(this.#session!, either);
      this.#succeeded(start, before);
    } catch (error) {
      this.close();
      const failure = either.aborted ? abortError(either) : routerError(error, "other");
      // Who does not wait longer says nothing of the router.
      if (!signal.aborted) {
        this.#failure = failure;
        this.#backoff.failed(start);
      }
      throw failure;
    } finally {
      clearTimeout(timer);
    }
  }

  *failed(error: unknown): Iterable<void> {
    if (!this.#isWaiting) {
      const { kind } = routerError(error, "other"), sink = this.#context.sink(FAILURES);
      sink.row[FAILURES.at.router] = this.#name;
      sink.row[FAILURES.at.error] = ERRORS.indexOf(kind);
      sink.emit();
    }
    const sink = this.#context.sink(ROUTERS);
    sink.row.fill(NaN);
    sink.row[ROUTERS.at.up] = 0;
    this.#emitStatus(sink);
    yield;
  }

  close(): void {
    this.#session?.close();
    this.#session = undefined;
  }

  /** The first thing that is asked tells whether the session that was kept is still one; gives what was received before. */
  async *#begin(signal: AbortSignal): AsyncGenerator<void, number, void> {
    const kept = this.#session, { received: before = 0, answered = 0 } = kept ?? {};
    if (kept !== undefined && !kept.isClosed) {
      try {
        yield* this.#smallTables.read(kept, signal);
        return before;
      } catch (error) {
        const isGone = error instanceof RouterError && (error.kind === "closed" || error.kind === "fatal");
        if (!isGone || kept.answered > answered || signal.aborted) throw error;
      }
    }
    const session = this.#session = await this.#open(signal);
    yield* this.#smallTables.read(session, signal);
    return 0;
  }

  async #open(signal: AbortSignal): Promise<Session> {
    const { username, tls } = this.#router;
    const session = await Session.open({
      endpoint: endpointOf(this.#router),
      tls: tls || undefined,
      username,
      password: this.#password(),
      onUnknown: (reply) => this.#context.problem("unknown_reply", { reply }),
    }, signal);
    this.#smallTables.begin(Ip.parse(session.remote));
    const { remote } = session;
    this.#context.log.info("Logged in at a router", { collector: "mikrotik", remote });
    return session;
  }

  #password() {
    try {
      return passwordOf(this.#router);
    } catch (error) {
      throw new RouterError("credentials", `Cannot read the password: ${(error as Error).message}`);
    }
  }

  #succeeded(start: number, before: number): void {
    const { at } = ROUTERS, sink = this.#context.sink(ROUTERS), { row } = sink;
    const { rows, fasttracked, uncounted } = this.#connections;
    this.#failure = undefined;
    this.#backoff.succeeded();
    this.#succeededAt = Date.now() / 1000;
    row[at.up] = 1;
    row[at.duration_seconds] = (performance.now() - start) / 1000;
    row[at.rows] = rows;
    row[at.bytes] = this.#session!.received - before;
    row[at.fasttrack_uncounted] = uncounted;
    this.#emitStatus(sink);
    // Of those that were just put on the fast track nothing is counted yet.
    this.#context.quality("fasttrack", fasttracked === 0 || uncounted < fasttracked);
  }

  #emitStatus(sink: Sink): void {
    sink.row[ROUTERS.at.router] = this.#name;
    sink.row[ROUTERS.at.snapshot_timestamp] = this.#succeededAt;
    sink.emit();
  }

  get #name(): number {
    return this.#context.vocabulary.text(this.#router.name);
  }
}
