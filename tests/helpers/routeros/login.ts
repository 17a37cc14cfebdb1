import { createHash, randomBytes } from "node:crypto";
import type { Command } from "./command.ts";
import type { Reply } from "./exchange.ts";

/** Before 6.43, the password proves itself by its digest with a challenge; from then on it is sent as it is. */
export type LoginForm = "plain" | "challenge";

export interface LoginOptions {
  /** Passwords by name. */
  readonly users: Readonly<Record<string, string>>;
  readonly login: LoginForm;
}

/** The login of one connection. */
export class Login {
  isDone = false;
  #challenge: Uint8Array | undefined;

  reply({ attributes }: Command, { users, login }: LoginOptions): Reply {
    const response = attributes.get("response");
    if (login === "challenge" && response === undefined) {
      this.#challenge = randomBytes(16);
      return { end: [["!done", `=ret=${this.#challenge.toHex()}`]] };
    }
    const password = new Map(Object.entries(users)).get(attributes.get("name") ?? "");
    const isRight = password !== undefined &&
      (login === "plain" ? attributes.get("password") === password : response === this.#responseOf(password));
    this.#challenge = undefined;
    if (!isRight) return { end: [["!trap", "=message=invalid user name or password (6)"], ["!done"]] };
    this.isDone = true;
    return { end: [["!done"]] };
  }

  #responseOf(password: string): string | undefined {
    if (this.#challenge === undefined) return undefined;
    return "00" + createHash("md5").update("\0").update(password).update(this.#challenge).digest("hex");
  }
}
