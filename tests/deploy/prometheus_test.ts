/** What deploy/prometheus has for Prometheus, checked by promtool and used by a real Prometheus. */
import assert from "node:assert/strict";
import { parse, parseAllDocuments } from "yaml";
import { Exporter } from "../helpers/exporter.ts";
import { eventually } from "../helpers/program_host.ts";
import { RouterSimulator } from "../helpers/routeros/simulator.ts";
import { program, testWith } from "../helpers/skip.ts";
import { TempFile } from "../helpers/temp_file.ts";
import { PrometheusServer } from "../helpers/prometheus_server.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const DEPLOY = `${ROOT}deploy/prometheus/`;
const ALERTS = `${DEPLOY}rules/netcensus.alerts.yml`, RECORDING = `${DEPLOY}rules/netcensus.recording.yml`;
const ALERT_TESTS = `${ROOT}tests/deploy/netcensus.alerts.test.yml`;
const RUNBOOKS = "docs/prometheus.md";

const CONFIGURATIONS = [...Deno.readDirSync(DEPLOY)].map(({ name }) => name)
  .filter((name) => /^prometheus\..*\.yml$/.test(name));

// deno-lint-ignore no-explicit-any -- promtool knows what is in it
type Yaml = any;

async function read(path: string): Promise<Yaml> {
  return parse(await Deno.readTextFile(path));
}

async function promtool(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("promtool", { args }).output();
  const [out = "", problems = ""] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert(success, `promtool ${args.join(" ")}: ${problems}${out}`);
  return out;
}

function testPromtool(name: string, fn: () => Promise<void>): void {
  testWith({ name, needs: program("promtool"), fn });
}

/** A configuration that finds its rules and targets wherever it is. */
async function movable(name: string): Promise<Yaml> {
  const text = JSON.stringify(await read(DEPLOY + name));
  return JSON.parse(text.replaceAll(/"((?:rules|targets)\/[^"]*)"/g, `"${DEPLOY}$1"`));
}

type Labels = Readonly<Record<string, string>>;

/** With targets as a service discovery of Prometheus has them, but in a file: Debian's does not know Kubernetes. */
async function withTargets<T>(
  name: string,
  targets: readonly Labels[],
  body: (path: string) => Promise<T>,
): Promise<T> {
  const { scrape_configs: [{ kubernetes_sd_configs: _k, dns_sd_configs: _d, ...job }], ...rest } =
    await movable(name);
  const entries = targets.map(({ __address__, ...labels }) => ({ targets: [__address__], labels }));
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/targets.json`, JSON.stringify(entries));
    const scrape_configs = [{ ...job, file_sd_configs: [{ files: [`${folder}/targets.json`] }] }];
    await Deno.writeTextFile(`${folder}/prometheus.yml`, JSON.stringify({ ...rest, scrape_configs }));
    return await body(`${folder}/prometheus.yml`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What Prometheus would scrape, with the labels that it would give, by address; promtool tells of some twice. */
async function scraped(path: string): Promise<Labels[]> {
  const found = JSON.parse(
    await promtool("check", "service-discovery", path, "netcensus", "--timeout=500ms"),
  );
  const targets = new Map<string, Labels>();
  for (const { labels = {} } of found as readonly { readonly labels?: Labels }[]) {
    const own = Object.entries(labels).filter(([name]) => !/^__(scheme|scrape|metrics)|^job$/.test(name));
    if (own.length > 0) targets.set(labels["__address__"]!, Object.fromEntries(own));
  }
  return [...targets].toSorted(([a], [b]) => a < b ? -1 : 1).map(([, labels]) => labels);
}

testPromtool("promtool has nothing to say of the rules", async () => {
  await promtool("check", "rules", ALERTS, RECORDING);
});

for (const name of CONFIGURATIONS) {
  testPromtool(`promtool has nothing to say of ${name}`, async () => {
    if (name !== "prometheus.kubernetes.yml") await promtool("check", "config", DEPLOY + name);
    else await withTargets(name, [], (path) => promtool("check", "config", path));
  });
}

testPromtool("each alert fires when it should, and only then", async () => {
  await promtool("test", "rules", ALERT_TESTS);
});

interface Alert {
  readonly alert: string;
  readonly labels: Labels;
  readonly annotations: Labels;
}

async function alerts(): Promise<Alert[]> {
  const { groups } = await read(ALERTS);
  return groups.flatMap(({ rules }: { readonly rules: readonly Alert[] }) => rules);
}

Deno.test("each alert has a case in which it fires, and one in which it does not", async () => {
  const cases = (await read(ALERT_TESTS)).tests.flatMap(({ alert_rule_test }: Yaml) => alert_rule_test);
  for (const { alert } of await alerts()) {
    const firing = cases.filter(({ alertname }: Yaml) => alertname === alert)
      .map(({ exp_alerts }: Yaml) => exp_alerts.length > 0);
    assert.deepEqual([...new Set(firing)].sort(), [false, true], alert);
  }
});

Deno.test("each alert has a severity, and a runbook that is there", async () => {
  const page = await Deno.readTextFile(`${ROOT}${RUNBOOKS}`);
  const anchors = [...page.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) => title.toLowerCase());
  for (const { alert, labels, annotations } of await alerts()) {
    assert.match(labels["severity"]!, /^(critical|warning|info)$/, alert);
    assert.deepEqual(Object.keys(annotations), ["summary", "description", "runbook"], alert);
    assert.equal(annotations["runbook"], `${RUNBOOKS}#${alert.toLowerCase()}`);
    assert(anchors.includes(alert.toLowerCase()), alert);
  }
});

testPromtool(
  "the instance of a host in the configuration is its name or address, without the port",
  async () => {
    assert.deepEqual(await scraped(`${DEPLOY}prometheus.hosts.yml`), [
      { __address__: "192.0.2.12:19100", instance: "192.0.2.12", site: "hamburg" },
      { __address__: "[2001:db8::13]:19100", instance: "2001:db8::13", site: "hamburg" },
      { __address__: "web1.example:19100", instance: "web1", site: "berlin" },
      { __address__: "web2.example:19100", instance: "web2", site: "berlin" },
    ]);
  },
);

testPromtool("the instance of a host in a file is what the file says, or its address", async () => {
  const found = await withTargets("prometheus.file_sd.yml", [
    { __address__: "192.0.2.10:19100", instance: "web1", site: "berlin" },
    { __address__: "192.0.2.11:19100" },
    { __address__: "[2001:db8::12]:19100" },
  ], scraped);
  assert.deepEqual(found.map(({ instance }) => instance), ["web1", "192.0.2.11", "2001:db8::12"]);
});

testPromtool("the example of targets is read", async () => {
  const found = await scraped(`${DEPLOY}prometheus.file_sd.yml`);
  assert.deepEqual(found.map(({ instance }) => instance), ["web1", "web2", "gateway"]);
});

testPromtool("the instance of a host in DNS is the first part of its name", async () => {
  const found = await withTargets("prometheus.dns_sd.yml", [
    { __address__: "web1.example.:19100", __meta_dns_srv_record_target: "web1.example." },
  ], scraped);
  assert.deepEqual(found.map(({ instance }) => instance), ["web1"]);
});

testPromtool("of pods those are scraped that run, at their port, and the instance is the node", async () => {
  const pod = (node: string, more: Labels = {}) => ({
    __address__: `${node}.example:19100`,
    __meta_kubernetes_namespace: "monitoring",
    __meta_kubernetes_pod_container_port_name: "metrics",
    __meta_kubernetes_pod_node_name: node,
    __meta_kubernetes_pod_phase: "Running",
    ...more,
  });
  const found = await withTargets("prometheus.kubernetes.yml", [
    pod("node1"),
    pod("node2"),
    pod("node3", { __meta_kubernetes_pod_container_port_name: "flows" }),
    pod("node4", { __meta_kubernetes_pod_phase: "Failed" }),
  ], scraped);
  assert.deepEqual(
    found.map(({ instance, namespace }) => [instance, namespace]),
    [["node1", "monitoring"], ["node2", "monitoring"]],
  );
});

Deno.test("the pods of the DaemonSet are those that Prometheus looks for", async () => {
  const text = await Deno.readTextFile(`${DEPLOY}kubernetes/daemonset.yml`);
  const { spec: { template: { metadata, spec } } } = parseAllDocuments(text)[1]!.toJS();
  const [{ kubernetes_sd_configs: [{ selectors: [{ label }] }] }] =
    (await read(`${DEPLOY}prometheus.kubernetes.yml`)).scrape_configs;
  const [name, value] = label.split("=");
  assert.equal(metadata.labels[name], value);
  assert.equal(spec.containers[0].ports[0].name, "metrics");
});

/** A Prometheus that often scrapes what is there in place of what a configuration names. */
async function prometheusWith(name: string, places: Labels): Promise<PrometheusServer> {
  const { global: _, scrape_configs, ...rest } = await movable(name);
  const jobs = scrape_configs.map(({ scrape_interval: _i, scrape_timeout: _t, ...job }: Yaml) => job);
  let text = JSON.stringify({ ...rest, global: { scrape_interval: "1s" }, scrape_configs: jobs });
  for (const [documented, place] of Object.entries(places)) text = text.replaceAll(documented, place);
  return await PrometheusServer.start(JSON.parse(text));
}

/** Waits until a metric is 1 for these values of a label, and no others. */
async function are(
  prometheus: PrometheusServer,
  metric: string,
  { label, values }: { label: string; values: readonly string[] },
): Promise<void> {
  const wanted = values.toSorted().join();
  await eventually(
    () => prometheus.query(metric, label),
    (found) =>
      Object.keys(found).sort().join() === wanted && Object.values(found).every((value) => value === 1),
  );
}

async function scrapesOne(): Promise<void> {
  await using exporter = await Exporter.start(["--no-collector.conntrack"]);
  await using prometheus = await prometheusWith("prometheus.single.yml", {
    "192.0.2.10:19100": exporter.addresses[0]!,
  });
  await are(prometheus, "up", { label: "instance", values: ["web1"] });
}

async function scrapesSeveral(): Promise<void> {
  const addresses = ["127.0.0.1:0", "[::1]:0"].map((address) => `--web.listen-address=${address}`);
  await using exporter = await Exporter.start(["--no-collector.conntrack", ...addresses]);
  const [ipv4 = "", ipv6 = ""] = exporter.addresses;
  await using prometheus = await prometheusWith("prometheus.hosts.yml", {
    '"web1.example:19100","web2.example:19100"': `"${ipv4.replace("127.0.0.1", "localhost")}"`,
    "192.0.2.12:19100": ipv4,
    "[2001:db8::13]:19100": ipv6,
  });
  await are(prometheus, "up", { label: "instance", values: ["localhost", "127.0.0.1", "::1"] });
}

async function asksForRouters(): Promise<void> {
  await using core = await RouterSimulator.start();
  await using branch = await RouterSimulator.start();
  const probe = {
    credentials: { default: { username: "prometheus", password: "secret" } },
    allow: [core.address, branch.address],
  };
  await using file = await TempFile.create(
    JSON.stringify({ collectors: { disable_defaults: true, mikrotik: { probe } } }),
  );
  await using exporter = await Exporter.start([`--config.file=${file.path}`]);
  await using prometheus = await prometheusWith("prometheus.mikrotik.yml", {
    "192.0.2.10:19100": exporter.addresses[0]!,
    "10.1.0.1": core.address,
    "10.2.0.1": branch.address,
  });
  await are(prometheus, "up", { label: "instance", values: ["monitor", core.address, branch.address] });
  await are(prometheus, "mikrotik_up", { label: "router", values: ["core", "branch"] });
}

testWith({
  name: "Prometheus scrapes one host, several hosts, and routers by /probe",
  needs: program("prometheus"),
  fn: async () => void await Promise.all([scrapesOne(), scrapesSeveral(), asksForRouters()]),
});
