import type { Namespace } from "../namespace.ts";

/** A program that runs in a namespace until it is disposed of; it ends with whoever has started it. */
export class Part implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  constructor(namespace: Namespace, command: readonly string[]) {
    const words = ["netns", "exec", namespace.name, "setpriv", "--pdeathsig=KILL", ...command];
    const out = Deno.env.has("FLEET_LOG") ? "inherit" : "null";
    this.#child = new Deno.Command("ip", { args: words, stdout: out, stderr: out }).spawn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.status;
  }
}
