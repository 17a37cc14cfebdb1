import { stat } from "./charts.ts";
import type { Sized } from "./grid.ts";
import { orZero, quantile } from "./promql.ts";
import { jobsWith, selectorOf, type VariableOptions } from "./variables.ts";

const METRIC = "network_connections";

/** What the dashboards of sockets have in common: their variables, what these choose, and expressions. */
export class Sockets {
  readonly variables: readonly VariableOptions[];
  /** Selectors: of the chosen hosts, of their chosen interfaces, and of what is in a chosen state there. */
  readonly hosts: string;
  readonly interfaces: string;
  readonly chosen: string;

  constructor(options: { readonly isOneHost: boolean }) {
    this.variables = [
      jobsWith(METRIC),
      { name: "instance", label: "Host", metric: METRIC, isOne: options.isOneHost },
      { name: "interface", label: "Interface", metric: METRIC },
      { name: "state", label: "State", metric: METRIC },
    ];
    this.hosts = selectorOf(this.variables.slice(0, 2));
    this.interfaces = selectorOf(this.variables.slice(0, 3));
    this.chosen = selectorOf(this.variables);
  }

  /** How many are as was chosen; 0 when there are others. */
  get count(): string {
    return orZero(`sum(network_connections{${this.chosen}})`, `sum(network_connections{${this.hosts}})`);
  }

  /** How many are in a state at the chosen interfaces; 0 when there are others. */
  inState(state: string, by = ""): string {
    return orZero(
      `sum ${by}(network_connections{${this.interfaces},state="${state}"})`,
      `sum ${by}(network_connections{${this.hosts}})`,
    );
  }

  /** How full the queues of listeners are. */
  get queues(): string {
    return `network_listen_queue{${this.hosts}} / (network_listen_queue_limit{${this.hosts}} > 0)`;
  }

  /** A quantile of the round-trip times. The histogram shows what is now: there is no rate of it. */
  roundTrip(of: number, by?: string): string {
    return quantile(of, `network_tcp_rtt_seconds_bucket{${this.hosts}}`, by);
  }
}

/** Numbers of sockets by which one sees at once whether something is wrong. */
export function socketNumbers(of: Sockets): readonly Sized[] {
  return [
    stat({
      title: "Sockets",
      description: "TCP and UDP sockets, as chosen above. Compare it with the same hour of other days.",
      unit: "short",
      expr: of.count,
    }),
    stat({
      title: "Established",
      description: "Connections that are open. A sudden fall is an outage of a service or of its network.",
      unit: "short",
      expr: of.inState("ESTABLISHED"),
    }),
    stat({
      title: "Half-open",
      description:
        "Connections that wait for the last step of the handshake (SYN_RECV). Hundreds are a SYN flood.",
      unit: "short",
      thresholds: HALF_OPEN,
      expr: of.inState("SYN_RECV"),
    }),
    stat({
      title: "Not closed",
      description: "Connections that the peer has closed and the program has not (CLOSE_WAIT). " +
        "Steady growth is a leak in a program.",
      unit: "short",
      thresholds: NOT_CLOSED,
      expr: of.inState("CLOSE_WAIT"),
    }),
    stat({
      title: "Round trip, p95",
      description: "The round-trip time that 95 % of the established connections do not exceed. " +
        "Far peers raise it as bad networks do: look for change.",
      unit: "s",
      thresholds: [[0.25, "orange"], [1, "red"]],
      expr: of.roundTrip(0.95),
    }),
    stat({
      title: "Fullest accept queue",
      description: "How full the fullest queue of connections to be accepted is. " +
        "Near 100 % the kernel turns new ones away.",
      unit: "percentunit",
      thresholds: QUEUE,
      expr: `max(${of.queues})`,
    }),
  ];
}

export const HALF_OPEN = [[100, "orange"], [1000, "red"]] as const;
export const NOT_CLOSED = HALF_OPEN;
export const QUEUE = [[0.5, "orange"], [0.8, "red"]] as const;
