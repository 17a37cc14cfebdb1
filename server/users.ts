import { Buffer } from "node:buffer";
import { createHmac, randomBytes } from "node:crypto";
import { PasswordChecks } from "./password_checks.ts";

/** So many passwords may wait to be checked: what is asked last waits some seconds. */
const MAX_WAITING = 20;
/** Of so many passwords it is known whether they are right, and of so many that they are wrong. */
const MAX_RIGHT = 100, MAX_WRONG = 1000;

export type Verdict = "known" | "unknown" | "busy";

/** Who may come in. */
export class Users {
  /** The hash of the password of each. */
  readonly #hashes: ReadonlyMap<string, string>;
  readonly #checks: PasswordChecks;
  readonly #secret = randomBytes(32);
  /** Apart, so that whoever guesses drives out nobody who knows. */
  readonly #right = new Latest(MAX_RIGHT);
  readonly #wrong = new Latest(MAX_WRONG);
  readonly #checking = new Map<string, Promise<boolean>>();

  /** There must be one. */
  constructor(hashes: ReadonlyMap<string, string>, checks = new PasswordChecks()) {
    this.#hashes = hashes;
    this.#checks = checks;
  }

  /** Whether a request with this header `Authorization` is that of a user; busy when it cannot be told soon. */
  async verdict(authorization: string | null): Promise<Verdict> {
    const credentials = credentialsIn(authorization);
    if (credentials === undefined) return "unknown";
    const key = this.#digest(credentials).toString("base64");
    if (this.#right.has(key)) return "known";
    if (this.#wrong.has(key)) return "unknown";
    let isRight = this.#checking.get(key);
    if (isRight === undefined) {
      if (this.#checking.size >= MAX_WAITING) return "busy";
      isRight = this.#check(credentials, key).finally(() => this.#checking.delete(key));
      this.#checking.set(key, isRight);
    }
    return await isRight ? "known" : "unknown";
  }

  close(): void {
    this.#checks.close();
  }

  async #check(credentials: string, key: string): Promise<boolean> {
    const [, name = "", password = ""] = /^([^:]*):(.*)$/s.exec(credentials) ?? [];
    const hash = this.#hashes.get(name);
    // For a name that is none a check is made as well, always the same: nobody shall learn names from how long it takes.
    const isSame = await this.#checks.check({ password, hash: hash ?? this.#anyHash(name) });
    const isRight = isSame && hash !== undefined;
    (isRight ? this.#right : this.#wrong).add(key);
    return isRight;
  }

  #anyHash(name: string): string {
    const hashes = [...this.#hashes.values()];
    return hashes[this.#digest(name).readUInt32BE() % hashes.length]!;
  }

  #digest(text: string) {
    return createHmac("sha256", this.#secret).update(text).digest();
  }
}

/** `name:password`. RFC 7617, 2. */
function credentialsIn(authorization: string | null): string | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization ?? "")?.[1];
  const credentials = encoded && Buffer.from(encoded, "base64").toString();
  return credentials?.includes(":") ? credentials : undefined;
}

/** A set of those that were asked for last. */
class Latest {
  readonly #keys = new Set<string>();

  constructor(readonly size: number) {}

  has(key: string): boolean {
    const isIn = this.#keys.delete(key);
    if (isIn) this.#keys.add(key);
    return isIn;
  }

  add(key: string): void {
    this.#keys.add(key);
    if (this.#keys.size > this.size) this.#keys.delete(this.#keys.keys().next().value!);
  }
}
