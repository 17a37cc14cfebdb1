export interface ListenAddress {
  /** Without one: all addresses of the host. */
  readonly hostname: string | undefined;
  readonly port: number;
}

export function formatListenAddress({ hostname = "", port }: ListenAddress): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
