import assert from "node:assert/strict";
import { RouterError } from "../../../collectors/mikrotik/errors.ts";
import { type Link, openLink } from "../../../collectors/mikrotik/link.ts";
import type { Tls } from "../../../collectors/mikrotik/settings.ts";
import { fingerprintOf, pairOf, tlsFile } from "./certificates.ts";

const HELLO = new TextEncoder().encode("hello");

/** An end of TCP that does with each connection what it is told to. */
class Peer implements AsyncDisposable {
  readonly #listener: Deno.Listener<Deno.TcpConn> | Deno.TlsListener;
  readonly #connections = new Set<Deno.Conn>();
  readonly #running: Promise<void>[] = [];

  constructor(serve: (connection: Deno.Conn) => Promise<void>, certificate?: string) {
    const at = { hostname: "127.0.0.1", port: 0 };
    this.#listener = certificate === undefined
      ? Deno.listen(at)
      : Deno.listenTls({ ...at, ...pairOf(certificate) });
    this.#running.push(this.#accept(serve));
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) close(connection);
    await Promise.all(this.#running);
  }

  async #accept(serve: (connection: Deno.Conn) => Promise<void>): Promise<void> {
    try {
      for (;;) {
        const connection = await this.#listener.accept();
        this.#connections.add(connection);
        this.#running.push(serve(connection).catch(() => {}).finally(() => close(connection)));
      }
    } catch {
      // It was closed.
    }
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It was closed before.
  }
}

/** Sends back what it receives, and counts it. */
class Echo {
  received = 0;

  async serve(connection: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    for (let count; (count = await connection.read(buffer)) !== null;) {
      this.received += count;
      for (let at = 0; at < count;) at += await connection.write(buffer.subarray(at, count));
    }
  }
}

/** Hands on to a port what it receives, and what comes from there some time later. */
function late(port: number): (connection: Deno.Conn) => Promise<void> {
  return async (outside) => {
    using inside = await Deno.connect({ hostname: "127.0.0.1", port });
    const inward = outside.readable.pipeTo(inside.writable, { preventClose: true, preventCancel: true });
    inward.catch(() => {});
    const buffer = new Uint8Array(65_536);
    for (let count; (count = await inside.read(buffer)) !== null;) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      for (let at = 0; at < count;) at += await outside.write(buffer.subarray(at, count));
    }
  };
}

const NONE: Tls = { ca_file: undefined, fingerprint: undefined, insecure: false };
const CA: Tls = { ...NONE, ca_file: tlsFile("ca.pem") };
const INSECURE: Tls = { ...NONE, insecure: true };
const pinned = (fingerprint: string): Tls => ({ ...NONE, fingerprint });
const OTHER_PIN = pinned(fingerprintOf("other_name"));

async function linkTo(port: number, tls: Tls | undefined, host = "127.0.0.1", ms = 5000): Promise<Link> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(new RouterError("timeout", "It is late")), ms);
  try {
    return await openLink({ endpoint: { host, port }, tls }, deadline.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** What comes back of what is sent. */
async function echoed(link: Link, sent: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const back = new Uint8Array(sent.length), writing = link.write(sent);
  for (let at = 0; at < back.length;) at += (await link.read(back.subarray(at)))!;
  await writing;
  return back;
}

const TRUSTED: readonly (readonly [
  what: string,
  certificate: string | undefined,
  tls?: Tls | undefined,
  host?: string,
])[] = [
  ["plain TCP", undefined],
  ["plain TCP to a name", undefined, undefined, "localhost"],
  ["a certificate of an authority, for the address", "router", CA],
  ["a certificate of an authority, for the name", "router", CA, "localhost"],
  ["a fingerprint with colons", "router", pinned(fingerprintOf("router"))],
  ["a fingerprint with colons, to a name", "router", pinned(fingerprintOf("router")), "localhost"],
  ["a fingerprint without colons", "router", pinned(fingerprintOf("router").replaceAll(":", ""))],
  ["a fingerprint in lower case", "router", pinned(fingerprintOf("router").toLowerCase())],
  [
    "the fingerprint of a certificate signed by itself",
    "self_signed",
    pinned(fingerprintOf("self_signed")),
  ],
  ["the fingerprint of a certificate without names", "router_cn", pinned(fingerprintOf("router_cn"))],
  ["the fingerprint of a certificate of another name", "other_name", OTHER_PIN],
  ["any certificate, if it is signed by itself", "self_signed", INSECURE],
  ["any certificate, if it is of another name", "other_name", INSECURE],
];

for (const [what, certificate, tls, host] of TRUSTED) {
  Deno.test(`A link opens with ${what}`, async () => {
    const echo = new Echo();
    await using peer = new Peer((connection) => echo.serve(connection), certificate);
    const link = await linkTo(peer.port, tls, host);
    try {
      assert.equal(link.remote, "127.0.0.1");
      assert.deepEqual(await echoed(link, HELLO), HELLO);
    } finally {
      link.close();
    }
  });

  Deno.test(`A link opens with ${what}, though all that comes is late`, async () => {
    const echo = new Echo();
    await using peer = new Peer((connection) => echo.serve(connection), certificate);
    await using proxy = new Peer(late(peer.port));
    const link = await linkTo(proxy.port, tls, host);
    try {
      assert.deepEqual(await echoed(link, HELLO), HELLO);
    } finally {
      link.close();
    }
  });
}

interface Distrusted {
  readonly what: string;
  readonly certificate: string;
  readonly tls: Tls;
  readonly host?: string;
  readonly message: RegExp;
}

const DISTRUSTED: readonly Distrusted[] = [
  {
    what: "a certificate of another name, for an address",
    certificate: "other_name",
    tls: CA,
    message: /^Cannot trust 127\.0\.0\.1: .*not valid for name "127\.0\.0\.1".*other\.test/,
  },
  {
    what: "a certificate of another name, for a name",
    certificate: "other_name",
    tls: CA,
    host: "localhost",
    message: /^Cannot trust localhost: .*not valid for name "localhost".*other\.test/,
  },
  {
    what: "a certificate of another authority",
    certificate: "router",
    tls: { ...NONE, ca_file: tlsFile("other_ca.pem") },
    message: /^Cannot trust 127\.0\.0\.1: .*UnknownIssuer \(name its authority by ca_file, or/,
  },
  {
    what: "a certificate of no authority that is known",
    certificate: "router",
    tls: NONE,
    message: /UnknownIssuer \(name its authority by ca_file, or/,
  },
  {
    what: "a certificate whose name is in its subject alone",
    certificate: "router_cn",
    tls: CA,
    message: /^Cannot trust 127\.0\.0\.1: .*not valid for name "127\.0\.0\.1".*subjectAltName/,
  },
  {
    what: "a certificate signed by itself, given as its authority",
    certificate: "self_signed",
    tls: { ...NONE, ca_file: tlsFile("self_signed.pem") },
    message: /CaUsedAsEndEntity.* \(.*a certificate that is signed by itself by fingerprint\)$/,
  },
  {
    what: "the fingerprint of another certificate",
    certificate: "router",
    tls: OTHER_PIN,
    message: new RegExp(`^Cannot trust 127\\.0\\.0\\.1: its fingerprint is ${fingerprintOf("router")}$`),
  },
  {
    what: "the fingerprint of another certificate, if it is signed by itself",
    certificate: "self_signed",
    tls: OTHER_PIN,
    message: new RegExp(`its fingerprint is ${fingerprintOf("self_signed")}$`),
  },
];

for (const { what, certificate, tls, host, message } of DISTRUSTED) {
  Deno.test(`No link opens with ${what}, and nothing is sent`, async () => {
    const echo = new Echo();
    await using peer = new Peer((connection) => echo.serve(connection), certificate);
    await using proxy = new Peer(late(peer.port));
    for (const port of [peer.port, proxy.port]) {
      await assert.rejects(linkTo(port, tls, host), { kind: "tls", message });
    }
    assert.equal(echo.received, 0);
  });
}

for (const file of ["nothing.pem", "router.key"]) {
  Deno.test(`No link opens when there is no authority in ${file}`, async () => {
    await using peer = new Peer((connection) => new Echo().serve(connection), "router");
    await assert.rejects(linkTo(peer.port, { ...NONE, ca_file: tlsFile(file) }), {
      kind: "tls",
      message: /^Cannot read the ca_file: /,
    });
  });
}

const KINDS: readonly (readonly [what: string, tls: Tls])[] = [["an authority", CA], [
  "a fingerprint",
  pinned(fingerprintOf("router")),
], ["any certificate", INSECURE]];

for (const [what, tls] of KINDS) {
  // Deno before 2.7 closes no socket of node:tls before the end of its handshake.
  const ignore = tls.ca_file === undefined && Deno.version.deno.startsWith("2.6.");
  Deno.test(
    `A peer that is silent in the handshake is not waited for longer, with ${what}`,
    { ignore },
    async () => {
      const ends = Promise.withResolvers<void>();
      await using peer = new Peer(() => ends.promise);
      const start = performance.now();
      await assert.rejects(linkTo(peer.port, tls, "127.0.0.1", 100), {
        kind: "timeout",
        message: "It is late",
      });
      assert(performance.now() - start < 1500);
      ends.resolve();
    },
  );

  Deno.test(`A peer that closes in the handshake is not trusted, with ${what}`, async () => {
    await using peer = new Peer(async (connection) => {
      await connection.read(new Uint8Array(65_536));
    });
    await assert.rejects(linkTo(peer.port, tls), { kind: "tls", message: /^Cannot trust 127\.0\.0\.1: / });
  });

  Deno.test(`A peer that speaks no TLS is not trusted, with ${what}`, async () => {
    await using peer = new Peer(async (connection) => {
      await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
      await connection.read(new Uint8Array(65_536));
      await connection.read(new Uint8Array(65_536));
    });
    await assert.rejects(linkTo(peer.port, tls), { kind: "tls", message: /^Cannot trust 127\.0\.0\.1: / });
  });

  Deno.test(`A port that refuses is an error of connecting, with ${what}`, async () => {
    const peer = new Peer(() => Promise.resolve()), { port } = peer;
    await peer[Symbol.asyncDispose]();
    await assert.rejects(linkTo(port, tls), {
      kind: "connect",
      message: new RegExp(`^Cannot connect to 127\\.0\\.0\\.1, port ${port}: .*refused`, "i"),
    });
  });
}

for (const [what, tls] of [["plain TCP", undefined], ...KINDS] as const) {
  const certificate = tls && "router";

  Deno.test(`What waits fails when its link is closed, with ${what}`, async () => {
    await using peer = new Peer((connection) => new Echo().serve(connection), certificate);
    const link = await linkTo(peer.port, tls);
    const reading = link.read(new Uint8Array(10)).then((count) => count ?? "ended", () => "failed");
    link.close();
    assert.match(String(await reading), /^(?:failed|ended)$/);
    await assert.rejects(link.write(HELLO));
    link.close();
  });

  Deno.test(`The end of a link is told, with ${what}`, async () => {
    await using peer = new Peer(async (connection) => {
      await connection.write(HELLO);
    }, certificate);
    const link = await linkTo(peer.port, tls), into = new Uint8Array(100);
    assert.equal(await link.read(into), HELLO.length);
    assert.equal(await link.read(into).catch(() => null), null);
    link.close();
  });

  Deno.test(`Megabytes come through as they are, with ${what}`, async () => {
    await using peer = new Peer((connection) => new Echo().serve(connection), certificate);
    const link = await linkTo(peer.port, tls), sent = new Uint8Array(3_000_000).map((_, i) => i ^ (i >> 8));
    try {
      assert.deepEqual(await echoed(link, sent), sent);
    } finally {
      link.close();
    }
  });

  Deno.test(`No more is received than was read and the system keeps, with ${what}`, async () => {
    let sent = 0;
    const lastSent = { at: 0 };
    await using peer = new Peer(async (connection) => {
      const piece = new Uint8Array(65_536);
      for (;;) {
        sent += await connection.write(piece);
        lastSent.at = performance.now();
      }
    }, certificate);
    const link = await linkTo(peer.port, tls);
    try {
      await link.read(new Uint8Array(10));
      // Until it can send no more.
      while (performance.now() - lastSent.at < 100) await new Promise((resolve) => setTimeout(resolve, 10));
      assert.ok(sent < 40e6, `${sent} bytes`);
    } finally {
      link.close();
    }
  });

  Deno.test(`A link reads into what room there is, with ${what}`, async () => {
    await using peer = new Peer((connection) => new Echo().serve(connection), certificate);
    const link = await linkTo(peer.port, tls);
    try {
      await link.write(HELLO);
      const text = [], into = new Uint8Array(2);
      while (text.length < HELLO.length) text.push(...into.subarray(0, (await link.read(into))!));
      assert.deepEqual(new Uint8Array(text), HELLO);
    } finally {
      link.close();
    }
  });
}

Deno.test("No link opens when it is late already", async () => {
  const late = AbortSignal.abort(new RouterError("timeout", "It is late"));
  await using peer = new Peer((connection) => new Echo().serve(connection), "router");
  for (const tls of [undefined, CA, INSECURE]) {
    const endpoint = { host: "localhost", port: peer.port };
    await assert.rejects(openLink({ endpoint, tls }, late), { kind: "timeout", message: "It is late" });
  }
});
