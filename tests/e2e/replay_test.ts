import assert from "node:assert/strict";
import { DLT_EN10MB, DLT_LINUX_SLL } from "../../parsers/packet.ts";
import { metricOf } from "../helpers/collecting.ts";
import { commandOf, run, seriesOf } from "../helpers/exporter.ts";
import { hasLibpcap } from "../helpers/has_libpcap.ts";
import { canMakeNamespaces } from "../helpers/namespace.ts";
import { netflowV5 } from "../helpers/netflow_v5.ts";
import { tcpPacket, udpPacket } from "../helpers/packets.ts";
import { pcapFile } from "../helpers/pcap_file.ts";
import { testWith } from "../helpers/skip.ts";
import { TempFile } from "../helpers/temp_file.ts";
import { answer, data, login } from "../helpers/wialon/messages.ts";

const DEVICE = "192.0.2.1:1000", SERVER = "192.0.2.2:20332", BEGIN = 1_700_000_000;

/** A device that logs in and tells its place, on Linux's `any`. */
function wialonFile(): Uint8Array {
  const sent = { [DEVICE]: 1, [SERVER]: 1 } as Record<string, number>;
  const messages = [
    { from: DEVICE, to: SERVER, payload: login({ imei: "868204000000001", password: "secret" }) },
    { from: SERVER, to: DEVICE, payload: answer("AL", "1") },
    { from: DEVICE, to: SERVER, payload: data() },
    { from: SERVER, to: DEVICE, payload: answer("AD", "1") },
  ];
  const packets = messages.map(({ from, to, payload }, i) => {
    const bytes = tcpPacket({
      source: from,
      destination: to,
      sequence: sent[from]!,
      payload,
      linkType: DLT_LINUX_SLL,
    });
    sent[from]! += payload.length;
    return { time: BEGIN + i / 4, bytes };
  });
  return pcapFile(packets, DLT_LINUX_SLL);
}

/** Two datagrams of two exporters, one of them to another port. */
function netflowFile(): Uint8Array {
  const packets = [["[2001:db8::1]:5000", "[2001:db8::2]:2055"], ["10.0.0.9:5000", "10.0.0.1:2056"]].map(
    ([source = "", destination = ""], i) => ({
      time: BEGIN + i,
      bytes: udpPacket({ source, destination, payload: netflowV5([{ bytes: 700 }]) }),
    }),
  );
  return pcapFile(packets, DLT_EN10MB);
}

async function replay(content: Uint8Array, ...args: string[]) {
  await using file = await TempFile.create(content);
  const { code, stdout, stderr } = await run(["--replay", file.path, ...args]);
  return { code, stderr, series: seriesOf(stdout) };
}

function testReplay(name: string, fn: () => Promise<void>): void {
  testWith({ name, needs: hasLibpcap, fn });
}

testReplay("--replay shows the metrics of a capture of Wialon IPS", async () => {
  const { code, stderr, series } = await replay(wialonFile());
  assert.equal(code, 0, stderr);
  assert.deepEqual(metricOf(series, "wialon_ips_packets_total"), {
    '{type="AD",src_ip="192.0.2.2",dst_ip="192.0.2.1"}': 1,
    '{type="AL",src_ip="192.0.2.2",dst_ip="192.0.2.1"}': 1,
    '{type="D",src_ip="192.0.2.1",dst_ip="192.0.2.2"}': 1,
    '{type="L",src_ip="192.0.2.1",dst_ip="192.0.2.2"}': 1,
  });
  assert.equal(series.get("wialon_ips_raw_packets_total"), 4);
  assert.equal(series.get("wialon_ips_streams_size"), 2);
  assert.equal(series.get('wialon_ips_answer_seconds_sum{type="AD"}'), 0.25);
});

testReplay("--replay shows the metrics of a capture of NetFlow", async () => {
  const { code, series, stderr } = await replay(netflowFile(), "--collector.netflow");
  assert.equal(code, 0, stderr);
  assert.deepEqual(metricOf(series, "netcensus_flow_datagrams_total"), { '{exporter="2001:db8::1"}': 1 });
  assert.deepEqual(metricOf(series, "netcensus_flow_exporter_seen_timestamp_seconds"), {
    '{exporter="2001:db8::1"}': BEGIN,
  });
  assert.equal(series.has("wialon_ips_streams_size"), false);
});

testReplay("--replay reads NetFlow sent to the ports at which it would listen", async () => {
  const args = ["--collector.netflow.listen-address=:2055", "--collector.netflow.listen-address=:2056"];
  const { series } = await replay(netflowFile(), ...args);
  assert.equal(Object.keys(metricOf(series, "netcensus_flow_datagrams_total")).length, 2);
});

testReplay("--replay takes filters and rules of the configuration", async () => {
  await using config = await TempFile.create(`
collectors: { wialon: { filter: tcp src port 20332 } }
rules: [{ name: by_sender_total, source: wialon, labels: [sender, transport] }]
`);
  const { series } = await replay(wialonFile(), "--config.file", config.path);
  assert.deepEqual(metricOf(series, "by_sender_total"), { '{sender="server",transport="tcp"}': 2 });
});

testReplay("--replay says what is wrong with a file and ends with 1", async () => {
  const { code, stdout, stderr } = await run(["--replay=/nowhere.pcap"]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /Cannot read packets from \/nowhere\.pcap: No such file or directory/);
});

testReplay("--replay shows what came before the place where a file is cut off, and says so", async () => {
  const whole = wialonFile();
  const { code, stderr, series } = await replay(whole.subarray(0, whole.length - 5));
  assert.equal(code, 1);
  assert.match(stderr, /Cannot take packets: truncated dump file/);
  assert.equal(series.get("wialon_ips_raw_packets_total"), 3);
});

testWith({
  name: "The program says what to install when there is no libpcap",
  needs: canMakeNamespaces,
  fn: async () => {
    const script = [
      ...librariesOf("libpcap.so").map((path) => `mount --bind /dev/null ${path}`),
      'exec "$0" "$@"',
    ];
    const [program = "", ...args] = commandOf("main.ts");
    const words = ["--mount", "sh", "-c", script.join(" && "), program, ...args, "--replay=/nowhere"];
    const { code, stderr } = await new Deno.Command("unshare", { args: words }).output();
    assert.equal(code, 1);
    assert.match(
      new TextDecoder().decode(stderr),
      /install the package libpcap0\.8 \(Debian, Ubuntu\) or libpcap/,
    );
  },
});

/** Where the linker would find a library, by the beginning of its name. */
function librariesOf(name: string): string[] {
  const folder = `/usr/lib/${Deno.build.arch}-linux-gnu`;
  return [...Deno.readDirSync(folder)].flatMap((entry) =>
    entry.isFile && entry.name.startsWith(name) ? [`${folder}/${entry.name}`] : []
  );
}
