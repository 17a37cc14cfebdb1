import type { Context } from "../../core/collector.ts";
import type { Sink } from "../../core/record.ts";
import { ByteChunks } from "../../parsers/byte_chunks.ts";
import { TCP } from "../../parsers/conntrack_entry.ts";
import { UNKNOWN_VERSION } from "../../parsers/wialon_ips.ts";
import { ACK, FIN, type Packet, RST, SYN } from "../../parsers/packet.ts";
import {
  DEVICE,
  type Frame,
  FRAMING_FAULTS,
  type FramingFault,
  SERVER,
  setSender,
  setVersion,
  WialonFraming,
} from "../../parsers/wialon_framing.ts";
import {
  ANSWERED,
  Connections,
  FIRST_AT,
  FRAMING,
  LAST_AT,
  NEXT,
  STATE,
  TO_SERVER,
  UNANSWERED,
  WITHOUT_DATA,
} from "./connections.ts";
import { Devices } from "./devices.ts";
import { Ends } from "./ends.ts";
import { Messages } from "./messages.ts";
import { IS_ACKNOWLEDGED, IS_BEGUN, IS_KNOWN, Reassembly, REPEATED, STRAY } from "./reassembly.ts";
import { DEVICES, ENDED_STREAMS, FAULTS, STREAMS } from "./records.ts";
import { inflate } from "./inflate.ts";

/** In the state of a stream, beside what the reassembly has there: whether it has carried data, and has ended. */
const HAS_DATA = 32, IS_ENDED = 64;
/** What an ended stream keeps, so that what is sent once more is known. */
const KEPT = IS_KNOWN | IS_BEGUN;

/** Connections without data, and those that have ended, are forgotten after so many seconds, and sooner when there are many. */
const SHORT_TIMEOUT = 60, SHORT_SHARE = 1 / 8;
/** So many connections are forgotten, or looked at, at once. */
const AT_ONCE = 256;
/**
 * Room for the beginnings of messages, and as much for what comes too early: at least so many bytes, and so many a
 * connection.
 */
const MIN_ROOM = 1 << 24, ROOM = 256;

const { at: ENDED } = ENDED_STREAMS, { at: FAULT } = FAULTS, { at: STREAM } = STREAMS;
type Cause = "end" | "reset" | "idle" | "displaced";
const { choices: CAUSES } = ENDED_STREAMS.fields.cause;

export interface TrafficOptions {
  readonly maxConnections: number;
  /** In seconds. */
  readonly streamTimeout: number;
  readonly deviceTimeout: number;
  /** Ports that are those of servers. */
  readonly serverPorts: ReadonlySet<number>;
  readonly onFault: (fault: FramingFault) => void;
}

/** Follows the connections in captured packets, and makes records of what is sent in them. */
export class Traffic {
  readonly reassembly: Reassembly;
  readonly messages: Messages;
  /** When the last packet came, in seconds since 1970. */
  time = 0;
  readonly #options: TrafficOptions;
  /** By the queue in which a connection stands, after how many seconds it is forgotten. */
  readonly #timeouts: readonly number[];
  readonly #context: Context;
  readonly #connections: Connections;
  readonly #framing: WialonFraming;
  readonly #devices: Devices;
  readonly #ends: Ends;
  readonly #ended: Sink;
  readonly #faults: Sink;
  /** Of what is looked at now. */
  readonly #position = { connection: 0, direction: 0 };
  readonly #segment = { sequence: 0, length: 0, bytes: new Uint8Array(0) as Uint8Array, from: 0, to: 0 };

  constructor(context: Context, options: TrafficOptions) {
    const { streamTimeout } = options;
    this.#options = options;
    this.#timeouts = [Math.min(SHORT_TIMEOUT, streamTimeout), streamTimeout, streamTimeout];
    this.#context = context;
    const connections = this.#connections = new Connections(options.maxConnections);
    const room = Math.max(MIN_ROOM, connections.limit * ROOM);
    const framing = this.#framing = new WialonFraming({
      chunks: new ByteChunks(room),
      inflate,
      onMessage: (frame) => this.#takeMessage(frame),
      onFault: (fault) => this.#takeFault(fault),
    });
    this.reassembly = new Reassembly({
      connections,
      framing,
      room,
      onGap: () => this.messages.forgetAsked(this.#position.connection),
    });
    this.#devices = new Devices(options.maxConnections);
    this.#ends = new Ends(connections, context);
    this.messages = new Messages({ context, connections, devices: this.#devices, ends: this.#ends });
    this.#ended = context.sink(ENDED_STREAMS);
    this.#faults = context.sink(FAULTS);
  }

  /** Takes a packet that was read out of the bytes, and that came at a time in seconds. */
  take(packet: Packet, bytes: Uint8Array, time: number): void {
    const connections = this.#connections, { flags } = packet;
    this.time = time;
    let connection = connections.find(packet);
    if (connection >= 0 && this.#isIdle(connection, time)) {
      this.#forget(connection, "idle");
      connection = -1;
    }
    if (connection < 0) {
      // What opens a connection or carries data makes one known.
      if ((flags & RST) !== 0 || (packet.length === 0 && (flags & SYN) === 0)) return;
      connection = this.#add(packet);
    }
    const { direction } = connections, position = this.#position;
    position.connection = connection;
    position.direction = direction;
    if (packet.protocol === TCP) this.#takeSegment(packet, bytes, time);
    else if (packet.length > 0) this.#takeDatagram(packet, bytes, time);
  }

  /** Forgets connections that were idle too long, some of them at once; gives whether there may be more. */
  forgetIdle(now: number): boolean {
    const connections = this.#connections;
    for (let queue = ANSWERED, count = 0; queue >= WITHOUT_DATA; queue--) {
      for (;;) {
        const connection = connections.oldestOf(queue);
        if (connection < 0 || !this.#isIdle(connection, now)) break;
        if (++count > AT_ONCE) return true;
        this.#forget(connection, "idle");
      }
    }
    return false;
  }

  /** Emits the streams that carry data. */
  *streams(now: number): Iterable<void> {
    const connections = this.#connections, sink = this.#context.sink(STREAMS), { row } = sink;
    let count = 0;
    for (const connection of connections.places()) {
      for (let direction = 0; direction < 2; direction++) {
        const at = connections.streamOf(connection, direction);
        if (!this.#isLive(at)) continue;
        this.#ends.write(row, STREAM, { connection, direction });
        row[STREAM.age_seconds] = Math.max(0, now - connections.numbers[(at + FIRST_AT) >> 1]!);
        row[STREAM.idle_seconds] = Math.max(0, now - connections.numbers[(at + LAST_AT) >> 1]!);
        sink.emit();
      }
      if (++count % AT_ONCE === 0) yield;
    }
  }

  /** Emits the devices that were seen of late. */
  *devices(now: number): Iterable<void> {
    const sink = this.#context.sink(DEVICES);
    let count = 0;
    for (const { version, time } of this.#devices.within(this.#options.deviceTimeout, now)) {
      sink.row[DEVICES.at.version] = version;
      sink.row[DEVICES.at.idle_seconds] = Math.max(0, now - time);
      sink.emit();
      if (++count % AT_ONCE === 0) yield;
    }
  }

  #add(packet: Packet): number {
    const connections = this.#connections, { serverPorts } = this.#options;
    const isCrowded = connections.sizeOf(WITHOUT_DATA) > connections.limit * SHORT_SHARE;
    if (isCrowded || connections.size >= connections.limit) this.#forget(connections.oldest(), "displaced");
    // Forgetting does not look anything up.
    const connection = connections.add(packet, this.time), { direction } = connections;
    const { sourcePort: source, destinationPort: destination } = packet;
    const isToServer = serverPorts.has(destination) === serverPorts.has(source)
      ? destination < source
      : serverPorts.has(destination);
    this.#tellServer(connection, isToServer ? direction : 1 - direction);
    return connection;
  }

  /** A direction leads to the server. */
  #tellServer(connection: number, direction: number): void {
    const connections = this.#connections, { words } = connections;
    words[connection + TO_SERVER] = direction;
    setSender(words, connections.streamOf(connection, direction) + FRAMING, DEVICE);
    setSender(words, connections.streamOf(connection, 1 - direction) + FRAMING, SERVER);
  }

  #takeSegment(packet: Packet, bytes: Uint8Array, time: number): void {
    const { connection, direction } = this.#position,
      connections = this.#connections,
      { words } = connections;
    const { flags, length, acknowledgment } = packet, { reassembly } = this;
    const at = connections.streamOf(connection, direction),
      back = connections.streamOf(connection, 1 - direction);
    if ((flags & RST) !== 0) {
      const isOurs = reassembly.isNear(at, packet.sequence) &&
        ((flags & ACK) === 0 || reassembly.isNear(back, acknowledgment));
      if (isOurs) this.#endBoth("reset");
      return;
    }
    if ((flags & SYN) !== 0 && !this.#open(packet)) return;
    if ((flags & ACK) !== 0) {
      this.#position.direction = 1 - direction;
      reassembly.acknowledge(back, acknowledgment);
      if (reassembly.isAtEnd(back)) this.#end("end");
      this.#position.direction = direction;
    }
    // SYN has a number of its own.
    const sequence = (packet.sequence + ((flags & SYN) !== 0 ? 1 : 0)) | 0;
    if (length > 0) {
      const segment = this.#segment;
      segment.sequence = sequence;
      segment.length = length;
      segment.bytes = bytes;
      segment.from = packet.start;
      segment.to = packet.end;
      this.#takeData(at, time);
    }
    const isEnding = (flags & FIN) !== 0 && (words[at + STATE]! & IS_ENDED) === 0;
    if (isEnding) reassembly.endAt(at, (sequence + length) | 0);
    if (reassembly.isAtEnd(at)) this.#end("end");
  }

  /** Takes the segment that is held. */
  #takeData(at: number, time: number): void {
    const { reassembly } = this, segment = this.#segment;
    if (reassembly.isOffered(at, segment.sequence)) this.#renew();
    const fate = reassembly.take(at, segment, time);
    const isEnded = (this.#connections.words[at + STATE]! & IS_ENDED) !== 0;
    if (fate !== STRAY && !(fate === REPEATED && isEnded)) this.#touchStream(time);
  }

  #takeDatagram({ start, end, length }: Packet, bytes: Uint8Array, time: number): void {
    const connections = this.#connections, { connection, direction } = this.#position;
    this.#touchStream(time);
    this.#framing.select(connections.words, connections.streamOf(connection, direction) + FRAMING);
    if (end - start < length) this.#takeFault("unfinished");
    else this.#framing.takeDatagram(bytes, start, end);
  }

  /**
   * A connection is opened, maybe where another one is that has carried data and not ended: both ends have to tell that.
   * Gives whether the packet counts.
   */
  #open({ sequence, acknowledgment, flags }: Packet): boolean {
    const { connection, direction } = this.#position,
      connections = this.#connections,
      { words } = connections;
    const at = connections.streamOf(connection, direction),
      back = connections.streamOf(connection, 1 - direction);
    const { reassembly } = this, first = (sequence + 1) | 0, isAnswer = (flags & ACK) !== 0;
    if (reassembly.hasBegun(at, first)) {
      // It may have been refused before.
      if (words[at + NEXT] === first) reassembly.begin(at, first);
      return true;
    }
    const isAwaited = isAnswer && (words[at + STATE]! & IS_BEGUN) === 0 && reassembly.isNear(at, first) &&
      reassembly.isNear(back, acknowledgment);
    if (!isAwaited) {
      const isAgreed = isAnswer &&
        (reassembly.isOffered(back, acknowledgment) || reassembly.hasBegun(back, acknowledgment));
      if (!isAgreed && (this.#isLive(at) || this.#isLive(back))) {
        if (!isAnswer) reassembly.offer(at, first);
        return false;
      }
      if ((words[at + STATE]! | words[back + STATE]!) !== 0) this.#renew();
    }
    this.#tellServer(connection, isAnswer ? 1 - direction : direction);
    if ((words[at + STATE]! & IS_KNOWN) === 0) reassembly.begin(at, first);
    if (isAnswer && (words[back + STATE]! & IS_KNOWN) === 0) reassembly.begin(back, acknowledgment);
    return true;
  }

  /** Another connection has come in the place of this one. */
  #renew(): void {
    const { connection } = this.#position, connections = this.#connections;
    this.#endBoth("reset");
    connections.renew(connection);
    this.#tellServer(connection, connections.words[connection + TO_SERVER]!);
  }

  /** The stream carries data, maybe again. */
  #touchStream(time: number): void {
    const { connection, direction } = this.#position, connections = this.#connections;
    const { words, numbers } = connections, at = connections.streamOf(connection, direction);
    const back = words[connections.streamOf(connection, 1 - direction) + STATE]!, state = words[at + STATE]!;
    const isAnswered = ((state | back) & IS_ACKNOWLEDGED) !== 0 || (back & HAS_DATA) !== 0;
    connections.touch(connection, isAnswered ? ANSWERED : UNANSWERED, time);
    if (!this.#isLive(at)) {
      words[at + STATE] = (state & ~IS_ENDED) | HAS_DATA;
      numbers[(at + FIRST_AT) >> 1] = time;
    }
    numbers[(at + LAST_AT) >> 1] = time;
  }

  #isLive(at: number): boolean {
    return (this.#connections.words[at + STATE]! & (HAS_DATA | IS_ENDED)) === HAS_DATA;
  }

  #endBoth(cause: Cause): void {
    const position = this.#position, { direction } = position;
    for (position.direction = 0; position.direction < 2; position.direction++) this.#end(cause);
    position.direction = direction;
  }

  /** Ends a stream. When none of its connection is left, that is soon forgotten. */
  #end(cause: Cause): void {
    const { connection, direction } = this.#position, connections = this.#connections;
    const { words, numbers } = connections, at = connections.streamOf(connection, direction);
    const back = connections.streamOf(connection, 1 - direction), row = this.#ended.row;
    this.reassembly.end(at);
    if (this.#isLive(at)) {
      this.#ends.write(row, ENDED, this.#position);
      row[ENDED.cause] = CAUSES.indexOf(cause);
      const duration = numbers[(at + LAST_AT) >> 1]! - numbers[(at + FIRST_AT) >> 1]!;
      row[ENDED.duration_seconds] = Math.max(0, duration);
      this.#ended.emit();
    }
    words[at + STATE] = (words[at + STATE]! & KEPT) | IS_ENDED;
    if (!this.#isLive(back)) connections.touch(connection, WITHOUT_DATA, this.time);
  }

  #isIdle(connection: number, now: number): boolean {
    const connections = this.#connections;
    return connections.idleFor(connection, now) > this.#timeouts[connections.queueOf(connection)]!;
  }

  #forget(connection: number, cause: Cause): void {
    this.#position.connection = connection;
    this.#endBoth(cause);
    this.#connections.remove(connection);
  }

  #takeMessage(frame: Frame): void {
    const { connection, direction } = this.#position, connections = this.#connections;
    this.messages.take(frame, this.#position, this.time);
    // What one side says holds for the other, too.
    const back = connections.streamOf(connection, 1 - direction) + FRAMING, { version } = frame.message;
    if (version !== UNKNOWN_VERSION) setVersion(connections.words, back, version);
  }

  #takeFault(fault: FramingFault): void {
    const { row } = this.#faults;
    this.#ends.write(row, FAULT, this.#position);
    row[FAULT.reason] = FRAMING_FAULTS.indexOf(fault);
    this.#faults.emit();
    this.#options.onFault(fault);
  }
}
