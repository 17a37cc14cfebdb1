/** What an interface leaves to others: long segments to be cut, checksums to be made. */
import { lastError, libc } from "../../../native/libc.ts";
import { inNamespace } from "./in_namespace.ts";

// include/uapi/linux/sockios.h, include/uapi/linux/ethtool.h
const SIOCETHTOOL = 0x8946n;
const ETHTOOL_STXCSUM = 0x17, ETHTOOL_STSO = 0x1f, ETHTOOL_SGSO = 0x24, ETHTOOL_SGRO = 0x2c;
// include/uapi/linux/if.h: struct ifreq has its name, then a pointer to what is asked.
const NAME_LENGTH = 16, REQUEST_LENGTH = 40;
// include/linux/socket.h
const AF_INET = 2, SOCK_DGRAM = 2;

const { symbols } = Deno.dlopen("libc.so.6", {
  // int ioctl(int fd, unsigned long request, void *argument)
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
});

function check(call: string, result: number): number {
  if (result < 0) throw lastError(call);
  return result;
}

function openSocket(): number {
  return check("open a socket", libc().socket(AF_INET, SOCK_DGRAM, 0));
}

export interface OffloadOptions {
  /** The one in which the interface is, if not in that of the process. */
  readonly namespace?: string;
  /** Checksums may be left to others. */
  readonly keepsChecksums?: boolean;
}

/** Makes an interface send what goes over a wire: no segment longer than a frame, checksums complete. */
export function switchOffloadsOff(name: string, { namespace, keepsChecksums }: OffloadOptions = {}): void {
  const commands = [ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO, ...keepsChecksums ? [] : [ETHTOOL_STXCSUM]];
  const socket = namespace === undefined ? openSocket() : inNamespace(namespace, openSocket);
  try {
    for (const command of commands) {
      // struct ethtool_value, whose value is 0
      const value = new Uint8Array(Uint32Array.of(command, 0).buffer),
        request = new Uint8Array(REQUEST_LENGTH);
      request.set(new TextEncoder().encode(name).subarray(0, NAME_LENGTH - 1));
      const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(value));
      new DataView(request.buffer).setBigUint64(NAME_LENGTH, address, true);
      check(`switch offloads of ${name} off`, symbols.ioctl(socket, SIOCETHTOOL, request));
    }
  } finally {
    libc().close(socket);
  }
}
