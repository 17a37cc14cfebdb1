/**
 * Watches an interface of a network namespace with softflowd, and receives its flows there. It does what the lines of its
 * standard input say, and answers each with a line of JSON.
 */
import { createInterface } from "node:readline";
import process from "node:process";
import { countsOf, lostOf, Receivers } from "./netflow_receivers.ts";
import { Softflowd } from "./netflow_softflowd.ts";

const [name = ""] = Deno.args;
const receivers = await Receivers.start();
const softflowd = await Softflowd.start(name, receivers.tee.port);

/** What both have counted of the flows, when softflowd has sent them all. */
async function count() {
  const series = await receivers.series(await softflowd.flush());
  return { shown: countsOf(series), counted: await receivers.counted(), lost: lostOf(series) };
}

/** The answer to each command. */
const COMMANDS: Readonly<Record<string, () => unknown>> = {
  packets: () => softflowd.packets(),
  count,
  async stop() {
    await softflowd[Symbol.asyncDispose]();
    await receivers[Symbol.asyncDispose]();
  },
};

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await COMMANDS[line]!() ?? null));
}
