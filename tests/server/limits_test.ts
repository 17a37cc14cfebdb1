import assert from "node:assert/strict";
import type { Rule } from "../../metrics/rule.ts";
import { ProcessMetrics } from "../../server/own_metrics.ts";
import type { Scraped } from "../../server/scrape.ts";
import { fakeCollector, gauge, hugeGauge, Serving } from "./serving.ts";

/** A collector that is held until it is let go; says when it was asked. */
class Gate {
  readonly collector: Scraped;
  #asked: (() => void)[] = [];
  #open = Promise.withResolvers<void>();
  #count = 0;

  constructor(name = "gate") {
    this.collector = fakeCollector(name, {
      collect: () => {
        this.#count++;
        for (const tell of this.#asked) tell();
        return this.#open.promise;
      },
    });
  }

  async askedTimes(count: number): Promise<void> {
    while (this.#count < count) await new Promise<void>((resolve) => this.#asked.push(resolve));
  }

  open(): void {
    this.#open.resolve();
  }
}

Deno.test("a scrape beyond the limit is answered 503", async () => {
  const gate = new Gate();
  await using serving = new Serving({ collectors: [gate.collector], maxRequests: 2 });
  const within = [serving.status("/metrics"), serving.status("/metrics")];
  await gate.askedTimes(2);
  const response = await serving.fetch("/metrics");
  assert.deepEqual([response.status, await response.text()], [
    503,
    "Limit of 2 scrapes at a time is reached, try again later\n",
  ]);
  gate.open();
  assert.deepEqual(await Promise.all(within), [200, 200]);
});

Deno.test("a scrape is answered 200 again when those before have ended", async () => {
  const gate = new Gate();
  await using serving = new Serving({ collectors: [gate.collector], maxRequests: 1 });
  const first = serving.status("/metrics");
  await gate.askedTimes(1);
  assert.equal(await serving.status("/metrics"), 503);
  gate.open();
  assert.deepEqual([await first, await serving.status("/metrics")], [200, 200]);
});

Deno.test("there is no limit when it is 0", async () => {
  const gate = new Gate();
  await using serving = new Serving({ collectors: [gate.collector], maxRequests: 0 });
  const scrapes = Array.from({ length: 60 }, () => serving.status("/metrics"));
  await gate.askedTimes(60);
  gate.open();
  assert.deepEqual(new Set(await Promise.all(scrapes)), new Set([200]));
});

Deno.test("other paths are answered beyond the limit", async () => {
  const gate = new Gate();
  await using serving = new Serving({ collectors: [gate.collector], maxRequests: 1 });
  const scrape = serving.status("/metrics");
  await gate.askedTimes(1);
  assert.deepEqual([await serving.status("/-/healthy"), await serving.status("/")], [200, 200]);
  gate.open();
  await scrape;
});

const ENDS = [
  { what: "was read to its end", init: {} },
  { what: "was read to its end in gzip", init: { headers: { "accept-encoding": "gzip" } } },
  { what: "was for the head only", init: { method: "HEAD" } },
  { what: "was refused for its query", init: {}, query: "?collect[]=x" },
];

for (const { what, init, query = "" } of ENDS) {
  Deno.test(`a scrape counts no more when it ${what}`, async () => {
    await using serving = new Serving({ maxRequests: 1 });
    await serving.status(`/metrics${query}`, init);
    await serving.status(`/metrics${query}`, init);
    assert.equal(await serving.status("/metrics"), 200);
  });
}

Deno.test("a scrape counts no more when a collector throws", async () => {
  let isBroken = true;
  const collect = () => isBroken ? Promise.reject(new Error("Broken")) : Promise.resolve();
  await using serving = new Serving({ collectors: [fakeCollector("rooms", { collect })], maxRequests: 1 });
  assert.equal(await serving.status("/metrics"), 500);
  isBroken = false;
  assert.equal(await serving.status("/metrics"), 200);
});

Deno.test("a scrape counts no more when the exposition breaks midway", async () => {
  const [rule] = gauge("rooms", ["hall"]);
  let isBroken = true;
  const breaking = {
    options: rule!.options,
    folded: 0,
    get view() {
      return isBroken ? { ...rule!.view, starts: undefined } : rule!.view;
    },
  } as unknown as Rule;
  const collectors = [fakeCollector("rooms", { rules: [breaking] })];
  await using serving = new Serving({ collectors, maxRequests: 1 });
  await serving.status("/metrics").catch(() => {});
  isBroken = false;
  assert.equal(await serving.status("/metrics"), 200);
});

/** Tells when no scrape is being answered. */
class Watched extends ProcessMetrics {
  readonly idle = Promise.withResolvers<void>();

  override set inFlight(count: number) {
    if (count === 0) this.idle.resolve();
  }
}

for (const encoding of ["identity", "gzip"]) {
  Deno.test(`a scrape counts no more when the client goes away midway through ${encoding}`, async () => {
    const own = new Watched();
    const collectors = [fakeCollector("rooms", { rules: hugeGauge("rooms") })];
    await using serving = new Serving({ collectors, own, maxRequests: 1 });
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: serving.addresses[0]!.port });
    const request = `GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: ${encoding}\r\n\r\n`;
    await connection.write(new TextEncoder().encode(request));
    await connection.read(new Uint8Array(1000));
    connection.close();
    await own.idle.promise;
    assert.equal(await serving.status("/metrics?exclude[]=rooms"), 200);
  });
}

Deno.test("a client that goes away while collectors are asked does not hold its place", async () => {
  const gate = new Gate(), own = new Watched();
  await using serving = new Serving({ collectors: [gate.collector], own, maxRequests: 1 });
  const leaving = new AbortController();
  const scrape = serving.status("/metrics", { signal: leaving.signal }).catch(() => 0);
  await gate.askedTimes(1);
  leaving.abort();
  assert.equal(await scrape, 0);
  gate.open();
  await own.idle.promise;
  assert.equal(await serving.status("/metrics"), 200);
});

/** The timers that are set in the course of the body, in milliseconds. */
async function timersOf(body: () => Promise<unknown>): Promise<number[]> {
  const timers: number[] = [];
  const { setTimeout } = globalThis;
  const recording = (callback: () => void, milliseconds: number) => {
    timers.push(milliseconds);
    return setTimeout(callback, milliseconds);
  };
  globalThis.setTimeout = recording as typeof setTimeout;
  try {
    await body();
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  return timers;
}

const TIMEOUTS = [
  { header: undefined, milliseconds: 9500 },
  { header: "10", milliseconds: 9500 },
  { header: "1", milliseconds: 500 },
  { header: "30.5", milliseconds: 30_000 },
  { header: "0.6", milliseconds: 100 },
  { header: "0.1", milliseconds: 100 },
  { header: "0", milliseconds: 9500 },
  { header: "-5", milliseconds: 9500 },
  { header: "soon", milliseconds: 9500 },
  { header: "", milliseconds: 9500 },
];

for (const { header, milliseconds } of TIMEOUTS) {
  const said = header === undefined ? "not said" : JSON.stringify(header);
  Deno.test(`a scrape waits ${milliseconds} ms when the scraper's timeout is ${said}`, async () => {
    await using serving = new Serving();
    const headers: HeadersInit = header === undefined
      ? {}
      : { "x-prometheus-scrape-timeout-seconds": header };
    const timers = await timersOf(() => serving.status("/metrics", { headers }));
    assert.deepEqual(timers.map(Math.round), [milliseconds]);
  });
}

for (const header of ["3000000", "1e300", "Infinity"]) {
  Deno.test(`a scrape waits as long as a timer can when the scraper's timeout is ${header}`, async () => {
    await using serving = new Serving();
    const headers = { "x-prometheus-scrape-timeout-seconds": header };
    const [timer] = await timersOf(() => serving.status("/metrics", { headers }));
    assert(timer! > 9500 && timer! < 2 ** 31, `${timer}`);
  });
}

Deno.test("a scrape shows the other collectors when one hangs until the time is over", async () => {
  const hanging = fakeCollector("hanging", {
    collect: (signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve())),
  });
  const collectors = [hanging, fakeCollector("rooms", { rules: gauge("rooms", ["hall"]) })];
  await using serving = new Serving({ collectors });
  const headers = { "x-prometheus-scrape-timeout-seconds": "0.6" };
  assert.match(await serving.text("/metrics", { headers }), /^rooms\{name="hall"\} 1$/m);
});

Deno.test("a scrape asks the collectors at the same time", async () => {
  const gates = [new Gate("first"), new Gate("second")];
  await using serving = new Serving({ collectors: gates.map(({ collector }) => collector) });
  const scrape = serving.status("/metrics");
  for (const gate of gates) await gate.askedTimes(1);
  for (const gate of gates) gate.open();
  assert.equal(await scrape, 200);
});

Deno.test("close() waits for the scrape that is being answered", async () => {
  const gate = new Gate();
  const serving = new Serving({ collectors: [gate.collector] });
  const scrape = serving.status("/metrics");
  await gate.askedTimes(1);
  const closed = serving.server.close();
  gate.open();
  await closed;
  assert.equal(await scrape, 200);
});

Deno.test("close() accepts no more", async () => {
  const serving = new Serving();
  await serving.server.close();
  await assert.rejects(serving.fetch("/health"), TypeError);
});

Deno.test("close() does nothing when it was called before", async () => {
  const serving = new Serving();
  await serving.server.close();
  await serving.server.close();
});
