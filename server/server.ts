import { ProbeError } from "../core/collector.ts";
import { formatListenAddress, type ListenAddress } from "../core/listen_address.ts";
import type { Log } from "../core/log.ts";
import { own } from "../core/own.ts";
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
  readonly log: Log;
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
  #servers: Deno.HttpServer<Deno.NetAddr>[] = [];
  readonly #scrapes: InFlight = { inFlight: 0 };
  readonly #probes: InFlight = { inFlight: 0 };

  constructor(options: ServerOptions) {
    this.#options = options;
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
    for (const address of this.#options.addresses) {
      try {
        this.#servers.push(this.#serve(address));
      } catch (error) {
        this.#options.log.error("Cannot listen", { address: formatListenAddress(address), error });
        this.close();
        throw error;
      }
    }
    return this.#servers.map(({ addr }) => addr);
  }

  /** Stops accepting, and waits for what is being answered. */
  async close(): Promise<void> {
    await Promise.all(this.#servers.splice(0).map((server) => server.shutdown()));
  }

  #serve({ hostname, port }: ListenAddress): Deno.HttpServer<Deno.NetAddr> {
    const handler = (request: Request) => this.#answer(request);
    const onError = (error: unknown) => this.#failed("", error);
    const options = { port, onListen() {}, onError };
    if (hostname !== undefined) return Deno.serve({ ...options, hostname }, handler);
    try {
      // :: takes IPv4 as well, unless the host has no IPv6.
      return Deno.serve({ ...options, hostname: "::" }, handler);
    } catch (error) {
      if (error instanceof Deno.errors.AddrInUse) throw error;
      return Deno.serve({ ...options, hostname: "0.0.0.0" }, handler);
    }
  }

  async #answer(request: Request): Promise<Response> {
    const url = URL.parse(request.url);
    if (url === null) return plain("Cannot understand the address\n", { status: 400 });
    const { pathname } = url;
    const handle = own(this.#paths, pathname);
    const response = handle === undefined
      ? plain("Not found\n", { status: 404 })
      : request.method === "GET" || request.method === "HEAD"
      ? await this.#handle(handle, request)
      : plain("Only GET is answered here\n", { status: 405, headers: { allow: "GET, HEAD" } });
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
      const { version, probe } = this.#options;
      return { version, collectors: [await probe(new URL(request.url).searchParams)], own: undefined };
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

  #statusPage(): Response {
    const { version, metricsPath, collectors } = this.#options;
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
