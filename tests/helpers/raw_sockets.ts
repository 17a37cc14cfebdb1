import { Ip } from "../../core/ip.ts";

/**
 * Sockets with what Deno's own do not offer: a local address of a client, options, half-closed states. The calls wait,
 * so it is for programs of their own that hold sockets for tests.
 */

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  accept: { parameters: ["i32", "pointer", "pointer"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const AF_INET = 2, AF_INET6 = 10;
const SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_RAW = 3, SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1, SO_REUSEADDR = 2, SO_REUSEPORT = 15, SO_MARK = 36;
const IPPROTO_IP = 0, IP_BIND_ADDRESS_NO_PORT = 24;
const IPPROTO_TCP = 6, TCP_DEFER_ACCEPT = 9, TCP_INFO = 11;
const IPPROTO_IPV6 = 41, IPV6_V6ONLY = 26;
const SHUT_WR = 1, MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000;

const { symbols: libc } = Deno.dlopen("libc.so.6", SYMBOLS);

/** Text such as "10.0.0.1:80", "[::1]:80" and "[fe80::1%2]:80", or what `socketAddress` made of it. */
export type SocketAddress = string | Uint8Array<ArrayBuffer>;

export interface SocketOptions {
  /** The address to bind. */
  readonly local?: SocketAddress;
  readonly reusePort?: boolean;
  readonly v6only?: boolean;
  /** The mark of its packets. */
  readonly mark?: number;
  /** Whether the port, if `local` has 0, is to be free for this peer only; such a client may have many. */
  readonly portByPeer?: boolean;
  /** If it is not the usual one of the type (include/uapi/linux/in.h). */
  readonly protocol?: number;
}

export interface ListenOptions extends SocketOptions {
  readonly backlog?: number;
  /** For so long a connection stays in SYN_RECV unless its peer sends something. */
  readonly deferSeconds?: number;
}

export class RawSocket {
  readonly #fd: number;
  readonly #family: number;

  private constructor(fd: number, family: number) {
    this.#fd = fd;
    this.#family = family;
  }

  static #open(type: number, family: number, options: SocketOptions): RawSocket {
    const { local, reusePort = false, v6only = false, mark = 0, protocol = 0 } = options;
    const socket = new RawSocket(check("socket", libc.socket(family, type, protocol)), family);
    socket.#set(SOL_SOCKET, SO_REUSEADDR, 1);
    if (reusePort) socket.#set(SOL_SOCKET, SO_REUSEPORT, 1);
    if (options.portByPeer) socket.#set(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    if (mark !== 0) socket.#set(SOL_SOCKET, SO_MARK, mark);
    if (family === AF_INET6 && type !== SOCK_RAW) socket.#set(IPPROTO_IPV6, IPV6_V6ONLY, v6only ? 1 : 0);
    if (local !== undefined) {
      const address = socket.#address(local);
      check(`bind ${local}`, libc.bind(socket.#fd, address, address.length));
    }
    return socket;
  }

  static listen(local: string, options: ListenOptions = {}): RawSocket {
    const socket = RawSocket.#open(SOCK_STREAM, familyOf(local), { ...options, local });
    if (options.deferSeconds) socket.#set(IPPROTO_TCP, TCP_DEFER_ACCEPT, options.deferSeconds);
    check("listen", libc.listen(socket.#fd, options.backlog ?? 16));
    return socket;
  }

  static connect(peer: SocketAddress, options: SocketOptions = {}): RawSocket {
    return RawSocket.#open(SOCK_STREAM, familyOf(peer), options).#connect(peer);
  }

  /** Begins a connection to somebody who does not answer. */
  static connectInVain(peer: string, options: SocketOptions = {}): RawSocket {
    const socket = RawSocket.#open(SOCK_STREAM | SOCK_NONBLOCK, familyOf(peer), options);
    const address = socket.#address(peer);
    libc.connect(socket.#fd, address, address.length);
    return socket;
  }

  static udp(local: SocketAddress, options: SocketOptions & { readonly peer?: string } = {}): RawSocket {
    const socket = RawSocket.#open(SOCK_DGRAM, familyOf(local), { ...options, local });
    return options.peer === undefined ? socket : socket.#connect(options.peer);
  }

  /** A socket of packets below the transport: what it sends begins behind the header of IP. */
  static raw(local: string, protocol: number): RawSocket {
    return RawSocket.#open(SOCK_RAW, familyOf(local), { local, protocol });
  }

  accept(): RawSocket {
    return new RawSocket(check("accept", libc.accept(this.#fd, null, null)), this.#family);
  }

  /** Sends the end of the stream. */
  end(): void {
    check("shutdown", libc.shutdown(this.#fd, SHUT_WR));
  }

  /** Sends until the peer, who does not read, takes no more. */
  fill(): void {
    const bytes = new Uint8Array(65_536), flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    while (libc.send(this.#fd, bytes, BigInt(bytes.length), flags) > 0);
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    for (let start = 0; start < bytes.length;) {
      const rest = bytes.subarray(start);
      start += check("send", Number(libc.send(this.#fd, rest, BigInt(rest.length), MSG_NOSIGNAL)));
    }
  }

  /** Sends one packet. */
  sendTo(peer: SocketAddress, bytes: Uint8Array<ArrayBuffer>): void {
    const address = this.#address(peer);
    const sent = libc.sendto(this.#fd, bytes, BigInt(bytes.length), 0, address, address.length);
    check("sendto", Number(sent));
  }

  /** What has come, as much as the buffer holds; 0 at the end. */
  receive(into: Uint8Array<ArrayBuffer>): number {
    return check("recv", Number(libc.recv(this.#fd, into, BigInt(into.length), 0)));
  }

  /** Waits for the end of what the peer sends. */
  awaitEnd(): void {
    const bytes = new Uint8Array(1024);
    while (this.receive(bytes) > 0);
  }

  /** Waits until the connection is in a state (include/net/tcp_states.h). */
  awaitState(state: number): void {
    const info = new Uint8Array(8), length = new Uint32Array(1);
    do {
      length[0] = info.length;
      check(
        "getsockopt",
        libc.getsockopt(this.#fd, IPPROTO_TCP, TCP_INFO, info, new Uint8Array(length.buffer)),
      );
    } while (info[0] !== state);
  }

  close(): void {
    check("close", libc.close(this.#fd));
  }

  #connect(peer: SocketAddress): RawSocket {
    const address = this.#address(peer);
    check(`connect ${peer}`, libc.connect(this.#fd, address, address.length));
    return this;
  }

  #set(level: number, option: number, value: number): void {
    check(
      "setsockopt",
      libc.setsockopt(this.#fd, level, option, new Uint8Array(Int32Array.of(value).buffer), 4),
    );
  }

  #address(address: SocketAddress): Uint8Array<ArrayBuffer> {
    return typeof address === "string" ? socketAddress(address, this.#family) : address;
  }
}

function check(call: string, result: number): number {
  if (result < 0) throw new Error(`Cannot ${call}`);
  return result;
}

function familyOf(address: SocketAddress): number {
  if (typeof address !== "string") return address[0]!;
  return address.startsWith("[") ? AF_INET6 : AF_INET;
}

/** struct sockaddr_in or sockaddr_in6 of "10.0.0.1:80" or "[fe80::1%2]:80". */
export function socketAddress(text: string, family = familyOf(text)): Uint8Array<ArrayBuffer> {
  const [, host = "", scope = "0", port = "0"] = /^\[?([^\]%]+?)(?:%(\d+))?\]?:(\d+)$/.exec(text) ?? [];
  const ip = Ip.parse(host);
  if (ip === undefined) throw new Error(`Expected an address with a port, not "${text}"`);
  const bytes = new Uint8Array(family === AF_INET ? 16 : 28), view = new DataView(bytes.buffer);
  view.setUint16(0, family, true);
  view.setUint16(2, Number(port));
  if (family === AF_INET) bytes.set(ip.bytes, 4);
  else if (ip.version === 4) bytes.set([0xff, 0xff, ...ip.bytes], 18);
  else {
    bytes.set(ip.bytes, 8);
    view.setUint32(24, Number(scope), true);
  }
  return bytes;
}
