import { libc, SOL_SOCKET } from "./libc.ts";

// include/uapi/asm-generic/socket.h
const SO_RCVBUF = 8, SO_RCVBUFFORCE = 33;

/**
 * Asks the kernel to keep so many bytes of what was not yet taken from a socket. To those without CAP_NET_ADMIN it gives
 * no more than net.core.rmem_max.
 */
export function setReceiveBuffer(fd: number, bytes: number): void {
  const size = new Uint8Array(Int32Array.of(bytes).buffer);
  if (libc().setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, size, size.length) < 0) {
    libc().setsockopt(fd, SOL_SOCKET, SO_RCVBUF, size, size.length);
  }
}
