/** The calls of the C library that Deno has no way to make. Opened at the first use. */

// include/uapi/asm-generic/socket.h, include/linux/socket.h, include/uapi/asm-generic/errno-base.h
export const SOL_SOCKET = 1, MSG_DONTWAIT = 0x40, EAGAIN = 11;

const SYMBOLS = {
  // int socket(int domain, int type, int protocol)
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // ssize_t send(int fd, const void *buf, size_t len, int flags)
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  // ssize_t recv(int fd, void *buf, size_t len, int flags)
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  // int setsockopt(int fd, int level, int option, const void *value, socklen_t length)
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  // int getsockopt(int fd, int level, int option, void *value, socklen_t *length)
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  // int getsockname(int fd, struct sockaddr *address, socklen_t *length)
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int connect(int fd, const struct sockaddr *address, socklen_t length)
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags, struct timespec *timeout)
  recvmmsg: { parameters: ["i32", "buffer", "u32", "i32", "pointer"], result: "i32" },
  // int bind(int fd, const struct sockaddr *address, socklen_t length)
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int close(int fd)
  close: { parameters: ["i32"], result: "i32" },
  // void *memcpy(void *to, const void *from, size_t length)
  memcpy: { parameters: ["buffer", "usize", "usize"], result: "usize" },
  // int poll(struct pollfd *fds, nfds_t count, int timeout)
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true },
  // int eventfd(unsigned int initial, int flags)
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  // ssize_t write(int fd, const void *buf, size_t count)
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // int mallopt(int option, int value)
  mallopt: { parameters: ["i32", "i32"], result: "i32" },
  // int madvise(void *address, size_t length, int advice)
  madvise: { parameters: ["usize", "usize", "i32"], result: "i32" },
  // int malloc_trim(size_t pad)
  malloc_trim: { parameters: ["usize"], result: "i32" },
  // int *__errno_location(void)
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

let opened: Libc | undefined;

export function libc(): Libc {
  opened ??= Deno.dlopen("libc.so.6", SYMBOLS).symbols;
  return opened;
}

/** Where the bytes are in memory, as long as they are held. */
export function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)!);
}

/** What went wrong in the call just made: `ENOENT (2)`. */
export class SystemError extends Error {
  override readonly name = "SystemError";

  constructor(call: string, readonly code: number) {
    super(`Cannot ${call}: ${ERRORS[code] ?? "error"} (${code})`);
  }

  /** Whether the kernel says that it does not do this, or not for us: to ask again is of no use. */
  get isRefusal(): boolean {
    return REFUSALS.includes(this.code);
  }
}

/** EPERM, ENOENT, EACCES, EINVAL, EPROTONOSUPPORT, EOPNOTSUPP, EAFNOSUPPORT */
const REFUSALS: readonly number[] = [1, 2, 13, 22, 93, 95, 97];

/** The number of what went wrong in the call just made. */
export function lastErrno(): number {
  const pointer = libc().__errno_location();
  return pointer === null ? 0 : new Deno.UnsafePointerView(pointer).getInt32();
}

export function lastError(call: string): SystemError {
  return new SystemError(call, lastErrno());
}

/** include/uapi/asm-generic/errno-base.h and errno.h: those that a socket gives. */
const ERRORS: Readonly<Record<number, string>> = {
  1: "operation not permitted",
  2: "not there (kernel module not loaded?)",
  11: "no answer in time",
  12: "out of memory",
  13: "permission denied",
  16: "busy",
  22: "invalid argument",
  24: "too many open files",
  93: "protocol not supported (kernel module not loaded?)",
  95: "operation not supported",
  97: "address family not supported",
  98: "address already in use",
  99: "no such address on this host",
  105: "no buffer space",
};
