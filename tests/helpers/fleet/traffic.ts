/**
 * All that happens in a fleet, as a process in the namespace of its monitor: traffic between the hosts, routers,
 * exporters of flows, devices. Its argument has the names of the namespaces. It answers each line, a path of
 * Prometheus, with what Prometheus answers.
 */
import { createInterface } from "node:readline";
import process from "node:process";
import { FlowExporters } from "./flow_exporters.ts";
import { PROMETHEUS_PORT } from "./hosts.ts";
import { Routers } from "./routers.ts";
import { SocketTraffic } from "./socket_traffic.ts";
import { WialonDevices } from "./wialon_devices.ts";

const TURN_MS = 500;

const namespaces = JSON.parse(Deno.args[0]!);
const parts = [
  new SocketTraffic(namespaces),
  await Routers.start(),
  new FlowExporters(),
  await WialonDevices.start(namespaces),
];

/** Turns of a part follow one another, however long they take. */
async function run(part: { turn(): void | Promise<void> }): Promise<never> {
  for (;;) {
    await part.turn();
    await new Promise((resolve) => setTimeout(resolve, TURN_MS));
  }
}

async function answer(path: string): Promise<string> {
  try {
    return JSON.stringify(await (await fetch(`http://127.0.0.1:${PROMETHEUS_PORT}${path}`)).json());
  } catch (error) {
    return JSON.stringify({ status: "error", error: (error as Error).message });
  }
}

for (const part of parts) run(part);
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) console.log(await answer(line));
Deno.exit();
