import type { Log } from "../core/log.ts";
import { ServiceManager } from "../native/service_manager.ts";

/** Of the time after which the service manager takes the program for hung, it is told so often that it is not. */
const SIGNS_OF_LIFE = 3;

/** Tells what has started the program how it does, if that wants to hear. What cannot be told ends nothing. */
export class Service {
  readonly #manager: ServiceManager | undefined;
  readonly #log: Log;

  constructor(log: Log) {
    this.#manager = ServiceManager.of(Deno.env.toObject());
    this.#log = log;
    const { watchdogMs = 0 } = this.#manager ?? {};
    // From the event loop: when that hangs, no sign comes.
    if (watchdogMs > 0) {
      Deno.unrefTimer(
        setInterval(() => this.#tell((manager) => manager.alive()), watchdogMs / SIGNS_OF_LIFE),
      );
    }
  }

  ready(status: string): void {
    this.#tell((manager) => manager.ready(status));
  }

  reloading(): void {
    this.#tell((manager) => manager.reloading());
  }

  stopping(): void {
    this.#tell((manager) => manager.stopping());
  }

  #tell(what: (manager: ServiceManager) => void): void {
    try {
      if (this.#manager) what(this.#manager);
    } catch (error) {
      this.#log.warn("The service manager cannot be told", { error });
    }
  }
}
