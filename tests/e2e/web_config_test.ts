import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:tls";
import { hashSync } from "bcryptjs";
import { PrometheusServer } from "../helpers/prometheus_server.ts";
import { Exporter, run } from "../helpers/exporter.ts";
import { program, testWith } from "../helpers/skip.ts";
import { until } from "../helpers/waiting.ts";

const TLS = new URL("../testdata/tls/", import.meta.url).pathname;
const CA = `${TLS}ca.pem`;
const RUNS = ["--collector.disable-defaults", "--collector.sockets"];
const ADA = `Basic ${btoa("ada:secret")}`, BOB = `Basic ${btoa("bob:word")}`;

/** A web configuration with its certificate, in a folder of its own. */
class WebFolder implements AsyncDisposable {
  readonly file: string;
  readonly flag: string;

  private constructor(readonly path: string) {
    this.file = `${path}/web.yml`;
    this.flag = `--web.config.file=${this.file}`;
  }

  static async create(configuration: object, certificate = "router"): Promise<WebFolder> {
    const folder = new WebFolder(await Deno.makeTempDir());
    // Whoever runs the program may be somebody else.
    await Deno.chmod(folder.path, 0o755);
    await folder.write(configuration);
    await folder.certify(certificate);
    return folder;
  }

  async write(configuration: object): Promise<void> {
    await Deno.writeTextFile(this.file, JSON.stringify(configuration));
  }

  async certify(certificate: string, key = certificate): Promise<void> {
    await Deno.copyFile(`${TLS}${certificate}.pem`, `${this.path}/tls.pem`);
    await Deno.copyFile(`${TLS}${key}.key`, `${this.path}/tls.key`);
    await Deno.chmod(`${this.path}/tls.key`, 0o644);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

const SECURED = { tls_server_config: { cert_file: "tls.pem", key_file: "tls.key" } };
const BY_ADA = { basic_auth_users: { ada: hashSync("secret", 5) } };
const BY_BOB = { basic_auth_users: { bob: hashSync("word", 5) } };

/** Asks by TLS; for the status, or for the text of a good answer. */
async function ask({ addresses }: Exporter, path: string, init: RequestInit = {}) {
  using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(CA)], poolMaxIdlePerHost: 0 });
  const response = await fetch(`https://${addresses[0]}${path}`, { ...init, client });
  return { status: response.status, text: await response.text() };
}

async function statusOf(exporter: Exporter, authorization?: string): Promise<number> {
  return (await ask(exporter, "/metrics", authorization ? { headers: { authorization } } : {})).status;
}

function reload(exporter: Exporter, authorization?: string) {
  return ask(exporter, "/-/reload", {
    method: "POST",
    ...authorization && { headers: { authorization } },
  });
}

async function commonNameAt({ addresses: [address = ""] }: Exporter): Promise<string> {
  const [host, port] = address.split(":") as [string, string];
  const socket = connect({ host, port: Number(port), rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  await once(socket, "close");
  return String(CN);
}

testWith({
  name: "Prometheus scrapes by TLS with the right password, and not otherwise",
  needs: program("prometheus"),
  fn: async () => {
    await using web = await WebFolder.create({ ...SECURED, ...BY_ADA });
    await using exporter = await Exporter.start([...RUNS, web.flag]);
    const scheme = "https", tls_config = { ca_file: CA };
    const user = (username: string, password: string) => ({ basic_auth: { username, password } });
    const jobs = {
      right: { scheme, tls_config, ...user("ada", "secret") },
      http1: { scheme, tls_config, ...user("ada", "secret"), enable_http2: false },
      wrong: { scheme, tls_config, ...user("ada", "wrong") },
      stranger: { scheme, tls_config, ...user("eve", "secret") },
      nobody: { scheme, tls_config },
      distrusting: { scheme, ...user("ada", "secret") },
      plain: user("ada", "secret"),
    };
    await using prometheus = await PrometheusServer.start({
      global: { scrape_interval: "1s" },
      scrape_configs: Object.entries(jobs).map(([job_name, job]) => ({
        job_name,
        ...job,
        static_configs: [{ targets: [exporter.addresses[0]!] }],
      })),
    });
    let up: Record<string, number> = {};
    await until(async () => {
      up = await prometheus.query("up", "job");
      return Object.keys(up).length === Object.keys(jobs).length;
    });
    assert.deepEqual(up, { right: 1, http1: 1, wrong: 0, stranger: 0, nobody: 0, distrusting: 0, plain: 0 });
    assert.deepEqual(Object.keys(await prometheus.query("netcensus_build_info", "job")).sort(), [
      "http1",
      "right",
    ]);
  },
});

Deno.test("a reload shows the certificate that is there now", async () => {
  await using web = await WebFolder.create(SECURED);
  await using exporter = await Exporter.start([...RUNS, web.flag]);
  assert.equal(await commonNameAt(exporter), "router.test");
  await web.certify("other_name");
  assert.equal(await commonNameAt(exporter), "router.test");
  assert.deepEqual(await reload(exporter), {
    status: 200,
    text: "The configuration was read again\nChanged: TLS and users\n",
  });
  assert.equal(await commonNameAt(exporter), "other.test");
  await web.certify("router");
  Deno.kill(exporter.pid, "SIGHUP");
  await until(async () => await commonNameAt(exporter).catch(() => "") === "router.test");
  assert.deepEqual(await reload(exporter), { status: 200, text: "The configuration was read again\n" });
});

Deno.test("a reload refuses a certificate that the key does not fit, and the old one stays", async () => {
  await using web = await WebFolder.create(SECURED);
  await using exporter = await Exporter.start([...RUNS, web.flag]);
  await web.certify("other_name", "router_rsa");
  const { status, text } = await reload(exporter);
  assert.equal(status, 400);
  assert.match(
    text,
    /^The configuration before stays in force\n\S+web\.yml:1:\d+: The key does not fit the certificate/,
  );
  assert.equal(await commonNameAt(exporter), "router.test");
  assert.match((await ask(exporter, "/metrics")).text, /^netcensus_config_last_reload_successful 0$/m);
  assert.match((await ask(exporter, "/config")).text, new RegExp(`config_file: ${web.file}$`, "m"));
});

Deno.test("a reload exchanges users", async () => {
  await using web = await WebFolder.create({ ...SECURED, ...BY_ADA });
  await using exporter = await Exporter.start([...RUNS, web.flag]);
  assert.equal((await reload(exporter)).status, 401);
  assert.deepEqual([await statusOf(exporter, ADA), await statusOf(exporter, BOB)], [200, 401]);
  await web.write({ ...SECURED, ...BY_BOB });
  assert.equal(
    (await reload(exporter, ADA)).text,
    "The configuration was read again\nChanged: TLS and users\n",
  );
  assert.deepEqual([await statusOf(exporter, ADA), await statusOf(exporter, BOB)], [401, 200]);
  await web.write({ ...SECURED, basic_auth_users: { bob: "word" } });
  const { status, text } = await reload(exporter, BOB);
  assert.equal(status, 400);
  assert.match(text, /Expected the bcrypt hash of a password/);
  assert.deepEqual([await statusOf(exporter, ADA), await statusOf(exporter, BOB)], [401, 200]);
});

Deno.test("a reload guards what was open before, and the key of the configuration may come and go", async () => {
  await using web = await WebFolder.create({ ...SECURED, ...BY_ADA });
  await using open = await WebFolder.create({});
  const configuration = `${open.path}/netcensus.yml`;
  const configure = (values: object) => Deno.writeTextFile(configuration, JSON.stringify(values));
  await configure({});
  await using exporter = await Exporter.start([...RUNS, `--config.file=${configuration}`]);
  await configure({ web: { config_file: web.file } });
  const response = await fetch(`${exporter.url}/-/reload`, { method: "POST" });
  assert.equal(await response.text(), "The configuration was read again\nChanged: TLS and users\n");
  assert.deepEqual([await statusOf(exporter), await statusOf(exporter, ADA)], [401, 200]);
  await configure({});
  assert.equal((await reload(exporter, ADA)).status, 200);
  assert.match(await exporter.get("/metrics"), /^netcensus_build_info/m);
});

Deno.test("the program ends in order while it serves by TLS", async () => {
  await using web = await WebFolder.create({ ...SECURED, ...BY_ADA });
  await using exporter = await Exporter.start([...RUNS, web.flag]);
  assert.equal(await statusOf(exporter, ADA), 200);
  assert.equal((await exporter.stop()).code, 0);
});

const HEALTHS: Readonly<Record<string, object>> = {
  "nothing of interest": {},
  TLS: SECURED,
  users: BY_ADA,
  "TLS and users": { ...SECURED, ...BY_ADA },
  "a limit that is reached": { ...SECURED, rate_limit: { interval: "1h", burst: 1 } },
};

for (const [what, configuration] of Object.entries(HEALTHS)) {
  Deno.test(`netcensus health finds the program well that has ${what}`, async () => {
    await using web = await WebFolder.create(configuration, "other_name");
    await using exporter = await Exporter.start([...RUNS, web.flag]);
    const flags = [web.flag, `--web.listen-address=${exporter.addresses[0]}`];
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(await run(["health", ...flags]), {
        code: 0,
        stdout: "netcensus is healthy\n",
        stderr: "",
      });
    }
    await exporter.stop();
    const { code, stderr } = await run(["health", ...flags]);
    assert.equal(code, 1);
    assert.match(stderr, /^127\.0\.0\.1:\d+ does not answer: .*refused/);
  });
}

Deno.test("netcensus check tells what is wrong with the web configuration, and nothing runs with it", async () => {
  await using web = await WebFolder.create({ ...SECURED, basic_auth_users: { ada: "secret" } });
  await Deno.remove(`${web.path}/tls.key`);
  const flags = [...RUNS, web.flag, "--web.listen-address=127.0.0.1:0"];
  for (const command of ["check", "run"]) {
    const { code, stdout, stderr } = await run([command, ...flags]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.deepEqual(stderr.replaceAll(web.path, "").split("\n"), [
      "/web.yml:1:56: Cannot read the key: No such file or directory (os error 2): stat '/tls.key'",
      '/web.yml:1:93: Expected the bcrypt hash of a password, as htpasswd -nBC 10 "" makes it',
      "",
    ]);
  }
});

Deno.test("netcensus collectors does without the files of the web configuration", async () => {
  const { code, stderr } = await run(["collectors", "--web.config.file=/nowhere/web.yml"]);
  assert.deepEqual([code, stderr], [0, ""]);
});
