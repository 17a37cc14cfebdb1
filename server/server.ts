import { ProbeError } from "../core/collector.ts";
import type { ListenAddress } from "../core/listen_address.ts";
import type { Log } from "../core/log.ts";
import { own } from "../core/own.ts";
import type { WebConfig } from "../core/web_config.ts";
import type { Gate } from "./gate.ts";
import { Listeners } from "./listeners.ts";
import { statusPage } from "./pages.ts";
import { scrape, type Scraped, type ScrapeOptions } from "./scrape.ts";

export interface ServerOptions extends ScrapeOptions {
  readonly addresses: readonly ListenAddress[];
  readonly metricsPath: string;
  /** Scrapes at a time; 0 is without limit. */
  readonly maxRequests: number;
  /** What a request to `/probe` asks about. Throws a `ProbeError` when that is not to be asked. */
  readonly probe: (query: URLSearchParams) => Promise<Scraped>;
  /** The configuration as it is shown, without secrets. */
  readonly configuration: () => Promise<string>;
  /** Reads the configuration again. */
  readonly reload: () => Promise<Reloaded>;
  readonly log: Log;
}

/** What came of reading the configuration again. */
export interface Reloaded {
  readonly isGood: boolean;
  /** For whoever has asked: what it has changed, or what is wrong with it. */
  readonly lines: readonly string[];
}

type Handler = (request: Request) => Response | Promise<Response>;

/** How many requests of a kind are being answered. */
interface InFlight {
  inFlight: number;
}

interface Scraping {
  readonly of: InFlight;
  readonly options: () => ScrapeOptions | Promise<ScrapeOptions>;
  readonly onCount?: (inFlight: number) => void;
  readonly onEnd?: () => void;
}

const NO_STORE = { "cache-control": "no-store" };

/** The HTTP side of the exporter. */
export class Server {
  readonly #options: ServerOptions;
  readonly #paths: Readonly<Record<string, Handler>>;
  /** What is done by POST. */
  readonly #actions: Readonly<Record<string, Handler>> = { "/-/reload": () => this.#reload() };
  readonly #listeners: Listeners;
  #gate: Gate | undefined;
  readonly #scrapes: InFlight = { inFlight: 0 };
  readonly #probes: InFlight = { inFlight: 0 };

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#listeners = new Listeners({
      addresses: options.addresses,
      answer: (request) => this.#answer(request),
      onError: (error) => this.#failed("", error),
      log: options.log,
    });
    this.#paths = {
      "/": () => this.#statusPage(),
      "/-/healthy": () => plain("netcensus is healthy\n"),
      "/health": () => plain("OK\n"),
      "/-/ready": () => plain("netcensus is ready\n"),
      "/config": async () => plain(await options.configuration(), { headers: NO_STORE }),
      "/probe": (request) => this.#probe(request),
      [options.metricsPath]: (request) => this.#scrapeMetrics(request),
    };
  }

  /** Listens at every address, or at none when one cannot be had; gives where. */
  listen(): readonly Deno.NetAddr[] {
    return this.#listeners.listen();
  }

  /** Guards from now on what it serves as it is told to, or not at all; gives whether that is another way than before. */
  async guard(config: WebConfig | undefined): Promise<boolean> {
    const before = this.#gate;
    const isSame = config === undefined ? before === undefined : before?.isFor(config) === true;
    if (!isSame) {
      this.#gate = config && new (await import("./gate.ts")).Gate(config);
      before?.close();
      const { certificate, users } = config ?? {};
      this.#options.log.info("HTTP is guarded", { tls: certificate !== undefined, users: users?.size ?? 0 });
    }
    await this.#listeners.use(config?.certificate);
    return !isSame;
  }

  /** Stops accepting, and waits for what is being answered. */
  async close(): Promise<void> {
    await this.#listeners.close();
    this.#gate?.close();
  }

  async #answer(request: Request): Promise<Response> {
    const url = URL.parse(request.url);
    if (url === null) return plain("Cannot understand the address\n", { status: 400 });
    const { pathname } = url, gate = this.#gate;
    const isAction = own(this.#actions, pathname) !== undefined;
    const handle = own(isAction ? this.#actions : this.#paths, pathname);
    const methods = isAction ? ["POST"] : ["GET", "HEAD"];
    const respond = () => {
      if (handle === undefined) return plain("Not found\n", { status: 404 });
      if (methods.includes(request.method)) return handle(request);
      return plain(`Only ${methods[0]} is answered here\n`, {
        status: 405,
        headers: { allow: methods.join(", ") },
      });
    };
    const response = await this.#handle(async () => await gate?.refusal(request) ?? await respond(), request);
    gate?.mark(response);
    this.#options.own?.answered(handle === undefined ? "other" : pathname, response.status);
    return response;
  }

  async #handle(handle: Handler, request: Request): Promise<Response> {
    try {
      return await handle(request);
    } catch (error) {
      return this.#failed(request.url, error);
    }
  }

  #failed(url: string, error: unknown): Response {
    this.#options.log.error("A request could not be answered", { url, error });
    return plain("Internal error\n", { status: 500 });
  }

  async #scrapeMetrics(request: Request): Promise<Response> {
    const { own } = this.#options, start = performance.now();
    const onCount = (inFlight: number) => {
      if (own) own.inFlight = inFlight;
    };
    const onEnd = () => own?.scraped((performance.now() - start) / 1000);
    return await this.#scrape(request, { of: this.#scrapes, options: () => this.#options, onCount, onEnd });
  }

  /** Those that wait for targets which do not answer leave the metrics alone: they have a limit of their own. */
  async #probe(request: Request): Promise<Response> {
    const options = async () => {
      const { build, probe } = this.#options;
      return { build, collectors: [await probe(new URL(request.url).searchParams)], own: undefined };
    };
    try {
      return await this.#scrape(request, { of: this.#probes, options });
    } catch (error) {
      if (!(error instanceof ProbeError)) throw error;
      return plain(`${error.message}\n`, { status: error.status });
    }
  }

  async #scrape(request: Request, { of, options, onCount, onEnd }: Scraping): Promise<Response> {
    const { maxRequests } = this.#options;
    if (maxRequests > 0 && of.inFlight >= maxRequests) {
      return plain(`Limit of ${maxRequests} scrapes at a time is reached, try again later\n`, {
        status: 503,
      });
    }
    const count = (change: 1 | -1) => {
      of.inFlight += change;
      onCount?.(of.inFlight);
    };
    count(1);
    const release = once(() => {
      count(-1);
      onEnd?.();
    });
    try {
      return await scrape(request, await options(), release);
    } catch (error) {
      release();
      throw error;
    }
  }

  async #reload(): Promise<Response> {
    const { isGood, lines } = await this.#options.reload();
    const first = isGood ? "The configuration was read again" : "The configuration before stays in force";
    return plain([first, ...lines, ""].join("\n"), { status: isGood ? 200 : 400 });
  }

  #statusPage(): Response {
    const { build: { version }, metricsPath, collectors } = this.#options;
    const page = statusPage({ version, metricsPath, collectors: collectors.map(({ status }) => status) });
    return new Response(page, { headers: { "content-type": "text/html; charset=utf-8", ...NO_STORE } });
  }
}

function plain(text: string, init: ResponseInit = {}): Response {
  return new Response(text, init);
}

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) action();
    isDone = true;
  };
}
