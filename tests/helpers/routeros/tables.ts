import { SMALL_CONNECTIONS, SMALL_CONNECTIONS6 } from "./small_connections_table.ts";
import type { Row, Table } from "./rows.ts";

export { manyConnections, type ManyOptions } from "./many_connections.ts";

/** The tables of a small router, with connections of every kind. */
export function smallRouter(): Record<string, Table> {
  const entries = [SMALL_CONNECTIONS.length, SMALL_CONNECTIONS6.length] as const;
  return {
    "/ip/firewall/connection": SMALL_CONNECTIONS,
    "/ipv6/firewall/connection": SMALL_CONNECTIONS6,
    "/ip/firewall/connection/tracking": [tracking(...entries)],
    "/system/resource": [RESOURCE],
    "/system/identity": [{ name: "Роутер 1" }],
    "/interface": INTERFACES,
    "/ip/address": ADDRESSES,
    "/ipv6/address": ADDRESSES6,
  };
}

function tracking(entries4: number, entries6: number): Row {
  return {
    "enabled": "auto",
    "active-ipv4": "true",
    "active-ipv6": "true",
    "tcp-syn-sent-timeout": "5s",
    "tcp-established-timeout": "1d",
    "udp-timeout": "30s",
    "udp-stream-timeout": "3m",
    "icmp-timeout": "10s",
    "generic-timeout": "10m",
    "max-entries": "1048576",
    "total-entries": String(entries4 + entries6),
    "total-ip4-entries": String(entries4),
    "total-ip6-entries": String(entries6),
  };
}

const RESOURCE: Row = {
  "uptime": "1w2d3h4m5s",
  "version": "7.18.2 (stable)",
  "build-time": "2025-03-11 11:59:04",
  "factory-software": "7.0.4",
  "free-memory": "811597824",
  "total-memory": "1073741824",
  "cpu": "ARM64",
  "cpu-count": "4",
  "cpu-frequency": "1400",
  "cpu-load": "7",
  "free-hdd-space": "996147200",
  "total-hdd-space": "1073741824",
  "write-sect-since-reboot": "1021",
  "write-sect-total": "51207",
  "bad-blocks": "0",
  "architecture-name": "arm64",
  "board-name": "RB5009UG+S+",
  "platform": "MikroTik",
};

interface Counters {
  readonly bytes: readonly [rx: number, tx: number];
  readonly packets: readonly [rx: number, tx: number];
  readonly drops?: readonly [rx: number, tx: number];
  readonly errors?: readonly [rx: number, tx: number];
}

function interfaceRow(own: Row, { bytes, packets, drops = [0, 0], errors = [0, 0] }: Counters): Row {
  const { comment, ...others } = own;
  return {
    ...others,
    "rx-byte": String(bytes[0]),
    "tx-byte": String(bytes[1]),
    "rx-packet": String(packets[0]),
    "tx-packet": String(packets[1]),
    "rx-drop": String(drops[0]),
    "tx-drop": String(drops[1]),
    "tx-queue-drop": "0",
    "rx-error": String(errors[0]),
    "tx-error": String(errors[1]),
    "running": own["running"] ?? "true",
    "disabled": own["disabled"] ?? "false",
    ...comment === undefined ? {} : { comment },
  };
}

/** Of those that are off, a router counts no drops and errors. */
const INTERFACES: readonly Row[] = [
  interfaceRow({
    ".id": "*1",
    "name": "ether1",
    "default-name": "ether1",
    "type": "ether",
    "mtu": "1500",
    "mac-address": "48:A9:8A:00:00:01",
    "comment": "провайдер",
  }, {
    bytes: [912_345_678_901, 45_678_901_234],
    packets: [812_345_678, 212_345_678],
    drops: [17, 0],
    errors: [3, 0],
  }),
  interfaceRow({
    ".id": "*2",
    "name": "ether2",
    "default-name": "ether2",
    "type": "ether",
    "mtu": "1500",
    "mac-address": "48:A9:8A:00:00:02",
  }, { bytes: [44_111_222_333, 901_222_333_444], packets: [201_222_333, 801_222_333], drops: [0, 5] }),
  interfaceRow({
    ".id": "*3",
    "name": "ether3",
    "default-name": "ether3",
    "type": "ether",
    "mtu": "1500",
    "mac-address": "48:A9:8A:00:00:03",
    "running": "false",
    "disabled": "true",
  }, { bytes: [0, 0], packets: [0, 0] }),
  interfaceRow({
    ".id": "*7",
    "name": "bridge",
    "type": "bridge",
    "mtu": "auto",
    "mac-address": "48:A9:8A:00:00:02",
    "comment": "defconf",
  }, { bytes: [44_000_111_222, 900_111_222_333], packets: [200_111_222, 800_111_222] }),
  interfaceRow({ ".id": "*8", "name": "pppoe-out1", "type": "pppoe-out", "mtu": "1492" }, {
    bytes: [905_000_111_222, 43_000_111_222],
    packets: [805_000_111, 205_000_111],
  }),
  interfaceRow({ ".id": "*9", "name": 'wg "office"', "type": "wg", "mtu": "1420", "comment": "a=b" }, {
    bytes: [123_456_789, 98_765_432],
    packets: [234_567, 198_765],
    errors: [0, 42],
  }),
  interfaceRow({ ".id": "*A", "name": "lo", "type": "loopback", "mtu": "65536" }, {
    bytes: [1200, 1200],
    packets: [12, 12],
  }),
];

const ADDRESSES: readonly Row[] = [
  address({ ".id": "*1", "address": "192.168.88.1/24", "network": "192.168.88.0", "interface": "bridge" }),
  address({ ".id": "*2", "address": "203.0.113.2/32", "network": "203.0.113.1", "interface": "pppoe-out1" }),
  address({ ".id": "*3", "address": "10.77.0.1/30", "network": "10.77.0.0", "interface": 'wg "office"' }),
];

const ADDRESSES6: readonly Row[] = [
  address({ ".id": "*1", "address": "2001:db8:88::1/64", "interface": "bridge" }),
  address({ ".id": "*2", "address": "fe80::4aa9:8aff:fe00:2/64", "interface": "bridge" }),
  address({ ".id": "*3", "address": "2001:db8:ffff::2/128", "interface": "pppoe-out1" }),
  address({ ".id": "*4", "address": "::1/128", "interface": "lo" }),
];

function address(own: Row): Row {
  return {
    ...own,
    "actual-interface": own["interface"]!,
    "invalid": "false",
    "dynamic": String(own["interface"] === "pppoe-out1"),
    "disabled": "false",
  };
}
