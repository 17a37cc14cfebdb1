import type { Log } from "../core/log.ts";
import { libc } from "./libc.ts";

/** M_MMAP_THRESHOLD (malloc.h), and what it is before the C library changes it by itself */
const MMAP_THRESHOLD = -3, THRESHOLD = 131_072;
/** include/uapi/asm-generic/mman-common.h */
const MADV_DONTNEED = 4;
const PERIOD_MS = 2000;
/** By then the program listens, and the first pass has not taken most of its memory yet. */
const START_MS = 300;
const MESSAGE = "Memory is not kept small";
/** In /proc/self/maps, what is mapped from files that are on a disk, can be executed and cannot be written. */
const CODE = /^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ [1-9]\d* +\/(?!memfd:).*$/gm;

/**
 * Keeps the resident memory small for as long as the program runs. Measured with 200,000 connections it is 25 MiB less
 * of 140. Where the system does not have these calls, it runs without.
 */
export function keepMemorySmall(log: Log): void {
  try {
    // The C library is to take each large array from the kernel, and to give it back. Left alone it keeps the places of
    // those that were freed, and fills them with zeros for the next, whether these are used or not.
    libc().mallopt(MMAP_THRESHOLD, THRESHOLD);
    // It also keeps what the compilation of hot code took for a moment.
    Deno.unrefTimer(setInterval(() => libc().malloc_trim(0n), PERIOD_MS));
    Deno.unrefTimer(setTimeout(() => releaseCode(log), START_MS));
  } catch (error) {
    log.debug(MESSAGE, { error });
  }
}

/** Lets go of the pages of code, of which the start needs many: those that the work needs come back by themselves. */
function releaseCode(log: Log): void {
  try {
    const maps = Deno.readTextFileSync("/proc/self/maps");
    for (const [, from, to] of maps.matchAll(CODE)) {
      const start = BigInt(`0x${from}`);
      libc().madvise(start, BigInt(`0x${to}`) - start, MADV_DONTNEED);
    }
  } catch (error) {
    log.debug(MESSAGE, { error });
  }
}
