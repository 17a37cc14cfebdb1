/**
 * Passes frames on between two interfaces, and disturbs them meanwhile: `relay.ts INTERFACE INTERFACE`. Each line of its
 * standard input is a `Disturbance` in JSON that is to be from now on; it is answered with what the one before has
 * done, a `Disturbed` in JSON. The first line that it prints is "ready".
 */
import { createInterface } from "node:readline";
import process from "node:process";
import { type Disturbance, type Disturbed, Disturber } from "./disturbance.ts";
import type { Bytes } from "./messages.ts";
import { PacketSocket } from "./packet_socket.ts";

// include/uapi/asm-generic/poll.h: struct pollfd has 8 bytes.
const POLLIN = 1, POLLFD = 8;
const LONGEST_FRAME = 65_550, IDLE_MS = 1000;
/** As many are passed on before anything else is looked at. */
const AT_ONCE = 64;

const { symbols } = Deno.dlopen("libc.so.6", {
  // int poll(struct pollfd *fds, nfds_t count, int timeout)
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true },
});

class Way {
  disturber = new Disturber();
  readonly #buffer = new Uint8Array(LONGEST_FRAME);

  constructor(readonly from: PacketSocket, readonly to: PacketSocket) {}

  pass(): void {
    for (let i = 0; i < AT_ONCE; i++) {
      const length = this.from.receive(this.#buffer);
      if (length === undefined) break;
      this.#send(this.disturber.pass(this.#buffer.slice(0, length), performance.now()));
    }
    this.#send(this.disturber.expired(performance.now()));
  }

  disturb(disturbance: Disturbance): Disturbed {
    this.#send(this.disturber.flush());
    const { counts } = this.disturber;
    this.disturber = new Disturber(disturbance);
    return counts;
  }

  #send(frames: readonly Bytes[]): void {
    for (const frame of frames) this.to.send(frame);
  }
}

function ways(first: string, second: string): [Way, Way] {
  const [left, right] = [PacketSocket.open(first), PacketSocket.open(second)];
  return [new Way(left, right), new Way(right, left)];
}

async function relay(ways: readonly Way[]): Promise<never> {
  const polled = new Uint8Array(ways.length * POLLFD), view = new DataView(polled.buffer);
  for (const [i, { from }] of ways.entries()) {
    view.setInt32(i * POLLFD, from.fd, true);
    view.setInt16(i * POLLFD + 4, POLLIN, true);
  }
  for (;;) {
    for (const way of ways) way.pass();
    const due = Math.min(...ways.map(({ disturber }) => disturber.due ?? Infinity)) - performance.now();
    await symbols.poll(polled, BigInt(ways.length), Math.ceil(Math.min(Math.max(due, 0), IDLE_MS)));
  }
}

function sum(first: Disturbed, second: Disturbed): Disturbed {
  return {
    frames: first.frames + second.frames,
    reordered: first.reordered + second.reordered,
    delayed: first.delayed + second.delayed,
    duplicated: first.duplicated + second.duplicated,
    dropped: first.dropped + second.dropped,
  };
}

const [first = "", second = ""] = Deno.args, [there, back] = ways(first, second);
relay([there, back]);
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const disturbance: Disturbance = JSON.parse(line), { seed = 1 } = disturbance;
  const counts = sum(there.disturb(disturbance), back.disturb({ ...disturbance, seed: seed + 1 }));
  console.log(JSON.stringify(counts));
}
Deno.exit();
