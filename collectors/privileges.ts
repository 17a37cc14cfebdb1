import { own } from "../core/own.ts";

/** include/uapi/linux/capability.h */
const BITS: Readonly<Record<string, bigint>> = {
  CAP_DAC_READ_SEARCH: 2n,
  CAP_NET_ADMIN: 12n,
  CAP_NET_RAW: 13n,
  CAP_SYS_PTRACE: 19n,
};

/** Whether this process has the capability now. */
export function hasCapability(name: string): boolean {
  const bit = own(BITS, name);
  if (bit === undefined) throw new TypeError(`Cannot look for the capability ${name}: it is unknown`);
  const [, effective] = /^CapEff:\s*([0-9a-f]+)$/m.exec(Deno.readTextFileSync("/proc/self/status")) ?? [];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> bit) & 1n) === 1n;
}
