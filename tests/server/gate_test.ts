import assert from "node:assert/strict";
import { hashSync } from "bcryptjs";
import type { WebConfig } from "../../core/web_config.ts";
import { ProcessMetrics } from "../../server/own_metrics.ts";
import type { ServerOptions } from "../../server/server.ts";
import { Serving } from "./serving.ts";

const OPEN: WebConfig = { certificate: undefined, users: new Map(), headers: {}, rateLimit: undefined };
const ADA: WebConfig = { ...OPEN, users: new Map([["ada", hashSync("secret", 4)]]) };
const RIGHT = { headers: { authorization: `Basic ${btoa("ada:secret")}` } };
const WRONG = { headers: { authorization: `Basic ${btoa("ada:wrong")}` } };

async function guarded(config: WebConfig, options: Partial<ServerOptions> = {}): Promise<Serving> {
  const serving = new Serving(options);
  await serving.server.guard(config);
  return serving;
}

const PATHS = [
  "/",
  "/metrics",
  "/probe",
  "/config",
  "/health",
  "/-/healthy",
  "/-/ready",
  "/-/reload",
  "/nothing",
];

for (const path of PATHS) {
  Deno.test(`${path} is for users only when there are users`, async () => {
    await using serving = await guarded(ADA);
    for (const init of [{}, WRONG, { ...WRONG, method: "POST" }]) {
      const response = await serving.fetch(path, init);
      assert.deepEqual([response.status, await response.text()], [401, "Unauthorized\n"]);
      assert.equal(response.headers.get("www-authenticate"), 'Basic realm="netcensus", charset="UTF-8"');
    }
    await using open = new Serving();
    assert.equal(await serving.status(path, RIGHT), await open.status(path));
  });
}

Deno.test("a reload is not made for somebody unknown", async () => {
  let reloads = 0;
  const reload = () => {
    reloads++;
    return Promise.resolve({ isGood: true, lines: [] });
  };
  await using serving = await guarded(ADA, { reload });
  assert.equal(await serving.status("/-/reload", { method: "POST" }), 401);
  assert.equal(reloads, 0);
  assert.equal(await serving.status("/-/reload", { method: "POST", ...RIGHT }), 200);
  assert.equal(reloads, 1);
});

Deno.test("requests that are refused are counted", async () => {
  await using serving = await guarded(ADA, { own: new ProcessMetrics() });
  for (const path of ["/metrics", "/secret"]) await serving.status(path);
  const metrics = await serving.text("/metrics", RIGHT);
  assert.match(metrics, /^netcensus_http_requests_total\{path="\/metrics",code="401"\} 1$/m);
  assert.match(metrics, /^netcensus_http_requests_total\{path="other",code="401"\} 1$/m);
});

Deno.test("users are exchanged while it serves", async () => {
  await using serving = await guarded(ADA);
  assert.equal(await serving.status("/metrics", RIGHT), 200);
  assert.equal(await serving.server.guard({ ...ADA }), false);
  const changed = { ...OPEN, users: new Map([["ada", hashSync("wrong", 4)]]) };
  assert.equal(await serving.server.guard(changed), true);
  assert.deepEqual([await serving.status("/metrics", RIGHT), await serving.status("/metrics", WRONG)], [
    401,
    200,
  ]);
  assert.equal(await serving.server.guard(undefined), true);
  assert.equal(await serving.server.guard(undefined), false);
  assert.equal(await serving.status("/metrics"), 200);
});

Deno.test("guesses beyond those that wait are answered 503", async () => {
  await using serving = await guarded({ ...OPEN, users: new Map([["ada", hashSync("secret", 9)]]) });
  const guesses = Array.from({ length: 60 }, (_, i) => {
    return serving.fetch("/", { headers: { authorization: `Basic ${btoa(`ada:${i}`)}` } });
  });
  const texts = await Promise.all(guesses.map(async (guess) => (await guess).text()));
  const statuses = new Set((await Promise.all(guesses)).map(({ status }) => status));
  assert.deepEqual([...statuses].toSorted(), [401, 503]);
  assert(texts.includes("Too many passwords wait to be checked, try again later\n"));
});

Deno.test("every answer has the headers that are configured", async () => {
  const headers = { "X-Frame-Options": "deny", "Strict-Transport-Security": "max-age=1" };
  await using serving = await guarded({ ...ADA, headers });
  const answers = [["/", {}, 401], ["/", RIGHT, 200], ["/metrics", RIGHT, 200], ["/nothing", RIGHT, 404], [
    "/metrics",
    { ...RIGHT, method: "PUT" },
    405,
  ]] as const;
  for (const [path, init, status] of answers) {
    const response = await serving.fetch(path, init);
    await response.body?.cancel();
    assert.equal(response.status, status, path);
    for (const [name, value] of Object.entries(headers)) {
      assert.equal(response.headers.get(name), value, path);
    }
  }
});

Deno.test("requests beyond the limit are answered 429, whoever asks", async () => {
  await using serving = await guarded({ ...ADA, rateLimit: { interval: 3600, burst: 3 } });
  const init = [RIGHT, {}, RIGHT, RIGHT, {}];
  const statuses = [];
  for (const each of init) statuses.push(await serving.status("/", each));
  assert.deepEqual(statuses, [200, 401, 200, 429, 429]);
});

Deno.test("after each interval one request more is answered", async () => {
  await using serving = await guarded({ ...OPEN, rateLimit: { interval: 0.2, burst: 1 } });
  assert.deepEqual([await serving.status("/"), await serving.status("/")], [200, 429]);
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.deepEqual([await serving.status("/"), await serving.status("/")], [200, 429]);
});
