/**
 * Sends Wialon IPS of many devices as frames on an interface, evenly, and prints what it has sent: first the beginning
 * and the login of each connection, then the data, which all figures are of but `setupPackets` and `logins`.
 * As root: `deno run --allow-all bench/wialon_sender.ts INTERFACE --rate=RATE --seconds=SECONDS` or `… --count=COUNT`, as
 * fast as can be; further options are those of `OPTIONS`.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { addressOf, lastErrno } from "../native/libc.ts";
import { switchOffloadsOff } from "../tests/helpers/wialon/offloads.ts";
import { PacketSocket } from "../tests/helpers/wialon/packet_socket.ts";
import { type Frames, HEADERS, prepareTraffic, type Traffic, type TrafficOptions } from "./wialon_traffic.ts";
import { sleep } from "./sleep.ts";

/** struct iovec, and struct mmsghdr with where its struct msghdr has the address and the number of the iovecs. */
const IOVEC = 16, MMSGHDR = 64, MSG_IOV = 16, MSG_IOVLEN = 24;
/** As many as one call sends. */
const BATCH = 128;
/** In milliseconds: how long it sleeps at most, and what is sent at once if it has slept too long. */
const TICK = 1, BURST = 2;
/** Packets a second, of beginnings and logins. */
const SETUP_RATE = 100_000;
/** Segments that come one after the other when as many are wanted as can be. */
const LONG_RUN = 8;
/** RFC 791, section 3.1 */
const LONGEST_PACKET = 65_535;

const { symbols } = Deno.dlopen("libc.so.6", {
  // int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
  sendmmsg: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
});

const OPTIONS = {
  /** Packets a second; without it as many as can be. */
  rate: { type: "string", default: "0" },
  seconds: { type: "string", default: "1" },
  /** Packets in all, in place of seconds. */
  count: { type: "string", default: "0" },
  connections: { type: "string", default: "100" },
  addresses: { type: "string", default: "256" },
  port: { type: "string", default: "20332" },
  payload: { type: "string", default: "150" },
  version: { type: "string", default: "1.1" },
  /** Bytes of each message that are in the segment before. */
  split: { type: "string", default: "0" },
  /** Segments of a connection that come one after the other: 1, or 8 without a rate. */
  run: { type: "string" },
  /** The share of segments that the next of their connection overtakes, and of those that are sent twice. */
  reorder: { type: "string", default: "0" },
  repeat: { type: "string", default: "0" },
} as const;

export interface Sent {
  readonly packets: number;
  /** Those that are complete, of which each is sent once. */
  readonly messages: number;
  /** Of frames. */
  readonly bytes: number;
  /** Packets that had been sent before. */
  readonly repeated: number;
  /** Packets that were overtaken by the next of their connection. */
  readonly overtaken: number;
  readonly seconds: number;
  readonly packetsPerSecond: number;
  readonly cpuSeconds: number;
  /** How often the kernel took none, by the number of its error; they were sent again. */
  readonly refused: Readonly<Record<number, number>>;
  readonly setupPackets: number;
  readonly logins: number;
}

/** Frames as sendmmsg() takes them, again and again. */
class Outbox {
  readonly refused: Record<number, number> = {};
  /** Frames that are sent by now. */
  done = 0;
  readonly #socket: PacketSocket;
  readonly #count: number;
  // The kernel reads through addresses: whatever they lead to has to be held.
  readonly #frames: Frames;
  readonly #iovecs: Uint8Array<ArrayBuffer>;
  readonly #messages: Uint8Array<ArrayBuffer>;

  constructor(socket: PacketSocket, frames: Frames) {
    this.#socket = socket;
    this.#frames = frames;
    this.#count = frames.count;
    this.#iovecs = new Uint8Array(frames.count * IOVEC);
    this.#messages = new Uint8Array(frames.count * MMSGHDR);
    const iovecs = new BigUint64Array(this.#iovecs.buffer),
      messages = new BigUint64Array(this.#messages.buffer);
    const base = addressOf(frames.bytes), iovecBase = addressOf(this.#iovecs);
    for (let i = 0; i < frames.count; i++) {
      iovecs[2 * i] = base + BigInt(i * frames.room);
      iovecs[2 * i + 1] = BigInt(frames.lengths[i]!);
      messages[(i * MMSGHDR + MSG_IOV) / 8] = iovecBase + BigInt(i * IOVEC);
      messages[(i * MMSGHDR + MSG_IOVLEN) / 8] = 1n;
    }
  }

  /** Sends at most so many, at most a batch; `prepare` is called for each before. */
  send(count: number, prepare: (frame: number, round: number) => void = () => {}): void {
    const first = this.done % this.#count, round = Math.floor(this.done / this.#count);
    const many = Math.min(count, BATCH, this.#count - first);
    for (let i = first; i < first + many; i++) prepare(i, round);
    const sent = symbols.sendmmsg(this.#socket.fd, this.#messages.subarray(first * MMSGHDR), many, 0);
    if (sent > 0) this.done += sent;
    else this.#refuse(lastErrno());
  }

  #refuse(errno: number): void {
    this.refused[errno] = (this.refused[errno] ?? 0) + 1;
  }
}

interface Plan {
  readonly outbox: Outbox;
  readonly prepare?: (frame: number, round: number) => void;
}

/** So many frames in all, at the rate or, if they cannot be sent as fast, later; as fast as can be if it is 0. */
function sendAll({ outbox, prepare }: Plan, total: number, { rate }: { rate: number }): void {
  if (rate === 0) { while (outbox.done < total) outbox.send(total - outbox.done, prepare); }
  const start = performance.now(), burst = Math.ceil(rate * BURST / 1000);
  for (let tick = start; outbox.done < total;) {
    const elapsed = performance.now() - start;
    const due = Math.min(total, Math.ceil(rate * elapsed / 1000), outbox.done + burst);
    while (outbox.done < due) outbox.send(due - outbox.done, prepare);
    const now = performance.now();
    tick = Math.max(tick + TICK, now);
    sleep(tick - now);
  }
}

function sendData(
  { data, sequences, growth, repeated, overtaken }: Traffic,
  socket: PacketSocket,
  { rate, wanted }: { readonly rate: number; readonly wanted: number },
) {
  const outbox = new Outbox(socket, data);
  const prepare = (frame: number, round: number) => {
    if (round > 0) data.setSequence(frame, sequences[frame]! + round * growth);
  };
  /** Of all frames that are sent before the one with this number. */
  const countOf = (counts: Uint32Array, number: number) =>
    Math.floor(number / data.count) * counts[data.count]! + counts[number % data.count]!;
  const isNew = (number: number) =>
    [repeated, overtaken].every((counts) => countOf(counts, number + 1) === countOf(counts, number));
  let frames = wanted;
  // One that was overtaken has to follow, or what overtook it cannot be read.
  while (!isNew(frames)) frames++;
  const start = performance.now(), before = process.cpuUsage();
  sendAll({ outbox, prepare }, frames, { rate });
  const seconds = (performance.now() - start) / 1000, cpu = process.cpuUsage(before);
  return {
    frames,
    repeated: countOf(repeated, frames),
    overtaken: countOf(overtaken, frames),
    seconds,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    refused: outbox.refused,
  };
}

function send(
  name: string,
  options: TrafficOptions,
  { rate, wanted }: { rate: number; wanted: number },
): Sent {
  const { run, payload } = options, traffic = prepareTraffic(options), { setup } = traffic;
  if (run > 1) switchOffloadsOff(name, { keepsChecksums: true });
  const socket = PacketSocket.open(name, { isDeaf: true });
  sendAll({ outbox: new Outbox(socket, setup) }, setup.count, { rate: SETUP_RATE });
  const sent = sendData(
    traffic,
    run > 1 ? PacketSocket.open(name, { isDeaf: true, hasHeaders: true }) : socket,
    { rate: rate / run, wanted: Math.ceil(wanted / run) },
  );
  const { frames, seconds, cpuSeconds, refused, repeated, overtaken } = sent, packets = frames * run;
  return {
    packets,
    messages: packets - repeated,
    bytes: packets * (HEADERS + payload),
    repeated,
    overtaken,
    seconds,
    packetsPerSecond: Math.round(packets / seconds),
    cpuSeconds,
    refused,
    setupPackets: setup.count,
    logins: setup.count / 2,
  };
}

function main(args: readonly string[]): Sent {
  const { values, positionals: [name = ""] } = parseArgs({
    args: [...args],
    options: OPTIONS,
    allowPositionals: true,
  });
  const { version } = values, rate = Number(values.rate);
  if (version !== "1.1" && version !== "2.0") {
    throw new Error(`Expected the version 1.1 or 2.0, not ${version}`);
  }
  const reorder = Number(values.reorder), repeat = Number(values.repeat), payload = Number(values.payload);
  const isPlain = reorder === 0 && repeat === 0,
    run = Number(values.run ?? (rate === 0 && isPlain ? LONG_RUN : 1));
  if (run > 1 && !isPlain) throw new Error("Cannot reorder or repeat segments that come in runs");
  if (HEADERS + run * payload > LONGEST_PACKET) throw new Error(`Expected a shorter run, not ${run}`);
  const options: TrafficOptions = {
    connections: Number(values.connections),
    addresses: Number(values.addresses),
    port: Number(values.port),
    split: Number(values.split),
    payload,
    version,
    run,
    reorder,
    repeat,
  };
  const wanted = Number(values.count) || Math.round(rate * Number(values.seconds));
  if (!(wanted > 0)) throw new Error("Expected a rate or a count");
  return send(name, options, { rate, wanted });
}

if (import.meta.main) console.log(JSON.stringify(main(Deno.args)));
