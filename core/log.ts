export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export const LOG_FORMATS = ["logfmt", "json"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = (typeof LOG_FORMATS)[number];

type Details = Readonly<Record<string, unknown>>;

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly write: (line: string) => void;
  /** In every line. */
  readonly details?: Details;
}

/** Of one message, this many lines are written in a window; the rest is counted and the count written at its end. */
const BURST = 3;
const WINDOW_MS = 30_000;

/**
 * One line per event. A message is a constant text; what varies goes into its details. Lines with the same message,
 * collector and reason are limited.
 */
export class Log {
  readonly #options: LogOptions;
  readonly #windows = new Map<string, { written: number; suppressed: number }>();

  constructor(options: LogOptions) {
    this.#options = options;
  }

  /** A log whose lines all have these details. */
  with(details: Details): Log {
    return new Log({ ...this.#options, details: { ...this.#options.details, ...details } });
  }

  debug(message: string, details?: Details): void {
    this.#log("debug", message, details);
  }

  info(message: string, details?: Details): void {
    this.#log("info", message, details);
  }

  warn(message: string, details?: Details): void {
    this.#log("warn", message, details);
  }

  error(message: string, details?: Details): void {
    this.#log("error", message, details);
  }

  #log(level: LogLevel, message: string, details: Details = {}): void {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(this.#options.level)) return;
    const key = `${level} ${message} ${details["collector"] ?? ""} ${details["reason"] ?? ""}`;
    let window = this.#windows.get(key);
    if (window === undefined) {
      window = { written: 0, suppressed: 0 };
      this.#windows.set(key, window);
      Deno.unrefTimer(setTimeout(() => this.#close(key, level, message, details), WINDOW_MS));
    }
    if (++window.written > BURST) window.suppressed++;
    else this.#write(level, message, details);
  }

  #close(key: string, level: LogLevel, message: string, details: Details): void {
    const suppressed = this.#windows.get(key)?.suppressed ?? 0;
    this.#windows.delete(key);
    if (suppressed > 0) this.#write(level, message, { ...details, suppressed });
  }

  #write(level: LogLevel, message: string, details: Details): void {
    const head = { ts: new Date().toISOString(), level, msg: message };
    const fields = { ...head, ...this.#options.details, ...details, ...head };
    try {
      this.#options.write(this.#options.format === "json" ? json(fields) : logfmt(fields));
    } catch {
      // Whoever cannot be told is not told: a full disk or a closed pipe ends nothing else.
    }
  }
}

function plain(value: unknown): string | number | boolean {
  if (typeof value === "number" || typeof value === "boolean") return value;
  return value instanceof Error ? value.message : String(value);
}

function json(fields: Details): string {
  return withoutC1(JSON.stringify(fields, (key, value) => key === "" ? value : plain(value))) + "\n";
}

/** JSON leaves the control characters from U+007F to U+009F as they are, and some terminals obey them. */
function withoutC1(text: string): string {
  return text.replace(/[\x7f-\x9f]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
}

function logfmt(fields: Details): string {
  const pairs = Object.entries(fields).map(([key, value]) => {
    const text = String(plain(value));
    return `${key}=${/^[^\s"=\\\p{Cc}]+$/u.test(text) ? text : withoutC1(JSON.stringify(text))}`;
  });
  return pairs.join(" ") + "\n";
}
