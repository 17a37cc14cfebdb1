import { lastError, libc, MSG_DONTWAIT, SOL_SOCKET } from "./libc.ts";

// include/linux/socket.h, include/linux/net.h, include/uapi/linux/un.h, include/uapi/asm-generic/socket.h
const AF_UNIX = 1, SOCK_DGRAM = 2, SOCK_CLOEXEC = 0o2000000, MAX_PATH = 108, SO_SNDTIMEO = 21;
/** So long is waited for room in its queue, which is short, when many services start at once. */
const PATIENCE_SECONDS = 1n;

type Environment = Readonly<Record<string, string>>;

/** What has started the program and wants to hear how it does, as systemd: sd_notify(3). */
export class ServiceManager {
  /** It wants to hear at least so often that the program is alive; 0 is never. */
  readonly watchdogMs: number;
  readonly #address: Uint8Array<ArrayBuffer>;

  private constructor(address: Uint8Array<ArrayBuffer>, watchdogMs: number) {
    this.#address = address;
    this.watchdogMs = watchdogMs;
  }

  static of(environment: Environment): ServiceManager | undefined {
    const { NOTIFY_SOCKET: path } = environment;
    const address = path === undefined ? undefined : addressOf(path);
    return address && new ServiceManager(address, watchdogOf(environment));
  }

  /** The program does what it is there for; `status` is for people. */
  ready(status: string): void {
    this.#tell(`READY=1\nSTATUS=${status}`);
  }

  reloading(): void {
    this.#tell("RELOADING=1");
  }

  stopping(): void {
    this.#tell("STOPPING=1");
  }

  /** Where there is no room for this it is not waited for: the next sign comes soon. */
  alive(): void {
    this.#tell("WATCHDOG=1", MSG_DONTWAIT);
  }

  /** It may be started anew in between: nothing is kept open. */
  #tell(message: string, flags = 0): void {
    const { socket, setsockopt, connect, send, close } = libc();
    const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) throw lastError("open a socket for the service manager");
    try {
      const bytes = new TextEncoder().encode(message);
      const timeout = new Uint8Array(BigInt64Array.of(PATIENCE_SECONDS, 0n).buffer);
      setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, timeout, timeout.length);
      const isTold = connect(fd, this.#address, this.#address.length) === 0 &&
        send(fd, bytes, BigInt(bytes.length), flags) >= 0;
      if (!isTold) throw lastError("tell the service manager");
    } finally {
      close(fd);
    }
  }
}

/** struct sockaddr_un: a path, or after `@` a name in the abstract namespace, which begins with a zero. */
function addressOf(path: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new TextEncoder().encode(path), isAbstract = path.startsWith("@");
  if (!isAbstract && !path.startsWith("/")) return undefined;
  if (bytes.length >= MAX_PATH) return undefined;
  // A path ends with a zero.
  const address = new Uint8Array(2 + bytes.length + (isAbstract ? 0 : 1));
  address[0] = AF_UNIX;
  address.set(bytes, 2);
  if (isAbstract) address[2] = 0;
  return address;
}

function watchdogOf({ WATCHDOG_USEC, WATCHDOG_PID }: Environment): number {
  const isOurs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(Deno.pid);
  const microseconds = Number(WATCHDOG_USEC ?? 0);
  return isOurs && microseconds > 0 ? microseconds / 1000 : 0;
}
