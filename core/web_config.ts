/** How the HTTP of the exporter is guarded. */
export interface WebConfig {
  /** Without one there is no TLS. */
  readonly certificate: Certificate | undefined;
  /** The hash by bcrypt of each user's password. Without users everybody may come in. */
  readonly users: ReadonlyMap<string, string>;
  /** What every answer has besides. */
  readonly headers: Readonly<Record<string, string>>;
  readonly rateLimit: RateLimit | undefined;
}

/** A certificate, with those of the authorities between, and its private key; all in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** So many requests at once, and one more after each interval. */
export interface RateLimit {
  readonly interval: number;
  readonly burst: number;
}
