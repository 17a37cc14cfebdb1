/**
 * Makes known traffic in a network namespace. It does what the lines of its standard input say, and answers each with
 * one: how many milliseconds it took.
 */
import { createInterface } from "node:readline";
import process from "node:process";
import { openZoo } from "./conntrack_zoo.ts";
import { echoRequest, isEchoReply } from "./raw_packets.ts";
import { RawSocket, type SocketAddress, socketAddress } from "./raw_sockets.ts";

const UDP_PORT = 9999, TCP_PORT = 7000, FIRST_PORT = 20_000;

/** So much fits into the buffers of a connection, whose two ends may be held by one process. */
const CHUNK = 32_768;

/** A destination by its number: 10.0.1.0 and those after it, fd00:77::1:0 and those after it. */
class Destination {
  readonly #view: DataView;
  readonly #first: number;
  readonly bytes: Uint8Array<ArrayBuffer>;

  constructor(from: string, port: number) {
    const v6 = from.includes(":");
    this.bytes = socketAddress(v6 ? `[fd00:77::]:${port}` : `0.0.0.0:${port}`);
    this.#view = v6 ? new DataView(this.bytes.buffer, 20) : new DataView(this.bytes.buffer, 4);
    this.#first = v6 ? 0x10000 : 0x0a000100;
  }

  set(number: number): this {
    this.#view.setUint32(0, this.#first + number);
    return this;
  }
}

/** The socket that is bound to an address, and stays open. */
const senders = new Map<string, RawSocket>();

function sender(local: string): RawSocket {
  let socket = senders.get(local);
  if (socket === undefined) senders.set(local, socket = RawSocket.udp(local));
  return socket;
}

function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

/** UDP flows are numbered by destination; each destination has `per` of them, of one source port each. */
function sendUdp(from: string, ...numbers: string[]): void {
  const [per = 1, payload = 0, first = 0, count = 0] = numbers.map(Number);
  const destination = new Destination(from, UDP_PORT), bytes = new Uint8Array(payload);
  const sockets = Array.from(
    { length: Math.min(per, count) },
    (_, i) => sender(`${bracketed(from)}:${FIRST_PORT + (first + i) % per}`),
  );
  for (let i = 0; i < count; i++) {
    const { bytes: peer } = destination.set(Math.floor((first + i) / per));
    sockets[i % per]!.sendTo(peer, bytes);
  }
}

/** One packet of each flow in the direction of its reply. */
function answerUdp(from: string, ...numbers: string[]): void {
  const [per = 1, payload = 0, first = 0, count = 0] = numbers.map(Number);
  const destination = new Destination(from, UDP_PORT), bytes = new Uint8Array(payload);
  for (let i = first; i < first + count;) {
    const number = Math.floor(i / per), end = Math.min(first + count, (number + 1) * per);
    const socket = RawSocket.udp(destination.set(number).bytes);
    for (; i < end; i++) socket.sendTo(`${bracketed(from)}:${FIRST_PORT + i % per}`, bytes);
    socket.close();
  }
}

function receiveAll(socket: RawSocket, count: number): void {
  const bytes = new Uint8Array(CHUNK);
  while (count > 0) {
    const received = socket.receive(bytes.subarray(0, Math.min(count, CHUNK)));
    if (received === 0) throw new Error(`Expected ${count} bytes more`);
    count -= received;
  }
}

function pass(count: number, [from, to]: readonly [RawSocket, RawSocket]): void {
  for (let rest = count; rest > 0; rest -= CHUNK) {
    const chunk = new Uint8Array(Math.min(rest, CHUNK));
    from.send(chunk);
    receiveAll(to, chunk.length);
  }
}

function connect(from: string, peer: SocketAddress): RawSocket {
  return RawSocket.connect(peer, { local: `${bracketed(from)}:0`, portByPeer: true });
}

/** Whole connections one after the other, to as many destinations in turn. */
function exchangeTcp(from: string, ...numbers: string[]): void {
  const [count = 1, bytes = 0, destinations = 1] = numbers.map(Number);
  const destination = new Destination(from, TCP_PORT), listener = listenerFor(from);
  for (let i = 0; i < count; i++) {
    const client = connect(from, destination.set(i % destinations).bytes);
    const server = listener.accept();
    pass(bytes, [client, server]);
    pass(bytes, [server, client]);
    client.close();
    server.awaitEnd();
    server.close();
  }
}

function fetchTcp(from: string, peer: string, ...numbers: string[]): void {
  const [count = 1, up = 0, down = 0] = numbers.map(Number);
  for (let i = 0; i < count; i++) {
    const client = connect(from, peer);
    client.send(new Uint8Array(up));
    receiveAll(client, down);
    client.close();
  }
}

function serveTcp(from: string, ...numbers: string[]): void {
  const [count = 1, up = 0, down = 0] = numbers.map(Number);
  const listener = listenerFor(from);
  for (let i = 0; i < count; i++) {
    const server = listener.accept();
    receiveAll(server, up);
    server.send(new Uint8Array(down));
    server.awaitEnd();
    server.close();
  }
}

function ping(from: string, peer: string, ...numbers: string[]): void {
  const [id = 0, count = 1, payload = 0] = numbers.map(Number);
  const version = from.includes(":") ? 6 : 4, local = `${bracketed(from)}:0`;
  const socket = RawSocket.raw(local, version === 6 ? 58 : 1), answer = new Uint8Array(65_536);
  for (let sequence = 1; sequence <= count; sequence++) {
    socket.sendTo(`${bracketed(peer)}:0`, echoRequest({ version, id, sequence, payload }));
    while (!isEchoReply(answer.subarray(0, socket.receive(answer)), version));
  }
  socket.close();
}

let listeners: readonly RawSocket[] = [];

/** What receives the traffic of others, so that the kernel does not refuse it. */
function open(): void {
  RawSocket.udp(`0.0.0.0:${UDP_PORT}`);
  RawSocket.udp(`[::]:${UDP_PORT}`, { v6only: true });
  listeners = [
    RawSocket.listen(`0.0.0.0:${TCP_PORT}`, { backlog: 4096 }),
    RawSocket.listen(`[::]:${TCP_PORT}`, { backlog: 4096, v6only: true }),
  ];
}

function listenerFor(address: string): RawSocket {
  return listeners[address.includes(":") ? 1 : 0]!;
}

/** What each command does; its arguments are the words that follow its name. */
const COMMANDS: Readonly<Record<string, (...args: [string, ...string[]]) => void>> = {
  open,
  sendUdp,
  answerUdp,
  exchangeTcp,
  fetchTcp: (from, peer = "", ...numbers) => fetchTcp(from, peer, ...numbers),
  serveTcp,
  ping: (from, peer = "", ...numbers) => ping(from, peer, ...numbers),
  zoo: () => openZoo({ v4: listenerFor("0.0.0.0"), v6: listenerFor("::") }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name = "", first = "", ...more] = line.split(" ");
  const start = performance.now();
  COMMANDS[name]!(first, ...more);
  console.log(performance.now() - start);
}
