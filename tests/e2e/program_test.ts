import assert from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };
import { Exporter, run, seriesOf } from "../helpers/exporter.ts";
import { TempFile } from "../helpers/temp_file.ts";

Deno.test("--version shows the version of deno.json, and what the program is made from", async () => {
  const { code, stdout } = await run(["--version"]);
  assert.equal(code, 0);
  const [, version, revision] = /^netcensus (\S+) \(revision (\S+), deno [\d.]+, \w+\)\n$/.exec(stdout) ?? [];
  assert.equal(version, project.version);
  assert.match(`${revision}`, Deno.env.has("NETCENSUS_COMMAND") ? /^[0-9a-f]{12}(-dirty)?$/ : /^unknown$/);
});

Deno.test("an unknown flag is an error that names the nearest, with status 2", async () => {
  const { code, stdout, stderr } = await run(["--web.listen-adress=:9095"]);
  assert.deepEqual({ code, stdout, stderr }, {
    code: 2,
    stdout: "",
    stderr: '--web.listen-adress: Unknown flag (did you mean "web.listen-address"?)\n',
  });
});

Deno.test("a configuration with a mistake is an error with its place, with status 1", async () => {
  const file = await Deno.makeTempFile();
  await Deno.chmod(file, 0o644);
  await Deno.writeTextFile(file, "collectors:\n  sockets:\n    sorce: netlink\n");
  try {
    const { code, stderr } = await run([`--config.file=${file}`]);
    assert.equal(stderr, `${file}:3:5: Unknown key "sorce" (did you mean "source"?)\n`);
    assert.equal(code, 1);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("a port that is taken is an error with status 1", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const { code, stderr } = await run([`--web.listen-address=127.0.0.1:${port}`]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    new RegExp(`level=error msg="Cannot listen" address=127.0.0.1:${port} error="Address already`),
  );
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`${signal} ends the program with status 0`, async () => {
    await using exporter = await Exporter.start([]);
    const { code } = await exporter.stop(signal);
    assert.equal(code, 0);
    assert.match(exporter.lines.at(-1)!, new RegExp(`msg=Stopping signal=${signal}`));
  });
}

Deno.test("SIGTERM ends the program although a client keeps its connection open", async () => {
  await using exporter = await Exporter.start([]);
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(exporter.url).port) });
  await connection.write(new TextEncoder().encode("GET /metrics HTTP/1.1\r\nHost: localhost\r\n"));
  const { code } = await exporter.stop();
  assert.equal(code, 0);
});

Deno.test("the program listens at several addresses", async () => {
  await using exporter = await Exporter.start([
    "--web.listen-address=127.0.0.1:0",
    "--web.listen-address=[::1]:0",
  ]);
  assert.equal(exporter.addresses.length, 2);
  for (const address of exporter.addresses) {
    const response = await fetch(`http://${address}/-/ready`);
    assert.equal(await response.text(), "netcensus is ready\n");
  }
});

Deno.test("the sockets of this host are shown without a configuration", async () => {
  await using exporter = await Exporter.start([]);
  const { port } = new URL(exporter.url);
  const series = seriesOf(await exporter.get("/metrics"));
  assert.equal(series.get('netcensus_collector_success{collector="sockets"}'), 1);
  const listeners = [...series].filter(([name]) =>
    name.includes(`source_port="${port}"`) && name.includes("LISTEN")
  );
  assert.deepEqual(listeners, [[
    `network_connections_info{source_address="127.0.0.1",source_port="${port}",destination_address="0.0.0.0",` +
    `destination_port="0",state="LISTEN",interface="lo",protocol="tcp",direction="listen",process_name=""}`,
    1,
  ]]);
});

Deno.test("health asks the exporter that runs with the same flags", async () => {
  await using exporter = await Exporter.start([]);
  const { port } = new URL(exporter.url);
  for (const host of ["", "127.0.0.1", "0.0.0.0", "localhost"]) {
    const { code, stdout } = await run(["health", `--web.listen-address=${host}:${port}`]);
    assert.deepEqual({ code, stdout }, { code: 0, stdout: "netcensus is healthy\n" }, host);
  }
});

Deno.test("health asks for nothing but the address of a configuration that is wrong meanwhile", async () => {
  await using exporter = await Exporter.start([]);
  const { host } = new URL(exporter.url);
  await using file = await TempFile.create(`web: { listen_address: "${host}" }\nrules: 1\n`);
  const { code, stdout } = await run(["health", `--config.file=${file.path}`]);
  assert.deepEqual({ code, stdout }, { code: 0, stdout: "netcensus is healthy\n" });
});

Deno.test("health says why when nobody answers, with status 1", async () => {
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  taken.close();
  const { code, stdout, stderr } = await run(["health", `--web.listen-address=:${port}`]);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, new RegExp(`^127.0.0.1:${port} does not answer: .*refused`));
});

Deno.test("collectors lists each collector with its privileges", async () => {
  const { code, stdout } = await run(["collectors"]);
  assert.equal(code, 0);
  const lines = stdout.split("\n");
  assert.deepEqual(lines.slice(0, 2), [
    "sockets: The TCP and UDP sockets of this host",
    "  by default on; runs as configured",
  ]);
  assert.match(lines[2]!, /^ +CAP_SYS_PTRACE for .*: this process (has|lacks) it$/);
});

Deno.test("check says that a good configuration is good", async () => {
  const { code, stdout } = await run(["check"]);
  assert.deepEqual({ code, stdout }, {
    code: 0,
    stdout:
      "the command line is good.\nCollectors that run:\n  sockets: 7 metrics\n  conntrack: 24 metrics\n",
  });
});

Deno.test("check and the log tell of a rule whose collector does not run", async () => {
  const file = await Deno.makeTempFile({ suffix: ".yml" });
  await Deno.chmod(file, 0o644);
  await Deno.writeTextFile(file, "rules: [{ name: mine_total, source: netflow }]\n");
  try {
    const { code, stdout } = await run(["check", `--config.file=${file}`]);
    assert.equal(code, 0);
    assert.equal(
      stdout.split("\n").at(-2),
      'The rule "mine_total" counts nothing: its collector netflow does not run',
    );
    await using exporter = await Exporter.start([`--config.file=${file}`]);
    const text = 'msg="A rule counts nothing: its collector does not run" rule=mine_total collector=netflow';
    assert.ok(exporter.lines.some((line) => line.includes(text)), exporter.lines.join("\n"));
  } finally {
    await Deno.remove(file);
  }
});
