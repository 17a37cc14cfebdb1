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
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const AF_INET = 2, AF_INET6 = 10;
const SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1, SO_REUSEADDR = 2, SO_REUSEPORT = 15;
const IPPROTO_TCP = 6, TCP_DEFER_ACCEPT = 9, TCP_INFO = 11;
const IPPROTO_IPV6 = 41, IPV6_V6ONLY = 26;
const SHUT_WR = 1, MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000;

const { symbols: libc } = Deno.dlopen("libc.so.6", SYMBOLS);

export interface SocketOptions {
  /** The address to bind: "10.0.0.1:80", "[::1]:80", "[fe80::1%2]:80". */
  readonly local?: string;
  readonly reusePort?: boolean;
  readonly v6only?: boolean;
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
    const { local, reusePort = false, v6only = false } = options;
    const socket = new RawSocket(check("socket", libc.socket(family, type, 0)), family);
    socket.#set(SOL_SOCKET, SO_REUSEADDR, 1);
    if (reusePort) socket.#set(SOL_SOCKET, SO_REUSEPORT, 1);
    if (family === AF_INET6) socket.#set(IPPROTO_IPV6, IPV6_V6ONLY, v6only ? 1 : 0);
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

  static connect(peer: string, options: SocketOptions = {}): RawSocket {
    return RawSocket.#open(SOCK_STREAM, familyOf(peer), options).#connect(peer);
  }

  /** Begins a connection to somebody who does not answer. */
  static connectInVain(peer: string, options: SocketOptions = {}): RawSocket {
    const socket = RawSocket.#open(SOCK_STREAM | SOCK_NONBLOCK, familyOf(peer), options);
    const address = socket.#address(peer);
    libc.connect(socket.#fd, address, address.length);
    return socket;
  }

  static udp(local: string, options: SocketOptions & { readonly peer?: string } = {}): RawSocket {
    const socket = RawSocket.#open(SOCK_DGRAM, familyOf(local), { ...options, local });
    return options.peer === undefined ? socket : socket.#connect(options.peer);
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

  /** Waits for the end of what the peer sends. */
  awaitEnd(): void {
    while (check("recv", Number(libc.recv(this.#fd, new Uint8Array(1024), 1024n, 0))) > 0);
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

  #connect(peer: string): RawSocket {
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

  #address(text: string): Uint8Array<ArrayBuffer> {
    return socketAddress(text, this.#family);
  }
}

function check(call: string, result: number): number {
  if (result < 0) throw new Error(`Cannot ${call}`);
  return result;
}

function familyOf(text: string): number {
  return text.startsWith("[") ? AF_INET6 : AF_INET;
}

/** struct sockaddr_in or sockaddr_in6 of "10.0.0.1:80" or "[fe80::1%2]:80". */
function socketAddress(text: string, family: number): Uint8Array<ArrayBuffer> {
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
