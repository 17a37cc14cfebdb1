import { parseIpv4, parseIpv6 } from "./ip.ts";
import { describe } from "./node.ts";
import type { Shape } from "./shape.ts";

export interface ListenAddress {
  /** Without one: all addresses of the host. */
  readonly hostname: string | undefined;
  readonly port: number;
}

export function formatListenAddress({ hostname = "", port }: ListenAddress): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** `:9095`, `127.0.0.1:9095`, `[::1]:9095` or `localhost:9095`. */
export const listenAddress: Shape<ListenAddress> = {
  expects: "an address such as :9095, 127.0.0.1:9095 or [::1]:9095",
  read(node, problems) {
    const text = node.kind === "scalar" ? node.text : "";
    const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(text) ?? [];
    const port = Number(digits);
    const isAddress = bracketed === undefined
      ? !/^[\d.]+$/.test(plain ?? "") || parseIpv4(plain!) !== undefined
      : parseIpv6(bracketed) !== undefined;
    if (isAddress && port >= 0 && port <= 65535) return { hostname: bracketed ?? (plain || undefined), port };
    problems.add(node, `Expected ${this.expects}, not ${describe(node)}`);
    return undefined;
  },
  show: formatListenAddress,
};
