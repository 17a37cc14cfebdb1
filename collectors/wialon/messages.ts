import type { Context } from "../../core/collector.ts";
import type { Sink } from "../../core/record.ts";
import type { Frame } from "../../parsers/wialon_framing.ts";
import { IS_ANSWER, IS_ANSWERED, isAnswerTo } from "../../parsers/wialon_ips.ts";
import { ASKED, ASKED_AT, BEHIND, type Connections, DEVICE, DEVICE_PLACE, TO_SERVER } from "./connections.ts";
import type { Devices } from "./devices.ts";
import type { Ends, Position } from "./ends.ts";
import { MESSAGES, SENDERS } from "./records.ts";

const { at: AT } = MESSAGES;
const FROM_DEVICE = SENDERS.indexOf("device"), FROM_SERVER = SENDERS.indexOf("server");

/** What is not answered for so many seconds will not be. */
const MAX_LATENCY = 60;
/** What was asked has been answered, or will not be, but not all that was asked after it. */
const PASSED = -1;

export interface MessagesOptions {
  readonly context: Context;
  readonly connections: Connections;
  readonly devices: Devices;
  readonly ends: Ends;
}

/** Makes records of messages. */
export class Messages {
  readonly #connections: Connections;
  readonly #devices: Devices;
  readonly #ends: Ends;
  readonly #sink: Sink;
  readonly #seen = { time: 0, version: 0 };
  /** The number of the interface at which packets are captured now. */
  interface = NaN;

  constructor({ context, connections, devices, ends }: MessagesOptions) {
    this.#connections = connections;
    this.#devices = devices;
    this.#ends = ends;
    this.#sink = context.sink(MESSAGES);
  }

  /** Takes a message that was sent in a direction, whose end came at a time in seconds. */
  take({ message, line, size, isCompressed }: Frame, position: Position, time: number): void {
    const { row } = this.#sink, toServer = this.#connections.words[position.connection + TO_SERVER]!;
    const isFromDevice = toServer === position.direction;
    const { type, version, deviceFrom, deviceTo } = message, seen = this.#seen;
    seen.time = time;
    seen.version = version;
    if (deviceTo > deviceFrom) {
      this.#meet(position.connection, this.#devices.idOf(line, deviceFrom, deviceTo));
    } else if (isFromDevice) this.#meetAgain(position.connection);
    this.#ends.write(row, AT, position);
    row[AT.type] = type;
    row[AT.sender] = isFromDevice ? FROM_DEVICE : FROM_SERVER;
    row[AT.interface] = this.interface;
    row[AT.version] = version;
    row[AT.compressed] = isCompressed ? 1 : 0;
    row[AT.checksum] = message.verdict;
    row[AT.meaning] = message.meaning;
    row[AT.bytes] = size;
    row[AT.records] = message.records;
    row[AT.latency_seconds] = IS_ANSWER[type] ? this.#answer(type, position, time) : NaN;
    if (IS_ANSWERED[type]) this.#ask(type, position, time);
    this.#sink.emit();
  }

  /** What is answered from now on is not known. */
  forgetAsked(connection: number): void {
    const connections = this.#connections, { words } = connections;
    words[connections.streamOf(connection, 0) + ASKED] = 0;
    words[connections.streamOf(connection, 1) + ASKED] = 0;
  }

  /** A device has named itself. */
  #meet(connection: number, id: number): void {
    const { words, numbers } = this.#connections;
    numbers[(connection + DEVICE) >> 1] = id;
    words[connection + DEVICE_PLACE] = this.#devices.see(id, 0, this.#seen);
  }

  #meetAgain(connection: number): void {
    const { words, numbers } = this.#connections, id = numbers[(connection + DEVICE) >> 1]!;
    if (id === 0) return;
    words[connection + DEVICE_PLACE] = this.#devices.see(id, words[connection + DEVICE_PLACE]!, this.#seen);
  }

  /** Of messages that are sent while others wait for their answers the time of the first is taken. */
  #ask(type: number, { connection, direction }: Position, time: number): void {
    const { words } = this.#connections, at = this.#connections.streamOf(connection, direction);
    if (words[at + ASKED] !== 0 && !this.#isOver(at, time)) {
      words[at + BEHIND]!++;
      return;
    }
    words[at + ASKED] = type + 1;
    words[at + BEHIND] = 0;
    this.#connections.numbers[(at + ASKED_AT) >> 1] = time;
  }

  /** How long the message has waited that is answered in this direction; NaN when that is not known. */
  #answer(type: number, { connection, direction }: Position, time: number): number {
    const { words, numbers } = this.#connections, at = this.#connections.streamOf(connection, 1 - direction);
    const asked = words[at + ASKED]!, behind = words[at + BEHIND]!;
    if (asked === 0) return NaN;
    if (this.#isOver(at, time)) words[at + ASKED] = 0;
    else if (asked !== PASSED && isAnswerTo(type, asked - 1)) {
      words[at + ASKED] = behind === 0 ? 0 : PASSED;
      return Math.max(0, time - numbers[(at + ASKED_AT) >> 1]!);
    } else if (behind > 0) {
      // Answers come in the order of what they answer.
      words[at + BEHIND] = behind - 1;
      words[at + ASKED] = behind === 1 ? 0 : PASSED;
    }
    return NaN;
  }

  /** Whether it was asked too long ago; or ahead, where clocks are set back. */
  #isOver(at: number, time: number): boolean {
    return Math.abs(time - this.#connections.numbers[(at + ASKED_AT) >> 1]!) >= MAX_LATENCY;
  }
}
