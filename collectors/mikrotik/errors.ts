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
