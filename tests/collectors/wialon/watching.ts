/** Traffic that is watched packet by packet, and what is told of it. */
import assert from "node:assert/strict";
import { DEVICES, ENDED_STREAMS, FAULTS, MESSAGES, STREAMS } from "../../../collectors/wialon/records.ts";
import { Traffic } from "../../../collectors/wialon/traffic.ts";
import type { Context } from "../../../core/collector.ts";
import type { RecordType } from "../../../core/record.ts";
import { Vocabulary } from "../../../core/vocabulary.ts";
import { ACK, FIN, Packet, PSH, RST, SYN } from "../../../parsers/packet.ts";
import { tcpPacket, udpPacket } from "../../helpers/packets.ts";
import type { CapturedPacket } from "../../helpers/pcap_file.ts";
import type { Plain } from "../../helpers/pipelines.ts";

export const BEGIN = 1_700_000_000;
export const DEVICE = "192.0.2.1:1000", SERVER = "198.51.100.1:20332";
const MAX_PACKET = 262_144;

export type Side = "device" | "server";

export interface WatchingOptions {
  readonly maxConnections?: number;
  readonly serverPorts?: readonly number[];
}

export class Watching {
  readonly traffic: Traffic;
  /** Seconds since the beginning, which somebody sets before a packet comes. */
  time = 0;
  /** All packets that have come. */
  readonly captured: CapturedPacket[] = [];
  readonly #records = new Map<RecordType, Plain[]>();
  readonly #packet = new Packet();
  /** Packets come at the same place, one after the other. */
  readonly #bytes = new Uint8Array(MAX_PACKET);

  constructor({ maxConnections = 1000, serverPorts = [20332] }: WatchingOptions = {}) {
    const vocabulary = new Vocabulary();
    const sink = (type: RecordType) => {
      const row = new Float64Array(Object.keys(type.fields).length).fill(NaN);
      return { row, uses: () => true, emit: () => this.#record(type, row, vocabulary) };
    };
    this.traffic = new Traffic({ vocabulary, sink } as unknown as Context, {
      maxConnections,
      streamTimeout: 300,
      deviceTimeout: 600,
      serverPorts: new Set(serverPorts),
      onFault: () => {},
    });
  }

  take(bytes: Uint8Array, captured = bytes.length): void {
    const packet = this.#packet, time = BEGIN + this.time;
    this.captured.push({ time, bytes: bytes.subarray(0, captured), length: bytes.length });
    this.#bytes.fill(0xee, 0, bytes.length + 100).set(bytes);
    assert(packet.read(this.#bytes, 0, captured, bytes.length), packet.fault);
    this.traffic.take(packet, this.#bytes, time);
  }

  /** Forgets what is idle; gives how many calls that took. */
  forgetIdle(): number {
    let calls = 1;
    while (this.traffic.forgetIdle(BEGIN + this.time)) calls++;
    return calls;
  }

  /** Messages as "D device", of those since the last time. */
  messages(): string[] {
    return this.taken(MESSAGES).map(({ type, sender }) => `${type} ${sender}`);
  }

  /** Ended streams as "device 7 end" or "server 0 reset": who has sent, for how long, and why it is over. */
  ended(): string[] {
    return this.taken(ENDED_STREAMS).map((record) =>
      `${sideOf(record)} ${record["duration_seconds"]} ${record["cause"]}`
    ).sort();
  }

  faults(): string[] {
    return this.taken(FAULTS).map((record) => `${sideOf(record)} ${record["reason"]}`);
  }

  /** The latencies of answers, as "AD 0.25", with NaN where none is known. */
  latencies(): string[] {
    return this.taken(MESSAGES).filter(({ type }) => String(type).startsWith("A")).map((record) =>
      `${record["type"]} ${record["latency_seconds"] ?? NaN}`
    );
  }

  /** Live streams as "192.0.2.1:1000 7 3": who sends, since when, and how long ago the last time. */
  streams(): string[] {
    for (const _ of this.traffic.streams(BEGIN + this.time));
    return this.taken(STREAMS).map((record) =>
      `${sourceOf(record)} ${record["age_seconds"]} ${record["idle_seconds"]}`
    ).sort();
  }

  /** The devices that are known, as "2.0 7": their version, and how long ago they were seen. */
  devices(): string[] {
    for (const _ of this.traffic.devices(BEGIN + this.time));
    return this.taken(DEVICES).map(({ version, idle_seconds }) => `${version} ${idle_seconds}`).sort();
  }

  /** The records of a type since the last time. */
  taken(type: RecordType): Plain[] {
    return this.#records.get(type)?.splice(0) ?? [];
  }

  #record(type: RecordType, row: Float64Array, vocabulary: Vocabulary): boolean {
    const record: Record<string, string | number> = {};
    for (const [name, field] of Object.entries(type.fields)) {
      const value = row[type.at[name]!]!;
      if (Number.isNaN(value)) continue;
      if (field.type === "choice") record[name] = field.choices[value]!;
      else if (field.type === "text") record[name] = vocabulary.textOf(value);
      else record[name] = field.type === "ip" ? vocabulary.ipOf(value).toString() : value;
    }
    const records = this.#records.get(type) ?? [];
    this.#records.set(type, records);
    records.push(record);
    return true;
  }
}

function sourceOf(record: Plain): string {
  return `${record["source_address"]}:${record["source_port"]}`;
}

/** Servers are those with the lower port or with theirs. */
function sideOf(record: Plain): Side {
  const { source_port: from, destination_port: to } = record;
  return to === 20332 || (from !== 20332 && to! < from!) ? "device" : "server";
}

export interface Ends {
  readonly device?: string;
  readonly server?: string;
}

export interface SegmentOptions {
  readonly flags?: number;
  /** Instead of the next one. */
  readonly sequence?: number;
  readonly acknowledgment?: number;
}

/** Both ends of a connection of TCP. */
export class Conversation {
  /** The next numbers that they will send. */
  readonly next: Record<Side, number>;
  /** All packets that have come, as they came. */
  readonly packets: Uint8Array[] = [];
  readonly #ends: Record<Side, string>;

  constructor(readonly watching: Watching, { device = DEVICE, server = SERVER }: Ends = {}) {
    this.#ends = { device, server };
    this.next = { device: 1000, server: 4_000_000_000 };
  }

  /** A segment as it would be sent now. */
  segment(from: Side, payload: string | Uint8Array = "", options: SegmentOptions = {}): Uint8Array {
    const { next } = this, to = from === "device" ? "server" : "device";
    const { flags = PSH | ACK, sequence = next[from], acknowledgment = next[to] } = options;
    return tcpPacket({
      source: this.#ends[from],
      destination: this.#ends[to],
      payload,
      flags,
      sequence: sequence >>> 0,
      acknowledgment: (flags & ACK) === 0 ? 0 : acknowledgment >>> 0,
    });
  }

  /** Sends one that is not captured. */
  lose(from: Side, payload: Uint8Array): void {
    this.next[from] = (this.next[from] + payload.length) >>> 0;
  }

  send(from: Side, payload: string | Uint8Array = "", options: SegmentOptions = {}): Uint8Array {
    const packet = this.segment(from, payload, options), { flags = 0 } = options;
    if (options.sequence === undefined) {
      const numbers = (flags & (SYN | FIN)) !== 0 ? 1 : 0;
      this.next[from] = (this.next[from] + payload.length + numbers) >>> 0;
    }
    this.packets.push(packet);
    this.watching.take(packet);
    return packet;
  }

  /** The three segments that open it. */
  open(): this {
    this.send("device", "", { flags: SYN });
    this.send("server", "", { flags: SYN | ACK });
    return this.acknowledge("device");
  }

  acknowledge(from: Side): this {
    this.send(from, "", { flags: ACK });
    return this;
  }

  finish(from: Side): this {
    this.send(from, "", { flags: FIN | ACK });
    return this;
  }

  reset(from: Side): this {
    this.send(from, "", { flags: RST | ACK });
    return this;
  }

  /** All that has come comes once more, as another interface has captured it. */
  repeat(): void {
    for (const packet of this.packets) this.watching.take(packet);
  }
}

export interface DatagramOptions extends Ends {
  readonly from?: Side;
}

export function datagramPacket(payload: Uint8Array, options: DatagramOptions = {}): Uint8Array {
  const { device = DEVICE, server = SERVER, from = "device" } = options;
  const [source, destination] = from === "device" ? [device, server] : [server, device];
  return udpPacket({ source, destination, payload });
}
