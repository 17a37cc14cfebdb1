import assert from "node:assert/strict";
import { Pcap } from "../../native/pcap.ts";
import { DLT_EN10MB, DLT_LINUX_SLL2, DLT_NULL, DLT_RAW } from "../../parsers/packet.ts";
import { hasLibpcap } from "../helpers/has_libpcap.ts";
import { tcpPacket, udpPacket } from "../helpers/packets.ts";
import { type CapturedPacket, pcapFile } from "../helpers/pcap_file.ts";
import { testWith } from "../helpers/skip.ts";
import { TempFile } from "../helpers/temp_file.ts";

const ENDS = { source: "192.0.2.1:1000", destination: "192.0.2.2:20332" };
const LARGE = new Uint8Array(60_000).fill(7);

function testPcap(name: string, fn: () => Promise<void>): void {
  testWith({ name, needs: hasLibpcap, fn });
}

/** The packets of a file, as they come out of it. */
async function read(packets: readonly CapturedPacket[], { linkType = DLT_EN10MB, filter = "" } = {}) {
  await using file = await TempFile.create(pcapFile(packets, linkType));
  const pcap = await Pcap.file(file.path, filter), found: CapturedPacket[] = [];
  while (pcap.next()) {
    found.push({ time: pcap.time, bytes: pcap.bytes.slice(0, pcap.end), length: pcap.wire });
  }
  await pcap.close();
  return { found, linkType: pcap.linkType };
}

testPcap("Pcap.file() gives the packets with their times and lengths", async () => {
  const packets = [
    { time: 1e9 + 0.25, bytes: tcpPacket({ ...ENDS, payload: new Uint8Array(10) }), length: 500 },
    { time: 1e9 + 1, bytes: tcpPacket({ ...ENDS, payload: LARGE }), length: 60_054 },
    { time: 2e9 + 0.000001, bytes: udpPacket(ENDS), length: 42 },
  ];
  const { found } = await read(packets);
  assert.deepEqual(found, packets);
});

for (const linkType of [DLT_EN10MB, DLT_LINUX_SLL2, DLT_NULL, DLT_RAW]) {
  testPcap(`Pcap.file() tells the link type ${linkType}`, async () => {
    const { linkType: found } = await read([{ time: 1, bytes: udpPacket({ ...ENDS, linkType }) }], {
      linkType,
    });
    assert.equal(found, linkType);
  });
}

testPcap("Pcap.file() gives what passes the filter", async () => {
  const packets = [{ time: 1, bytes: tcpPacket(ENDS) }, { time: 2, bytes: udpPacket(ENDS) }];
  const { found } = await read(packets, { filter: "udp port 20332" });
  assert.deepEqual(found.map(({ time }) => time), [2]);
});

testPcap("Pcap.file() says what is wrong with a filter", async () => {
  await assert.rejects(read([], { filter: "tcp prot 20332" }), {
    message:
      /^Cannot read packets from \S+: the filter "tcp prot 20332" is wrong: can't parse filter expression: syntax error$/,
  });
});

const BAD: readonly {
  readonly what: string;
  readonly content: Uint8Array | undefined;
  readonly message: RegExp;
}[] = [
  {
    what: "is not there",
    content: undefined,
    message: /^Cannot read packets from \S+: No such file or directory$/,
  },
  {
    what: "is empty",
    content: new Uint8Array(),
    message: /^Cannot read packets from \S+: truncated dump file/,
  },
  {
    what: "is no capture",
    content: new Uint8Array(99),
    message: /^Cannot read packets from \S+: unknown file format$/,
  },
];

for (const { what, content, message } of BAD) {
  testPcap(`Pcap.file() says so when the file ${what}`, async () => {
    await using file = await TempFile.create(content ?? "");
    await assert.rejects(Pcap.file(content === undefined ? `${file.path}.none` : file.path, ""), { message });
  });
}

testPcap("next() fails where a file is cut off, after the packets before", async () => {
  const whole = pcapFile(
    [{ time: 1, bytes: tcpPacket(ENDS) }, { time: 2, bytes: tcpPacket(ENDS) }],
    DLT_EN10MB,
  );
  await using file = await TempFile.create(whole.subarray(0, whole.length - 3));
  const pcap = await Pcap.file(file.path, "");
  assert.equal(pcap.next(), true);
  assert.throws(() => pcap.next(), /^Error: Cannot take packets: truncated dump file/);
  await pcap.close();
});

testPcap("Pcap.live() says so when there is no such interface", async () => {
  await assert.rejects(Pcap.live("nowhere0", { filter: "", buffer: 1 << 20, isPromiscuous: false }), {
    message:
      /^Cannot capture at nowhere0: (there is no such interface|not permitted; it needs CAP_NET_RAW, or root)$/,
  });
});
