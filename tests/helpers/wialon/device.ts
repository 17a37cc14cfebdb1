import { connectTcp, connectUdp, type Wire, type WireOptions } from "./device_wire.ts";
import { ANSWER_CODES, type Bytes, container, datagram, type Version } from "./messages.ts";
import { type Packet, PacketReader, readDatagram, textOf } from "./packets.ts";
import { pause, PiecemealWriter } from "./piecemeal.ts";
import { bytesOfRaw, packetsOf, type SendStep, type Step } from "./steps.ts";
import { Tally } from "./tally.ts";

const PATIENCE_MS = 20_000;

/** Types that a server answers. */
const ANSWERED = new Set(["L", "SD", "D", "B", "P", "M", "I", "IT", "T"]);

export interface DeviceOptions extends WireOptions {
  readonly imei: string;
  /** 1.1, if nothing is said. */
  readonly version?: Version;
  readonly isUdp?: boolean;
  /** Whether each packet without bytes of its own is in a compressed container. */
  readonly isCompressed?: boolean;
  /** Nothing waits for the answer to what was sent before; packets may share segments. */
  readonly isPipelined?: boolean;
  /** Whether the server may not answer. */
  readonly isUnanswered?: boolean;
  /** The size of the pieces in which it sends. */
  readonly pieces?: number;
  /** The sizes of the blocks which it sends when it is asked for a picture or a file. */
  readonly blocks?: readonly number[];
}

/** A device that does what it is told, and by itself only what the commands of the server ask for. */
export class Device {
  readonly tally = new Tally();
  readonly #options: DeviceOptions;
  readonly #sent = new PacketReader();
  readonly #received = new PacketReader();
  #wire: Wire | undefined;
  #writer: PiecemealWriter | undefined;
  /** Answers that have to come until now, and those that came. */
  #expected = 0;
  #answers = 0;
  #isOver = false;
  #changed = Promise.withResolvers<void>();
  /** What the commands of the server have led to. */
  #reactions: Promise<void> = Promise.resolve();

  private constructor(options: DeviceOptions) {
    this.#options = options;
  }

  static async connect(options: DeviceOptions): Promise<Device> {
    const device = new Device(options);
    const listener = {
      received: (bytes: Uint8Array) => device.#receive(bytes),
      ended: () => device.#end(),
    };
    const { hostname, port, localAddress, localPort } = options;
    const address = {
      hostname,
      port,
      ...localAddress === undefined ? {} : { localAddress },
      ...localPort === undefined ? {} : { localPort },
    };
    const wire = options.isUdp ? connectUdp(address, listener) : await connectTcp(address, listener);
    device.#wire = wire;
    device.#writer = new PiecemealWriter(
      (bytes) => wire.send(bytes),
      options.isUdp ? Infinity : options.pieces,
    );
    return device;
  }

  /** Does all of them, and waits for all answers. */
  async play(steps: readonly Step[]): Promise<void> {
    let waiting: Bytes[] = [];
    const flush = async () => {
      await this.#send(waiting);
      waiting = [];
    };
    for (const step of steps) {
      if ("send" in step || "raw" in step) waiting.push(...this.#packetsOf(step));
      if ("send" in step && this.#options.isPipelined) continue;
      await flush();
      if ("pause" in step) await pause(step.pause);
      if ("await" in step) await this.#awaitCommand(step.await, step.times ?? 1);
    }
    await flush();
    await this.#settle();
  }

  /** Ends the connection. */
  async end(how: "fin" | "rst" = "fin"): Promise<void> {
    this.#isOver = true;
    await this.#wire!.end(how);
  }

  #packetsOf(step: SendStep | { readonly raw: string }): Bytes[] {
    const { imei, version = "1.1", isUdp, isCompressed } = this.#options;
    if ("raw" in step) return [bytesOfRaw(step.raw)];
    return packetsOf(step, { imei, version }).map((packet) => {
      const bytes = isUdp ? datagram(packet, { imei, version }) : packet;
      // A container is for one packet of text.
      return isCompressed && step.send !== "I" && step.send !== "T" ? container(bytes) : bytes;
    });
  }

  async #send(packets: readonly Bytes[]): Promise<void> {
    const { isUdp, isPipelined } = this.#options;
    if (isPipelined && !isUdp) {
      return await this.#sendOne(new Uint8Array(packets.flatMap((bytes) => [...bytes])));
    }
    for (const bytes of packets) {
      await this.#sendOne(bytes);
      if (!isPipelined) await this.#answered();
    }
  }

  async #sendOne(bytes: Bytes): Promise<void> {
    for (const packet of this.#read(bytes)) {
      this.tally.add("device", packet);
      if (ANSWERED.has(packet.type) && !this.#options.isUnanswered) this.#expected++;
    }
    await this.#writer!.send(bytes);
  }

  #read(bytes: Bytes): Packet[] {
    return this.#options.isUdp ? [readDatagram(bytes).packet] : this.#sent.read(bytes);
  }

  #receive(bytes: Uint8Array): void {
    for (const packet of this.#received.read(bytes)) {
      this.tally.add("server", packet);
      if (packet.type in ANSWER_CODES) this.#answers++;
      else this.#react(packet);
    }
    this.#wake();
  }

  #react({ type, body }: Packet): void {
    const blocks = this.#options.blocks === undefined ? {} : { blocks: this.#options.blocks };
    if (type === "QI") this.#reply({ send: "I", ...blocks });
    else if (type === "QT") this.#reply({ send: "T", ...blocks });
    else if (type === "text") this.#reply({ send: "M", text: `${textOf(body)} done` });
  }

  #reply(step: SendStep): void {
    this.#reactions = this.#reactions.then(() => this.#send(this.#packetsOf(step)));
    // Whoever waits for it hears of it.
    this.#reactions.catch(() => {});
  }

  #end(): void {
    this.#isOver = true;
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async #awaitCommand(type: string, times: number): Promise<void> {
    await this.#until(() => (this.tally.server[type] ?? 0) >= times, `the server to say ${type}`);
    await this.#settle();
  }

  async #settle(): Promise<void> {
    await this.#reactions;
    await this.#answered();
  }

  #answered(): Promise<void> {
    return this.#until(() => this.#answers >= this.#expected, "an answer");
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error(`Expected ${what} in time`)), PATIENCE_MS);
    try {
      while (!condition()) {
        if (this.#isOver) throw new Error(`Expected ${what} before the end`);
        await Promise.race([this.#changed.promise, late.promise]);
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A device from its beginning to its end: what was sent and received. */
export async function playAll(options: DeviceOptions, steps: readonly Step[]): Promise<Tally> {
  const device = await Device.connect(options);
  try {
    await device.play(steps);
  } finally {
    await device.end();
  }
  return device.tally;
}
