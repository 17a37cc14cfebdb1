import type { Capability } from "../core/collector.ts";

/** include/uapi/linux/capability.h */
const BITS: Readonly<Record<Capability, bigint>> = {
  CAP_DAC_READ_SEARCH: 2n,
  CAP_NET_ADMIN: 12n,
  CAP_NET_RAW: 13n,
  CAP_SYS_PTRACE: 19n,
};

/** Whether this process has the capability now. */
export function hasCapability(name: Capability): boolean {
  const [, effective] = /^CapEff:\s*([0-9a-f]+)$/m.exec(Deno.readTextFileSync("/proc/self/status")) ?? [];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> BITS[name]) & 1n) === 1n;
}
