/**
 * How long does a pass over 200,000 tracked connections take, up to the text of all series, and for how long does it
 * hold the event loop? Beside it the kernel's dump alone, and `cat`. Then the binary: what it holds while it takes a
 * pass every five seconds and is scraped every two, and how long others wait for an answer meanwhile.
 * As root: `deno run --allow-all bench/conntrack.ts [BINARY]`
 */
import { NETLINK_NETFILTER } from "../collectors/conntrack/connection_tables.ts";
import conntrack from "../collectors/conntrack/mod.ts";
import { Vocabulary } from "../core/vocabulary.ts";
import { NetlinkSocket } from "../native/netlink.ts";
import { ConntrackEntry } from "../parsers/conntrack_entry.ts";
import { conntrackDumpRequest, ConntrackReader } from "../parsers/ctnetlink.ts";
import { Collecting } from "../tests/helpers/collecting.ts";
import { ConntrackNamespace } from "../tests/helpers/conntrack_namespace.ts";
import type { Conversation } from "../tests/helpers/namespace.ts";
import { answer, dumps, type Measures, memoryOf, pass, report } from "./passes.ts";

const CONNECTIONS = 200_000, ROUNDS = 10, TABLE_SIZE = 1_000_000;
const LIMIT = "/proc/sys/net/netfilter/nf_conntrack_max";
const BUCKETS = "/proc/sys/net/netfilter/nf_conntrack_buckets";

const PORT = 19_199, START_MS = 500, PROBE_MS = 20_000, SCRAPE_MS = 2000;

function dumpConnections(measures: Measures): void {
  const socket = new NetlinkSocket(NETLINK_NETFILTER), entry = new ConntrackEntry();
  const reader = new ConntrackReader(socket.messages, new Vocabulary());
  dumps(measures, socket, { request: conntrackDumpRequest(), next: () => reader.next(entry) });
}

const collecting: Record<string, Collecting> = {};

async function measure(source: string): Promise<Measures> {
  collecting[source] ??= new Collecting(conntrack, { settings: { source } });
  const measures: Measures = {};
  if (source === "netlink") dumpConnections(measures);
  await pass(collecting[source], measures, source);
  return measures;
}

/** Asks the exporter for its health again and again, and for its metrics now and then. */
async function probe(url: string): Promise<Measures> {
  const answers: number[] = [], passes: number[] = [];
  const start = performance.now();
  for (let scrapes = 0; performance.now() - start < PROBE_MS;) {
    if (performance.now() - start > scrapes * SCRAPE_MS) {
      scrapes++;
      const text = await (await fetch(`${url}/metrics`)).text();
      passes.push(1000 * Number(/_duration_seconds\{collector="conntrack"\} (.*)/.exec(text)![1]));
    }
    const begin = performance.now();
    await (await fetch(`${url}/-/healthy`)).text();
    answers.push(performance.now() - begin);
  }
  answers.sort((a, b) => a - b);
  return {
    "binary: first pass": passes[0]!,
    "binary: later pass": passes.at(-1)!,
    "binary: answer, median": answers[answers.length >> 1]!,
    "binary: answer, 99 %": answers[Math.floor(0.99 * answers.length)]!,
    "binary: answer, longest": answers.at(-1)!,
  };
}

async function measureBinary(
  binary: string,
  host: ConntrackNamespace,
  prober: Conversation,
): Promise<Measures> {
  const flags = ["--collector.interval=5", `--web.listen-address=127.0.0.1:${PORT}`, "--log.level=error"];
  const args = ["netns", "exec", host.namespace.name, binary, ...flags];
  const child = new Deno.Command("ip", { args, stderr: "inherit" }).spawn();
  try {
    await new Promise((resolve) => setTimeout(resolve, START_MS));
    const measures = JSON.parse(await prober.ask(`probe http://127.0.0.1:${PORT}`)) as Measures;
    const { now, most } = memoryOf(child.pid);
    return { ...measures, "binary: MiB at the end": now, "binary: MiB at most": most };
  } finally {
    child.kill("SIGTERM");
    await child.status;
  }
}

async function compare(perKey: number): Promise<void> {
  await using host = await ConntrackNamespace.create({ settings: { nf_conntrack_udp_timeout: 3600 } });
  await host.flows.sendUdp({ count: CONNECTIONS, per: perKey });
  await using measurer = host.namespace.start(new URL(import.meta.url), ["answer"]);
  const rounds: Measures[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const netlink = JSON.parse(await measurer.ask("measure netlink")) as Measures;
    const begin = performance.now();
    await host.namespace.run("sh", ["-c", "cat /proc/net/nf_conntrack | tail -c 1"]);
    const cat = performance.now() - begin;
    const procfs = JSON.parse(await measurer.ask("measure procfs")) as Measures;
    rounds.push({
      ...netlink,
      "netlink: ratio": netlink["netlink: whole"]! / netlink["kernel"]!,
      cat,
      ...procfs,
      "procfs: ratio": procfs["procfs: whole"]! / cat,
    });
  }
  console.log(`${CONNECTIONS} connections, ${CONNECTIONS / perKey} keys:`);
  report(rounds);
  const [binary] = Deno.args;
  if (binary !== undefined) report([await measureBinary(binary, host, measurer)]);
}

async function main(): Promise<void> {
  const before = [LIMIT, BUCKETS].map((path) => [path, Deno.readTextFileSync(path)] as const);
  // In the order in which the kernel accepts them.
  Deno.writeTextFileSync(BUCKETS, "262144");
  Deno.writeTextFileSync(LIMIT, String(TABLE_SIZE));
  try {
    for (const perKey of [10, 1]) await compare(perKey);
  } finally {
    for (const [path, value] of before) Deno.writeTextFileSync(path, value);
  }
}

if (Deno.args[0] === "answer") await answer({ measure, probe });
else await main();
