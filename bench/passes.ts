/** What the benchmarks of collectors share: a program in a namespace takes the measures, another one reports them. */
import process from "node:process";
import { createInterface } from "node:readline";
import { setImmediate } from "node:timers";
import { drive } from "../core/work.ts";
import { familiesOf, render } from "../metrics/exposition.ts";
import type { NetlinkSocket } from "../native/netlink.ts";
import { NLMSG_DONE } from "../parsers/netlink.ts";
import type { Collecting } from "../tests/helpers/collecting.ts";

/** Milliseconds, by what took them. */
export type Measures = Record<string, number>;

function timed(measures: Measures, name: string, work: () => void): void {
  const start = performance.now();
  work();
  measures[name] = performance.now() - start;
}

/** The dump of netlink alone, and with its parser. */
export function dumps(
  measures: Measures,
  socket: NetlinkSocket,
  { request, next }: { request: Uint8Array<ArrayBuffer>; next: () => boolean },
): void {
  const { messages } = socket;
  timed(measures, "kernel", () => {
    // The last part of an answer is a message of its own.
    for (const _ of socket.dump(request)) {
      if (messages.view.getUint16(4, true) === NLMSG_DONE) messages.next();
    }
  });
  timed(measures, "kernel and parser", () => {
    for (const _ of socket.dump(request)) while (next());
  });
  socket.close();
}

/** What the process holds now and held at most, and what of it is no file, in MiB. */
export function memoryOf(pid: number): { now: number; most: number; anonymous: number } {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const mebibytes = (key: string) => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)![1]) / 1024;
  return { now: mebibytes("VmRSS"), most: mebibytes("VmHWM"), anonymous: mebibytes("RssAnon") };
}

/** One pass up to the text of all series, with the longest time in which the event loop had no turn. */
export async function pass(collecting: Collecting, measures: Measures, name: string): Promise<void> {
  const { pipeline, source } = collecting;
  let last = performance.now(), longest = 0, running = true;
  const turn = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  const start = performance.now();
  pipeline.begin();
  await drive(source.snapshot!(new AbortController().signal));
  const read = performance.now();
  await drive(pipeline.settle("snapshot"));
  await drive(pipeline.settle("stream"));
  const settled = performance.now();
  let bytes = 0;
  await drive(function* () {
    for (const chunk of render(pipeline.rules.flatMap((rule) => familiesOf(rule, "text")), "text")) {
      bytes += chunk.length;
      yield;
    }
  }());
  const end = performance.now();
  running = false;
  turn();
  Object.assign(measures, {
    [`${name}: read`]: read - start,
    [`${name}: settle`]: settled - read,
    [`${name}: render`]: end - settled,
    [`${name}: whole`]: end - start,
    [`${name}: hold`]: longest,
  });
}

/** Answers each line, which is a command and its argument, with what the command gives. */
export async function answer(
  commands: Readonly<Record<string, (argument: string) => unknown>>,
): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const [name = "", argument = ""] = line.split(" ");
    console.log(JSON.stringify(await commands[name]!(argument) ?? null));
  }
}

export function report(rounds: readonly Measures[]): void {
  for (const name of Object.keys(rounds[0]!)) {
    const values = rounds.map((measures) => measures[name]!);
    const text = [median(values), values[0]!, Math.max(...values)].map((value) => value.toFixed(1));
    console.log(`${name.padEnd(24)} median ${text[0]}, first ${text[1]}, greatest ${text[2]}`);
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
