/** What can go wrong with a router: they become label values. */
export const ERRORS = [
  "credentials",
  "connect",
  "tls",
  "login",
  "timeout",
  "closed",
  "trap",
  "fatal",
  "protocol",
  "other",
] as const;
export type ErrorKind = (typeof ERRORS)[number];

export class RouterError extends Error {
  /** `category` is that of a trap. */
  constructor(readonly kind: ErrorKind, message: string, readonly category?: number) {
    super(message);
  }

  /** Whether the router says that it has no such menu. */
  get isAbsence(): boolean {
    return this.kind === "trap" && /: "no such (command|item|directory)/.test(this.message);
  }
}

/** The error that is behind whatever was thrown, as one of a kind. */
export function routerError(error: unknown, kind: ErrorKind): RouterError {
  if (error instanceof RouterError) return error;
  // Who waits for a pass gives it up so.
  if (error instanceof DOMException && error.name === "TimeoutError") kind = "timeout";
  return new RouterError(kind, error instanceof Error ? error.message : String(error));
}

/** Why a signal was aborted. */
export function abortError(signal: AbortSignal): RouterError {
  return routerError(signal.reason, "timeout");
}

/** Why a router is not taken for the one that is meant. */
export function distrust(host: string, reason: string): RouterError {
  return new RouterError("tls", `Cannot trust ${host}: ${adviceOn(reason)}`);
}

/** What is wrong, and what to do. */
function adviceOn(message: string): string {
  if (/UnknownIssuer|CaUsedAsEndEntity|UnsupportedCertVersion/.test(message)) {
    return `${message} (name its authority by ca_file, or a certificate that is signed by itself by fingerprint)`;
  }
  if (/ProtocolVersion|TLS 1\.3/.test(message)) {
    return `${message} (let it speak TLS 1.2, or name its authority by ca_file)`;
  }
  if (/HandshakeFailure|eof|no certificate/i.test(message)) {
    return `${message} (has its service api-ssl a certificate?)`;
  }
  return message;
}
