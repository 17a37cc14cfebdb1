import type { Conversation, Namespace } from "../namespace.ts";
import type { Commands } from "./host.ts";

/** A host (host.ts) that runs in a namespace. */
export class WialonHost implements AsyncDisposable {
  readonly #process: Conversation;

  private constructor(process: Conversation) {
    this.#process = process;
  }

  static start(namespace: Namespace): WialonHost {
    return new WialonHost(namespace.start(new URL("host.ts", import.meta.url)));
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Does one of its commands, after the one before. */
  async ask<K extends keyof Commands>(
    command: K,
    ...what: Parameters<Commands[K]>
  ): Promise<Awaited<ReturnType<Commands[K]>>> {
    const answer = JSON.parse(await this.#process.ask(`${command} ${JSON.stringify(what[0])}`));
    if ("error" in answer) throw new Error(answer.error);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
