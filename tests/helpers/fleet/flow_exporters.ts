import { netflowV5, type V5Record } from "../netflow_v5.ts";
import { FLOW_EXPORTERS, FLOW_PORT, HOSTS, STRANGERS } from "./hosts.ts";

const PORTS = [443, 80, 53, 25, 22, 993] as const;

/** VRRP, which the configuration filters out. */
const FILTERED: Partial<V5Record> = { protocol: 112, source: "10.0.0.2", destination: "224.0.0.18" };

const TARGET: Deno.NetAddr = { transport: "udp", hostname: HOSTS.monitor.address, port: FLOW_PORT };

/** One that numbers its flows, and of which now and then a datagram is lost or cut short. */
class FlowExporter {
  readonly #socket: Deno.DatagramConn;
  readonly #rate: number;
  #sequence = 1;
  #turn = 0;

  constructor(hostname: string, rate: number) {
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
    this.#rate = rate;
  }

  async turn(): Promise<void> {
    const records = [...this.#flows(), FILTERED], sequence = this.#sequence;
    const sampling = this.#rate > 1 ? { samplingMode: 1, samplingInterval: this.#rate } : {};
    const datagram = netflowV5(records, { sequence, ...sampling });
    this.#sequence += records.length;
    this.#turn++;
    if (this.#turn % 5 === 0) return;
    await this.#socket.send(this.#turn % 7 === 0 ? datagram.subarray(0, -30) : datagram, TARGET);
  }

  /** Flows of a host with strangers, in both directions. */
  #flows(): Partial<V5Record>[] {
    return STRANGERS.flatMap(({ address }, i) => {
      const port = PORTS[i % PORTS.length]!, protocol = port === 53 ? 17 : 6;
      const host = `10.0.0.${i + 1}`, there = { protocol, bytes: 700 * (i + 1), packets: 7 };
      return [
        { ...there, source: host, destination: address, destinationPort: port },
        {
          ...there,
          source: address,
          sourcePort: port,
          destination: host,
          destinationPort: 50_000,
          bytes: 9000 * (i + 1),
        },
      ];
    });
  }
}

/** Exporters of flows; the second samples. */
export class FlowExporters {
  readonly #exporters = FLOW_EXPORTERS.map((address, i) => new FlowExporter(address, i === 0 ? 1 : 10));

  async turn(): Promise<void> {
    await Promise.all(this.#exporters.map((exporter) => exporter.turn()));
  }
}
