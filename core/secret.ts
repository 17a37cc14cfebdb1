import { describe } from "./node.ts";
import type { Shape } from "./shape.ts";

/** A text that is never shown: not in a message, a log, a dump or the configuration. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** For whoever needs it, and shows it to nobody. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }
}

/** As Prometheus hides its own. */
const HIDDEN = "<secret>";

export const secret: Shape<Secret> = {
  expects: "a secret text",
  read(node, problems) {
    if (node.kind === "scalar" && node.text !== "") return new Secret(node.text);
    // A text is not described: it may be the secret.
    problems.add(
      node,
      `Expected ${this.expects}, not ${node.kind === "scalar" ? "nothing" : describe(node)}`,
    );
    return undefined;
  },
  show: () => HIDDEN,
};
