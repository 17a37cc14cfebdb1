import assert from "node:assert/strict";
import { hasCapability } from "../../collectors/privileges.ts";
import { formatListenAddress } from "../../core/listen_address.ts";
import { Vocabulary } from "../../core/vocabulary.ts";
import {
  DATAGRAMS,
  DatagramSocket,
  type DatagramSocketOptions,
  WOKEN,
} from "../../native/datagram_socket.ts";
import { RawSocket } from "../helpers/raw_sockets.ts";

const HOST = new URL("datagram_socket_host.ts", import.meta.url);
const BUFFER = 4 << 20;
/** What is kept of a datagram. */
const ROOM = 9344;

interface Received {
  readonly sender: string;
  readonly text: string;
}

interface Options extends Partial<Omit<DatagramSocketOptions, "address">> {
  readonly hostname?: string | undefined;
  readonly port?: number;
}

/** A socket on loopback, and those that send to it. */
class Receiving implements Disposable {
  readonly socket: DatagramSocket;
  readonly vocabulary = new Vocabulary();
  readonly #senders = new Map<string, RawSocket>();

  constructor(options: Options = {}) {
    const { port = 0, buffer = BUFFER, isShared = false } = options;
    const hostname = "hostname" in options ? options.hostname : "127.0.0.1";
    this.socket = new DatagramSocket({ address: { hostname, port }, buffer, isShared });
  }

  get port(): number {
    return this.socket.address.port;
  }

  /** Sends from an address of loopback to one of its family; when it returns, the datagram is there. */
  send(data: string | Uint8Array<ArrayBuffer>, from = "127.0.0.1:0"): void {
    let sender = this.#senders.get(from);
    if (sender === undefined) {
      sender = RawSocket.udp(from);
      this.#senders.set(from, sender);
    }
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    sender.sendTo(`${from.startsWith("[") ? "[::1]" : "127.0.0.1"}:${this.port}`, bytes);
  }

  at(index: number): Received {
    const { socket, vocabulary } = this;
    const bytes = new Uint8Array(socket.view.buffer, socket.startOf(index), socket.lengthOf(index));
    const sender = String(vocabulary.ipOf(socket.senderOf(index, vocabulary)));
    return { sender, text: new TextDecoder().decode(bytes) };
  }

  take(): Received[] {
    return Array.from({ length: this.socket.take() }, (_, i) => this.at(i));
  }

  /** The size of each batch until there is none. */
  batches(): number[] {
    const sizes: number[] = [];
    do sizes.push(this.socket.take()); while (sizes.at(-1)! > 0);
    return sizes;
  }

  count(): number {
    return this.batches().reduce((sum, count) => sum + count, 0);
  }

  [Symbol.dispose](): void {
    this.socket.close();
    for (const sender of this.#senders.values()) sender.close();
  }
}

/** A port that nobody has. */
function freePort(): number {
  using receiving = new Receiving();
  return receiving.port;
}

const IPV4 = "127.0.0.1", IPV6 = "::1";

for (
  const [hostname, from, sender] of [[IPV4, "127.0.0.7:0", "127.0.0.7"], [IPV6, "[::1]:0", IPV6]] as const
) {
  Deno.test(`take() gives the datagrams that have come to ${hostname} in their order, with their sender`, () => {
    using receiving = new Receiving({ hostname });
    assert.deepEqual(receiving.take(), []);
    for (const text of ["one", "", "three"]) receiving.send(text, from);
    assert.deepEqual(receiving.take(), ["one", "", "three"].map((text) => ({ sender, text })));
    assert.deepEqual(receiving.take(), []);
  });

  Deno.test(`wait() gives a datagram that comes to ${hostname} later, with its sender`, async () => {
    using receiving = new Receiving({ hostname });
    for (const text of ["one", "", "three"]) {
      const waiting = receiving.socket.wait();
      receiving.send(text, from);
      assert.equal(await waiting, 1);
      assert.deepEqual(receiving.at(WOKEN), { sender, text });
    }
  });
}

Deno.test("A socket without a host name takes IPv6, and IPv4 as IPv4", async () => {
  using receiving = new Receiving({ hostname: undefined });
  const senders = { "127.0.0.9:0": "127.0.0.9", "[::1]:0": "::1" };
  for (const [from, sender] of Object.entries(senders)) {
    receiving.send("taken", from);
    assert.deepEqual(receiving.take(), [{ sender, text: "taken" }]);
    const waiting = receiving.socket.wait();
    receiving.send("waited for", from);
    assert.equal(await waiting, 1);
    assert.deepEqual(receiving.at(WOKEN), { sender, text: "waited for" });
  }
});

Deno.test("A socket tells the sender of each datagram of a batch", () => {
  using receiving = new Receiving({ hostname: undefined });
  const from = Array.from({ length: 30 }, (_, i) => i % 3 === 2 ? "[::1]:0" : `127.0.0.${i + 1}:0`);
  for (const address of from) receiving.send(address, address);
  const expected = from.map((text) => ({ sender: text.replace(/^\[?(.*?)\]?:0$/, "$1"), text }));
  assert.deepEqual(receiving.take(), expected);
});

Deno.test("A socket at port 0 has a port of its own", () => {
  using first = new Receiving(), second = new Receiving();
  assert.notEqual(first.port, 0);
  assert.notEqual(first.port, second.port);
  first.send("to the first");
  second.send("to the second");
  assert.deepEqual(first.take().map(({ text }) => text), ["to the first"]);
  assert.deepEqual(second.take().map(({ text }) => text), ["to the second"]);
  assert.equal(formatListenAddress(first.socket.address), `127.0.0.1:${first.port}`);
});

Deno.test("A socket has the port that it is told", () => {
  const port = freePort();
  using receiving = new Receiving({ port });
  assert.equal(receiving.port, port);
  receiving.send("there");
  assert.equal(receiving.count(), 1);
});

Deno.test("A socket whose port somebody has cannot be opened, and the error says which", () => {
  using first = new Receiving();
  for (const isShared of [false, true]) {
    assert.throws(() => new Receiving({ port: first.port, isShared }), {
      message: `Cannot listen at 127.0.0.1:${first.port}: Cannot take the port: address already in use (98)`,
    });
  }
  first.send("still there");
  assert.equal(first.count(), 1);
});

Deno.test("A socket at an address that the host does not have cannot be opened, and the error says which", () => {
  for (const [hostname, text] of [["192.0.2.1", "192.0.2.1:0"], ["2001:db8::1", "[2001:db8::1]:0"]]) {
    assert.throws(
      () => new Receiving({ hostname }),
      (error) => error instanceof Error && error.message.startsWith(`Cannot listen at ${text}: `),
    );
  }
});

Deno.test("A socket is not taken for another whose port has the same number at another address", () => {
  // Its descriptor is free for the other by then, and lower.
  const file = Deno.openSync("/dev/null"), { listenDatagram } = Deno;
  let other: Deno.DatagramConn | undefined;
  Deno.listenDatagram = () => {
    const listener = listenDatagram({ transport: "udp", hostname: IPV6, port: 0 });
    file.close();
    const { port } = listener.addr as Deno.NetAddr;
    other = listenDatagram({ transport: "udp", hostname: IPV4, port });
    return listener;
  };
  try {
    using receiving = new Receiving({ hostname: IPV6 });
    receiving.send("there", "[::1]:0");
    assert.deepEqual(receiving.take(), [{ sender: IPV6, text: "there" }]);
  } finally {
    Deno.listenDatagram = listenDatagram;
    other?.close();
  }
});

Deno.test("statistics() tells the buffer that was wanted, or the most that the kernel gives", () => {
  const most = Number(Deno.readTextFileSync("/proc/sys/net/core/rmem_max"));
  for (const buffer of [1 << 20, most, 4 * most]) {
    using receiving = new Receiving({ buffer });
    const expected = hasCapability("CAP_NET_ADMIN") ? buffer : Math.min(buffer, most);
    assert.equal(receiving.socket.statistics().buffer, expected);
  }
});

Deno.test("statistics() tells what waits, and what the kernel had no room for", () => {
  using receiving = new Receiving({ buffer: 8192 });
  const { socket } = receiving, sent = 500;
  assert.deepEqual({ ...socket.statistics(), buffer: 0 }, { buffer: 0, queued: 0, drops: 0 });
  for (let i = 0; i < sent; i++) receiving.send(new Uint8Array(1000));
  const { queued, drops } = socket.statistics();
  assert(queued > 0 && drops > 0 && drops < sent, `${queued} bytes, ${drops} drops`);
  assert.equal(receiving.count() + drops, sent);
  assert.deepEqual({ ...socket.statistics(), buffer: 0 }, { buffer: 0, queued: 0, drops });
  receiving.send("again");
  assert.deepEqual(receiving.take().map(({ text }) => text), ["again"]);
});

Deno.test("Sockets that share a port receive what comes to it between them", () => {
  using first = new Receiving({ isShared: true });
  using second = new Receiving({ isShared: true, port: first.port });
  assert.throws(() => new Receiving({ port: first.port }), /address already in use/);
  for (let i = 0; i < 1000; i++) first.send(`${i}`, `127.0.${i % 200}.1:0`);
  const counts = [first.count(), second.count()];
  assert.equal(counts[0]! + counts[1]!, 1000);
  assert(Math.min(...counts) > 0, `${counts}`);
});

Deno.test("take() gives no more than a batch at a time", () => {
  using receiving = new Receiving();
  for (let i = 0; i < 3 * DATAGRAMS + 8; i++) receiving.send(`${i}`);
  const texts: string[] = [], sizes: number[] = [];
  for (;;) {
    const received = receiving.take();
    if (received.length === 0) break;
    sizes.push(received.length);
    texts.push(...received.map(({ text }) => text));
  }
  assert.deepEqual(sizes, [DATAGRAMS, DATAGRAMS, DATAGRAMS, 8]);
  assert.deepEqual(texts, texts.map((_, i) => `${i}`));
  for (let i = 0; i < DATAGRAMS; i++) receiving.send("full");
  assert.deepEqual(receiving.batches(), [DATAGRAMS, 0]);
});

Deno.test("A datagram that is longer than there is room for is cut, which is told", async () => {
  using receiving = new Receiving();
  const { socket } = receiving, lengths = [ROOM - 1, ROOM, ROOM + 1, 65_000, 5];
  const bytes = new Uint8Array(65_000).map((_, i) => i % 251);
  for (const length of lengths) receiving.send(bytes.subarray(0, length));
  assert.equal(socket.take(), lengths.length);
  for (const [i, length] of lengths.entries()) {
    const kept = Math.min(length, ROOM);
    assert.deepEqual([socket.lengthOf(i), socket.isCut(i)], [kept, length > ROOM], `${length} bytes`);
    assert.deepEqual(new Uint8Array(socket.view.buffer, socket.startOf(i), kept), bytes.subarray(0, kept));
  }
  for (const [length, isCut] of [[ROOM - 1, false], [ROOM + 1, true], [65_000, true], [5, false]] as const) {
    const waiting = socket.wait();
    receiving.send(bytes.subarray(0, length));
    await waiting;
    const kept = Math.min(length, ROOM);
    assert.deepEqual([socket.lengthOf(WOKEN), socket.isCut(WOKEN)], [kept, isCut], `${length} bytes`);
    assert.deepEqual(
      new Uint8Array(socket.view.buffer, socket.startOf(WOKEN), kept),
      bytes.subarray(0, kept),
    );
  }
});

Deno.test("wait() that is under way leaves what take() gives alone, and nothing comes twice", async () => {
  using receiving = new Receiving();
  let waited = 0, taken = 0;
  for (let round = 0; round < 100; round++) {
    const waiting = receiving.socket.wait();
    for (let i = 0; i < 10; i++) receiving.send(`${round}.${i}`);
    const received = receiving.take();
    if (round % 2 === 1) receiving.send("to end it");
    taken += received.length;
    for (const { text } of received) assert(text.startsWith(`${round}.`));
    if (round % 2 === 0) receiving.send("to end it");
    waited += await waiting;
    taken += receiving.count();
  }
  assert.deepEqual([waited, taken], [100, 1000]);
});

Deno.test("close() ends wait(), which then gives none, and frees the port", async () => {
  const receiving = new Receiving(), { port, socket } = receiving;
  const waiting = socket.wait();
  receiving[Symbol.dispose]();
  assert.equal(await waiting, 0);
  assert.equal(await socket.wait(), 0);
  using again = new Receiving({ port });
  again.send("again");
  assert.equal(again.count(), 1);
});

Deno.test("A socket works while garbage is collected", async () => {
  const args = ["run", "--quiet", "--v8-flags=--expose-gc", "--allow-all", HOST.pathname];
  const command = new Deno.Command(Deno.execPath(), { args, env: { NO_COLOR: "1" } });
  const { code, stdout, stderr } = await command.output(), decoder = new TextDecoder();
  assert.deepEqual([code, decoder.decode(stderr)], [0, ""]);
  const { sent, taken, waited, wrong, collections } = JSON.parse(decoder.decode(stdout));
  assert.deepEqual({ received: taken + waited, wrong }, { received: sent, wrong: 0 });
  assert(sent >= 200_000 && waited > 0 && collections >= 1000);
});
