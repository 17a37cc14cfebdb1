import assert from "node:assert/strict";
import type { Literal } from "../../core/node.ts";
import { portOf, send, startExporter, sumOf } from "../collectors/netflow_receivers.ts";
import { Exporter, seriesOf } from "../helpers/exporter.ts";
import { freeUdpPort } from "../helpers/free_port.ts";
import { netflowV5 } from "../helpers/netflow_v5.ts";
import { RouterSimulator } from "../helpers/routeros/simulator.ts";
import { TempFile } from "../helpers/temp_file.ts";
import { until } from "../helpers/waiting.ts";

const SUCCESSFUL = "netcensus_config_last_reload_successful";
const TIMESTAMP = "netcensus_config_last_reload_success_timestamp_seconds";
const FLOWS = "netflow_flows_total";
const SOCKETS_RULE = { name: "sockets_in_all", source: "sockets" };
const FLOWS_RULE = { name: "flows_in_all_total", source: "netflow" };

type Configuration = { readonly [key: string]: Literal };

interface Reloadable {
  readonly exporter: Exporter;
  readonly file: TempFile;
  /** Writes the configuration anew, and has it read; gives the answer. */
  reload(configuration: Configuration | string): Promise<{ status: number; text: string }>;
  series(): Promise<ReadonlyMap<string, number>>;
}

/** Runs the program with the collector netflow and a configuration that can be changed. */
async function withConfiguration(
  configuration: Configuration,
  body: (reloadable: Reloadable) => Promise<void>,
): Promise<void> {
  await using file = await TempFile.create(JSON.stringify(configuration));
  await using exporter = await startExporter([`--config.file=${file.path}`]);
  await body({
    exporter,
    file,
    async reload(configuration) {
      await file.replace(typeof configuration === "string" ? configuration : JSON.stringify(configuration));
      const response = await fetch(`${exporter.url}/-/reload`, { method: "POST" });
      return { status: response.status, text: await response.text() };
    },
    series: async () => seriesOf(await exporter.get("/metrics")),
  });
}

/** Sends a flow, and waits until it is counted; gives how many flows are. */
async function countFlow({ exporter, series }: Reloadable, port?: number): Promise<number> {
  const before = sumOf(await series(), FLOWS);
  await send([netflowV5([{}])], port ?? await portOf(exporter));
  await until(async () => sumOf(await series(), FLOWS) === before + 1);
  return before + 1;
}

Deno.test("a reload starts what is new, and leaves what did not change as it is", async () => {
  await withConfiguration({}, async (reloadable) => {
    const { reload, series } = reloadable;
    assert.equal(await countFlow(reloadable), 1);
    const changed = { collectors: { sockets: true }, rules: [SOCKETS_RULE] };
    assert.deepEqual(await reload(changed), {
      status: 200,
      text: "The configuration was read again\nStarted: sockets\n",
    });
    assert.ok((await series()).get("sockets_in_all")! > 0);
    assert.equal(await countFlow(reloadable), 2);
    assert.deepEqual(await reload(changed), { status: 200, text: "The configuration was read again\n" });
  });
});

Deno.test("a reload starts a collector anew whose rules have changed", async () => {
  await withConfiguration({ collectors: { sockets: true } }, async (reloadable) => {
    const { exporter, reload, series } = reloadable;
    await countFlow(reloadable);
    assert.equal(
      (await reload({ collectors: { sockets: true }, rules: [FLOWS_RULE] })).text.split("\n")[1],
      "Started: netflow",
    );
    assert.equal(sumOf(await series(), FLOWS), 0);
    // It listens at another free port now.
    await until(() => portsOf(exporter).length === 2);
    await countFlow(reloadable, portsOf(exporter)[1]);
    assert.equal((await series()).get("flows_in_all_total"), 1);
  });
});

Deno.test("a reload takes the port of the collector that it starts anew", async () => {
  const netflow = { listen_address: freeAddress() };
  await using file = await TempFile.create(JSON.stringify({ collectors: { netflow } }));
  await using exporter = await Exporter.start(["--collector.disable-defaults", `--config.file=${file.path}`]);
  await until(async () =>
    (await exporter.get("/metrics")).includes('netcensus_collector_success{collector="netflow"} 1')
  );
  await file.replace(JSON.stringify({ collectors: { netflow }, rules: [FLOWS_RULE] }));
  const response = await fetch(`${exporter.url}/-/reload`, { method: "POST" });
  assert.equal(await response.text(), "The configuration was read again\nStarted: netflow\n");
  await until(async () =>
    (await exporter.get("/metrics")).includes('netcensus_collector_success{collector="netflow"} 1')
  );
  assert.ok(!exporter.lines.some((line) => line.includes("level=error")), exporter.lines.join("\n"));
});

Deno.test("a reload ends what does not run any more", async () => {
  await withConfiguration({ collectors: { sockets: true } }, async ({ reload, series }) => {
    assert.ok((await series()).has('netcensus_collector_success{collector="sockets"}'));
    assert.equal((await reload({})).text, "The configuration was read again\nStopped: sockets\n");
    assert.ok(!(await series()).has('netcensus_collector_success{collector="sockets"}'));
  });
});

Deno.test("a wrong configuration is refused with the place of the mistake, and changes nothing", async () => {
  await withConfiguration({}, async (reloadable) => {
    const { file, reload, series } = reloadable;
    const before = await series();
    assert.equal(before.get(SUCCESSFUL), 1);
    await countFlow(reloadable);
    const { status, text } = await reload("rules:\n  - { name: mine, source: netflov }\n");
    assert.equal(status, 400);
    assert.deepEqual(text.split(";")[0]!.split("\n"), [
      "The configuration before stays in force",
      `${file.path}:2:27: Unknown source "netflov" (did you mean "netflow"?)`,
    ]);
    const after = await series();
    assert.equal(after.get(SUCCESSFUL), 0);
    assert.equal(after.get(TIMESTAMP), before.get(TIMESTAMP));
    assert.equal(await countFlow(reloadable), 2);
    assert.equal((await reload({})).status, 200);
    assert.equal((await series()).get(SUCCESSFUL), 1);
    assert.ok((await series()).get(TIMESTAMP)! > before.get(TIMESTAMP)!);
  });
});

Deno.test("a configuration that cannot be started is refused, and all goes on", async () => {
  await using broken = await TempFile.create("this is no database");
  const country = {
    name: "mine_total",
    source: "netflow",
    labels: [{ name: "country", field: "source_address", steps: ["maxmind_country"] }],
  };
  await withConfiguration({}, async (reloadable) => {
    const { exporter, reload, series } = reloadable;
    await countFlow(reloadable);
    const enrich = { maxmind_country: { file: broken.path, required: true } };
    const workers = { netflow: { workers: 2, listen_address: freeAddress() } };
    for (const collectors of [{}, workers]) {
      const { status, text } = await reload({ collectors, enrich, rules: [country] });
      assert.match(text, /Cannot load .*/);
      assert.equal(status, 400);
      assert.equal((await series()).get(SUCCESSFUL), 0);
    }
    await countFlow(reloadable, portsOf(exporter).at(-1));
  });
});

Deno.test("a reload that is refused leaves nothing behind", async () => {
  await using broken = await TempFile.create("this is no database");
  const enrich = { maxmind_country: { file: broken.path, required: true } };
  const labels = [{ name: "country", field: "source_address", steps: ["maxmind_country"] }];
  const netflow = { workers: 2, listen_address: freeAddress() };
  await withConfiguration({ collectors: { netflow } }, async ({ exporter, reload }) => {
    const counts = () =>
      ["fd", "task"].map((folder) => [...Deno.readDirSync(`/proc/${exporter.pid}/${folder}`)].length);
    const refuse = async () => {
      const rules = [{ name: "mine_total", source: "netflow", labels }];
      assert.equal((await reload({ collectors: { netflow, sockets: true }, enrich, rules })).status, 400);
    };
    await refuse();
    const before = counts();
    for (let i = 0; i < 5; i++) await refuse();
    for (const [i, count] of counts().entries()) {
      assert.ok(count <= before[i]! + 3, `${count} > ${before[i]}`);
    }
  });
});

Deno.test("a configuration that is a pipe is refused, and the next one is read", async () => {
  await withConfiguration({}, async ({ file, exporter, reload }) => {
    await Deno.remove(file.path);
    await new Deno.Command("mkfifo", { args: [file.path] }).output();
    const response = await fetch(`${exporter.url}/-/reload`, { method: "POST" });
    assert.match(await response.text(), /Cannot read the configuration: Expected a file/);
    assert.equal((await reload({})).status, 200);
  });
});

Deno.test("what is put in force by a start only is told", async () => {
  await withConfiguration({}, async ({ exporter, reload }) => {
    const { text } = await reload({ log: { level: "debug" }, web: { max_requests: 3 } });
    assert.equal(text, "The configuration was read again\nNeeds a restart: web, log\n");
    assert.match(await exporter.get("/config"), /max_requests: 40/);
  });
});

Deno.test("SIGHUP has the configuration read again", async () => {
  await withConfiguration({}, async ({ exporter, file, series }) => {
    await file.replace(JSON.stringify({ rules: [FLOWS_RULE] }));
    Deno.kill(exporter.pid, "SIGHUP");
    await until(() =>
      exporter.lines.some((line) => /msg="The configuration was read again" started=netflow/.test(line))
    );
    assert.match(await exporter.get("/config"), /name: flows_in_all_total/);
    await file.replace("rules: 1\n");
    Deno.kill(exporter.pid, "SIGHUP");
    await until(async () => (await series()).get(SUCCESSFUL) === 0);
    assert.ok(
      exporter.lines.some((line) => line.includes(`${file.path}:1:8: Expected a list`)),
      exporter.lines.join("\n"),
    );
  });
});

Deno.test("many who ask for a reload at once are all answered", async () => {
  await withConfiguration({}, async ({ exporter, series }) => {
    const answers = Array.from({ length: 20 }, () => fetch(`${exporter.url}/-/reload`, { method: "POST" }));
    for (const answer of answers) {
      assert.equal(await (await answer).text(), "The configuration was read again\n");
    }
    assert.equal((await series()).get(SUCCESSFUL), 1);
  });
});

Deno.test("a reload is asked for by POST only", async () => {
  await withConfiguration({}, async ({ exporter }) => {
    const response = await fetch(`${exporter.url}/-/reload`);
    assert.equal(await response.text(), "Only POST is answered here\n");
    assert.equal(response.status, 405);
    assert.equal(response.headers.get("allow"), "POST");
  });
});

Deno.test("flows that are read anew have the names that a router has told before", async () => {
  await using simulator = await RouterSimulator.start();
  const named = {
    name: "interface_bytes_total",
    source: "netflow",
    value: "bytes",
    labels: [{ name: "input", field: ["exporter", "input_interface"], steps: ["interface_mapper"] }],
  };
  const routers = [{
    address: simulator.address,
    username: "prometheus",
    password: "secret",
    interval: "1h",
  }];
  await withConfiguration({ collectors: { mikrotik: { routers } } }, async (reloadable) => {
    const { exporter, reload, series } = reloadable;
    await countFlow(reloadable);
    await until(async () => (await series()).get("mikrotik_up") === 1);
    const { text } = await reload({ collectors: { mikrotik: { routers } }, rules: [named] });
    assert.equal(text.split("\n")[1], "Started: netflow");
    await until(() => portsOf(exporter).length === 2);
    await countFlow(reloadable, portsOf(exporter)[1]);
    assert.equal((await series()).get('interface_bytes_total{input="ether1"}'), 1000);
    assert.equal(simulator.logins, 1);
  });
});

/** Where it has received flows, one after the other. */
function portsOf({ lines }: Exporter): number[] {
  return lines.flatMap((line) => /msg="Receiving flows".* address=\S+:(\d+)/.exec(line)?.[1] ?? []).map(
    Number,
  );
}

/** Threads cannot share a port that the kernel chooses. */
function freeAddress(): string {
  return `127.0.0.1:${freeUdpPort()}`;
}
