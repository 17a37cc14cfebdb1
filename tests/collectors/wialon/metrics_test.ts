/** The metrics that the collector ships, of captures. */
import assert from "node:assert/strict";
import { metricOf } from "../../helpers/collecting.ts";
import { hasLibpcap } from "../../helpers/has_libpcap.ts";
import { samplesOf } from "../../helpers/pipelines.ts";
import { testWith } from "../../helpers/skip.ts";
import { answer, data, datagram, login, ping, shortData } from "../../helpers/wialon/messages.ts";
import { replay } from "./replaying.ts";
import { Conversation, datagramPacket, Watching } from "./watching.ts";

const V2 = { version: "2.0" } as const, LOGIN = login({ imei: "868204000000001" }, V2), D = data({}, V2);
const BROKEN = shortData({}, { ...V2, crc: { isWrong: true } }), TEXT = "no message\r\n", P = ping();
const DATAGRAM = datagram(P, { imei: "868204000000002" });
const AL = answer("AL", "1"), AD = answer("AD", "1"), ASD = answer("ASD", "13"), AP = answer("AP");

function testReplay(name: string, fn: () => Promise<void>): void {
  testWith({ name, needs: hasLibpcap, fn });
}

/** A device with one connection that ends, another one over IPv6 of which something is lost, and one of UDP. */
function capture(): Watching {
  const watching = new Watching(), first = new Conversation(watching).open();
  first.send("device", LOGIN);
  watching.time = 0.25;
  first.send("server", AL);
  watching.time = 2;
  const sent = first.send("device", D);
  watching.take(sent);
  watching.time = 2.5;
  first.send("server", AD);
  watching.time = 4;
  first.send("device", BROKEN);
  first.send("server", ASD);
  first.send("device", TEXT);
  first.finish("device").finish("server").acknowledge("device");
  const second = new Conversation(watching, { device: "[2001:db8::9]:7", server: "[2001:db8::1]:20332" });
  second.send("device", D.subarray(0, 20));
  second.send("device", D.subarray(20));
  second.lose("device", D);
  watching.time = 10;
  second.send("device", P);
  watching.time = 11;
  second.send("server", AP);
  watching.take(datagramPacket(DATAGRAM));
  return watching;
}

const FIRST = 'src_ip="192.0.2.1",dst_ip="198.51.100.1"', BACK = 'src_ip="198.51.100.1",dst_ip="192.0.2.1"';
const SECOND = 'src_ip="2001:db8::9",dst_ip="2001:db8::1"',
  SECOND_BACK = 'src_ip="2001:db8::1",dst_ip="2001:db8::9"';

/** Those of the exporter that it replaces. */
const BEFORE = {
  [`wialon_ips_packets_total{type="L",${FIRST}}`]: 1,
  [`wialon_ips_packets_total{type="D",${FIRST}}`]: 1,
  [`wialon_ips_packets_total{type="SD",${FIRST}}`]: 1,
  [`wialon_ips_packets_total{type="P",${FIRST}}`]: 1,
  [`wialon_ips_packets_total{type="AL",${BACK}}`]: 1,
  [`wialon_ips_packets_total{type="AD",${BACK}}`]: 1,
  [`wialon_ips_packets_total{type="ASD",${BACK}}`]: 1,
  [`wialon_ips_packets_total{type="D",${SECOND}}`]: 1,
  [`wialon_ips_packets_total{type="P",${SECOND}}`]: 1,
  [`wialon_ips_packets_total{type="AP",${SECOND_BACK}}`]: 1,
  "wialon_ips_raw_packets_total": 13,
  'wialon_ips_stream_live_seconds{quantile="0.5"}': 3.75,
  'wialon_ips_stream_live_seconds{quantile="0.9"}': 4,
  'wialon_ips_stream_live_seconds{quantile="0.95"}': 4,
  'wialon_ips_stream_live_seconds{quantile="0.99"}': 4,
  "wialon_ips_stream_live_seconds_sum": 7.75,
  "wialon_ips_stream_live_seconds_count": 2,
  "wialon_ips_streams_size": 3,
  [`wialon_ips_streams_by_ip_size{${FIRST}}`]: 1,
  [`wialon_ips_streams_by_ip_size{${SECOND}}`]: 1,
  [`wialon_ips_streams_by_ip_size{${SECOND_BACK}}`]: 1,
  [`wialon_ips_parse_errors_total{${FIRST}}`]: 1,
};

const MORE = {
  [`wialon_ips_bytes_total{type="L",${FIRST}}`]: LOGIN.length,
  [`wialon_ips_bytes_total{type="D",${FIRST}}`]: D.length,
  [`wialon_ips_bytes_total{type="SD",${FIRST}}`]: BROKEN.length,
  [`wialon_ips_bytes_total{type="P",${FIRST}}`]: DATAGRAM.length,
  [`wialon_ips_bytes_total{type="AL",${BACK}}`]: AL.length,
  [`wialon_ips_bytes_total{type="AD",${BACK}}`]: AD.length,
  [`wialon_ips_bytes_total{type="ASD",${BACK}}`]: ASD.length,
  [`wialon_ips_bytes_total{type="D",${SECOND}}`]: D.length,
  [`wialon_ips_bytes_total{type="P",${SECOND}}`]: P.length,
  [`wialon_ips_bytes_total{type="AP",${SECOND_BACK}}`]: AP.length,
  'wialon_ips_answers_total{type="AL",meaning="accepted"}': 1,
  'wialon_ips_answers_total{type="AD",meaning="accepted"}': 1,
  'wialon_ips_answers_total{type="ASD",meaning="wrong_checksum"}': 1,
  'wialon_ips_answers_total{type="AP",meaning="accepted"}': 1,
  'wialon_ips_crc_total{verdict="good"}': 3,
  'wialon_ips_crc_total{verdict="bad"}': 1,
  'wialon_ips_answer_seconds_sum{type="AL"}': 0.25,
  'wialon_ips_answer_seconds_count{type="AL"}': 1,
  'wialon_ips_answer_seconds_sum{type="AD"}': 0.5,
  'wialon_ips_answer_seconds_count{type="AD"}': 1,
  'wialon_ips_answer_seconds_sum{type="ASD"}': 0,
  'wialon_ips_answer_seconds_count{type="ASD"}': 1,
  'wialon_ips_devices{version="2.0"}': 1,
  'wialon_ips_devices{version="1.1"}': 1,
  'wialon_ips_segments_total{fate="in_order"}': 10,
  'wialon_ips_segments_total{fate="early"}': 1,
  'wialon_ips_segments_total{fate="repeated"}': 1,
  'wialon_ips_segments_total{fate="overlapping"}': 0,
  'wialon_ips_segments_total{fate="stray"}': 0,
  'wialon_ips_segment_bytes_total{fate="in_order"}': [LOGIN, AL, D, AD, BROKEN, ASD, TEXT, D, AP].reduce(
    (sum, { length }) => sum + length,
    0,
  ),
  'wialon_ips_segment_bytes_total{fate="early"}': P.length,
  'wialon_ips_segment_bytes_total{fate="repeated"}': D.length,
  'wialon_ips_segment_bytes_total{fate="overlapping"}': 0,
  'wialon_ips_segment_bytes_total{fate="stray"}': 0,
  "wialon_ips_reassembly_gaps_total": 1,
  "wialon_ips_reassembly_gap_bytes_total": D.length,
  'wialon_ips_capture_packets_total{interface="FILE"}': 19,
  'wialon_ips_capture_dropped_total{interface="FILE"}': 0,
  'wialon_ips_capture_interface_dropped_total{interface="FILE"}': 0,
};

testReplay("The shipped metrics of a capture are these and no others", async () => {
  const { exposition, problems } = await replay(capture().captured, { settings: { filter: "port 20332" } });
  const series = [...samplesOf(exposition)].filter(([name]) =>
    !/_bucket\{|_capture_(up|opened_total)\{/.test(name)
  );
  assert.deepEqual(Object.fromEntries(series), { ...BEFORE, ...MORE });
  assert.deepEqual(problems, { text: 1 });
});

testReplay(
  "The shipped metrics of nothing have no series for ends and types, and quantiles that are no number",
  async () => {
    const { exposition } = await replay([]), series = samplesOf(exposition);
    const quantiles = metricOf(series, "wialon_ips_stream_live_seconds");
    assert.deepEqual(Object.values(quantiles), [NaN, NaN, NaN, NaN]);
    const names = [...series.keys()].filter((name) =>
      /^wialon_ips_[a-z_]*(_size|_total|_sum|_count)$/.test(name)
    );
    assert.deepEqual(Object.fromEntries(names.map((name) => [name, series.get(name)])), {
      wialon_ips_raw_packets_total: 0,
      wialon_ips_stream_live_seconds_sum: 0,
      wialon_ips_stream_live_seconds_count: 0,
      wialon_ips_streams_size: 0,
      wialon_ips_reassembly_gaps_total: 0,
      wialon_ips_reassembly_gap_bytes_total: 0,
    });
    assert([...series.keys()].every((name) => !/src_ip|type=/.test(name)), exposition);
  },
);

testReplay("The filter tells which packets are looked at", async () => {
  const { captured } = capture();
  const rawPackets = async (filter: string) =>
    samplesOf((await replay(captured, { settings: { filter } })).exposition).get(
      "wialon_ips_raw_packets_total",
    );
  const filters = ["tcp port 20332", "udp", "src port 20332", "port 1", "ip or ip6"];
  assert.deepEqual(await Promise.all(filters.map(rawPackets)), [12, 1, 4, 0, 13]);
});
