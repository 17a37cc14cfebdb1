import type { Context } from "../../core/collector.ts";
import type { Statistics } from "./statistics.ts";

const COLLECTOR = { collector: "conntrack" };
const COMMAND = "sysctl -w net.netfilter.nf_conntrack_acct=1";

/** Whether the kernel counts the bytes and packets of connections. */
export class Accounting {
  readonly #context: Context;
  readonly #statistics: Statistics;
  #isToBeSwitchedOn: boolean;
  #isOn: boolean | undefined;

  constructor(context: Context, statistics: Statistics, isToBeSwitchedOn: boolean) {
    this.#context = context;
    this.#statistics = statistics;
    this.#isToBeSwitchedOn = isToBeSwitchedOn;
  }

  /** Switches it on once, if that is wanted, and says whenever it begins to be off. */
  check(): void {
    if (this.#isToBeSwitchedOn) this.#switchOn();
    this.#isToBeSwitchedOn = false;
    const before = this.#isOn, isOn = this.#isOn = this.#statistics.accounting;
    this.#context.quality("accounting", isOn === true);
    if (isOn !== false || before === false) return;
    this.#context.log.warn("The kernel does not count the bytes and packets of connections", {
      ...COLLECTOR,
      command: COMMAND,
    });
  }

  #switchOn(): void {
    const { log } = this.#context;
    if (this.#statistics.accounting === true) return;
    try {
      this.#statistics.switchAccountingOn();
      log.info("The kernel counts the bytes and packets of new connections from now on", COLLECTOR);
    } catch (error) {
      const details = { ...COLLECTOR, error, command: COMMAND };
      log.warn("The accounting of connections cannot be switched on", details);
    }
  }
}
