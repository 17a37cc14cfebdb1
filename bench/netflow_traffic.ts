/**
 * What the sender sends: 1,000 hosts talk to 4,096 destinations, and every record has another pair of them. Names of
 * networks and interfaces are what a benchmark is to find for them.
 */
import { Ip } from "../core/ip.ts";
import { netflowV5, V5_HEADER_LENGTH, V5_RECORD_LENGTH, type V5Record } from "../tests/helpers/netflow_v5.ts";
import { Random } from "../tests/helpers/random.ts";

const HOSTS = 1000, HOST_NETWORK_SIZE = 64;
const DESTINATIONS = 4096, DESTINATION_NETWORK_SIZE = 4;
export const RECORDS_PER_DATAGRAM = 30;
export const DATAGRAM_LENGTH = V5_HEADER_LENGTH + V5_RECORD_LENGTH * RECORDS_PER_DATAGRAM;
/** As many as there are pairs for. */
export const DATAGRAMS = Math.floor(HOSTS * DESTINATIONS / RECORDS_PER_DATAGRAM);
/** When the sender starts, for so many milliseconds the router has been up. */
export const UPTIME = 3_600_000;

const FIRST_HOST = Ip.parse("10.0.0.0")!.toNumber(), ROUTERS = Ip.parse("10.1.0.0")!.toNumber();
/** The 1,024 networks of the destinations, each a /24 somewhere in the public space. */
const DESTINATION_NETWORKS = publicNetworks(DESTINATIONS / DESTINATION_NETWORK_SIZE);

const TCP = 6, UDP = 17, ICMP = 1;
/** A few, by their share. */
const SERVICES: readonly (readonly [protocol: number, port: number])[] = [
  ...Array(6).fill([TCP, 443]),
  ...Array(2).fill([TCP, 80]),
  [TCP, 22],
  [TCP, 25],
  ...Array(3).fill([UDP, 443]),
  ...Array(2).fill([UDP, 53]),
  [UDP, 123],
  // Type and code of ICMP are where the destination port would be: here an echo request.
  [ICMP, 0x0800],
];

/** Names by interface index: a router has four towards its hosts and four to the outside. */
export const INTERFACES: Readonly<Record<number, string>> = Object.fromEntries(
  [1, 2, 3, 4].flatMap((i) => [[i, `vlan${i}0`], [4 + i, `uplink${i}`]]),
);

/** Networks with the names of autonomous systems: those of the traffic, and as many more as make it 4,096. */
export function autonomousSystems(): Record<string, string> {
  const hostNetworks = Math.ceil(HOSTS / HOST_NETWORK_SIZE);
  const own = Array.from(
    { length: hostNetworks },
    (_, i) => `${Ip.v4(FIRST_HOST + i * HOST_NETWORK_SIZE)}/26`,
  );
  const outside = [...DESTINATION_NETWORKS, ...publicNetworks(3072, 2)].map((base) => `${Ip.v4(base)}/24`);
  return Object.fromEntries([
    ...own.map((network, i) => [network, `AS${64_512 + i} Branch ${i}`]),
    ...outside.map((network, i) => [network, `AS${1000 + i} Example Carrier ${i}`]),
  ]);
}

export interface Traffic {
  /** One datagram after the other. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What the records of each datagram add up to. */
  readonly sums: readonly { readonly bytes: number; readonly packets: number }[];
}

export function prepareTraffic(): Traffic {
  const random = new Random(1), pairs = shuffled(HOSTS * DESTINATIONS, random);
  const bytes = new Uint8Array(DATAGRAMS * DATAGRAM_LENGTH);
  const sums = Array.from({ length: DATAGRAMS }, (_, datagram) => {
    const first = datagram * RECORDS_PER_DATAGRAM;
    const records = Array.from(
      pairs.subarray(first, first + RECORDS_PER_DATAGRAM),
      (pair) => recordOf(pair, random),
    );
    bytes.set(netflowV5(records), datagram * DATAGRAM_LENGTH);
    return {
      bytes: records.reduce((sum, record) => sum + record.bytes, 0),
      packets: records.reduce((sum, record) => sum + record.packets, 0),
    };
  });
  return { bytes, sums };
}

/** Interfaces follow from the networks, so that they are no further dimension. */
function recordOf(pair: number, random: Random) {
  const host = pair % HOSTS, destination = Math.floor(pair / HOSTS);
  const hostNetwork = Math.floor(host / HOST_NETWORK_SIZE);
  const network = Math.floor(destination / DESTINATION_NETWORK_SIZE);
  const [protocol, destinationPort] = random.pick(SERVICES);
  const packets = 1 + random.int(20), last = UPTIME - random.int(10_000);
  return {
    source: FIRST_HOST + host,
    destination: DESTINATION_NETWORKS[network]! + 1 + destination % DESTINATION_NETWORK_SIZE,
    nextHop: ROUTERS + network % 4,
    input: 1 + hostNetwork % 4,
    output: 5 + network % 4,
    packets,
    bytes: packets * (40 + random.int(1460)),
    first: last - random.int(10_000),
    last,
    sourcePort: protocol === ICMP ? 0 : 32_768 + random.int(28_232),
    destinationPort,
    tcpFlags: protocol === TCP ? 0x1b : 0,
    protocol,
  } satisfies Partial<V5Record>;
}

function publicNetworks(count: number, seed = 1): number[] {
  const random = new Random(seed), networks = new Set<number>();
  while (networks.size < count) {
    const address = Ip.v4(random.int(2 ** 32)).masked(24), [first = 0] = address.bytes;
    if (first > 0 && first < 224 && ![10, 100, 127, 169, 172, 192, 198, 203].includes(first)) {
      networks.add(address.toNumber());
    }
  }
  return [...networks];
}

/** The numbers below the count, in an order that has none. */
function shuffled(count: number, random: Random): Uint32Array {
  const numbers = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const other = random.int(i + 1), number = numbers[i]!;
    numbers[i] = numbers[other]!;
    numbers[other] = number;
  }
  return numbers;
}
