/**
 * Sends NetFlow v5 of 30 records a datagram, evenly, and prints what it has sent.
 * `deno run --allow-all bench/netflow_sender.ts HOST:PORT RATE SECONDS`; RATE is of datagrams a second, 0 is as many as
 * can be.
 */
import process from "node:process";
import { addressOf, lastErrno, lastError, libc } from "../native/libc.ts";
import { socketAddress } from "../tests/helpers/raw_sockets.ts";
import {
  DATAGRAM_LENGTH,
  DATAGRAMS,
  prepareTraffic,
  RECORDS_PER_DATAGRAM,
  UPTIME,
} from "./netflow_traffic.ts";
import { sleep } from "./sleep.ts";

// include/linux/socket.h
const AF_INET = 2, SOCK_DGRAM = 2;
/** struct iovec, and struct mmsghdr with where its struct msghdr has the address and the number of the iovecs. */
const IOVEC = 16, MMSGHDR = 64, MSG_IOV = 16, MSG_IOVLEN = 24;
/** As many as one call sends. */
const BATCH = 64;
/** In milliseconds: how long it sleeps at most, and what is sent at once if it has slept too long. */
const TICK = 1, BURST = 2;

const { symbols } = Deno.dlopen("libc.so.6", {
  // int connect(int fd, const struct sockaddr *address, socklen_t length)
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
  sendmmsg: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
});

export interface Sent {
  readonly datagrams: number;
  readonly flows: number;
  readonly bytes: number;
  readonly packets: number;
  readonly seconds: number;
  readonly datagramsPerSecond: number;
  readonly cpuSeconds: number;
  /** Datagrams that the kernel did not take, by the number of its error. */
  readonly refused: Readonly<Record<number, number>>;
}

class Sender {
  readonly refused: Record<number, number> = {};
  datagrams = 0;
  bytes = 0;
  packets = 0;
  /** Those that were refused too: to the collector they are lost. */
  #next = 0;
  // The kernel reads through addresses: whatever they lead to has to be held.
  readonly #traffic = prepareTraffic();
  readonly #iovecs = new Uint8Array(BATCH * IOVEC);
  readonly #messages = new Uint8Array(BATCH * MMSGHDR);
  readonly #view = new DataView(this.#traffic.bytes.buffer);
  /** The places of datagrams in memory, as numbers of 64 bits. */
  readonly #bases = new BigUint64Array(this.#iovecs.buffer);
  readonly #base = addressOf(this.#traffic.bytes);
  readonly #fd: number;

  constructor(address: string) {
    const messages = new BigUint64Array(this.#messages.buffer), iovecs = addressOf(this.#iovecs);
    for (let i = 0; i < BATCH; i++) {
      messages[(i * MMSGHDR + MSG_IOV) / 8] = iovecs + BigInt(i * IOVEC);
      messages[(i * MMSGHDR + MSG_IOVLEN) / 8] = 1n;
      this.#bases[2 * i + 1] = BigInt(DATAGRAM_LENGTH);
    }
    this.#fd = libc().socket(AF_INET, SOCK_DGRAM, 0);
    const peer = socketAddress(address);
    if (this.#fd < 0 || symbols.connect(this.#fd, peer, peer.length) < 0) {
      throw lastError(`send to ${address}`);
    }
  }

  /** Datagrams that are sent or refused by now. */
  get done(): number {
    return this.#next;
  }

  /** Sends at most so many, at most a batch; `elapsed` is in milliseconds since the sender was started. */
  send(count: number, elapsed: number): void {
    const many = Math.min(count, BATCH);
    this.#prepare(many, elapsed);
    const sent = symbols.sendmmsg(this.#fd, this.#messages, many, 0);
    for (let i = 0; i < sent; i++) {
      const sums = this.#traffic.sums[(this.#next + i) % DATAGRAMS]!;
      this.bytes += sums.bytes;
      this.packets += sums.packets;
    }
    if (sent > 0) this.datagrams += sent;
    else this.#refuse(lastErrno());
    this.#next += Math.max(1, sent);
  }

  #prepare(count: number, elapsed: number): void {
    const now = Date.now(), seconds = Math.floor(now / 1000), nanoseconds = now % 1000 * 1e6;
    for (let i = 0; i < count; i++) {
      const number = this.#next + i, at = number % DATAGRAMS * DATAGRAM_LENGTH;
      this.#view.setUint32(at + 4, UPTIME + elapsed);
      this.#view.setUint32(at + 8, seconds);
      this.#view.setUint32(at + 12, nanoseconds);
      this.#view.setUint32(at + 16, number * RECORDS_PER_DATAGRAM);
      this.#bases[2 * i] = this.#base + BigInt(at);
    }
  }

  #refuse(errno: number): void {
    this.refused[errno] = (this.refused[errno] ?? 0) + 1;
  }
}

/** All that is to be sent in so many seconds. It takes longer when it cannot be sent as fast. */
function sendPaced(sender: Sender, rate: number, seconds: number): void {
  const start = performance.now(), total = Math.round(rate * seconds), burst = Math.ceil(rate * BURST / 1000);
  for (let tick = start; sender.done < total;) {
    const elapsed = performance.now() - start;
    const due = Math.min(total, Math.ceil(rate * elapsed / 1000), sender.done + burst);
    while (sender.done < due) sender.send(due - sender.done, elapsed);
    const now = performance.now();
    tick = Math.max(tick + TICK, now);
    sleep(tick - now);
  }
}

function sendAtOnce(sender: Sender, seconds: number): void {
  const start = performance.now(), end = start + 1000 * seconds;
  for (let now = start; now < end; now = performance.now()) sender.send(BATCH, now - start);
}

function main([address = "", rate = "", seconds = ""]: readonly string[]): Sent {
  const sender = new Sender(address);
  const start = performance.now(), before = process.cpuUsage();
  if (Number(rate) === 0) sendAtOnce(sender, Number(seconds));
  else sendPaced(sender, Number(rate), Number(seconds));
  const elapsed = (performance.now() - start) / 1000, cpu = process.cpuUsage(before);
  const { datagrams, bytes, packets, refused } = sender;
  return {
    datagrams,
    flows: datagrams * RECORDS_PER_DATAGRAM,
    bytes,
    packets,
    seconds: elapsed,
    datagramsPerSecond: Math.round(datagrams / elapsed),
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    refused,
  };
}

if (import.meta.main) console.log(JSON.stringify(main(Deno.args)));
