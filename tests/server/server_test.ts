import assert from "node:assert/strict";
import { ProbeError } from "../../core/collector.ts";
import { nextTurn } from "../../core/work.ts";
import { CONTENT_TYPES } from "../../server/accept.ts";
import { ProcessMetrics } from "../../server/own_metrics.ts";
import type { ServerOptions } from "../../server/server.ts";
import { testWith } from "../helpers/skip.ts";
import { fakeCollector, gauge, metricsOf, Serving } from "./serving.ts";

const TEXT = "text/plain;charset=UTF-8";

const ENDPOINTS = [
  { path: "/-/healthy", type: TEXT, body: /^netcensus is healthy\n$/ },
  { path: "/-/ready", type: TEXT, body: /^netcensus is ready\n$/ },
  { path: "/health", type: TEXT, body: /^OK\n$/ },
  { path: "/config", type: TEXT, body: /^log: \{\}\n$/ },
  { path: "/", type: "text/html; charset=utf-8", body: /^<!doctype html>/ },
  { path: "/metrics", type: CONTENT_TYPES.text, body: /^netcensus_build_info\{/m },
  { path: "/metrics?x=1", type: CONTENT_TYPES.text, body: /^netcensus_build_info\{/m },
];

for (const { path, type, body } of ENDPOINTS) {
  Deno.test(`GET ${path} is answered with its content`, async () => {
    await using serving = new Serving();
    const response = await serving.fetch(path);
    assert.deepEqual([response.status, response.headers.get("content-type")], [200, type]);
    assert.match(await response.text(), body);
  });

  Deno.test(`HEAD ${path} is answered without content`, async () => {
    await using serving = new Serving();
    const response = await serving.fetch(path, { method: "HEAD" });
    assert.deepEqual([response.status, response.headers.get("content-type")], [200, type]);
    assert.equal(await response.text(), "");
  });

  for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
    Deno.test(`${method} ${path} is answered 405 with what is allowed`, async () => {
      await using serving = new Serving();
      const response = await serving.fetch(path, { method });
      assert.deepEqual([response.status, response.headers.get("allow")], [405, "GET, HEAD"]);
      await response.body?.cancel();
    });
  }
}

for (
  const path of ["/nothing", "/metrics/", "//metrics", "/-/", "/constructor", "/__proto__"]
) {
  Deno.test(`GET ${path} is answered 404`, async () => {
    await using serving = new Serving();
    assert.equal(await serving.status(path), 404);
  });
}

Deno.test("the metrics are where the configuration says", async () => {
  await using serving = new Serving({ metricsPath: "/census" });
  assert.deepEqual([await serving.status("/census"), await serving.status("/metrics")], [200, 404]);
});

for (const path of ["/", "/config"]) {
  Deno.test(`GET ${path} is not to be stored`, async () => {
    await using serving = new Serving();
    const response = await serving.fetch(path);
    assert.equal(response.headers.get("cache-control"), "no-store");
    await response.body?.cancel();
  });
}

Deno.test("GET /config is answered 500 when the configuration cannot be shown", async () => {
  await using serving = new Serving({ configuration: () => Promise.reject(new Error("secret")) });
  const response = await serving.fetch("/config");
  assert.deepEqual([response.status, await response.text()], [500, "Internal error\n"]);
});

Deno.test("GET /metrics is OpenMetrics when that is accepted", async () => {
  await using serving = new Serving({
    collectors: [fakeCollector("rooms", { rules: gauge("rooms", ["hall"]) })],
  });
  const response = await serving.fetch("/metrics", {
    headers: { accept: "application/openmetrics-text;version=1.0.0" },
  });
  assert.equal(response.headers.get("content-type"), CONTENT_TYPES.openmetrics);
  assert.match(await response.text(), /\nrooms\{name="hall"\} 1\n[^]*# EOF\n$/);
});

Deno.test("GET /metrics says that it depends on what is accepted", async () => {
  await using serving = new Serving();
  const response = await serving.fetch("/metrics");
  assert.equal(response.headers.get("vary"), "accept, accept-encoding");
  await response.body?.cancel();
});

/** An answer as it comes over the wire: fetch() would unpack it. */
async function raw(
  serving: Serving,
  headers: string,
): Promise<{ head: string; body: Uint8Array<ArrayBuffer> }> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: serving.addresses[0]!.port });
  const request = `GET /metrics HTTP/1.0\r\nHost: x\r\n${headers}\r\n`;
  await connection.write(new TextEncoder().encode(request));
  const bytes = new Uint8Array(await new Response(connection.readable).arrayBuffer());
  const text = new TextDecoder("latin1").decode(bytes);
  const end = text.indexOf("\r\n\r\n");
  return { head: text.slice(0, end).toLowerCase(), body: bytes.slice(end + 4) };
}

Deno.test("GET /metrics is the same in gzip as it is plain", async () => {
  const names = Array.from({ length: 5000 }, (_, i) => `room "${i}" ü`);
  await using serving = new Serving({
    collectors: [fakeCollector("rooms", { rules: gauge("rooms", names) })],
  });
  const plain = await raw(serving, "");
  const packed = await raw(serving, "Accept-Encoding: gzip\r\n");
  assert.match(packed.head, /content-encoding: gzip/);
  assert.doesNotMatch(plain.head, /content-encoding/);
  assert(packed.body.length < plain.body.length);
  const unpacked = new Blob([packed.body]).stream().pipeThrough(new DecompressionStream("gzip"));
  assert.equal(await new Response(unpacked).text(), new TextDecoder().decode(plain.body));
});

const ROOMS = fakeCollector("rooms", { rules: gauge("rooms", ["hall"]) });
const HALLS = fakeCollector("halls", { rules: gauge("halls", ["main"]) });
const DOORS = fakeCollector("doors", { rules: gauge("doors", ["back"]) });
const ALL = [ROOMS, HALLS, DOORS];

const SELECTIONS = [
  { query: "", shown: ["doors", "halls", "rooms"] },
  { query: "?collect[]=rooms", shown: ["rooms"] },
  { query: "?collect%5B%5D=rooms", shown: ["rooms"] },
  { query: "?collect[]=rooms&collect[]=doors", shown: ["doors", "rooms"] },
  { query: "?collect[]=rooms&collect[]=rooms", shown: ["rooms"] },
  { query: "?exclude[]=rooms", shown: ["doors", "halls"] },
  { query: "?exclude[]=rooms&exclude[]=halls&exclude[]=doors", shown: [] },
  { query: "?collect=rooms", shown: ["doors", "halls", "rooms"] },
];

for (const { query, shown } of SELECTIONS) {
  Deno.test(`GET /metrics${query} shows ${shown.join(", ") || "no collector"}`, async () => {
    await using serving = new Serving({ collectors: ALL });
    const text = await serving.text(`/metrics${query}`);
    assert.deepEqual(metricsOf(text).filter((name) => !name.startsWith("netcensus_")), shown);
    const told = [...text.matchAll(/^netcensus_collector_success\{collector="(.*)"\}/gm)].map(([, name]) =>
      name!
    );
    assert.deepEqual(told.toSorted(), shown);
  });
}

Deno.test("GET /metrics?collect[]=NAME asks no other collector", async () => {
  const asked: string[] = [];
  const collectors = ["rooms", "halls"].map((name) =>
    fakeCollector(name, { collect: () => Promise.resolve(void asked.push(name)) })
  );
  await using serving = new Serving({ collectors });
  await serving.text("/metrics?collect[]=halls");
  assert.deepEqual(asked, ["halls"]);
});

const WRONG = [
  { query: "?collect[]=romos", message: 'Unknown collector "romos"; running are rooms, halls, doors\n' },
  { query: "?exclude[]=", message: 'Unknown collector ""; running are rooms, halls, doors\n' },
  {
    query: "?collect[]=rooms&collect[]=x",
    message: 'Unknown collector "x"; running are rooms, halls, doors\n',
  },
  { query: "?collect[]=rooms&exclude[]=doors", message: "Cannot combine collect[] and exclude[]\n" },
];

for (const { query, message } of WRONG) {
  Deno.test(`GET /metrics${query} is answered 400 with the reason`, async () => {
    await using serving = new Serving({ collectors: ALL });
    const response = await serving.fetch(`/metrics${query}`);
    assert.deepEqual([response.status, await response.text()], [400, message]);
  });
}

Deno.test("GET /metrics shows the families by name", async () => {
  await using serving = new Serving({ collectors: ALL, own: new ProcessMetrics() });
  const names = metricsOf(await serving.text("/metrics"));
  assert.deepEqual(names, names.toSorted());
});

Deno.test("GET /metrics shows of a collector that failed that it did", async () => {
  const collectors = [
    fakeCollector("rooms", { success: false }),
    fakeCollector("halls", { success: undefined }),
  ];
  await using serving = new Serving({ collectors });
  const text = await serving.text("/metrics");
  assert.match(text, /^netcensus_collector_success\{collector="rooms"\} 0$/m);
  assert.match(text, /^netcensus_collector_success\{collector="halls"\} 0$/m);
});

Deno.test("concurrent scrapes get the same", async () => {
  await using serving = new Serving({ collectors: ALL, maxRequests: 0 });
  const texts = await Promise.all(Array.from({ length: 50 }, () => serving.text("/metrics")));
  assert.equal(new Set(texts).size, 1);
});

Deno.test("the status page shows names and errors with HTML escaped", async () => {
  const evil = `<script>alert("1" & '2')</script>`;
  await using serving = new Serving({
    build: { version: evil, revision: evil },
    metricsPath: `/"><b>`,
    collectors: [fakeCollector(evil, { success: false, lastError: evil })],
  });
  const page = await serving.text("/");
  assert.doesNotMatch(page, /<script|<b>|'2'/);
  assert.equal(page.match(/&#60;script&#62;alert\(&#34;1&#34; &#38; &#39;2&#39;\)/g)?.length, 3);
});

const STATES = [
  { success: undefined, state: "not asked yet" },
  { success: true, state: "works" },
  { success: false, state: "No such device" },
];

for (const { success, state } of STATES) {
  Deno.test(`the status page says "${state}" when the success of a collector is ${success}`, async () => {
    const collectors = [fakeCollector("rooms", { success, lastError: success === false ? state : "" })];
    await using serving = new Serving({ collectors });
    assert((await serving.text("/")).includes(state));
  });
}

Deno.test("the status page adds up what could not be read", async () => {
  const problems = new Map([["short", 3], ["broken", 4]]);
  await using serving = new Serving({ collectors: [fakeCollector("rooms", { problems })] });
  assert.match(await serving.text("/"), /<td>7<\/td>/);
});

Deno.test("the exporter's own metrics are shown unless they are disabled", async () => {
  await using serving = new Serving({ own: new ProcessMetrics() });
  const names = metricsOf(await serving.text("/metrics")).map((name) => name.split("_")[0]);
  assert.deepEqual([...new Set(names)], ["netcensus", "nodejs", "process"]);
});

Deno.test("the exporter's own metrics are left out when they are disabled", async () => {
  await using serving = new Serving({ own: undefined, collectors: ALL });
  const names = metricsOf(await serving.text("/metrics"));
  assert.deepEqual(names.filter((name) => /^(process|nodejs|netcensus_http)_/.test(name)), []);
});

const COUNTED = [
  { path: "/-/healthy", init: {}, labels: 'path="/-/healthy",code="200"' },
  { path: "/nothing", init: {}, labels: 'path="other",code="404"' },
  { path: "/metrics", init: { method: "POST" }, labels: 'path="/metrics",code="405"' },
  { path: "/metrics?collect[]=x", init: {}, labels: 'path="/metrics",code="400"' },
  { path: "/config", init: {}, labels: 'path="/config",code="500"' },
];

for (const { path, init, labels } of COUNTED) {
  Deno.test(`${init.method ?? "GET"} ${path} is counted with ${labels}`, async () => {
    const configuration = () => Promise.reject(new Error("No"));
    await using serving = new Serving({ own: new ProcessMetrics(), configuration });
    await serving.status(path, init);
    assert((await serving.text("/metrics")).includes(`netcensus_http_requests_total{${labels}} 1\n`));
  });
}

Deno.test("listen() listens at each of several addresses", async () => {
  const address = { hostname: "127.0.0.1", port: 0 };
  await using serving = new Serving({ addresses: [address, address, address] });
  const ports = serving.addresses.map(({ port }) => port);
  assert.equal(new Set(ports).size, 3);
  for (const port of ports) {
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/health`)).text(), "OK\n");
  }
});

/** A port that nobody listens at. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test("listen() throws and listens nowhere when one of the addresses is taken", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const free = freePort();
  const addresses = [free, taken.addr.port].map((port) => ({ hostname: "127.0.0.1", port }));
  assert.throws(() => new Serving({ addresses }), Deno.errors.AddrInUse);
  // A listener is closed in a later turn of the event loop.
  for (let i = 0; i < 100 && !isFree(free); i++) await nextTurn();
  assert(isFree(free));
});

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test("listen() throws when a port is taken for all addresses of the host", () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const addresses = [{ hostname: undefined, port: taken.addr.port }];
  assert.throws(() => new Serving({ addresses }), Deno.errors.AddrInUse);
});

function needsIpv6(): Promise<string | undefined> {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return Promise.resolve(undefined);
  } catch {
    return Promise.resolve("this host has no IPv6");
  }
}

testWith({
  name: "listen() listens at an IPv6 address",
  needs: needsIpv6,
  fn: async () => {
    await using serving = new Serving({ addresses: [{ hostname: "::1", port: 0 }] });
    const { port } = serving.addresses[0]!;
    assert.equal(await (await fetch(`http://[::1]:${port}/health`)).text(), "OK\n");
  },
});

testWith({
  name: "listen() listens at IPv4 and IPv6 when no address is given",
  needs: needsIpv6,
  fn: async () => {
    await using serving = new Serving({ addresses: [{ hostname: undefined, port: 0 }] });
    for (const host of ["127.0.0.1", "[::1]"]) {
      const response = await fetch(`http://${host}:${serving.addresses[0]!.port}/health`);
      assert.equal(await response.text(), "OK\n");
    }
  },
});

Deno.test("a request with a host that is none is answered 400", async () => {
  await using serving = new Serving();
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: serving.addresses[0]!.port });
  const request = "GET /metrics HTTP/1.1\r\nHost: a b[\r\nConnection: close\r\n\r\n";
  await connection.write(new TextEncoder().encode(request));
  const answer = await new Response(connection.readable).text();
  assert.match(answer, /^HTTP\/1\.1 400 /);
  assert.deepEqual(serving.logged, []);
});

/** A server that may be asked about the target `red`. */
function probed(options: Partial<ServerOptions> = {}): Serving {
  return new Serving({
    collectors: ALL,
    probe: (query) => {
      const target = query.get("target"), rules = gauge("probed_rooms", [`attic of ${target}`]);
      return Promise.resolve(fakeCollector("houses", { rules }));
    },
    ...options,
  });
}

Deno.test("GET /probe shows the metrics of the target only", async () => {
  await using serving = probed({ own: new ProcessMetrics() });
  const response = await serving.fetch("/probe?target=red");
  assert.deepEqual([response.status, response.headers.get("content-type")], [200, CONTENT_TYPES.text]);
  const text = await response.text();
  assert.match(text, /^probed_rooms\{name="attic of red"\} 1$/m);
  assert.deepEqual(metricsOf(text).filter((name) => !name.startsWith("netcensus_")), ["probed_rooms"]);
  const told = text.matchAll(/^netcensus_collector_success\{collector="(.*)"\}/gm).map(([, name]) => name);
  assert.deepEqual([...told], ["houses"]);
  assert.doesNotMatch(text, /^(process|nodejs|netcensus_http)_/m);
});

Deno.test("GET /probe is told the whole query, and shows nothing of enrichers", async () => {
  const asked: string[] = [];
  await using serving = probed({
    probe: (query) => {
      asked.push(String(query));
      return Promise.resolve(fakeCollector("houses"));
    },
    figures: () => new Map([["mine", [{ name: "figures", type: "gauge", help: "", value: 1 }]]]),
  });
  assert.doesNotMatch(await serving.text("/probe?target=%5B::1%5D:80&auth=a&x"), /netcensus_figures/);
  assert.deepEqual(asked, ["target=%5B%3A%3A1%5D%3A80&auth=a&x="]);
});

Deno.test("GET /metrics shows nothing of targets that were asked about", async () => {
  await using serving = probed();
  await serving.text("/probe?target=red");
  assert.doesNotMatch(await serving.text("/metrics"), /probed_rooms|houses/);
});

Deno.test("HEAD /probe is answered without content", async () => {
  await using serving = probed();
  const response = await serving.fetch("/probe?target=red", { method: "HEAD" });
  assert.deepEqual([response.status, await response.text()], [200, ""]);
});

Deno.test("POST /probe is answered 405 and asks about nothing", async () => {
  await using serving = probed({ probe: () => assert.fail("Nobody is to be asked about") });
  assert.equal(await serving.status("/probe?target=red", { method: "POST" }), 405);
});

for (const status of [400, 403, 404, 502, 503] as const) {
  Deno.test(`GET /probe is answered ${status} with the reason when the target is not to be asked`, async () => {
    const error = new ProbeError(status, "Not this one");
    await using serving = probed({ probe: () => Promise.reject(error) });
    const response = await serving.fetch("/probe?target=red");
    assert.deepEqual([response.status, await response.text()], [status, "Not this one\n"]);
    assert.deepEqual(serving.logged, []);
  });
}

Deno.test("GET /probe is answered 500 without the reason when it fails otherwise", async () => {
  await using serving = probed({ probe: () => Promise.reject(new Error("hunter2")) });
  const response = await serving.fetch("/probe?target=red");
  assert.deepEqual([response.status, await response.text()], [500, "Internal error\n"]);
});

Deno.test("GET /probe of a target that fails is answered 200 with its success", async () => {
  const collector = fakeCollector("houses", { success: false, lastError: "It burns" });
  await using serving = probed({ probe: () => Promise.resolve(collector) });
  assert.match(
    await serving.text("/probe?target=red"),
    /^netcensus_collector_success\{collector="houses"\} 0$/m,
  );
});

/** A collector that takes until it is let go. */
function slowly() {
  const gate = Promise.withResolvers<void>(), begun = Promise.withResolvers<void>();
  const collect = () => {
    begun.resolve();
    return gate.promise;
  };
  return { slow: fakeCollector("slow", { collect }), begun: begun.promise, letGo: () => gate.resolve() };
}

Deno.test("GET /probe is answered 503 when another is all that may be answered at a time", async () => {
  const { slow, begun, letGo } = slowly();
  await using serving = probed({ maxRequests: 1, probe: () => Promise.resolve(slow) });
  const answered = serving.status("/probe");
  await begun;
  assert.equal(await serving.status("/probe"), 503);
  letGo();
  assert.deepEqual([await answered, await serving.status("/probe")], [200, 200]);
});

Deno.test("GET /metrics is answered while as many probes are answered as may be", async () => {
  const { slow, begun, letGo } = slowly();
  await using serving = probed({ maxRequests: 1, probe: () => Promise.resolve(slow) });
  const answered = serving.status("/probe");
  await begun;
  assert.equal(await serving.status("/metrics"), 200);
  letGo();
  assert.equal(await answered, 200);
});

Deno.test("GET /probe is counted with its path", async () => {
  await using serving = probed({ own: new ProcessMetrics() });
  await serving.status("/probe?target=red");
  assert(
    (await serving.text("/metrics")).includes('netcensus_http_requests_total{path="/probe",code="200"} 1\n'),
  );
});
