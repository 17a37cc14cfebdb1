import type { Log } from "../core/log.ts";
import { entryOf, plainOf, Problems } from "../core/node.ts";
import type { WebConfig } from "../core/web_config.ts";
import type { ReloadStatus } from "../server/own_metrics.ts";
import type { Reloaded } from "../server/server.ts";
import type { Collecting } from "./collecting.ts";
import type { Plan } from "./plan.ts";

/** Reads the configuration, and resolves it; reports what is wrong with it. */
export type Load = (problems: Problems, log?: Log) => Promise<Plan | undefined>;

/** What is put in force by a start only, but for one key of it. */
const AT_START = ["web", "log"], AT_ONCE = "config_file";

export interface ReloadingOptions {
  readonly load: Load;
  readonly collecting: Collecting;
  /** Guards HTTP in another way, if it is one; gives whether it is. */
  readonly guard: (config: WebConfig | undefined) => Promise<boolean>;
}

/** Reads the configuration again when it is asked to, and puts it in force when it is good. */
export class Reloading implements ReloadStatus {
  /** The plan that was read last, with what is in force of another one. */
  plan: Plan;
  isSuccessful = true;
  lastSuccessSeconds = Date.now() / 1000;
  readonly #first: Plan;
  readonly #options: ReloadingOptions;
  #last: Promise<unknown> = Promise.resolve();
  /** The one that waits for that which is under way. */
  #next: Promise<Reloaded> | undefined;

  constructor(plan: Plan, options: ReloadingOptions) {
    this.plan = plan;
    this.#first = plan;
    this.#options = options;
  }

  /** One after the other; all who ask while one is under way share the next. */
  reload(): Promise<Reloaded> {
    this.#next ??= this.#last.then(() => {
      this.#next = undefined;
      return this.#reload();
    });
    this.#last = this.#next;
    return this.#next;
  }

  async #reload(): Promise<Reloaded> {
    const { log } = this.#first;
    try {
      const reloaded = await this.#change();
      this.isSuccessful = reloaded.isGood;
      if (reloaded.isGood) this.lastSuccessSeconds = Date.now() / 1000;
      return reloaded;
    } catch (error) {
      this.isSuccessful = false;
      log.error("Cannot put the configuration in force, the one before stays", { error });
      return { isGood: false, lines: [error instanceof Error ? error.message : String(error)] };
    }
  }

  async #change(): Promise<Reloaded> {
    const problems = new Problems(),
      { log, values } = this.#first,
      { load, collecting, guard } = this.#options;
    const plan = await load(problems, log);
    if (plan === undefined || problems.any) {
      const lines = problems.lines();
      log.error("The configuration is wrong, the one before stays", { problems: lines.join("; ") });
      return { isGood: false, lines };
    }
    const { started, stopped } = await collecting.change(plan);
    const web = { ...values.web, config_file: plan.values.web.config_file };
    this.plan = { ...plan, values: { ...plan.values, web, log: values.log } };
    const changed = await guard(plan.webConfig) ? ["TLS and users"] : [];
    const late = AT_START.filter((section) => isChanged(section, this.#first, plan));
    for (const section of late) log.warn("What has changed here needs a restart", { section });
    log.info("The configuration was read again", { started: started.join(","), stopped: stopped.join(",") });
    const told = (what: string, names: readonly string[]) =>
      names.length > 0 ? [`${what}: ${names.join(", ")}`] : [];
    return {
      isGood: true,
      lines: [
        ...told("Started", started),
        ...told("Stopped", stopped),
        ...told("Changed", changed),
        ...told("Needs a restart", late),
      ],
    };
  }
}

function isChanged(section: string, before: Plan, after: Plan): boolean {
  const [a, b] = [before, after].map(({ configured }) => {
    const written = entryOf(configured, section)?.value;
    const said = (written && plainOf(written)) ?? {};
    return JSON.stringify(said, (key, value) => key === AT_ONCE ? undefined : value);
  });
  return a !== b;
}
