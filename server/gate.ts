import { isDeepStrictEqual } from "node:util";
import type { RateLimit, WebConfig } from "../core/web_config.ts";
import { Users } from "./users.ts";

/** Decides which requests come in, and gives all answers what they have besides. */
export class Gate {
  readonly #config: WebConfig;
  readonly #users: Users | undefined;
  readonly #limit: Limit | undefined;

  constructor(config: WebConfig) {
    const { users, rateLimit } = config;
    this.#config = config;
    this.#users = users.size > 0 ? new Users(users) : undefined;
    this.#limit = rateLimit && new Limit(rateLimit);
  }

  isFor(config: WebConfig): boolean {
    return isDeepStrictEqual(config, this.#config);
  }

  /** The answer to a request that does not come in. */
  async refusal({ headers }: Request): Promise<Response | undefined> {
    if (this.#limit?.take() === false) return new Response("Too many requests\n", { status: 429 });
    switch (await this.#users?.verdict(headers.get("authorization"))) {
      case "unknown":
        return new Response("Unauthorized\n", {
          status: 401,
          headers: { "www-authenticate": 'Basic realm="netcensus", charset="UTF-8"' },
        });
      case "busy":
        return new Response("Too many passwords wait to be checked, try again later\n", { status: 503 });
      default:
        return undefined;
    }
  }

  mark({ headers }: Response): void {
    for (const [name, value] of Object.entries(this.#config.headers)) headers.set(name, value);
  }

  close(): void {
    this.#users?.close();
  }
}

/** A token bucket. */
class Limit {
  readonly #options: RateLimit;
  #tokens: number;
  #last = performance.now();

  constructor(options: RateLimit) {
    this.#options = options;
    this.#tokens = options.burst;
  }

  take(): boolean {
    const { interval, burst } = this.#options, now = performance.now();
    this.#tokens = Math.min(burst, this.#tokens + (now - this.#last) / (1000 * interval));
    this.#last = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
