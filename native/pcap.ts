/** Packets from interfaces and from files, by libpcap. It is opened at the first use. */
import { addressOf, libc } from "./libc.ts";

const SYMBOLS = {
  // pcap_t *pcap_create(const char *source, char *errbuf)
  pcap_create: { parameters: ["buffer", "buffer"], result: "usize" },
  pcap_set_snaplen: { parameters: ["usize", "i32"], result: "i32" },
  pcap_set_promisc: { parameters: ["usize", "i32"], result: "i32" },
  pcap_set_timeout: { parameters: ["usize", "i32"], result: "i32" },
  pcap_set_buffer_size: { parameters: ["usize", "i32"], result: "i32" },
  // It takes 10 ms, and to close 30.
  pcap_activate: { parameters: ["usize"], result: "i32", nonblocking: true },
  // pcap_t *pcap_open_offline(const char *name, char *errbuf)
  pcap_open_offline: { parameters: ["buffer", "buffer"], result: "usize" },
  // int pcap_compile(pcap_t *, struct bpf_program *, const char *filter, int optimize, bpf_u_int32 netmask)
  pcap_compile: { parameters: ["usize", "buffer", "buffer", "i32", "u32"], result: "i32" },
  pcap_setfilter: { parameters: ["usize", "buffer"], result: "i32" },
  pcap_freecode: { parameters: ["buffer"], result: "void" },
  pcap_setnonblock: { parameters: ["usize", "i32", "buffer"], result: "i32" },
  pcap_snapshot: { parameters: ["usize"], result: "i32" },
  pcap_datalink: { parameters: ["usize"], result: "i32" },
  pcap_get_selectable_fd: { parameters: ["usize"], result: "i32" },
  // int pcap_next_ex(pcap_t *, struct pcap_pkthdr **header, const u_char **data): addresses cost less than buffers
  pcap_next_ex: { parameters: ["usize", "usize", "usize"], result: "i32" },
  // int pcap_stats(pcap_t *, struct pcap_stat *)
  pcap_stats: { parameters: ["usize", "buffer"], result: "i32" },
  pcap_geterr: { parameters: ["usize"], result: "pointer" },
  pcap_close: { parameters: ["usize"], result: "void", nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

type Libpcap = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Of Debian and Ubuntu, of all others, and where the files for development are. */
const NAMES = ["libpcap.so.0.8", "libpcap.so.1", "libpcap.so"];

let opened: Libpcap | undefined;

function libpcap(): Libpcap {
  for (const name of NAMES) {
    try {
      return opened ??= Deno.dlopen(name, SYMBOLS).symbols;
    } catch {
      // It may have another name.
    }
  }
  throw new Error(
    "Cannot load libpcap, which captures packets: install the package libpcap0.8 (Debian, Ubuntu) or libpcap (others)",
  );
}

/** pcap/pcap.h: what pcap_activate() and pcap_next_ex() give */
const NO_SUCH_DEVICE = -5, NO_PERMISSION = -8, NOT_UP = -9, NO_PROMISCUOUS_PERMISSION = -11;
const PACKET = 1, END_OF_FILE = -2;
const ERROR_LENGTH = 256, PROGRAM = 16, STATISTICS = 12;
/** struct pcap_pkthdr, and which of its words are what */
const HEADER = 24, SECONDS = 0, MICROSECONDS = 2, CAPTURED = 4, WIRE = 5;
/** The longest packet that the kernel gives, which has put segments together. */
const MAX_PACKET = 262_144;
/** So long the kernel keeps packets back so that they are taken many at a time. */
const TIMEOUT_MS = 100;
/** No network of which broadcasts were to be known. */
const NO_NETMASK = 0xffffffff;

const ENCODER = new TextEncoder(), DECODER = new TextDecoder();

export interface LiveOptions {
  readonly filter: string;
  /** Bytes that the kernel keeps of what was not yet taken. */
  readonly buffer: number;
  /** Whether to take what is for others, too. */
  readonly isPromiscuous: boolean;
}

export interface PcapStatistics {
  /** Packets that were lost since there was no room for them, and by the interface. Both wrap at 2^32. */
  readonly dropped: number;
  readonly interfaceDropped: number;
}

/** Packets that come by an interface or stand in a file: `next()`, and the packet is in the fields. */
export class Pcap {
  /** https://www.tcpdump.org/linktypes.html */
  readonly linkType: number;
  /** Begins with the packet, which ends at `end`, until the next one is taken. */
  bytes = new Uint8Array(MAX_PACKET);
  end = 0;
  /** How long it was. */
  wire = 0;
  readonly #symbols: Libpcap;
  readonly #isLive: boolean;
  #handle: bigint;
  readonly #descriptor: number;
  // What libpcap writes to, held by fields as long as it may, and of its own: what is small could move otherwise.
  readonly #pointers = new Uint8Array(new ArrayBuffer(16));
  readonly #pointersAt = addressOf(this.#pointers);
  readonly #dataPointerAt = this.#pointersAt + 8n;
  /** Where the header and the data of the packet are. */
  readonly #addresses = new BigUint64Array(this.#pointers.buffer);
  readonly #addressWords = new Uint32Array(this.#pointers.buffer);
  /** The header of the packet, where libpcap has it: always at the same place. */
  #header: Uint32Array | undefined;
  /** The data of the packet, where libpcap has them: of a live capture always at the same place, given by its address. */
  #data: Uint8Array<ArrayBuffer> | undefined;
  #dataHigh = 0;
  #dataLow = 0;
  readonly #copy = this.bytes;

  private constructor(handle: bigint, isLive: boolean) {
    this.#isLive = isLive;
    this.#symbols = libpcap();
    this.#handle = handle;
    this.linkType = this.#symbols.pcap_datalink(handle);
    this.#descriptor = this.#symbols.pcap_get_selectable_fd(handle);
  }

  /** Captures at an interface, or at `any`. */
  static async live(name: string, { filter, buffer, isPromiscuous }: LiveOptions): Promise<Pcap> {
    const pcap = libpcap(), message = new Uint8Array(ERROR_LENGTH);
    const failure = (reason: string) => new Error(`Cannot capture at ${name}: ${reason}`);
    const handle = pcap.pcap_create(cString(name), message);
    if (handle === 0n) throw failure(textOf(message));
    try {
      pcap.pcap_set_snaplen(handle, MAX_PACKET);
      pcap.pcap_set_promisc(handle, isPromiscuous ? 1 : 0);
      pcap.pcap_set_timeout(handle, TIMEOUT_MS);
      pcap.pcap_set_buffer_size(handle, buffer);
      const status = await pcap.pcap_activate(handle);
      if (status < 0) throw failure(adviceOn(status, name) ?? lastMessage(handle));
      setFilter(handle, filter, failure);
      if (pcap.pcap_setnonblock(handle, 1, message) < 0) throw failure(textOf(message));
      return new Pcap(handle, true);
    } catch (error) {
      await pcap.pcap_close(handle);
      throw error;
    }
  }

  /** Reads a file of pcap or pcapng. */
  static async file(path: string, filter: string): Promise<Pcap> {
    const message = new Uint8Array(ERROR_LENGTH);
    const handle = libpcap().pcap_open_offline(cString(path), message);
    const failure = (reason: string) => new Error(`Cannot read packets from ${path}: ${reason}`);
    if (handle === 0n) throw failure(textOf(message).replace(`${path}: `, ""));
    try {
      setFilter(handle, filter, failure);
      return new Pcap(handle, false);
    } catch (error) {
      await libpcap().pcap_close(handle);
      throw error;
    }
  }

  /** What can be waited for to have something to read. */
  get descriptor(): number {
    return this.#descriptor;
  }

  /** Takes the next packet, without waiting; gives whether there was one. Throws when no more can come. */
  next(): boolean {
    const status = this.#symbols.pcap_next_ex(this.#handle, this.#pointersAt, this.#dataPointerAt);
    if (status === PACKET) {
      const header = this.#header ?? this.#findMemory(), captured = Math.min(header[CAPTURED]!, MAX_PACKET);
      this.wire = header[WIRE]!;
      this.end = captured;
      const data = this.#data, words = this.#addressWords;
      if (data !== undefined && words[2] === this.#dataLow && words[3] === this.#dataHigh) this.bytes = data;
      else {
        this.bytes = this.#copy;
        libc().memcpy(this.bytes, this.#addresses[1]!, BigInt(captured));
      }
      return true;
    }
    if (status < 0 && status !== END_OF_FILE) {
      throw new Error(`Cannot take packets: ${lastMessage(this.#handle)}`);
    }
    return false;
  }

  /** When the packet came, in seconds since 1970. */
  get time(): number {
    const header = this.#header!;
    return header[SECONDS]! + header[MICROSECONDS]! / 1e6;
  }

  statistics(): PcapStatistics {
    const bytes = new Uint8Array(STATISTICS), words = new Uint32Array(bytes.buffer);
    if (this.#symbols.pcap_stats(this.#handle, bytes) < 0) {
      throw new Error(`Cannot read the statistics of a capture: ${lastMessage(this.#handle)}`);
    }
    return { dropped: words[1]!, interfaceDropped: words[2]! };
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = 0n;
    // What was there is not any more.
    this.#header = this.#data = undefined;
    this.bytes = this.#copy;
    if (handle !== 0n) await this.#symbols.pcap_close(handle);
  }

  /** With the first packet: where its header and its data are. */
  #findMemory(): Uint32Array {
    const size = this.#symbols.pcap_snapshot(this.#handle);
    if (this.#isLive && size >= MAX_PACKET) {
      this.#data = new Uint8Array(memoryAt(this.#addresses[1]!, size));
      this.#dataLow = this.#addressWords[2]!;
      this.#dataHigh = this.#addressWords[3]!;
    }
    return this.#header = new Uint32Array(memoryAt(this.#addresses[0]!, HEADER));
  }
}

function memoryAt(address: bigint, length: number): ArrayBuffer {
  return Deno.UnsafePointerView.getArrayBuffer(Deno.UnsafePointer.create(address)!, length);
}

function setFilter(handle: bigint, filter: string, failure: (reason: string) => Error): void {
  const pcap = libpcap(), program = new Uint8Array(PROGRAM);
  if (pcap.pcap_compile(handle, program, cString(filter), 1, NO_NETMASK) < 0) {
    throw failure(`the filter "${filter}" is wrong: ${lastMessage(handle)}`);
  }
  const status = pcap.pcap_setfilter(handle, program);
  pcap.pcap_freecode(program);
  if (status < 0) throw failure(lastMessage(handle));
}

function adviceOn(status: number, name: string): string | undefined {
  switch (status) {
    case NO_SUCH_DEVICE:
      return "there is no such interface";
    case NO_PERMISSION:
    case NO_PROMISCUOUS_PERMISSION:
      return "not permitted; it needs CAP_NET_RAW, or root";
    case NOT_UP:
      return `the interface is down; ip link set ${name} up`;
  }
  return undefined;
}

function lastMessage(handle: bigint): string {
  const pointer = libpcap().pcap_geterr(handle);
  return pointer === null ? "unknown" : Deno.UnsafePointerView.getCString(pointer);
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return ENCODER.encode(`${text}\0`);
}

function textOf(bytes: Uint8Array): string {
  return DECODER.decode(bytes.subarray(0, bytes.indexOf(0)));
}
