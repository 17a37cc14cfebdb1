/**
 * A server, or devices, as a process of its own. It does what the lines of its standard input say, a name and then JSON,
 * and answers each with a line of JSON:
 *
 * - `serve {…}`: a server begins; `{"port":N}`.
 * - `command {"imei":…,"command":{"type":…}}`: it says something to a device, as soon as that has logged in; `{}`.
 * - `drop {"imei":…}`: it ends the connection of a device; `{}`.
 * - `counts {"ended":true}`: what it has received and sent until now; with `ended`, as soon as no connection is open.
 * - `play {…,"steps":[…]}`: a device does its steps, and ends; what it has sent and received. With `count`, so many do
 *   the same at the same time, with IMEIs one after the other.
 * - `open {"id":…,…}`: a device connects, and stays; `{}`.
 * - `more {"id":…,"steps":[…]}`: it does steps; what it has sent and received since it is there.
 * - `end {"id":…,"how":"fin"}`: it ends, or is reset with "rst"; the same.
 *
 * What cannot be done is answered with `{"error":…}`.
 */
import { createInterface } from "node:readline";
import process from "node:process";
import { Device, type DeviceOptions, playAll } from "./device.ts";
import { type Command, type ServerOptions, WialonServer } from "./server.ts";
import type { Step } from "./steps.ts";
import { type Counts, Tally } from "./tally.ts";

export interface Play extends DeviceOptions {
  readonly steps: readonly Step[];
  readonly count?: number;
}

interface Named {
  readonly id: string;
}

let server: WialonServer | undefined;
const devices = new Map<string, Device>();

function theServer(): WialonServer {
  if (server === undefined) throw new Error("Expected a server");
  return server;
}

function deviceOf(id: string): Device {
  const device = devices.get(id);
  if (device === undefined) throw new Error(`Expected a device with the id ${id}`);
  return device;
}

async function play({ steps, count = 1, ...options }: Play): Promise<Counts> {
  const sum = new Tally();
  const tallies = await Promise.all(Array.from({ length: count }, (_, i) => {
    const imei = String(BigInt(options.imei) + BigInt(i)).padStart(options.imei.length, "0");
    return playAll(count === 1 ? options : { ...options, imei }, steps);
  }));
  for (const tally of tallies) sum.addAll(tally);
  return sum;
}

/** What each command does with its arguments. */
export interface Commands {
  serve(options: ServerOptions): { readonly port: number };
  command(what: { readonly imei: string; readonly command: Command }): Promise<object>;
  drop(what: { readonly imei: string }): Promise<object>;
  counts(when: { readonly ended?: boolean }): Promise<Counts>;
  play(what: Play): Promise<Counts>;
  open(what: Named & DeviceOptions): Promise<object>;
  more(what: Named & { readonly steps: readonly Step[] }): Promise<Counts>;
  end(what: Named & { readonly how?: "fin" | "rst" }): Promise<Counts>;
}

const COMMANDS: Commands = {
  serve: (options) => {
    server = WialonServer.listen(options);
    return { port: server.port };
  },
  command: async ({ imei, command }) => {
    await theServer().command(imei, command);
    return {};
  },
  drop: async ({ imei }) => {
    await theServer().drop(imei);
    return {};
  },
  counts: async ({ ended }) => {
    if (ended) await theServer().ended();
    return theServer().tally;
  },
  play,
  open: async ({ id, ...options }) => {
    devices.set(id, await Device.connect(options));
    return {};
  },
  more: async ({ id, steps }) => {
    const device = deviceOf(id);
    await device.play(steps);
    return device.tally;
  },
  end: async ({ id, how }) => {
    const device = deviceOf(id);
    await device.end(how);
    devices.delete(id);
    return device.tally;
  },
};

async function answerTo(line: string): Promise<unknown> {
  const [name = "", json = "{}"] = line.split(/ (.*)/s);
  try {
    if (!Object.hasOwn(COMMANDS, name)) throw new Error(`Expected the name of a command, not "${name}"`);
    return await (COMMANDS[name as keyof Commands] as (what: unknown) => unknown)(JSON.parse(json));
  } catch (error) {
    return { error: (error as Error).message };
  }
}

if (import.meta.main) {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answerTo(line)));
  }
  Deno.exit();
}
