/** The program captures what real devices and a real server exchange, by libpcap, in a network of namespaces. */
import assert from "node:assert/strict";
import { ACK } from "../../parsers/packet.ts";
import { metricOf } from "../helpers/collecting.ts";
import { run, seriesOf } from "../helpers/exporter.ts";
import { canMakeNamespaces, Namespace } from "../helpers/namespace.ts";
import { tcpPacket } from "../helpers/packets.ts";
import { eventually, ProgramHost, type Series, sumOf, type User } from "../helpers/program_host.ts";
import { program, testWith } from "../helpers/skip.ts";
import type { Play } from "../helpers/wialon/host.ts";
import type { Disturbance } from "../helpers/wialon/disturbance.ts";
import { inNamespace } from "../helpers/wialon/in_namespace.ts";
import { DEVICE, SERVER } from "../helpers/wialon/link.ts";
import { packet } from "../helpers/wialon/messages.ts";
import { PacketSocket } from "../helpers/wialon/packet_socket.ts";
import type { Step } from "../helpers/wialon/steps.ts";
import { exchanged, PORT, Scene, Tcpdump, total } from "./wialon_scene.ts";

const IMEI = "868204000000001", PASSWORD = "S3cretWord";

const ALL: readonly Step[] = [
  { send: "SD", times: 3 },
  { send: "D", times: 20 },
  { send: "B", records: 200 },
  { send: "P" },
  { send: "M" },
  { send: "I", blocks: [3000, 500] },
  { send: "D", crc: { isWrong: true } },
];
/** What is not cut into fragments. */
const SMALL: readonly Step[] = [{ send: "SD" }, { send: "D", times: 20 }, { send: "B", records: 8 }, {
  send: "I",
  blocks: [900],
}, { send: "D", crc: { isWrong: true } }];
const LOGIN: Step = { send: "L", password: PASSWORD };
const OVER_IPV4 = { hostname: SERVER.ipv4, port: PORT, imei: IMEI };

interface Scenario {
  readonly name: string;
  readonly play: Omit<Play, "steps" | "imei" | "port" | "hostname"> & { readonly hostname?: string };
  readonly disturbance?: Disturbance;
  readonly steps?: readonly Step[];
}

const SCENARIOS: readonly Scenario[] = [
  { name: "version 1.1", play: {} },
  { name: "version 2.0 with checksums", play: { version: "2.0" } },
  { name: "IPv6", play: { hostname: SERVER.ipv6, version: "2.0" } },
  { name: "segments of 7 bytes", play: { version: "2.0", pieces: 7, isPipelined: true } },
  { name: "compressed containers", play: { version: "2.0", isCompressed: true } },
  { name: "compressed containers in pieces", play: { isCompressed: true, pieces: 20 } },
  { name: "UDP", play: { isUdp: true, version: "2.0" }, steps: SMALL },
  { name: "UDP, compressed", play: { isUdp: true, isCompressed: true }, steps: SMALL },
  {
    name: "segments that are reordered, doubled and lost",
    play: { version: "2.0", pieces: 40, isPipelined: true },
    disturbance: { seed: 4, reorder: 0.2, duplicate: 0.1, drop: 0.03 },
  },
];

for (const { name, play, disturbance, steps = ALL } of SCENARIOS) {
  testScene(`The program counts each message once: ${name}`, async () => {
    await using scene = await Scene.create();
    await scene.link.disturb(disturbance ?? {});
    await scene.devices.ask("play", { ...OVER_IPV4, ...play, steps: [LOGIN, ...steps] });
    const disturbed = await scene.link.disturb();
    const { device, server } = await scene.counts();
    const series = await scene.series(total({ device, server }));
    assert.deepEqual(exchanged(series), { device, server });
    assert.equal(sumOf(series, "wialon_ips_reassembly_gaps_total"), 0);
    assert.equal(sumOf(series, "wialon_ips_parse_errors_total"), 0);
    assert.equal(sumOf(series, "wialon_ips_capture_dropped_total"), 0);
    assert.equal(sumOf(series, "wialon_ips_devices"), 1);
    if (disturbance !== undefined) {
      assert(
        Math.min(disturbed.reordered, disturbed.duplicated, disturbed.dropped) > 0,
        JSON.stringify(disturbed),
      );
      assert(sumOf(series, "wialon_ips_segments_total", { fate: "early" }) > 0);
      assert(sumOf(series, "wialon_ips_segments_total", { fate: "repeated" }) > 0);
    }
    if (play.version === "2.0") {
      assert.equal(sumOf(series, "wialon_ips_crc_total", { verdict: "bad" }), 1);
    }
    const text = [...series.keys(), ...await scene.program.log()].join("\n");
    for (const secret of [IMEI, PASSWORD]) assert.equal(text.includes(secret), false, `${secret} is shown`);
  });
}

testScene("The program counts answers by what they mean, and how long they take", async () => {
  await using scene = await Scene.create();
  const wrong: Step = { send: "D", crc: { isWrong: true }, times: 2 };
  await scene.devices.ask("play", {
    ...OVER_IPV4,
    version: "2.0",
    steps: [LOGIN, { send: "D", times: 5 }, wrong],
  });
  const series = await scene.series(total(await scene.counts()));
  const answers = (meaning: string) => sumOf(series, "wialon_ips_answers_total", { type: "AD", meaning });
  assert.deepEqual([answers("accepted"), answers("wrong_checksum")], [5, 2]);
  assert.equal(sumOf(series, "wialon_ips_answer_seconds_count", { type: "AD" }), 7);
  assert(sumOf(series, "wialon_ips_answer_seconds_sum", { type: "AD" }) < 2);
});

testScene("The program counts commands of the server", async () => {
  await using scene = await Scene.create();
  await scene.devices.ask("open", { ...OVER_IPV4, id: "car", version: "2.0" });
  await scene.devices.ask("more", { id: "car", steps: [LOGIN] });
  for (
    const command of [{ type: "QI" }, { type: "M", text: "Hello" }, { type: "text", text: "reboot" }] as const
  ) {
    await scene.server.ask("command", { imei: IMEI, command });
  }
  await scene.devices.ask("more", { id: "car", steps: [{ await: "QI" }, { await: "text" }, { pause: 200 }] });
  await scene.devices.ask("end", { id: "car" });
  const counts = await scene.counts(), series = await scene.series(total(counts));
  assert.deepEqual(exchanged(series), { device: counts.device, server: counts.server });
  assert.equal(counts.server["text"], 1);
});

testScene("The program shows streams while they are there, and how long they lived", async () => {
  await using scene = await Scene.create();
  for (const id of ["a", "b"]) {
    await scene.devices.ask("open", { ...OVER_IPV4, id });
    await scene.devices.ask("more", { id, steps: [LOGIN] });
  }
  const during = await scene.series(4);
  assert.equal(sumOf(during, "wialon_ips_streams_size"), 4);
  assert.equal(
    during.get(`wialon_ips_streams_by_ip_size{src_ip="${DEVICE.ipv4}",dst_ip="${SERVER.ipv4}"}`),
    2,
  );
  assert(Number.isNaN(during.get('wialon_ips_stream_live_seconds{quantile="0.5"}')!));
  await scene.devices.ask("end", { id: "a", how: "fin" });
  await scene.devices.ask("end", { id: "b", how: "rst" });
  const isOver = (series: ReadonlyMap<string, number>) => sumOf(series, "wialon_ips_streams_size") === 0;
  const { series } = await eventually(() => scene.program.scrape(), ({ series }) => isOver(series));
  assert.equal(series.get("wialon_ips_stream_live_seconds_count"), 4);
  assert(series.get('wialon_ips_stream_live_seconds{quantile="0.99"}')! >= 0);
});

testScene("The program goes on when its interface goes and comes", async () => {
  await using namespace = await Namespace.create();
  await namespace.ip("link set lo up");
  const args = ["--collector.disable-defaults", "-i", "w1"];
  await using program = await ProgramHost.start(namespace, args);
  const is = async (opened: number, isUp: number) => {
    const { series } = await eventually(
      () => program.scrape(),
      ({ series }) =>
        sumOf(series, "wialon_ips_capture_opened_total") === opened &&
        sumOf(series, "wialon_ips_capture_up") === isUp,
    );
    return series;
  };
  let sequence = 1;
  const send = () =>
    inNamespace(namespace.name, () => {
      const source = "192.0.2.1:1000", destination = "192.0.2.2:20332", payload = packet("P", "");
      const socket = PacketSocket.open("w0", { isDeaf: true });
      socket.send(tcpPacket({ source, destination, sequence, flags: ACK, payload }));
      sequence += payload.length;
      socket.close();
    });
  await is(0, 0);
  for (let round = 1; round <= 2; round++) {
    await namespace.ip("link add w0 type veth peer name w1");
    await Promise.all(["w0", "w1"].map((name) => namespace.ip(`link set ${name} up`)));
    await is(round, 1);
    send();
    await eventually(
      () => program.scrape(),
      ({ series }) => sumOf(series, "wialon_ips_packets_total") === round,
    );
    await namespace.ip("link del w0");
    const series = await is(round, 0);
    assert.equal(series.get('netcensus_collector_success{collector="wialon"}'), 0);
  }
  const log = (await program.log()).join("\n");
  assert.match(
    log,
    /level=error .*collector=wialon .*error="Cannot capture at w1: there is no such interface"/,
  );
  assert.match(log, /level=error .*collector=wialon .*error="Cannot capture at w1: /);
  assert.match(log, /level=info msg="The collector works again"/);
});

testScene("The program captures as nobody with CAP_NET_RAW", async () => {
  await using scene = await Scene.create({ user: "nobody with CAP_NET_RAW" });
  await scene.devices.ask("play", { ...OVER_IPV4, steps: [LOGIN, { send: "D" }] });
  const { device, server } = await scene.counts();
  assert.deepEqual(exchanged(await scene.series(4)), { device, server });
  assert.equal(await scene.program.stop(), 0);
});

testWith({
  name: "--replay shows of what tcpdump has captured what the program has shown of it",
  needs: async () => await canMakeNamespaces() ?? await program("tcpdump")(),
  fn: async () => {
    await using scene = await Scene.create();
    await using tcpdump = await Tcpdump.start(scene.link.server.name);
    await scene.link.disturb({ seed: 5, reorder: 0.2, duplicate: 0.1 });
    await scene.devices.ask("play", {
      ...OVER_IPV4,
      version: "2.0",
      pieces: 100,
      isPipelined: true,
      count: 5,
      steps: [LOGIN, ...ALL],
    });
    const { device, server } = await scene.counts();
    const live = await scene.series(total({ device, server }));
    const { code, stdout, stderr } = await run(["--replay", await tcpdump.stop(), "-filter", `port ${PORT}`]);
    assert.equal(code, 0, stderr);
    const replayed = seriesOf(stdout);
    assert.deepEqual(exchanged(replayed), { device, server });
    for (
      const metric of [
        "packets_total",
        "bytes_total",
        "answers_total",
        "crc_total",
        "devices",
        "segments_total",
      ]
    ) {
      const of = (series: Series) => metricOf(series, `wialon_ips_${metric}`);
      assert.deepEqual(of(replayed), of(live), metric);
    }
  },
});

testScene("The program takes the flags of the exporter that it replaces", async () => {
  await using scene = await Scene.create({ flags: ["-metrics-listen-address", "127.0.0.1:9332"] });
  assert.match((await scene.program.log()).join("\n"), /msg=Listening address=127\.0\.0\.1:9332/);
});

interface Refusal {
  readonly what: string;
  readonly user?: User;
  readonly flags: readonly string[];
  readonly message: RegExp;
}

const REFUSALS: readonly Refusal[] = [
  {
    what: "has no privilege",
    user: "nobody",
    flags: ["-i", "lo"],
    message: /Cannot capture at lo: not permitted; it needs CAP_NET_RAW, or root/,
  },
  {
    what: "has no such interface",
    flags: ["-i", "eth7"],
    message: /Cannot capture at eth7: there is no such interface/,
  },
  {
    what: "is given a filter that is wrong",
    flags: ["-i", "lo", "-filter", "tcp port 99999"],
    message:
      /Cannot capture at lo: the filter .*tcp port 99999.* is wrong: illegal port number 99999 > 65535/,
  },
];

for (const { what, user, flags, message } of REFUSALS) {
  testScene(`The rest of the program runs when it ${what}, which it says once`, async () => {
    await using namespace = await Namespace.create();
    await namespace.ip("link set lo up");
    await using program = await ProgramHost.start(namespace, [
      "--no-collector.conntrack",
      "--log.level=debug",
      ...flags,
    ], user);
    const isTried = (lines: readonly string[]) =>
      lines.filter((line) => /collector=wialon/.test(line)).length > 1;
    await eventually(() => program.log(), isTried);
    const { series } = await program.scrape();
    assert.equal(series.get('netcensus_collector_success{collector="wialon"}'), 0);
    assert.equal(series.get('netcensus_collector_success{collector="sockets"}'), 1);
    const errors = (await program.log()).filter((line) => /level=(error|warn)/.test(line));
    assert.equal(errors.length, 1, errors.join("\n"));
    assert.match(errors[0]!, message);
    assert.equal(await program.stop(), 0);
  });
}

function testScene(name: string, fn: () => Promise<void>): void {
  testWith({ name, needs: canMakeNamespaces, fn });
}
