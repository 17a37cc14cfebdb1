/**
 * Receives datagrams of its own while garbage is collected again and again, and prints how many came and how many were
 * not what was sent. It is to be started with --v8-flags=--expose-gc.
 */
import { Vocabulary } from "../../core/vocabulary.ts";
import { DatagramSocket, WOKEN } from "../../native/datagram_socket.ts";
import { RawSocket } from "../helpers/raw_sockets.ts";

const { gc } = globalThis as unknown as { gc: () => void };
const ROUNDS = 2000, BURST = 100, LOOPBACK = 0x7f000001;

const socket = new DatagramSocket({
  address: { hostname: "127.0.0.1", port: 0 },
  buffer: 4 << 20,
  isShared: false,
});
const sender = RawSocket.udp("127.0.0.1:0"), peer = `127.0.0.1:${socket.address.port}`;
const vocabulary = new Vocabulary(), bytes = new Uint8Array(200), written = new DataView(bytes.buffer);
let sent = 0, taken = 0, waited = 0, wrong = 0, collections = 0;

function send(): void {
  written.setUint32(0, sent);
  bytes.fill(sent++ & 255, 4);
  sender.sendTo(peer, bytes);
}

function check(index: number): void {
  const start = socket.startOf(index), number = socket.view.getUint32(start) & 255;
  const isWhole = socket.lengthOf(index) === bytes.length && !socket.isCut(index) &&
    socket.senderOf(index, vocabulary) === LOOPBACK && socket.view.getUint8(start + 4) === number &&
    socket.view.getUint8(start + bytes.length - 1) === number;
  if (!isWhole) wrong++;
}

/** What was allocated here may come to stand where the memory of something else was. */
function collect(): void {
  collections++;
  gc();
  for (let i = 0; i < 100; i++) new Uint8Array(BURST * i).fill(0xee);
}

for (let round = 0; round < ROUNDS; round++) {
  const waiting = socket.wait();
  if (round % 4 === 0) collect();
  send();
  waited += await waiting;
  check(WOKEN);
  for (let i = 1; i < BURST; i++) send();
  if (round % 4 === 2) collect();
  for (let count = socket.take(); count > 0; count = socket.take()) {
    for (let i = 0; i < count; i++) check(i);
    taken += count;
  }
}
sender.close();
socket.close();
console.log(JSON.stringify({ sent, taken, waited, wrong, collections }));
