/** Wialon IPS in capture files of every link layer. */
import assert from "node:assert/strict";
import wialon from "../../collectors/wialon/mod.ts";
import { drive } from "../../core/work.ts";
import {
  DLT_EN10MB,
  DLT_IPV4,
  DLT_IPV6,
  DLT_LINUX_SLL,
  DLT_LINUX_SLL2,
  DLT_LOOP,
  DLT_NULL,
  DLT_RAW,
} from "../../parsers/packet.ts";
import { Collecting, metricOf } from "../helpers/collecting.ts";
import { hasLibpcap } from "../helpers/has_libpcap.ts";
import { type PacketOptions, tcpPacket, udpPacket } from "../helpers/packets.ts";
import { pcapFile } from "../helpers/pcap_file.ts";
import { seriesOf } from "../helpers/pipelines.ts";
import { testWith } from "../helpers/skip.ts";
import { TempFile } from "../helpers/temp_file.ts";
import { answer, datagram, login } from "../helpers/wialon/messages.ts";

interface Layer {
  readonly name: string;
  readonly linkType: number;
  readonly versions?: readonly (4 | 6)[];
  readonly options?: Partial<PacketOptions>;
  readonly filter?: string;
}

const QINQ = "port 20332 or (vlan and (port 20332 or (vlan and port 20332)))";

const LAYERS: readonly Layer[] = [
  { name: "Ethernet", linkType: DLT_EN10MB },
  { name: "VLAN", linkType: DLT_EN10MB, options: { vlans: [{ id: 5 }] }, filter: "vlan and port 20332" },
  { name: "QinQ", linkType: DLT_EN10MB, options: { vlans: [{ id: 5 }, { id: 6 }] }, filter: QINQ },
  { name: "a cooked capture", linkType: DLT_LINUX_SLL },
  { name: "a cooked capture of the second kind", linkType: DLT_LINUX_SLL2 },
  // For libpcap on Linux IPv6 has Linux's number there.
  { name: "loopback of BSD", linkType: DLT_NULL, filter: "greater 1" },
  { name: "loopback of OpenBSD", linkType: DLT_LOOP },
  { name: "raw IP", linkType: DLT_RAW },
  { name: "raw IPv4", linkType: DLT_IPV4, versions: [4] },
  { name: "raw IPv6", linkType: DLT_IPV6, versions: [6] },
];

const ENDS = {
  4: { source: "192.0.2.1", destination: "192.0.2.2" },
  6: { source: "2001:db8::1", destination: "2001:db8::2" },
} as const;
const BOTH = [4, 6] as const;
const LOGIN = login({ imei: "868204000000001", password: "secret" });
const AS_DATAGRAM = datagram(LOGIN, { imei: "868204000000001", version: "1.1" });

for (const { name, linkType, versions = BOTH, options, filter = "port 20332" } of LAYERS) {
  for (const version of versions) {
    testWith({
      name: `wialon reads ${name} with IPv${version}`,
      needs: hasLibpcap,
      fn: async () => {
        const { source, destination } = ENDS[version];
        const device = endOf(source, 1000), server = endOf(destination, 20_332);
        const up = { source: device, destination: server, linkType, ...options };
        const down = { source: server, destination: device, linkType, ...options };
        const packets = [
          tcpPacket({ ...up, sequence: 1, payload: LOGIN }),
          tcpPacket({ ...down, sequence: 1, payload: answer("AL", "1") }),
          udpPacket({ ...up, payload: AS_DATAGRAM }),
        ];
        await using file = await TempFile.create(
          pcapFile(packets.map((bytes, i) => ({ time: 1e9 + i, bytes })), linkType),
        );
        using collecting = new Collecting(wialon, { settings: { filter } });
        await drive(collecting.source.replay!(file.path));
        const series = await collecting.collect();
        await drive(collecting.pipeline.settle("stream"));
        assert.deepEqual(metricOf(series, "wialon_ips_raw_packets_total"), { "": 3 });
        assert.deepEqual(metricOf(seriesOf(collecting.pipeline), "wialon_ips_packets_total"), {
          [`{type="AL",src_ip="${destination}",dst_ip="${source}"}`]: 1,
          [`{type="L",src_ip="${source}",dst_ip="${destination}"}`]: 2,
        });
        assert.equal(collecting.problems.size, 0);
      },
    });
  }
}

function endOf(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
