import { collector, type Context, type Source } from "../../core/collector.ts";
import { formatListenAddress, type ListenAddress, listenAddress } from "../../core/listen_address.ts";
import { emitValues } from "../../core/record.ts";
import { list, number, setting, type ValuesOf } from "../../core/shape.ts";
import type { Work } from "../../core/work.ts";
import type { DatagramSocket } from "../../native/datagram_socket.ts";
import type { Pcap } from "../../native/pcap.ts";
import { Packet } from "../../parsers/packet.ts";
import { readPackets } from "../packet_file.ts";
import { type Datagram, Decoder, REASONS } from "./decoder.ts";
import { Exporters } from "./exporters.ts";
import { Receiver } from "./receiver.ts";
import { EXPORTERS, FLOWS, LISTENERS, LOSSES, STAGES } from "./records.ts";
import { RULES } from "./rules.ts";
import { samplingRates, trieOf } from "./sampling.ts";

const MEBIBYTE = 1 << 20;

const SETTINGS = {
  listen_address: setting(
    list(listenAddress),
    [{ hostname: undefined, port: 2055 }] as ListenAddress[],
    { help: "Where to receive flows: :2055, 192.0.2.1:2055 or [::1]:2055" },
  ),
  receive_buffer: setting(number({ min: 4096, max: 1023 * MEBIBYTE, integer: true }), 32 * MEBIBYTE, {
    help: "Bytes that the kernel shall keep of what was not yet taken",
  }),
  workers: setting(number({ min: 1, max: 64, integer: true }), 1, {
    help: "Threads that share the work, among which the kernel deals out the exporters",
  }),
  sampling_rates: setting(samplingRates, new Map<string, number>() as ReadonlyMap<string, number>, {
    help: "Sampling rates of exporters that do not tell them, or not truly, by network",
    flag: null,
  }),
};

class NetflowSource implements Source {
  readonly #context: Context;
  readonly #settings: ValuesOf<typeof SETTINGS>;
  readonly #exporters: Exporters;
  readonly #decoder: Decoder;
  #receiver: Receiver | undefined;
  /** What the sockets dropped that are closed. */
  #droppedBefore = 0;
  /** Of a file that is replayed: when its last datagram came, in milliseconds. */
  #replayedTo: number | undefined;

  constructor(settings: ValuesOf<typeof SETTINGS>, context: Context) {
    this.#context = context;
    this.#settings = settings;
    this.#exporters = new Exporters(context.vocabulary, trieOf(settings.sampling_rates));
    this.#decoder = new Decoder(context);
  }

  async *stream(signal: AbortSignal) {
    const { listen_address: addresses, receive_buffer: buffer, workers } = this.#settings;
    const isShared = workers > 1;
    if (isShared && addresses.some(({ port }) => port === 0)) {
      throw new Error("Cannot share port 0 among workers: each would get another one");
    }
    const take = this.#take.bind(this);
    const receiver = this.#receiver = new Receiver({ addresses, buffer, isShared, take });
    const close = () => this.close();
    signal.addEventListener("abort", close);
    try {
      this.#tellListeners(receiver);
      yield;
      yield* receiver.run();
    } finally {
      signal.removeEventListener("abort", close);
      this.close();
    }
  }

  /** The datagrams that were sent to the ports at which it would listen. */
  replay(path: string): Work {
    const ports = this.#settings.listen_address.map(({ port }) => `dst port ${port}`), packet = new Packet();
    const filter = `udp and (${ports.join(" or ")})`;
    return readPackets(path, { filter, take: (pcap) => this.#takePacket(pcap, packet) });
  }

  *snapshot() {
    const now = this.#replayedTo ?? performance.now();
    this.#emitListeners();
    for (const exporter of this.#exporters.settle(now)) {
      const { number, datagrams, flows, filtered, undecoded, restarts, samplingRate, seenAt } = exporter;
      emitValues(this.#context.sink(EXPORTERS), [
        number,
        datagrams,
        flows,
        filtered,
        restarts,
        samplingRate,
        seenAt / 1000,
      ]);
      this.#emitLoss("decode", undecoded, { exporter: number });
      this.#emitLoss("filter", filtered, { exporter: number });
      for (const [engine, { lost }] of exporter.sequences) {
        this.#emitLoss("sequence", lost, { exporter: number, engine });
      }
      yield;
    }
  }

  close(): void {
    this.#droppedBefore = this.#dropped;
    this.#receiver?.close();
    this.#receiver = undefined;
  }

  #take(socket: DatagramSocket, from: number, to: number): void {
    const { vocabulary } = this.#context, now = performance.now(), date = Date.now();
    vocabulary.forgetIfFull();
    for (let i = from; i < to; i++) {
      const exporter = this.#exporters.of(socket.senderOf(i, vocabulary));
      exporter.lastSeen = now;
      exporter.seenAt = date;
      const datagram: Datagram = {
        view: socket.view,
        start: socket.startOf(i),
        length: socket.lengthOf(i),
        isCut: socket.isCut(i),
      };
      this.#decoder.decode(datagram, exporter, now);
    }
  }

  /** Takes a datagram out of a file, whose packets tell the time. */
  #takePacket(pcap: Pcap, packet: Packet): void {
    packet.linkType = pcap.linkType;
    if (!packet.read(pcap.bytes, 0, pcap.end, pcap.wire)) return;
    const { start, end, length } = packet, { vocabulary } = this.#context;
    const [a = 0, b = 0, c = 0, d = 0] = new Uint32Array(packet.words.buffer);
    const exporter = this.#exporters.of(vocabulary.ipv6Words(a, b, c, d));
    const now = this.#replayedTo = 1000 * pcap.time;
    exporter.lastSeen = exporter.seenAt = now;
    const view = new DataView(pcap.bytes.buffer);
    this.#decoder.decode({ view, start, length: end - start, isCut: end - start < length }, exporter, now);
  }

  #tellListeners({ sockets }: Receiver): void {
    const { log } = this.#context, wanted = this.#settings.receive_buffer;
    for (const socket of sockets) {
      const address = formatListenAddress(socket.address), { buffer } = socket.statistics();
      log.info("Receiving flows", { collector: "netflow", address });
      if (buffer >= wanted) continue;
      const command = `sysctl -w net.core.rmem_max=${wanted}`;
      log.warn("The receive buffer is smaller than wanted", {
        collector: "netflow",
        wanted,
        buffer,
        command,
      });
    }
  }

  #emitListeners(): void {
    const { vocabulary } = this.#context, wanted = this.#settings.receive_buffer;
    for (const socket of this.#receiver?.sockets ?? []) {
      const address = vocabulary.text(formatListenAddress(socket.address));
      const { buffer, queued, drops } = socket.statistics();
      emitValues(this.#context.sink(LISTENERS), [address, wanted, buffer, queued, drops]);
    }
    this.#emitLoss("kernel", this.#dropped);
  }

  get #dropped(): number {
    const sockets = this.#receiver?.sockets ?? [];
    return sockets.reduce((sum, socket) => sum + socket.statistics().drops, this.#droppedBefore);
  }

  #emitLoss(stage: (typeof STAGES)[number], lost: number, { exporter = NaN, engine = NaN } = {}): void {
    emitValues(this.#context.sink(LOSSES), [STAGES.indexOf(stage), exporter, engine, lost]);
  }
}

export default collector({
  name: "netflow",
  help: "The flows that routers send: NetFlow v5",
  enabled: false,
  schedule: "scrape",
  privileges: [{ capability: "CAP_NET_ADMIN", purpose: "a receive buffer above net.core.rmem_max" }],
  records: [FLOWS, EXPORTERS, LOSSES, LISTENERS],
  rules: RULES,
  settings: SETTINGS,
  reasons: REASONS,
  replays: true,
  shards: ({ workers }) => workers,
  open: (settings, context) => new NetflowSource(settings, context),
});
