import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import type { Literal } from "../../core/node.ts";
import { portOf, send } from "../collectors/netflow_receivers.ts";
import { metricOf } from "../helpers/collecting.ts";
import { Exporter, run, seriesOf } from "../helpers/exporter.ts";
import { freeUdpPort } from "../helpers/free_port.ts";
import { netflowV5 } from "../helpers/netflow_v5.ts";
import { RouterSimulator, type SimulatorOptions } from "../helpers/routeros/simulator.ts";
import { smallRouter } from "../helpers/routeros/tables.ts";
import { until } from "../helpers/waiting.ts";

const USER = "prometheus", PASSWORD = "secret";
const SMALL = smallRouter();
/** How many connections the small router has. */
const ROWS = ["/ip/firewall/connection", "/ipv6/firewall/connection"]
  .reduce((sum, menu) => sum + (SMALL[menu] as readonly unknown[]).length, 0);
const TLS = new URL("../testdata/tls/", import.meta.url).pathname;
const ROUTER_TLS = {
  cert: Deno.readTextFileSync(`${TLS}router.pem`),
  key: Deno.readTextFileSync(`${TLS}router.key`),
};

const FINGERPRINT = new X509Certificate(ROUTER_TLS.cert).fingerprint256;

/** Writes a file that everybody may read, for as long as the body runs. */
async function withFile<T>(content: string, body: (path: string) => Promise<T>): Promise<T> {
  const path = await Deno.makeTempFile({ suffix: ".yml" });
  try {
    await Deno.writeTextFile(path, content);
    await Deno.chmod(path, 0o644);
    return await body(path);
  } finally {
    await Deno.remove(path);
  }
}

/** Runs the program with settings of the collector, and further ones beside it. */
async function withSettings(
  mikrotik: Literal,
  body: (exporter: Exporter) => Promise<void>,
  more: {
    readonly collectors?: Readonly<Record<string, Literal>>;
    readonly [key: string]: Literal | undefined;
  } = {},
): Promise<void> {
  const { collectors, ...rest } = more;
  const configuration = { collectors: { disable_defaults: true, mikrotik, ...collectors }, ...rest };
  await withFile(JSON.stringify(configuration), async (path) => {
    await using exporter = await Exporter.start([`--config.file=${path}`]);
    await body(exporter);
  });
}

async function scrape(exporter: Exporter, path = "/metrics"): Promise<Map<string, number>> {
  return seriesOf(await exporter.get(path));
}

function routerAt({ address }: { address: string }, more: Readonly<Record<string, Literal>> = {}): Literal {
  return { address, username: USER, password: PASSWORD, interval: "1s", ...more };
}

function environmentOf(simulator: RouterSimulator): Record<string, string> {
  return {
    MIKROTIK_ROUTER_ADDRESS: "127.0.0.1",
    MIKROTIK_ROUTER_PORT: String(simulator.port),
    MIKROTIK_ROUTER_USERNAME: USER,
    MIKROTIK_ROUTER_PASSWORD: PASSWORD,
  };
}

Deno.test("the environment of mikrotik-active-connections-exporter switches one router on", async () => {
  await using simulator = await RouterSimulator.start();
  await using exporter = await Exporter.start(["--collector.disable-defaults"], {
    env: environmentOf(simulator),
  });
  const series = await scrape(exporter);
  assert.equal(series.get("mikrotik_total_connections"), ROWS);
  assert.equal(series.get("mikrotik_up"), 1);
  const connections = metricOf(series, "mikrotik_connection");
  assert.equal(Object.values(connections).reduce((sum, value) => sum + value, 0), ROWS);
  const names = Object.keys(connections)[0]!.match(/\w+(?==")/g)!.sort();
  assert.deepEqual(names, [
    "city",
    "country",
    "dst_address",
    "latitude",
    "longitude",
    "protocol",
    "src_address",
  ]);
  const github = Object.keys(connections).find((labels) => labels.includes('src_address="185.199.108.153"'))!;
  assert.match(github, /country="United States",city="-",latitude="-",longitude="-"/);
});

Deno.test("a router that is slow, dead or hostile disturbs no other", async () => {
  await using good = await RouterSimulator.start();
  await using other = await RouterSimulator.start();
  await using stalling = await RouterSimulator.start({ fault: { kind: "stall", on: "login" } });
  await using dripping = await RouterSimulator.start({ chunk: 1, delay: 50 });
  await using hostile = await RouterSimulator.start({ fault: { kind: "random", after: 2 } });
  const routers = Object.entries({ good, other, stalling, dripping, hostile })
    .map(([name, simulator]) => routerAt(simulator, { name }));
  const dead = routerAt({ address: "127.0.0.1:9" }, { name: "dead" });
  await withSettings({ routers: [...routers, dead] }, async (exporter) => {
    const start = performance.now(), series = await scrape(exporter), took = performance.now() - start;
    assert.deepEqual(metricOf(series, "mikrotik_total_connections"), {
      '{router="good"}': ROWS,
      '{router="other"}': ROWS,
    });
    const up = metricOf(series, "mikrotik_up");
    assert.equal(up['{router="good"}'], 1);
    assert.equal(up['{router="dead"}'], 0);
    assert.equal(series.get('netcensus_collector_success{collector="mikrotik"}'), 0);
    // It waits a second for those that have not answered yet.
    assert.ok(took < 5000, `${took} ms`);
    await until(async () => good.commands.length > 20 && (await scrape(exporter)).size > 0);
    assert.equal(good.logins, 1);
  });
});

Deno.test("several routers have a label each, and with it their shares of what does not fit", async () => {
  await using first = await RouterSimulator.start();
  await using second = await RouterSimulator.start();
  const routers = [routerAt(first, { name: "first" }), routerAt(second, { name: "second" })];
  const rules = [{ name: "mikrotik_connection", max_series: 10 }];
  await withSettings({ routers }, async (exporter) => {
    const connections = metricOf(await scrape(exporter), "mikrotik_connection");
    assert.ok(Object.keys(connections).length <= 10);
    assert.equal(Object.values(connections).reduce((sum, value) => sum + value, 0), 2 * ROWS);
    const other = Object.keys(connections).filter((labels) => labels.includes('router="other"'));
    assert.equal(other.length, 1);
  }, { rules });
});

Deno.test("a new password in its file needs no restart", async () => {
  await using simulator = await RouterSimulator.start({ users: { [USER]: "new" } });
  await withFile("old\n", async (password_file) => {
    const router = { address: simulator.address, username: USER, password_file, interval: "1s" };
    await withSettings({ routers: [router] }, async (exporter) => {
      const before = await scrape(exporter);
      assert.equal(before.get("mikrotik_up"), 0);
      assert.equal(before.get('mikrotik_errors_total{error="login"}'), 1);
      assert.equal(before.has("mikrotik_total_connections"), false);
      await Deno.writeTextFile(password_file, "new\n");
      await until(async () => (await scrape(exporter)).get("mikrotik_up") === 1);
      assert.equal((await scrape(exporter)).get("mikrotik_total_connections"), ROWS);
    });
  });
});

const TLS_SETTINGS: Readonly<Record<string, (authority: string) => Literal>> = {
  "an authority": (ca_file) => ({ ca_file }),
  "a fingerprint": () => ({ fingerprint: FINGERPRINT }),
  "no questions": () => ({ insecure: true }),
};

for (const [what, tlsWith] of Object.entries(TLS_SETTINGS)) {
  Deno.test(`a router is read over TLS with ${what}`, async () => {
    await using simulator = await RouterSimulator.start({ tls: ROUTER_TLS });
    await withFile(Deno.readTextFileSync(`${TLS}ca.pem`), async (authority) => {
      await withSettings(
        { routers: [routerAt(simulator, { tls: tlsWith(authority) })] },
        async (exporter) => {
          assert.equal((await scrape(exporter)).get("mikrotik_total_connections"), ROWS);
        },
      );
    });
  });
}

Deno.test("a router whose fingerprint is another one is told nothing", async () => {
  await using simulator = await RouterSimulator.start({ tls: ROUTER_TLS });
  const tls = { fingerprint: "00".repeat(32) };
  await withSettings({ routers: [routerAt(simulator, { tls })] }, async (exporter) => {
    const series = await scrape(exporter);
    assert.equal(series.get("mikrotik_up"), 0);
    assert.equal(series.get('mikrotik_errors_total{error="tls"}'), 1);
    assert.deepEqual(simulator.commands, []);
  });
});

const PROBE: Literal = {
  credentials: { default: { username: USER, password: PASSWORD }, wrong: { username: USER, password: "x" } },
  allow: ["127.0.0.1"],
};

/** The port of a simulator is none of those that are allowed unwritten. */
function probeOf(simulator: RouterSimulator): Literal {
  return { ...PROBE as Record<string, Literal>, allow: [`127.0.0.1:${simulator.port}`] };
}

Deno.test("/probe shows the metrics of the router that it is asked about", async () => {
  await using simulator = await RouterSimulator.start();
  await withSettings({ probe: probeOf(simulator) }, async (exporter) => {
    const path = `/probe?target=${simulator.address}`;
    const series = await scrape(exporter, path);
    assert.equal(series.get("mikrotik_total_connections"), ROWS);
    assert.equal(series.get("mikrotik_up"), 1);
    assert.equal([...series.keys()].some((key) => key.startsWith("process_")), false);
    const wrong = await scrape(exporter, `${path}&auth=wrong`);
    assert.equal(wrong.get("mikrotik_up"), 0);
    assert.equal(wrong.has("mikrotik_total_connections"), false);
    // What is probed is no part of the other metrics.
    assert.equal((await scrape(exporter)).has("mikrotik_up"), false);
    await until(async () => (await scrape(exporter, path)).get("mikrotik_up") === 1);
    assert.equal(simulator.logins, 1);
  });
});

const REFUSALS: Readonly<Record<string, number>> = {
  "": 400,
  "?target=": 400,
  "?target=no%20host": 400,
  "?target=127.0.0.1:8728&auth=nobody": 400,
  "?target=127.0.0.2": 403,
  "?target=127.0.0.1:22": 403,
  "?target=169.254.169.254": 403,
  "?target=localhost.invalid": 502,
};

Deno.test("/probe says why it does not ask", async () => {
  await withSettings({ probe: PROBE }, async (exporter) => {
    for (const [query, status] of Object.entries(REFUSALS)) {
      const response = await fetch(`${exporter.url}/probe${query}`);
      assert.equal(response.status, status, query);
      assert.ok((await response.text()).length > 10);
    }
  });
});

Deno.test("/probe is not there without a collector that can be asked", async () => {
  await using exporter = await Exporter.start(["--collector.disable-defaults"]);
  const response = await fetch(`${exporter.url}/probe?target=127.0.0.1`);
  assert.equal(response.status, 404);
  await response.body?.cancel();
});

for (const workers of [1, 2]) {
  Deno.test(`flows have the names of interfaces that their router tells, with ${workers} threads`, async () => {
    await using simulator = await RouterSimulator.start();
    const netflow = { listen_address: ["127.0.0.1:0"], workers: 1 } as Record<string, Literal>;
    if (workers > 1) Object.assign(netflow, { workers, listen_address: [`127.0.0.1:${freeUdpPort()}`] });
    const rules = [{
      name: "interface_bytes_total",
      source: "netflow",
      value: "bytes",
      labels: [{ name: "input", field: ["exporter", "input_interface"], steps: ["interface_mapper"] }],
    }];
    await withSettings({ routers: [routerAt(simulator)] }, async (exporter) => {
      await until(async () => (await scrape(exporter)).get("mikrotik_up") === 1);
      const port = await portOf(exporter);
      await until(async () => {
        await send([netflowV5([{ bytes: 1000, input: 1 }])], port);
        const series = metricOf(await scrape(exporter), "interface_bytes_total");
        return (series['{input="ether1"}'] ?? 0) > 0;
      });
    }, { collectors: { netflow }, rules });
  });
}

Deno.test("a password is shown nowhere", async () => {
  const password = "hunter2-not-to-be-seen";
  const echo = { kind: "fatal", on: "login", reason: `your password is ${password}` } as const;
  const users = { [USER]: password };
  await using good = await RouterSimulator.start({ users });
  await using hostile = await RouterSimulator.start({ users, fault: echo } as Partial<SimulatorOptions>);
  const routers = [
    routerAt(good, { name: "good", password }),
    routerAt(hostile, { name: "hostile", password }),
  ];
  const probe = { credentials: { default: { username: USER, password } }, allow: ["127.0.0.1"] };
  const configuration = JSON.stringify({
    collectors: { mikrotik: { routers, probe } },
    log: { level: "debug" },
  });
  await withFile(configuration, async (path) => {
    const { stdout, stderr } = await run(["check", `--config.file=${path}`]);
    await using exporter = await Exporter.start([`--config.file=${path}`]);
    await until(async () => (await scrape(exporter)).get('mikrotik_up{router="hostile"}') === 0);
    const pages = await Promise.all(
      ["/", "/config", "/metrics", "/probe?target=127.0.0.1"].map((page) => exporter.get(page)),
    );
    assert.match(pages[1]!, /password: <secret>/);
    for (const text of [stdout, stderr, ...pages, ...exporter.lines]) {
      assert.ok(!text.includes("hunter2"), text);
    }
    assert.ok(exporter.lines.some((line) => line.includes("your password is <secret>")));
  });
});

Deno.test("check says what is wrong with routers, and quotes no secret", async () => {
  const yaml = `collectors:
  mikrotik:
    routers:
      - {address: 192.0.2.1, username: a, password: [hunter2]}
      - {address: "192.0.2.1:70000", username: a}
      - {address: 192.0.2.1}
      - {address: 192.0.2.1, username: a, tls: {insecure: true, fingerprint: abc}}
`;
  await withFile(yaml, async (path) => {
    const { code, stderr } = await run(["check", `--config.file=${path}`]);
    assert.equal(code, 1);
    assert.deepEqual(
      stderr.replaceAll(path, "FILE").trim().split("\n").map((line) => line.split(" not ")[0]),
      [
        "FILE:4:53: Expected a secret text,",
        "FILE:5:19: Expected an address such as 192.0.2.1, router.example:8728 or [2001:db8::1]:8728,",
        'FILE:6:9: The key "username" is missing',
        'FILE:7:9: The router "192.0.2.1" is there twice',
        "FILE:7:78: Expected the SHA-256 fingerprint of a certificate: 64 hexadecimal digits, with colons or without,",
      ],
    );
    assert.ok(!stderr.includes("hunter2"));
  });
});

Deno.test("mikrotik without a router is a mistake of the configuration", async () => {
  const { code, stderr } = await run(["check", "--collector.mikrotik"]);
  assert.equal(code, 1);
  assert.match(stderr, /mikrotik: Neither "routers" nor "probe" says whom to ask/);
});
