import assert from "node:assert/strict";
import { netflowV5 } from "./netflow_v5.ts";
import { Nfcapd } from "./nfcapd.ts";
import { RawSocket } from "./raw_sockets.ts";
import { program, testWith } from "./skip.ts";
import { freeUdpPort } from "./free_port.ts";

const HEADER = {
  uptime: 100_000,
  seconds: 1_700_000_000,
  nanoseconds: 123_000_000,
  sequence: 0x01020304,
  engineType: 1,
  engineId: 2,
  samplingMode: 1,
  samplingInterval: 256,
};

const RECORD = {
  source: "10.1.2.3",
  destination: "192.0.2.4",
  nextHop: "10.255.0.1",
  input: 3,
  output: 4,
  packets: 5,
  bytes: 600,
  first: 90_000,
  last: 99_500,
  sourcePort: 1024,
  destinationPort: 53,
  tcpFlags: 0x12,
  protocol: 17,
  tos: 0xb8,
  sourceAs: 64_512,
  destinationAs: 65_000,
  sourceMask: 25,
  destinationMask: 26,
};

Deno.test("netflowV5() writes each field at its place", () => {
  assert.equal(
    netflowV5([RECORD], HEADER).toHex(),
    [
      "0005 0001 000186a0 6553f100 0754d4c0 01020304 01 02 4100",
      "0a010203 c0000204 0aff0001 0003 0004 00000005 00000258 00015f90 000184ac",
      "0400 0035 00 12 11 b8 fc00 fde8 19 1a 0000",
    ].join("").replaceAll(" ", ""),
  );
});

Deno.test("netflowV5() tells how many records there are unless it is told what to say", () => {
  const countOf = (bytes: Uint8Array<ArrayBuffer>) => new DataView(bytes.buffer).getUint16(2);
  assert.equal(countOf(netflowV5([])), 0);
  assert.equal(countOf(netflowV5([{}, {}, {}])), 3);
  assert.equal(countOf(netflowV5([{}], { count: 30 })), 30);
  assert.equal(netflowV5([{}], { count: 30 }).length, 72);
});

Deno.test("netflowV5() takes an address as text or as its number", () => {
  assert.deepEqual(netflowV5([{ source: "10.0.0.9" }]), netflowV5([{ source: 0x0a000009 }]));
  for (const source of ["::1", "10.0.0"]) {
    assert.throws(() => netflowV5([{ source }]), { message: `Expected an IPv4 address, not "${source}"` });
  }
});

/** A port that nobody has. */
/** Sends to a port of loopback, and waits until what listens there has taken it. */
async function deliver(datagram: Uint8Array<ArrayBuffer>, port: number): Promise<void> {
  const socket = RawSocket.udp("127.0.0.1:0", { peer: `127.0.0.1:${port}` });
  socket.send(datagram);
  socket.close();
  const address = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const isWaiting = () =>
    Deno.readTextFileSync("/proc/net/udp").split("\n").some((line) =>
      line.includes(` ${address} `) && !line.includes(":00000000 00:")
    );
  while (isWaiting()) await new Promise((resolve) => setTimeout(resolve, 10));
}

testWith({
  name: "nfcapd reads what netflowV5() writes",
  needs: program("nfcapd"),
  async fn() {
    const folder = Deno.makeTempDirSync();
    try {
      const port = freeUdpPort();
      await using nfcapd = await Nfcapd.start({ port, folder });
      const header = { ...HEADER, samplingMode: 0, samplingInterval: 0 };
      await deliver(netflowV5([RECORD, { bytes: 1, packets: 1 }], header), port);
      assert.deepEqual(await nfcapd.stop(), { flows: 2, packets: 6, bytes: 601 });
      const args = ["-R", folder, "-o", "json", "src ip 10.1.2.3"];
      const { stdout } = await new Deno.Command("nfdump", { args, env: { TZ: "UTC" } }).output();
      const [flow] = JSON.parse(new TextDecoder().decode(stdout));
      // The prefix lengths of v5 it leaves out.
      const expected = {
        first: "2023-11-14T22:13:10.123",
        last: "2023-11-14T22:13:19.623",
        src4_addr: RECORD.source,
        dst4_addr: RECORD.destination,
        ip4_next_hop: RECORD.nextHop,
        src_port: RECORD.sourcePort,
        dst_port: RECORD.destinationPort,
        proto: RECORD.protocol,
        tcp_flags: "...A..S.",
        src_tos: RECORD.tos,
        in_packets: RECORD.packets,
        in_bytes: RECORD.bytes,
        input_snmp: RECORD.input,
        output_snmp: RECORD.output,
        src_as: RECORD.sourceAs,
        dst_as: RECORD.destinationAs,
      };
      assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, flow[key]])), expected);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});
