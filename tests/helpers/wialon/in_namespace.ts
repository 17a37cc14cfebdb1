import { lastError, libc } from "../../../native/libc.ts";

// include/uapi/linux/sched.h, include/uapi/asm-generic/fcntl.h
const CLONE_NEWNET = 0x40000000, O_RDONLY = 0;

const { symbols } = Deno.dlopen("libc.so.6", {
  // int open(const char *path, int flags)
  open: { parameters: ["buffer", "i32"], result: "i32" },
  // int setns(int fd, int type)
  setns: { parameters: ["i32", "i32"], result: "i32" },
});

function check(call: string, result: number): number {
  if (result < 0) throw lastError(call);
  return result;
}

function open(path: string): number {
  return check(`open ${path}`, symbols.open(new TextEncoder().encode(`${path}\0`), O_RDONLY));
}

/**
 * Does something in a network namespace that has a name; sockets that are opened stay there. The namespace is that of
 * the thread, in which nothing else runs meanwhile: `body` may not be asynchronous.
 */
export function inNamespace<T>(name: string, body: () => T): T {
  const own = open("/proc/thread-self/ns/net"), other = open(`/run/netns/${name}`);
  try {
    check(`enter ${name}`, symbols.setns(other, CLONE_NEWNET));
    try {
      return body();
    } finally {
      check(`leave ${name}`, symbols.setns(own, CLONE_NEWNET));
    }
  } finally {
    libc().close(own);
    libc().close(other);
  }
}
