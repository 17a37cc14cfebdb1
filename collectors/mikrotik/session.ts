import { createHash } from "node:crypto";
import type { Secret } from "../../core/secret.ts";
import { sleep, turnsWhenDue } from "../../core/work.ts";
import { encodeSentence, REPLY, RouterosSentences } from "../../parsers/routeros_sentences.ts";
import { abortError, RouterError, routerError } from "./errors.ts";
import { type Link, type LinkOptions, openLink } from "./link.ts";

/** A router that is asked says something at least so often, though it may have to look for the first row. */
const MAX_SILENCE_MS = 15_000;
/** To connect and to log in takes no longer. */
const MAX_LOGIN_MS = 10_000;
const MAX_QUOTED = 120;
/** Where less comes at a time, it is waited for more: to read costs more than what is read. */
const MIN_RECEIVED = 16_384, PAUSE_MS = 5;
const ROWS_PER_PIECE = 128;
/** Replies to a command that are no rows; there is one, and with a trap or two a few. */
const MAX_OTHERS = 100;
/** In bytes: those are held as a whole, and the largest are of some 10,000 interfaces. */
const MAX_SMALL_TABLE = 8 << 20;

export interface SessionOptions extends LinkOptions {
  readonly username: string;
  readonly password: Secret;
  /** Called for a reply of a kind that is not known, and that says nothing. */
  readonly onUnknown: (reply: string) => void;
}

/** Takes a row, which is valid only during the call. */
type Take = (row: RouterosSentences) => void;

type Attributes = Map<string, string>;

/** A user that is logged in at a router. Commands are given one after the other. After an error it is closed. */
export class Session {
  /** Bytes received so far. */
  received = 0;
  /** Commands answered so far. */
  answered = 0;
  isClosed = false;
  readonly #link: Link;
  readonly #options: SessionOptions;
  readonly #sentences = new RouterosSentences();
  /** The number of the last command, which all replies to it have. */
  #tag = 0;

  private constructor(link: Link, options: SessionOptions) {
    this.#link = link;
    this.#options = options;
  }

  static async open(options: SessionOptions, signal: AbortSignal): Promise<Session> {
    const late = new AbortController();
    const timer = setTimeout(
      () => late.abort(new RouterError("timeout", `No login within ${MAX_LOGIN_MS / 1000} s`)),
      MAX_LOGIN_MS,
    );
    const either = AbortSignal.any([signal, late.signal]);
    try {
      const session = new Session(await openLink(options, either), options);
      await session.#login(either);
      return session;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The address of the router. */
  get remote(): string {
    return this.#link.remote;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#link.close();
  }

  /** Gives a command, and takes the rows of its reply as they arrive. Yields whenever some were taken. */
  async *ask(
    words: readonly string[],
    take: Take,
    signal: AbortSignal,
  ): AsyncGenerator<void, Attributes, void> {
    const close = () => this.close();
    let isDone = false;
    signal.addEventListener("abort", close);
    try {
      if (signal.aborted) throw abortError(signal);
      if (this.isClosed) throw new RouterError("closed", "The connection is closed");
      if (this.#sentences.hasRest) {
        throw new RouterError("protocol", "The router has replied without being asked");
      }
      await this.#within(this.#link.write(encodeSentence([...words, `.tag=${++this.#tag}`])), signal);
      let trap: RouterError | undefined, rows = 0, others = 0;
      for (;;) {
        while (!isDone && this.#sentences.next()) {
          const { kind } = this.#sentences;
          if (kind === REPLY.row && this.#sentences.tagNumber === this.#tag) {
            if (trap === undefined) take(this.#sentences);
            if (++rows % ROWS_PER_PIECE === 0) yield;
          } else {
            if (++others > MAX_OTHERS) {
              throw new RouterError("protocol", "The router does not come to an end");
            }
            const refusal = this.#takeOther();
            trap ??= refusal;
            isDone = kind === REPLY.done;
          }
        }
        const { fault } = this.#sentences;
        if (fault !== undefined) throw new RouterError("protocol", `Cannot understand the router: ${fault}`);
        if (isDone) {
          this.answered++;
          if (trap !== undefined) throw trap;
          return this.#sentences.attributes();
        }
        yield;
        if (await this.#read(signal) < MIN_RECEIVED) await sleep(PAUSE_MS, signal);
      }
    } catch (error) {
      if (signal.aborted) throw abortError(signal);
      throw routerError(error, "closed");
    } finally {
      signal.removeEventListener("abort", close);
      if (!isDone) this.close();
    }
  }

  /** The rows of a small table. */
  async rows(words: readonly string[], signal: AbortSignal): Promise<Attributes[]> {
    const rows: Attributes[] = [], before = this.received, turnWhenDue = turnsWhenDue();
    for await (const _ of this.ask(words, (row) => rows.push(row.attributes()), signal)) {
      if (this.received - before > MAX_SMALL_TABLE) {
        throw new RouterError("protocol", `The router has too much to say to ${words[0]}`);
      }
      await turnWhenDue();
    }
    return rows;
  }

  /** Gives the error of a trap; whatever ends the conversation is thrown. */
  #takeOther(): RouterError | undefined {
    const sentences = this.#sentences, { kind } = sentences;
    if (kind === REPLY.fatal) {
      const words = Array.from({ length: sentences.words }, (_, i) => sentences.word(i));
      throw new RouterError("fatal", `The router has ended the session: ${this.#quoted(words.join(" "))}`);
    }
    if (sentences.tagNumber !== this.#tag) {
      throw new RouterError("protocol", "The router has replied to no command of ours");
    }
    if (kind === REPLY.trap) {
      const attributes = sentences.attributes(), category = attributes.get("category");
      const message = `The router refuses: ${this.#quoted(attributes.get("message") ?? "no reason given")}`;
      return new RouterError("trap", message, category === undefined ? undefined : Number(category));
    }
    if (kind === REPLY.unknown) {
      const reply = this.#quoted(sentences.reply);
      // What says nothing can be passed over, as `!empty` could be when it was new; what says something may be missed.
      if (sentences.attributes().size > 0) {
        throw new RouterError("protocol", `The router has replied what is not known: ${reply}`);
      }
      this.#options.onUnknown(reply);
    }
    return undefined;
  }

  async #login(signal: AbortSignal): Promise<void> {
    const { username, password } = this.#options, name = `=name=${username}`;
    try {
      const done = await this.#command(["/login", name, `=password=${password.reveal()}`], signal);
      const challenge = done.get("ret");
      // Before 6.43 the password was not sent, and what it was sent with is not looked at.
      if (challenge !== undefined) {
        await this.#command(["/login", name, `=response=${responseTo(challenge, password)}`], signal);
      }
    } catch (error) {
      this.close();
      if (error instanceof RouterError && error.kind === "trap") {
        throw new RouterError("login", error.message);
      }
      throw error;
    }
  }

  /** A command that is answered by `!done` alone. */
  async #command(words: readonly string[], signal: AbortSignal): Promise<Attributes> {
    const asking = this.ask(words, () => {}, signal);
    for (;;) {
      const step = await asking.next();
      if (step.done) return step.value;
    }
  }

  /** Gives how many bytes were received. */
  async #read(signal: AbortSignal): Promise<number> {
    const count = await this.#within(this.#link.read(this.#sentences.room()), signal);
    if (count === null) throw new RouterError("closed", "The router has closed the connection");
    this.#sentences.received(count);
    this.received += count;
    return count;
  }

  /** Waits as long as a router may be silent. */
  async #within<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.close();
    }, MAX_SILENCE_MS);
    const silence = () => new RouterError("timeout", `The router was silent for ${MAX_SILENCE_MS / 1000} s`);
    try {
      const value = await promise;
      if (isLate) throw silence();
      return value;
    } catch (error) {
      throw isLate && !signal.aborted ? silence() : error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** What a router says may be anything, also the password that it was told. */
  #quoted(text: string): string {
    const password = this.#options.password.reveal();
    const hidden = password === "" ? text : text.replaceAll(password, String(this.#options.password));
    return JSON.stringify(hidden.length > MAX_QUOTED ? `${hidden.slice(0, MAX_QUOTED)}…` : hidden);
  }
}

/** https://wiki.mikrotik.com/Manual:API#Initial_login */
function responseTo(challenge: string, password: Secret): string {
  const bytes = Uint8Array.from(challenge.match(/[0-9a-f]{2}/gi) ?? [], (pair) => parseInt(pair, 16));
  const hash = createHash("md5").update(new Uint8Array(1)).update(password.reveal()).update(bytes);
  return `00${hash.digest("hex")}`;
}
