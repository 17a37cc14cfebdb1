import { createInterface } from "node:readline";
import process from "node:process";

/** By its name, what answers a command. */
export type Commands = Readonly<Record<string, (value: never) => unknown>>;

/** Does what the lines of standard input say, a name and JSON, and answers each with a line of JSON. */
export async function answerLines(commands: Commands): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const [, name, value] = /^(\S+) (.*)$/.exec(line)!;
    console.log(JSON.stringify(await commands[name!]!(JSON.parse(value!) as never) ?? null));
  }
}
