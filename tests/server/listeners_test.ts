import assert from "node:assert/strict";
import { Exporter } from "../helpers/exporter.ts";
import { once } from "node:events";
import { setImmediate } from "node:timers";
import { connect } from "node:tls";
import type { Certificate, WebConfig } from "../../core/web_config.ts";
import { Serving } from "./serving.ts";
import { pause, until } from "../helpers/waiting.ts";

const TLS = new URL("../testdata/tls/", import.meta.url);
const text = (name: string) => Deno.readTextFileSync(new URL(name, TLS));
const pair = (name: string): Certificate => ({ cert: text(`${name}.pem`), key: text(`${name}.key`) });

function secured(certificate: Certificate | undefined): WebConfig {
  return { certificate, users: new Map(), headers: {}, rateLimit: undefined };
}

/** The name in the certificate that is shown there. */
async function nameAt(port: number): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  await once(socket, "close");
  return String(CN);
}

/** A client that trusts the authority of the certificates. */
function client(): Deno.HttpClient {
  return Deno.createHttpClient({ caCerts: [text("ca.pem")], poolMaxIdlePerHost: 0 });
}

Deno.test("the metrics are served by TLS with the certificate that is configured", async () => {
  await using serving = new Serving();
  await serving.server.guard(secured(pair("router")));
  const { port } = serving.addresses[0]!;
  using trusting = client();
  const response = await fetch(`https://127.0.0.1:${port}/metrics`, { client: trusting });
  assert.match(await response.text(), /^netcensus_build_info/m);
  await assert.rejects(fetch(`http://127.0.0.1:${port}/metrics`));
});

Deno.test("another certificate is shown at the same port, and none again", async () => {
  await using serving = new Serving();
  const { port } = serving.addresses[0]!;
  for (
    const [name, common] of [["router", "router.test"], ["other_name", "other.test"], [
      "router",
      "router.test",
    ]]
  ) {
    assert.equal(await serving.server.guard(secured(pair(name!))), true);
    assert.equal(await nameAt(port), common);
  }
  assert.equal(await serving.server.guard(undefined), true);
  assert.equal(await serving.status("/metrics"), 200);
});

Deno.test("what is being answered when the certificate is exchanged is answered", async () => {
  const asked = Promise.withResolvers<void>(), shown = Promise.withResolvers<string>();
  const configuration = () => {
    asked.resolve();
    return shown.promise;
  };
  await using serving = new Serving({ configuration });
  await serving.server.guard(secured(pair("router")));
  const { port } = serving.addresses[0]!;
  using trusting = client();
  const answer = fetch(`https://127.0.0.1:${port}/config`, { client: trusting });
  await asked.promise;
  await serving.server.guard(secured(pair("other_name")));
  assert.equal(await nameAt(port), "other.test");
  shown.resolve("log: {}\n");
  assert.equal(await (await answer).text(), "log: {}\n");
});

Deno.test("with the same certificate its connections go on", async () => {
  await using serving = new Serving();
  await serving.server.guard(secured(pair("router")));
  const { hostname, port } = serving.addresses[0]!;
  using connection = await Deno.connectTls({ hostname, port, caCerts: [text("ca.pem")] });
  const ask = async () => {
    await connection.write(new TextEncoder().encode("GET /-/healthy HTTP/1.1\r\nhost: router.test\r\n\r\n"));
    const bytes = new Uint8Array(1000), count = await connection.read(bytes);
    return new TextDecoder().decode(bytes.subarray(0, count ?? 0));
  };
  assert.match(await ask(), /^HTTP\/1\.1 200 OK\r\n/);
  await serving.server.guard({ ...secured(pair("router")), headers: { "X-Frame-Options": "deny" } });
  assert.match(await ask(), /^HTTP\/1\.1 200 OK\r\n[^]*x-frame-options: deny\r\n/i);
});

/** Takes the port as soon as the server lets go of it, to listen anew. */
async function snatch({ hostname, port }: Deno.NetAddr): Promise<Deno.TcpListener> {
  for (let i = 0; i < 10_000; i++) {
    try {
      return Deno.listen({ hostname, port });
    } catch {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  throw new Error(`Cannot get the port ${port}`);
}

Deno.test("where somebody else listens for a moment, it listens when that is over", async () => {
  await using serving = new Serving();
  const [place] = serving.addresses as [Deno.NetAddr];
  const guarded = serving.server.guard(secured(pair("router")));
  const other = await snatch(place);
  setTimeout(() => other.close(), 50);
  assert.equal(await guarded, true);
  assert.equal(await nameAt(place.port), "router.test");
});

Deno.test("where somebody else keeps the port, it listens when that is given up", async () => {
  await using serving = new Serving();
  const [place] = serving.addresses as [Deno.NetAddr];
  const guarded = serving.server.guard(secured(pair("router")));
  const other = await snatch(place);
  assert.equal(await guarded, true);
  assert.match(serving.logged.join(""), /msg="Cannot listen"/);
  other.close();
  await until(async () => await nameAt(place.port).catch(() => "") === "router.test");
});

Deno.test("it listens again when there were no file descriptors for a while", async () => {
  await using exporter = await Exporter.start([]);
  const { port } = new URL(exporter.url), connections: Deno.TcpConn[] = [];
  const limit = (files: number) =>
    new Deno.Command("prlimit", { args: [`--pid=${exporter.pid}`, `--nofile=${files}:`] }).output();
  await limit([...Deno.readDirSync(`/proc/${exporter.pid}/fd`)].length + 5);
  while (!exporter.lines.some((line) => line.includes('msg="Cannot take connections"'))) {
    connections.push(await Deno.connect({ port: Number(port) }).catch(() => pause(20)) as Deno.TcpConn);
    if (connections.length > 1000) throw new Error("Expected no room for so many");
  }
  for (const connection of connections) connection?.close();
  await limit(1000);
  await until(async () => (await exporter.get("/-/healthy").catch(() => "")) === "netcensus is healthy\n");
});
