import { collector, type Context, type Source } from "../../core/collector.ts";
import { emitValues } from "../../core/record.ts";
import { boolean, duration, list, number, setting, text, type ValuesOf } from "../../core/shape.ts";
import type { Pcap } from "../../native/pcap.ts";
import { Packet, type PacketFault } from "../../parsers/packet.ts";
import { FRAMING_FAULTS } from "../../parsers/wialon_framing.ts";
import { readPackets } from "../packet_file.ts";
import { Capture, type CaptureOptions, Captures } from "./captures.ts";
import { CAPTURES, DEVICES, ENDED_STREAMS, FAULTS, GAPS, MESSAGES, SEGMENTS, STREAMS } from "./records.ts";
import { FATES } from "./reassembly.ts";
import { RULES } from "./rules.ts";
import { Traffic } from "./traffic.ts";

const MEBIBYTE = 1 << 20;

const SETTINGS = {
  interface: setting(list(text), ["any"], {
    help: "Where to capture packets: the name of an interface, or any",
    alias: "i",
  }),
  filter: setting(text, "tcp port 20332", {
    help: "Which packets to look at, as tcpdump has it",
    alias: "filter",
  }),
  buffer: setting(number({ min: MEBIBYTE, max: 1024 * MEBIBYTE, integer: true }), 16 * MEBIBYTE, {
    help: "Bytes that the kernel shall keep, at each interface, of what was not yet taken",
  }),
  promiscuous: setting(boolean, false, { help: "Take packets as well that are for other hosts" }),
  max_connections: setting(number({ min: 1, max: 10_000_000, integer: true }), 131_072, {
    help: "Connections that are followed; the one that is idle longest makes room",
  }),
  stream_timeout: setting(duration, 300, { help: "A stream ends when idle for so long" }),
  device_timeout: setting(duration, 600, { help: "A device counts for so long after its last message" }),
};

/** What is wrong with a packet that is worth a word; others are not for us. */
const PACKET_REASONS: readonly PacketFault[] = ["link_type", "fragment", "short", "malformed"];
const REASONS = [...FRAMING_FAULTS, ...PACKET_REASONS];

/** Faults are counted at once, and told at most so often. */
const TELL_MS = 1000;

/** `port 20332 or 20333`, `portrange 20000-20999`; but not `not port 22` */
const PORTS =
  /(?<!\bnot\s+(?:(?:tcp|udp|src|dst)\s+)*)\bport(?:range)?\s+(\d+(?:-\d+)?(?:\s+or\s+\d+(?:-\d+)?)*)/g;
const MAX_RANGE = 1000;

class WialonSource implements Source {
  readonly #context: Context;
  readonly #settings: ValuesOf<typeof SETTINGS>;
  readonly #traffic: Traffic;
  readonly #packet = new Packet();
  #captures: readonly Capture[];
  readonly #faults = new Map<string, number>();
  #toldAt = 0;
  /** Whose number the messages have as their interface, and how long it is good. */
  #capture: Capture | undefined;
  #generation = -1;
  /** In place of the clock: whatever time the packets of a file have. */
  #isReplay = false;

  constructor(settings: ValuesOf<typeof SETTINGS>, context: Context) {
    this.#context = context;
    this.#settings = settings;
    this.#traffic = new Traffic(context, {
      maxConnections: settings.max_connections,
      streamTimeout: settings.stream_timeout,
      deviceTimeout: settings.device_timeout,
      serverPorts: portsOf(settings.filter),
      onFault: (fault) => this.#count(fault),
    });
    const options = this.#captureOptions;
    this.#captures = [...new Set(settings.interface)].map((name) => new Capture(name, options));
  }

  async *stream(signal: AbortSignal) {
    const captures = this.#captures, { log } = this.#context;
    const open = new Captures({ captures, log, settle: () => this.#settle() });
    const close = () => void open.close();
    signal.addEventListener("abort", close);
    try {
      await open.open();
      yield;
      yield* open.run();
    } finally {
      signal.removeEventListener("abort", close);
      await open.close();
    }
  }

  async *replay(path: string) {
    const { filter } = this.#settings, options = this.#captureOptions, capture = new Capture(path, options);
    this.#captures = [capture];
    this.#isReplay = true;
    const take = (pcap: Pcap) => this.#take(capture, pcap);
    for await (const _ of readPackets(path, { filter, take })) {
      while (this.#settle()) yield;
      yield;
    }
    while (this.#settle()) yield;
  }

  *snapshot() {
    const { reassembly } = this.#traffic, now = this.#now;
    this.#tellFaults();
    this.#emitCaptures();
    for (const [fate] of FATES.entries()) {
      emitValues(this.#context.sink(SEGMENTS), [fate, reassembly.segments[fate]!, reassembly.bytes[fate]!]);
    }
    emitValues(this.#context.sink(GAPS), [reassembly.gaps, reassembly.gapBytes]);
    yield* this.#traffic.streams(now);
    yield* this.#traffic.devices(now);
  }

  get #now(): number {
    return this.#isReplay ? this.#traffic.time : Date.now() / 1000;
  }

  get #captureOptions(): CaptureOptions {
    const { filter, buffer, promiscuous: isPromiscuous } = this.#settings, { log } = this.#context;
    return { filter, buffer, isPromiscuous, log, take: (capture, pcap) => this.#take(capture, pcap) };
  }

  #take(capture: Capture, pcap: Pcap): void {
    const packet = this.#packet;
    capture.packets++;
    packet.linkType = pcap.linkType;
    if (!packet.read(pcap.bytes, 0, pcap.end, pcap.wire)) return this.#reject(packet);
    if (packet.length > 0) capture.rawPackets++;
    this.#nameInterface(capture);
    this.#traffic.take(packet, pcap.bytes, pcap.time);
  }

  #nameInterface(capture: Capture): void {
    const { vocabulary } = this.#context;
    if (capture === this.#capture && vocabulary.generation === this.#generation) return;
    this.#capture = capture;
    this.#generation = vocabulary.generation;
    this.#traffic.messages.interface = vocabulary.text(capture.name);
  }

  #reject({ fault }: Packet): void {
    if (fault !== undefined && PACKET_REASONS.includes(fault)) this.#count(fault);
  }

  /** What is done between packets; gives whether there is more of it. */
  #settle(): boolean {
    this.#context.vocabulary.forgetIfFull();
    // Connections that are forgotten may have messages that waited for others.
    if (this.#capture !== undefined) this.#nameInterface(this.#capture);
    if (performance.now() - this.#toldAt > TELL_MS) this.#tellFaults();
    return this.#traffic.forgetIdle(this.#now);
  }

  #count(fault: string): void {
    this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + 1);
  }

  #tellFaults(): void {
    this.#toldAt = performance.now();
    for (const [reason, count] of this.#faults) this.#context.problem(reason, { count });
    this.#faults.clear();
  }

  #emitCaptures(): void {
    const { vocabulary, quality } = this.#context;
    quality("interfaces", this.#isReplay || this.#captures.every(({ isUp }) => isUp));
    for (const capture of this.#captures) {
      const { name, isUp, opened, packets, rawPackets } = capture,
        { dropped, interfaceDropped } = capture.lost();
      // A file is no interface.
      const [up, times] = this.#isReplay ? [NaN, NaN] : [isUp ? 1 : 0, opened];
      const values = [up, times, packets, rawPackets, dropped, interfaceDropped];
      emitValues(this.#context.sink(CAPTURES), [vocabulary.text(name), ...values]);
    }
  }
}

/** The ports that a filter names. */
function portsOf(filter: string): ReadonlySet<number> {
  const ports = new Set<number>();
  for (const [, list = ""] of filter.matchAll(PORTS)) {
    for (const range of list.split(/\s+or\s+/)) {
      const [from = 0, to = from] = range.split("-").map(Number), last = Math.min(to, from + MAX_RANGE);
      for (let port = from; port <= last; port++) ports.add(port);
    }
  }
  return ports;
}

export default collector({
  name: "wialon",
  help: "The messages of Wialon IPS that pass an interface",
  enabled: false,
  schedule: "scrape",
  privileges: [{ capability: "CAP_NET_RAW", purpose: "capturing packets" }],
  records: [MESSAGES, ENDED_STREAMS, STREAMS, DEVICES, FAULTS, CAPTURES, SEGMENTS, GAPS],
  rules: RULES,
  settings: SETTINGS,
  reasons: REASONS,
  checks: ["interfaces"],
  replays: true,
  open: (settings, context) => new WialonSource(settings, context),
});
