import assert from "node:assert/strict";
import { Receiver, type ReceiverOptions } from "../../../collectors/netflow/receiver.ts";
import { formatListenAddress, type ListenAddress } from "../../../core/listen_address.ts";
import { drive, nextTurn } from "../../../core/work.ts";
import { DatagramSocket } from "../../../native/datagram_socket.ts";
import { RawSocket } from "../../helpers/raw_sockets.ts";

const IPV4: ListenAddress = { hostname: "127.0.0.1", port: 0 };
const IPV6: ListenAddress = { hostname: "::1", port: 0 };
const ANY: ListenAddress = { hostname: undefined, port: 0 };
const MAX_WAIT_MS = 10_000;

/** A receiver that runs, and what it has received: by the number of the socket. */
class Receiving implements AsyncDisposable {
  readonly receiver: Receiver;
  readonly texts: string[][];
  /** How often the event loop could have its turn. */
  yields = 0;
  readonly end: Promise<void>;
  readonly #senders = [RawSocket.udp("127.0.0.1:0"), RawSocket.udp("[::1]:0")] as const;
  readonly #afterwards: (number: number) => void;

  constructor(addresses: readonly ListenAddress[], { buffer = 4 << 20, then = (_: number) => {} } = {}) {
    this.#afterwards = then;
    const take = this.#take.bind(this);
    this.receiver = new Receiver({ addresses, buffer, isShared: false, take });
    this.texts = addresses.map(() => []);
    this.end = drive(this.receiver.run(), { between: () => this.yields++ });
    this.end.catch(() => {});
  }

  get count(): number {
    return this.texts.reduce((sum, texts) => sum + texts.length, 0);
  }

  /** Sends to the socket of the number; when it returns, the datagram is there. */
  send(number: number, text: string, host?: "127.0.0.1" | "[::1]"): void {
    const { hostname = "127.0.0.1", port } = this.receiver.sockets[number]!.address;
    const to = host ?? (hostname.includes(":") ? "[::1]" : "127.0.0.1");
    this.#senders[to === "[::1]" ? 1 : 0].sendTo(`${to}:${port}`, new TextEncoder().encode(text));
  }

  /** Waits until so many have come, and gives them. */
  async received(count: number): Promise<string[][]> {
    await until(() => this.count >= count);
    return this.texts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.receiver.close();
    await this.end.catch(() => {});
    for (const sender of this.#senders) sender.close();
  }

  #take(socket: DatagramSocket, from: number, to: number): void {
    const number = this.receiver.sockets.indexOf(socket);
    for (let i = from; i < to; i++) {
      const bytes = new Uint8Array(socket.view.buffer, socket.startOf(i), socket.lengthOf(i));
      this.texts[number]!.push(new TextDecoder().decode(bytes));
    }
    if (to > from) this.#afterwards(number);
  }
}

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + MAX_WAIT_MS;
  while (!condition()) {
    if (performance.now() > end) throw new Error("Nothing more has come");
    await pause(1);
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Gives whether the promise is fulfilled in time. */
async function ends(promise: Promise<void>, milliseconds: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), milliseconds);
  const isInTime = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return isInTime;
}

Deno.test("run() gives the datagrams of every address, IPv4 and IPv6", async () => {
  await using receiving = new Receiving([IPV4, IPV6, ANY, IPV4]);
  for (let i = 0; i < 4; i++) receiving.send(i, `to ${i}`);
  assert.deepEqual(await receiving.received(4), [["to 0"], ["to 1"], ["to 2"], ["to 3"]]);
  receiving.send(2, "IPv4 to 2", "127.0.0.1");
  await receiving.received(5);
  assert.deepEqual(receiving.texts[2], ["to 2", "IPv4 to 2"]);
});

Deno.test("run() gives each datagram once, whether they come one by one or many at a time", async () => {
  await using receiving = new Receiving([IPV4, IPV6]);
  let sent = 0;
  for (const burst of [1, 1, 300, 1, 5000, 1, 64, 128, 1, 1, 2000]) {
    for (let i = 0; i < burst; i++) receiving.send(sent % 2, `${sent++}`);
    await receiving.received(sent);
  }
  const numbers = receiving.texts.flat().map(Number).sort((a, b) => a - b);
  assert.deepEqual(numbers, numbers.map((_, i) => i));
  assert.equal(numbers.length, sent);
});

Deno.test("run() goes on waiting after a silence", async () => {
  await using receiving = new Receiving([IPV4, IPV4]);
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 500; i++) receiving.send(round % 2, "busy");
    await receiving.received(501 * round + 500);
    await pause(30);
    receiving.send((round + 1) % 2, "alone");
    await receiving.received(501 * (round + 1));
  }
  assert.equal(receiving.count, 5 * 501);
});

Deno.test("run() does nothing while nothing comes", async () => {
  await using receiving = new Receiving([IPV4, IPV6]);
  receiving.send(0, "first");
  await receiving.received(1);
  await pause(20);
  const { yields } = receiving;
  let takes = 0;
  const [socket] = receiving.receiver.sockets, take = socket!.take.bind(socket);
  socket!.take = () => {
    takes++;
    return take();
  };
  await pause(50);
  assert.deepEqual([takes, receiving.yields], [0, yields]);
});

Deno.test("run() gives the event loop its turn while there is much to take", async () => {
  const busyMs = 1;
  await using receiving = new Receiving([IPV4], {
    then: () => {
      for (const end = performance.now() + busyMs; performance.now() < end;);
    },
  });
  for (let i = 0; i < 64 * 40; i++) receiving.send(0, "much");
  await receiving.received(64 * 40);
  assert(receiving.yields >= 40 * busyMs / 8, `${receiving.yields} yields`);
});

Deno.test("run() takes what comes to one address also when there is always more at another", async () => {
  let isBusy = true;
  const receiving: Receiving = new Receiving([IPV4, IPV4], {
    then: (number) => {
      if (number === 0 && isBusy) { for (let i = 0; i < 64; i++) receiving.send(0, "more"); }
    },
  });
  await using _ = receiving;
  for (let i = 0; i < 128; i++) receiving.send(0, "more");
  await until(() => receiving.yields > 3);
  for (let i = 0; i < 10; i++) receiving.send(1, "waits");
  const { yields } = receiving;
  await until(() => receiving.texts[1]!.length === 10 || receiving.yields > yields + 20);
  isBusy = false;
  assert.equal(receiving.texts[1]!.length, 10);
});

Deno.test("close() ends run() while it waits, while it pauses, and before it has begun", async () => {
  for (const begin of ["waiting", "pausing", "at once"]) {
    await using receiving = new Receiving([IPV4, IPV6]);
    if (begin !== "at once") receiving.send(0, "first");
    for (let i = 0; begin === "pausing" && i < 1000; i++) receiving.send(1, "many");
    if (begin !== "at once") await receiving.received(begin === "pausing" ? 1001 : 1);
    if (begin === "waiting") await pause(20);
    receiving.receiver.close();
    receiving.receiver.close();
    assert(await ends(receiving.end, 1000), begin);
  }
});

Deno.test("close() ends run() where there is no address", async () => {
  const receiver = new Receiver({ addresses: [], buffer: 4096, isShared: false, take: () => {} });
  const end = drive(receiver.run());
  await nextTurn();
  receiver.close();
  assert(await ends(end, 100));
});

Deno.test("run() takes nothing after close()", async () => {
  await using receiving = new Receiving([IPV4]);
  receiving.send(0, "before");
  await receiving.received(1);
  await pause(20);
  receiving.send(0, "too late");
  receiving.receiver.close();
  await receiving.end;
  assert.deepEqual(receiving.texts, [["before"]]);
});

Deno.test("run() throws what goes wrong with a datagram that was waited for, and with one of many", async () => {
  for (const count of [1, 1000]) {
    await using receiving = new Receiving([IPV4], {
      then: () => {
        throw new Error("Cannot take it");
      },
    });
    // It waits.
    await pause(5);
    for (let i = 0; i < count; i++) receiving.send(0, "bad");
    await assert.rejects(receiving.end, { message: "Cannot take it" });
  }
});

Deno.test("A receiver listens at no address when one cannot be had, and says which", () => {
  const options: Omit<ReceiverOptions, "addresses"> = { buffer: 4096, isShared: false, take: () => {} };
  const taken = new DatagramSocket({ ...options, address: IPV4 });
  const other = new DatagramSocket({ ...options, address: IPV4 }), { address } = other;
  other.close();
  const open = () => new Receiver({ ...options, addresses: [address, taken.address, IPV4] });
  const text = formatListenAddress(taken.address);
  assert.throws(open, {
    message: `Cannot listen at ${text}: Cannot take the port: address already in use (98)`,
  });
  // The first is free again.
  new DatagramSocket({ ...options, address }).close();
  taken.close();
  open().close();
});
