import { type Command, parseCommand } from "./command.ts";
import { Exchange, type Reply } from "./exchange.ts";
import type { Fault } from "./faults.ts";
import { Login } from "./login.ts";
import { type EncodedTables, matching, prepared } from "./rows.ts";
import type { SimulatorOptions } from "./simulator.ts";
import type { Wire } from "./wire.ts";
import { SentenceDecoder } from "./words.ts";

/** What the sessions of a simulator share. */
export interface Router {
  readonly options: SimulatorOptions;
  readonly encoded: EncodedTables;
  /** What was asked for. */
  readonly commands: (readonly string[])[];
  logins: number;
}

/** One connection of a client. */
export class Session {
  readonly wire: Wire;
  readonly #router: Router;
  readonly #decoder = new SentenceDecoder();
  readonly #login = new Login();
  readonly #running = new Set<Promise<void>>();
  #isEnding = false;

  constructor(wire: Wire, router: Router) {
    this.wire = wire;
    this.#router = router;
  }

  /** Done when the connection is closed, and nothing is left of it. */
  get done(): Promise<void> {
    return this.wire.closed.then(async () => {
      await Promise.all(this.#running);
    });
  }

  receive(bytes: Uint8Array): void {
    try {
      for (const words of this.#decoder.push(bytes)) this.#begin(words);
    } catch {
      this.wire.destroy();
    }
  }

  #begin(words: readonly string[]): void {
    // After its last reply, a router reads no more.
    if (this.#isEnding) return;
    const command = parseCommand(words), { options, commands } = this.#router;
    commands.push(command.name === "/login" ? ["/login"] : words);
    const { chunk, delay, tag: tagPlace } = options;
    const pace = { ...chunk === undefined ? {} : { chunk }, ...delay === undefined ? {} : { delay } };
    const reply = this.#replyTo(command);
    this.#isEnding = reply.isLast === true;
    const exchange = new Exchange(reply, { wire: this.wire, tag: command.tag, tagPlace, pace });
    const running = exchange.run(this.#faultOf(command)).catch((error) => {
      // What does not wait for the wire has no reason to fail.
      if (!this.wire.isClosed) throw error;
    }).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  #replyTo(command: Command): Reply {
    const { name } = command, { options } = this.#router;
    if (name === "/login") return this.#logIn(command);
    if (!this.#login.isDone) return { end: [["!fatal", "not logged in"]], isLast: true };
    if (name === "/quit") return { end: [["!fatal", "session terminated on request"]], isLast: true };
    if (name === "/cancel" || name.startsWith("#")) return { end: [["!done"]] };
    const menu = menuOf(name);
    if (menu === undefined || !Object.hasOwn(options.tables, menu)) return this.#unknown(name);
    return this.#print(menu, command);
  }

  #logIn(command: Command): Reply {
    const reply = this.#login.reply(command, this.#router.options);
    if (this.#login.isDone) this.#router.logins++;
    return reply;
  }

  #print(menu: string, { attributes, queries }: Command): Reply {
    const { options: { tables, version }, encoded } = this.#router;
    if (queries === undefined) return trap("the simulator knows queries of the form ?name=value alone");
    const table = matching(tables[menu]!, queries);
    if (attributes.has("count-only")) return { end: [["!done", `=ret=${prepared(table).count}`]] };
    const rows = encoded.rowsOf(table, attributes.get(".proplist")?.split(","));
    const isTold = rows.count === 0 && tellsOfEmpty(version);
    return { rows, end: isTold ? [["!empty"], ["!done"]] : [["!done"]] };
  }

  /** Names the first part of the path that is not there. */
  #unknown(name: string): Reply {
    const menus = Object.keys(this.#router.options.tables), parts = name.split("/").slice(1);
    const known = (length: number) => {
      const path = ["", ...parts.slice(0, length)].join("/");
      return menus.some((menu) => menu === path || menu.startsWith(`${path}/`));
    };
    const missing = parts.find((_, i) => !known(i + 1)) ?? parts.at(-1) ?? name;
    return trap(`no such command or directory (${missing})`, 0);
  }

  #faultOf({ name }: Command): Fault | undefined {
    const { fault } = this.#router.options;
    if (fault === undefined) return undefined;
    const menu = menuOf(name), { on } = fault;
    const strikes = on === undefined ? menu !== undefined : on === "login" ? name === "/login" : on === menu;
    return strikes ? fault : undefined;
  }
}

function menuOf(name: string): string | undefined {
  return /^(\/.+)\/print$/.exec(name)?.[1];
}

function trap(message: string, category?: number): Reply {
  const words = category === undefined ? [] : [`=category=${category}`];
  return { end: [["!trap", ...words, `=message=${message}`], ["!done"]] };
}

/** From 7.18 on: https://help.mikrotik.com/docs/spaces/ROS/pages/47579160/API, "!empty" */
function tellsOfEmpty(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map((part) => parseInt(part));
  return major > 7 || (major === 7 && minor >= 18);
}
